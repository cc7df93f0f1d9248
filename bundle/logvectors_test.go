package bundle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// logVector is an answer about the log (docs/spec.md, "Answers about the log").
type logVector struct {
	Name string `json:"name"`
	// Kind is the type of the answer.
	Kind     string          `json:"kind"`
	Question logQuestion     `json:"question"`
	Now      string          `json:"now"`
	Memory   json.RawMessage `json:"memory"`
	Answer   json.RawMessage `json:"answer"`
	Want     string          `json:"want"`
}

// logQuestion has those fields that the kind of question has.
type logQuestion struct {
	Repository  string `json:"repository,omitempty"`
	Revision    uint64 `json:"revision,omitempty"` // of the first record asked for, with its index
	Index       uint64 `json:"index,omitempty"`
	Digest      string `json:"digest,omitempty"`
	First       uint64 `json:"first,omitempty"`
	Second      uint64 `json:"second,omitempty"`
	Transaction []byte `json:"transaction,omitempty"`
}

// judge verifies an answer of any kind and returns the outcome.
func (q logQuestion) judge(t *testing.T, answer protobuf.Message, m *bundle.Memory, now time.Time) string {
	t.Helper()
	p := bundle.DefaultPolicy()
	var err error
	switch a := answer.(type) {
	case *proto.HistoryAnswer:
		_, _, err = bundle.VerifyHistory(a, reference.MustParseRepository(q.Repository), bundle.Cursor{Revision: q.Revision, Index: q.Index}, m, now, p)
	case *proto.ImageAnswer:
		d, parseErr := reference.ParseDigest(q.Digest)
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		_, _, err = bundle.VerifyVouchers(a, d, m, now, p)
	case *proto.InclusionAnswer:
		_, _, err = bundle.VerifyInclusion(a, q.Index, q.Second, m, now, p)
	case *proto.ConsistencyAnswer:
		_, _, err = bundle.VerifyConsistency(a, q.First, q.Second, m, now, p)
	case *proto.ReceiptAnswer:
		_, _, err = bundle.VerifyReceipt(a, q.Transaction, m, now, p)
	default:
		t.Fatalf("no answer: %T", a)
	}
	return outcomeName(err)
}

