// Package testnet makes networks of Hullmark nodes, on one machine or for
// containers: their homes, their genesis, and the operators' keys. What it makes are ordinary homes and
// keys; only the place where they all lie together is not how a consortium would
// keep them.
package testnet

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"

	"hullmark/app"
	"hullmark/keys"
	"hullmark/keystore"
	"hullmark/record"
	"hullmark/reference"
)

// Options describe a network.
type Options struct {
	// Dir is where everything goes; it must not exist or be empty.
	Dir string
	// Name of the ledger, the part before the hash.
	Name string
	// Validators is how many operators there are, each with one validator.
	Validators int
	// Namespaces of the first operator. The others own registry-1.example.com
	// and so on.
	Namespaces []string
	// GenesisTime is the time of the first block.
	GenesisTime time.Time
	// Ports of node 0; node i adds 10*i. Zero chooses free ports.
	Ports Ports
	// Hostname, if set, is a pattern with %d for the number of a node: node i runs on
	// a host of its own by that name, and all nodes use the same ports.
	Hostname string
	// TimeoutCommit is the engine's pause between blocks under load.
	TimeoutCommit time.Duration
	// Log is the configuration of each node's log.
	Log app.LogConfig
	// Params are the ledger's parameters; nil stands for record.DefaultParams.
	Params *record.Params
	// KeepRecent is how many heights each node can prove; 0 keeps all.
	KeepRecent uint64
	// Unlimited has the nodes set no limits to one address: where all clients of a
	// network share one, they would measure the limits.
	Unlimited bool
}

// Ports are the ports of the first node.
type Ports struct{ P2P, RPC, HTTP int }

// DefaultPorts are those of a single node.
func DefaultPorts() Ports { return PortsFrom(26656) }

// PortsFrom returns the ports of a node whose first one is given, at the distances of
// the default ports.
func PortsFrom(first int) Ports { return Ports{P2P: first, RPC: first + 1, HTTP: first + 24} }

// portStep is how far the ports of neighbouring nodes lie apart.
const portStep = 10

// Network is a network on disk.
type Network struct {
	Dir       string
	Ledger    string
	Nodes     []Node
	Operators []Operator
	// Passphrase is what the operators' keys are encrypted with;
	// PassphraseFile holds it.
	PassphraseFile string
}

// Node is one node of a network.
type Node struct {
	Home app.Home
	// URL of the HTTP API.
	URL string
}

// Operator is one operator of a network.
type Operator struct {
	ID         string
	KeyFile    string // governance key
	Namespaces []string
}

// ErrNotEmpty is returned for a directory that holds something already.
var ErrNotEmpty = errors.New("directory is not empty")

// scryptLogN is the cost of the operators' key files. They lie beside their
// passphrase, so a high cost would protect nothing.
const scryptLogN = 12

// Check reports why Create would fail, or why the network could not run on this machine:
// somebody listens on one of its ports. Whoever starts what Create made wants to know
// before there is anything.
func Check(o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := o.checkPorts(); err != nil {
		return fmt.Errorf("couldn't create network: %w", err)
	}
	return nil
}

// check reports what would fail before anything is written.
func (o Options) check() error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("couldn't create network: %w", err)
	}
	if entries, err := os.ReadDir(o.Dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("couldn't create network in %s: %w", o.Dir, ErrNotEmpty)
	}
	return nil
}

