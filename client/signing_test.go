package client_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"testing"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// rotation returns the request to rotate the keys of app on a network where version
// 1 of its root is in force, and the keys of the next root.
func (n *network) rotation(t *testing.T) (r *change.Request, oldRoot, newRoot *fixture.Key) {
	t.Helper()
	current := n.app.Root(1)
	oldRoot, newRoot = n.app.RootKeys[0], fixture.NewKey(t, keys.KeytypeEd25519, "next root")
	spec := current.Spec()
	spec.Version++
	spec.Keys = append(spec.Keys, newRoot.PublicKey())
	spec.Roles.Root = tuf.Role{KeyIDs: []keys.ID{newRoot.PublicKey().ID()}, Threshold: 1}
	spec.Keys = slices.DeleteFunc(spec.Keys, func(k keys.PublicKey) bool { return n.app.Root(1).Roles.Root.Has(k.ID()) })
	next, err := tuf.NewRoot(spec)
	if err != nil {
		t.Fatal(err)
	}
	r, err = change.NewRequest(change.RequestRotate, current.Binding.Ledger, change.RequestPart{
		Repository: n.app.Repository, Root: current, NewRoots: []*tuf.Root{next},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, oldRoot, newRoot
}

// TestRequestGoesRound signs a rotation key by key, each time from the bytes of the
// file, and submits it when the last has signed.
func TestRequestGoesRound(t *testing.T) {
	n := newNetwork(t, 2)
	r, oldRoot, newRoot := n.rotation(t)
	signers := []tuf.Signer{newRoot, oldRoot}
	for i, s := range signers {
		if err := r.Complete(); !errors.Is(err, change.ErrIncomplete) {
			t.Errorf("after %d signatures: %v", i, err)
		}
		if _, _, err := n.client().SubmitRequest(t.Context(), r, "", submitter{oldRoot}, change.Adoption{}); !errors.Is(err, change.ErrIncomplete) {
			t.Errorf("submitted after %d signatures: %v", i, err)
		}
		read, err := change.DecodeRequest(encode(t, r))
		if err != nil {
			t.Fatal(err)
		}
		if r, err = read.Sign(s); err != nil {
			t.Fatal(err)
		}
	}
	duties, err := r.Duties()
	if err != nil || len(duties) != 2 || !duties[0].Met() || !duties[1].Met() || duties[0].DelegatorVersion != 1 || duties[1].DelegatorVersion != 2 {
		t.Errorf("duties %+v, %v", duties, err)
	}
	// The same key again changes nothing.
	again, err := r.Sign(oldRoot)
	if err != nil || !bytes.Equal(encode(t, again), encode(t, r)) {
		t.Errorf("signed again: %v", err)
	}
	stranger := fixture.NewKey(t, keys.KeytypeEd25519, "stranger")
	if _, err := r.Sign(stranger); !errors.Is(err, change.ErrNotSigner) || r.MaySign(stranger.PublicKey().ID()) {
		t.Errorf("stranger: %v", err)
	}
	c := n.client()
	tx, _, err := c.SubmitRequest(t.Context(), r, "", submitter{oldRoot}, change.Adoption{})
	if err != nil || tx.GetHeight() == 0 {
		t.Fatalf("submit: %v, %v", tx, err)
	}
	// Carried by somebody else it is there already.
	op := n.chain.Operators[1]
	if tx, _, err = c.SubmitRequest(t.Context(), r, op.ID, submitter{op.Governance}, change.Adoption{}); tx != nil || err != nil {
		t.Errorf("relayed again: %v, %v", tx, err)
	}
	// Another request for the same version is stale.
	late, _, _ := n.rotation(t)
	if late, err = late.Sign(oldRoot, newRoot); err != nil {
		t.Fatal(err)
	}
	late.Parts[0].NewRoots[0] = resign(t, late.Parts[0].NewRoots[0], oldRoot, newRoot)
	if _, _, err = c.SubmitRequest(t.Context(), late, op.ID, submitter{op.Governance}, change.Adoption{}); !errors.Is(err, record.CodeStaleScope) {
		t.Errorf("overtaken: %v", err)
	}
}

// resign returns a root like another with a later expiry.
func resign(t *testing.T, root *tuf.Root, signers ...tuf.Signer) *tuf.Root {
	t.Helper()
	spec := root.Spec()
	spec.Expires = spec.Expires.AddDate(0, 0, 1)
	next, err := tuf.NewRoot(spec)
	if err == nil {
		next, err = next.Sign(signers...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// TestRequestContradictsItself names what no request may be.
func TestRequestContradictsItself(t *testing.T) {
	n := newNetwork(t, 1)
	root, targets := n.app.Root(1), n.app.Targets(1, fixture.Tags{"1.0": "one"})
	next := n.app.Targets(2, fixture.Tags{"1.0": "two"})
	foreign := n.other.Targets(2, fixture.Tags{"1.0": "two"})
	part := func(edit func(p *change.RequestPart)) []change.RequestPart {
		p := change.RequestPart{Repository: n.app.Repository, Root: root, Roles: []*tuf.Targets{targets}, NewRoles: []*tuf.Targets{next}}
		edit(&p)
		return []change.RequestPart{p}
	}
	ledger := root.Binding.Ledger
	if _, err := change.NewRequest(change.RequestPublish, ledger, part(func(*change.RequestPart) {})...); err != nil {
		t.Fatal(err)
	}
	delegated := n.app.TargetsSpec(1, nil)
	delegated.Binding.Role = "targets/alice"
	alice := n.app.SignTargets(delegated, n.app.TaggingKeys...)
	for _, tc := range []struct {
		name  string
		kind  change.RequestKind
		parts []change.RequestPart
	}{
		{"nothing", change.RequestPublish, nil},
		{"no root", change.RequestPublish, part(func(p *change.RequestPart) { p.Root = nil })},
		{"nothing new", change.RequestPublish, part(func(p *change.RequestPart) { p.NewRoles = nil })},
		{"a root in a publication", change.RequestPublish, part(func(p *change.RequestPart) { p.NewRoots = []*tuf.Root{n.app.Root(2)} })},
		{"no new root in a rotation", change.RequestRotate, part(func(*change.RequestPart) {})},
		{"a root left out", change.RequestRotate, part(func(p *change.RequestPart) { p.NewRoots = []*tuf.Root{n.app.Root(3)} })},
		{"a version left out", change.RequestPublish, part(func(p *change.RequestPart) { p.NewRoles = []*tuf.Targets{n.app.Targets(3, nil)} })},
		{"another repository's file", change.RequestPublish, part(func(p *change.RequestPart) { p.NewRoles = []*tuf.Targets{foreign} })},
		{"a role twice", change.RequestPublish, part(func(p *change.RequestPart) { p.NewRoles = []*tuf.Targets{next, next} })},
		{"a role nobody delegates to", change.RequestPublish, part(func(p *change.RequestPart) { p.NewRoles = []*tuf.Targets{alice} })},
		{"a repository twice", change.RequestPublish, append(part(func(*change.RequestPart) {}), part(func(*change.RequestPart) {})...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if r, err := change.NewRequest(tc.kind, ledger, tc.parts...); r != nil || !errors.Is(err, change.ErrRequest) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestRequestWithBadSignatures: what the ledger would refuse is found before.
func TestRequestWithBadSignatures(t *testing.T) {
	n := newNetwork(t, 1)
	r, oldRoot, _ := n.rotation(t)
	stranger := fixture.NewKey(t, keys.KeytypeEd25519, "stranger")
	for name, id := range map[string]keys.ID{"that do not verify": oldRoot.PublicKey().ID(), "of a stranger": stranger.PublicKey().ID()} {
		bad := *r
		root, err := r.Parts[0].NewRoots[0].AddSignatures(tuf.Signature{KeyID: id, Sig: make([]byte, 64)})
		if err != nil {
			t.Fatal(err)
		}
		bad.Parts = []change.RequestPart{{Repository: r.Parts[0].Repository, Root: r.Parts[0].Root, NewRoots: []*tuf.Root{root}}}
		if _, err := bad.Duties(); !errors.Is(err, change.ErrRequest) {
			t.Errorf("signatures %s: %v", name, err)
		}
		if err := bad.Complete(); !errors.Is(err, change.ErrRequest) {
			t.Errorf("signatures %s: complete: %v", name, err)
		}
	}
}

// TestPublishOrdersTogether publishes in two repositories at once, and again when somebody
// else was first in one of them.
func TestPublishOrdersTogether(t *testing.T) {
	n := newNetwork(t, 2)
	c := n.client()
	second := n.order(set("9.0", "four"))
	second.Repository = reference.MustParseRepository(other)
	second.Signers = []tuf.Signer{n.other.TaggingKeys[0]}
	op := n.chain.Operators[0]
	first := n.order(set("9.0", "three"))
	first.Submitter, first.Payer = submitter{op.Governance}, op.ID

	// The first try meets a publication of somebody else in the second repository.
	raced := false
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
		return func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost && !raced {
				raced = true
				version := n.version(t, other) + 1
				n.commit(n.other.Publish(version, fixture.Tags{"8.0": "one"}))
			}
			return false
		}
	})
	p, err := c.Publish(t.Context(), first, second)
	if err != nil || len(p.Files) != 2 || p.Transaction == nil || !raced {
		t.Fatalf("published %+v, %v", p, err)
	}
	for _, name := range []string{app + ":9.0", other + ":9.0", other + ":8.0"} {
		if _, _, _, err := c.Resolve(t.Context(), ref(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p, err = c.Publish(t.Context(), first, second); err != nil || p.Transaction != nil || len(p.Files) != 2 {
		t.Errorf("again: %+v, %v", p, err)
	}
	// One bad order spoils all.
	bad := second
	bad.Changes = []change.TagChange{withdraw("none")}
	first.Changes = []change.TagChange{set("10.0", "one")}
	if _, err = c.Publish(t.Context(), first, bad); !errors.Is(err, change.ErrNotFound) {
		t.Errorf("one bad: %v", err)
	}
	if _, err := c.Publish(t.Context()); err == nil {
		t.Error("nothing was published")
	}
}

// version returns the version of a repository's targets file.
func (n *network) version(t *testing.T, repository string) uint64 {
	t.Helper()
	r, _, err := n.client().Repository(t.Context(), reference.MustParseRepository(repository))
	if err != nil {
		t.Error(err)
		return 0
	}
	return r.TargetsVersion
}

// TestQuotaRefills: a quota that is used up is waited for, for a while.
func TestQuotaRefills(t *testing.T) {
	used := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		fail(w, http.StatusUnprocessableEntity, record.CodeQuota.Name(), record.CodeQuota.Error(), uint32(record.CodeQuota))
		return true
	}
	n := newNetwork(t, 2)
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool { return times(4, used) })
	if _, err := n.client().Publish(t.Context(), n.order(set("9.0", "one"))); err != nil {
		t.Errorf("after some blocks: %v", err)
	}
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool { return used })
	if _, err := n.client().Publish(t.Context(), n.order(set("9.0", "two"))); !errors.Is(err, record.CodeQuota) {
		t.Errorf("for ever: %v", err)
	}
}

func encode(tb testing.TB, r *change.Request) []byte {
	tb.Helper()
	b, err := r.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
