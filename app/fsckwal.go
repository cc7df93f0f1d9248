package app

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	cmtconsensus "github.com/cometbft/cometbft/consensus"
)

// What the engine's write-ahead log is made of: messages behind their CRC-32C and
// length, 4 bytes each, big-endian.
const (
	walHeader = 8
	// maxWALMessage is the engine's bound of a message in bytes.
	maxWALMessage = 1<<20 + 24
	// maxWALFile bounds one file of the log, which the engine begins anew at 10 MB.
	maxWALFile = 64 << 20
)

// checkWAL reads the engine's write-ahead log. A write that was cut off, by a full disk
// or a crash, is no damage: the node never said what it could not write, and goes on
// behind it.
func (f *fsck) checkWAL() {
	const what = "write-ahead log"
	files, err := f.home.walFiles()
	if err != nil {
		f.found(what, err, adviceWAL)
		return
	}
	if len(files) == 0 {
		f.fine(what, "none yet")
		return
	}
	var w walScan
	for _, path := range files {
		b, err := readWALFile(path)
		if err != nil {
			f.found(what, err, adviceWAL)
			return
		}
		w.read(filepath.Base(path), b)
	}
	w.end()
	switch {
	case w.damage != nil && w.heightAfter:
		f.found(what, w.damage, adviceOldWAL)
	case w.damage != nil:
		f.found(what, w.damage, adviceWAL)
	case w.torn > 0:
		f.fine(what, "%d messages; writes that were cut off %d times, which is no damage", w.messages, w.torn)
	default:
		f.fine(what, "%d messages", w.messages)
	}
}

// walFiles returns the files of the write-ahead log, the oldest first: wal.000, wal.001
// and so on, then wal. Copies that the engine has made of damaged ones are none.
func (h Home) walFiles() ([]string, error) {
	dir := filepath.Join(h.dataDir(), "cs.wal")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		number, numbered := strings.CutPrefix(e.Name(), "wal.")
		if e.Name() == "wal" || numbered && number != "" && strings.Trim(number, "0123456789") == "" {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if a == "wal" || b == "wal" {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = filepath.Join(dir, name)
	}
	return names, nil
}

func readWALFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxWALFile {
		return nil, fmt.Errorf("couldn't read %s: %w: it has %d bytes", path, ErrDamagedData, info.Size())
	}
	return os.ReadFile(path)
}

// walScan goes through a log file by file.
type walScan struct {
	messages int
	// torn counts places where a write was cut off.
	torn int
	// damage is the first place where what was written is not what is there;
	// heightAfter says that a height ended behind the last such place, so that the node
	// needs nothing of it.
	damage      error
	heightAfter bool

	rest []byte // of the files before, the beginning of a message
	name string // of the file it is in
}

// read goes through the next file. A message may begin in one and end in the next.
func (w *walScan) read(name string, b []byte) {
	if len(w.rest) == 0 {
		w.name = name
	}
	b = append(w.rest, b...)
	offset := 0
	for offset < len(b) {
		n, height := walMessage(b[offset:])
		if n > 0 {
			offset += n
			w.messages++
			w.heightAfter = w.heightAfter || height
			continue
		}
		next := offset + 1
		for next < len(b) {
			if n, _ := walMessage(b[next:]); n > 0 {
				break
			}
			next++
		}
		if next == len(b) {
			break // nothing behind it here; perhaps in the next file
		}
		w.unreadable(b[offset:next], offset)
		offset = next
	}
	w.rest = slices.Clone(b[offset:])
}

// end judges what is left when there is no other file.
func (w *walScan) end() {
	if len(w.rest) > 0 {
		w.unreadable(w.rest, 0)
		w.rest = nil
	}
}

// unreadable judges bytes between two messages that are none.
func (w *walScan) unreadable(b []byte, offset int) {
	if tornWrite(b) {
		w.torn++
		return
	}
	w.heightAfter = false
	if w.damage == nil {
		w.damage = fmt.Errorf("%w: message %d, at %d in %s", ErrDamagedData, w.messages, offset, w.name)
	}
}

// tornWrite reports whether bytes are the beginning of a message whose end was never
// written, or room on the disk that was never filled. A message that is there to its
// end and differs from its checksum was changed.
func tornWrite(b []byte) bool {
	if len(b) < walHeader || len(bytes.Trim(b, "\x00")) == 0 {
		return true
	}
	announced, there := uint64(binary.BigEndian.Uint32(b[4:])), uint64(len(b)-walHeader)
	switch {
	case announced > maxWALMessage, announced == there:
		return false
	case announced > there:
		// It may have been the length that was changed, of a message that is whole.
		return crc32.Checksum(b[walHeader:], castagnoli()) != binary.BigEndian.Uint32(b)
	}
	// A node that is started on a full disk again and again leaves one beginning behind
	// another.
	for i := 1; i < len(b); i++ {
		if walBeginning(b[i:]) && tornWrite(b[i:]) {
			return true
		}
	}
	return false
}

// walBeginning reports whether bytes look like the beginning of a message: behind the
// header a time of at most 18 bytes, whose first field are its seconds.
func walBeginning(b []byte) bool {
	return len(b) > walHeader+2 && b[walHeader] == 0x0a && b[walHeader+1] <= 18 && b[walHeader+2] == 0x08
}

// walMessage returns the size of the message that b begins with, or zero if it begins
// with none, and whether it ends a height.
func walMessage(b []byte) (size int, endsHeight bool) {
	if len(b) < walHeader {
		return 0, false
	}
	length := binary.BigEndian.Uint32(b[4:])
	if length > maxWALMessage || int(length) > len(b)-walHeader {
		return 0, false
	}
	size = walHeader + int(length)
	if crc32.Checksum(b[walHeader:size], castagnoli()) != binary.BigEndian.Uint32(b) {
		return 0, false
	}
	m, err := cmtconsensus.NewWALDecoder(bytes.NewReader(b[:size])).Decode()
	if err != nil {
		return 0, false
	}
	_, endsHeight = m.Msg.(cmtconsensus.EndHeightMessage)
	return size, endsHeight
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }
