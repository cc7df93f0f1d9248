package ledger_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/record"
)

// edited is a change of a file as text.
type edited struct {
	name     string
	old, new string
	code     record.Code
}

// signRaw wraps a signed part into a file, signed over exactly these bytes.
func signRaw(t *testing.T, signed string, signers ...*fixture.Key) []byte {
	t.Helper()
	var list []string
	for _, k := range signers {
		sig, err := k.Sign([]byte(signed))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf(`{"keyid":"%s","sig":"%s"}`, k.ID(), hex.EncodeToString(sig)))
	}
	return []byte(`{"signatures":[` + strings.Join(list, ",") + `],"signed":` + signed + `}`)
}

// Test that what makes other TUF implementations panic, what they take silently,
// and what they refuse, is refused here with a stable code, though the right key
// signed it.
func TestHostileSignedParts(t *testing.T) {
	s := newStage(t)
	root := string(s.p.Root(2).SignedBytes())
	rootKey, taggingKey := s.p.RootKeys[0].ID().String(), s.p.TaggingKeys[0].ID().String()
	public := s.p.TaggingKeys[0].PublicKey().Public()
	file := string(s.p.Targets(2, fixture.Tags{"1.0": "new"}).SignedBytes())
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)

	for _, tt := range []edited{
		// Panics.
		{"root role null", `"root":{"keyids":["` + rootKey + `"],"threshold":1}`, `"root":null`, record.CodeNotCanonical},
		{"key null", `"` + taggingKey + `":{"keytype":"ed25519","keyval":{"public":"` + public + `"},"scheme":"ed25519"}`, `"` + taggingKey + `":null`, record.CodeNotCanonical},
		{"public key empty", public, "", record.CodeInvalidMetadata},
		{"public key short", public, public[2:], record.CodeInvalidMetadata},
		{"public key long", public, public + "00", record.CodeInvalidMetadata},
		// Accepted silently.
		{"version negative", `"version":2`, `"version":-2`, record.CodeWrongVersion},
		{"version zero", `"version":2`, `"version":0`, record.CodeWrongVersion},
		{"specification version", `1.0.31`, `9.9.9`, record.CodeInvalidMetadata},
		{"no targets role", `,"targets":{"keyids":["` + taggingKey + `"],"threshold":1}`, ``, record.CodeNotCanonical},
		{"key id that is not the key's", taggingKey + `":`, otherEnd(taggingKey) + `":`, record.CodeInvalidMetadata},
		{"scheme foo", `"scheme":"ed25519"`, `"scheme":"foo"`, record.CodeInvalidMetadata},
		{"deep nesting", `"version":2`, `"version":2,"x":` + deep, record.CodeNotCanonical},
		{"integer above 2^53", `"version":2`, `"version":2,"w":9007199254740993`, record.CodeNotCanonical},
		{"threshold zero", `["` + rootKey + `"],"threshold":1`, `["` + rootKey + `"],"threshold":0`, record.CodeInvalidMetadata},
		{"threshold above the keys", `["` + rootKey + `"],"threshold":1`, `["` + rootKey + `"],"threshold":2`, record.CodeInvalidMetadata},
		{"key twice in a role", `["` + rootKey + `"]`, `["` + rootKey + `","` + rootKey + `"]`, record.CodeInvalidMetadata},
		{"key of no role", `"targets":{"keyids":["` + taggingKey, `"targets":{"keyids":["` + rootKey, record.CodeInvalidMetadata},
		{"mirrors role", `"timestamp":{`, `"supermirror":{"keyids":[],"threshold":1},"timestamp":{`, record.CodeNotCanonical},
		// Refused by others too.
		{"float", `"version":2`, `"version":2.0`, record.CodeNotCanonical},
		{"exponent", `"version":2`, `"version":2e0`, record.CodeNotCanonical},
		{"case of a field", `"version"`, `"Version"`, record.CodeNotCanonical},
		{"role's key missing", `"targets":{"keyids":["` + taggingKey, `"targets":{"keyids":["` + strings.Repeat("1", 64), record.CodeUnknownKey},
		{"expiry as a number", `"expires":"2027-01-01T00:00:00Z"`, `"expires":5`, record.CodeInvalidMetadata},
		{"identity point as key", public, "01" + strings.Repeat("00", 31), record.CodeInvalidMetadata},
	} {
		t.Run("root/"+tt.name, func(t *testing.T) {
			s.t = t
			s.rejects(tt.code, s.withRoot(signRaw(t, replaced(t, root, tt), s.p.RootKeys...)))
		})
	}

	digest := fixture.Digest("new").Hex()
	row := `{"hashes":{"sha256":"` + digest + `"},"length":3}`
	for _, tt := range []edited{
		{"target null", row, `null`, record.CodeNotCanonical},
		{"targets null", `"targets":{"1.0":` + row + `}`, `"targets":null`, record.CodeNotCanonical},
		{"targets a list", `"targets":{"1.0":` + row + `}`, `"targets":[]`, record.CodeInvalidMetadata},
		{"delegation key null", `"expires"`, `"delegations":{"keys":{"` + taggingKey + `":null},"roles":[]},"expires"`, record.CodeNotCanonical},
		{"delegations null", `"expires"`, `"delegations":null,"expires"`, record.CodeNotCanonical},
		{"succinct roles", `"expires"`, `"delegations":{"keys":{},"succinct_roles":{"bit_length":32}},"expires"`, record.CodeNotCanonical},
		{"custom", `"length":3`, `"length":3,"custom":{}`, record.CodeNotCanonical},
		{"custom null", `{"hashes"`, `{"custom":null,"hashes"`, record.CodeNotCanonical},
		{"no hashes", `{"sha256":"` + digest + `"}`, `{}`, record.CodeInvalidMetadata},
		{"two hashes", `{"sha256":"` + digest + `"}`, `{"sha256":"` + digest + `","sha512":"` + digest + digest + `"}`, record.CodeInvalidMetadata},
		{"hash of an unknown kind", `"sha256"`, `"md5"`, record.CodeInvalidMetadata},
		{"hash too short", digest, digest[2:], record.CodeInvalidMetadata},
		{"length zero", `"length":3`, `"length":0`, record.CodeInvalidMetadata},
		{"length negative", `"length":3`, `"length":-3`, record.CodeInvalidMetadata},
		{"length beyond 53 bits", `"length":3`, `"length":9007199254740993`, record.CodeNotCanonical},
		{"tag with a slash", `"1.0":`, `"a/b":`, record.CodeInvalidMetadata},
		{"tag with markup", `"1.0":`, `"<b>":`, record.CodeNotCanonical},
		{"tag with a line separator", `"1.0":`, "\"\u2028\":", record.CodeNotCanonical},
		{"tags not sorted", `"1.0":` + row, `"1.0":` + row + `,"0.9":` + row, record.CodeNotCanonical},
		{"tag twice", `"1.0":` + row, `"1.0":` + row + `,"1.0":` + row, record.CodeNotCanonical},
		{"no binding", `,"x-hullmark":`, `,"x-other":`, record.CodeNotCanonical},
		{"binding null", `"x-hullmark":{`, `"x-hullmark":null,"y":{`, record.CodeNotCanonical},
		{"binding short name", `registry.example.com/app`, `app`, record.CodeWrongBinding},
	} {
		t.Run("targets/"+tt.name, func(t *testing.T) {
			s.t = t
			s.rejects(tt.code, s.withTargets(signRaw(t, replaced(t, file, tt), s.p.TaggingKeys...)))
		})
	}
	s.t = t
	s.commit(s.withTargets(signRaw(t, file, s.p.TaggingKeys...)), s.withRoot(signRaw(t, root, s.p.RootKeys...)))
	s.check()
}

