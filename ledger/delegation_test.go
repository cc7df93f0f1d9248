package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// tree is a repository with delegations. It remembers the newest file of each role
// and makes the next.
type tree struct {
	*chain
	p     *fixture.Publisher
	keys  map[string]*fixture.Key // of each delegated role, by its short name
	files map[string]*tuf.Targets
}

func newTree(t testing.TB) *tree {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	tr := &tree{chain: newChain(t, c), p: c.NewPublisher("registry.example.com/app"), keys: map[string]*fixture.Key{}, files: map[string]*tuf.Targets{}}
	tr.commit(tr.p.Register(c.Operators[0]))
	return tr
}

// key returns the key of a delegated role.
func (tr *tree) key(short string) *fixture.Key {
	if tr.keys[short] == nil {
		tr.keys[short] = newKeys(tr.t, short)[0]
	}
	return tr.keys[short]
}

// to is a delegation to a role by its own key.
func (tr *tree) to(short string, paths ...string) fixture.Delegation {
	return fixture.Delegation{Role: role(short), Keys: []*fixture.Key{tr.key(short)}, Paths: paths}
}

// role is the name of a role, "" being that of targets.
func role(short string) string {
	if short == "" {
		return record.RoleTargets
	}
	return "targets/" + short
}

// terminating returns a delegation that ends searches.
func terminating(d fixture.Delegation) fixture.Delegation {
	d.Terminating = true
	return d
}

func (tr *tree) version(short string) uint64 {
	return tr.repository(tr.p).After(role(short))
}

// next makes the next file of a role with its delegations.
func (tr *tree) file(short string, tags fixture.Tags, to ...fixture.Delegation) *tuf.Targets {
	signers := tr.p.TaggingKeys
	if short != "" {
		signers = []*fixture.Key{tr.key(short)}
	}
	return tr.p.RoleFile(role(short), tr.version(short)+1, tags, fixture.Delegate(to...), signers...)
}

// tx is a publication of files, carried by an operator.
func (tr *tree) tx(files ...*tuf.Targets) []byte {
	return tr.c.Relay(tr.c.Operators[3], tr.update(files...))
}

func (tr *tree) update(files ...*tuf.Targets) fixture.Update {
	var u fixture.Update
	for _, f := range files {
		if f.Binding.Role == record.RoleTargets {
			u.Targets = f
		} else {
			u.Delegated = append(u.Delegated, f)
		}
	}
	return u
}

// publish commits files, whole, and checks the ledger.
func (tr *tree) publish(files ...*tuf.Targets) {
	tr.t.Helper()
	tr.commit(tr.tx(files...))
	for _, f := range files {
		tr.files[f.Binding.Role] = f
	}
	tr.check()
}

// refuses checks the code with which files are refused.
func (tr *tree) refuses(want record.Code, files ...*tuf.Targets) {
	tr.t.Helper()
	tr.rejects(want, tr.tx(files...))
}

// holds checks what a tag means and who holds it, effective or not.
func (tr *tree) holds(short, tag, meaning string) {
	tr.t.Helper()
	tr.means(tr.p, tag, meaning)
	if v, ok := get(tr.chain, record.TagKey(tr.p.Repository, reference.MustParseTag(tag)), record.DecodeImageTag); ok && v.Role != role(short) {
		tr.t.Errorf("%s is held by %s, want %s", tag, v.Role, role(short))
	}
}

// state is the entry of a role in short: version and flags.
func (tr *tree) state(short string) string {
	tr.t.Helper()
	r, ok := tr.repository(tr.p).Role(role(short))
	if !ok {
		return "none"
	}
	out := fmt.Sprint(r.Version)
	for _, f := range []struct {
		set  bool
		name string
	}{
		{!r.MeetsKeys, "unmet"},
		{r.Narrowed, "narrowed"},
		{tr.repository(tr.p).Effective(role(short), tr.next().Time), "effective"},
	} {
		if f.set {
			out += " " + f.name
		}
	}
	return out
}

