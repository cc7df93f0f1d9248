package bundle_test

import (
	"errors"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/proto"
	"hullmark/query"
)

// TestUnused: an honest answer has nothing that its question has no use for, and a
// reader refuses what has, though nothing it needs is wrong.
func TestUnused(t *testing.T) {
	const none = "registry.example.com/none"
	s := newStory(t)
	full := s.Newest().Bundle(ref(app + ":latest"))
	full.Statements, full.StatementRoot, full.LastRoot = [][]byte{{1}}, []byte{1}, full.Tag
	tag := func(b *proto.Bundle) { b.Tag = full.Tag }
	image := func(b *proto.Bundle) { b.Image = full.Image }
	roots := func(b *proto.Bundle) { b.Roots = full.Roots }
	targets := func(b *proto.Bundle) { b.Targets = full.Targets }
	lastRoot := func(b *proto.Bundle) { b.LastRoot = full.LastRoot }
	statements := func(b *proto.Bundle) { b.Statements = full.Statements }
	statementRoot := func(b *proto.Bundle) { b.StatementRoot = full.StatementRoot }
	withheld := func(b *proto.Bundle) { b.Held = [][]byte{make([]byte, 32)} }
	all := map[string]func(*proto.Bundle){
		"tag": tag, "image": image, "roots": roots, "targets": targets, "last root": lastRoot,
		"statements": statements, "root of a statement": statementRoot, "held": withheld,
	}
	for _, c := range []struct {
		name   string
		req    query.Resolve
		honest error
		// unused are the parts that this question has no use for.
		unused []string
	}{
		{"tag of an absent repository", ref(none + ":1"), bundle.ErrUnknownRepository, []string{"tag", "image", "roots", "targets", "last root", "statements", "root of a statement", "held"}},
		{"tag and digest of an absent repository", at(ref(none+":1"), "one"), bundle.ErrUnknownRepository, []string{"tag", "image", "roots", "targets", "last root", "statements", "root of a statement", "held"}},
		{"image of an absent repository", at(bundletest.RepositoryRequest(none), "one"), bundle.ErrUnknownRepository, []string{"tag", "image", "roots", "targets", "last root", "statements", "root of a statement", "held"}},
		{"absent repository", bundletest.RepositoryRequest(none), bundle.ErrUnknownRepository, []string{"tag", "image", "roots", "targets", "last root", "statements", "root of a statement", "held"}},
		{"repository", bundletest.RepositoryRequest(app), nil, []string{"tag", "image", "last root", "statements", "root of a statement", "held"}},
		{"absent tag", ref(app + ":none"), bundle.ErrAbsentTag, []string{"image", "last root", "statements", "root of a statement", "held"}},
		{"absent tag and digest", at(ref(app+":none"), "one"), bundle.ErrAbsentTag, []string{"image", "last root", "statements", "root of a statement", "held"}},
		{"tag", ref(app + ":latest"), nil, []string{"last root", "statements", "root of a statement", "held"}},
		{"image", at(bundletest.RepositoryRequest(app), "two"), nil, []string{"tag", "last root", "statements", "root of a statement", "held"}},
		{"absent image", at(bundletest.RepositoryRequest(app), "none"), bundle.ErrAbsentImage, []string{"tag", "last root", "statements", "root of a statement", "held"}},
		{"repository, by the ledger", byLedger(bundletest.RepositoryRequest(app)), nil, []string{"tag", "image", "statements", "root of a statement", "held"}},
		{"tag, by the ledger", byLedger(ref(app + ":latest")), nil, []string{"statements", "root of a statement", "held"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			verify := func(add func(*proto.Bundle)) error {
				b := s.Newest().Bundle(c.req)
				add(b)
				_, _, err := bundle.Verify(b, c.req, s.memory(), s.Now(), bundle.DefaultPolicy())
				return err
			}
			if err := verify(func(*proto.Bundle) {}); !errors.Is(err, c.honest) {
				t.Fatalf("honest answer: %v, want %v", err, c.honest)
			}
			for _, name := range c.unused {
				if err := verify(all[name]); bundle.ClassOf(err) != bundle.Attack {
					t.Errorf("with %s: error %v of class %s", name, err, bundle.ClassOf(err))
				}
			}
		})
	}

	// The image of a withdrawn tag is proven too.
	a := s.asked()
	a.about(ref(app + ":old"))
	if _, _, err := a.verify(); !errors.Is(err, bundle.ErrWithdrawn) {
		t.Fatal(err)
	}
	a.bundle.Image = full.Image
	if _, _, err := a.verify(); !errors.Is(err, bundle.ErrProof) {
		t.Errorf("withdrawn, with another image: %v", err)
	}
	// A bundle with files serves who takes the ledger's word.
	a = s.asked()
	a.req = byLedger(a.req)
	if _, _, err := a.verify(); err != nil {
		t.Errorf("files at ledger assurance: %v", err)
	}
}
