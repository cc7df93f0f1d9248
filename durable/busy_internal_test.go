package durable

import (
	"errors"
	"testing"
	"testing/synctest"
)

// TestWhileBusy tries again while somebody else is the reason, and no longer than it may.
func TestWhileBusy(t *testing.T) {
	inUse, broken := errors.New("in use"), errors.New("broken")
	for _, tc := range []struct {
		name  string
		fails []error // one after another; the last one from then on
		want  error
		tries int
	}{
		{"at once", []error{nil}, nil, 1},
		{"the third time", []error{inUse, inUse, nil}, nil, 3},
		{"another reason", []error{broken}, broken, 1},
		{"another reason, later", []error{inUse, broken, nil}, broken, 2},
		{"for ever", []error{inUse}, inUse, busyTries},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // nobody waits for the pauses
				tries := 0
				err := whileBusy(func(err error) bool { return errors.Is(err, inUse) }, func() error {
					tries++
					return tc.fails[min(tries, len(tc.fails))-1]
				})
				if !errors.Is(err, tc.want) || tries != tc.tries {
					t.Errorf("%v after %d tries", err, tries)
				}
			})
		})
	}
}
