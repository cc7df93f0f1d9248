// Package chunk finds the chunks that Pebble's journals and manifests are made of. It
// reads the formats of package record of Pebble v2:
//
//	entry    crc4 length2 type1 payload, type 1 to 4
//	journal  crc4 length2 type1 journal4 synced8 payload, type 9 to 12
//
// Integers are little-endian. The checksum covers everything from the type on. A chunk
// does not cross a block of 32 KiB; where no header fits at the end of a block there
// are zeros.
package chunk

import (
	"encoding/binary"
	"hash/crc32"
)

const (
	blockSize = 32 << 10
	// SyncedOffset is where the header of a journal's chunk says up to which byte the
	// journal was synced when the chunk was written.
	SyncedOffset = 11
)

// Format is one of the two formats.
type Format struct {
	header      int // bytes
	first, last byte
	journal     uint32 // its number; 0 for an entry
}

// Entry is the format of manifests.
var Entry = Format{header: 7, first: 1, last: 4}

// Journal is the format of the journal with a number.
func Journal(number uint32) Format { return Format{header: 19, first: 9, last: 12, journal: number} }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is that of Pebble and RocksDB.
func checksum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// end returns where the chunk at a place ends by its header, or false if no header of
// the format is there.
func (f Format) end(b []byte, at int) (int, bool) {
	left := min(blockSize-at%blockSize, len(b)-at)
	if left < f.header {
		return 0, false
	}
	end := f.header + int(binary.LittleEndian.Uint16(b[at+4:]))
	if kind := b[at+6]; kind < f.first || kind > f.last || end > left {
		return 0, false
	}
	if f.journal != 0 && binary.LittleEndian.Uint32(b[at+7:]) != f.journal {
		return 0, false
	}
	return at + end, true
}

// next returns where the chunk at a place ends, or false if none checks there.
func (f Format) next(b []byte, at int) (int, bool) {
	end, ok := f.end(b, at)
	if !ok || checksum(b[at+6:end]) != binary.LittleEndian.Uint32(b[at:]) {
		return 0, false
	}
	return end, true
}

// Valid returns how far chunks follow each other from a place on: the end of b, or
// where one should begin and does not.
func (f Format) Valid(b []byte, at int) int {
	for at < len(b) {
		end, ok := f.next(b, at)
		if !ok && f.padded(b, at) {
			end, ok = min(at-at%blockSize+blockSize, len(b)), true
		}
		if !ok {
			return at
		}
		at = end
	}
	return at
}

// padded reports whether the rest of a block is too small for a header, and zero.
func (f Format) padded(b []byte, at int) bool {
	rest := blockSize - at%blockSize
	if rest >= f.header {
		return false
	}
	for _, x := range b[at:min(at+rest, len(b))] {
		if x != 0 {
			return false
		}
	}
	return true
}

// Find returns the first place, from one on, where a chunk begins that is wanted. The
// chunks before it need not be whole.
func (f Format) Find(b []byte, at int, wanted func(at int) bool) (int, bool) {
	for ; at+f.header <= len(b); at++ {
		if _, ok := f.end(b, at); !ok {
			continue
		}
		if !wanted(at) {
			continue
		}
		if _, ok := f.next(b, at); ok {
			return at, true
		}
	}
	return 0, false
}

// LastRecord returns where the last record begins of those that follow each other from
// the beginning: its first chunk, or 0 if there is none.
func (f Format) LastRecord(b []byte) int {
	last := 0
	for at := 0; at < len(b); {
		if f.padded(b, at) {
			at = min(at-at%blockSize+blockSize, len(b))
			continue
		}
		end, ok := f.next(b, at)
		if !ok {
			break
		}
		if kind := b[at+6] - f.first; kind < 2 { // a whole record, or its first chunk
			last = at
		}
		at = end
	}
	return last
}
