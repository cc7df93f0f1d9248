package bundle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// family replaces the question by one about a family of role files.
func (a *asked) family(t *testing.T, change func(f *family)) {
	t.Helper()
	f := newFamily(t, time.Time{})
	if change != nil {
		change(f)
	}
	*a = *f.asked
}

// knowing rotates the root to version 3 and lets the client know the first n versions.
func (a *asked) knowing(t *testing.T, n uint64) {
	t.Helper()
	know := func() {
		t.Helper()
		a.now = a.Now()
		a.from(a.Newest())
		_, m, err := a.verify()
		if err != nil {
			t.Fatalf("couldn't learn: %v", err)
		}
		a.mem = m
	}
	know()
	a.Commit(a.Relay(a.Operators[1], fixture.Update{Roots: []*tuf.Root{a.app.RotateRoot(2, fixture.NewKeys(t, keys.KeytypeEd25519, "second root", 1), nil)}}))
	a.Commit()
	if n >= 2 {
		know()
	}
	a.Commit(a.Relay(a.Operators[1], fixture.Update{Roots: []*tuf.Root{a.app.RotateRoot(3, fixture.NewKeys(t, keys.KeytypeEd25519, "third root", 1), nil)}}))
	a.Commit()
	a.now = a.Now()
	if n >= 3 {
		know()
	}
	a.from(a.Newest())
}

