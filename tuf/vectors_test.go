package tuf

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/theupdateframework/go-tuf/v2/metadata"
	"github.com/theupdateframework/go-tuf/v2/metadata/trustedmetadata"

	"hullmark/keys"
	"hullmark/reference"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectorDir = "../tests/vectors/tuf"

// accept is the expectation that nothing is refused.
const accept = "accept"

// classes names the reasons of refusal for implementations in other languages.
var classes = map[string]error{
	accept:                nil,
	"too-large":           ErrTooLarge,
	"syntax":              ErrSyntax,
	"not-canonical":       ErrNotCanonical,
	"too-deep":            ErrTooDeep,
	"duplicate-key":       ErrDuplicateKey,
	"null":                ErrNull,
	"number":              ErrNumber,
	"character":           ErrCharacter,
	"limit":               ErrLimit,
	"field-type":          ErrFieldType,
	"unknown-field":       ErrUnknownField,
	"missing-field":       ErrMissingField,
	"type":                ErrType,
	"spec-version":        ErrSpecVersion,
	"consistent-snapshot": ErrConsistentSnapshot,
	"expires":             ErrExpires,
	"key":                 ErrKey,
	"key-id":              ErrKeyID,
	"unused-key":          ErrUnusedKey,
	"same-key":            ErrSameKey,
	"unknown-key":         ErrUnknownKey,
	"threshold":           ErrThreshold,
	"role":                ErrRole,
	"target":              ErrTarget,
	"path":                ErrPath,
	"duplicate-role":      ErrDuplicateRole,
	"signature":           ErrSignature,
	"version":             ErrVersion,
	"binding":             ErrBinding,
	"expired":             ErrExpired,
	"bad-signature":       ErrBadSignature,
	"too-few-signatures":  ErrTooFewSignatures,
}

// classOf returns the one class of an error.
func classOf(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return accept
	}
	var found []string
	for name, sentinel := range classes {
		if sentinel != nil && errors.Is(err, sentinel) {
			found = append(found, name)
		}
	}
	if len(found) != 1 {
		t.Errorf("error %q is of classes %q, want one", err, found)
		return ""
	}
	return found[0]
}

// parseVector is a file and what parsing it must yield.
type parseVector struct {
	Name string `json:"name"`
	Type string `json:"type"` // root or targets
	Want string `json:"want"`
	File []byte `json:"file"` // base64
}

// verifyVector is a file, what it is judged by, and the verdict. Kind is
// first-root (nothing trusted), next-root (trusted: the old root), targets
// (trusted: a root) or delegated (trusted: the targets file that delegates).
type verifyVector struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	Want       string `json:"want"`
	Now        string `json:"now"`
	Ledger     string `json:"ledger"`
	Repository string `json:"repository"`
	Role       string `json:"role"`
	Trusted    []byte `json:"trusted,omitempty"`
	File       []byte `json:"file"`
}

func (v parseVector) run() error {
	if v.Type == RoleRoot {
		_, err := ParseRoot(v.File)
		return err
	}
	_, err := ParseTargets(v.File)
	return err
}

func (v verifyVector) run(t *testing.T) error {
	now, err := time.Parse(time.RFC3339, v.Now)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := reference.ParseCanonicalRepository(v.Repository)
	if err != nil {
		t.Fatal(err)
	}
	want := Binding{Ledger: v.Ledger, Repository: repository, Role: v.Role}
	switch v.Kind {
	case "first-root":
		return VerifyFirstRoot(keys.Direct{}, parsed(t, ParseRoot, v.File), want, now)
	case "next-root":
		return VerifyNextRoot(keys.Direct{}, parsed(t, ParseRoot, v.Trusted), parsed(t, ParseRoot, v.File), now)
	case "targets":
		return VerifyTargets(keys.Direct{}, parsed(t, ParseRoot, v.Trusted), parsed(t, ParseTargets, v.File), want, now)
	case "delegated":
		return VerifyTargets(keys.Direct{}, parsed(t, ParseTargets, v.Trusted), parsed(t, ParseTargets, v.File), want, now)
	}
	t.Fatalf("kind %q", v.Kind)
	return nil
}

