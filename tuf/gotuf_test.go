package tuf

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/cjson"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"hullmark/keys"
	"hullmark/reference"
)

var errPanic = errors.New("go-tuf panicked")

// guarded calls go-tuf, which panics on some inputs.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return f()
}

func goTUFRoot(file []byte) (root *metadata.Metadata[metadata.RootType], err error) {
	err = guarded(func() (err error) {
		root, err = metadata.Root().FromBytes(file)
		return err
	})
	return root, err
}

func goTUFTargets(file []byte) (targets *metadata.Metadata[metadata.TargetsType], err error) {
	err = guarded(func() (err error) {
		targets, err = metadata.Targets().FromBytes(file)
		return err
	})
	return targets, err
}

// checkRootAgainstGoTUF compares all that both implementations say about an
// accepted root.
func checkRootAgainstGoTUF(t *testing.T, root *Root) {
	t.Helper()
	theirs, err := goTUFRoot(root.Bytes())
	if err != nil {
		t.Fatalf("go-tuf refuses the root: %v\n%s", err, root.Bytes())
	}
	sameForms(t, root.Metadata, theirs)
	if uint64(theirs.Signed.Version) != root.Version || !theirs.Signed.Expires.Equal(root.Expires) ||
		theirs.Signed.SpecVersion != root.SpecVersion || len(theirs.Signed.Keys) != len(root.Keys) {
		t.Error("go-tuf reads other content")
	}
	for _, key := range root.Keys {
		their := theirs.Signed.Keys[key.ID().String()]
		if their == nil || their.Type != key.Keytype() || their.Scheme != key.Scheme() || their.Value.PublicKey != key.Public() {
			t.Errorf("go-tuf reads key %s as %+v", key.ID(), their)
		}
	}
	for _, name := range []string{RoleRoot, RoleSnapshot, RoleTargets, RoleTimestamp} {
		role, _ := root.Delegated(name)
		if diff := roleDiff(role, theirs.Signed.Roles[name].KeyIDs, theirs.Signed.Roles[name].Threshold); diff != "" {
			t.Errorf("role %s: %s", name, diff)
		}
	}
}

func checkTargetsAgainstGoTUF(t *testing.T, targets *Targets) {
	t.Helper()
	theirs, err := goTUFTargets(targets.Bytes())
	if err != nil {
		t.Fatalf("go-tuf refuses the targets: %v\n%s", err, targets.Bytes())
	}
	sameForms(t, targets.Metadata, theirs)
	if uint64(theirs.Signed.Version) != targets.Version || !theirs.Signed.Expires.Equal(targets.Expires) ||
		len(theirs.Signed.Targets) != len(targets.Targets) {
		t.Error("go-tuf reads other content")
	}
	for _, target := range targets.Targets {
		their := theirs.Signed.Targets[target.Tag.String()]
		if their == nil || uint64(their.Length) != target.Length || len(their.Hashes) != 1 ||
			!slices.Equal(their.Hashes[target.Digest.Algorithm().String()], target.Digest.Bytes()) {
			t.Errorf("go-tuf reads tag %s as %+v", target.Tag, their)
		}
	}
	if targets.Delegations == nil {
		if theirs.Signed.Delegations != nil {
			t.Error("go-tuf reads delegations")
		}
		return
	}
	for i, role := range targets.Delegations.Roles {
		their := theirs.Signed.Delegations.Roles[i]
		if diff := roleDiff(role.Role, their.KeyIDs, their.Threshold); diff != "" || their.Name != role.Name ||
			their.Terminating != role.Terminating || !slices.Equal(their.Paths, role.Paths) {
			t.Errorf("go-tuf reads delegation %s as %+v", role.Name, their)
		}
	}
}

func roleDiff(role Role, ids []string, threshold int) string {
	var own []string
	for _, id := range role.KeyIDs {
		own = append(own, id.String())
	}
	if !slices.Equal(own, ids) || role.Threshold != threshold {
		return fmt.Sprintf("got %v of %v, go-tuf %v of %v", role.Threshold, own, threshold, ids)
	}
	return ""
}

