package record_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// digests returns n digests, ascending.
func digests(t testing.TB, a reference.Algorithm, n int) []reference.Digest {
	t.Helper()
	var out []reference.Digest
	for _, id := range keyIDs(n) {
		out = append(out, digestOf(t, a, id.String()))
	}
	return record.SortDigests(out)
}

func sampleStatement(t testing.TB) *record.Statement {
	t.Helper()
	return &record.Statement{
		Action:        record.ActionRevoke,
		Binding:       tuf.Binding{Ledger: "demo-0011223344556677", Repository: app, Role: "targets"},
		RecoveryCount: 1,
		Sequence:      7,
		Digests:       record.SortDigests([]reference.Digest{digestOf(t, reference.SHA512, "b"), digestOf(t, reference.SHA256, "a")}),
		Reason:        record.ReasonVulnerable,
		Note:          "CVE-2026-12345, see https://example.com/advisory",
	}
}

func sampleLift(t testing.TB) *record.Statement {
	return variant(sampleStatement(t), func(s *record.Statement) {
		s.Action, s.Binding.Role, s.Sequence, s.Through = record.ActionLift, "root", 2, 7
		s.Reason, s.Note = record.ReasonMistake, ""
	})
}

// badStatements are statements nobody may make.
func badStatements(t testing.TB) map[string]*record.Statement {
	revoke, lift := sampleStatement(t), sampleLift(t)
	veto := variant(lift, func(s *record.Statement) { s.Action, s.Through, s.Digests = record.ActionVeto, 0, nil })
	change := func(s *record.Statement, edit func(*record.Statement)) *record.Statement { return variant(s, edit) }
	return map[string]*record.Statement{
		"action zero":          change(revoke, func(s *record.Statement) { s.Action = 0 }),
		"unknown action":       change(revoke, func(s *record.Statement) { s.Action = 4 }),
		"no ledger":            change(revoke, func(s *record.Statement) { s.Binding.Ledger = "" }),
		"ledger with a space":  change(revoke, func(s *record.Statement) { s.Binding.Ledger = "a b" }),
		"ledger too long":      change(revoke, func(s *record.Statement) { s.Binding.Ledger = strings.Repeat("a", 51) }),
		"no repository":        change(revoke, func(s *record.Statement) { s.Binding.Repository = reference.Repository{} }),
		"revoke by nobody":     change(revoke, func(s *record.Statement) { s.Binding.Role = "" }),
		"revoke by delegate":   change(revoke, func(s *record.Statement) { s.Binding.Role = "targets/ci" }),
		"revoke by snapshot":   change(revoke, func(s *record.Statement) { s.Binding.Role = "snapshot" }),
		"lift by targets":      change(lift, func(s *record.Statement) { s.Binding.Role = "targets" }),
		"veto by targets":      change(veto, func(s *record.Statement) { s.Binding.Role = "targets" }),
		"sequence zero":        change(revoke, func(s *record.Statement) { s.Sequence = 0 }),
		"revoke through":       change(revoke, func(s *record.Statement) { s.Through = 1 }),
		"veto through":         change(veto, func(s *record.Statement) { s.Through = 1 }),
		"lift through nothing": change(lift, func(s *record.Statement) { s.Through = 0 }),
		"revoke of nothing":    change(revoke, func(s *record.Statement) { s.Digests = nil }),
		"lift of nothing":      change(lift, func(s *record.Statement) { s.Digests = nil }),
		"veto of a digest":     change(veto, func(s *record.Statement) { s.Digests = revoke.Digests }),
		"too many digests":     change(revoke, func(s *record.Statement) { s.Digests = digests(t, reference.SHA256, record.MaxStatementDigests+1) }),
		"digests descending":   change(revoke, func(s *record.Statement) { s.Digests = []reference.Digest{revoke.Digests[1], revoke.Digests[0]} }),
		"digest twice":         change(revoke, func(s *record.Statement) { s.Digests = []reference.Digest{revoke.Digests[0], revoke.Digests[0]} }),
		"reason zero":          change(revoke, func(s *record.Statement) { s.Reason = 0 }),
		"unknown reason":       change(revoke, func(s *record.Statement) { s.Reason = 7 }),
		"note too long":        change(revoke, func(s *record.Statement) { s.Note = strings.Repeat("a", record.MaxNote+1) }),
		"note in two lines":    change(revoke, func(s *record.Statement) { s.Note = "a\nb" }),
		"note with an escape":  change(revoke, func(s *record.Statement) { s.Note = "\x1b[2J" }),
		"note with an umlaut":  change(revoke, func(s *record.Statement) { s.Note = "\u00fc" }),
		"note with DEL":        change(revoke, func(s *record.Statement) { s.Note = "a\x7f" }),
		"note begins blank":    change(revoke, func(s *record.Statement) { s.Note = " a" }),
		"note ends blank":      change(revoke, func(s *record.Statement) { s.Note = "a " }),
	}
}

