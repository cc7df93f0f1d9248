package change_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// TestReview compares a list of tags with the one before only for whoever signed that.
func TestReview(t *testing.T) {
	p := fixture.NewConsortium(t, 4).NewPublisher(app)
	stranger := fixture.NewKey(t, keys.KeytypeEd25519, "stranger")
	stored := p.Targets(1, fixture.Tags{"gone": "a", "kept": "b", "moved": "c"})
	next, err := tuf.NewTargets(p.TargetsSpec(2, fixture.Tags{"kept": "b", "moved": "d", "new": "e"}))
	if err != nil {
		t.Fatal(err)
	}
	forged := p.SignTargets(p.TargetsSpec(1, fixture.Tags{"kept": "b"}), stranger)
	request := func(stored ...*tuf.Targets) *change.Request {
		r, err := change.NewRequest(change.RequestPublish, next.Binding.Ledger,
			change.RequestPart{Repository: p.Repository, Root: p.Root(1), Roles: stored, NewRoles: []*tuf.Targets{next}})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	whole := []string{"kept: ->b", "moved: ->d", "new: ->e"}
	for _, tc := range []struct {
		name     string
		r        *change.Request
		own      []keys.PublicKey
		compared uint64
		want     []string
	}{
		{"who signed it", request(stored), publicKeys(p.TaggingKeys...), 1, []string{"moved: c->d", "new: ->e", "gone: a->"}},
		{"who did not", request(stored), publicKeys(stranger), 0, whole},
		{"nobody", request(stored), nil, 0, whole},
		{"a first file", request(), publicKeys(p.TaggingKeys...), 0, whole},
		{"a file that others signed", request(forged), publicKeys(p.TaggingKeys...), 0, whole},
	} {
		list := tc.r.Review(tc.own)
		if len(list) != 1 || list[0].Targets == nil || list[0].ComparedWith != tc.compared || list[0].Digest != next.SignedDigest() {
			t.Fatalf("%s: %+v", tc.name, list)
		}
		names := map[string]string{"": ""}
		for _, m := range []string{"a", "b", "c", "d", "e"} {
			names[fixture.Digest(m).String()] = m
		}
		var got []string
		for _, d := range list[0].Tags {
			text := d.Tag.String() + ": "
			if !d.Before.Digest.IsZero() {
				text += names[d.Before.Digest.String()]
			}
			text += "->"
			if !d.After.Digest.IsZero() {
				text += names[d.After.Digest.String()]
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
	}
}

// TestNextStatement follows what the repository has.
func TestNextStatement(t *testing.T) {
	p := fixture.NewConsortium(t, 4).NewPublisher(app)
	current := &change.Current{Repository: p.Repository, Root: p.Root(1), Revocations: 4, Lifts: 2, Recoveries: 1}
	digests := fixture.Digests("one", "two")
	for _, tc := range []struct {
		name              string
		current           *change.Current
		change            change.StatementChange
		sequence, through uint64
		err               error
	}{
		{"revoke", current, change.StatementChange{Action: record.ActionRevoke, Role: tuf.RoleTargets, Digests: digests, Reason: record.ReasonMalicious}, 5, 0, nil},
		{"lift", current, change.StatementChange{Action: record.ActionLift, Role: tuf.RoleRoot, Digests: digests, Reason: record.ReasonMistake}, 3, 4, nil},
		{"lift what was there before", current, change.StatementChange{Action: record.ActionLift, Role: tuf.RoleRoot, Digests: digests, Reason: record.ReasonMistake, Through: 3}, 3, 3, nil},
		{"lift where nothing is revoked", &change.Current{Repository: p.Repository, Root: p.Root(1)}, change.StatementChange{Action: record.ActionLift, Role: tuf.RoleRoot, Digests: digests, Reason: record.ReasonMistake}, 0, 0, record.CodeNotRevoked},
		{"without digests", current, change.StatementChange{Action: record.ActionRevoke, Role: tuf.RoleTargets, Reason: record.ReasonMistake}, 0, 0, record.ErrStatement},
	} {
		st, err := change.NextStatement(tc.current, tc.change)
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: error %v, want %v", tc.name, err, tc.err)
		}
		if err == nil && (st.Sequence != tc.sequence || st.Through != tc.through || st.RecoveryCount != 1 || st.Binding.Ledger != current.Root.Binding.Ledger || len(st.Signatures) != 0) {
			t.Errorf("%s: %+v", tc.name, st)
		}
	}
}

// TestMaySubmit: a key submits for all repositories of a request or not at all, and in an
// emergency a root key had better.
func TestMaySubmit(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p, q := c.NewPublisher(app), c.NewPublisher(other)
	ci := fixture.NewKey(t, keys.KeytypeEd25519, "ci")
	top := p.RoleFile(tuf.RoleTargets, 1, nil, fixture.Delegate(fixture.Delegation{Role: "targets/ci", Keys: []*fixture.Key{ci}, Paths: []string{"*"}}), p.TaggingKeys...)
	part := change.RequestPart{Repository: p.Repository, Root: p.Root(1), Roles: []*tuf.Targets{top}}
	alone := &change.Request{Kind: change.RequestPublish, Parts: []change.RequestPart{part}}
	both := &change.Request{Kind: change.RequestPublish, Parts: []change.RequestPart{part, {Repository: q.Repository, Root: q.Root(1)}}}
	revoke := &change.Request{Kind: change.RequestRevoke, Parts: alone.Parts}
	for _, tc := range []struct {
		name                         string
		key                          *fixture.Key
		may, mayBoth, shouldInDanger bool
	}{
		{"root", p.RootKeys[0], true, false, true},
		{"tagging", p.TaggingKeys[0], true, false, false},
		{"delegated", ci, true, false, false},
		{"of the other repository", q.RootKeys[0], false, false, false},
		{"notary", c.Operators[0].Notary, false, false, false},
	} {
		id := tc.key.ID()
		if alone.MaySubmit(id) != tc.may || both.MaySubmit(id) != tc.mayBoth || revoke.ShouldSubmit(id) != tc.shouldInDanger || !alone.ShouldSubmit(id) {
			t.Errorf("%s: %v %v %v", tc.name, alone.MaySubmit(id), both.MaySubmit(id), revoke.ShouldSubmit(id))
		}
	}
}
