package cli

import (
	"errors"
	"strings"
)

// Failure is an error as --output json tells it: {"error": Failure}.
type Failure struct {
	// Code names the kind of error for scripts; it stays while the message changes.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Hint says what to do, empty if that is not known.
	Hint     string `json:"hint,omitempty"`
	ExitCode int    `json:"exit_code"`

	// Details returns lines of text that stand between message and hint; nil for none.
	// It is called when the message has been shown, since it may take a while.
	Details func() string `json:"-"`
	// Object is what JSON tells in place of this, with more fields; nil for none.
	Object any `json:"-"`
}

// WantsJSON reports whether a command line that may be wrong asks for JSON: its error is
// told in the form that its caller reads.
func WantsJSON(args []string) bool {
	last := ""
	for i, a := range args {
		if a == "--" {
			break
		}
		if value, ok := strings.CutPrefix(a, "--output="); ok {
			last = value
		} else if a == "--output" && i+1 < len(args) {
			last = args[i+1]
		}
	}
	return last == "json"
}

// shownError is an error that the JSON answer already tells of.
type shownError struct{ error }

func (e shownError) Unwrap() error { return e.error }

// Shown marks an error as told of in the JSON answer, so that it is not told again.
func Shown(err error) error { return shownError{err} }

// IsShown reports whether an error was marked with Shown.
func IsShown(err error) bool { return errors.As(err, new(shownError)) }
