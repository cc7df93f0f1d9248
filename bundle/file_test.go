package bundle_test

import (
	"errors"
	"strings"
	"testing"

	"hullmark/bundle"
	"hullmark/record"
	"hullmark/reference"
)

func fileEntries(s *story, refs ...string) []bundle.FileEntry {
	var out []bundle.FileEntry
	for _, text := range refs {
		out = append(out, bundle.FileEntry{Reference: reference.MustParseReference(text), Bundle: s.Newest().Bundle(ref(text))})
	}
	return out
}

// TestFile: of several bundles in a file the one about the question is verified.
func TestFile(t *testing.T) {
	s := newStory(t)
	text, err := bundle.EncodeFile(fileEntries(s, app+":1.0", app+":latest", other+":1.0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ask string
		err error
	}{
		{app + ":1.0", nil},
		{app + ":latest", nil},
		{other + ":1.0", nil},
		{at(ref(app+":1.0"), "one").String(), nil},
		{app + ":never", bundle.ErrNotInFile},
		{app + "@" + at(ref(app), "one").Digest.String(), bundle.ErrNotInFile},
	} {
		req := ref(c.ask)
		found, err := bundle.DecodeFile(text, req)
		if !errors.Is(err, c.err) || err == nil && len(found) != 1 {
			t.Errorf("%s: %d bundles, error %v", c.ask, len(found), err)
			continue
		}
		if err != nil {
			continue
		}
		if _, _, err := bundle.Verify(found[0], req, s.memory(), s.Now(), bundle.DefaultPolicy()); err != nil {
			t.Errorf("%s: %v", c.ask, err)
		}
	}

	// A label proves nothing: the bundle under it must answer the question.
	swapped := fileEntries(s, app+":1.0", app+":latest")
	swapped[0].Bundle, swapped[1].Bundle = swapped[1].Bundle, swapped[0].Bundle
	if text, err = bundle.EncodeFile(swapped); err != nil {
		t.Fatal(err)
	}
	found, err := bundle.DecodeFile(text, ref(app+":1.0"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := bundle.Verify(found[0], ref(app+":1.0"), s.memory(), s.Now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrProof) {
		t.Errorf("swapped labels: %v", err)
	}

	// One bundle stands alone, as nodes send it.
	if text, err = bundle.EncodeFile(fileEntries(s, app+":1.0")); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Decode(text); err != nil {
		t.Errorf("one bundle: %v", err)
	}
	if found, err := bundle.DecodeFile(text, ref(app+":1.0")); err != nil || len(found) != 1 {
		t.Errorf("one bundle: %v", err)
	}
	if _, err := bundle.DecodeFile(text, ref(app+":never")); !errors.Is(err, bundle.ErrNotInFile) {
		t.Errorf("one bundle about another tag: %v", err)
	}
	for _, n := range []int{0, bundle.MaxFileEntries + 1} {
		if _, err := bundle.EncodeFile(make([]bundle.FileEntry, n)); !errors.Is(err, bundle.ErrRequest) {
			t.Errorf("%d bundles: %v", n, err)
		}
	}
}

func TestDecodeFileRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		err        error
	}{
		{"nothing", "", bundle.ErrMalformed},
		{"no object", "[]", bundle.ErrMalformed},
		{"neither", "{}", bundle.ErrMalformed},
		{"no entries", `{"version":1,"entries":[]}`, bundle.ErrMalformed},
		{"no version", `{"entries":[{"reference":"a","bundle":{}}]}`, bundle.ErrMalformed},
		{"newer", `{"version":2,"entries":{}}`, record.ErrNewer},
		{"no bundle", `{"version":1,"entries":[{"reference":"a"}]}`, bundle.ErrMalformed},
		{"unknown field", `{"version":1,"entries":[],"more":1}`, bundle.ErrMalformed},
		{"too many", `{"version":1,"entries":[` + strings.Repeat(`{},`, bundle.MaxFileEntries) + `{}]}`, bundle.ErrMalformed},
		{"too large", strings.Repeat(" ", bundle.MaxFileSize+1), bundle.ErrMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := bundle.DecodeFile([]byte(c.text), ref(app+":1.0")); !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
		})
	}
}

// FuzzDecodeFile checks that whatever a file holds, what verifies is the truth.
func FuzzDecodeFile(f *testing.F) {
	s := newStory(f)
	for _, refs := range [][]string{{app + ":1.0"}, {app + ":1.0", app + ":latest"}, {app + ":1.0", app + ":1.0"}} {
		text, err := bundle.EncodeFile(fileEntries(s, refs...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	memory, now, req := s.memory(), s.Now(), ref(app+":1.0")
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := bundle.DecodeFile(text, req)
		if err != nil {
			return
		}
		for _, b := range found {
			r, _, err := bundle.Verify(b, req, memory, now, bundle.OfflinePolicy())
			if err == nil && r.Digest != at(req, "one").Digest {
				t.Fatalf("1.0 means %s", r.Digest)
			}
		}
	})
}
