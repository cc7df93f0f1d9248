package bundle_test

import (
	"bytes"
	"testing"

	"hullmark/bundle"
)

// FuzzReceiptFile gives any bytes as a receipt file. Whatever verifies is about the
// transaction that it was made for.
func FuzzReceiptFile(f *testing.F) {
	s := newServed(f)
	good, err := bundle.EncodeReceipt(s.receipt(f, s.tx))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("{}"))
	memory, now := s.memory(), s.Now()
	f.Fuzz(func(t *testing.T, data []byte) {
		a, tx, err := bundle.DecodeReceipt(data)
		if err != nil {
			return
		}
		if _, _, err := bundle.VerifyReceipt(a, tx, memory, now, bundle.OfflinePolicy()); err == nil && !bytes.Equal(tx, s.tx) {
			t.Fatalf("transaction %x is said to be committed", tx)
		}
	})
}
