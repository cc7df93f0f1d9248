package bundle_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/merkle"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// state lets app make statements, and has the question answered anew.
func (a *asked) state(list ...*record.SignedStatement) {
	for _, s := range list {
		a.Commit(a.RelayStatements(a.Operators[1], s))
	}
	a.refresh()
}

// refresh answers the question from the newest state, in time.
func (a *asked) refresh() {
	a.Commit()
	a.now = a.Now()
	a.from(a.Newest())
}

// revoked lets app revoke "two", which app:latest means.
func (a *asked) revoked() { a.state(a.app.Revoke("targets", 1, "two", "other")) }

// lifted lets app lift that revocation.
func (a *asked) lifted() {
	a.revoked()
	a.state(a.app.Lift(1, 1, "two"))
}

// denied makes the client learn of the revocation.
func (a *asked) denied(tb testing.TB) {
	tb.Helper()
	_, m, err := a.verify()
	if !errors.Is(err, bundle.ErrRevoked) {
		tb.Fatalf("couldn't learn of the revocation: %v", err)
	}
	a.mem = m
}

// rules lets all validators say something else of "two" in the newest state, with
// contents to go with it.
func (a *asked) rules(tb testing.TB, contents [][]byte, change func(*record.Voucher)) {
	tb.Helper()
	a.Commit()
	a.Commit()
	a.now = a.Now()
	height := a.Height() - 1
	key := record.VoucherKey(fixture.Digest("two"), repository(app))
	v, err := record.DecodeVoucher(a.Source(height).Value(key))
	if err != nil {
		tb.Fatal(err)
	}
	change(v)
	a.from(a.Doctored(height, contents, merkle.Change{Key: key, Value: v.Encode()}))
}

// forge lets all validators accept a statement nobody else would.
func (a *asked) forge(tb testing.TB, s *record.SignedStatement) {
	tb.Helper()
	a.rules(tb, [][]byte{s.Encode()}, func(v *record.Voucher) {
		r := *v.Ruling()
		r.Role, r.Reason, r.Statement = s.Binding.Role, s.Reason, s.Digest()
		v.Revocation, v.Lift = nil, &r
		if s.Action == record.ActionRevoke {
			v.Revocation, v.Lift = &r, nil
		}
	})
}

