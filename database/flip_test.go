package database

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hullmark/database/internal/chunk"
)

// written makes a database of n entries, each synced, of which the last ones are in a
// journal and the others in tables, and ends without closing it, as a crash does.
func written(t *testing.T, n, inTables int) string {
	t.Helper()
	path := t.TempDir()
	for first := 0; first < inTables; first += (inTables + 2) / 3 {
		db := open(t, path, Options{})
		fill(t, db, first, min((inTables+2)/3, inTables-first))
		must(t, db.Close())
	}
	db := open(t, path, Options{})
	fill(t, db, inTables, n-inTables)
	return clone(t, path) // nobody closes this one
}

// glob returns the files of a database with such names.
func glob(t *testing.T, path, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(path, pattern))
	must(t, err)
	return names
}

// journal returns the one journal of a database, and its number.
func journal(t *testing.T, path string) (string, uint32) {
	t.Helper()
	names := glob(t, path, "*.log")
	if len(names) != 1 {
		t.Fatalf("journals: %q", names)
	}
	number, ok := journalNumber(filepath.Base(names[0]))
	if !ok {
		t.Fatalf("the name of a journal: %s", names[0])
	}
	return names[0], uint32(number)
}

// firstEntry returns the first entry of a list of tables.
func firstEntry(b []byte) []byte {
	end, ok := chunk.Entry.Find(b, 1, func(int) bool { return true })
	if !ok {
		end = len(b)
	}
	return b[:end]
}

// withByte calls f while a byte of a file is another.
func withByte(t *testing.T, name string, b []byte, at int, bits byte, f func()) {
	t.Helper()
	changed := append([]byte{}, b...)
	changed[at] ^= bits
	must(t, os.WriteFile(name, changed, 0o600))
	f()
}

// TestFlippedJournal flips bits of a journal: all those of some headers, and one of
// each byte of the rest. Damage is found, unless it is in the last record: then
// everything before it is there.
func TestFlippedJournal(t *testing.T) {
	const n = 400 // some blocks of 32 KiB
	original := written(t, n, 0)
	name, number := journal(t, original)
	b, err := os.ReadFile(name)
	must(t, err)
	last := chunk.Journal(number).LastRecord(b)
	if got := chunk.Journal(number).Valid(b, 0); got < last || len(b) < 40_000 {
		t.Fatalf("a journal of %d bytes, records up to %d, the last at %d", len(b), got, last)
	}
	if n, err := prefix(open(t, clone(t, original), Options{ReadOnly: true})); err != nil || n != 400 {
		t.Fatalf("undamaged: %d entries, %v", n, err)
	}
	r := newRand(t)
	type flip struct {
		at   int
		bits byte
	}
	var flips []flip
	records := 0
	for at := 0; at < last; {
		next, ok := chunk.Journal(number).Find(b, at, func(int) bool { return true })
		if !ok {
			break
		}
		if records++; r.IntN(60) == 0 || records < 3 {
			for i := next; i < next+19; i++ {
				for bit := range 8 {
					flips = append(flips, flip{i, 1 << bit})
				}
			}
		}
		at = next + 1
	}
	for range 300 {
		flips = append(flips, flip{r.IntN(last), byte(1 + r.IntN(255))})
	}
	for at := last; at < len(b); at++ {
		flips = append(flips, flip{at, 1 << r.IntN(8)})
	}
	found, shorter, harmless := 0, 0, 0
	for _, f := range flips {
		withByte(t, name, b, f.at, f.bits, func() {
			db, err := OpenLedger(original, Options{ReadOnly: true})
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("byte %d, bits %x: %v", f.at, f.bits, err)
				}
				found++
				return
			}
			got, err := prefix(db)
			must(t, errors.Join(err, db.Close()))
			switch {
			case got == n:
				harmless++
			case got == n-1 && f.at >= last:
				shorter++
			default:
				t.Errorf("byte %d, bits %x: %d of %d entries, and no error; the last record is at %d", f.at, f.bits, got, n, last)
			}
		})
	}
	t.Logf("%d records, %d flips: %d found, %d lost the last entry, %d harmless", records, len(flips), found, shorter, harmless)
	if found == 0 || shorter == 0 {
		t.Error("not all kinds of damage happened")
	}
}