// named are places that the specification left open for a while.
var named = []struct {
	name string
	lie  func(*testing.T, *asked)
	want error // nil: no lie
}{
	{"profile 0", func(_ *testing.T, a *asked) { a.bundle.Profile = 0 }, bundle.ErrMalformed},
	{"profile 2", func(_ *testing.T, a *asked) { a.bundle.Profile = 2 }, record.ErrNewer},
	{"repository of profile 2", func(t *testing.T, a *asked) {
		a.doctor(a.repositoryWith(t, func(r *record.Repository) { r.Profile = record.ProfileNotary }))
	}, record.ErrNewer},
	{"revision 0", func(t *testing.T, a *asked) {
		a.doctor(a.repositoryWith(t, func(r *record.Repository) { r.Revision = 0 }))
	}, bundle.ErrMismatch},
	{"root of version 0", func(t *testing.T, a *asked) {
		a.doctor(a.roleWith(t, tuf.RoleRoot, func(s *record.RoleState) { s.Version = 0 }))
	}, bundle.ErrMismatch},

	{"roots from the first, all known", func(t *testing.T, a *asked) { a.knowing(t, 3) }, nil},
	{"roots from the second, all known", func(t *testing.T, a *asked) { a.knowing(t, 3); a.bundle.Roots = a.bundle.Roots[1:] }, nil},
	{"the last root, all known", func(t *testing.T, a *asked) { a.knowing(t, 3); a.bundle.Roots = a.bundle.Roots[2:] }, nil},
	{"no roots, all known", func(t *testing.T, a *asked) { a.knowing(t, 3); a.bundle.Roots = nil }, nil},
	{"known roots only, all known", func(t *testing.T, a *asked) { a.knowing(t, 3); a.bundle.Roots = a.bundle.Roots[:2] }, nil},
	{"roots from the first, two known", func(t *testing.T, a *asked) { a.knowing(t, 2) }, nil},
	{"roots from the second, two known", func(t *testing.T, a *asked) { a.knowing(t, 2); a.bundle.Roots = a.bundle.Roots[1:] }, nil},
	{"the last root, two known", func(t *testing.T, a *asked) { a.knowing(t, 2); a.bundle.Roots = a.bundle.Roots[2:] }, nil},
	{"no roots, two known", func(t *testing.T, a *asked) { a.knowing(t, 2); a.bundle.Roots = nil }, bundle.ErrRoot},
	{"the last root, one known", func(t *testing.T, a *asked) { a.knowing(t, 1); a.bundle.Roots = a.bundle.Roots[2:] }, bundle.ErrRoot},
	{"gap among known roots", func(t *testing.T, a *asked) { a.knowing(t, 3); a.bundle.Roots = slices.Delete(a.bundle.Roots, 1, 2) }, bundle.ErrRoot},
	{"last root proven though it is the current one", func(t *testing.T, a *asked) {
		a.knowing(t, 2)
		a.bundle.LastRoot = a.Newest().Prove(record.RootKey(repository(app), 3))
	}, bundle.ErrMalformed},

	{"files in order of delegation", func(t *testing.T, a *asked) { a.family(t, nil) }, nil},
	{"siblings in another order", func(t *testing.T, a *asked) {
		a.family(t, func(f *family) { f.bundle.Targets[1], f.bundle.Targets[2] = f.bundle.Targets[2], f.bundle.Targets[1] })
	}, nil},
	{"a file the question does not need left out", func(t *testing.T, a *asked) {
		a.family(t, func(f *family) { f.bundle.Targets = slices.Delete(f.bundle.Targets, 1, 2) })
	}, nil},
	{"a role before its delegator", func(t *testing.T, a *asked) {
		a.family(t, func(f *family) { f.bundle.Targets[2], f.bundle.Targets[3] = f.bundle.Targets[3], f.bundle.Targets[2] })
	}, bundle.ErrTargets},
	{"targets last", func(t *testing.T, a *asked) {
		a.family(t, func(f *family) { f.bundle.Targets = append(f.bundle.Targets[1:], f.bundle.Targets[0]) })
	}, bundle.ErrTargets},

	{"tag of a role that was removed and returned", func(t *testing.T, a *asked) {
		a.family(t, func(f *family) {
			tags := fixture.Tags{"1.0": "one", "latest": "two"}
			f.publish(f.app.RoleFile(tuf.RoleTargets, 5, tags, fixture.Delegate(f.to[0]), f.app.TaggingKeys...))
			f.publish(f.app.RoleFile(tuf.RoleTargets, 6, tags, fixture.Delegate(f.to...), f.app.TaggingKeys...))
			f.publish(f.app.RoleFile(roleRelease, 2, fixture.Tags{"v3": "five"}, nil, f.key[roleRelease]))
			f.about(ref(app + ":v1"))
		})
	}, bundle.ErrNotEffective},
	{"tag that it set since", func(t *testing.T, a *asked) {
		a.family(t, func(f *family) {
			tags := fixture.Tags{"1.0": "one", "latest": "two"}
			f.publish(f.app.RoleFile(tuf.RoleTargets, 5, tags, fixture.Delegate(f.to[0]), f.app.TaggingKeys...))
			f.publish(f.app.RoleFile(tuf.RoleTargets, 6, tags, fixture.Delegate(f.to...), f.app.TaggingKeys...))
			f.publish(f.app.RoleFile(roleRelease, 2, fixture.Tags{"v3": "five"}, nil, f.key[roleRelease]))
			f.about(ref(app + ":v3"))
		})
	}, nil},
	{"publication before the tag, by index", func(t *testing.T, a *asked) {
		a.doctor(a.voucherWith(t, func(v *record.Voucher) { v.Last.Index-- }))
	}, bundle.ErrMismatch},
	{"publication before the tag, by height and time only", func(t *testing.T, a *asked) {
		a.doctor(a.voucherWith(t, func(v *record.Voucher) { v.Last.Height, v.Last.Time = 1, a.BlockTime(1) }))
	}, nil},
	{"last publication before the first, by index", func(t *testing.T, a *asked) {
		a.doctor(a.voucherWith(t, func(v *record.Voucher) { v.First.Index = v.Last.Index + 1 }))
	}, bundle.ErrMismatch},

	{"older revocation than known, by the ledger", func(t *testing.T, a *asked) {
		a.lifted()
		a.state(a.app.Revoke("root", 2, "two"))
		a.denied(t)
		a.req = byLedger(a.req)
		a.rules(t, nil, func(v *record.Voucher) { r := *v.Revocation; r.Sequence = 1; v.Revocation = &r })
	}, bundle.ErrRollback},
	{"lift of a known revocation, by the ledger", func(t *testing.T, a *asked) {
		a.revoked()
		a.denied(t)
		a.req = byLedger(a.req)
		a.state(a.app.Lift(1, 1, "two"))
	}, nil},
	{"voucher gone, known revocation, by the ledger", func(t *testing.T, a *asked) {
		a.revoked()
		a.denied(t)
		a.req = byLedger(at(query.Resolve{Repository: repository(app)}, "two"))
		a.Commit()
		a.Commit()
		a.now = a.Now()
		a.from(a.Doctored(a.Height()-1, nil, merkle.Change{Key: record.VoucherKey(fixture.Digest("two"), repository(app))}))
	}, bundle.ErrRollback},
}

// TestNamed: each place that had to be guessed from the specification is as it says.
func TestNamed(t *testing.T) {
	for _, c := range named {
		t.Run(c.name, func(t *testing.T) {
			a := newStory(t).asked()
			c.lie(t, a)
			result, memory, err := a.verify()
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if class := bundle.ClassOf(err); (result != nil) != (err == nil) || (memory != nil) != (err == nil || class == bundle.NotTrusted) {
				t.Errorf("result %v and memory %v beside %v", result != nil, memory != nil, err)
			}
		})
	}
}
