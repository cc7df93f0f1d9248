package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"

	"hullmark/app"
	"hullmark/internal/testnet"
	"hullmark/record"
)

// databases names what a node has of its network. All else in the data directory is its
// own: the log of its consensus, and what its validator has signed.
func databases() []string { return []string{"ledger.db", "blockstore.db", "state.db", "evidence.db"} }

// readNode makes the home of a node that is no validator: keys and ports of its own,
// the genesis of the network, and a copy of the databases of a node that was stopped
// in order. It returns the node, which then follows the network.
func readNode(g *record.Genesis, from, to app.Home, first int) (*node, error) {
	n := &node{home: to, url: fmt.Sprintf("http://127.0.0.1:%d", first+2), metrics: fmt.Sprintf("127.0.0.1:%d", first+3)}
	config := app.DefaultConfig()
	// All clients of the experiment share an address.
	config.HTTP.RequestsPerSecond, config.HTTP.Places = 0, 0
	config.HTTP.Address, config.HTTP.MetricsAddress = fmt.Sprintf("127.0.0.1:%d", first+2), n.metrics
	_, err := app.Init(to, app.InitOptions{Moniker: filepath.Base(string(to)), Config: config, Engine: func(c *cmtcfg.Config) {
		c.P2P.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", first)
		c.RPC.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", first+1)
		c.P2P.AllowDuplicateIP = true
		c.P2P.PersistentPeersMaxDialPeriod = 2 * time.Second
		c.Instrumentation.Prometheus = false
	}})
	if err != nil {
		return nil, err
	}
	doc, err := app.EncodeGenesis(g)
	if err != nil {
		return nil, err
	}
	if _, err := app.InstallGenesis(to, doc); err != nil {
		return nil, err
	}
	if err := app.SetPeers(to, g); err != nil {
		return nil, err
	}
	for _, db := range databases() {
		if err := copyDatabase(filepath.Join(string(from), "data", db), filepath.Join(string(to), "data", db)); err != nil {
			return nil, fmt.Errorf("couldn't copy %s: %w", db, err)
		}
	}
	return n, nil
}

// portsOfNode is how many ports a read node has.
const portsOfNode = 4

// choosePorts returns the first port of each of some read nodes.
func choosePorts(nodes int) ([]int, error) {
	var out []int
	for first, used := 0, testnet.BlockSize; len(out) < nodes; used += portsOfNode {
		if used+portsOfNode > testnet.BlockSize {
			var err error
			if first, err = testnet.ReservePorts(testnet.FirstPort); err != nil {
				return nil, err
			}
			used = 0
		}
		out = append(out, first+used)
	}
	return out, nil
}

// tableSuffix ends the names of a database's table files. They are written once, under a
// number that is not given twice, and only removed when others have taken their
// place; a database that was closed in order has none but those it refers to. So two
// databases may share them, and who removes one removes a name. Everything else is
// written on and must be copied.
const tableSuffix = ".sst"

// copyDatabase copies a database that nobody has open. Table files are shared
// where the file system can, so that a copy costs next to nothing.
func copyDatabase(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		source, target := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if filepath.Ext(source) == tableSuffix && os.Link(source, target) == nil {
			continue
		}
		if err := copyFile(source, target); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // only read from
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if e := target.Close(); err == nil {
		err = e
	}
	return err
}

// sizeOf returns how many bytes the files below a directory have.
func sizeOf(dir string) (int64, error) {
	var size int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("couldn't measure %s: %w", dir, err)
	}
	return size, nil
}