func statementFormat(t testing.TB) format {
	f := formatOf(record.DecodeStatement, (*record.Statement).Encode)
	revoke, lift := sampleStatement(t), sampleLift(t)
	f.good = []sample{
		{name: "revocation", value: revoke},
		{name: "lift", value: lift},
		{name: "veto", value: variant(lift, func(s *record.Statement) {
			s.Action, s.Through, s.Digests, s.Reason = record.ActionVeto, 0, nil, record.ReasonUnspecified
		})},
		{name: "as many digests as there may be", value: variant(revoke, func(s *record.Statement) {
			s.Digests, s.Note = digests(t, reference.SHA512, record.MaxStatementDigests), strings.Repeat("~", record.MaxNote)
		})},
	}
	b := revoke.Encode()
	f.refuse("another tag", with(b, 0, 'H'))
	f.refuse("a tag of version 2", with(b, 20, '2'))
	f.refuse("no bytes", nil)
	f.refuse("cut short", b[:len(b)-1])
	f.refuse("a byte left over", append(slices.Clone(b), 0))
	bad := badStatements(t)
	for _, name := range slices.Sorted(maps.Keys(bad)) {
		f.refuse(name, bad[name].Encode())
	}
	return f
}

func signedStatementFormat(t testing.TB) format {
	f := formatOf(record.DecodeSignedStatement, (*record.SignedStatement).Encode)
	signed, err := (&record.SignedStatement{Statement: *sampleStatement(t)}).Sign(
		fixture.NewKey(t, keys.KeytypeEd25519, "a"), fixture.NewKey(t, keys.KeytypeECDSA, "b"))
	if err != nil {
		t.Fatal(err)
	}
	many := make([]tuf.Signature, tuf.MaxSignatures)
	for i, id := range keyIDs(tuf.MaxSignatures) {
		many[i] = tuf.Signature{KeyID: id, Sig: slices.Repeat([]byte{byte(i)}, keys.MaxSignatureSize)}
	}
	with := func(edit func(*record.SignedStatement)) *record.SignedStatement { return variant(signed, edit) }
	f.good = []sample{
		{name: "two signatures", value: signed, extra: map[string]any{"signed_message": fields(signed.SignedBytes()), "digest": fields(signed.Digest())}},
		{name: "no signature yet", value: &record.SignedStatement{Statement: *sampleLift(t)}},
		{name: "as many signatures as there may be", value: with(func(s *record.SignedStatement) { s.Signatures = many })},
	}
	refuse := func(name string, edit func(*record.SignedStatement)) { f.refuse(name, with(edit).Encode()) }
	refuse("signatures descending", func(s *record.SignedStatement) {
		s.Signatures = []tuf.Signature{signed.Signatures[1], signed.Signatures[0]}
	})
	refuse("key signs twice", func(s *record.SignedStatement) {
		s.Signatures = []tuf.Signature{signed.Signatures[0], signed.Signatures[0]}
	})
	refuse("empty signature", func(s *record.SignedStatement) {
		s.Signatures = []tuf.Signature{{KeyID: signed.Signatures[0].KeyID}}
	})
	refuse("signature too long", func(s *record.SignedStatement) {
		s.Signatures = []tuf.Signature{{KeyID: signed.Signatures[0].KeyID, Sig: make([]byte, keys.MaxSignatureSize+1)}}
	})
	refuse("too many signatures", func(s *record.SignedStatement) {
		s.Signatures = nil
		for _, id := range keyIDs(tuf.MaxSignatures + 1) {
			s.Signatures = append(s.Signatures, tuf.Signature{KeyID: id, Sig: []byte{1}})
		}
	})
	refuse("invalid statement", func(s *record.SignedStatement) { s.Sequence = 0 })
	b := signed.Encode()
	f.refuse("another tag", append([]byte("hullmark/signed-statement/v2\n"), b[len("hullmark/signed-statement/v1\n"):]...))
	f.refuse("no bytes", nil)
	f.refuse("a byte left over", append(slices.Clone(b), 0))
	f.refuse("a statement without its signatures", signed.SignedBytes())
	return f
}

