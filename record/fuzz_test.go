package record_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"hullmark/merkle"
	"hullmark/record"
)

// fuzzFormat checks that a decoder never panics and that what it accepts is the
// one encoding of the value it returns.
func fuzzFormat(f *testing.F, name string) {
	f.Helper()
	format := formats(f)[name]
	for _, s := range format.good {
		f.Add(format.encode(s.value))
	}
	for _, bad := range format.bad {
		if len(bad.b) <= maxVector {
			f.Add(bad.b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := format.decode(b)
		if err != nil {
			if c := class(err); c != "malformed" && c != "newer" && c != "body-hash" {
				t.Fatal(c)
			}
			return
		}
		if again := format.encode(v); !bytes.Equal(again, b) {
			t.Fatalf("encoded again: %x, was %x", again, b)
		}
		if _, ok := v.(*record.LogRecord); ok && len(b) < merkle.MinRecordSize {
			t.Fatalf("log record of %d bytes", len(b))
		}
	})
}

func FuzzRepository(f *testing.F)     { fuzzFormat(f, "repository") }
func FuzzRootFile(f *testing.F)       { fuzzFormat(f, "root") }
func FuzzImageTag(f *testing.F)       { fuzzFormat(f, "tag") }
func FuzzImage(f *testing.F)          { fuzzFormat(f, "image") }
func FuzzVoucher(f *testing.F)        { fuzzFormat(f, "voucher") }
func FuzzOperator(f *testing.F)       { fuzzFormat(f, "operator") }
func FuzzNamespaceGrant(f *testing.F) { fuzzFormat(f, "namespace") }
func FuzzNotaryLists(f *testing.F)    { fuzzFormat(f, "notary") }
func FuzzParams(f *testing.F)         { fuzzFormat(f, "params") }
func FuzzMeta(f *testing.F)           { fuzzFormat(f, "meta") }
func FuzzLogRecord(f *testing.F)      { fuzzFormat(f, "log") }
func FuzzChanges(f *testing.F)        { fuzzFormat(f, "changes") }
func FuzzEnvelope(f *testing.F)       { fuzzFormat(f, "envelope") }
func FuzzStatement(f *testing.F)      { fuzzFormat(f, "statement") }
func FuzzSignedStatement(f *testing.F) {
	fuzzFormat(f, "signed-statement")
}

func FuzzGenesis(f *testing.F) {
	g := sampleGenesis(f)
	f.Add(g.Encode())
	for _, c := range genesisTexts(f) {
		f.Add([]byte(c.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := record.DecodeGenesis(b)
		if err != nil {
			return
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, b); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(compact.Bytes(), g.Encode()) {
			t.Fatalf("accepted, but the canonical form is %s", g.Encode())
		}
		if err := g.Validate(); err != nil {
			t.Fatal(err)
		}
	})
}