func (tr *tree) wants(states map[string]string) {
	tr.t.Helper()
	for short, want := range states {
		if got := tr.state(short); got != want {
			tr.t.Errorf("%s is %q, want %q", role(short), got, want)
		}
	}
}

// Test the life of delegated roles: first files, nesting, both in one transaction
// with their delegator, removal, return.
func TestDelegatedRoles(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", fixture.Tags{"latest": "one"}, tr.to("ci", "v*"), tr.to("docs", "docs-?")))
	tr.wants(map[string]string{"": "1 effective", "ci": "0 unmet", "docs": "0 unmet"})

	tr.publish(tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("nightly", "v*-nightly")))
	tr.holds("ci", "v1", is("one"))
	// Three levels at once, children by name before their delegators.
	tr.publish(
		tr.file("nightly", fixture.Tags{"v2-nightly": "n"}),
		tr.file("ci", fixture.Tags{"v1": "one", "v2": "two"}, tr.to("nightly", "v*-nightly"), tr.to("beta", "v*-beta")),
		tr.file("beta", fixture.Tags{"v2-beta": "b"}),
	)
	tr.holds("ci", "v2", is("two"))
	tr.holds("nightly", "v2-nightly", is("n"))
	tr.holds("beta", "v2-beta", is("b"))
	tr.wants(map[string]string{"ci": "2 effective", "nightly": "1 effective", "beta": "1 effective"})

	// Without ci all below it goes. Only the highest version of them all stays.
	tr.publish(tr.file("", fixture.Tags{"latest": "one"}))
	tr.wants(map[string]string{"ci": "none", "nightly": "none", "beta": "none", "docs": "none"})
	tr.means(tr.p, "v1", "dead")
	tr.means(tr.p, "v2-nightly", "dead")
	tr.refuses(record.CodeWrongRole, tr.file("ci", nil))

	// Dead tags are free. A role that returns has published nothing, and its first file
	// follows every version that any removed role had.
	tr.publish(tr.file("", fixture.Tags{"latest": "one", "v1": "mine"}, tr.to("ci", "*")))
	tr.holds("", "v1", is("mine"))
	tr.wants(map[string]string{"ci": "0 unmet", "nightly": "none"})
	for _, version := range []uint64{1, 2} {
		tr.refuses(record.CodeStaleScope, tr.p.RoleFile("targets/ci", version, nil, nil, tr.key("ci")))
	}
	tr.refuses(record.CodeFutureScope, tr.p.RoleFile("targets/ci", 4, nil, nil, tr.key("ci")))
	tr.refuses(record.CodeWrongRole, tr.file("nightly", nil))
	// What it set before is not its own until it sets it again.
	tr.publish(tr.file("ci", fixture.Tags{"v3": "three"}, tr.to("nightly", "v*-nightly")))
	tr.wants(map[string]string{"ci": "3 effective", "nightly": "0 unmet", "beta": "none"})
	tr.means(tr.p, "v2", "dead")
	tr.refuses(record.CodeTagHeld, tr.file("ci", fixture.Tags{"v1": "one", "v3": "three"}, tr.to("nightly", "v*-nightly")))
	tr.publish(tr.file("ci", fixture.Tags{"v2": "two", "v3": "three"}, tr.to("nightly", "v*-nightly")))
	tr.holds("ci", "v2", is("two"))
	tr.means(tr.p, "v2-nightly", "dead")
	tr.publish(tr.file("nightly", fixture.Tags{"v2-nightly": "n"}))
	tr.wants(map[string]string{"nightly": "3 effective"})
	tr.holds("nightly", "v2-nightly", is("n"))
	// And it may be withdrawn, or set by others, as any tag.
	tr.publish(tr.file("ci", fixture.Tags{"v3": "three"}, tr.to("nightly", "v*-nightly")))
	tr.means(tr.p, "v2", "withdrawn")
}