// sameForms compares both encodings.
func sameForms[T metadata.Roles](t *testing.T, m Metadata, theirs *metadata.Metadata[T]) {
	t.Helper()
	signing, err := cjson.EncodeCanonical(theirs.Signed)
	if err != nil {
		t.Fatal(err)
	}
	if string(signing) != string(m.SignedBytes()) {
		t.Errorf("signing forms differ\nours   %s\ntheirs %s", m.SignedBytes(), signing)
	}
	if m.SignedDigest() != sha256.Sum256(signing) || m.FileDigest() != sha256.Sum256(m.Bytes()) {
		t.Error("wrong digest")
	}
	file, err := theirs.ToBytes(false)
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != string(m.Bytes()) {
		t.Errorf("files differ\nours   %s\ntheirs %s", m.Bytes(), file)
	}
}

// scene draws random repositories.
type scene struct {
	random *rand.Rand
	pool   []testSigner
}

func newScene(t testing.TB, seed uint64) *scene {
	s := &scene{random: rand.New(rand.NewPCG(seed, 0))}
	for i := range byte(8) {
		s.pool = append(s.pool, edSigner(10+i), ecSigner(10+i))
	}
	s.pool = append(s.pool, rsaSigner(t), rsaSigner(t))
	return s
}

// draw returns 1 to limit signers and a threshold for them.
func (s *scene) draw(limit int) (signers []testSigner, threshold int) {
	for _, i := range s.random.Perm(len(s.pool))[:1+s.random.IntN(limit)] {
		signers = append(signers, s.pool[i])
	}
	return signers, 1 + s.random.IntN(len(signers))
}

// some returns a random part of the signers.
func (s *scene) some(signers []testSigner) []Signer {
	var part []Signer
	for _, signer := range signers {
		if s.random.IntN(5) > 0 {
			part = append(part, signer)
		}
	}
	return part
}

// spoil breaks a random signature and reports whether it did.
func (s *scene) spoil(list []Signature) ([]Signature, bool) {
	if len(list) == 0 || s.random.IntN(4) > 0 {
		return list, false
	}
	i := s.random.IntN(len(list))
	list[i].Sig = slices.Clone(list[i].Sig)
	list[i].Sig[s.random.IntN(len(list[i].Sig))] ^= 1
	return list, true
}

// agree relates the verdicts. go-tuf ignores a surplus signature that is bad or
// foreign and we refuse it; on files without one the verdicts must be equal.
func agree(t *testing.T, clean bool, ours, theirs error) {
	t.Helper()
	if errors.Is(theirs, errPanic) {
		t.Fatal(theirs)
	}
	if ours == nil && theirs != nil {
		t.Errorf("accepted, but go-tuf: %v", theirs)
	}
	if clean && ours != nil && theirs == nil {
		t.Errorf("go-tuf accepts, but: %v", ours)
	}
	if !clean && ours == nil {
		t.Error("accepted a bad or foreign signature")
	}
}

