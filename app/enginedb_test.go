package app

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/store"
	"github.com/google/go-cmp/cmp"

	"hullmark/database"
)

// TestEngineDBAfterClose: what a reactor's routine asks of the block store when it
// wakes after an orderly stop is answered and does not panic.
func TestEngineDBAfterClose(t *testing.T) {
	c := cmtcfg.DefaultConfig()
	c.SetRoot(t.TempDir())
	db, err := OpenEngineDB(&cmtcfg.DBContext{ID: "blockstore", Config: c})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.SetSync([]byte("SC:1"), []byte("not a commit")); err != nil {
		t.Fatal(err)
	}
	if there, err := db.Has([]byte("SC:1")); err != nil || !there {
		t.Fatalf("while open: %t %v", there, err)
	}
	blocks := store.NewBlockStore(db)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for range 1000 {
				if blocks.LoadSeenCommit(2) != nil || blocks.LoadBlockMeta(2) != nil {
					t.Error("something that is not there")
				}
			}
		})
	}
	for range 2 { // the engine may close it, and we after it
		if err := blocks.Close(); err != nil {
			t.Error(err)
		}
	}
	readers.Wait()
	if commit := blocks.LoadSeenCommit(1); commit != nil {
		t.Errorf("after Close: %v", commit)
	}
	if there, err := db.Has([]byte("SC:1")); err != nil || there {
		t.Errorf("after Close: %t %v", there, err)
	}
	if err := db.SetSync([]byte("SC:1"), nil); err == nil {
		t.Error("written after Close")
	}
}

// TestDataOfAnEarlierVersion: a home whose databases were LevelDB's does not start at
// height 0. It is told what to do, nothing is touched, and after that it starts.
func TestDataOfAnEarlierVersion(t *testing.T) {
	for _, name := range []string{"ledger", "blockstore", "state", "evidence"} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHome(t, 1)
			if err := levelDB(h.databaseDir(name)); err != nil {
				t.Fatal(err)
			}
			before := tree(t, h.databaseDir(name))
			_, err := Open(h, Options{Config: quick(), Log: new(journal)})
			var advised *Advised
			if !errors.Is(err, database.ErrLevelDB) || errors.Is(err, ErrDamagedData) || !errors.As(err, &advised) || !strings.Contains(advised.Advice, "`hullmarkd resync --home "+string(h)+"`") {
				t.Fatalf("open: %v; %v", err, advised)
			}
			if diff := cmp.Diff(before, tree(t, h.databaseDir(name))); diff != "" {
				t.Errorf("the database has changed (-before +after):\n%s", diff)
			}
			if err := Resync(h, true); err != nil {
				t.Fatal(err)
			}
			start(t, openHome(t, h, nil))
		})
	}
	h, _ := newHome(t, 1)
	text := strings.Replace(string(readFile(t, h.engineConfigFile())), `"pebbledb"`, `"goleveldb"`, 1)
	replaceFile(t, h.engineConfigFile(), []byte(text))
	if _, err := Open(h, Options{Config: quick(), Log: new(journal)}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "resync") {
		t.Errorf("config.toml of an earlier version: %v", err)
	}
	if _, err := os.Lstat(h.databaseDir("ledger")); err == nil {
		t.Error("a ledger was made")
	}
}