// Test who gets a tag that several roles want.
func TestTagHolders(t *testing.T) {
	tr := newTree(t)
	below := []fixture.Delegation{tr.to("a", "*"), tr.to("b", "*")}
	tr.publish(tr.file("", nil, below...), tr.file("a", fixture.Tags{"x": "a1", "y": "a1"}, tr.to("c", "*")))
	tr.publish(tr.file("b", fixture.Tags{"z": "b1"}), tr.file("c", fixture.Tags{"w": "c1"}))

	// The first in block order holds it; whom it is delegated to first does not matter.
	tr.refuses(record.CodeTagHeld, tr.file("b", fixture.Tags{"x": "b1", "z": "b1"}))
	tr.refuses(record.CodeTagHeld, tr.file("c", fixture.Tags{"x": "c1", "w": "c1"})) // not even from an ancestor
	tr.refuses(record.CodeTagHeld, tr.file("b", fixture.Tags{"w": "b1", "z": "b1"})) // nor from a nephew

	// An ancestor takes it. The role it was taken from goes on with its other tags
	// and need not drop the row; it gets the tag back by no such file.
	tr.publish(tr.file("", fixture.Tags{"x": "top", "w": "top"}, below...))
	tr.holds("", "x", is("top"))
	tr.holds("", "w", is("top"))
	tr.publish(tr.file("a", fixture.Tags{"x": "a1", "y": "a2"}, tr.to("c", "*")))
	tr.holds("", "x", is("top"))
	tr.holds("a", "y", is("a2"))
	tr.refuses(record.CodeTagHeld, tr.file("a", fixture.Tags{"x": "a3", "y": "a2"}, tr.to("c", "*")))
	tr.publish(tr.file("c", nil)) // drops the row of w, which it does not hold
	tr.holds("", "w", is("top"))

	// Withdrawn is withdrawn, whatever a file below lists.
	tr.publish(tr.file("", fixture.Tags{"w": "top"}, below...))
	tr.holds("", "x", "withdrawn")
	tr.publish(tr.file("a", fixture.Tags{"x": "a1", "y": "a3"}, tr.to("c", "*")))
	tr.holds("", "x", "withdrawn")
	// It is free, though, for a row that is new.
	tr.publish(tr.file("b", fixture.Tags{"x": "b2", "z": "b1"}))
	tr.holds("b", "x", is("b2"))

	// A tag moves from role to role within one transaction, but two may not set it.
	tr.publish(tr.file("a", fixture.Tags{"x": "a1", "z": "a4"}, tr.to("c", "*")), tr.file("b", fixture.Tags{"x": "b2", "y": "b4"}))
	tr.holds("a", "z", is("a4"))
	tr.holds("b", "y", is("b4"))
	tr.refuses(record.CodeTagHeld,
		tr.file("", fixture.Tags{"w": "top", "q": "q1"}, below...), tr.file("b", fixture.Tags{"x": "b2", "y": "b4", "q": "q2"}))

	v, _ := get(tr.chain, record.VoucherKey(fixture.Digest("a4"), tr.p.Repository), record.DecodeVoucher)
	if !slices.Equal(v.TaggingKeys, fixture.IDs([]*fixture.Key{tr.key("a")})) || !slices.Equal(v.RootKeys, fixture.IDs(tr.p.RootKeys)) {
		t.Errorf("voucher %+v", v)
	}
	// Several roles vouch for one digest in one record: all their keys are named.
	tr.publish(tr.file("c", fixture.Tags{"c5": "shared"}), tr.file("b", fixture.Tags{"x": "b2", "b5": "shared"}))
	v, _ = get(tr.chain, record.VoucherKey(fixture.Digest("shared"), tr.p.Repository), record.DecodeVoucher)
	if want := record.SortKeyIDs(fixture.IDs([]*fixture.Key{tr.key("c"), tr.key("b")})); !slices.Equal(v.TaggingKeys, want) {
		t.Errorf("voucher %+v", v)
	}
}

