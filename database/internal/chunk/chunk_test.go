package chunk

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/record"
)

// manifest returns records in Pebble's own encoding, and where each ends.
func manifest(t *testing.T, records [][]byte) (b []byte, ends []int) {
	t.Helper()
	var buf bytes.Buffer
	w := record.NewWriter(&buf)
	for _, r := range records {
		rec, err := w.Next()
		if err == nil {
			_, err = rec.Write(r)
		}
		if err == nil {
			err = w.Flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, buf.Len())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes(), ends
}

// randomRecords are of sizes around those that matter.
func randomRecords(r *rand.Rand) (out [][]byte) {
	for range 1 + r.IntN(20) {
		size := []int{0, 1, 20, 1000, blockSize - 7, blockSize - 10, blockSize, 3*blockSize + 5}[r.IntN(8)] + r.IntN(20)
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		out = append(out, b)
	}
	return out
}

// TestAgainstPebble: what Pebble writes checks to its end; cut off anywhere it checks
// up to a chunk that Pebble cannot read on from either.
func TestAgainstPebble(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		records := randomRecords(r)
		b, ends := manifest(t, records)
		if got := Entry.Valid(b, 0); got != len(b) {
			t.Fatalf("%d of %d bytes check", got, len(b))
		}
		cut := r.IntN(len(b) + 1)
		valid := Entry.Valid(b[:cut], 0)
		whole := 0
		for _, end := range ends {
			if end <= cut {
				whole++
			}
		}
		read := 0
		for rr := record.NewReader(bytes.NewReader(b[:cut]), 0); ; read++ {
			rec, err := rr.Next()
			if err == nil {
				_, err = io.Copy(io.Discard, rec)
			}
			if err != nil {
				break
			}
		}
		if read != whole || whole > 0 && valid < ends[whole-1] {
			t.Errorf("cut at %d: %d bytes check, Pebble reads %d records, %d are whole", cut, valid, read, whole)
		}
		if last := Entry.LastRecord(b); len(ends) > 1 && (last < ends[len(ends)-2] || last > ends[len(ends)-2]+7) {
			t.Errorf("the last record begins at %d, the one before ends at %d", last, ends[len(ends)-2])
		}
	}
}

// TestFlipped: a flipped bit, wherever it is, ends what checks where its chunk begins.
func TestFlipped(t *testing.T) {
	b, ends := manifest(t, [][]byte{[]byte("the first"), []byte("another"), []byte("the last one of all")})
	for at := range b {
		want := 0
		for _, end := range ends {
			if end <= at {
				want = end
			}
		}
		for bit := range 8 {
			c := bytes.Clone(b)
			c[at] ^= 1 << bit
			if got := Entry.Valid(c, 0); got != want {
				t.Errorf("byte %d, bit %d: %d bytes check, want %d", at, bit, got, want)
			}
			next, ok := Entry.Find(c, want+1, func(int) bool { return true })
			if last := want == ends[1]; ok == last || ok && next <= at-10 {
				t.Errorf("byte %d, bit %d: the next one is at %d, %t", at, bit, next, ok)
			}
		}
	}
}

// FuzzChunks: no bytes make it panic, or go past their end.
func FuzzChunks(f *testing.F) {
	f.Add([]byte("something"), uint32(0), uint16(0))
	f.Add(make([]byte, blockSize+50), uint32(7), uint16(blockSize-10))
	f.Fuzz(func(t *testing.T, b []byte, number uint32, from uint16) {
		at := min(int(from), len(b))
		for _, format := range []Format{Entry, Journal(number)} {
			if got := format.Valid(b, at); got < at || got > len(b) {
				t.Errorf("valid from %d to %d of %d", at, got, len(b))
			}
			if next, ok := format.Find(b, at, func(int) bool { return true }); ok && (next < at || next >= len(b)) {
				t.Errorf("found at %d of %d", next, len(b))
			}
			format.LastRecord(b)
		}
	})
}
