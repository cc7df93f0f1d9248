package bundle_test

import (
	"errors"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/proto"
)

// Test that a transaction counts as committed only where it is.
func TestVerifyTransaction(t *testing.T) {
	s := newStory(t)
	tx := s.app.Publish(3, fixture.Tags{"a": "a"})
	foreign := s.other.Publish(2, fixture.Tags{"b": "b"})
	s.Commit(foreign, tx)
	header := s.Block(6).Header
	honest := s.Receipt(tx)
	if err := bundle.VerifyTransaction(tx, honest, header); err != nil {
		t.Fatal(err)
	}
	theirs := s.Receipt(foreign)
	for _, c := range []struct {
		name string
		lie  func(r *proto.TransactionResponse)
	}{
		{"proof of another", func(r *proto.TransactionResponse) { r.Proof = theirs.Proof }},
		{"whole receipt of another", func(r *proto.TransactionResponse) { protobuf.Reset(r); protobuf.Merge(r, theirs) }},
		{"hash of another", func(r *proto.TransactionResponse) { r.Hash = theirs.Hash }},
		{"other height", func(r *proto.TransactionResponse) { r.Height-- }},
		{"other position", func(r *proto.TransactionResponse) { r.Index = 0 }},
		{"no hash", func(r *proto.TransactionResponse) { r.Hash = nil }},
		{"no proof", func(r *proto.TransactionResponse) { r.Proof = nil }},
		{"garbage", func(r *proto.TransactionResponse) { r.Proof = []byte{0xff} }},
		{"unknown field", func(r *proto.TransactionResponse) { r.Proof = append(r.Proof, 0x32, 0) }},
		{"fields in another order", func(r *proto.TransactionResponse) {
			_, at := field1(r.Proof)
			r.Proof = append(r.Proof[at.end:len(r.Proof):len(r.Proof)], r.Proof[:at.end]...)
		}},
		{"huge proof", func(r *proto.TransactionResponse) { r.Proof = make([]byte, 1<<20) }},
		{"empty", protoReset},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := protobuf.Clone(honest).(*proto.TransactionResponse)
			c.lie(r)
			if err := bundle.VerifyTransaction(tx, r, header); !errors.Is(err, bundle.ErrTransaction) || bundle.ClassOf(err) != bundle.Attack {
				t.Errorf("error %v", err)
			}
		})
	}
	for i := range honest.Proof {
		r := protobuf.Clone(honest).(*proto.TransactionResponse)
		r.Proof[i] ^= 1
		if err := bundle.VerifyTransaction(tx, r, header); err == nil {
			// The proof names the transaction twice; everything else must hold.
			t.Errorf("byte %d changed and accepted", i)
		}
	}
	if err := bundle.VerifyTransaction(tx, honest, s.Block(5).Header); !errors.Is(err, bundle.ErrTransaction) {
		t.Errorf("other header: %v", err)
	}
}

func protoReset(r *proto.TransactionResponse) { protobuf.Reset(r) }