// Test that roles are switched off and on by what happens above them.
func TestDelegatedEffect(t *testing.T) {
	tr := newTree(t)
	top := func(ci ...fixture.Delegation) *tuf.Targets { return tr.file("", fixture.Tags{"latest": "one"}, ci...) }
	ci := tr.to("ci", "v*", "w*")
	tr.publish(top(ci), tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("deep", "v*")), tr.file("deep", fixture.Tags{"v2": "two"}))
	on := map[string]string{"": "1 effective", "ci": "1 effective", "deep": "1 effective"}
	tr.wants(on)

	// The root's rotation switches off all of it, new targets all of it on again.
	stolen := tr.p.TaggingKeys
	tr.commit(tr.c.Publish(tr.p.RootKeys[0], roots(tr.p.RotateRoot(2, nil, newKeys(t, "fresh")))))
	tr.check()
	tr.wants(map[string]string{"": "1 unmet", "ci": "1", "deep": "1"})
	tr.means(tr.p, "v2", "dead")
	tr.refuses(record.CodeRoleNotEffective, tr.file("ci", nil))
	tr.refuses(record.CodeUnknownKey, tr.p.SignTargets(tr.p.TargetsSpec(2, nil), stolen...))
	tr.publish(top(ci))
	tr.wants(map[string]string{"": "2 effective", "ci": "1 effective", "deep": "1 effective"})
	tr.holds("deep", "v2", is("two"))

	// A stolen key of ci: another one in the file above, and ci is off at once.
	thief := tr.key("ci")
	tr.keys["ci"] = newKeys(t, "ci two")[0]
	ci = tr.to("ci", "v*", "w*")
	tr.publish(top(ci))
	tr.wants(map[string]string{"ci": "1 unmet", "deep": "1"})
	tr.refuses(record.CodeUnknownKey, tr.p.RoleFile("targets/ci", 2, nil, nil, thief))
	tr.refuses(record.CodeRoleNotEffective, tr.file("deep", nil))
	tr.publish(tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("deep", "v*")))
	tr.wants(map[string]string{"ci": "2 effective", "deep": "1 effective"})
	// The old key back: a file that both signed would meet it, this one does not.
	old := ci
	old.Keys = []*fixture.Key{thief}
	tr.publish(top(old))
	tr.wants(map[string]string{"ci": "2 unmet"})
	both := ci
	both.Keys = []*fixture.Key{thief, tr.key("ci")}
	tr.publish(top(both))
	tr.wants(map[string]string{"ci": "2 effective", "deep": "1 effective"})

	// Fewer paths: everything below signs anew, from the top.
	narrow := both
	narrow.Paths = []string{"v*"}
	tr.publish(top(narrow))
	tr.wants(map[string]string{"ci": "2 narrowed", "deep": "1 narrowed"})
	tr.means(tr.p, "v2", "dead")
	tr.publish(top(both)) // too late: nobody knows what it was judged by
	tr.wants(map[string]string{"ci": "2 narrowed", "deep": "1 narrowed"})
	tr.refuses(record.CodeRoleNotEffective, tr.file("deep", fixture.Tags{"v2": "two"}))
	tr.publish(tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("deep", "v*")))
	tr.wants(map[string]string{"ci": "3 effective", "deep": "1 narrowed"})
	tr.publish(tr.file("deep", fixture.Tags{"v2": "two"}))
	tr.wants(map[string]string{"ci": "3 effective", "deep": "2 effective"})
	tr.holds("deep", "v2", is("two"))

	// More paths, or another order of roles, change nothing for it; a terminating
	// role before it does.
	wide := both
	wide.Paths = []string{"x*", "w*", "v*"}
	tr.publish(top(tr.to("other", "v*"), wide))
	tr.wants(map[string]string{"ci": "3 effective", "deep": "2 effective", "other": "0 unmet"})
	tr.publish(top(terminating(tr.to("other", "v9*")), wide))
	tr.wants(map[string]string{"ci": "3 narrowed", "deep": "2 narrowed"})

	// Expiry needs no transaction.
	spec := tr.p.TargetsSpec(4, fixture.Tags{"v1": "one"})
	spec.Binding, spec.Expires = tr.p.Binding("targets/ci"), tr.next().Time.Add(time.Hour)
	spec.Delegations = fixture.Delegate(tr.to("deep", "v*"))
	tr.publish(tr.p.SignTargets(spec, tr.key("ci")))
	tr.publish(tr.file("deep", fixture.Tags{"v2": "two"}))
	tr.wants(map[string]string{"ci": "4 effective", "deep": "3 effective"})
	tr.late = 2 * time.Hour
	tr.wants(map[string]string{"": "9 effective", "ci": "4", "deep": "3"})
	tr.refuses(record.CodeRoleNotEffective, tr.file("deep", nil))
	tr.check()
}

