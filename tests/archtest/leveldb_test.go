package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// levelDB are the ways to open a LevelDB database, or one of the engine's own choice.
// All databases are opened by package database (docs/adr/0049-pebble.md).
var levelDB = []string{"syndtr/goleveldb/", ".NewGoLevelDB", ".GoLevelDBBackend", ".DefaultDBProvider", ".PebbleDBBackend", ".NewPebbleDB", "\"github.com/cockroachdb/pebble\"\n"}

// opensLevelDB returns the ways that a file's text has.
func opensLevelDB(text string) []string {
	return slices.DeleteFunc(slices.Clone(levelDB), func(way string) bool { return !strings.Contains(text, way) })
}

// TestNoLevelDB looks at all of our files, tests among them.
func TestNoLevelDB(t *testing.T) {
	if got := opensLevelDB(`import "github.com/cockroachdb/pebble/v2"; db, err := dbm.NewGoLevelDB("x", dir, nil)`); len(got) != 1 {
		t.Errorf("the checker finds %q", got)
	}
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || filepath.Base(path) == "leveldb_test.go" {
			return nil
		}
		files++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, way := range opensLevelDB(string(b)) {
			t.Errorf("%s has %s", path, way)
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files, %v", files, err)
	}
}
