package bundle_test

import (
	"slices"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// old makes the question one about a file from height 4, judged as of block time or not,
// by a client that has seen what happened since.
func (a *asked) old(t *testing.T, asOf bool, since func()) {
	t.Helper()
	file := a.Source(4).Bundle(a.req)
	since()
	a.Commit()
	a.learnWhatever(t)
	a.bundle, a.policy = file, offline(asOf)
	a.now = a.Now().Add(day)
}

// learnWhatever makes the client verify the newest answer, a no as well as a yes.
func (a *asked) learnWhatever(t *testing.T) {
	t.Helper()
	src := a.Newest()
	_, m, err := bundle.Verify(src.Bundle(a.req), a.req, a.mem, src.Block.Time, bundle.DefaultPolicy())
	if m == nil {
		t.Fatalf("couldn't learn: %v", err)
	}
	a.mem = m
}

// damaged returns bytes with another one in the middle.
func damaged(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)/2] ^= 1
	return b
}

// published lets app publish once more.
func (a *asked) published() {
	a.Commit(a.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "three"}))
}

// behindLies are files about a state that the client has seen a later one of.
var behindLies = []struct {
	name string
	lie  func(*testing.T, *asked)
	want error
}{
	{"old file", func(t *testing.T, a *asked) { a.old(t, false, a.published) }, bundle.ErrBehind},
	{"old file, as of block time", func(t *testing.T, a *asked) { a.old(t, true, a.published) }, nil},
	{"old file of a no", func(t *testing.T, a *asked) {
		a.req = ref(app + ":next")
		a.old(t, false, a.published)
	}, bundle.ErrBehind},
	{"old file of a no, as of block time", func(t *testing.T, a *asked) {
		a.req = ref(app + ":next")
		a.old(t, true, a.published)
	}, bundle.ErrAbsentTag},
	{"old file, and nothing happened since", func(t *testing.T, a *asked) { a.old(t, false, func() {}) }, nil},
	{"old file, by a receipt alone", func(t *testing.T, a *asked) {
		a.mem, a.policy = a.mem.WithChange(repository(app), 5), offline(false)
	}, bundle.ErrBehind},
	{"old file, by a receipt alone, as of block time", func(t *testing.T, a *asked) {
		a.mem, a.policy = a.mem.WithChange(repository(app), 5), offline(true)
	}, nil},
	{"old file by the ledger", func(t *testing.T, a *asked) {
		a.req = byLedger(a.req)
		a.old(t, false, func() { a.rotated(t, true) })
	}, bundle.ErrBehind},
	{"old file by the ledger, as of block time", func(t *testing.T, a *asked) {
		a.req = byLedger(a.req)
		a.old(t, true, func() { a.rotated(t, true) })
	}, nil},
	{"old file from before it was registered", func(t *testing.T, a *asked) {
		a.req = ref("registry.example.com/new:1.0")
		a.old(t, false, func() { a.Commit(a.NewPublisher("registry.example.com/new").Register(a.Operators[0])) })
	}, bundle.ErrBehind},
	{"old file from before it was registered, as of block time", func(t *testing.T, a *asked) {
		a.req = ref("registry.example.com/new:1.0")
		a.old(t, true, func() { a.Commit(a.NewPublisher("registry.example.com/new").Register(a.Operators[0])) })
	}, bundle.ErrUnknownRepository},

	// Roots that the client has seen since.
	{"old file from before rotations", func(t *testing.T, a *asked) { a.old(t, false, func() { a.rotated(t, true) }) }, bundle.ErrBehind},
	{"old file from before rotations, as of block time", func(t *testing.T, a *asked) { a.old(t, true, func() { a.rotated(t, true) }) }, nil},
	{"old file without the root of then", func(t *testing.T, a *asked) {
		a.old(t, true, func() { a.rotated(t, true) })
		a.bundle.Roots = nil
	}, bundle.ErrRoot},
	{"old file with another root than the known one", func(t *testing.T, a *asked) {
		a.old(t, true, func() { a.rotated(t, true) })
		other := a.NewPublisher(app)
		other.Expires = other.Expires.Add(day)
		a.bundle.Roots = [][]byte{other.Root(1).Bytes()}
	}, bundle.ErrRoot},

	// Integrity comes first.
	{"old file, damaged", func(t *testing.T, a *asked) {
		a.old(t, false, a.published)
		a.bundle.Tag.Proof = damaged(a.bundle.Tag.Proof)
	}, bundle.ErrProof},
	{"old file, damaged, as of block time", func(t *testing.T, a *asked) {
		a.old(t, true, a.published)
		a.bundle.Targets[0] = damaged(a.bundle.Targets[0])
	}, bundle.ErrTargets},
	{"old file of more than was there", func(t *testing.T, a *asked) {
		a.old(t, true, a.published)
		a.from(a.Doctored(4, nil, a.repositoryWith(t, func(r *record.Repository) { r.Revision = 9 })))
	}, bundle.ErrRollback},
	{"old file of less than was there", func(t *testing.T, a *asked) {
		a.learn(t, a.Source(3), a.req)
		a.mem, a.policy = a.mem.WithChange(repository(app), 9), offline(true)
		a.doctor(a.repositoryWith(t, func(r *record.Repository) { r.Revision-- }))
	}, bundle.ErrRollback},
	{"old file of a repository that was not there", func(t *testing.T, a *asked) {
		a.learn(t, a.Source(3), a.req)
		a.mem, a.policy = a.mem.WithChange(repository(app), 9), offline(true)
		a.doctor(merkle.Change{Key: record.RepositoryKey(repository(app))})
	}, bundle.ErrRollback},

	// What a client has seen revoked stays so.
	{"old file, revoked since", func(t *testing.T, a *asked) { a.old(t, false, a.revoked) }, bundle.ErrBehind},
	{"old file, revoked since, as of block time", func(t *testing.T, a *asked) { a.old(t, true, a.revoked) }, bundle.ErrRevoked},
	{"old file, revoked and lifted since, as of block time", func(t *testing.T, a *asked) { a.old(t, true, a.lifted) }, nil},
	{"old file, revoked since by the ledger, as of block time", func(t *testing.T, a *asked) {
		a.req = byLedger(a.req)
		a.old(t, true, a.revoked)
	}, nil},
}