// TestLogVectors: histories, receipts, proofs of the log and vouchers, and lies of each
// kind.
func TestLogVectors(t *testing.T) {
	s := newServed(t)
	s.Commit(s.RelayStatements(s.Operators[1], s.app.Revoke("targets", 1, "three")))
	s.Commit()
	var made []logVector
	memory, err := s.memory().Encode()
	if err != nil {
		t.Fatal(err)
	}
	add := func(name, want string, q logQuestion, answer protobuf.Message, now time.Time) {
		t.Helper()
		text, err := proto.MarshalJSON(answer)
		if err != nil {
			t.Fatal(err)
		}
		again := answer.ProtoReflect().New().Interface()
		if err := proto.UnmarshalJSON(text, again); err != nil {
			t.Fatal(err)
		}
		kind := string(answer.ProtoReflect().Descriptor().Name())
		if got := q.judge(t, again, s.memory(), now); got != want {
			t.Errorf("%s: %s: %s, want %s", kind, name, got, want)
		}
		made = append(made, logVector{
			Name: name, Kind: kind, Question: q, Now: now.Format(time.RFC3339Nano), Memory: bytes.TrimSpace(memory), Answer: text, Want: want,
		})
	}
	// state lies about what an answer rests on.
	state := func(q logQuestion, make func() protobuf.Message, of func(protobuf.Message) *proto.StateProof) {
		t.Helper()
		for _, lie := range stateLies {
			if strings.HasPrefix(lie.name, "long") {
				continue // hundreds of blocks
			}
			a := make()
			lie.tell(s, of(a))
			want := "attack"
			if lie.err == record.ErrNewer { //nolint:errorlint // a row of a table
				want = "upgrade"
			}
			add("state: "+lie.name, want, q, a, s.Now())
		}
		add("state: too old", "stale", q, make(), s.Now().Add(time.Hour))
	}

	// Histories.
	ours := logQuestion{Repository: app}
	history := func() *proto.HistoryAnswer { return s.history(t, app, "") }
	whole := history()
	add("whole history", "yes", ours, whole, s.Now())
	add("two records", "yes", ours, s.history(t, app, "&limit=2"), s.Now())
	third := logQuestion{Repository: app, Revision: 4, Index: whole.GetEntries()[2].GetEntry().GetIndex()}
	add("from the third", "yes", third, s.history(t, app, fmt.Sprintf("&before=5&index=%d", third.Index)), s.Now())
	add("absent repository", "no", logQuestion{Repository: "registry.example.com/none"}, s.history(t, "registry.example.com/none", ""), s.Now())
	add("of another repository", "attack", ours, s.history(t, other, ""), s.Now())
	add("the first page instead of a later one", "attack", third, whole, s.Now())
	for _, lie := range []struct {
		name string
		tell func(a *proto.HistoryAnswer)
	}{
		{"no records", func(a *proto.HistoryAnswer) { a.Entries = nil }},
		{"newest left out", func(a *proto.HistoryAnswer) { a.Entries = a.Entries[1:] }},
		{"one in the middle left out", func(a *proto.HistoryAnswer) { a.Entries = slices.Delete(a.Entries, 1, 2) }},
		{"one twice", func(a *proto.HistoryAnswer) { a.Entries = slices.Insert(a.Entries, 1, a.Entries[1]) }},
		{"oldest first", func(a *proto.HistoryAnswer) { slices.Reverse(a.Entries) }},
		{"records behind the first", func(a *proto.HistoryAnswer) { a.Entries = append(a.Entries, a.Entries[0]) }},
		{"changed record", func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Record[60] ^= 1 }},
		{"wrong proof", func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof[0][0] ^= 1 }},
		{"short proof", func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof = a.Entries[0].Entry.Proof[1:] }},
		{"half a hash", func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof[0] = a.Entries[0].Entry.Proof[0][1:] }},
		{"no entry", func(a *proto.HistoryAnswer) { a.Entries[0].Entry = nil }},
		{"changes of another record", func(a *proto.HistoryAnswer) { a.Entries[1].Changes = a.Entries[2].Changes }},
		{"no changes", func(a *proto.HistoryAnswer) { a.Entries[1].Changes = nil }},
		{"no statement", func(a *proto.HistoryAnswer) { a.Entries[0].Changes = nil }},
		{"repository denied", func(a *proto.HistoryAnswer) { a.Repository.Value = nil }},
		{"no repository", func(a *proto.HistoryAnswer) { a.Repository = nil }},
		{"nothing", func(a *proto.HistoryAnswer) { protobuf.Reset(a) }},
	} {
		a := history()
		lie.tell(a)
		add(lie.name, "attack", ours, a, s.Now())
	}
	state(ours, func() protobuf.Message { return history() }, func(m protobuf.Message) *proto.StateProof { return m.(*proto.HistoryAnswer).State })

	// Receipts.
	ofTx := logQuestion{Transaction: s.tx}
	txs := s.txs()
	for i, tx := range txs {
		add(fmt.Sprintf("transaction %d of its block", i), "yes", logQuestion{Transaction: tx}, s.receipt(t, tx), s.Now())
	}
	for _, lie := range []struct {
		name string
		tell func(a *proto.ReceiptAnswer)
	}{
		{"of another transaction", func(a *proto.ReceiptAnswer) { protobuf.Reset(a); protobuf.Merge(a, s.receipt(t, txs[0])) }},
		{"records of another transaction", func(a *proto.ReceiptAnswer) { a.Records = s.receipt(t, txs[2]).Records }},
		{"records of another repository", func(a *proto.ReceiptAnswer) { a.Records = s.receipt(t, txs[0]).Records }},
		{"no records", func(a *proto.ReceiptAnswer) { a.Records = nil }},
		{"records twice", func(a *proto.ReceiptAnswer) { a.Records = append(a.Records, a.Records[0]) }},
		{"changed record", func(a *proto.ReceiptAnswer) { a.Records[0].Record[60] ^= 1 }},
		{"record under another index", func(a *proto.ReceiptAnswer) { a.Records[0].Index-- }},
		{"another block", func(a *proto.ReceiptAnswer) { a.Block = s.EncodedBlock(5) }},
		{"no block", func(a *proto.ReceiptAnswer) { a.Block = nil }},
		{"no transaction", func(a *proto.ReceiptAnswer) { a.Transaction = nil }},
		{"other height", func(a *proto.ReceiptAnswer) { a.Transaction.Height++ }},
		{"other place in the block", func(a *proto.ReceiptAnswer) { a.Transaction.Index = 0 }},
		{"proof with an unknown field", func(a *proto.ReceiptAnswer) { a.Transaction.Proof = append(a.Transaction.Proof, 0x32, 0) }},
		{"nothing", func(a *proto.ReceiptAnswer) { protobuf.Reset(a) }},
	} {
		a := s.receipt(t, s.tx)
		lie.tell(a)
		add(lie.name, "attack", ofTx, a, s.Now())
	}
	state(ofTx, func() protobuf.Message { return s.receipt(t, s.tx) }, func(m protobuf.Message) *proto.StateProof { return m.(*proto.ReceiptAnswer).State })

	// The log.
	inclusion := func(query string) *proto.InclusionAnswer {
		return ask[*proto.InclusionAnswer](t, s, "log/inclusion", query)
	}
	for index := range uint64(3) {
		add(fmt.Sprintf("record %d", index), "yes", logQuestion{Index: index}, inclusion(fmt.Sprintf("index=%d", index)), s.Now())
	}
	add("record in a smaller log", "yes", logQuestion{Index: 1, Second: 4}, inclusion("index=1&size=4"), s.Now())
	add("record in another size than asked for", "attack", logQuestion{Index: 1, Second: 5}, inclusion("index=1&size=4"), s.Now())
	add("another record", "attack", logQuestion{Index: 2}, inclusion("index=1"), s.Now())
	wrong := inclusion("index=1")
	wrong.Entry.Proof[0][0] ^= 1
	add("wrong proof", "attack", logQuestion{Index: 1}, wrong, s.Now())
	long := inclusion("index=1")
	long.Entry.Proof = make([][]byte, merkle.MaxLogProof+1)
	add("long proof", "attack", logQuestion{Index: 1}, long, s.Now())

	growth := func() *proto.ConsistencyAnswer {
		return ask[*proto.ConsistencyAnswer](t, s, "log/consistency", "first=4&second=8")
	}
	sizes := logQuestion{First: 4, Second: 8}
	add("from 4 to 8", "yes", sizes, growth(), s.Now())
	add("from 8 to 8", "yes", logQuestion{First: 8, Second: 8}, ask[*proto.ConsistencyAnswer](t, s, "log/consistency", "first=8&second=8"), s.Now())
	add("from 5 to the newest", "yes", logQuestion{First: 5}, ask[*proto.ConsistencyAnswer](t, s, "log/consistency", "first=5"), s.Now())
	add("from another size", "attack", logQuestion{First: 5, Second: 8}, growth(), s.Now())
	for _, lie := range []struct {
		name string
		tell func(a *proto.ConsistencyAnswer)
	}{
		{"the first twice", func(a *proto.ConsistencyAnswer) { a.Second = a.First }},
		{"wrong proof", func(a *proto.ConsistencyAnswer) { a.Proof[0][0] ^= 1 }},
		{"no proof", func(a *proto.ConsistencyAnswer) { a.Proof = nil }},
		{"first state unproven", func(a *proto.ConsistencyAnswer) { a.First.AppState.LogSize++ }},
		{"no first state", func(a *proto.ConsistencyAnswer) { a.First = nil }},
		{"no second state", func(a *proto.ConsistencyAnswer) { a.Second = nil }},
	} {
		a := growth()
		lie.tell(a)
		add(lie.name, "attack", sizes, a, s.Now())
	}

	// Vouchers.
	for _, manifest := range []string{"one", "two", "none"} {
		d := fixture.Digest(manifest)
		q := logQuestion{Digest: d.String()}
		a := ask[*proto.ImageAnswer](t, s, "image", "digest="+d.String())
		add("vouchers of "+manifest, "yes", q, a, s.Now())
		if manifest == "two" {
			add("of another digest", "attack", logQuestion{Digest: fixture.Digest("one").String()}, a, s.Now())
			denied := protobuf.Clone(a).(*proto.ImageAnswer)
			denied.Image.Value = nil
			add("denied", "attack", q, denied, s.Now())
			add("nothing", "attack", q, new(proto.ImageAnswer), s.Now())
		}
	}
	checkVectors(t, "log", "Answers about the log: an answer, the question, the time and what the client knows give an outcome.", made)
}