func parsed[T any](t *testing.T, parse func([]byte) (*T, error), file []byte) *T {
	t.Helper()
	v, err := parse(file)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// vectorFile is the content of a file of vectors.
type vectorFile[V any] struct {
	About   string `json:"about"`
	Vectors []V    `json:"vectors"`
}

// loadVectors reads a file of vectors after writing it on demand. The names and
// expectations must be those of the generator; the bytes stay as they are,
// whatever signatures the generator would make today.
func loadVectors[V any](t *testing.T, name, about string, made []V, label func(V) string) []V {
	t.Helper()
	file := filepath.Join(vectorDir, name)
	if *update {
		b, err := json.MarshalIndent(vectorFile[V]{About: about, Vectors: made}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var stored vectorFile[V]
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&stored); err != nil {
		t.Fatal(err)
	}
	labels := func(list []V) []string {
		var all []string
		for _, v := range list {
			all = append(all, label(v))
		}
		return all
	}
	if diff := cmp.Diff(labels(made), labels(stored.Vectors)); diff != "" {
		t.Fatalf("%s is not what the test would write; run with -update:\n%s", file, diff)
	}
	return stored.Vectors
}

const parseAbout = "Files and what parsing them must yield: accept, or the class of the refusal. " +
	"Unless the name says otherwise the signatures are those of the altered content, so they are no reason to refuse. " +
	"Names that begin with malleable carry valid signatures of the unaltered content."

func TestParseVectors(t *testing.T) {
	vectors := loadVectors(t, "parse.json", parseAbout, makeParseVectors(t),
		func(v parseVector) string { return v.Type + ": " + v.Name + ": " + v.Want })
	for _, v := range vectors {
		t.Run(v.Type+"/"+v.Name, func(t *testing.T) {
			for _, file := range [][]byte{v.File, bytes.Clone(v.File)} { // same bytes, same verdict
				v.File = file
				err := v.run()
				if got := classOf(t, err); got != v.Want {
					t.Errorf("got %s (%v), want %s", got, err, v.Want)
				}
			}
		})
	}
}

// TestMalleableFiles shows that each malleable vector is what its name says,
// another file that a stock verifier takes for the signed one, and that none
// gets past parsing and verification here.
func TestMalleableFiles(t *testing.T) {
	root := mustRoot(t, rootSpec(), rootKey)
	stock, err := goTUFRoot(root.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range makeParseVectors(t) {
		if !strings.HasPrefix(v.Name, "malleable: ") {
			continue
		}
		n++
		theirs, err := goTUFTargets(v.File)
		if err == nil {
			err = guarded(func() error { return stock.VerifyDelegate(RoleTargets, theirs) })
		}
		if err != nil {
			t.Errorf("%s: go-tuf refuses it: %v", v.Name, err)
		}
		targets, err := ParseTargets(v.File)
		if err == nil {
			err = VerifyTargets(keys.Direct{}, root, targets, bindingFor(RoleTargets), testNow)
		}
		if err == nil {
			t.Errorf("%s: accepted", v.Name)
		}
	}
	if n != 14 {
		t.Errorf("%d forms, want 14", n)
	}
}

// TestPanicVectors shows that the inputs named so do make go-tuf panic, so that
// the names are true for the version in use.
func TestPanicVectors(t *testing.T) {
	child := targetsSpec(0)
	child.Binding.Role = "targets/releases"
	delegated, err := goTUFTargets(mustTargets(t, child, edSigner(4)).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range makeParseVectors(t) {
		if !strings.HasPrefix(v.Name, "panic: ") {
			continue
		}
		n++
		err := guarded(func() error {
			if v.Type == RoleRoot {
				_, err := trustedmetadata.New(v.File)
				return err
			}
			targets, err := metadata.Targets().FromBytes(v.File)
			if err != nil {
				return err
			}
			return targets.VerifyDelegate("targets/releases", delegated)
		})
		if !errors.Is(err, errPanic) {
			t.Errorf("%s: go-tuf says %v", v.Name, err)
		}
	}
	if n != 6 {
		t.Errorf("%d inputs, want 6", n)
	}
}

const verifyAbout = "Well-formed files, the trusted file that each is judged by, and the verdict. " +
	"Kinds: first-root; next-root (trusted is the old root); targets (trusted is a root); delegated (trusted is a targets file)."

func TestVerifyVectors(t *testing.T) {
	vectors := loadVectors(t, "verify.json", verifyAbout, makeVerifyVectors(t),
		func(v verifyVector) string { return v.Kind + ": " + v.Name + ": " + v.Want })
	for _, v := range vectors {
		t.Run(v.Kind+"/"+v.Name, func(t *testing.T) {
			err := v.run(t)
			if got := classOf(t, err); got != v.Want {
				t.Errorf("got %s (%v), want %s", got, err, v.Want)
			}
		})
	}
}

// TestEveryClassHasAVector keeps the vectors complete.
func TestEveryClassHasAVector(t *testing.T) {
	seen := map[string]bool{
		"too-large": true, // five megabytes are no vector; TestTooLarge covers it
	}
	for _, v := range makeParseVectors(t) {
		seen[v.Want] = true
	}
	for _, v := range makeVerifyVectors(t) {
		seen[v.Want] = true
	}
	for name := range classes {
		if !seen[name] {
			t.Errorf("no vector is refused as %s", name)
		}
	}
}

// makeParseVectors builds the vectors of parse.json.
func makeParseVectors(t *testing.T) []parseVector {
	cryptotest.SetGlobalRandom(t, 1) // for RSA
	rsaKey := rsaSigner(t)

	var list []parseVector
	add := func(typ, name, want string, file []byte) {
		list = append(list, parseVector{Name: name, Type: typ, Want: want, File: file})
	}

	targets := mustTargets(t, targetsSpec(3), targetsKey).Bytes()
	delegating := mustTargets(t, delegate(targetsSpec(1)), targetsKey).Bytes()
	root := mustRoot(t, rootSpec(), rootKey).Bytes()
	inTargets := func(name, want string, change func(signed object)) {
		add(RoleTargets, name, want, edit(targets, change, targetsKey))
	}
	inDelegations := func(name, want string, change func(delegations object)) {
		add(RoleTargets, name, want, edit(delegating, func(s object) { change(at(s, "delegations")) }, targetsKey))
	}
	inRoot := func(name, want string, change func(signed object)) {
		add(RoleRoot, name, want, edit(root, change, rootKey))
	}
	text := func(name, want, old, with string) {
		add(RoleTargets, name, want, replace(targets, old, with))
	}

	// Good files.
	add(RoleTargets, "three tags", accept, targets)
	add(RoleTargets, "no tags", accept, mustTargets(t, targetsSpec(0), targetsKey).Bytes())
	add(RoleTargets, "unsigned", accept, mustTargets(t, targetsSpec(1)).Bytes())
	add(RoleTargets, "two signatures", accept, mustTargets(t, targetsSpec(1), targetsKey, edSigner(9)).Bytes())
	add(RoleTargets, "delegations with a PEM key", accept, delegating)
	inTargets("bound to a delegated role", accept, func(s object) { at(s, bindingField)["role"] = "targets/releases" })
	inTargets("sha384", accept, func(s object) {
		at(s, "targets", "v1")["hashes"] = object{"sha384": strings.Repeat("0a", 48)}
	})
	inTargets("sha512", accept, func(s object) {
		at(s, "targets", "v1")["hashes"] = object{"sha512": strings.Repeat("0a", 64)}
	})
	inTargets("largest version", accept, func(s object) { s["version"] = MaxInteger })
	inTargets("largest length", accept, func(s object) { at(s, "targets", "v1")["length"] = MaxInteger })
	inTargets("older specification", accept, func(s object) { s["spec_version"] = "1.0.0" })
	add(RoleRoot, "ed25519 keys", accept, root)
	mixed := rootSpec()
	mixed.Keys = append(mixed.Keys, ecSigner(6).PublicKey(), rsaKey.PublicKey())
	mixed.Roles.Root = roleOf(2, rootKey, ecSigner(6), rsaKey)
	add(RoleRoot, "keys of all types", accept, mustRoot(t, mixed, rootKey, ecSigner(6), rsaKey).Bytes())
	shared := rootSpec()
	shared.Keys = publicKeys(rootKey)
	shared.Roles = Roles{Root: roleOf(1, rootKey), Snapshot: roleOf(1, rootKey), Targets: roleOf(1, rootKey), Timestamp: roleOf(1, rootKey)}
	add(RoleRoot, "one key for all roles", accept, mustRoot(t, shared, rootKey).Bytes())

	// Not JSON, or not one value.
	add(RoleTargets, "empty", "syntax", []byte{})
	add(RoleTargets, "truncated", "syntax", targets[:len(targets)-1])
	add(RoleTargets, "truncated in a string", "syntax", targets[:len(targets)/2])
	add(RoleTargets, "byte order mark", "syntax", append([]byte("\ufeff"), targets...))
	add(RoleTargets, "trailing brace", "not-canonical", append(bytes.Clone(targets), '}'))
	add(RoleTargets, "trailing file", "not-canonical", append(bytes.Clone(targets), targets...))
	add(RoleTargets, "trailing zero byte", "not-canonical", append(bytes.Clone(targets), 0))
	add(RoleTargets, "top level list", "field-type", []byte("[]"))
	add(RoleTargets, "top level null", "null", []byte("null"))
	add(RoleTargets, "top level string", "field-type", []byte(`"signed"`))
	add(RoleTargets, "top level empty", "missing-field", []byte("{}"))
	add(RoleTargets, "comma at the end", "syntax", replace(targets, `}}}`, `}},}`))
	add(RoleTargets, "single quotes", "syntax", replace(targets, `"_type"`, `'_type'`))
	add(RoleTargets, "comment", "syntax", replace(targets, `"_type"`, `/**/"_type"`))

	// One signature, many files.
	add(RoleTargets, "malleable: indentation", "not-canonical", replace(targets, `{"signatures"`, "{\n\t\"signatures\""))
	add(RoleTargets, "malleable: trailing white space", "not-canonical", append(bytes.Clone(targets), '\n'))
	text("malleable: expires with fraction", "expires", `:00Z"`, `:00.000Z"`)
	text("malleable: expires with offset", "expires", `:00Z"`, `:00+00:00"`)
	digest := reference.SumSHA256([]byte("v1")).Hex()
	text("malleable: hash in capitals", "target", digest, strings.ToUpper(digest))
	text("malleable: escape in a name", "not-canonical", `"v1":`, `"\u0076`+`1":`)
	text("malleable: field twice", "duplicate-key", `"version":1`, `"version":2,"version":1`)
	text("malleable: signed twice", "duplicate-key", `"signed":`, `"signed":{"_type":"targets"},"signed":`)
	text("malleable: field in signature", "unknown-field", `"sig":`, `"method":"x","sig":`)
	text("malleable: field at top", "unknown-field", `{"signatures"`, `{"junk":1,"signatures"`)
	text("malleable: explicit null delegations", "null", `"expires"`, `"delegations":null,"expires"`)
	text("malleable: explicit null custom", "null", `{"hashes"`, `{"custom":null,"hashes"`)
	// Well formed: only the verifier can tell that the key has no business here.
	add(RoleTargets, "malleable: foreign signature", accept, replace(targets, `{"signatures":[`,
		`{"signatures":[{"keyid":"`+strings.Repeat("0", 64)+`","sig":"00"},`))
	// The canonicaliser makes U+FFFD out of the bad byte, which was signed.
	replaced := edit(targets, func(s object) { s["zz"] = "\ufffd" }, targetsKey)
	add(RoleTargets, "malleable: invalid UTF-8", "character", replace(replaced, "\ufffd", "\xff"))

	// Canonical form.
	text("white space before a colon", "not-canonical", `"version":1`, `"version" :1`)
	text("white space behind a colon", "not-canonical", `"version":1`, `"version": 1`)
	text("white space first", "not-canonical", `{"signatures"`, ` {"signatures"`)
	text("carriage return", "not-canonical", `,"version"`, ",\r\"version\"")
	text("fields not sorted", "not-canonical", `"spec_version":"1.0.31",`, `"zpec_version":"1.0.31",`)
	text("tags not sorted", "not-canonical", `"v1":`, `"v9":`)
	text("tag twice", "duplicate-key", `"v2":`, `"v1":`)
	text("escaped slash", "not-canonical", `com/team`, `com\/team`)
	text("unicode escape", "not-canonical", `"1.0.31"`, `"\u0031.0.31"`)
	text("escaped quote in a tag", "not-canonical", `"v3":`, `"v3\"":`)
	text("version with leading zero", "not-canonical", `"version":1`, `"version":01`)
	text("version minus zero", "not-canonical", `"version":1`, `"version":-0`)
	text("version with fraction", "number", `"version":1`, `"version":1.0`)
	text("version with exponent", "number", `"version":1`, `"version":1e0`)
	text("version beyond 53 bits", "number", `"version":1`, `"version":9007199254740993`)
	text("version beyond 64 bits", "number", `"version":1`, `"version":18446744073709551617`)
	text("length beyond 53 bits", "number", `"length":1000`, `"length":9007199254740993`)
	text("float in unknown field", "number", `"expires"`, `"custom":1e30,"expires"`)
	add(RoleTargets, "signatures not sorted", "not-canonical", swapSignatures(mustTargets(t, targetsSpec(1), targetsKey, edSigner(9)).Bytes()))
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	text("nested too deeply", "too-deep", `"expires"`, `"custom":`+deep+`,"expires"`)
	text("nested very deeply", "too-deep", `"expires"`, `"custom":`+strings.Repeat(`{"a":`, 9000)+"1"+strings.Repeat("}", 9000)+`,"expires"`)

	// Characters.
	for _, c := range []struct{ name, text string }{
		{"less than", "<"}, {"greater than", ">"}, {"ampersand", "&"}, {"delete", "\x7f"},
		{"line separator", "\u2028"}, {"paragraph separator", "\u2029"}, {"tab", "\t"}, {"zero byte", "\x00"},
		{"raw newline", "\n"}, {"overlong UTF-8", "\xc0\x80"}, {"surrogate", "\xed\xa0\x80"}, {"above Unicode", "\xf4\x90\x80\x80"},
	} {
		text("character: "+c.name, "character", `"v3":`, `"v3`+c.text+`":`)
	}
	text("character: escaped newline outside PEM", "character", `"1.0.31"`, `"1.0.31\n"`)
	text("tag outside ASCII", "target", `"v3":`, `"v3é":`)

	// Unknown, missing and mistyped fields.
	for _, name := range []string{"_type", "expires", "spec_version", "targets", "version", bindingField} {
		inTargets("without "+name, "missing-field", func(s object) { delete(s, name) })
		inTargets(name+" null", "null", func(s object) { s[name] = nil })
		inTargets(name+" a list", "field-type", func(s object) { s[name] = []any{} })
	}
	text("without signatures", "missing-field", string(targets[:bytes.Index(targets, []byte(`"signed"`))]), "{")
	add(RoleTargets, "without signed", "missing-field", []byte(`{"signatures":[]}`))
	add(RoleTargets, "signed null", "null", []byte(`{"signatures":[],"signed":null}`))
	text("signed in capitals too", "not-canonical", `"signed":`, `"signed":{},"SIGNED":`)
	text("field in capitals", "not-canonical", `"version"`, `"Version"`)
	inTargets("unknown field", "unknown-field", func(s object) { s["zz"] = 1 })
	inTargets("custom in a target", "unknown-field", func(s object) { at(s, "targets", "v1")["custom"] = object{} })
	inTargets("unknown field in binding", "unknown-field", func(s object) { at(s, bindingField)["zone"] = "x" })
	inTargets("wrong type", "type", func(s object) { s["_type"] = RoleRoot })
	inTargets("type in capitals", "type", func(s object) { s["_type"] = "Targets" })

	// Values.
	for _, v := range []string{"9.9.9", "1.1.0", "2.0.0", "1.0", "1.0.", "1.0.031", "1.0.-1", "1.0.99999", "1.0.31 ", ""} {
		inTargets("specification "+v, "spec-version", func(s object) { s["spec_version"] = v })
	}
	for _, v := range []int{0, -1, -MaxInteger} {
		inTargets("version "+string(canonical(v, false)), "version", func(s object) { s["version"] = v })
	}
	for _, v := range []string{"", "2027-06-01", "2027-06-01T12:00:00", "2027-06-01t12:00:00z", "2027-06-01 12:00:00Z",
		"2027-06-31T12:00:00Z", "2027-06-01T24:00:00Z", "2027-06-01T12:00:60Z", "1969-12-31T23:59:59Z", "10000-01-01T00:00:00Z",
		"2027-6-1T12:00:00Z", "2027-06-01T12:00:00.5Z", "2027-06-01T12:00:00,5Z"} {
		inTargets("expires "+v, "expires", func(s object) { s["expires"] = v })
	}
	for _, v := range []struct{ name, field, value string }{
		{"ledger empty", "ledger", ""}, {"ledger too long", "ledger", strings.Repeat("a", MaxLedgerSize+1)},
		{"ledger with a space", "ledger", "har bour"}, {"ledger with a slash", "ledger", "har/bour"},
		{"repository empty", "repository", ""}, {"repository not canonical", "repository", "nginx"},
		{"repository climbing", "repository", "registry.example.com/../app"}, {"repository in capitals", "repository", "registry.example.com/App"},
		{"role empty", "role", ""}, {"role root", "role", RoleRoot}, {"role timestamp", "role", RoleTimestamp},
		{"role with empty name", "role", "targets/"}, {"role climbing", "role", "targets/.."}, {"role nested", "role", "targets/a/b"},
		{"role in capitals", "role", "targets/Releases"}, {"role too long", "role", "targets/" + strings.Repeat("a", MaxRoleNameSize+1)},
	} {
		inTargets("binding: "+v.name, "binding", func(s object) { at(s, bindingField)[v.field] = v.value })
	}
	for _, tag := range []string{"", ".v", "-v", "a/b", "..", "v 1", strings.Repeat("a", 129)} {
		inTargets("tag "+tag, "target", func(s object) { at(s, "targets")[tag] = at(s, "targets", "v1") })
	}
	inTargets("tag too long for a string", "limit", func(s object) {
		at(s, "targets")[strings.Repeat("a", MaxStringSize+1)] = at(s, "targets", "v1")
	})
	for _, v := range []struct {
		name   string
		hashes any
		want   string
	}{
		{"none", object{}, "target"},
		{"two", object{"sha256": digest, "sha512": strings.Repeat("0a", 64)}, "target"},
		{"unknown", object{"md5": strings.Repeat("0a", 16)}, "target"},
		{"short", object{"sha256": digest[2:]}, "target"},
		{"of other length", object{"sha512": digest}, "target"},
		{"empty", object{"sha256": ""}, "target"},
		{"number", object{"sha256": 1}, "field-type"},
		{"list", []any{digest}, "field-type"},
	} {
		inTargets("hashes: "+v.name, v.want, func(s object) { at(s, "targets", "v1")["hashes"] = v.hashes })
	}
	inTargets("length 0", "target", func(s object) { at(s, "targets", "v1")["length"] = 0 })
	inTargets("length -1", "target", func(s object) { at(s, "targets", "v1")["length"] = -1 })
	inTargets("length a string", "field-type", func(s object) { at(s, "targets", "v1")["length"] = "1" })
	inTargets("length missing", "missing-field", func(s object) { delete(at(s, "targets", "v1"), "length") })
	inTargets("hashes missing", "missing-field", func(s object) { delete(at(s, "targets", "v1"), "hashes") })

	// Signatures.
	id := targetsKey.id().String()
	text("key id in capitals", "key-id", id, strings.ToUpper(id))
	text("key id too short", "key-id", id, id[2:])
	text("signature empty", "signature", `"sig":"`+sigText(targets)+`"`, `"sig":""`)
	text("signature of odd length", "signature", `"sig":"`, `"sig":"0`)
	text("signature in capitals", "signature", `"sig":"`, `"sig":"AA`)
	text("signature not hex", "signature", `"sig":"`, `"sig":"zz`)
	text("signature too long", "limit", `"sig":"`, `"sig":"`+strings.Repeat("00", MaxStringSize))
	text("signature without key id", "missing-field", `"keyid":"`+id+`",`, "")
	text("signatures an object", "field-type", string(signaturesOf(targets)), "{}")
	text("signature null", "null", string(signaturesOf(targets)), "[null]")
	one := string(bytes.Trim(signaturesOf(targets), "[]"))
	text("two signatures of one key", "signature", string(signaturesOf(targets)), "["+one+","+one+"]")
	var many []Signer
	for i := range byte(MaxSignatures + 1) {
		many = append(many, edSigner(100+i))
	}
	add(RoleTargets, "most signatures", accept, mustTargets(t, targetsSpec(0), many[1:]...).Bytes())
	var crowd []testSigner
	for _, s := range many {
		crowd = append(crowd, s.(testSigner))
	}
	add(RoleTargets, "too many signatures", "limit", edit(targets, func(object) {}, crowd...))

	// Inputs on which go-tuf 2.4.2 panics.
	inRoot("panic: role null", "null", func(s object) { at(s, "roles")["root"] = nil })
	inRoot("panic: key null", "null", func(s object) { at(s, "keys")[rootKey.id().String()] = nil })
	inRoot("panic: ed25519 key empty", "key", func(s object) { at(s, "keys", rootKey.id().String(), "keyval")["public"] = "" })
	inRoot("panic: ed25519 key short", "key", func(s object) { at(s, "keys", rootKey.id().String(), "keyval")["public"] = "00" })
	inTargets("panic: target null", "null", func(s object) { at(s, "targets")["v1"] = nil })
	inDelegations("panic: delegation key null", "null", func(d object) { at(d, "keys")[edSigner(4).id().String()] = nil })

	// Root.
	for _, name := range []string{"_type", "consistent_snapshot", "expires", "keys", "roles", "spec_version", "version", bindingField} {
		inRoot("without "+name, "missing-field", func(s object) { delete(s, name) })
		inRoot(name+" null", "null", func(s object) { s[name] = nil })
		inRoot(name+" a list", "field-type", func(s object) { s[name] = []any{} })
	}
	inRoot("unknown field", "unknown-field", func(s object) { s["zz"] = 1 })
	inRoot("targets as root", "type", func(s object) { s["_type"] = RoleTargets })
	inRoot("consistent_snapshot false", "consistent-snapshot", func(s object) { s["consistent_snapshot"] = false })
	inRoot("bound to another role", "binding", func(s object) { at(s, bindingField)["role"] = RoleTargets })
	for _, role := range []string{RoleRoot, RoleSnapshot, RoleTargets, RoleTimestamp} {
		inRoot("without role "+role, "missing-field", func(s object) { delete(at(s, "roles"), role) })
		inRoot("role "+role+" a list", "field-type", func(s object) { at(s, "roles")[role] = []any{} })
		for _, threshold := range []int{0, -1, 2, MaxNotaryKeys + 1, MaxInteger} {
			inRoot("threshold of "+role+" "+string(canonical(threshold, false)), "threshold", func(s object) { at(s, "roles", role)["threshold"] = threshold })
		}
		inRoot("role "+role+" without keys", "threshold", func(s object) { at(s, "roles", role)["keyids"] = []any{} })
		inRoot("role "+role+" names a key twice", "same-key", func(s object) {
			at(s, "roles", role)["keyids"] = []any{rootKey.id().String(), rootKey.id().String()}
		})
		inRoot("role "+role+" names an unknown key", "unknown-key", func(s object) {
			at(s, "roles", role)["keyids"] = []any{edSigner(9).id().String()}
		})
	}
	inRoot("mirrors role", "unknown-field", func(s object) { at(s, "roles")["mirrors"] = at(s, "roles", "root") })
	inRoot("threshold a string", "field-type", func(s object) { at(s, "roles", "root")["threshold"] = "1" })
	inRoot("unused key", "unused-key", func(s object) { at(s, "keys")[ecSigner(9).id().String()] = keyObject(ecSigner(9)) })
	inRoot("key under another id", "key-id", func(s object) {
		at(s, "keys")[strings.Repeat("0", 64)] = at(s, "keys", rootKey.id().String())
	})
	inRoot("key swapped under an unchanged id", "key-id", func(s object) { at(s, "keys")[rootKey.id().String()] = keyObject(edSigner(9)) })
	inRoot("key id malformed", "key-id", func(s object) { at(s, "keys")["root"] = keyObject(rootKey) })
	inRoot("key with unknown field", "unknown-field", func(s object) { at(s, "keys", rootKey.id().String())["keyid_hash_algorithms"] = []any{} })
	inRoot("key value with unknown field", "unknown-field", func(s object) {
		at(s, "keys", rootKey.id().String(), "keyval")["private"] = ""
	})
	inRoot("key without value", "missing-field", func(s object) { delete(at(s, "keys", rootKey.id().String()), "keyval") })
	inRoot("key without type", "missing-field", func(s object) { delete(at(s, "keys", rootKey.id().String()), "keytype") })
	inRoot("key of unknown type", "key", func(s object) { at(s, "keys", rootKey.id().String())["keytype"] = "dsa" })
	inRoot("key with unknown scheme", "key", func(s object) { at(s, "keys", rootKey.id().String())["scheme"] = "foo" })
	inRoot("key in capitals", "key", func(s object) {
		value := at(s, "keys", rootKey.id().String(), "keyval")
		value["public"] = strings.ToUpper(value["public"].(string))
	})
	inRoot("key of small order", "key", func(s object) {
		at(s, "keys", rootKey.id().String(), "keyval")["public"] = "01" + strings.Repeat("0", 62)
	})
	withPEM := mustRoot(t, mixed, rootKey).Bytes()
	ecID := ecSigner(6).id().String()
	for _, v := range []struct{ name, old, with string }{
		{"PEM without last newline", "-----\n", "-----"},
		{"PEM with CR", "\n", "\\r\n"},
		{"PEM with trailing text", "KEY-----\n", "KEY-----\n "},
	} {
		want := "key"
		if strings.Contains(v.with, "\\r") {
			want = "not-canonical"
		}
		file := edit(withPEM, func(s object) {
			value := at(s, "keys", ecID, "keyval")
			pem := value["public"].(string)
			i := strings.LastIndex(pem, v.old)
			value["public"] = pem[:i] + v.with + pem[i+len(v.old):]
		}, rootKey)
		if want == "not-canonical" {
			file = bytes.Replace(file, []byte(`\\r`), []byte(`\r`), 1)
		}
		add(RoleRoot, v.name, want, file)
	}
	wide := rootSpec()
	wide.Roles.Root, wide.Roles.Targets = Role{Threshold: MaxThreshold}, roleOf(1, targetsKey)
	wide.Keys = publicKeys(targetsKey, notaryKey)
	for i := range byte(MaxRoleKeys) {
		wide.Keys = append(wide.Keys, edSigner(100+i).PublicKey())
		wide.Roles.Root.KeyIDs = append(wide.Roles.Root.KeyIDs, edSigner(100+i).id())
	}
	most := mustRoot(t, wide).Bytes()
	add(RoleRoot, "most keys of a role, highest threshold", accept, most)
	add(RoleRoot, "threshold above the limit", "threshold", edit(most, func(s object) { at(s, "roles", "root")["threshold"] = MaxThreshold + 1 }))
	add(RoleRoot, "too many keys of a role", "limit", edit(most, func(s object) {
		role := at(s, "roles", "root")
		role["keyids"] = append(role["keyids"].([]any), targetsKey.id().String())
	}))
	fleet := rootSpec()
	fleet.Roles.Snapshot = Role{Threshold: 2*MaxNotaryKeys/3 + 1}
	for i := range byte(MaxNotaryKeys) {
		fleet.Keys = append(fleet.Keys, edSigner(100+i).PublicKey())
		fleet.Roles.Snapshot.KeyIDs = append(fleet.Roles.Snapshot.KeyIDs, edSigner(100+i).id())
	}
	fleet.Roles.Timestamp = fleet.Roles.Snapshot
	fleet.Keys = append(publicKeys(rootKey, targetsKey), fleet.Keys[3:]...)
	full := mustRoot(t, fleet).Bytes()
	add(RoleRoot, "most notary keys", accept, full)
	add(RoleRoot, "too many notary keys", "limit", edit(full, func(s object) {
		role := at(s, "roles", "timestamp")
		role["keyids"] = append(role["keyids"].([]any), rootKey.id().String())
	}))

	// Delegations.
	first := func(d object) object { return at(d, "roles", 0) }
	inDelegations("delegations empty", "not-canonical", func(d object) { d["roles"], d["keys"] = []any{}, object{} })
	inDelegations("delegations without keys", "missing-field", func(d object) { delete(d, "keys") })
	inDelegations("delegations without roles", "missing-field", func(d object) { delete(d, "roles") })
	inDelegations("succinct roles", "unknown-field", func(d object) { d["succinct_roles"] = object{"bit_length": 32} })
	inDelegations("path hash prefixes", "unknown-field", func(d object) { first(d)["path_hash_prefixes"] = []any{"00"} })
	for _, name := range []string{"keyids", "name", "paths", "terminating", "threshold"} {
		inDelegations("delegated role without "+name, "missing-field", func(d object) { delete(first(d), name) })
		inDelegations("delegated "+name+" null", "null", func(d object) { first(d)[name] = nil })
		inDelegations("delegated "+name+" an object", "field-type", func(d object) { first(d)[name] = object{} })
	}
	for _, name := range []string{"", "releases", RoleRoot, RoleTargets, RoleTimestamp, "targets/", "targets/..", "targets/../root", "targets/a/b",
		"targets/A", "targets/-a", "targets/" + strings.Repeat("a", MaxRoleNameSize+1)} {
		inDelegations("delegated role named "+name, "role", func(d object) { first(d)["name"] = name })
	}
	inDelegations("longest role name", accept, func(d object) { first(d)["name"] = "targets/" + strings.Repeat("a", MaxRoleNameSize) })
	inDelegations("one role twice", "duplicate-role", func(d object) { at(d, "roles", 1)["name"] = first(d)["name"] })
	add(RoleTargets, "role delegates to itself", "role", edit(delegating, func(s object) {
		at(s, bindingField)["role"] = "targets/releases"
	}, targetsKey))
	for _, threshold := range []int{0, -1, 3, MaxThreshold + 1} {
		inDelegations("delegated threshold "+string(canonical(threshold, false)), "threshold", func(d object) { first(d)["threshold"] = threshold })
	}
	inDelegations("delegated role without any key", "threshold", func(d object) { first(d)["keyids"] = []any{} })
	inDelegations("delegated key unknown", "unknown-key", func(d object) { first(d)["keyids"] = []any{rootKey.id().String()} })
	inDelegations("delegated key named twice", "same-key", func(d object) {
		first(d)["keyids"] = []any{edSigner(4).id().String(), edSigner(4).id().String()}
		first(d)["threshold"] = 2
	})
	inDelegations("delegation key unused", "unused-key", func(d object) { at(d, "keys")[edSigner(9).id().String()] = keyObject(edSigner(9)) })
	inDelegations("delegation key under another id", "key-id", func(d object) {
		at(d, "keys")[strings.Repeat("0", 64)] = keyObject(edSigner(4))
	})
	for _, v := range []struct {
		name  string
		paths []any
		want  string
	}{
		{"none", []any{}, "path"}, {"empty", []any{""}, "path"}, {"with a slash", []any{"a/*"}, "path"},
		{"with a class", []any{"[ab]"}, "path"}, {"climbing", []any{"../x"}, "path"}, {"twice", []any{"a*", "a*"}, "path"},
		{"too long", []any{strings.Repeat("a", MaxPathSize+1)}, "path"}, {"a number", []any{1}, "field-type"},
		{"too many", make([]any, MaxPaths+1), "limit"}, {"most", make([]any, MaxPaths), accept},
	} {
		for i := range v.paths {
			if v.paths[i] == nil {
				v.paths[i] = "path" + strings.Repeat("x", i)
			}
		}
		inDelegations("paths: "+v.name, v.want, func(d object) { first(d)["paths"] = v.paths })
	}
	grown := func(n int) func(object) {
		return func(d object) {
			var roles []any
			for i := range n {
				role := object{}
				for name, value := range at(d, "roles", i%2) {
					role[name] = value
				}
				role["name"] = "targets/r" + strings.Repeat("x", i/8) + string(rune('a'+i%8))
				roles = append(roles, role)
			}
			d["roles"] = roles
		}
	}
	inDelegations("most delegated roles", accept, grown(MaxDelegations))
	inDelegations("too many delegated roles", "limit", grown(MaxDelegations+1))
	return list
}

// keyObject returns a key as decoded JSON.
func keyObject(s testSigner) object {
	key := s.PublicKey()
	return object{"keytype": key.Keytype(), "scheme": key.Scheme(), "keyval": object{"public": key.Public()}}
}

// signaturesOf returns the list of signatures as it stands in the file.
func signaturesOf(file []byte) []byte {
	start := len(`{"signatures":`)
	return file[start : start+bytes.IndexByte(file[start:], ']')+1]
}

// sigText returns the text of the first signature.
func sigText(file []byte) string {
	_, rest, _ := strings.Cut(string(file), `"sig":"`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

// swapSignatures exchanges the two signatures of a file.
func swapSignatures(file []byte) []byte {
	list := string(signaturesOf(file))
	a, b, _ := strings.Cut(strings.Trim(list, "[]"), "},")
	return replace(file, list, "["+b+","+a+"}]")
}
