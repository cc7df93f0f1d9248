package tuf

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"hullmark/keys"
	"hullmark/reference"
)

// makeVerifyVectors builds the vectors of verify.json.
func makeVerifyVectors(t *testing.T) []verifyVector {
	var list []verifyVector
	add := func(kind, name, want string, now time.Time, place Binding, trusted, file []byte) {
		list = append(list, verifyVector{
			Name: name, Kind: kind, Want: want, Now: now.Format(time.RFC3339), Ledger: place.Ledger,
			Repository: place.Repository.String(), Role: place.Role, Trusted: trusted, File: file,
		})
	}
	otherLedger, otherRepository := bindingFor(RoleRoot), bindingFor(RoleRoot)
	otherLedger.Ledger = "other-0123456789abcdef"
	otherRepository.Repository = reference.MustParseRepository("registry.example.com/team/other")

	// The first root.
	first := func(name, want string, now time.Time, place Binding, spec RootSpec, signers ...Signer) {
		add("first-root", name, want, now, place, nil, mustRoot(t, spec, signers...).Bytes())
	}
	place := bindingFor(RoleRoot)
	first("good", accept, testNow, place, rootSpec(), rootKey)
	first("one second before expiry", accept, testExpires.Add(-time.Second), place, rootSpec(), rootKey)
	first("at expiry", "expired", testExpires, place, rootSpec(), rootKey)
	first("after expiry", "expired", testExpires.Add(time.Second), place, rootSpec(), rootKey)
	first("unsigned", "too-few-signatures", testNow, place, rootSpec())
	first("signed by the targets key", "unknown-key", testNow, place, rootSpec(), targetsKey)
	first("signed by the targets key too", "unknown-key", testNow, place, rootSpec(), rootKey, targetsKey)
	first("other ledger", "binding", testNow, otherLedger, rootSpec(), rootKey)
	first("other repository", "binding", testNow, otherRepository, rootSpec(), rootKey)
	first("other role", "binding", testNow, bindingFor(RoleTargets), rootSpec(), rootKey)
	second := rootSpec()
	second.Version = 2
	first("version 2", "version", testNow, place, second, rootKey)
	three := rootSpec()
	three.Keys = append(three.Keys, edSigner(20).PublicKey(), ecSigner(21).PublicKey())
	three.Roles.Root = roleOf(2, rootKey, edSigner(20), ecSigner(21))
	first("two of three", accept, testNow, place, three, rootKey, ecSigner(21))
	first("three of three", accept, testNow, place, three, rootKey, edSigner(20), ecSigner(21))
	first("one of three", "too-few-signatures", testNow, place, three, ecSigner(21))
	good := mustRoot(t, three, rootKey, edSigner(20), ecSigner(21))
	add("first-root", "surplus signature is bad", "bad-signature", testNow, place, nil, spoilSignature(t, good, rootKey))
	add("first-root", "signature of another message", "bad-signature", testNow, place, nil,
		replace(mustRoot(t, rootSpec(), rootKey).Bytes(), testExpires.Format(expiresLayout), testExpires.Add(time.Second).Format(expiresLayout)))

	// Rotations.
	old := mustRoot(t, rootSpec(), rootKey)
	newKey := edSigner(22)
	rotated := old.Spec()
	rotated.Version = 2
	rotated.Keys = publicKeys(newKey, targetsKey, notaryKey)
	rotated.Roles.Root = roleOf(1, newKey)
	next := func(name, want string, now time.Time, trusted *Root, spec RootSpec, signers ...Signer) {
		add("next-root", name, want, now, place, trusted.Bytes(), mustRoot(t, spec, signers...).Bytes())
	}
	next("good", accept, testNow, old, rotated, rootKey, newKey)
	next("old key only", "too-few-signatures", testNow, old, rotated, rootKey)
	next("new key only", "too-few-signatures", testNow, old, rotated, newKey)
	next("foreign key too", "unknown-key", testNow, old, rotated, rootKey, newKey, edSigner(23))
	next("targets key too", "unknown-key", testNow, old, rotated, rootKey, newKey, targetsKey)
	next("at expiry", "expired", testExpires, old, rotated, rootKey, newKey)
	same := old.Spec()
	same.Version = 2
	next("keys unchanged", accept, testNow, old, same, rootKey)
	later := rotated
	later.Expires = testExpires.AddDate(1, 0, 0)
	next("old root is expired", accept, testExpires.AddDate(0, 1, 0), old, later, rootKey, newKey)
	for _, v := range []struct {
		name    string
		version uint64
	}{{"same version", 1}, {"version skipped", 3}, {"highest version", MaxInteger}} {
		spec := rotated
		spec.Version = v.version
		next(v.name, "version", testNow, old, spec, rootKey, newKey)
	}
	last := rootSpec()
	last.Version = MaxInteger
	next("first version after the highest", "version", testNow, mustRoot(t, last, rootKey), rootSpec(), rootKey)
	for _, v := range []struct {
		name  string
		place Binding
	}{{"other ledger", otherLedger}, {"other repository", otherRepository}} {
		spec := rotated
		spec.Binding = v.place
		next(v.name, "binding", testNow, old, spec, rootKey, newKey)
	}
	raised := rotated
	raised.Keys = append(publicKeys(rootKey), raised.Keys...)
	raised.Roles.Root = roleOf(2, rootKey, newKey)
	next("threshold raised", accept, testNow, old, raised, rootKey, newKey)
	next("threshold raised, old key only", "too-few-signatures", testNow, old, raised, rootKey)
	next("threshold lowered, not met before", "too-few-signatures", testNow, mustRoot(t, three, rootKey), same, rootKey)
	bad := mustRoot(t, rotated, rootKey, newKey)
	add("next-root", "old key's signature is bad", "bad-signature", testNow, place, old.Bytes(), spoilSignature(t, bad, rootKey))
	add("next-root", "new key's signature is bad", "bad-signature", testNow, place, old.Bytes(), spoilSignature(t, bad, newKey))

	// Targets.
	place = bindingFor(RoleTargets)
	judged := func(name, want string, now time.Time, place Binding, spec TargetsSpec, signers ...Signer) {
		add("targets", name, want, now, place, old.Bytes(), mustTargets(t, spec, signers...).Bytes())
	}
	judged("good", accept, testNow, place, targetsSpec(2), targetsKey)
	judged("delegations with a PEM key", accept, testNow, place, delegate(targetsSpec(2)), targetsKey)
	judged("one second before expiry", accept, testExpires.Add(-time.Second), place, targetsSpec(1), targetsKey)
	judged("at expiry", "expired", testExpires, place, targetsSpec(1), targetsKey)
	judged("unsigned", "too-few-signatures", testNow, place, targetsSpec(1))
	judged("signed by the root key", "unknown-key", testNow, place, targetsSpec(1), rootKey)
	judged("signed by the notary key", "unknown-key", testNow, place, targetsSpec(1), notaryKey)
	judged("signed by the root key too", "unknown-key", testNow, place, targetsSpec(1), targetsKey, rootKey)
	for _, v := range []struct {
		name  string
		place Binding
	}{{"other ledger", otherLedger}, {"other repository", otherRepository}} {
		v.place.Role = RoleTargets
		judged(v.name, "binding", testNow, v.place, targetsSpec(1), targetsKey)
	}
	judged("other role", "binding", testNow, bindingFor("targets/releases"), targetsSpec(1), targetsKey)
	asReleases := targetsSpec(1)
	asReleases.Binding.Role = "targets/releases"
	judged("not delegated by a root", "role", testNow, asReleases.Binding, asReleases, targetsKey)
	add("targets", "signature is bad", "bad-signature", testNow, place, old.Bytes(),
		spoilSignature(t, mustTargets(t, targetsSpec(1), targetsKey), targetsKey))
	add("targets", "foreign signature", "unknown-key", testNow, place, old.Bytes(),
		replace(mustTargets(t, targetsSpec(1), targetsKey).Bytes(), `{"signatures":[`,
			`{"signatures":[{"keyid":"`+strings.Repeat("0", 64)+`","sig":"00"},`))

	// Delegated targets.
	top := mustTargets(t, delegate(targetsSpec(0)), targetsKey)
	delegated := func(name, want string, spec TargetsSpec, signers ...Signer) {
		add("delegated", name, want, testNow, spec.Binding, top.Bytes(), mustTargets(t, spec, signers...).Bytes())
	}
	delegated("good", accept, asReleases, edSigner(4))
	delegated("by the other key", accept, asReleases, ecSigner(5))
	delegated("by the delegator's key", "unknown-key", asReleases, targetsKey)
	nightly := asReleases
	nightly.Binding.Role = "targets/nightly"
	delegated("tag outside the paths", "path", nightly, ecSigner(5))
	nightly.Targets = nil
	delegated("key of another delegated role", "unknown-key", nightly, edSigner(4))
	other := asReleases
	other.Binding.Role = "targets/other"
	delegated("role not delegated", "role", other, edSigner(4))
	return list
}