// TestFlippedManifest flips every bit of the list of tables. Pebble reads it up to
// what does not check, and goes on with the tables of that time.
func TestFlippedManifest(t *testing.T) {
	const n = 60
	original := written(t, n, 50)
	if got, err := prefix(open(t, clone(t, original), Options{ReadOnly: true})); err != nil || got != n {
		t.Fatalf("undamaged: %d entries, %v", got, err)
	}
	found := 0
	for _, name := range glob(t, original, "MANIFEST-*") {
		b, err := os.ReadFile(name)
		must(t, err)
		for at := range b {
			for bit := range 8 {
				withByte(t, name, b, at, 1<<bit, func() {
					db, err := OpenLedger(original, Options{ReadOnly: true})
					if err != nil {
						if !errors.Is(err, ErrDamaged) {
							t.Errorf("%s, byte %d, bit %d: %v", filepath.Base(name), at, bit, err)
						}
						found++
						return
					}
					got, err := prefix(db)
					must(t, errors.Join(err, db.Close()))
					if got != n {
						t.Errorf("%s, byte %d, bit %d: %d of %d entries, and no error", filepath.Base(name), at, bit, got, n)
					}
				})
			}
		}
		must(t, os.WriteFile(name, b, 0o600))
	}
	t.Logf("%d flips found", found)
	if found == 0 {
		t.Error("nothing was found")
	}
}

// TestTornManifest cuts the list of tables off anywhere, or replaces it. Without its
// first entry it is damaged; of what follows, the last entry may be one that a power
// failure has cut off.
func TestTornManifest(t *testing.T) {
	original := written(t, 60, 50)
	name := slices.Max(glob(t, original, "MANIFEST-*"))
	b, err := os.ReadFile(name)
	must(t, err)
	for size := range firstEntry(b) {
		must(t, os.WriteFile(name, b[:size], 0o600))
		if _, err := OpenLedger(original, Options{ReadOnly: true}); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut off after %d of %d bytes: %v", size, len(b), err)
		}
	}
	for _, content := range []string{"", "nothing of use", strings.Repeat("\x00", 100), strings.Repeat("\xff", 40_000)} {
		must(t, os.WriteFile(name, []byte(content), 0o600))
		if _, err := OpenLedger(original, Options{ReadOnly: true}); !errors.Is(err, ErrDamaged) {
			t.Errorf("%d other bytes: %v", len(content), err)
		}
	}
}

// TestDamagedEnd damages the last entry of the list of tables, as a failing disk does and
// as a power failure does. Once files are gone that the shorter list needs, it is
// damage; before, the shorter list is as good.
func TestDamagedEnd(t *testing.T) {
	const n = 2000
	path := t.TempDir()
	db := open(t, path, Options{MemTableBytes: 32 << 10})
	fill(t, db, 0, n) // journals are used again and again meanwhile
	must(t, db.Close())
	original := clone(t, path)
	name := slices.Max(glob(t, original, "MANIFEST-*"))
	b, err := os.ReadFile(name)
	must(t, err)
	found, same := 0, 0
	check := func(what string, content []byte) {
		t.Helper()
		must(t, os.WriteFile(name, content, 0o600))
		db, err := OpenLedger(original, Options{ReadOnly: true})
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %v", what, err)
			}
			found++
			return
		}
		got, err := prefix(db)
		_ = db.Close() // may well say what is wrong
		if err == nil && got != n {
			t.Errorf("%s: %d of %d entries, and no error", what, got, n)
		}
		same++
	}
	r := newRand(t)
	last := chunk.Entry.LastRecord(b)
	for range 60 {
		at := r.IntN(len(b))
		check(fmt.Sprintf("cut off at byte %d of %d", at, len(b)), b[:at])
		zero := append([]byte{}, b...)
		clear(zero[at:])
		check(fmt.Sprintf("zero from byte %d of %d on", at, len(b)), zero)
		other := append([]byte{}, b...)
		for i := last; i < len(b); i++ {
			other[i] = byte(r.Uint32())
		}
		check("another last entry", other)
	}
	t.Logf("%d found, %d without loss", found, same)
	if found == 0 {
		t.Error("nothing was found")
	}
}