func TestVerdictsAgreeWithGoTUF(t *testing.T) {
	s := newScene(t, 1)
	accepted, refused := 0, 0
	for range 150 {
		rootSigners, rootThreshold := s.draw(4)
		targetsSigners, targetsThreshold := s.draw(4)
		notaries, notaryThreshold := s.draw(4)
		spec := rootSpec()
		spec.Keys = publicKeys(slices.Concat(rootSigners, targetsSigners, notaries)...)
		spec.Roles = Roles{
			Root:      roleOf(rootThreshold, rootSigners...),
			Targets:   roleOf(targetsThreshold, targetsSigners...),
			Snapshot:  roleOf(notaryThreshold, notaries...),
			Timestamp: roleOf(notaryThreshold, notaries...),
		}
		root := mustRoot(t, spec, s.some(rootSigners)...)
		checkRootAgainstGoTUF(t, root)
		theirs, err := goTUFRoot(root.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		agree(t, true, VerifyFirstRoot(keys.Direct{}, root, bindingFor(RoleRoot), testNow), guarded(func() error {
			_, err := trustedmetadata.New(root.Bytes())
			return err
		}))

		// A targets file, sometimes with a broken or a foreign signature.
		tags := targetsSpec(s.random.IntN(5))
		if s.random.IntN(2) == 0 {
			tags = delegate(tags)
		}
		targets := mustTargets(t, tags, s.some(targetsSigners)...)
		signatures, spoiled := s.spoil(targets.Signatures)
		foreign := s.random.IntN(5) == 0
		if foreign {
			sig, err := edSigner(99).Sign(targets.SignedBytes())
			if err != nil {
				t.Fatal(err)
			}
			signatures = append(signatures, Signature{KeyID: edSigner(99).id(), Sig: sig})
		}
		if targets, err = targets.AddSignatures(signatures...); err != nil {
			t.Fatal(err)
		}
		checkTargetsAgainstGoTUF(t, targets)
		theirTargets, err := goTUFTargets(targets.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		ours := VerifyTargets(keys.Direct{}, root, targets, bindingFor(RoleTargets), testNow)
		agree(t, !spoiled && !foreign, ours, guarded(func() error { return theirs.VerifyDelegate(RoleTargets, theirTargets) }))
		if ours == nil {
			accepted++
		} else {
			refused++
		}

		// A rotation.
		nextSigners, nextThreshold := s.draw(4)
		nextSpec := root.Spec()
		nextSpec.Version++
		nextSpec.Keys = publicKeys(slices.Concat(nextSigners, targetsSigners, notaries)...)
		nextSpec.Roles.Root = roleOf(nextThreshold, nextSigners...)
		next := mustRoot(t, nextSpec, slices.Concat(s.some(rootSigners), s.some(nextSigners))...)
		if signatures, spoiled = s.spoil(next.Signatures); spoiled {
			if next, err = next.AddSignatures(signatures...); err != nil {
				t.Fatal(err)
			}
		}
		ours = VerifyNextRoot(keys.Direct{}, root, next, testNow)
		theirNext, err := goTUFRoot(next.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		agree(t, !spoiled, ours, guarded(func() error {
			return errors.Join(theirs.VerifyDelegate(RoleRoot, theirNext), theirNext.VerifyDelegate(RoleRoot, theirNext))
		}))
	}
	if accepted < 20 || refused < 20 {
		t.Errorf("%d accepted, %d refused: the scenes are too uniform", accepted, refused)
	}
}

// TestDelegatedVerdictsAgreeWithGoTUF covers the second level.
func TestDelegatedVerdictsAgreeWithGoTUF(t *testing.T) {
	top := mustTargets(t, delegate(targetsSpec(0)), targetsKey)
	theirTop, err := goTUFTargets(top.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		role    string
		signers []Signer
		clean   bool
	}{
		"ed25519":       {"targets/releases", []Signer{edSigner(4)}, true},
		"ecdsa":         {"targets/releases", []Signer{ecSigner(5)}, true},
		"both":          {"targets/releases", []Signer{edSigner(4), ecSigner(5)}, true},
		"nobody":        {"targets/releases", nil, true},
		"delegator":     {"targets/releases", []Signer{targetsKey}, false},
		"other role":    {"targets/nightly", []Signer{edSigner(4)}, false},
		"not delegated": {"targets/other", []Signer{edSigner(4)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			spec := targetsSpec(2)
			if test.role != "targets/releases" {
				spec.Targets = nil
			}
			spec.Binding.Role = test.role
			file := mustTargets(t, spec, test.signers...)
			theirs, err := goTUFTargets(file.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			agree(t, test.clean, VerifyTargets(keys.Direct{}, top, file, spec.Binding, testNow),
				guarded(func() error { return theirTop.VerifyDelegate(test.role, theirs) }))
		})
	}
}

// TestStockClientAcceptsRepository walks the whole TUF client workflow over
// files built here; snapshot and timestamp come from go-tuf.
func TestStockClientAcceptsRepository(t *testing.T) {
	root := mustRoot(t, rootSpec(), rootKey)
	spec := root.Spec()
	spec.Version = 2
	spec.Roles.Root = roleOf(2, rootKey, ecSigner(7))
	spec.Keys = append(spec.Keys, ecSigner(7).PublicKey())
	next := mustRoot(t, spec, rootKey, ecSigner(7))
	targets := mustTargets(t, delegate(targetsSpec(3)), targetsKey)
	childSpec := targetsSpec(2)
	childSpec.Binding.Role = "targets/releases"
	child := mustTargets(t, childSpec, ecSigner(5))

	snapshot := metadata.Snapshot(testExpires)
	snapshot.Signed.Meta["targets.json"] = metadata.MetaFile(1)
	snapshot.Signed.Meta["targets/releases.json"] = metadata.MetaFile(1)
	timestamp := metadata.Timestamp(testExpires)
	timestamp.Signed.Meta["snapshot.json"] = metadata.MetaFile(1)

	client, err := trustedmetadata.New(root.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	client.RefTime = testNow
	if _, err := client.UpdateRoot(next.Bytes()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateTimestamp(notarised(t, timestamp)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateSnapshot(notarised(t, snapshot), false); err != nil {
		t.Fatal(err)
	}
	if _, err := client.UpdateTargets(targets.Bytes()); err != nil {
		t.Fatal(err)
	}
	got, err := client.UpdateDelegatedTargets(child.Bytes(), "targets/releases", RoleTargets)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Signed.Targets) != 2 {
		t.Errorf("got %d targets", len(got.Signed.Targets))
	}
}

func notarised[T metadata.Roles](t *testing.T, m *metadata.Metadata[T]) []byte {
	t.Helper()
	message, err := cjson.EncodeCanonical(m.Signed)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := notaryKey.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	m.Signatures = []metadata.Signature{{KeyID: notaryKey.id().String(), Signature: sig}}
	file, err := m.ToBytes(false)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFilesMadeByGoTUF reads what the stock library writes.
func TestFilesMadeByGoTUF(t *testing.T) {
	binding := map[string]any{"ledger": testLedger, "repository": bindingFor("").Repository.String(), "role": RoleTargets}
	theirs := metadata.Targets(testExpires)
	theirs.Signed.UnrecognizedFields = map[string]any{bindingField: binding}
	digest := reference.SumSHA256([]byte("v1"))
	theirs.Signed.Targets["v1"] = &metadata.TargetFiles{Length: 7, Hashes: metadata.Hashes{"sha256": digest.Bytes()}}
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
	targets, err := ParseTargets(file)
	if err != nil {
		t.Fatal(err)
	}
	root := mustRoot(t, rootSpec(), rootKey)
	if err := VerifyTargets(keys.Direct{}, root, targets, bindingFor(RoleTargets), testNow); err != nil {
		t.Error(err)
	}
}

// TestPathsAgree compares path patterns with two other implementations.
func TestPathsAgree(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 0))
	word := func(alphabet string, limit int) string {
		var b strings.Builder
		for range 1 + random.IntN(limit) {
			b.WriteByte(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	matches := 0
	for range 50_000 {
		pattern, tag := word("ab.-**?", 8), word("ab.-", 8)
		got := newMatcher(tag).matches(pattern)
		want, err := path.Match(pattern, tag)
		if err != nil {
			t.Fatal(err)
		}
		role := metadata.DelegatedRole{Paths: []string{pattern}}
		theirs, err := role.IsDelegatedPath(tag)
		if err != nil {
			t.Fatal(err)
		}
		if got != want || got != theirs {
			t.Fatalf("%s against %s: got %v, path.Match %v, go-tuf %v", pattern, tag, got, want, theirs)
		}
		if got {
			matches++
		}
	}
	if matches < 1000 {
		t.Errorf("only %d matches", matches)
	}
}