// Test that the next file of a role whose paths became narrower is judged whole: rows
// that it had before are no exception.
func TestDelegatedNarrowing(t *testing.T) {
	tr := newTree(t)
	ci := tr.to("ci", "v*", "w*")
	tr.publish(tr.file("", nil, ci), tr.file("ci", fixture.Tags{"v1": "one", "w1": "two"}))
	ci.Paths = []string{"v*"}
	tr.publish(tr.file("", nil, ci))
	tr.refuses(record.CodeTagNotDelegated, tr.file("ci", fixture.Tags{"v1": "one", "w1": "two"}))
	tr.refuses(record.CodeTagNotDelegated, tr.file("ci", fixture.Tags{"v1": "one", "v2": "new", "w1": "two"}))
	tr.publish(tr.file("ci", fixture.Tags{"v1": "one"}))
	tr.holds("ci", "v1", is("one"))
	tr.holds("ci", "w1", "withdrawn")
}

// Test that roles move in the tree and that nobody but an ancestor takes them.
func TestMovedRoles(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", nil, tr.to("a", "*"), tr.to("b", "*")),
		tr.file("a", nil, tr.to("x", "*")), tr.file("b", nil), tr.file("x", fixture.Tags{"t": "x"}, tr.to("y", "*")))
	tr.publish(tr.file("y", fixture.Tags{"u": "y"}))
	tr.refuses(record.CodeRoleConflict, tr.file("b", nil, tr.to("x", "*")))
	tr.refuses(record.CodeRoleConflict, tr.file("y", nil, tr.to("a", "*"))) // a loop
	tr.refuses(record.CodeRoleConflict, tr.file("y", nil, tr.to("x", "*")))

	// targets takes x from a. a may go on naming it, which means nothing.
	tr.publish(tr.file("", nil, tr.to("a", "*"), tr.to("b", "*"), tr.to("x", "*")))
	tr.wants(map[string]string{"x": "1 narrowed", "y": "1 narrowed"})
	if r, _ := tr.repository(tr.p).Role("targets/x"); r.Parent != record.RoleTargets {
		t.Errorf("x is below %s", r.Parent)
	}
	tr.publish(tr.file("a", fixture.Tags{"v": "a"}, tr.to("x", "*")))
	tr.publish(tr.file("x", fixture.Tags{"t": "x"}, tr.to("y", "*")), tr.file("y", fixture.Tags{"u": "y"}))
	tr.holds("x", "t", is("x"))
	tr.holds("y", "u", is("y"))
	tr.refuses(record.CodeTagHeld, tr.file("a", fixture.Tags{"t": "a", "v": "a"}, tr.to("x", "*"))) // no ancestor any more

	// When targets lets it go, it is free for the next that names it.
	tr.publish(tr.file("", nil, tr.to("a", "*"), tr.to("b", "*")))
	tr.wants(map[string]string{"x": "none", "y": "none"})
	tr.publish(tr.file("b", nil, tr.to("x", "*")))
	tr.wants(map[string]string{"x": "0 unmet", "y": "none"})
	tr.publish(tr.file("x", fixture.Tags{"t": "x"}))
	tr.holds("x", "t", is("x"))
}

