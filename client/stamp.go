package client

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"slices"

	"hullmark/bundle"
	"hullmark/durable"
	"hullmark/reference"
)

// A home is read once for a look-up: the memory that Load returned is the one that Update
// begins with, unless somebody has changed the home between the two. A stamp tells. It is
// a small file with a random text that is removed before the home is changed, and written
// anew afterwards, always under the lock. Whoever read the home between two equal stamps
// read what is still there. Times and sizes of the files would not tell: a file that
// replaces another may have both in common with it.

// stampSize is the length of a stamp in bytes.
const stampSize = 26

// maxLoads bounds how many memories a Home keeps that Load has returned.
const maxLoads = 16

// readStamp returns the stamp, or nothing while the home is being changed, after a change
// that was cut short, and in a home that was not changed yet.
func (h *Home) readStamp() string {
	f, err := durable.Open(h.path(stampFile))
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // nothing was written
	var b [stampSize + 1]byte
	n := 0
	for n < len(b) {
		more, err := f.Read(b[n:])
		n += more
		if err != nil {
			break
		}
	}
	if n != stampSize {
		return ""
	}
	return string(b[:n])
}

// beginChange takes the stamp away. The lock must be held until endChange.
func (h *Home) beginChange() error {
	err := os.Remove(h.path(stampFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && os.Truncate(h.path(stampFile), 0) == nil { // somebody reads it, on Windows
		return nil
	}
	return err
}

// endChange writes another stamp after a change that succeeded. Without one the home is
// read again each time, so an error is of no interest.
func (h *Home) endChange() {
	_ = os.WriteFile(h.path(stampFile), []byte(rand.Text()[:stampSize]), 0o600)
}

// remember keeps what Load returns, for unchanged.
func (h *Home) remember(k *kept) {
	if k.stamp == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.loads) >= maxLoads {
		h.loads = slices.Delete(h.loads, 0, 1)
	}
	h.loads = append(h.loads, k)
}

// unchanged returns what Load read when it returned a memory, if the home is as it was
// then and the memory is about the given repositories; else nil. The lock must be held.
func (h *Home) unchanged(loaded *bundle.Memory, repositories []reference.Repository) *kept {
	if loaded == nil {
		return nil
	}
	h.mu.Lock()
	i := slices.IndexFunc(h.loads, func(k *kept) bool { return k.memory == loaded })
	var k *kept
	if i >= 0 {
		k = h.loads[i]
	}
	h.mu.Unlock()
	if k == nil || k.stamp != h.readStamp() {
		return nil
	}
	for _, r := range repositories {
		if !slices.Contains(k.repositories, r) {
			return nil
		}
	}
	return k
}
