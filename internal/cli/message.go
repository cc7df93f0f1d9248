package cli

import "strings"

// Message returns what an error says, on one line: errors that were joined stand behind
// each other with a semicolon in between.
func Message(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}
