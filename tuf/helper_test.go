package tuf

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"hullmark/keys"
	"hullmark/reference"
)

var (
	testNow     = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	testExpires = time.Date(2027, 6, 1, 12, 0, 0, 0, time.UTC)
)

const testLedger = "harbour-0123456789abcdef"

// bindingFor returns the binding to a role of the test repository.
func bindingFor(role string) Binding {
	return Binding{Ledger: testLedger, Repository: reference.MustParseRepository("registry.example.com/team/app"), Role: role}
}

// testSigner is a Signer whose signatures are repeatable, except RSA.
type testSigner struct{ private crypto.Signer }

func (s testSigner) PublicKey() keys.PublicKey {
	key, err := keys.New(s.private.Public())
	if err != nil {
		panic(err)
	}
	return key
}

func (s testSigner) Sign(message []byte) ([]byte, error) { return keys.Sign(s.repeatable(), message) }

func (s testSigner) id() keys.ID { return s.PublicKey().ID() }

// repeatable makes ECDSA use the nonces of RFC 6979.
func (s testSigner) repeatable() crypto.Signer {
	if private, ok := s.private.(*ecdsa.PrivateKey); ok {
		return withoutRandom{private}
	}
	return s.private
}

type withoutRandom struct{ *ecdsa.PrivateKey }

func (w withoutRandom) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return w.PrivateKey.Sign(nil, digest, opts)
}

func edSigner(seed byte) testSigner {
	return testSigner{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))}
}

func ecSigner(seed byte) testSigner {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		panic(err)
	}
	return testSigner{private}
}

func rsaSigner(t testing.TB) testSigner {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return testSigner{private}
}

// roleOf makes a role of signers.
func roleOf(threshold int, signers ...testSigner) Role {
	role := Role{Threshold: threshold}
	for _, s := range signers {
		role.KeyIDs = append(role.KeyIDs, s.id())
	}
	return role
}

func publicKeys(signers ...testSigner) []keys.PublicKey {
	var list []keys.PublicKey
	for _, s := range signers {
		list = append(list, s.PublicKey())
	}
	return list
}

// Signers of the ordinary test repository.
var (
	rootKey    = edSigner(1)
	targetsKey = edSigner(2)
	notaryKey  = edSigner(3)
)

// rootSpec describes version 1 of the ordinary test repository.
func rootSpec() RootSpec {
	return RootSpec{
		Version: 1,
		Expires: testExpires,
		Binding: bindingFor(RoleRoot),
		Keys:    publicKeys(rootKey, targetsKey, notaryKey),
		Roles: Roles{
			Root:      roleOf(1, rootKey),
			Snapshot:  roleOf(1, notaryKey),
			Targets:   roleOf(1, targetsKey),
			Timestamp: roleOf(1, notaryKey),
		},
	}
}

// targetsSpec describes the tags v1 to vN.
func targetsSpec(n int) TargetsSpec {
	spec := TargetsSpec{Version: 1, Expires: testExpires, Binding: bindingFor(RoleTargets)}
	for i := range n {
		tag := fmt.Sprintf("v%d", i+1)
		spec.Targets = append(spec.Targets, Target{
			Tag:    reference.MustParseTag(tag),
			Digest: reference.SumSHA256([]byte(tag)),
			Length: uint64(1000 + i),
		})
	}
	return spec
}

// delegate adds delegations with keys that need both forms of encoding.
func delegate(spec TargetsSpec) TargetsSpec {
	spec.Delegations = &Delegations{
		Keys: publicKeys(edSigner(4), ecSigner(5)),
		Roles: []DelegatedRole{
			{Role: roleOf(1, edSigner(4), ecSigner(5)), Name: "targets/releases", Paths: []string{"v*", "latest"}, Terminating: true},
			{Role: roleOf(1, ecSigner(5)), Name: "targets/nightly", Paths: []string{"nightly-????"}},
		},
	}
	return spec
}

func mustRoot(t testing.TB, spec RootSpec, signers ...Signer) *Root {
	t.Helper()
	root, err := NewRoot(spec)
	if err != nil {
		t.Fatal(err)
	}
	root, err = root.Sign(signers...)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func mustTargets(t testing.TB, spec TargetsSpec, signers ...Signer) *Targets {
	t.Helper()
	targets, err := NewTargets(spec)
	if err != nil {
		t.Fatal(err)
	}
	targets, err = targets.Sign(signers...)
	if err != nil {
		t.Fatal(err)
	}
	return targets
}

// object is decoded JSON, to be changed in ways that no builder allows.
type object = map[string]any

// at walks down an object by names, and list indices for numbers.
func at(v any, path ...any) object {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			v = v.(object)[step]
		case int:
			v = v.([]any)[step]
		}
	}
	return v.(object)
}

// edit decodes a file, changes its signed part, and signs the result again, so
// that nothing but the change can be the reason for a refusal.
func edit(file []byte, change func(signed object), signers ...testSigner) []byte {
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.UseNumber()
	var whole object
	if err := decoder.Decode(&whole); err != nil {
		panic(err)
	}
	signed := whole["signed"].(object)
	change(signed)
	return assemble(signed, signers...)
}

// assemble signs a signed part and writes the file.
func assemble(signed any, signers ...testSigner) []byte {
	message := canonical(signed, true)
	signers = slices.Clone(signers)
	slices.SortFunc(signers, func(a, b testSigner) int { return a.id().Compare(b.id()) })
	signatures := []any{}
	for _, s := range signers {
		sig, err := s.Sign(message)
		if err != nil {
			panic(err)
		}
		signatures = append(signatures, object{"keyid": s.id().String(), "sig": hex.EncodeToString(sig)})
	}
	return canonical(object{"signatures": signatures, "signed": signed}, false)
}

// canonical is a second, obvious implementation of both forms. It writes
// whatever it is given, sensible or not.
func canonical(v any, signing bool) []byte {
	switch v := v.(type) {
	case nil:
		return []byte("null")
	case bool, int, json.Number:
		return fmt.Append(nil, v)
	case string:
		replacements := []string{`\`, `\\`, `"`, `\"`}
		if !signing {
			replacements = append(replacements, "\n", `\n`)
		}
		return []byte(`"` + strings.NewReplacer(replacements...).Replace(v) + `"`)
	case []any:
		var parts [][]byte
		for _, element := range v {
			parts = append(parts, canonical(element, signing))
		}
		return slices.Concat([]byte("["), bytes.Join(parts, []byte(",")), []byte("]"))
	case object:
		var names []string
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		var parts [][]byte
		for _, name := range names {
			parts = append(parts, slices.Concat(canonical(name, signing), []byte(":"), canonical(v[name], signing)))
		}
		return slices.Concat([]byte("{"), bytes.Join(parts, []byte(",")), []byte("}"))
	}
	panic(fmt.Sprintf("no canonical form of %T", v))
}

// replace changes text in a file, all signatures staying as they are.
func replace(file []byte, old, with string) []byte {
	if !bytes.Contains(file, []byte(old)) {
		panic(fmt.Sprintf("%q is not in the file", old))
	}
	return bytes.Replace(file, []byte(old), []byte(with), 1)
}
