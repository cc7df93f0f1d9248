package tuf

import (
	"fmt"
	"slices"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"hullmark/keys"
	"hullmark/reference"
)

// forestScene draws files that delegate, all roles being among "targets/r0" to
// "targets/r5".
type forestScene struct{ *scene }

func (s forestScene) name(i int) string { return fmt.Sprintf("targets/r%d", i) }

// tags that the patterns below tell apart.
func (s forestScene) tags() []reference.Tag {
	var out []reference.Tag
	for _, t := range []string{"v1", "v2", "v1-rc", "w1", "w2", "latest"} {
		out = append(out, reference.MustParseTag(t))
	}
	return out
}

// delegations draws some to roles, in some order of precedence.
func (s forestScene) delegations(roles ...int) (*Delegations, map[string][]testSigner) {
	patterns := []string{"*", "v*", "w?", "?1*", "*-rc", "latest", "v1"}
	signers := make(map[string][]testSigner)
	out := new(Delegations)
	for _, i := range s.random.Perm(len(roles)) {
		who, threshold := s.draw(3)
		signers[s.name(roles[i])] = who
		for _, key := range publicKeys(who...) {
			if _, ok := findKey(out.Keys, key.ID()); !ok {
				out.Keys = append(out.Keys, key)
			}
		}
		role := DelegatedRole{Role: roleOf(threshold, who...), Name: s.name(roles[i]), Terminating: s.random.IntN(3) == 0}
		for _, p := range s.random.Perm(len(patterns))[:1+s.random.IntN(2)] {
			role.Paths = append(role.Paths, patterns[p])
		}
		out.Roles = append(out.Roles, role)
	}
	return out, signers
}

// file draws a file of a role: some tags, and delegations or nil.
func (s forestScene) file(role string, version uint64, d *Delegations, signers ...Signer) func(testing.TB) *Targets {
	spec := TargetsSpec{Version: version, Expires: testExpires, Binding: bindingFor(role), Delegations: d}
	for _, tag := range s.tags() {
		if s.random.IntN(3) == 0 {
			spec.Targets = append(spec.Targets, Target{Tag: tag, Digest: reference.SumSHA256(fmt.Append(nil, version, tag)), Length: version})
		}
	}
	return func(t testing.TB) *Targets { return mustTargets(t, spec, signers...) }
}

// consulted returns the roles a search by go-tuf asks about a tag, in the order of
// precedence, as far as one delegator is concerned.
func consulted(d *metadata.Delegations, tag reference.Tag) []string {
	var out []string
	for _, r := range d.GetRolesForTarget(tag.String()) {
		out = append(out, r.Name)
		if r.Terminating {
			break
		}
	}
	return out
}

