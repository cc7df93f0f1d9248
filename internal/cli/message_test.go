package cli

import (
	"errors"
	"testing"
)

// TestMessage: errors that were joined can be told apart on one line.
func TestMessage(t *testing.T) {
	one, two := errors.New("the tag is absent"), errors.New("the disk is full")
	for want, err := range map[string]error{
		"the tag is absent":                   one,
		"the tag is absent; the disk is full": errors.Join(one, two),
	} {
		if got := Message(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
