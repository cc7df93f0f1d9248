package ledger_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// depth says which bytes of a transaction a mutation changes; everything around
// them is made anew, signatures included, so that the mutation gets that far.
const (
	depthTransaction = iota // the whole transaction
	depthHeader             // the header, signed again
	depthBody               // the body, named by its header
	depthFile               // the first metadata file
	depthSigned             // its signed part, signed again by the right keys
	depths
)

// splice replaces count bytes at a position, both taken modulo what there is.
func splice(b []byte, at, count uint16, insert []byte) []byte {
	i := int(at) % (len(b) + 1)
	j := i + int(count)%(len(b)-i+1)
	return slices.Concat(b[:i], insert, b[j:])
}

// specimen is a transaction with the keys that sign its first file, or statement.
type specimen struct {
	tx      *fixture.Transaction
	file    *[]byte
	signed  []byte
	signers []*fixture.Key
}

func specimens(s *stage) []specimen {
	c, p := s.c, s.p
	fresh := c.NewPublisher("registry.example.com/fresh")
	root := fresh.Root(1)
	register := c.NewRegister(c.Operators[0], root)
	next := p.Targets(2, fixture.Tags{"1.0": "new", "2.0": "two"})
	publish := c.NewPublish(p.TaggingKeys[0], targets(next))
	rotation := p.SignRoot(p.RootSpec(2), p.RootKeys...)
	rotate := c.NewPublish(p.RootKeys[0], fixture.Update{Roots: []*tuf.Root{rotation}, Targets: next})
	both := c.NewPublish(c.Operators[3].Governance, targets(next), targets(s.q.Targets(1, fixture.Tags{"x": "y"})))
	both.Payer = "op-3"
	revocation := p.Revoke("targets", 1, "one", "never")
	revoke := c.NewStatements(p.RootKeys[0], revocation)
	ci := newKeys(s.t, "ci")
	above := p.RoleFile("targets", 2, fixture.Tags{"1.0": "new"}, fixture.Delegate(
		fixture.Delegation{Role: "targets/ci", Keys: ci, Paths: []string{"v*"}, Terminating: true}), p.TaggingKeys...)
	delegate := c.NewPublish(p.TaggingKeys[0], fixture.Update{
		Targets: above, Delegated: []*tuf.Targets{p.RoleFile("targets/ci", 1, fixture.Tags{"v1": "one"}, nil, ci...)},
	})
	// Updates are ordered as scopes are: the repository of q comes first.
	return []specimen{
		{register, &register.Message.(*proto.RegisterRepository).Root, root.SignedBytes(), fresh.RootKeys},
		{publish, fileOf(publish), next.SignedBytes(), p.TaggingKeys},
		{rotate, &body(rotate).Updates[0].Roots[0], rotation.SignedBytes(), p.RootKeys},
		{both, fileOf(both), s.q.Targets(1, fixture.Tags{"x": "y"}).SignedBytes(), s.q.TaggingKeys},
		{revoke, &revoke.Message.(*proto.Statements).Statements[0], revocation.SignedBytes(), p.TaggingKeys},
		{delegate, fileOf(delegate), above.SignedBytes(), p.TaggingKeys},
	}
}

func fileOf(tx *fixture.Transaction) *[]byte {
	return &body(tx).Updates[0].Roles[0].Content.(*proto.RoleUpdate_File).File
}

// mutate returns the bytes of a specimen with a change at a depth. It changes
// the specimen.
func mutate(sp specimen, depth uint8, at, count uint16, insert []byte) ([]byte, error) {
	tx := sp.tx
	switch depth % depths {
	case depthHeader:
		h := tx.Header()
		whole := tx.BytesWith(h)
		size := len(whole) - len(tx.EncodedBody()) - keys.FixedSize
		header := splice(whole[:size], at, count, insert)
		signature, err := keys.SignFixed(tx.Submitter.Private(), append([]byte("hullmark/transaction/v1\n"), header...))
		if err != nil {
			return nil, err
		}
		return slices.Concat(header, tx.EncodedBody(), signature), nil
	case depthBody:
		tx.Body = splice(tx.EncodedBody(), at, count, insert)
	case depthFile:
		*sp.file = splice(*sp.file, at, count, insert)
	case depthSigned:
		signed := splice(sp.signed, at, count, insert)
		if _, ok := tx.Message.(*proto.Statements); ok {
			statement, err := signStatement(signed, sp.signers[0])
			if err != nil {
				return nil, err
			}
			*sp.file = statement
			break
		}
		file := `{"signatures":[`
		for i, k := range sp.signers {
			sig, err := k.Sign(signed)
			if err != nil {
				return nil, err
			}
			if i > 0 {
				file += ","
			}
			file += fmt.Sprintf(`{"keyid":"%s","sig":"%s"}`, k.ID(), hex.EncodeToString(sig))
		}
		*sp.file = slices.Concat([]byte(file), []byte(`],"signed":`), signed, []byte(`}`))
	default:
		return splice(tx.Bytes(), at, count, insert), nil
	}
	return tx.Bytes(), nil
}