// spoilSignature changes one bit in the signature of a signer: in the value,
// not in the encoding.
func spoilSignature(t *testing.T, m interface {
	Bytes() []byte
}, by testSigner) []byte {
	t.Helper()
	i := bytes.Index(m.Bytes(), []byte(by.id().String()+`","sig":"`))
	if i < 0 {
		t.Fatal("no signature of that key")
	}
	i += 64 + len(`","sig":"`)
	file := bytes.Clone(m.Bytes())
	if file[i] == '0' {
		file[i] = '1'
	} else {
		file[i] = '0'
	}
	return file
}

// TestRegr_R01: a threshold of zero, below, or above the number of keys never
// counts as met, whoever asks.
func TestRegr_R01(t *testing.T) {
	root := mustRoot(t, rootSpec(), rootKey)
	for _, threshold := range []int{0, -1, 2, MaxInteger} {
		file := edit(root.Bytes(), func(s object) { at(s, "roles", "targets")["threshold"] = threshold }, rootKey)
		if _, err := ParseRoot(file); !errors.Is(err, ErrThreshold) {
			t.Errorf("threshold %d in a file: %v", threshold, err)
		}
		if (Role{KeyIDs: []keys.ID{rootKey.id()}, Threshold: threshold}).Met([]keys.ID{rootKey.id()}, root.Key) {
			t.Errorf("threshold %d is met", threshold)
		}
		spec := rootSpec()
		spec.Roles.Targets.Threshold = threshold
		if _, err := NewRoot(spec); !errors.Is(err, ErrThreshold) {
			t.Errorf("threshold %d built: %v", threshold, err)
		}
	}
	if (Role{}).Met(nil, root.Key) {
		t.Error("the zero role is met")
	}
}

