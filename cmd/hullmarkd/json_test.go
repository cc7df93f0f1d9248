package main

import (
	"encoding/json"
	"io"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
)

// TestHelpNamesJSON: the help of every command says what its JSON holds, each field of
// the answer and no other, in the naming of hullmark.
func TestHelpNamesJSON(t *testing.T) {
	answers := map[string]answer{
		"init": &initAnswer{}, "operator-card": &cardAnswer{}, "genesis show": &genesisAnswer{}, "status": &statusAnswer{}, "trust-anchor": &anchorAnswer{},
		"fsck": &fsckAnswer{}, "resync": &resyncAnswer{}, "testnet": &networkAnswer{}, "version": &versionAnswer{},
	}
	word := regexp.MustCompile(`[a-z][a-z_]*`)
	brackets := regexp.MustCompile(`\([^)]*\)|[\[{][^\]]*\]`)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			walk(child)
		}
		if cli.IsGroup(cmd) || cmd.Name() == "help" {
			return
		}
		path := strings.TrimPrefix(cmd.CommandPath(), "hullmarkd ")
		_, text, ok := strings.Cut(cmd.Long, "\nJSON: ")
		if !ok {
			t.Errorf("the help of %q does not say what its JSON holds", path)
			return
		}
		a, known := answers[path]
		if !known {
			if !strings.HasPrefix(text, "none") && !strings.HasPrefix(text, "as \"") {
				t.Errorf("%q has an answer that this test does not know", path)
			}
			return
		}
		delete(answers, path)
		text, _, _ = strings.Cut(brackets.ReplaceAllString(text, ""), "\n\n")
		text, _, _ = strings.Cut(text, ".")
		text, _, _ = strings.Cut(text, ";")
		got := word.FindAllString(text, -1)
		slices.Sort(got)
		if want := fields(reflect.TypeOf(a).Elem()); !slices.Equal(got, want) {
			t.Errorf("the help of %q names %q, the answer has %q", path, got, want)
		}
	}
	walk(newRoot())
	if len(answers) > 0 {
		t.Errorf("no command for %q", slices.Sorted(maps.Keys(answers)))
	}
}

// fields returns the names that JSON has for the fields of a struct.
func fields(s reflect.Type) []string {
	var names []string
	for i := range s.NumField() {
		f := s.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			names = append(names, fields(f.Type)...)
		case f.IsExported() && (s != reflect.TypeFor[cli.NodeStatus]() || name != "error"): // hullmarkd's is {"error": ...}
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestKnownErrors: every error that hullmarkd knows has a name of its own.
func TestKnownErrors(t *testing.T) {
	form, seen := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`), map[string]bool{"usage": true, "clock": true, "error": true}
	for _, known := range knownErrors {
		if !form.MatchString(known.code) || seen[known.code] {
			t.Errorf("code %q of %v", known.code, known.is)
		}
		seen[known.code] = true
		if code, _ := explain(known.is); code != known.code {
			t.Errorf("%v is called %q, want %q", known.is, code, known.code)
		}
	}
}

// TestDamageIsToldOnce: what fsck found is one object, with the error in it.
func TestDamageIsToldOnce(t *testing.T) {
	a := newFsckAnswer("home", []app.Check{{Name: "ledger", Err: io.ErrUnexpectedEOF}})
	b, err := json.Marshal(a)
	if err != nil || !strings.Contains(string(b), `"error":{"code":"damaged"`) || !strings.Contains(string(b), `"exit_code":4}`) {
		t.Errorf("%s, %v", b, err)
	}
	if a := newFsckAnswer("home", []app.Check{{Name: "ledger"}}); a.Damaged || a.Error != nil {
		t.Errorf("%+v", a)
	}
}