// TestOldFiles: a file that is older than what the client knows is verified to its end and
// then called old, or answers for its block time when that is asked for.
func TestOldFiles(t *testing.T) {
	for _, c := range behindLies {
		t.Run(c.name, func(t *testing.T) { tell(t, c.lie, c.want) })
	}
}

// TestOldFileTeachesNothing: what is known of a repository is the same after a verdict on
// an old file, but for roots.
func TestOldFileTeachesNothing(t *testing.T) {
	for name, since := range map[string]func(*testing.T, *asked){
		"published": func(_ *testing.T, a *asked) { a.published() },
		"rotated":   func(t *testing.T, a *asked) { a.rotated(t, true) },
	} {
		a := newStory(t).asked()
		a.old(t, true, func() { since(t, a) })
		before := seenBytes(t, a.mem)
		_, m, err := a.verify()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if after := seenBytes(t, m); before != after {
			t.Errorf("%s: it knew %s, and knows %s", name, before, after)
		}
		if m.StateHeight() != a.mem.StateHeight() {
			t.Errorf("%s: state height %d, was %d", name, m.StateHeight(), a.mem.StateHeight())
		}
	}
	// Roots that nobody has shown it before are kept.
	a := newStory(t).asked()
	a.mem, a.policy = a.mem.WithChange(repository(app), 5), offline(true)
	_, m, err := a.verify()
	if err != nil {
		t.Fatal(err)
	}
	if seen, _ := m.Repository(repository(app)); seen.RootVersion() != 1 || seen.Changed != 5 || seen.Height != 0 {
		t.Errorf("it knows %+v", seen)
	}
}

func seenBytes(t *testing.T, m *bundle.Memory) string {
	t.Helper()
	b, err := m.EncodeRepository(repository(app))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOldFileInPortions: of a file whose roots come in portions, those that lead to known
// roots only are passed over, and the last is as good when later ones are known.
func TestOldFileInPortions(t *testing.T) {
	a := newStory(t).asked()
	a.rotated(t, true)
	height := a.Height() - 1
	whole := a.Source(height).Bundle(a.req)
	first, last := protobuf.CloneOf(whole), protobuf.CloneOf(whole)
	first.Roots, first.LastRoot = whole.GetRoots()[:2], a.Source(height).Prove(record.RootKey(repository(app), 2))
	last.Roots = whole.GetRoots()[2:]
	for version, want := range []bool{false, false, true, true, true} {
		seen := bundle.Seen{Roots: make([][32]byte, version)}
		for _, b := range []*proto.Bundle{whole, last, {LastRoot: first.LastRoot}, {LastRoot: first.LastRoot, Roots: [][]byte{nil}}} {
			if seen.HasRootsOf(b) {
				t.Errorf("version %d known: a bundle that is no portion is passed over", version)
			}
		}
		if got := seen.HasRootsOf(first); got != want {
			t.Errorf("version %d known, portion up to 2: %t", version, got)
		}
	}
	for _, then := range [][]byte{
		a.app.Publish(4, fixture.Tags{"1.0": "one", "latest": "three"}),
		a.Relay(a.Operators[1], fixture.Update{Roots: []*tuf.Root{a.app.RotateRoot(4, fixture.NewKeys(t, keys.KeytypeEd25519, "fourth root", 1), nil)}}),
	} {
		a.Commit(then)
		a.Commit()
		a.learnWhatever(t)
		a.bundle, a.policy, a.now = last, offline(true), a.Now()
		if _, _, err := a.verify(); err != nil {
			t.Error(err)
		}
	}
}