// Test that a delegator lets exactly those roles set a tag that a search by go-tuf
// would ask, given the same bytes.
func TestPrecedenceAgreesWithGoTUF(t *testing.T) {
	s := forestScene{newScene(t, 5)}
	barred := 0
	for range 150 {
		d, _ := s.delegations(0, 1, 2, 3)
		top := s.file(RoleTargets, 1, d, targetsKey)(t)
		checkTargetsAgainstGoTUF(t, top)
		theirs, err := goTUFTargets(top.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range s.tags() {
			var ours []string
			for _, role := range top.Delegations.Roles {
				reach, ok := top.Delegations.Reach(role.Name)
				if !ok {
					t.Fatalf("no reach of %s", role.Name)
				}
				if reach.Covers(tag) {
					ours = append(ours, role.Name)
				} else if role.Covers(tag) {
					barred++
				}
			}
			if want := consulted(theirs.Signed.Delegations, tag); !slices.Equal(ours, want) {
				t.Errorf("%s: %v may set it, go-tuf asks %v, by\n%s", tag, ours, want, top.Delegations.Bytes())
			}
		}
	}
	if barred < 100 {
		t.Errorf("a terminating role mattered %d times only", barred)
	}
}

// Test verdicts on files of two levels of delegated roles, with signatures by some of
// the keys, spoilt and foreign ones.
func TestDelegatedScenesAgreeWithGoTUF(t *testing.T) {
	s := forestScene{newScene(t, 6)}
	accepted, refused := 0, 0
	for range 100 {
		d, signers := s.delegations(0, 1, 2)
		top := s.file(RoleTargets, 1, d, targetsKey)(t)
		for role, who := range signers {
			below, grandchildren := s.delegations(3, 4)
			s.judge(t, top, role, who, below, &accepted, &refused)
			// The next level is judged by a file that everybody signed.
			parent := s.file(role, 1, below, asSigners(who)...)(t)
			for name, who := range grandchildren {
				s.judge(t, parent, name, who, nil, &accepted, &refused)
			}
		}
	}
	if accepted < 100 || refused < 100 {
		t.Errorf("%d accepted, %d refused: the scenes are too uniform", accepted, refused)
	}
}

func asSigners(list []testSigner) []Signer {
	var out []Signer
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// judge compares the verdicts on one file of a role. go-tuf looks at paths when it
// searches, not when it verifies, so here they count on neither side.
func (s forestScene) judge(t *testing.T, by *Targets, role string, who []testSigner, d *Delegations, accepted, refused *int) {
	t.Helper()
	file := s.file(role, 1, d, s.some(who)...)(t)
	signatures, spoiled := s.spoil(file.Signatures)
	foreign := s.random.IntN(6) == 0
	if foreign {
		sig, err := edSigner(99).Sign(file.SignedBytes())
		if err != nil {
			t.Fatal(err)
		}
		signatures = append(signatures, Signature{KeyID: edSigner(99).id(), Sig: sig})
	}
	file, err := file.AddSignatures(signatures...)
	if err != nil {
		t.Fatal(err)
	}
	checkTargetsAgainstGoTUF(t, file)
	theirTop, err := goTUFTargets(by.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := goTUFTargets(file.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	ours := VerifyTargetsFile(keys.Direct{}, by, &file.Metadata, bindingFor(role), testNow)
	agree(t, !spoiled && !foreign, ours, guarded(func() error { return theirTop.VerifyDelegate(role, theirs) }))
	// The delegations alone judge as the file they stand in does.
	if alone := VerifyTargetsFile(keys.Direct{}, by.Delegations, &file.Metadata, bindingFor(role), testNow); (alone == nil) != (ours == nil) {
		t.Errorf("by the file %v, by its delegations %v", ours, alone)
	}
	if ours == nil {
		*accepted++
	} else {
		*refused++
	}
}

// Test that a file rebuilt from a delta is, byte for byte, the file go-tuf makes and
// writes of the same content: rows, delegations, expiry and version.
func TestDeltasAgreeWithGoTUF(t *testing.T) {
	s := forestScene{newScene(t, 7)}
	root := mustRoot(t, rootSpec(), rootKey)
	base := s.file(RoleTargets, 1, nil, targetsKey)(t)
	redelegated := 0
	for version := uint64(2); version < 120; version++ {
		d := base.Delegations
		switch s.random.IntN(3) {
		case 0:
			d, _ = s.delegations(s.random.Perm(4)[:1+s.random.IntN(3)]...)
		case 1:
			d = nil
		}
		// The file by go-tuf: read, changed, signed and written by it.
		want := s.file(RoleTargets, version, d)(t)
		theirs, err := goTUFTargets(base.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		theirs.Signed.Version = int64(version)
		theirs.Signed.Targets = make(map[string]*metadata.TargetFiles)
		for _, row := range want.Targets {
			theirs.Signed.Targets[row.Tag.String()] = &metadata.TargetFiles{
				Length: int64(row.Length), Hashes: metadata.Hashes{row.Digest.Algorithm().String(): row.Digest.Bytes()},
			}
		}
		if theirs.Signed.Delegations = nil; d != nil {
			theirs.Signed.Delegations = goTUFDelegations(d)
		}
		message, err := cjson.EncodeCanonical(theirs.Signed)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := targetsKey.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		theirs.Signatures = []metadata.Signature{{KeyID: targetsKey.id().String(), Signature: sig}}
		file, err := theirs.ToBytes(false)
		if err != nil {
			t.Fatal(err)
		}

		next, err := ParseTargets(file)
		if err != nil {
			t.Fatalf("what go-tuf made: %v\n%s", err, file)
		}
		delta, err := base.Delta(next)
		if err != nil {
			t.Fatal(err)
		}
		rebuilt, err := base.Apply(delta)
		if err != nil {
			t.Fatal(err)
		}
		if string(rebuilt.Bytes()) != string(file) {
			t.Fatalf("rebuilt %s\ngo-tuf's %s", rebuilt.Bytes(), file)
		}
		if err := VerifyTargets(keys.Direct{}, root, rebuilt, bindingFor(RoleTargets), testNow); err != nil {
			t.Fatal(err)
		}
		if delta.Redelegate {
			redelegated++
		}
		base = rebuilt
	}
	if redelegated < 20 {
		t.Errorf("delegations changed %d times only", redelegated)
	}
}

// goTUFDelegations is the same delegations as go-tuf has them.
func goTUFDelegations(d *Delegations) *metadata.Delegations {
	out := &metadata.Delegations{Keys: make(map[string]*metadata.Key)}
	for _, k := range d.Keys {
		out.Keys[k.ID().String()] = &metadata.Key{Type: k.Keytype(), Scheme: k.Scheme(), Value: metadata.KeyVal{PublicKey: k.Public()}}
	}
	for _, r := range d.Roles {
		role := metadata.DelegatedRole{Name: r.Name, Threshold: r.Threshold, Terminating: r.Terminating, Paths: slices.Clone(r.Paths)}
		for _, id := range r.KeyIDs {
			role.KeyIDs = append(role.KeyIDs, id.String())
		}
		out.Roles = append(out.Roles, role)
	}
	return out
}

// Test a whole search: whatever go-tuf would find for a tag in a random tree of files
// is in a role that may set it, whichever the order and however deep.
func TestSearchAgreesWithGoTUF(t *testing.T) {
	s := forestScene{newScene(t, 8)}
	found := 0
	for range 40 {
		files := make(map[string]*Targets)
		parent := map[string]string{}
		grow := func(role string, children ...int) {
			var d *Delegations
			if len(children) > 0 {
				d, _ = s.delegations(children...)
			}
			files[role] = s.file(role, 1, d)(t)
			for _, c := range children {
				parent[s.name(c)] = role
			}
		}
		grow(RoleTargets, 0, 1, 2)
		grow(s.name(0), 3, 4)
		grow(s.name(1), 5)
		for _, i := range []int{2, 3, 4, 5} {
			grow(s.name(i))
		}
		for _, tag := range s.tags() {
			role := searched(t, files, tag)
			if role == "" {
				continue
			}
			found++
			for ; role != RoleTargets; role = parent[role] {
				if reach, ok := files[parent[role]].Delegations.Reach(role); !ok || !reach.Covers(tag) {
					t.Errorf("go-tuf finds %s, which %s does not delegate to %s", tag, parent[role], role)
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("found %d tags only", found)
	}
}

// searched walks the files as TUF 1.0 (5.6.7) and go-tuf's updater do, by go-tuf's
// reading of them, and returns the role whose file has the tag first.
func searched(t *testing.T, files map[string]*Targets, tag reference.Tag) string {
	t.Helper()
	seen := make(map[string]bool)
	for stack := []string{RoleTargets}; len(stack) > 0; {
		role := stack[0]
		stack = stack[1:]
		if seen[role] {
			continue
		}
		seen[role] = true
		theirs, err := goTUFTargets(files[role].Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if theirs.Signed.Targets[tag.String()] != nil {
			return role
		}
		if theirs.Signed.Delegations == nil {
			continue
		}
		var children []string
		for _, r := range theirs.Signed.Delegations.GetRolesForTarget(tag.String()) {
			children = append(children, r.Name)
			if r.Terminating {
				stack = nil
				break
			}
		}
		stack = slices.Concat(children, stack)
	}
	return ""
}
