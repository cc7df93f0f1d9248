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

// TestOneBitOff: a flipped bit of a chunk is recognized wherever it is; bytes that are
// missing, zero or other are none.
func TestOneBitOff(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	b, _ := manifest(t, [][]byte{[]byte("the first"), []byte("the last one of all")})
	last := Entry.LastRecord(b)
	for at := last; at < len(b); at++ {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[at] ^= 1 << bit
			if got := Entry.Valid(c, 0); got != last {
				t.Errorf("byte %d, bit %d: %d bytes check, want %d", at, bit, got, last)
			}
			if !Entry.OneBitOff(c, last) {
				t.Errorf("byte %d, bit %d: not recognized", at, bit)
			}
		}
		if Entry.OneBitOff(b[:at], last) {
			t.Errorf("cut off at byte %d: a flipped bit", at)
		}
		c := bytes.Clone(b)
		clear(c[at:])
		if !bytes.Equal(b, c) && Entry.Valid(c, 0) == last && Entry.OneBitOff(c, last) && !oneBit(b, c) {
			t.Errorf("zero from byte %d on: a flipped bit", at)
		}
	}
	for range 100 {
		c := bytes.Clone(b)
		for i := last; i < len(c); i++ {
			c[i] = byte(r.Uint32())
		}
		if Entry.OneBitOff(c, last) {
			t.Errorf("anything: a flipped bit: %x", c)
		}
	}
}

// oneBit reports whether two texts differ in one bit.
func oneBit(a, b []byte) bool {
	n := 0
	for i := range a {
		for x := a[i] ^ b[i]; x != 0; x &= x - 1 {
			n++
		}
	}
	return n == 1
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
			if len(b) < 200 {
				format.OneBitOff(b, at)
			}
			format.LastRecord(b)
		}
	})
}
