package bundle_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/proto"
)

// TestReceiptFile: a receipt that is read from a file proves what it proved when it
// was written, long after, to a reader who knows the trust anchor only.
func TestReceiptFile(t *testing.T) {
	s := newServed(t)
	data, err := bundle.EncodeReceipt(s.receipt(t, s.tx))
	if err != nil {
		t.Fatal(err)
	}
	a, tx, err := bundle.DecodeReceipt(data)
	if err != nil || !bytes.Equal(tx, s.tx) {
		t.Fatalf("transaction %x, error %v", tx, err)
	}
	later := s.Now().Add(24 * time.Hour)
	if _, _, err := bundle.VerifyReceipt(a, tx, s.memory(), later, bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrStale) {
		t.Errorf("online: %v", err)
	}
	r, _, err := bundle.VerifyReceipt(a, tx, s.memory(), later, bundle.OfflinePolicy())
	if err != nil || r.Height != s.height || len(r.Records) != 1 || r.Records[0].Revision != 4 {
		t.Errorf("receipt %+v, error %v", r, err)
	}
}

// TestBadReceiptFile: what is no receipt is refused, and a changed one never verifies.
func TestBadReceiptFile(t *testing.T) {
	s := newServed(t)
	good, err := bundle.EncodeReceipt(s.receipt(t, s.tx))
	if err != nil {
		t.Fatal(err)
	}
	noProof := s.receipt(t, s.tx)
	noProof.Transaction.Proof = nil
	without, err := bundle.EncodeReceipt(noProof)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		data []byte
	}{
		{"nothing", nil},
		{"empty object", []byte("{}")},
		{"no JSON", []byte("receipt")},
		{"half", good[:len(good)/2]},
		{"without proof", without},
		{"unknown field", bytes.Replace(good, []byte("{"), []byte(`{"more":1,`), 1)},
		{"too large", append(bytes.Repeat([]byte(" "), bundle.MaxSize), good...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if a, tx, err := bundle.DecodeReceipt(tc.data); a != nil || tx != nil || !errors.Is(err, bundle.ErrMalformed) {
				t.Errorf("answer %v, error %v", a, err)
			}
		})
	}
	for name, lie := range map[string]func(*proto.ReceiptAnswer){
		"another transaction's proof": func(a *proto.ReceiptAnswer) { a.Transaction.Proof[40] ^= 1 },
		"another block":               func(a *proto.ReceiptAnswer) { a.Block[60] ^= 1 },
		"no records":                  func(a *proto.ReceiptAnswer) { a.Records = nil },
		"another record":              func(a *proto.ReceiptAnswer) { a.Records[0].Record[20] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			a := s.receipt(t, s.tx)
			lie(a)
			data, err := bundle.EncodeReceipt(a)
			if err != nil {
				t.Fatal(err)
			}
			a, tx, err := bundle.DecodeReceipt(data)
			if err == nil {
				_, _, err = bundle.VerifyReceipt(a, tx, s.memory(), s.Now(), bundle.OfflinePolicy())
			}
			if bundle.ClassOf(err) != bundle.Attack && !errors.Is(err, bundle.ErrRequest) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// TestReceiptOfSomethingElse: whatever stands in the place of the transaction, the file
// is an attack and no mistake of the reader's.
func TestReceiptOfSomethingElse(t *testing.T) {
	s := newServed(t)
	for name, change := range map[string]func(*cmtproto.TxProof){
		"nothing":             func(p *cmtproto.TxProof) { p.Data = nil },
		"no transaction":      func(p *cmtproto.TxProof) { p.Data = []byte("other") },
		"half":                func(p *cmtproto.TxProof) { p.Data = p.Data[:len(p.Data)/2] },
		"one bit":             func(p *cmtproto.TxProof) { p.Data[len(p.Data)-1] ^= 1 },
		"another transaction": func(p *cmtproto.TxProof) { p.Data = s.app.Publish(9, fixture.Tags{"x": "x"}) },
	} {
		a := s.receipt(t, s.tx)
		var p cmtproto.TxProof
		if err := p.Unmarshal(a.GetTransaction().GetProof()); err != nil {
			t.Fatal(err)
		}
		change(&p)
		var err error
		if a.Transaction.Proof, err = p.Marshal(); err != nil {
			t.Fatal(err)
		}
		data, err := bundle.EncodeReceipt(a)
		if err != nil {
			t.Fatal(err)
		}
		a, tx, err := bundle.DecodeReceipt(data)
		if err == nil {
			_, _, err = bundle.VerifyReceipt(a, tx, s.memory(), s.Now(), bundle.OfflinePolicy())
		}
		if bundle.ClassOf(err) != bundle.Attack {
			t.Errorf("%s: class %s, error %v", name, bundle.ClassOf(err), err)
		}
	}
}
