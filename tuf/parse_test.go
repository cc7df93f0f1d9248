package tuf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"hullmark/keys"
	"hullmark/reference"
)

func TestTooLarge(t *testing.T) {
	fill := func(n int) []byte { return bytes.Repeat([]byte("["), n) }
	if _, err := ParseTargets(fill(MaxTargetsSize + 1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("targets: %v", err)
	}
	if _, err := ParseTargets(fill(MaxTargetsSize)); errors.Is(err, ErrTooLarge) {
		t.Errorf("targets at the limit: %v", err)
	}
	if _, err := ParseRoot(fill(MaxRootSize + 1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("root: %v", err)
	}
	// A file at the limit parses, and a tag more is too much.
	spec := targetsSpec(0)
	row := len(`,"t000000":{"hashes":{"sha256":""},"length":1}`) + 64
	for i := range MaxTargetsSize/row - 10 {
		spec.Targets = append(spec.Targets, Target{
			Tag:    reference.MustParseTag(fmt.Sprintf("t%06d", i)),
			Digest: reference.SumSHA256(nil),
			Length: 1,
		})
	}
	full := mustTargets(t, spec, targetsKey)
	if size := len(full.Bytes()); size < MaxTargetsSize-20*row {
		t.Errorf("file of %d bytes is no test of the limit", size)
	}
	for i := range 20 {
		spec.Targets = append(spec.Targets, Target{
			Tag:    reference.MustParseTag(fmt.Sprintf("u%06d", i)),
			Digest: reference.SumSHA256(nil),
			Length: 1,
		})
	}
	if _, err := NewTargets(spec); !errors.Is(err, ErrTooLarge) {
		t.Errorf("built: %v", err)
	}
	delta := Delta{Base: full.SignedDigest(), Version: 2, Expires: testExpires, Put: spec.Targets[len(spec.Targets)-20:]}
	if _, err := full.Apply(delta); !errors.Is(err, ErrTooLarge) {
		t.Errorf("delta: %v", err)
	}
}

func TestParsedSharesNoMemory(t *testing.T) {
	file := bytes.Clone(mustTargets(t, delegate(targetsSpec(2)), targetsKey).Bytes())
	targets, err := ParseTargets(file)
	if err != nil {
		t.Fatal(err)
	}
	before := [][]byte{bytes.Clone(targets.Bytes()), bytes.Clone(targets.SignedBytes()), bytes.Clone(targets.Signatures[0].Sig)}
	clear(file)
	after := [][]byte{targets.Bytes(), targets.SignedBytes(), targets.Signatures[0].Sig}
	if !slices.EqualFunc(before, after, bytes.Equal) || targets.Targets[0].Tag.String() != "v1" {
		t.Error("the result changes with the input")
	}
}

func TestLookups(t *testing.T) {
	targets := mustTargets(t, delegate(targetsSpec(12)), targetsKey)
	for _, want := range targets.Targets {
		if got, ok := targets.Target(want.Tag); !ok || got != want {
			t.Errorf("tag %s: got %v, %v", want.Tag, got, ok)
		}
	}
	if _, ok := targets.Target(reference.MustParseTag("v0")); ok {
		t.Error("found an absent tag")
	}
	if key, ok := targets.Key(ecSigner(5).id()); !ok || key.ID() != ecSigner(5).id() {
		t.Error("delegation key not found")
	}
	if _, ok := targets.Key(rootKey.id()); ok {
		t.Error("found a foreign key")
	}
	if _, ok := targets.Delegated("targets/none"); ok {
		t.Error("found a role that is not delegated")
	}
	plain := mustTargets(t, targetsSpec(0))
	if _, ok := plain.Key(rootKey.id()); ok {
		t.Error("found a key without delegations")
	}
	root := mustRoot(t, rootSpec(), rootKey)
	if _, ok := root.Delegated("targets/releases"); ok {
		t.Error("a root delegates to a delegated role")
	}
	if got := mustTargets(t, targetsSpec(0), targetsKey, edSigner(9)).Signers(); !slices.IsSortedFunc(got, keys.ID.Compare) || len(got) != 2 {
		t.Errorf("signers %v", got)
	}
}

// referenceScan accepts what scan must accept, by decoding and writing again.
func referenceScan(b []byte) bool {
	if !json.Valid(b) || !utf8.Valid(b) {
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return false
	}
	return plain(v, 0) && bytes.Equal(canonical(v, false), b)
}

// plain reports whether a decoded value is made of what the format allows.
func plain(v any, depth int) bool {
	switch v := v.(type) {
	case bool:
		return true
	case json.Number:
		n, err := v.Int64()
		return err == nil && -MaxInteger <= n && n <= MaxInteger && fmt.Sprint(n) == v.String()
	case string:
		for _, r := range v {
			if r < 0x20 && r != '\n' || strings.ContainsRune("\x7f<>&\u2028\u2029", r) {
				return false
			}
		}
		return len(canonical(v, false))-2 <= MaxStringSize
	case []any:
		return depth < MaxDepth && !slices.ContainsFunc(v, func(e any) bool { return !plain(e, depth+1) })
	case object:
		for name, value := range v {
			if strings.ContainsAny(name, "\n\"\\") || !plain(name, depth) || !plain(value, depth+1) {
				return false
			}
		}
		return depth < MaxDepth
	}
	return false // null
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2,true,false,"x\n\"\\"],"b":{}}`, `[]`, `"\u0061"`, `{"a":1,"a":2}`, `{"b":1,"a":2}`, `9007199254740992`,
		`[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]`, `1.5`, `-0`, `null`, "\"\u2028\"", `[1,]`, `{"a":}`, `tru`, ` 1`, `1 `,
	} {
		f.Add([]byte(seed))
	}
	f.Add(mustRoot(f, rootSpec(), rootKey).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		err := scan(b)
		if got, want := err == nil, referenceScan(b); got != want {
			t.Fatalf("%q: got %v, want accepted %v", b, err, want)
		}
		if err != nil {
			classOf(t, err)
		}
	})
}

func FuzzParseRoot(f *testing.F) {
	f.Add(mustRoot(f, rootSpec(), rootKey).Bytes())
	spec := rootSpec()
	spec.Keys = append(spec.Keys, ecSigner(6).PublicKey())
	spec.Roles.Root = roleOf(2, rootKey, ecSigner(6))
	f.Add(mustRoot(f, spec, rootKey, ecSigner(6)).Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		root, err := ParseRoot(file)
		if err != nil {
			classOf(t, err)
			return
		}
		if !bytes.Equal(root.Bytes(), file) {
			t.Fatal("bytes changed")
		}
		checkRootAgainstGoTUF(t, root)
		for _, now := range []int{-1, 0, 1} {
			_ = VerifyFirstRoot(keys.Direct{}, root, root.Binding, root.Expires.AddDate(0, 0, now))
		}
		_ = VerifyNextRoot(keys.Direct{}, root, root, testNow)
	})
}

func FuzzParseTargets(f *testing.F) {
	root := mustRoot(f, rootSpec(), rootKey)
	good := mustTargets(f, targetsSpec(2), targetsKey)
	f.Add(good.Bytes())
	f.Add(mustTargets(f, delegate(targetsSpec(1)), targetsKey).Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		targets, err := ParseTargets(file)
		if err != nil {
			classOf(t, err)
			return
		}
		if !bytes.Equal(targets.Bytes(), file) {
			t.Fatal("bytes changed")
		}
		checkTargetsAgainstGoTUF(t, targets)
		again, err := NewTargets(targets.Spec())
		if err != nil {
			t.Fatal(err)
		}
		if targets.SpecVersion == SpecVersion && again.SignedDigest() != targets.SignedDigest() {
			t.Fatal("built again, the signed part differs")
		}
		err = VerifyTargets(keys.Direct{}, root, targets, bindingFor(RoleTargets), testNow)
		if err == nil && targets.FileDigest() != good.FileDigest() && len(targets.Signatures) == 1 && targets.Delegations == nil {
			t.Fatal("forged")
		}
	})
}

// TestReencodingDecides: parsing refuses a file that differs from the
// re-encoding of what was read, should a stricter check ever miss it.
func TestReencodingDecides(t *testing.T) {
	targets := mustTargets(t, targetsSpec(1), targetsKey)
	copied := *targets
	if err := copied.finish(targets.Bytes(), copied.writeSigned); err != nil {
		t.Fatal(err)
	}
	copied.Version++
	if err := copied.finish(targets.Bytes(), copied.writeSigned); !errors.Is(err, ErrNotCanonical) {
		t.Errorf("got %v", err)
	}
}