var statementLies = []struct {
	name string
	lie  func(*testing.T, *asked)
	want error // nil: no lie
}{
	{"revoked", func(_ *testing.T, a *asked) { a.revoked() }, bundle.ErrRevoked},
	{"revoked, by the ledger", func(_ *testing.T, a *asked) { a.req = byLedger(a.req); a.revoked() }, bundle.ErrRevoked},
	{"revoked, asked by digest", func(_ *testing.T, a *asked) { a.req = at(bundletest.RepositoryRequest(app), "two"); a.revoked() }, bundle.ErrRevoked},
	{"revoked and withdrawn, asked by digest", func(_ *testing.T, a *asked) {
		a.req = at(bundletest.RepositoryRequest(app), "two")
		a.revoked()
		a.Commit(a.app.Publish(3, fixture.Tags{"1.0": "one"}))
		a.refresh()
	}, bundle.ErrRevoked},
	{"revoked and never published", func(_ *testing.T, a *asked) { a.req = at(bundletest.RepositoryRequest(app), "other"); a.revoked() }, bundle.ErrRevoked},
	{"lifted and never published", func(_ *testing.T, a *asked) {
		a.req = at(bundletest.RepositoryRequest(app), "other")
		a.revoked()
		a.state(a.app.Lift(1, 1, "other"))
	}, bundle.ErrAbsentImage},
	{"revoked in another repository", func(_ *testing.T, a *asked) { a.state(a.other.Revoke("root", 1, "two")) }, nil},
	{"lifted", func(_ *testing.T, a *asked) { a.lifted() }, nil},
	{"lifted, by the ledger", func(_ *testing.T, a *asked) { a.req = byLedger(a.req); a.lifted() }, nil},
	{"lifted, asked by digest", func(_ *testing.T, a *asked) { a.req = at(bundletest.RepositoryRequest(app), "two"); a.lifted() }, nil},
	{"lifted before a rotation", func(t *testing.T, a *asked) { a.lifted(); a.rotated(t, true) }, nil},
	{"lifted after what the client knows", func(t *testing.T, a *asked) { a.revoked(); a.denied(t); a.state(a.app.Lift(1, 1, "two")) }, nil},
	{"revoked again", func(_ *testing.T, a *asked) { a.lifted(); a.state(a.app.Revoke("root", 2, "two")) }, bundle.ErrRevoked},

	// What is revoked is not trusted, whatever is wrong with the rest.
	{"revoked, without the statement", func(_ *testing.T, a *asked) { a.revoked(); a.bundle.Statements = nil }, bundle.ErrRevoked},
	{"revoked before a rotation, without the root", func(t *testing.T, a *asked) {
		a.revoked()
		a.rotated(t, true)
		a.bundle.StatementRoot = nil
	}, bundle.ErrStatement},

	// A node alone can't hide a revocation, nor make one.
	{"hides a revocation", func(_ *testing.T, a *asked) {
		before := a.bundle.GetImage()
		a.revoked()
		a.bundle.Image = before
	}, bundle.ErrProof},
	{"hides that a digest is revoked and was never published", func(_ *testing.T, a *asked) {
		a.req = at(bundletest.RepositoryRequest(app), "other")
		before := a.Newest().Bundle(a.req).GetImage()
		a.revoked()
		a.bundle.Image = before
	}, bundle.ErrProof},
	{"garbage for a statement", func(_ *testing.T, a *asked) { a.revoked(); a.bundle.Statements = [][]byte{[]byte("x")} }, bundle.ErrStatement},
	{"another statement of the publisher", func(_ *testing.T, a *asked) {
		a.revoked()
		a.bundle.Statements = [][]byte{a.app.Revoke("root", 1, "two").Encode()}
	}, bundle.ErrStatement},
	{"statement with another's signature", func(t *testing.T, a *asked) {
		a.revoked()
		a.bundle.Statements = [][]byte{a.app.SignStatement(a.app.Revocation("targets", 1, "two", "other"), strangers(t, 1)...).Encode()}
	}, bundle.ErrStatement},
	{"statement about what nothing is said of", func(_ *testing.T, a *asked) {
		a.bundle.Statements = [][]byte{a.app.Revoke("targets", 1, "two").Encode()}
	}, bundle.ErrStatement},
	{"lift without its statement", func(_ *testing.T, a *asked) { a.lifted(); a.bundle.Statements = nil }, bundle.ErrStatement},
	{"lift with the revocation's statement", func(_ *testing.T, a *asked) {
		a.lifted()
		a.bundle.Statements = [][]byte{a.app.Revoke("targets", 1, "two", "other").Encode()}
	}, bundle.ErrStatement},
	{"lift before a rotation, without the root", func(t *testing.T, a *asked) { a.lifted(); a.rotated(t, true); a.bundle.StatementRoot = nil }, bundle.ErrStatement},
	{"lift before a rotation, with another root", func(t *testing.T, a *asked) {
		a.lifted()
		second, _ := a.rotated(t, true)
		a.bundle.StatementRoot = second.Bytes()
	}, bundle.ErrStatement},
	{"lift before a rotation, with a root of the node's own", func(t *testing.T, a *asked) {
		a.lifted()
		spec := a.app.RootSpec(1)
		a.rotated(t, true)
		a.bundle.StatementRoot = a.app.SignRoot(spec, strangers(t, 1)...).Bytes()
	}, bundle.ErrStatement},

	// Nor can all validators together undo one that the client knows.
	{"validators forget a revocation", func(t *testing.T, a *asked) {
		a.revoked()
		a.denied(t)
		a.rules(t, nil, func(v *record.Voucher) { v.Revocation = nil })
	}, bundle.ErrRollback},
	{"validators forget a revocation, by the ledger", func(t *testing.T, a *asked) {
		a.revoked()
		a.denied(t)
		a.req = byLedger(a.req)
		a.rules(t, nil, func(v *record.Voucher) { v.Revocation = nil })
	}, bundle.ErrRollback},
	{"validators lift a revocation", func(t *testing.T, a *asked) {
		a.revoked()
		a.rules(t, nil, func(v *record.Voucher) { v.Lift, v.Revocation = v.Revocation, nil })
	}, bundle.ErrMismatch}, // there was no lift
	{"validators lift with a stolen tagging key", func(t *testing.T, a *asked) {
		a.lifted()
		a.forge(t, a.app.SignStatement(a.app.Lifting(1, 1, "two"), a.app.TaggingKeys...))
	}, bundle.ErrStatement},
	{"validators lift with keys of their own", func(t *testing.T, a *asked) {
		a.lifted()
		a.forge(t, a.app.SignStatement(a.app.Lifting(1, 1, "two"), strangers(t, 1)...))
	}, bundle.ErrStatement},
	{"validators lift with too few keys", func(t *testing.T, a *asked) {
		a.lifted()
		a.forge(t, a.app.SignStatement(a.app.Lifting(1, 1, "two")))
	}, bundle.ErrStatement},
	{"validators use an old lift for a new revocation", func(t *testing.T, a *asked) {
		a.lifted()
		a.state(a.app.Revoke("root", 2, "two"))
		a.denied(t)
		a.forge(t, a.app.Lift(1, 1, "two"))
	}, bundle.ErrMismatch}, // the sequence is that of a revocation
	{"validators use an old lift for a new revocation, with its number", func(t *testing.T, a *asked) {
		a.lifted()
		old := a.app.Lift(1, 1, "two")
		a.state(a.app.Revoke("root", 2, "two"))
		a.denied(t)
		a.rules(t, [][]byte{old.Encode()}, func(v *record.Voucher) {
			r := *v.Revocation
			r.Sequence, r.Reason, r.Statement = 1, old.Reason, old.Digest()
			v.Revocation, v.Lift = nil, &r
		})
	}, bundle.ErrStatement},
	{"validators use an old revocation for a new one", func(t *testing.T, a *asked) {
		a.lifted()
		a.state(a.app.Revoke("root", 2, "two"))
		a.denied(t)
		a.rules(t, nil, func(v *record.Voucher) { v.Revocation.Sequence = 1 })
	}, bundle.ErrRollback},
	{"validators use a revocation of another repository", func(t *testing.T, a *asked) {
		a.revoked()
		a.forge(t, a.other.Revoke("root", 1, "two"))
	}, bundle.ErrMismatch},
	{"validators use an older revocation", func(t *testing.T, a *asked) {
		a.lifted()
		a.state(a.app.Revoke("root", 2, "two"))
		a.forge(t, a.app.Revoke("targets", 1, "two", "other"))
	}, bundle.ErrMismatch},
	{"validators use the lift of another digest", func(t *testing.T, a *asked) {
		a.lifted()
		a.forge(t, a.app.Lift(1, 1, "other"))
	}, bundle.ErrMismatch},
	{"validators use the lift of another repository", func(t *testing.T, a *asked) {
		a.lifted()
		a.forge(t, a.other.Lift(1, 1, "two"))
	}, bundle.ErrMismatch},
	{"validators use the lift from another recovery", func(t *testing.T, a *asked) {
		a.lifted()
		s := a.app.Lifting(1, 1, "two")
		s.RecoveryCount = 1
		a.forge(t, a.app.SignStatement(s, a.app.RootKeys...))
	}, bundle.ErrMismatch},
	{"validators take a revocation for a lift", func(t *testing.T, a *asked) {
		a.lifted()
		revocation := a.app.Revoke("targets", 1, "two", "other")
		a.rules(t, [][]byte{revocation.Encode()}, func(v *record.Voucher) {
			v.Lift.Role, v.Lift.Reason, v.Lift.Statement = "targets", revocation.Reason, revocation.Digest()
		})
	}, bundle.ErrMismatch},
	{"validators give another reason", func(t *testing.T, a *asked) {
		a.revoked()
		a.rules(t, nil, func(v *record.Voucher) { v.Revocation.Reason = record.ReasonSuperseded })
	}, bundle.ErrMismatch},
	{"validators judge by a root to come", func(t *testing.T, a *asked) {
		a.revoked()
		a.rules(t, nil, func(v *record.Voucher) { v.Revocation.RootVersion = 2 })
	}, bundle.ErrMismatch},
	{"validators revoke without the repository's knowledge", func(t *testing.T, a *asked) {
		a.doctor(a.voucherWith(t, func(v *record.Voucher) {
			v.Revocation = &record.Ruling{Role: "root", Reason: 1, Sequence: 1, RootVersion: 1, Height: 2, Time: a.BlockTime(2)}
		}))
	}, bundle.ErrMismatch},
	{"validators say a live tag was never published", func(t *testing.T, a *asked) {
		a.lifted()
		a.rules(t, nil, func(v *record.Voucher) { v.First = record.Publication{} })
	}, bundle.ErrMismatch},
}