// Create makes a network.
func Create(o Options) (*Network, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("couldn't create network: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("couldn't create network: %w", err)
	}
	passphrase, err := newPassphrase()
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(passphraseFile(dir), append(passphrase, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("couldn't create network: %w", err)
	}
	ports, err := choosePorts(o)
	if err != nil {
		return nil, err
	}
	g := &record.Genesis{
		Name: o.Name, Time: o.GenesisTime.UTC().Truncate(time.Second), InitialHeight: 1, Params: record.DefaultParams(),
	}
	if o.Params != nil {
		g.Params = *o.Params
	}
	operatorKeys := keystore.New(operatorsDir(dir), keystore.WithScryptLogN(scryptLogN))
	for i, p := range ports {
		id := fmt.Sprintf("operator-%d", i)
		home := nodeHome(dir, i)
		identity, err := app.Init(home, app.InitOptions{Moniker: id, Config: nodeConfig(o, p), Engine: engine(o, p)})
		if err != nil {
			return nil, fmt.Errorf("couldn't create network: %w", err)
		}
		governance, err := newKey(operatorKeys, id, passphrase)
		if err != nil {
			return nil, err
		}
		notary, err := newKey(operatorKeys, id+"-notary", passphrase)
		if err != nil {
			return nil, err
		}
		op := record.GenesisOperator{
			ID: id, GovernanceKey: governance, NotaryKey: notary, ValidatorKey: identity.ValidatorKey,
			NodeID: identity.NodeID, Address: fmt.Sprintf("%s:%d", o.host(i), p.P2P),
			URL: fmt.Sprintf("http://%s:%d", o.host(i), p.HTTP),
		}
		if op.Namespaces, err = o.namespaces(i); err != nil {
			return nil, fmt.Errorf("couldn't create network: %w", err)
		}
		slices.SortFunc(op.Namespaces, func(a, b reference.Namespace) int { return strings.Compare(a.String(), b.String()) })
		g.Operators = append(g.Operators, op)
	}
	slices.SortFunc(g.Operators, func(a, b record.GenesisOperator) int { return strings.Compare(a.ID, b.ID) })
	if err := installGenesis(dir, g); err != nil {
		return nil, fmt.Errorf("couldn't create network: %w", err)
	}
	return Load(dir)
}

func installGenesis(dir string, g *record.Genesis) error {
	doc, err := app.EncodeGenesis(g)
	if err != nil {
		return err
	}
	for i := range g.Operators {
		home := nodeHome(dir, i)
		if _, err := app.InstallGenesis(home, doc); err != nil {
			return err
		}
		if err := app.SetPeers(home, g); err != nil {
			return err
		}
	}
	return nil
}

// The places of things in a network's directory.
func nodeHome(dir string, i int) app.Home {
	return app.Home(filepath.Join(dir, fmt.Sprintf("node%d", i)))
}
func passphraseFile(dir string) string { return filepath.Join(dir, "passphrase") }
func operatorsDir(dir string) string   { return filepath.Join(dir, "operators") }

func newPassphrase() ([]byte, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("couldn't make passphrase: %w", err)
	}
	return []byte(hex.EncodeToString(b)), nil
}

func newKey(s *keystore.Store, name string, passphrase []byte) (keys.PublicKey, error) {
	info, err := s.Generate(name, keystore.TypeEd25519, passphrase)
	if err != nil {
		return keys.PublicKey{}, fmt.Errorf("couldn't create network: %w", err)
	}
	return info.PublicKey, nil
}

func nodeConfig(o Options, p Ports) app.Config {
	c := app.DefaultConfig()
	c.HTTP.Address = fmt.Sprintf("%s:%d", o.listen(), p.HTTP)
	c.HTTP.MetricsAddress = ""
	if o.Unlimited {
		c.HTTP.RequestsPerSecond, c.HTTP.Places = 0, 0
	}
	c.Log = o.Log
	c.State.KeepRecent = o.KeepRecent
	return c
}

func engine(o Options, p Ports) func(*cmtcfg.Config) {
	return func(c *cmtcfg.Config) {
		c.RPC.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", p.RPC)
		c.P2P.ListenAddress = fmt.Sprintf("tcp://%s:%d", o.listen(), p.P2P)
		c.P2P.AllowDuplicateIP = o.Hostname == ""
		c.P2P.PersistentPeersMaxDialPeriod = 2 * time.Second
		c.Consensus.TimeoutCommit = o.TimeoutCommit
		c.Consensus.PeerGossipSleepDuration = 20 * time.Millisecond
		// CometBFT registers its metrics once per process, and these nodes may
		// share one.
		c.Instrumentation.Prometheus = false
	}
}

// choosePorts returns the ports of each node.
func choosePorts(o Options) ([]Ports, error) {
	if o.Ports != (Ports{}) || o.Hostname != "" {
		first, step := o.Ports, portStep
		if first == (Ports{}) {
			first = DefaultPorts()
		}
		if o.Hostname != "" {
			step = 0
		}
		var out []Ports
		for i := range o.Validators {
			out = append(out, Ports{first.P2P + i*step, first.RPC + i*step, first.HTTP + i*step})
		}
		return out, nil
	}
	var out []Ports
	for first, used := 0, BlockSize; len(out) < o.Validators; used += 3 {
		if used+3 > BlockSize {
			var err error
			if first, err = ReservePorts(FirstPort); err != nil {
				return nil, err
			}
			used = 0
		}
		out = append(out, Ports{P2P: first + used, RPC: first + used + 1, HTTP: first + used + 2})
	}
	return out, nil
}