// TestRegr_R02: one key under two ids counts once.
func TestRegr_R02(t *testing.T) {
	key := rootKey.PublicKey()
	alias := keys.ID{1}
	lookup := func(id keys.ID) (keys.PublicKey, bool) { return key, id == alias || id == key.ID() }
	role := Role{KeyIDs: []keys.ID{alias, key.ID()}, Threshold: 2}
	if role.Met([]keys.ID{alias, key.ID()}, lookup) {
		t.Error("one key met a threshold of two")
	}
	if role.Met([]keys.ID{alias, alias}, lookup) {
		t.Error("one signer listed twice met a threshold of two")
	}
	role.Threshold = 1
	if !role.Met([]keys.ID{alias}, lookup) {
		t.Error("one key does not meet a threshold of one")
	}
	if role.Met([]keys.ID{{2}}, lookup) {
		t.Error("a foreign key met the threshold")
	}
	// In a file the alias is refused before anything is counted.
	file := edit(mustRoot(t, rootSpec()).Bytes(), func(s object) {
		at(s, "keys")[strings.Repeat("0", 64)] = keyObject(rootKey)
		at(s, "roles")["root"] = object{"keyids": []any{rootKey.id().String(), strings.Repeat("0", 64)}, "threshold": 2}
	}, rootKey)
	if _, err := ParseRoot(file); !errors.Is(err, ErrKeyID) {
		t.Errorf("alias in a file: %v", err)
	}
}

