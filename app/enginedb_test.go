package app

import (
	"sync"
	"testing"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/store"
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
