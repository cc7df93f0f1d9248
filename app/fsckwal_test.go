package app

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// walOf returns the newest file of a home's write-ahead log, and where its messages
// begin and where the last one ends.
func walOf(t testing.TB, h Home) (path string, b []byte, starts []int) {
	t.Helper()
	path = filepath.Join(h.dataDir(), "cs.wal", "wal")
	b = readFile(t, path)
	for offset := 0; offset < len(b); {
		starts = append(starts, offset)
		n, _ := walMessage(b[offset:])
		if n == 0 {
			t.Fatalf("no message at %d of %d", offset, len(b))
		}
		offset += n
	}
	return path, b, append(starts, len(b))
}

// TestTornWAL cuts writes off and changes bytes at every kind of place. What a full
// disk or a crash explains is no damage, whatever the node has written behind it.
func TestTornWAL(t *testing.T) {
	sound := stoppedHome(t)
	_, wal, starts := walOf(t, sound)
	if len(starts) < 30 {
		t.Fatalf("%d messages only", len(starts)-1)
	}
	at := starts[10]
	second := starts[11]
	last := starts[len(starts)-2]
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	flip := func(offset int) []byte {
		b := slices.Clone(wal)
		b[offset] ^= 1
		return b
	}
	for name, tc := range map[string]struct {
		wal     []byte
		damaged bool
	}{
		"whole":                            {wal, false},
		"empty":                            {nil, false},
		"cut off in the last header":       {wal[:last+3], false},
		"cut off behind the last header":   {wal[:last+8], false},
		"cut off in the last message":      {wal[:len(wal)-1], false},
		"cut off, and gone on":             {join(wal[:second-5], wal[second:]), false},
		"cut off in a header, and gone on": {join(wal[:at+5], wal[second:]), false},
		"cut off twice, and gone on":       {join(wal[:at+40], wal[at:at+30], wal[second:]), false},
		"cut off five times, and gone on":  {join(wal[:at+40], wal[at:at+40], wal[at:at+40], wal[at:at+40], wal[at:at+40], wal[second:]), false},
		"cut off, twice at other places":   {join(wal[:second-5], wal[second:last+9]), false},
		"room that was never filled":       {join(wal, make([]byte, 512)), false},
		"a message is missing":             {join(wal[:at], wal[second:]), false}, // nobody can know
		"checksum changed":                 {flip(at), true},
		"length changed, upper part":       {flip(at + 5), true},
		"length changed, lower part":       {flip(at + 7), true},
		"length changed to huge":           {flip(at + 4), true},
		"message changed":                  {flip(at + 20), true},
		"last byte changed":                {flip(len(wal) - 1), true},
		"last length changed":              {flip(last + 6), true},
	} {
		t.Run(name, func(t *testing.T) {
			h := copyHome(t, sound)
			path, _, _ := walOf(t, h)
			replaceFile(t, path, tc.wal)
			c, found := damaged(t, h)["write-ahead log"]
			if found != tc.damaged || found && !errors.Is(c.Err, ErrDamagedData) {
				t.Errorf("damaged %t, %v", found, c.Err)
			}
		})
	}
	// Damage that nothing needs any more is told, and nobody is sent to fetch all blocks
	// again over it. At the end of the log the node repairs it.
	for name, tc := range map[string]struct {
		wal    []byte
		advice string
	}{
		"before the end of a height": {flip(starts[0] + 20), adviceOldWAL},
		"at the end":                 {flip(len(wal) - 1), adviceWAL},
	} {
		h := copyHome(t, sound)
		path, _, _ := walOf(t, h)
		replaceFile(t, path, tc.wal)
		if c := damaged(t, h)["write-ahead log"]; c.Advice != tc.advice {
			t.Errorf("%s: %v: %s", name, c.Err, c.Advice)
		}
	}
}

