package database

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReadOnly opens a database that a crash has left, with a journal to read, and
// changes nothing of it.
func TestReadOnly(t *testing.T) {
	path := written(t, 100, 70)
	before := tree(t, path)
	db, err := OpenLedger(path, Options{ReadOnly: true})
	must(t, err)
	if n, err := prefix(db); err != nil || n != 100 {
		t.Errorf("%d entries, %v", n, err)
	}
	for name, err := range map[string]error{
		"set": db.Set(key(1), value(1)), "set and sync": db.SetSync(key(1), value(1)), "delete": db.Delete(key(1)),
		"compact": db.(ledgerDB).Compact(nil, nil),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// Others may look at the same time.
	other, err := OpenLedger(path, Options{ReadOnly: true})
	must(t, err)
	must(t, errors.Join(other.Close(), db.Close()))
	if diff := cmp.Diff(before, tree(t, path)); diff != "" {
		t.Errorf("the directory has changed (-before +after):\n%s", diff)
	}
	if db, err := OpenLedger(path+"/none", Options{ReadOnly: true}); db != nil || err == nil {
		t.Error("a database that is not there was opened")
	}
	if diff := cmp.Diff(before, tree(t, path)); diff != "" {
		t.Errorf("a directory was made (-before +after):\n%s", diff)
	}
}

// TestReadOnlyFS: nothing can be changed by way of the file system that is given.
func TestReadOnlyFS(t *testing.T) {
	files := readOnlyFS{memory()}
	_, create := files.Create("x", "")
	_, write := files.OpenReadWrite("x", "")
	_, reuse := files.ReuseForWrite("x", "y", "")
	for name, err := range map[string]error{
		"create": create, "write": write, "reuse": reuse, "link": files.Link("x", "y"), "remove": files.Remove("x"),
		"remove all": files.RemoveAll("x"), "rename": files.Rename("x", "y"), "mkdir": files.MkdirAll("x", 0o700),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
