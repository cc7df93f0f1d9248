package database

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"
)

// mark is an empty file whose name says up to where another file has been written at
// least, as in marker.listed.000004.MANIFEST-000012:345. It is moved by one goroutine at
// a time.
type mark struct {
	files vfs.FS
	dir   string
	name  string

	marker *atomicfs.Marker // nil until it is looked for
	value  string
}

// locate looks for the mark that is there.
func (m *mark) locate() (err error) {
	if m.marker == nil {
		m.marker, m.value, err = atomicfs.LocateMarker(m.files, m.dir, m.name)
	}
	return err
}

// move makes the mark say something else. An empty name is that of no file.
func (m *mark) move(file string, size int64) error {
	if err := m.locate(); err != nil {
		return err
	}
	value := fmt.Sprintf("%s:%d", file, size)
	if value == m.value {
		return nil
	}
	if err := m.marker.Move(value); err != nil {
		return err
	}
	m.value = value
	return nil
}

// isOf reports whether the mark is about a file.
func (m *mark) isOf(file string) (bool, error) {
	err := m.locate()
	return strings.HasPrefix(m.value, file+":"), err
}

// close frees what the mark has opened.
func (m *mark) close() error {
	if m.marker == nil {
		return nil
	}
	return m.marker.Close()
}

// readMark returns what a mark says; nothing if there is none.
func readMark(files vfs.FS, dir, mark string) (file string, size int, err error) {
	value, err := atomicfs.ReadMarker(files, dir, mark)
	if err != nil || value == "" {
		return "", 0, err
	}
	file, text, _ := strings.Cut(value, ":")
	if size, err = strconv.Atoi(text); err != nil || size < 0 {
		return "", 0, fmt.Errorf("the marker %q says %q", mark, value)
	}
	return file, size, nil
}
