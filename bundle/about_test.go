package bundle_test

import (
	"errors"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/reference"
)

// TestAbout: a bundle in a file is told from what it holds, before anything is verified.
func TestAbout(t *testing.T) {
	s := newStory(t)
	digest := func(manifest string) query.Resolve { return at(bundletest.RepositoryRequest(app), manifest) }
	for _, tt := range []struct {
		name      string
		of, asked query.Resolve
		damage    func(*proto.Bundle)
		want      string // what it is about instead; empty if it is about the question, or cannot be told
	}{
		{name: "the tag", of: ref(app + ":latest"), asked: ref(app + ":latest")},
		{name: "the tag, with a digest", of: ref(app + ":latest"), asked: at(ref(app+":latest"), "one")},
		{name: "another tag", of: ref(app + ":latest"), asked: ref(app + ":1.0"), want: app + ":latest"},
		{name: "another tag, with a digest", of: ref(app + ":latest"), asked: at(ref(app+":1.0"), "one"), want: app + ":latest"},
		{name: "a tag that was never there", of: ref(app + ":latest"), asked: ref(app + ":none"), want: app + ":latest"},
		{name: "a digest instead of a tag", of: ref(app + ":latest"), asked: digest("two"), want: app + ":latest"},
		{name: "another repository", of: ref(app + ":latest"), asked: ref("registry.example.com/none:latest"), want: app + ":latest"},
		{name: "the digest", of: digest("two"), asked: digest("two")},
		{name: "another digest", of: digest("two"), asked: digest("one"), want: digest("two").String()},
		{name: "a tag instead of a digest", of: digest("two"), asked: ref(app + ":latest"), want: digest("two").String()},
		{name: "a no about the tag", of: ref(app + ":none"), asked: ref(app + ":none")},
		{name: "a no about another tag", of: ref(app + ":none"), asked: ref(app + ":latest")}, // nothing says which
		{name: "a no about the repository", of: ref("registry.example.com/none:1.0"), asked: ref("registry.example.com/none:1.0")},
		{name: "another tag, damaged elsewhere", of: ref(app + ":latest"), asked: ref(app + ":1.0"), want: app + ":latest",
			damage: func(b *proto.Bundle) { b.Image.Proof = damaged(b.Image.Proof) }},
		{name: "damaged where it says so", of: ref(app + ":latest"), asked: ref(app + ":latest"),
			damage: func(b *proto.Bundle) { b.Tag.Proof = damaged(b.Tag.Proof) }},
		{name: "another tag, without files", of: ref(app + ":latest"), asked: ref(app + ":1.0"),
			damage: func(b *proto.Bundle) { b.Roots, b.Targets = nil, nil }},
		{name: "without state", of: ref(app + ":latest"), asked: ref(app + ":1.0"), damage: func(b *proto.Bundle) { b.State.AppState = nil }},
		{name: "empty", of: ref(app + ":latest"), asked: ref(app + ":1.0"), damage: func(b *proto.Bundle) { protobuf.Reset(b); b.State, b.Profile = &proto.StateProof{Version: 1}, 1 }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := s.Newest().Bundle(tt.of)
			if tt.damage != nil {
				tt.damage(b)
			}
			data, err := bundle.Encode(b)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bundle.DecodeFile(data, tt.asked)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (!errors.Is(err, bundle.ErrNotInFile) || !strings.HasSuffix(err.Error(), "it is about "+tt.want)):
				t.Errorf("error %v, want that it is about %s", err, tt.want)
			}
		})
	}
}

// TestNotInFile: a file with several bundles says what they are about.
func TestNotInFile(t *testing.T) {
	s := newStory(t)
	b := s.Newest().Bundle(ref(app + ":latest"))
	entry := func(tag string) bundle.FileEntry {
		return bundle.FileEntry{Reference: repository(app).WithTag(reference.MustParseTag(tag)), Bundle: b}
	}
	for want, entries := range map[string][]bundle.FileEntry{
		app + ":a, " + app + ":b": {entry("a"), entry("b"), entry("a")},
		app + ":a, " + app + ":b, " + app + ":c, " + app + ":d, " + app + ":e and 2 more": {entry("a"), entry("b"), entry("c"), entry("d"), entry("e"), entry("f"), entry("g")},
	} {
		data, err := bundle.EncodeFile(entries)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bundle.DecodeFile(data, ref(app+":none")); !errors.Is(err, bundle.ErrNotInFile) || !strings.HasSuffix(err.Error(), "it is about "+want) {
			t.Errorf("error %v, want that it is about %s", err, want)
		}
		if _, err := bundle.DecodeFile(data, ref(app+":b")); err != nil {
			t.Error(err)
		}
	}
}