func TestStatementLies(t *testing.T) {
	for _, c := range statementLies {
		t.Run(c.name, func(t *testing.T) { tell(t, c.lie, c.want) })
	}
}

// Test what a client is told of a revocation and of its lift.
func TestStatementResult(t *testing.T) {
	a := newStory(t).asked()
	statement := a.app.Revocation("targets", 1, "two")
	statement.Reason, statement.Note = record.ReasonVulnerable, "CVE-2026-1"
	signed := a.app.SignStatement(statement, a.app.TaggingKeys...)
	a.state(signed)
	var denial *bundle.Denial
	if _, _, err := a.verify(); !errors.As(err, &denial) {
		t.Fatal(err)
	}
	want := "the digest was revoked: " + fixture.Digest("two").String() + ", at height 6, by the targets role: vulnerable (CVE-2026-1)"
	if got := denial.Error(); got != want {
		t.Errorf("denial %q, want %q", got, want)
	}
	r := denial.Result
	if r.Revocation.Height != 6 || r.Revocation.Time != a.BlockTime(6) || r.Lift != nil || r.Statement.Digest() != signed.Digest() || r.First.Height != 3 {
		t.Errorf("result %+v", r)
	}
	// Without the statement the ledger's word remains, and nothing is remembered.
	a.bundle.Statements = nil
	_, m, err := a.verify()
	if !errors.As(err, &denial) || denial.Result.Statement != nil || denial.Result.Revocation == nil {
		t.Errorf("without the statement: %v", err)
	}
	if seen, _ := m.Repository(repository(app)); seen.Revoked != nil {
		t.Errorf("remembered %v", seen.Revoked)
	}

	lift := a.app.Lift(1, 1, "two")
	a.state(lift)
	result, _, err := a.verify()
	if err != nil {
		t.Fatal(err)
	}
	if result.Revocation != nil || result.Lift.Height != 8 || result.Statement.Digest() != lift.Digest() {
		t.Errorf("result %+v", result)
	}
}