// Test delegated roles whose rules are broken.
func TestBadDelegations(t *testing.T) {
	tr := newTree(t)
	first := terminating(tr.to("first", "lts-*", "v9"))
	three := fixture.Delegation{Role: "targets/three", Keys: fixture.NewKeys(t, keys.KeytypeEd25519, "three", 3), Threshold: 2, Paths: []string{"t*"}}
	tr.publish(tr.file("", fixture.Tags{"top": "top"}, first, tr.to("ci", "v*", "lts-*"), three),
		tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("deep", "*")))
	below := func(short string, tags fixture.Tags, signers ...*fixture.Key) *tuf.Targets {
		return tr.p.RoleFile(role(short), tr.version(short)+1, tags, nil, signers...)
	}
	many := func(n int) []fixture.Delegation {
		var out []fixture.Delegation
		for i := range n {
			d := tr.to(fmt.Sprintf("many-%02d", i), "*")
			d.Keys = []*fixture.Key{tr.key("ci")}
			out = append(out, d)
		}
		return out
	}
	for _, tt := range []struct {
		name  string
		code  record.Code
		files []*tuf.Targets
	}{
		{"nobody delegates to it", record.CodeWrongRole, []*tuf.Targets{tr.file("nobody", nil)}},
		{"only itself delegates to it", record.CodeWrongRole, []*tuf.Targets{tr.file("one", nil, tr.to("two", "*")), tr.file("two", nil, tr.to("one", "*"))}},
		{"tag outside the paths", record.CodeTagNotDelegated, []*tuf.Targets{tr.file("ci", fixture.Tags{"v1": "one", "w1": "one"})}},
		{"tag outside the paths above", record.CodeTagNotDelegated, []*tuf.Targets{tr.file("deep", fixture.Tags{"w1": "one"})}},
		{"tag of a terminating role before", record.CodeTagNotDelegated, []*tuf.Targets{tr.file("ci", fixture.Tags{"v1": "one", "lts-1": "one"})}},
		{"tag of a terminating role above", record.CodeTagNotDelegated, []*tuf.Targets{tr.file("deep", fixture.Tags{"v9": "one"})}},
		{"held by targets", record.CodeTagHeld, []*tuf.Targets{
			tr.file("", fixture.Tags{"top": "top", "v2": "top"}, first, tr.to("ci", "v*", "lts-*")), tr.file("ci", fixture.Tags{"v1": "one", "v2": "one"})}},
		{"signed by the delegator", record.CodeUnknownKey, []*tuf.Targets{below("ci", nil, tr.p.TaggingKeys...)}},
		{"signed by another role's key", record.CodeUnknownKey, []*tuf.Targets{below("ci", nil, tr.key("first"))}},
		{"signed by a stranger too", record.CodeUnknownKey, []*tuf.Targets{below("ci", nil, tr.key("ci"), tr.key("stranger"))}},
		{"one of two keys", record.CodeThreshold, []*tuf.Targets{below("three", nil, three.Keys[0])}},
		{"no signature", record.CodeThreshold, []*tuf.Targets{below("three", nil)}},
		{"first version is 2", record.CodeFutureScope, []*tuf.Targets{tr.p.RoleFile("targets/deep", 2, nil, nil, tr.key("deep"))}},
		{"65 roles", record.CodeRoleConflict, []*tuf.Targets{tr.file("", fixture.Tags{"top": "top"}, many(63)...)}},
		{"delegates to a role beside it", record.CodeRoleConflict, []*tuf.Targets{tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("first", "*"))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr.t = t
			tr.refuses(tt.code, tt.files...)
		})
	}
	tr.t = t
	tr.publish(below("three", fixture.Tags{"t1": "three"}, three.Keys[1:]...), tr.file("first", fixture.Tags{"lts-1": "f", "v9": "f"}))
	tr.holds("three", "t1", is("three"))
	tr.publish(tr.file("", fixture.Tags{"top": "top"}, many(62)...))
	tr.wants(map[string]string{"ci": "none", "many-61": "0 unmet"})
}