// TestRegr_R06: an expired file is refused whatever refers to it, judged by the
// time given and by no clock.
func TestRegr_R06(t *testing.T) {
	past := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	spec := rootSpec()
	spec.Expires = past
	root := mustRoot(t, spec, rootKey)
	if err := VerifyFirstRoot(keys.Direct{}, root, bindingFor(RoleRoot), past.Add(-time.Second)); err != nil {
		t.Errorf("before expiry, long ago: %v", err)
	}
	for _, now := range []time.Time{past, past.Add(time.Nanosecond), testNow, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)} {
		if err := VerifyFirstRoot(keys.Direct{}, root, bindingFor(RoleRoot), now); !errors.Is(err, ErrExpired) {
			t.Errorf("at %v: %v", now, err)
		}
	}
	// The instant counts, not its time zone.
	zone := time.FixedZone("", -3600)
	if err := VerifyFirstRoot(keys.Direct{}, root, bindingFor(RoleRoot), past.In(zone)); !errors.Is(err, ErrExpired) {
		t.Errorf("in another zone: %v", err)
	}
}

// TestRegr_R07: whatever is added to a file beside its signatures is refused;
// every single byte counts.
func TestRegr_R07(t *testing.T) {
	root := mustRoot(t, rootSpec(), rootKey)
	targets := mustTargets(t, delegate(targetsSpec(1)), targetsKey)
	verify := func(file []byte) error {
		parsed, err := ParseTargets(file)
		if err != nil {
			return err
		}
		return VerifyTargets(keys.Direct{}, root, parsed, bindingFor(RoleTargets), testNow)
	}
	if err := verify(targets.Bytes()); err != nil {
		t.Fatal(err)
	}
	for i := range targets.Bytes() {
		for _, c := range []byte{' ', '\n', '0', '"', ',', 'a', 0, 0xff} {
			inserted := bytes.Join([][]byte{targets.Bytes()[:i], {c}, targets.Bytes()[i:]}, nil)
			if verify(inserted) == nil {
				t.Fatalf("accepted with %q inserted at %d", c, i)
			}
			changed := bytes.Clone(targets.Bytes())
			changed[i] = c
			if changed[i] != targets.Bytes()[i] && verify(changed) == nil {
				t.Fatalf("accepted with byte %d changed to %q", i, c)
			}
		}
		removed := append(bytes.Clone(targets.Bytes()[:i]), targets.Bytes()[i+1:]...)
		if verify(removed) == nil {
			t.Fatalf("accepted without byte %d", i)
		}
	}
}

// recorder is a Verifier that keeps the messages it was asked about.
type recorder struct{ messages [][]byte }

func (r *recorder) Verify(key keys.PublicKey, message, signature []byte) error {
	r.messages = append(r.messages, message)
	return keys.Direct{}.Verify(key, message, signature)
}

// TestRegr_R08: the message of every signature is made of the bytes received,
// the newlines of PEM keys being the one difference.
func TestRegr_R08(t *testing.T) {
	root := mustRoot(t, rootSpec(), rootKey)
	for name, spec := range map[string]TargetsSpec{"plain": targetsSpec(3), "with PEM": delegate(targetsSpec(3))} {
		file := mustTargets(t, spec, targetsKey)
		var v recorder
		if err := VerifyTargets(&v, root, file, bindingFor(RoleTargets), testNow); err != nil {
			t.Fatal(err)
		}
		escaped := bytes.ReplaceAll(v.messages[0], []byte("\n"), []byte(`\n`))
		if len(v.messages) != 1 || !bytes.HasSuffix(file.Bytes(), append([]byte(`],"signed":`), append(escaped, '}')...)) {
			t.Errorf("%s: verified other bytes", name)
		}
	}
}

// TestCheapChecksFirst: no signature is verified when the file is refused for
// a reason that costs less.
func TestCheapChecksFirst(t *testing.T) {
	root := mustRoot(t, rootSpec(), rootKey)
	for name, file := range map[string]*Targets{
		"foreign key":         mustTargets(t, targetsSpec(1), targetsKey, edSigner(9)),
		"too few signatures":  mustTargets(t, targetsSpec(1)),
		"for another binding": mustTargets(t, func() TargetsSpec { s := targetsSpec(1); s.Binding.Ledger = "x"; return s }(), targetsKey),
	} {
		var v recorder
		if err := VerifyTargets(&v, root, file, bindingFor(RoleTargets), testNow); err == nil || len(v.messages) != 0 {
			t.Errorf("%s: %v after %d verifications", name, err, len(v.messages))
		}
	}
}