// rsaKeyOfVectors is the SubjectPublicKeyInfo of an RSA key whose private half is gone.
const rsaKeyOfVectors = "30820122300d06092a864886f70d01010105000382010f003082010a0282010100b6926817369d70a3a92155cb97da2578e7" +
	"96f030f3dd15ed705606fec8d37963f1a96eb524a54fa237ab54083b010e35cc8578f4eeb1d5b5ec02c11d75f1909a8307f2" +
	"f4ebb5ad077d711d094857fce604bd1a709e00d8de4695a9bbbbc453d2226e3a4bc7b69bea747606937916141245d891859f" +
	"04f241e5afccfc8c619f46aa830b3a9c4185025b2641b2a7fb890f77c045887797eec8ea069c725d9d3cee865192aebfa1f4" +
	"4979e1c803a2d5d7059b04a0f5d90dc4ab3cac844f902ceb221c0da35991e479ae0b1357b85548beb97116daa8f9850ee290" +
	"1fa46410e55b9eb6ac49bfd837d526fa2dbb77b4bdd19650c4a389a0fa137b1f8c748ba88453f90203010001"

// anchorVector is a trust anchor.
type anchorVector struct {
	Name string `json:"name"`
	Want string `json:"want"`
	Text string `json:"text"`
}

// TestAnchorVectors: what a trust anchor is, and what is none.
func TestAnchorVectors(t *testing.T) {
	s := newStory(t)
	b, err := s.Anchor(3).Encode()
	if err != nil {
		t.Fatal(err)
	}
	honest := string(b)
	edit := func(old, replacement string) string {
		t.Helper()
		if !strings.Contains(honest, old) {
			t.Fatalf("no %q in %s", old, honest)
		}
		return strings.Replace(honest, old, replacement, 1)
	}
	// with changes the message itself.
	with := func(change func(m *proto.TrustAnchor)) string {
		t.Helper()
		m := new(proto.TrustAnchor)
		if err := proto.UnmarshalJSON(b, m); err != nil {
			t.Fatal(err)
		}
		change(m)
		text, err := proto.MarshalJSON(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	signatures := func(ids ...byte) (out []*proto.AnchorSignature) {
		for _, id := range ids {
			out = append(out, &proto.AnchorSignature{KeyId: bytes.Repeat([]byte{id}, 32), Signature: bytes.Repeat([]byte{id}, 64)})
		}
		return out
	}
	p256 := fixture.NewKey(t, "ecdsa", "anchor").PublicKey().PKIX()
	rsa := unhex(t, rsaKeyOfVectors)
	var made []anchorVector
	for _, c := range []struct{ name, want, text string }{
		{"indented", "ok", honest},
		{"compact", "ok", with(func(*proto.TrustAnchor) {})},
		{"no operators", "ok", with(func(m *proto.TrustAnchor) { m.Operators = nil })},
		{"other trusting period", "ok", with(func(m *proto.TrustAnchor) { m.TrustingPeriod = 3153600000 })},
		{"P-256 governance key", "ok", with(func(m *proto.TrustAnchor) { m.Operators[0].Key = p256 })},
		{"signatures", "ok", with(func(m *proto.TrustAnchor) { m.Signatures = signatures(1, 2) })},
		{"signatures descending", "refused", with(func(m *proto.TrustAnchor) { m.Signatures = signatures(2, 1) })},
		{"two signatures by one key", "refused", with(func(m *proto.TrustAnchor) { m.Signatures = signatures(1, 1) })},
		{"short key id", "refused", with(func(m *proto.TrustAnchor) {
			m.Signatures = signatures(1)
			m.Signatures[0].KeyId = m.Signatures[0].KeyId[1:]
		})},
		{"short signature", "refused", with(func(m *proto.TrustAnchor) {
			m.Signatures = signatures(1)
			m.Signatures[0].Signature = m.Signatures[0].Signature[1:]
		})},
		{"newer", "upgrade", edit(`"version": 1`, `"version": 2`)},
		{"version 0", "refused", edit(`"version": 1`, `"version": 0`)},
		{"empty", "refused", ""},
		{"empty object", "refused", "{}"},
		{"unknown field", "refused", edit(`"version"`, `"unknown": 1, "version"`)},
		{"field twice", "refused", edit(`"version"`, `"version": 1, "version"`)},
		{"data behind it", "refused", honest + "{}"},
		{"other ledger", "refused", edit(`"ledger": "`, `"ledger": "x`)},
		{"no ledger", "refused", edit(s.Ledger(), ``)},
		{"no trusting period", "refused", edit(`"1209600"`, `"0"`)},
		{"too long a trusting period", "refused", edit(`"1209600"`, `"3153600001"`)},
		{"operators out of order", "refused", edit(`"op-1"`, `"op-3"`)},
		{"operator twice", "refused", edit(`"op-1"`, `"op-0"`)},
		{"bad operator id", "refused", edit(`"op-1"`, `"OP"`)},
		{"RSA governance key", "refused", with(func(m *proto.TrustAnchor) { m.Operators[0].Key = rsa })},
		{"RSA notary key", "refused", with(func(m *proto.TrustAnchor) { m.Operators[0].NotaryKey = rsa })},
		{"P-256 notary key", "refused", with(func(m *proto.TrustAnchor) { m.Operators[0].NotaryKey = p256 })},
		{"no notary key", "refused", with(func(m *proto.TrustAnchor) { m.Operators[0].NotaryKey = nil })},
		{"one key for two things", "refused", with(func(m *proto.TrustAnchor) { m.Operators[0].NotaryKey = m.Operators[0].Key })},
		{"one key for two operators", "refused", with(func(m *proto.TrustAnchor) { m.Operators[1].NotaryKey = m.Operators[0].NotaryKey })},
		{"no light block", "refused", with(func(m *proto.TrustAnchor) { m.LightBlock = nil })},
		{"light block of another ledger", "refused", with(func(m *proto.TrustAnchor) { m.Ledger = "fixture-0000000000000000" })},
		{"light block that too few signed", "refused", with(func(m *proto.TrustAnchor) {
			lb := s.Block(3)
			m.LightBlock, _ = bundle.EncodeLightBlock(s.Sign(lb.Header, s.Validators(), s.Validators()[:2]...))
		})},
		{"light block with a wrong signature", "refused", with(func(m *proto.TrustAnchor) {
			lb := s.Block(3)
			commit := *lb.Commit
			commit.Signatures = slices.Clone(commit.Signatures)
			commit.Signatures[0].Signature = append([]byte{commit.Signatures[0].Signature[0] ^ 1}, commit.Signatures[0].Signature[1:]...)
			lb.Commit = &commit
			m.LightBlock, _ = bundle.EncodeLightBlock(lb)
		})},
	} {
		got := "refused"
		if _, err := bundle.DecodeAnchor([]byte(c.text)); err == nil {
			got = "ok"
		} else if outcomeName(err) == "upgrade" {
			got = "upgrade"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		made = append(made, anchorVector{Name: c.name, Want: c.want, Text: c.text})
	}
	checkVectors(t, "anchors", "Trust anchors as texts.", made)
}
