package merkle

import "testing"

func TestSharesBits(t *testing.T) {
	a := KeyPath([]byte("a"))
	for i := range MaxMapDepth {
		b := a
		b[i/8] ^= 0x80 >> (i % 8)
		for n := range MaxMapDepth + 1 {
			if got, want := a.sharesBits(&b, n), n <= i; got != want {
				t.Fatalf("hashes that differ in bit %d share %d bits: %v", i, n, got)
			}
		}
	}
}

func TestNibbles(t *testing.T) {
	a := KeyPath([]byte("a"))
	var b Hash
	for i := range maxNodeDepth {
		b = b.withNibble(i, a.nibble(i))
		for bit := range slotBits {
			if got, want := a.nibble(i)>>(slotBits-1-bit)&1, int(a.bit(slotBits*i+bit)); got != want {
				t.Fatalf("bit %d of nibble %d is %d, want %d", bit, i, got, want)
			}
		}
	}
	if a != b {
		t.Errorf("nibbles of %v make %v", a, b)
	}
}