// TestFlippedTable flips bits of tables and of what else there is: it is found when
// the database is opened or read, or changes nothing.
func TestFlippedTable(t *testing.T) {
	const n = 60
	original := written(t, n, 50)
	r := newRand(t)
	found, harmless := 0, 0
	for _, name := range append(glob(t, original, "*.sst"), glob(t, original, "OPTIONS-*")...) {
		b, err := os.ReadFile(name)
		must(t, err)
		for range 300 {
			at, bits := r.IntN(len(b)), byte(1)<<r.IntN(8)
			withByte(t, name, b, at, bits, func() {
				db, err := OpenLedger(original, Options{ReadOnly: true})
				if err != nil {
					found++
					return
				}
				got, err := prefix(db)
				_ = db.Close() // may well say what is wrong
				if err != nil {
					found++
					return
				}
				if harmless++; got != n {
					t.Errorf("%s, byte %d, bits %x: %d of %d entries, and no error", filepath.Base(name), at, bits, got, n)
				}
			})
		}
		must(t, os.WriteFile(name, b, 0o600))
	}
	t.Logf("%d flips found, %d harmless", found, harmless)
	if found == 0 {
		t.Error("nothing was found")
	}
}

// TestMissingFiles removes one file at a time. No database begins anew.
func TestMissingFiles(t *testing.T) {
	const n = 60
	original := written(t, n, 50)
	entries, err := os.ReadDir(original)
	must(t, err)
	found := 0
	for _, e := range entries {
		t.Run(e.Name(), func(t *testing.T) {
			path := clone(t, original)
			must(t, os.Remove(filepath.Join(path, e.Name())))
			db, err := OpenLedger(path, Options{})
			if err != nil {
				found++
				return
			}
			got, err := prefix(db)
			must(t, errors.Join(err, db.Close()))
			// A journal that is gone cannot be told from one that never was.
			if got != n && !strings.HasSuffix(e.Name(), ".log") {
				t.Errorf("without it %d of %d entries, and no error", got, n)
			}
		})
	}
	if found < 3 {
		t.Errorf("found %d", found)
	}
}

// TestLevelDB: a database from before is refused and left alone.
func TestLevelDB(t *testing.T) {
	path := t.TempDir()
	for name, content := range map[string]string{
		"CURRENT": "MANIFEST-000004\n", "MANIFEST-000004": "something", "000005.ldb": "something", "000003.log": "something", "LOCK": "", "LOG": "",
	} {
		must(t, os.WriteFile(filepath.Join(path, name), []byte(content), 0o600))
	}
	before := tree(t, path)
	for _, readOnly := range []bool{true, false} {
		ledger, err := OpenLedger(path, Options{ReadOnly: readOnly})
		if ledger != nil || !errors.Is(err, ErrLevelDB) {
			t.Errorf("ledger, read only %t: %v %v", readOnly, ledger, err)
		}
		engine, err := OpenEngine(path, Options{ReadOnly: readOnly})
		if engine != nil || !errors.Is(err, ErrLevelDB) {
			t.Errorf("engine, read only %t: %v %v", readOnly, engine, err)
		}
	}
	if diff := len(tree(t, path)) - len(before); diff != 0 {
		t.Errorf("%d files more", diff)
	}
}