// TestRemovedRolesLeaveNothing: 20 transactions of a stolen tagging key filled most of
// 256 entries with roles that published once, for ever. Now what it leaves in the value
// that every answer carries is one number.
func TestRemovedRolesLeaveNothing(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", nil))
	size := func() int { return len(tr.repository(tr.p).Encode()) }
	clean := size()
	key := tr.key("shared")
	for n := range 4 {
		var to []fixture.Delegation
		var files []*tuf.Targets
		for i := range 62 {
			d := fixture.Delegation{Role: fmt.Sprintf("targets/r-%d-%02d", n, i), Keys: []*fixture.Key{key}, Paths: []string{"*"}}
			to = append(to, d)
			files = append(files, tr.p.RoleFile(d.Role, 1+min(uint64(n), 3), nil, nil, key))
		}
		tr.commit(tr.tx(tr.file("", nil, to...)))
		for part := range slices.Chunk(files, record.MaxScopes) {
			tr.commit(tr.tx(part...))
		}
		if got := size(); got > record.MaxRepositorySize {
			t.Errorf("a value of %d bytes", got)
		}
	}
	t.Logf("%d bytes with 64 roles", size())
	tr.check()
	tr.publish(tr.file("", nil))
	repo := tr.repository(tr.p)
	if got := size(); got != clean || len(repo.Roles) != 2 || repo.RemovedVersion != 4 {
		t.Errorf("%d bytes and %d roles, %d bytes before; removed versions up to %d", got, len(repo.Roles), clean, repo.RemovedVersion)
	}
	// Nothing of them is in the way of others of their names.
	tr.publish(tr.file("", nil, tr.to("r-0-00", "*")), tr.p.RoleFile("targets/r-0-00", 5, nil, nil, tr.key("r-0-00")))
}

// TestRemovedAndNamedInOneRecord: a role that one file of a record removes and another
// names again follows its own last version, also when a removed role had a higher one.
func TestRemovedAndNamedInOneRecord(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", nil, tr.to("p1", "*"), tr.to("p2", "*"), tr.to("x", "*")))
	tr.publish(tr.file("p1", nil, tr.to("r", "r-*")))
	old := tr.p.RoleFile(role("r"), 1, fixture.Tags{"r-1": "one"}, nil, tr.key("r"))
	tr.publish(old)
	for range 3 {
		tr.publish(tr.file("x", nil))
	}
	tr.publish(tr.file("", nil, tr.to("p1", "*"), tr.to("p2", "*"))) // x leaves version 3
	next := func(version uint64) []*tuf.Targets {
		return []*tuf.Targets{tr.file("p1", nil), tr.file("p2", nil, tr.to("r", "r-*")),
			tr.p.RoleFile(role("r"), version, fixture.Tags{"r-2": "two"}, nil, tr.key("r"))}
	}
	tr.refuses(record.CodeStaleScope, tr.file("p1", nil), tr.file("p2", nil, tr.to("r", "r-*")), old)
	tr.refuses(record.CodeFutureScope, next(4)...)
	tr.publish(next(2)...)
	tr.wants(map[string]string{"r": "2 effective"})
	tr.check()
}