// Test that a revocation judged by a root that was rotated away since is verified,
// by a client that knows all roots and by one that knows none.
func TestStatementOfOldRoot(t *testing.T) {
	a := newStory(t).asked()
	a.learn(t, a.Newest(), a.req)
	known := a.mem
	a.revoked()
	a.rotated(t, true)
	for name, mem := range map[string]*bundle.Memory{"knows nothing": a.memory(), "knows version 1": known} {
		_, m, err := bundle.Verify(a.bundle, a.req, mem, a.now, a.policy)
		if !errors.Is(err, bundle.ErrRevoked) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if seen, _ := m.Repository(repository(app)); seen.RevokedThrough(fixture.Digest("two")) != 1 {
			t.Errorf("%s: remembered %v", name, seen.Revoked)
		}
		// The next time it needs no roots but that one.
		b := a.Newest().BundleFor(a.req, query.Known{RootVersion: 3})
		if len(b.GetRoots()) != 0 || len(b.GetStatementRoot()) == 0 {
			t.Fatal("not what a node sends")
		}
		if _, _, err := bundle.Verify(b, a.req, m, a.now, a.policy); !errors.Is(err, bundle.ErrRevoked) {
			t.Errorf("%s, without roots: %v", name, err)
		}
	}
	root, err := tuf.ParseRoot(a.bundle.GetStatementRoot())
	if err != nil || root.Version != 1 {
		t.Errorf("root %v, %v", root, err)
	}
}

// Test that revocations are remembered over a restart until a lift, in order and
// not without end.
func TestRevokedMemory(t *testing.T) {
	a := newStory(t).asked()
	a.req = at(bundletest.RepositoryRequest(app), "m0")
	const some = 3
	for i := range uint64(some) {
		m := fmt.Sprintf("m%d", i)
		a.req = at(bundletest.RepositoryRequest(app), m)
		a.state(a.app.Revoke("root", i+1, m))
		a.denied(t)
		a.mem = reread(t, a.mem)
	}
	seen, _ := a.mem.Repository(repository(app))
	for i := range uint64(some) {
		if got := seen.Revoked[i]; got.Sequence != i+1 || got.Digest != fixture.Digest(fmt.Sprintf("m%d", i)) {
			t.Errorf("%d: %+v", i, got)
		}
	}
	a.req = at(bundletest.RepositoryRequest(app), "m1")
	a.state(a.app.Lift(1, some, "m1"))
	_, m, err := a.verify()
	if !errors.Is(err, bundle.ErrAbsentImage) {
		t.Fatal(err)
	}
	if seen, _ := m.Repository(repository(app)); len(seen.Revoked) != some-1 || seen.RevokedThrough(fixture.Digest("m1")) != 0 {
		t.Errorf("remembered %v", seen.Revoked)
	}
}

// Test the bound of what is remembered: the oldest revocations go.
func TestRevokedMemoryIsBounded(t *testing.T) {
	var s bundle.Seen
	for i := range bundle.MaxKeptRevoked + 10 {
		s = bundle.WithRevoked(s, fixture.Digest(fmt.Sprint(i)), uint64(1+i/2))
	}
	if len(s.Revoked) != bundle.MaxKeptRevoked {
		t.Fatalf("%d are kept", len(s.Revoked))
	}
	if s.RevokedThrough(fixture.Digest("9")) != 0 || s.RevokedThrough(fixture.Digest(fmt.Sprint(bundle.MaxKeptRevoked+9))) == 0 {
		t.Error("not the oldest were forgotten")
	}
}

// Test that no byte of a lift can be changed, left out or added unnoticed.
func TestEveryFieldOfLiftMatters(t *testing.T) {
	a := newStory(t).asked()
	a.lifted()
	a.rotated(t, true)
	if len(a.bundle.GetStatements()) != 1 || len(a.bundle.GetStatementRoot()) == 0 {
		t.Fatal("the bundle has no statement or no root for it")
	}
	everyFieldMatters(t, a)
}
