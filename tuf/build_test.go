package tuf

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"hullmark/keys"
)

// TestSignaturesCollected gathers a threshold from signers that never meet, in
// any order, and gets the bytes of signing at once.
func TestSignaturesCollected(t *testing.T) {
	spec := rootSpec()
	spec.Keys = append(spec.Keys, edSigner(20).PublicKey(), ecSigner(21).PublicKey())
	spec.Roles.Root = roleOf(3, rootKey, edSigner(20), ecSigner(21))
	together := mustRoot(t, spec, rootKey, edSigner(20), ecSigner(21))
	for _, order := range [][]testSigner{
		{rootKey, edSigner(20), ecSigner(21)}, {ecSigner(21), edSigner(20), rootKey}, {edSigner(20), rootKey, ecSigner(21)},
	} {
		file := mustRoot(t, spec).Bytes()
		for i, signer := range order {
			root, err := ParseRoot(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := VerifyFirstRoot(keys.Direct{}, root, bindingFor(RoleRoot), testNow); !errors.Is(err, ErrTooFewSignatures) {
				t.Errorf("with %d signatures: %v", i, err)
			}
			if root.SignedDigest() != together.SignedDigest() {
				t.Error("the signed digest depends on signatures")
			}
			sig, err := signer.Sign(root.SignedBytes())
			if err != nil {
				t.Fatal(err)
			}
			if root, err = root.AddSignatures(Signature{KeyID: signer.id(), Sig: sig}); err != nil {
				t.Fatal(err)
			}
			file = root.Bytes()
		}
		if !bytes.Equal(file, together.Bytes()) {
			t.Error("the file depends on the order of signing")
		}
	}
	if err := VerifyFirstRoot(keys.Direct{}, together, bindingFor(RoleRoot), testNow); err != nil {
		t.Error(err)
	}
}

func TestSigningAgainReplaces(t *testing.T) {
	once := mustTargets(t, targetsSpec(1), targetsKey)
	bad, err := once.AddSignatures(Signature{KeyID: targetsKey.id(), Sig: []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	if len(bad.Signatures) != 1 || len(bad.Signatures[0].Sig) != 1 || len(once.Signatures[0].Sig) != 64 {
		t.Error("the signature was not replaced, or in the original too")
	}
	again, err := bad.Sign(targetsKey)
	if err != nil || !bytes.Equal(again.Bytes(), once.Bytes()) {
		t.Errorf("signed again: %v", err)
	}
}

// lyingSigner returns signatures of another key.
type lyingSigner struct{ testSigner }

func (lyingSigner) Sign(message []byte) ([]byte, error) { return edSigner(77).Sign(message) }

// failingSigner cannot sign.
type failingSigner struct{ testSigner }

var errDevice = errors.New("no device")

func (failingSigner) Sign([]byte) ([]byte, error) { return nil, errDevice }

func TestSignRefuses(t *testing.T) {
	root := mustRoot(t, rootSpec())
	if _, err := root.Sign(lyingSigner{rootKey}); !errors.Is(err, ErrBadSignature) {
		t.Errorf("wrong signature: %v", err)
	}
	if _, err := root.Sign(failingSigner{rootKey}); !errors.Is(err, errDevice) {
		t.Errorf("no signature: %v", err)
	}
	if _, err := root.AddSignatures(Signature{KeyID: rootKey.id()}); !errors.Is(err, ErrSignature) {
		t.Errorf("empty signature: %v", err)
	}
}

func TestBuildersNormalise(t *testing.T) {
	want := mustTargets(t, delegate(targetsSpec(5))).Bytes()
	spec := delegate(targetsSpec(5))
	slices.Reverse(spec.Targets)
	slices.Reverse(spec.Delegations.Keys)
	spec.Delegations.Keys = append(spec.Delegations.Keys, spec.Delegations.Keys[0])
	spec.Expires = spec.Expires.In(time.FixedZone("", 3600))
	before := slices.Clone(spec.Targets)
	if got := mustTargets(t, spec).Bytes(); !bytes.Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if !slices.Equal(before, spec.Targets) {
		t.Error("the specification was changed")
	}
	wantRoot := mustRoot(t, rootSpec()).Bytes()
	root := rootSpec()
	slices.Reverse(root.Keys)
	root.Keys = append(root.Keys, root.Keys...)
	if got := mustRoot(t, root).Bytes(); !bytes.Equal(got, wantRoot) {
		t.Errorf("got %s, want %s", got, wantRoot)
	}
}

func TestBuildersRefuse(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*RootSpec)
		want   error
	}{
		"version 0":               {func(s *RootSpec) { s.Version = 0 }, ErrVersion},
		"version too high":        {func(s *RootSpec) { s.Version = MaxInteger + 1 }, ErrVersion},
		"no expiry":               {func(s *RootSpec) { s.Expires = time.Time{} }, ErrExpires},
		"fraction of a second":    {func(s *RootSpec) { s.Expires = testExpires.Add(time.Millisecond) }, ErrExpires},
		"no binding":              {func(s *RootSpec) { s.Binding = Binding{} }, ErrBinding},
		"binding of targets":      {func(s *RootSpec) { s.Binding.Role = RoleTargets }, ErrBinding},
		"ledger with a quote":     {func(s *RootSpec) { s.Binding.Ledger = `a","b` }, ErrBinding},
		"key missing":             {func(s *RootSpec) { s.Keys = s.Keys[1:] }, ErrUnknownKey},
		"no key":                  {func(s *RootSpec) { s.Keys = append(s.Keys, keys.PublicKey{}) }, ErrUnusedKey},
		"key unused":              {func(s *RootSpec) { s.Keys = append(s.Keys, edSigner(9).PublicKey()) }, ErrUnusedKey},
		"role empty":              {func(s *RootSpec) { s.Roles.Snapshot = Role{} }, ErrThreshold},
		"threshold not reachable": {func(s *RootSpec) { s.Roles.Root.Threshold = 2 }, ErrThreshold},
	} {
		t.Run(name, func(t *testing.T) {
			spec := rootSpec()
			test.change(&spec)
			if _, err := NewRoot(spec); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	for name, test := range map[string]struct {
		change func(*TargetsSpec)
		want   error
	}{
		"tag twice":        {func(s *TargetsSpec) { s.Targets = append(s.Targets, s.Targets[0]) }, ErrDuplicateKey},
		"no target":        {func(s *TargetsSpec) { s.Targets = append(s.Targets, Target{}) }, ErrTarget},
		"length 0":         {func(s *TargetsSpec) { s.Targets[0].Length = 0 }, ErrTarget},
		"length too large": {func(s *TargetsSpec) { s.Targets[0].Length = MaxInteger + 1 }, ErrTarget},
		"bound to root":    {func(s *TargetsSpec) { s.Binding.Role = RoleRoot }, ErrBinding},
		"no delegations":   {func(s *TargetsSpec) { s.Delegations = &Delegations{} }, ErrNotCanonical},
		"path with quote": {func(s *TargetsSpec) {
			*s = delegate(*s)
			s.Delegations.Roles[0].Paths = []string{`"`}
		}, ErrPath},
	} {
		t.Run(name, func(t *testing.T) {
			spec := targetsSpec(2)
			test.change(&spec)
			if _, err := NewTargets(spec); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// TestSpecIsACopy: changing a specification leaves the file alone.
func TestSpecIsACopy(t *testing.T) {
	root := mustRoot(t, rootSpec(), rootKey)
	spec := root.Spec()
	spec.Keys[0], spec.Roles.Root.KeyIDs[0] = keys.PublicKey{}, keys.ID{}
	if root.Keys[0].IsZero() || root.Roles.Root.KeyIDs[0] == (keys.ID{}) {
		t.Error("root changed")
	}
	targets := mustTargets(t, delegate(targetsSpec(1)), targetsKey)
	other := targets.Spec()
	other.Targets[0] = Target{}
	other.Delegations.Roles[0].Name = ""
	other.Delegations.Roles[0].KeyIDs[0] = keys.ID{}
	other.Delegations.Roles[0].Paths[0] = ""
	other.Delegations.Keys[0] = keys.PublicKey{}
	if _, err := ParseTargets(targets.Bytes()); err != nil || targets.Targets[0] == (Target{}) ||
		targets.Delegations.Roles[0].Name == "" || targets.Delegations.Roles[0].Paths[0] == "" ||
		targets.Delegations.Roles[0].KeyIDs[0] == (keys.ID{}) || targets.Delegations.Keys[0].IsZero() {
		t.Error("targets changed")
	}
}

func BenchmarkParseTargets(b *testing.B) {
	file := mustTargets(b, targetsSpec(1000), targetsKey).Bytes()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseTargets(file); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApply(b *testing.B) {
	base := mustTargets(b, targetsSpec(1000), targetsKey)
	delta := Delta{Base: base.SignedDigest(), Version: 2, Expires: testExpires, Remove: nil, Put: []Target{targetsSpec(1001).Targets[1000]}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := base.Apply(delta); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRootOfFleet(b *testing.B) {
	spec := rootSpec()
	spec.Keys = publicKeys(rootKey, targetsKey)
	spec.Roles.Snapshot = Role{Threshold: 67}
	for i := range byte(100) {
		spec.Keys = append(spec.Keys, edSigner(100+i).PublicKey())
		spec.Roles.Snapshot.KeyIDs = append(spec.Roles.Snapshot.KeyIDs, edSigner(100+i).id())
	}
	spec.Roles.Timestamp = spec.Roles.Snapshot
	file := mustRoot(b, spec, rootKey).Bytes()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseRoot(file); err != nil {
			b.Fatal(err)
		}
	}
}