// TestTornWALGoesOn: a node whose log was cut off starts, goes on, and fsck finds nothing
// before and after.
func TestTornWALGoesOn(t *testing.T) {
	h := stoppedHome(t)
	path, wal, starts := walOf(t, h)
	last := starts[len(starts)-2]
	for _, at := range []func() int{
		func() int { return last + 3 },
		func() int { return last + 9 },
		func() int { return len(wal) - 1 },
	} {
		cut := at()
		replaceFile(t, path, wal[:cut])
		if found := damaged(t, h); len(found) > 0 {
			t.Errorf("cut to %d of %d: %v", cut, len(wal), found)
		}
		n := openHome(t, h, nil)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		provable(t, n, n.ledger.Height()+2)
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		if found := damaged(t, h); len(found) > 0 {
			t.Errorf("cut to %d of %d, and gone on: %v", cut, len(wal), found)
		}
		wal = readFile(t, path)
		for offset := 0; offset < len(wal); {
			n, _ := walMessage(wal[offset:])
			if n == 0 {
				offset++
				continue
			}
			last = offset
			offset += n
		}
	}
}

// TestWALInFiles: a message may begin in one file and end in the next, and copies that
// the engine made of damaged files do not count.
func TestWALInFiles(t *testing.T) {
	h := stoppedHome(t)
	path, wal, starts := walOf(t, h)
	dir := filepath.Dir(path)
	half := starts[len(starts)/2] + 11
	for name, b := range map[string][]byte{"wal.000": wal[:starts[5]], "wal.001": wal[starts[5]:half], "wal": wal[half:], "wal.CORRUPTED": []byte("x"), "wal.001.x": []byte("x")} {
		replaceFile(t, filepath.Join(dir, name), b)
	}
	checks, err := Fsck(t.Context(), h, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	c := checks[len(checks)-1]
	if c.Err != nil || strings.Contains(c.Detail, "cut off") {
		t.Errorf("%+v", c)
	}
	if err := os.Truncate(filepath.Join(dir, "wal"), maxWALFile+1); err != nil {
		t.Fatal(err)
	}
	if c := damaged(t, h)["write-ahead log"]; !errors.Is(c.Err, ErrDamagedData) {
		t.Errorf("a file without end: %v", c.Err)
	}
}

// FuzzWAL scans any bytes. It ends, and what it reads as whole messages is whole.
func FuzzWAL(f *testing.F) {
	f.Add([]byte{})
	f.Add(make([]byte, 100))
	f.Add(binary.BigEndian.AppendUint32(make([]byte, 4), 1<<20))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			return
		}
		var w walScan
		w.read("wal.000", b[:len(b)/2])
		w.read("wal", b[len(b)/2:])
		w.end()
		if len(w.rest) > 0 || w.messages > len(b)/walHeader {
			t.Errorf("%+v", w)
		}
	})
}

// TestFsckReadOnly: those who may not write may look, but not beside a node that runs.
func TestFsckReadOnly(t *testing.T) {
	h := stoppedHome(t)
	for _, refusal := range []error{syscall.EROFS, syscall.EACCES, syscall.EPERM} {
		open := func(path string, flag int, mode os.FileMode) (*os.File, error) {
			if flag&(os.O_RDWR|os.O_WRONLY|os.O_CREATE) != 0 {
				return nil, &os.PathError{Op: "open", Path: path, Err: refusal}
			}
			return os.OpenFile(path, flag, mode)
		}
		release, err := h.lockToLookWith(open)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.lock(); !errors.Is(err, ErrHomeInUse) {
			t.Errorf("%v: while somebody looks: %v", refusal, err)
		}
		release()
		taken, err := h.lock()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.lockToLookWith(open); !errors.Is(err, ErrHomeInUse) {
			t.Errorf("%v: while the node runs: %v", refusal, err)
		}
		taken()
		// A home that was never started has no lock to take.
		fresh, _ := newHome(t, 1)
		release, err = fresh.lockToLookWith(open)
		if err != nil {
			t.Errorf("%v: a fresh home: %v", refusal, err)
			continue
		}
		release()
		if exists(fresh.lockFile()) {
			t.Errorf("%v: something was written", refusal)
		}
	}
}