func TestStatementValidate(t *testing.T) {
	for name, s := range badStatements(t) {
		if err := s.Validate(); !errors.Is(err, record.ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := (&record.SignedStatement{Statement: *s}).Sign(); !errors.Is(err, record.ErrStatement) {
			t.Errorf("%s: signed with %v", name, err)
		}
	}
	for _, s := range []*record.Statement{sampleStatement(t), sampleLift(t)} {
		if err := s.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestReasons(t *testing.T) {
	names := make(map[string]bool)
	for i, r := range record.Reasons() {
		if int(r) != i+1 {
			t.Errorf("reason %d in place %d", r, i)
		}
		if got, err := record.ParseReason(r.String()); err != nil || got != r || names[r.String()] {
			t.Errorf("%q is %d, %v", r, got, err)
		}
		names[r.String()] = true
	}
	for _, bad := range []string{"", "Malicious", "reason-7", "unspecified "} {
		if _, err := record.ParseReason(bad); !errors.Is(err, record.ErrStatement) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Test that every part of a statement is under its signature, and that signatures
// are judged by the role as the root has it.
func TestStatementVerify(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher("registry.example.com/app")
	p.RootKeys, p.RootThreshold = fixture.NewKeys(t, keys.KeytypeECDSA, "root", 3), 2
	p.TaggingKeys = fixture.NewKeys(t, keys.KeytypeEd25519, "tagging", 1)
	root := p.Root(1)
	statement := record.Statement{
		Action: record.ActionRevoke, Binding: p.Binding("root"), Sequence: 1, Reason: record.ReasonUnspecified,
		Digests: digests(t, reference.SHA256, 2),
	}
	sign := func(s record.Statement, signers ...*fixture.Key) *record.SignedStatement {
		t.Helper()
		signed := &record.SignedStatement{Statement: s}
		for _, k := range signers { // one after the other, as people do
			var err error
			if signed, err = signed.Sign(k); err != nil {
				t.Fatal(err)
			}
		}
		return signed
	}
	good := sign(statement, p.RootKeys[:2]...)
	byTargets := statement
	byTargets.Binding.Role = "targets"
	changed := func(edit func(*record.Statement)) *record.SignedStatement {
		return variant(good, func(s *record.SignedStatement) { edit(&s.Statement) })
	}
	for _, tt := range []struct {
		name string
		s    *record.SignedStatement
		want error
	}{
		{"two of three", good, nil},
		{"three of three", sign(statement, p.RootKeys...), nil},
		{"by targets", sign(byTargets, p.TaggingKeys[0]), nil},
		{"unsigned", sign(statement), tuf.ErrTooFewSignatures},
		{"one of three", sign(statement, p.RootKeys[0]), tuf.ErrTooFewSignatures},
		{"one key twice", sign(statement, p.RootKeys[0], p.RootKeys[0]), tuf.ErrTooFewSignatures},
		{"root's by a tagging key", sign(statement, p.TaggingKeys[0]), tuf.ErrUnknownKey},
		{"surplus signature by a stranger", sign(statement, append(slices.Clone(p.RootKeys), fixture.NewKey(t, keys.KeytypeEd25519, "x"))...), tuf.ErrUnknownKey},
		{"targets' by a root key", sign(byTargets, p.RootKeys[0]), tuf.ErrUnknownKey},
		{"another action", changed(func(s *record.Statement) { s.Action, s.Through = record.ActionLift, 1 }), tuf.ErrBadSignature},
		{"another ledger", changed(func(s *record.Statement) { s.Binding.Ledger = "other" }), tuf.ErrBadSignature},
		{"another repository", changed(func(s *record.Statement) { s.Binding.Repository = app }), tuf.ErrBadSignature},
		{"another recovery", changed(func(s *record.Statement) { s.RecoveryCount++ }), tuf.ErrBadSignature},
		{"another sequence", changed(func(s *record.Statement) { s.Sequence++ }), tuf.ErrBadSignature},
		{"a digest less", changed(func(s *record.Statement) { s.Digests = s.Digests[:1] }), tuf.ErrBadSignature},
		{"another reason", changed(func(s *record.Statement) { s.Reason = record.ReasonMistake }), tuf.ErrBadSignature},
		{"another note", changed(func(s *record.Statement) { s.Note = "x" }), tuf.ErrBadSignature},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.s.Verify(keys.Direct{}, root); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
	again, err := record.DecodeSignedStatement(good.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(good, again, compare); d != "" {
		t.Error(d)
	}
	if !good.Has(statement.Digests[1]) || good.Has(digestOf(t, reference.SHA256, "other")) {
		t.Error("Has is wrong")
	}
	if len(good.Signers()) != 2 || good.Scope() != record.RevocationScope(p.Repository, "root", 1) {
		t.Errorf("signers %v, scope %v", good.Signers(), good.Scope())
	}
	if _, err := good.AddSignatures(make([]tuf.Signature, 1)...); err != nil {
		t.Error(err)
	}
	var many []tuf.Signature
	for _, id := range keyIDs(tuf.MaxSignatures + 1) {
		many = append(many, tuf.Signature{KeyID: id})
	}
	if _, err := good.AddSignatures(many...); !errors.Is(err, record.ErrStatement) {
		t.Errorf("too many signatures: %v", err)
	}
}
