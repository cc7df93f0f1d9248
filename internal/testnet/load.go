package testnet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hullmark/app"
	"hullmark/bundle"
	"hullmark/client"
)

// Exists reports whether a directory holds a network.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "node0", "config", "genesis.json"))
	return err == nil
}

// Load finds the network that Create made in a directory.
func Load(dir string) (*Network, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("couldn't load network: %w", err)
	}
	n := &Network{Dir: dir, PassphraseFile: passphraseFile(dir)}
	for i := 0; ; i++ {
		home := nodeHome(dir, i)
		g, err := app.LoadGenesis(home)
		if i > 0 && errors.Is(err, app.ErrNoGenesis) {
			return n, nil
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't load network: %w", err)
		}
		id := fmt.Sprintf("operator-%d", i)
		n.Ledger = g.LedgerID()
		node := Node{Home: home}
		op := Operator{ID: id, KeyFile: filepath.Join(operatorsDir(dir), id+".key")}
		for _, o := range g.Operators {
			if o.ID == id {
				node.URL = o.URL
				for _, ns := range o.Namespaces {
					op.Namespaces = append(op.Namespaces, ns.String())
				}
			}
		}
		n.Nodes = append(n.Nodes, node)
		n.Operators = append(n.Operators, op)
	}
}

// URLs returns the addresses of the nodes' HTTP APIs.
func (n *Network) URLs() []string {
	var urls []string
	for _, node := range n.Nodes {
		urls = append(urls, node.URL)
	}
	return urls
}

// ClientHome returns the directory of the network's client.
func (n *Network) ClientHome() string { return filepath.Join(n.Dir, "client") }

// ClientHasKeys reports whether anybody has made or imported a key in the client's home.
func (n *Network) ClientHasKeys() bool {
	files, err := filepath.Glob(filepath.Join(n.ClientHome(), "keys", "*.key"))
	return err == nil && len(files) > 0
}

// ConfigureClient makes the network's client home, which knows the nodes and no trust
// anchor.
func (n *Network) ConfigureClient() error {
	if _, err := client.OpenHome(n.ClientHome()); err != nil {
		return fmt.Errorf("couldn't prepare client: %w", err)
	}
	if err := client.SaveConfig(n.ClientHome(), client.Config{Nodes: n.URLs()}); err != nil {
		return fmt.Errorf("couldn't prepare client: %w", err)
	}
	return nil
}

// PrepareClient makes a client home that knows the nodes and a trust anchor. One that
// has an anchor of the network, not yet expired, keeps it.
func (n *Network) PrepareClient(ctx context.Context, dir string, a *bundle.Anchor) error {
	home, err := client.OpenHome(dir)
	if err != nil {
		return fmt.Errorf("couldn't prepare client: %w", err)
	}
	if err := client.SaveConfig(dir, client.Config{Nodes: n.URLs()}); err != nil {
		return fmt.Errorf("couldn't prepare client: %w", err)
	}
	data, err := a.Encode()
	if err != nil {
		return fmt.Errorf("couldn't prepare client: %w", err)
	}
	now := time.Now()
	if known, err := home.Anchor(); err == nil && known.Ledger == a.Ledger && !known.Expired(now) {
		return nil
	}
	_, err = home.ImportAnchor(ctx, data, now)
	if errors.Is(err, bundle.ErrUnrelated) {
		// It was away for longer than the trusting period, and these are its own nodes.
		_, err = home.ReplaceAnchor(ctx, data, now)
	}
	if err != nil {
		return fmt.Errorf("couldn't prepare client: %w", err)
	}
	return nil
}
