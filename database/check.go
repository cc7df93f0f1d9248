package database

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"hullmark/database/internal/chunk"
)

// checkFiles finds damage that Pebble would take for the end of what was written, and
// data that it would not see and begin anew. A directory that does not exist is fine.
func checkFiles(files vfs.FS, dir string) error {
	names, err := files.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	manifest, err := atomicfs.ReadMarker(files, dir, manifestMarker)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if manifest == "" {
		return checkEmpty(names)
	}
	b, err := readFile(files, files.PathJoin(dir, manifest))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	length, err := listedLength(files, dir, manifest)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err := checkManifest(b, length); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, manifest, err)
	}
	newest, length, err := readMark(files, dir, newestMark)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if newest != "" && !slices.Contains(names, newest) {
		return fmt.Errorf("%w: the newest journal, %s, is missing", ErrDamaged, newest)
	}
	for _, name := range names {
		number, ok := journalNumber(name)
		if !ok {
			continue
		}
		b, err := readFile(files, files.PathJoin(dir, name))
		if err != nil {
			return err
		}
		written := 0
		if name == newest {
			written = length
		}
		if err := checkJournal(b, uint32(number), written); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
		}
	}
	return nil
}

// isNewest reports whether a directory holds a database of the newest format.
func isNewest(files vfs.FS, dir string) (bool, error) {
	format, err := atomicfs.ReadMarker(files, dir, "format-version")
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n, err := strconv.ParseUint(format, 10, 64)
	return err == nil && n >= uint64(pebble.FormatNewest), nil
}

// checkEmpty looks at a directory that has no manifest. A database that was being made
// when the process was killed has neither tables nor journals.
func checkEmpty(names []string) error {
	if slices.Contains(names, "CURRENT") {
		return ErrLevelDB
	}
	for _, name := range names {
		if _, journal := journalNumber(name); journal || strings.HasSuffix(name, ".sst") {
			return fmt.Errorf("%w: there is %s, but not the name of a manifest", ErrDamaged, name)
		}
	}
	return nil
}

// journalNumber returns the number in the name of a journal, such as 000012.log.
func journalNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, ".log")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// checkManifest finds damage in the list of a database's tables, which was so long at
// least when a file was removed last. Pebble would read up to what does not check and go
// on with the tables of that time. Each entry is synced before the next one is written,
// so of entries that do not check, only the last may be one that a power failure cut
// off, and only behind that length.
func checkManifest(b []byte, length int) error {
	at := chunk.Entry.Valid(b, 0)
	if at == 0 {
		return errors.New("its first entry does not check") // which was synced before it got its name
	}
	if at < length {
		return fmt.Errorf("the entry at byte %d does not check, and %d bytes did when a file was removed", at, length)
	}
	if next, ok := chunk.Entry.Find(b, at+1, func(int) bool { return true }); ok {
		return fmt.Errorf("the entry at byte %d does not check, and the one at %d does", at, next)
	}
	return nil
}

// checkJournal finds damage in a journal. Behind its end stand zeros, or what an older
// journal left there. Each record says up to where the journal was synced when it was
// written; if there is one that promises what does not check, that is damaged. Pebble
// looks for such records too, but not in the block of 32 KiB in which the damage is,
// and takes a flipped bit in the number of a journal for its end. Of a database that was
// closed in order, length is how long the journal was.
func checkJournal(b []byte, number uint32, length int) error {
	format := chunk.Journal(number)
	at := format.Valid(b, 0)
	if at < length {
		return fmt.Errorf("the record at byte %d does not check, and %d bytes did when the database was closed", at, length)
	}
	promises := func(record int) bool {
		synced := binary.LittleEndian.Uint64(b[record+chunk.SyncedOffset:])
		// None promises what stands behind itself.
		return synced > uint64(at) && synced <= uint64(record)
	}
	if next, ok := format.Find(b, at+1, promises); ok {
		return fmt.Errorf("the record at byte %d does not check, and that at %d says it was synced", at, next)
	}
	return nil
}
