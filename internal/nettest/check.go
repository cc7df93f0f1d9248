package nettest

import (
	"path/filepath"

	"hullmark/database"
	"hullmark/ledger"
	"hullmark/merkle"
	"hullmark/merkle/store"
)

// CheckStopped checks the databases of stopped nodes: each one is consistent in
// itself, and at every height that two of them have they have the same state.
func (n *Network) CheckStopped() {
	n.T.Helper()
	hashes := make(map[uint64]merkle.Hash)
	for i, node := range n.Nodes {
		db, err := database.OpenLedger(filepath.Join(string(node.Home), "data", "ledger.db"), database.Options{})
		if err != nil {
			n.T.Fatalf("node %d: %v", i, err)
		}
		st, err := store.Open(db, store.Options{})
		if err != nil {
			n.T.Fatalf("node %d: %v", i, err)
		}
		l, err := ledger.New(n.Genesis, st)
		if err != nil {
			n.T.Fatalf("node %d: %v", i, err)
		}
		if err := ledger.Check(l); err != nil {
			n.T.Errorf("node %d: %v", i, err)
		}
		shared := 0
		for h := l.Oldest(); h <= l.Height(); h++ {
			v, err := l.View(h)
			if err != nil {
				n.T.Fatalf("node %d, height %d: %v", i, h, err)
			}
			hash := v.State().AppHash()
			v.Close()
			if other, ok := hashes[h]; ok {
				shared++
				if other != hash {
					n.T.Errorf("node %d has another state at height %d", i, h)
				}
			}
			hashes[h] = hash
		}
		if i > 0 && shared == 0 {
			n.T.Errorf("node %d shares no height with the others", i)
		}
		if err := db.Close(); err != nil {
			n.T.Error(err)
		}
	}
}
