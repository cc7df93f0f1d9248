package cli_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"hullmark/internal/cli"
)

func TestWantsJSON(t *testing.T) {
	for line, want := range map[string]bool{
		"status --output json":               true,
		"status --output=json":               true,
		"--output json --fast":               true,
		"status":                             false,
		"status --output":                    false,
		"status --output text":               false,
		"status --output json --output text": false,
		"status --output text --output=json": true,
		"status -- --output json":            false,
		"status json":                        false,
	} {
		if got := cli.WantsJSON(strings.Fields(line)); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
}

func TestShown(t *testing.T) {
	err := errors.New("x")
	if shown := cli.Shown(err); !cli.IsShown(shown) || !errors.Is(shown, err) || shown.Error() != "x" || !cli.IsShown(fmt.Errorf("interrupted: %w", shown)) {
		t.Errorf("%v", shown)
	}
	if cli.IsShown(err) {
		t.Error("nobody showed it")
	}
}
