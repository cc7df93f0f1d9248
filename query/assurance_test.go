package query_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/query"
	"hullmark/reference"
)

// Test the words that people and other programs see.
func TestWords(t *testing.T) {
	for _, a := range []query.Assurance{query.PublisherAssurance, query.LedgerAssurance} {
		if got, err := query.ParseAssurance(a.String()); err != nil || got != a {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, text := range []string{"", "Publisher", "none", query.Assurance(2).String()} {
		if _, err := query.ParseAssurance(text); !errors.Is(err, query.ErrQuestion) {
			t.Errorf("assurance %q: %v", text, err)
		}
	}
	const app = "registry.example.com/app"
	digest := fmt.Sprintf("sha256:%064d", 7)
	for _, text := range []string{app + ":1.0", app + "@" + digest, app + ":1.0@" + digest} {
		if got := query.Of(reference.MustParseReference(text)).String(); got != text {
			t.Errorf("question %s is written %s", text, got)
		}
	}
}
