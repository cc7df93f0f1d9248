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
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
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
	// delta, if there is one, is what the first file is sent as, against base. Its
	// file and its signed part are the delegations it carries.
	delta *tuf.Delta
	base  *tuf.Targets
}

// newFuzzStage is newStage with a repository of three levels of roles, in which
// something is revoked.
func newFuzzStage(t testing.TB) (*stage, *grown) {
	t.Helper()
	s := newStage(t)
	g := &grown{Publisher: s.c.NewPublisher("registry.example.com/tree"), ci: newKeys(t, "ci"), deep: newKeys(t, "deep")}
	g.top = g.RoleFile("targets", 1, fixture.Tags{"top": "one"}, g.to(false), g.TaggingKeys...)
	g.files = fixture.Update{Targets: g.top, Delegated: []*tuf.Targets{
		g.RoleFile("targets/ci", 1, fixture.Tags{"v1": "one"}, fixture.Delegate(
			fixture.Delegation{Role: "targets/deep", Keys: g.deep, Paths: []string{"v*-rc"}}), g.ci...),
		g.RoleFile("targets/deep", 1, fixture.Tags{"v2-rc": "two"}, nil, g.deep...),
	}}
	s.commit(g.Register(s.c.Operators[0]))
	s.commit(s.c.Relay(s.c.Operators[1], g.files))
	s.commit(s.c.State(g.RootKeys[0], g.Revoke("root", 1, "one", "never")))
	return s, g
}

// grown is a publisher with its delegated keys and its files.
type grown struct {
	*fixture.Publisher
	ci, deep []*fixture.Key
	top      *tuf.Targets
	files    fixture.Update
}

// to are the delegations of targets, with a role more or not.
func (g *grown) to(more bool) *tuf.Delegations {
	list := []fixture.Delegation{{Role: "targets/ci", Keys: g.ci, Paths: []string{"v*"}}}
	if more {
		list = append([]fixture.Delegation{{Role: "targets/lts", Keys: g.deep, Paths: []string{"lts-?"}, Terminating: true}}, list...)
	}
	return fixture.Delegate(list...)
}

// specimens are those of the new levels: a delta that delegates anew beside whole
// files below it, a file deep down, and a lift.
func (g *grown) specimens(s *stage) []specimen {
	next := g.RoleFile("targets", 2, fixture.Tags{"top": "three", "new": "four"}, g.to(true), g.TaggingKeys...)
	delta, err := g.top.Delta(next)
	if err != nil {
		s.t.Fatal(err)
	}
	deltas := s.c.NewPublish(g.TaggingKeys[0], fixture.Update{
		Targets: next, Bases: []*tuf.Targets{g.top},
		Delegated: []*tuf.Targets{g.RoleFile("targets/lts", 1, fixture.Tags{"lts-1": "five"}, nil, g.deep...)},
	})
	below := g.RoleFile("targets/deep", 2, fixture.Tags{"v3-rc": "two"}, nil, g.deep...)
	deep := s.c.NewPublish(g.deep[0], fixture.Update{Delegated: []*tuf.Targets{below}})
	lift := g.Lift(1, 1, "one")
	lifting := s.c.NewStatements(g.RootKeys[0], lift)
	list := deltaOf(deltas).Redelegation.(*proto.Delta_Delegations)
	return []specimen{
		{tx: deltas, file: &list.Delegations, signed: next.Delegations.Bytes(), signers: g.TaggingKeys, delta: &delta, base: g.top},
		{tx: deep, file: fileOf(deep), signed: below.SignedBytes(), signers: g.deep},
		{tx: lifting, file: &lifting.Message.(*proto.Statements).Statements[0], signed: lift.SignedBytes(), signers: g.RootKeys},
	}
}

func deltaOf(tx *fixture.Transaction) *proto.Delta {
	return body(tx).Updates[0].Roles[0].GetDelta()
}

// redelegate gives the delta of a specimen other delegations and signs the file that
// it then stands for.
func (sp specimen) redelegate(delegations []byte) error {
	d := *sp.delta
	var err error
	if d.Delegations, err = tuf.ParseDelegations(delegations, "targets"); err != nil {
		return err
	}
	d.Signatures = nil
	next, err := sp.base.Apply(d)
	if err != nil {
		return err
	}
	if next, err = next.Sign(sp.signers[0]); err != nil {
		return err
	}
	d.Signatures = next.Signatures
	body(sp.tx).Updates[0].Roles[0].Content = &proto.RoleUpdate_Delta{Delta: change.EncodeDelta(d)}
	return nil
}

func specimens(s *stage, g *grown) []specimen {
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
	return append([]specimen{
		{tx: register, file: &register.Message.(*proto.RegisterRepository).Root, signed: root.SignedBytes(), signers: fresh.RootKeys},
		{tx: publish, file: fileOf(publish), signed: next.SignedBytes(), signers: p.TaggingKeys},
		{tx: rotate, file: &body(rotate).Updates[0].Roots[0], signed: rotation.SignedBytes(), signers: p.RootKeys},
		{tx: both, file: fileOf(both), signed: s.q.Targets(1, fixture.Tags{"x": "y"}).SignedBytes(), signers: s.q.TaggingKeys},
		{tx: revoke, file: &revoke.Message.(*proto.Statements).Statements[0], signed: revocation.SignedBytes(), signers: p.TaggingKeys},
		{tx: delegate, file: fileOf(delegate), signed: above.SignedBytes(), signers: p.TaggingKeys},
	}, g.specimens(s)...)
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
		if sp.delta != nil {
			if err := sp.redelegate(signed); err != nil {
				return nil, err
			}
			break
		}
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
	s, g := newFuzzStage(f)
	for i := range specimens(s, g) {
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
		list := specimens(s, g)
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
	s, g := newFuzzStage(t)
	for i := range specimens(s, g) {
		for depth := range uint8(depths) {
			tx, err := mutate(specimens(s, g)[i], depth, 0, 0, nil)
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

// FuzzFields: what is counted of a body is what a reader of protobuf sees.
func FuzzFields(f *testing.F) {
	for _, b := range [][]byte{
		{}, {0x0a, 0}, {0x0a, 1}, {0x0a, 1, 7, 0x12, 2, 0x0a, 0}, {0x02, 0}, {0x08, 1, 0x0a, 1, 1}, {0x8a, 1, 1, 1}, {0x7a, 0x80, 1},
		append([]byte{0x0a, 0x7f}, make([]byte, 0x7f)...), append([]byte{0x0a, 0xff, 0}, make([]byte, 0x7f)...), {0x0b, 0x0a, 0, 0x0c, 0x0a, 0},
	} {
		f.Add(b)
	}
	type field struct {
		number protowire.Number
		value  []byte
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var want, got []field
		for rest := b; len(rest) > 0; {
			number, kind, n := protowire.ConsumeField(rest)
			if n < 0 {
				break
			}
			if kind == protowire.BytesType {
				_, _, tag := protowire.ConsumeTag(rest)
				value, _ := protowire.ConsumeBytes(rest[tag:])
				want = append(want, field{number, value})
			}
			rest = rest[n:]
		}
		ledger.Fields(b, func(number protowire.Number, value []byte) { got = append(got, field{number, value}) })
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(field{}), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}