// signStatement signs any bytes as a statement.
func signStatement(message []byte, signer *fixture.Key) ([]byte, error) {
	sig, err := signer.Sign(message)
	if err != nil {
		return nil, err
	}
	if len(message) > math.MaxUint16 {
		return nil, errors.New("too long")
	}
	id := signer.ID()
	b := binary.BigEndian.AppendUint16([]byte("hullmark/signed-statement/v1\n"), uint16(len(message)))
	b = append(b, message...)
	b = append(binary.BigEndian.AppendUint16(b, 1), id[:]...)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(sig))), sig...), nil
}

// FuzzApply checks that no transaction makes the ledger panic or fail, that a
// rejected one leaves nothing, and that whatever is accepted leaves a ledger
// Check finds no fault with.
func FuzzApply(f *testing.F) {
	s := newStage(f)
	for i := range specimens(s) {
		for depth := range uint8(depths) {
			f.Add(uint8(i), depth, uint16(0), uint16(0), []byte(nil)) // good
			f.Add(uint8(i), depth, uint16(40+97*i), uint16(1), []byte("x"))
			f.Add(uint8(i), depth, uint16(9), uint16(0), []byte("null"))
			f.Add(uint8(i), depth, uint16(0xffff), uint16(3), []byte{})
		}
	}
	f.Fuzz(func(t *testing.T, which, depth uint8, at, count uint16, insert []byte) {
		s.c.Use(t)
		s.t = t
		list := specimens(s)
		tx, err := mutate(list[int(which)%len(list)], depth, at, count, insert)
		if err != nil {
			t.Skip(err) // too large for the body's own limits, for example
		}
		state, err := s.l.Begin(s.next())
		if err != nil {
			t.Fatal(err)
		}
		defer state.Close()
		before := stateHash(t, state)
		outcome, err := state.Apply(tx, keys.Direct{})
		if err != nil {
			var rejection *record.Rejection
			if !errors.As(err, &rejection) || rejection.Code == 0 {
				t.Fatalf("not a rejection: %v", err)
			}
			if stateHash(t, state) != before {
				t.Fatal("a rejected transaction changed the state")
			}
			return
		}
		if stateHash(t, state) == before || len(outcome.Records) == 0 {
			t.Fatal("an accepted transaction did nothing")
		}
		// Once is enough.
		if _, err := state.Apply(tx, keys.Direct{}); err == nil {
			t.Fatal("accepted twice")
		}
		copied := &chain{t: t, c: s.c, db: copyOf(t, s.db)}
		copied.reopen()
		copied.commit(tx)
		copied.check()
	})
}

// copyOf copies a database.
func copyOf(t testing.TB, db dbm.DB) dbm.DB {
	t.Helper()
	out := dbm.NewMemDB()
	it, err := db.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for ; it.Valid(); it.Next() {
		if err := out.Set(it.Key(), it.Value()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(it.Error(), it.Close()); err != nil {
		t.Fatal(err)
	}
	return out
}

// Test that the unchanged specimens are accepted: without it the fuzz target
// would test rejections only.
func TestSpecimens(t *testing.T) {
	s := newStage(t)
	for i := range specimens(s) {
		for depth := range uint8(depths) {
			tx, err := mutate(specimens(s)[i], depth, 0, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			state := s.begin()
			if _, err := state.Apply(tx, keys.Direct{}); err != nil {
				t.Errorf("specimen %d at depth %d: %v", i, depth, err)
			}
			state.Close()
		}
	}
}