// otherEnd changes the last digit of hex text.
func otherEnd(text string) string {
	if last := len(text) - 1; text[last] != '0' {
		return text[:last] + "0"
	}
	return text[:len(text)-1] + "1"
}

func replaced(t *testing.T, text string, e edited) string {
	t.Helper()
	if !strings.Contains(text, e.old) {
		t.Fatalf("nothing to replace: %q is not in %s", e.old, text)
	}
	return strings.Replace(text, e.old, e.new, 1)
}

// Test that of all the files one signature could stand in, one is accepted.
func TestMalleableFiles(t *testing.T) {
	s := newStage(t)
	file := string(s.p.Targets(2, fixture.Tags{"1.0": "new"}).Bytes())
	digest := fixture.Digest("new").Hex()
	upper := strings.ToUpper(digest)
	if upper == digest {
		t.Fatal("the digest has no letters")
	}
	for _, tt := range []edited{
		{"indentation", `{"signatures"`, "{\n  \"signatures\"", record.CodeNotCanonical},
		{"space before", `{"signatures"`, ` {"signatures"`, record.CodeNotCanonical},
		{"newline behind", `}}`, "}}\n", record.CodeNotCanonical},
		{"expiry with a fraction", `00:00Z`, `00:00.000Z`, record.CodeInvalidMetadata},
		{"expiry with a zone", `00:00Z`, `00:00+00:00`, record.CodeInvalidMetadata},
		{"hash in capitals", digest, upper, record.CodeInvalidMetadata},
		{"escape in a name", `"version"`, `"\u0076ersion"`, record.CodeNotCanonical},
		{"version twice", `"version":2`, `"version":1,"version":2`, record.CodeNotCanonical},
		{"signed twice", `"signed":`, `"signed":{},"signed":`, record.CodeNotCanonical},
		{"unknown field in a signature", `{"keyid"`, `{"junk":1,"keyid"`, record.CodeNotCanonical},
		{"unknown field of the file", `{"signatures"`, `{"junk":1,"signatures"`, record.CodeNotCanonical},
		{"extra signature", `"signatures":[`, `"signatures":[{"keyid":"` + strings.Repeat("0", 64) + `","sig":"00"},`, record.CodeUnknownKey},
		{"signature twice", `"signatures":[`, `"signatures":[` + between(file, "[", "]") + ",", record.CodeInvalidMetadata},
		{"invalid UTF-8", `"1.0"`, "\"1.0\xff\"", record.CodeNotCanonical},
		{"delegations null", `"expires"`, `"delegations":null,"expires"`, record.CodeNotCanonical},
		{"custom null", `{"hashes"`, `{"custom":null,"hashes"`, record.CodeNotCanonical},
		{"fields in another order", `{"hashes":{"sha256":"` + digest + `"},"length":3}`, `{"length":3,"hashes":{"sha256":"` + digest + `"}}`, record.CodeNotCanonical},
		{"signature in capitals", between(file, `"sig":"`, `"`), strings.ToUpper(between(file, `"sig":"`, `"`)), record.CodeInvalidMetadata},
		{"signature with a byte left over", between(file, `"sig":"`, `"`), between(file, `"sig":"`, `"`) + "00", record.CodeBadSignature},
		{"signature empty", between(file, `"sig":"`, `"`), ``, record.CodeInvalidMetadata},
		{"byte order mark", `{"signatures"`, "\ufeff{\"signatures\"", record.CodeNotCanonical},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			s.rejects(tt.code, s.withTargets([]byte(replaced(t, file, tt))))
		})
	}
	s.t = t
	s.commit(s.withTargets([]byte(file)))
	s.check()
}

// between returns the text between two marks.
func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

// Test that a second file of one version, whoever may sign, changes nothing.
func TestEquivocation(t *testing.T) {
	s := newStage(t)
	first := s.p.Targets(2, fixture.Tags{"1.0": "this"})
	second := s.p.Targets(2, fixture.Tags{"1.0": "that"})
	s.commit(s.c.Publish(s.p.TaggingKeys[0], targets(first)))
	s.rejects(record.CodeStaleScope, s.c.Publish(s.p.TaggingKeys[0], targets(second)))
	s.rejects(record.CodeStaleScope, s.c.Relay(s.c.Operators[0], targets(second)))
	state := s.begin()
	defer state.Close()
	s.rejectsIn(state, record.CodeWrongVersion, s.c.Publish(s.p.RootKeys[0], roots(s.p.Root(2), s.p.Root(2))))
	s.means(s.p, "1.0", is("this"))
}