// TestRepositoryValueIsBounded: as many roles as fit are taken, and not one more.
func TestRepositoryValueIsBounded(t *testing.T) {
	tr := newTree(t)
	keys16 := fixture.NewKeys(t, keys.KeytypeEd25519, "role", record.MaxRoles/4)
	list := func(n int) (to []fixture.Delegation) {
		for i := range n {
			to = append(to, fixture.Delegation{Role: fmt.Sprintf("targets/%064d", i), Keys: keys16, Paths: []string{"*"}})
		}
		return to
	}
	fits := 0
	for n := 62; n > 0 && fits == 0; n-- {
		s := tr.begin()
		_, err := s.Apply(tr.tx(tr.file("", nil, list(n)...)), keys.Direct{})
		s.Close()
		if code, _ := record.CodeOf(err); err != nil && code != record.CodeRoleConflict {
			t.Fatal(err)
		} else if err == nil {
			fits = n
		}
	}
	tr.publish(tr.file("", nil, list(fits)...))
	repo := tr.repository(tr.p)
	got := len(repo.Encode())
	one := got - func() int { repo.Roles = repo.Roles[:len(repo.Roles)-1]; return len(repo.Encode()) }()
	if got > record.MaxRepositorySize || got+one <= record.MaxRepositorySize {
		t.Errorf("%d roles of %d bytes take %d bytes", fits, one, got)
	}
	// A rotation is never refused for it.
	root := tr.p.RotateRoot(2, fixture.NewKeys(t, keys.KeytypeEd25519, "root", 15), nil)
	tr.commit(tr.c.Relay(tr.c.Operators[1], fixture.Update{Roots: []*tuf.Root{root}}))
	tr.check()
}

// Test that any key of the stored metadata submits, and any operator carries.
func TestDelegatedSubmitters(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", nil, tr.to("ci", "*"), tr.to("docs", "*")))
	tr.publish(tr.file("ci", nil, tr.to("deep", "*")))
	file := tr.update(tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("deep", "*")))
	for _, k := range []*fixture.Key{tr.p.RootKeys[0], tr.p.TaggingKeys[0], tr.key("ci"), tr.key("docs"), tr.key("deep")} {
		s := tr.begin()
		if _, err := s.Apply(tr.c.Publish(k, file), keys.Direct{}); err != nil {
			t.Error(err)
		}
		s.Close()
	}
	for _, op := range tr.c.Operators {
		s := tr.begin()
		if _, err := s.Apply(tr.c.Relay(op, file), keys.Direct{}); err != nil {
			t.Errorf("%s: %v", op.ID, err)
		}
		s.Close()
	}
	for _, k := range []*fixture.Key{tr.key("stranger"), tr.c.Operators[1].Notary, tr.c.Operators[1].Governance} {
		tr.rejects(record.CodeUnknownSubmitter, tr.c.Publish(k, file))
	}
	// A key that only the file itself introduces, and one of a removed role.
	tr.rejects(record.CodeUnknownSubmitter, tr.c.Publish(tr.key("new"), tr.update(tr.file("ci", nil, tr.to("new", "*")))))
	tr.publish(tr.file("", nil, tr.to("ci", "*")))
	tr.rejects(record.CodeUnknownSubmitter, tr.c.Publish(tr.key("docs"), file))
}

// Test that a file is refused that its scope names as another role's.
func TestRoleScopes(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", nil, tr.to("a", "*"), tr.to("b", "*")))
	tx := tr.c.NewPublish(tr.key("a"), tr.update(tr.file("a", nil), tr.file("b", nil)))
	roles := tx.Message.(*proto.Publish).Updates[0].Roles
	slices.Reverse(roles)
	tr.rejects(record.CodeScopeMismatch, tx.Bytes())
	slices.Reverse(roles)
	roles[0].Content, roles[1].Content = roles[1].Content, roles[0].Content
	tr.rejects(record.CodeWrongBinding, tx.Bytes())
	roles[0].Content, roles[1].Content = roles[1].Content, roles[0].Content
	tx.Message.(*proto.Publish).Updates[0].Roles = roles[:1]
	tr.rejects(record.CodeScopeMismatch, tx.Bytes())
}
