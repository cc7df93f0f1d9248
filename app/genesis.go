package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	cmtcfg "github.com/cometbft/cometbft/config"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/abci"
	"hullmark/durable"
	"hullmark/record"
)

// ErrNoGenesis is returned when a home has no genesis yet.
var ErrNoGenesis = errors.New("home has no genesis.json")

// ErrOtherLedger is returned for a genesis when a home has one already, of another
// ledger. What lies in the home belongs to that.
var ErrOtherLedger = errors.New("the home belongs to another ledger")

// InstallGenesis writes the network's genesis into a home. It refuses one that is
// not exactly what its own content makes, that is not the one the home has already,
// or that does not hold the operator's card if one was made here.
func InstallGenesis(h Home, doc []byte) (*record.Genesis, error) {
	g, d, err := decodeGenesisDoc(doc)
	if err != nil {
		return nil, err
	}
	if old, err := LoadGenesis(h); err == nil && old.LedgerID() != g.LedgerID() {
		return nil, fmt.Errorf("couldn't install genesis of %s: %w: %s", g.LedgerID(), ErrOtherLedger, old.LedgerID())
	} else if err != nil && !errors.Is(err, ErrNoGenesis) {
		return nil, err
	}
	if err := checkFounder(h, g); err != nil {
		return nil, fmt.Errorf("couldn't install genesis of %s: %w", g.LedgerID(), err)
	}
	text, err := encodeGenesisDoc(d)
	if err != nil {
		return nil, err
	}
	if err := durable.Write(h.genesisFile(), text, 0o644); err != nil {
		return nil, fmt.Errorf("couldn't write genesis: %w", err)
	}
	return g, nil
}

// EncodeGenesis returns the genesis.json of a consortium.
func EncodeGenesis(g *record.Genesis) ([]byte, error) {
	d, err := abci.GenesisDoc(g)
	if err != nil {
		return nil, err
	}
	return encodeGenesisDoc(d)
}

// SetPeers writes whom a node connects to into its engine configuration: every
// founding operator but itself.
func SetPeers(h Home, g *record.Genesis) error {
	key, err := h.nodeKey()
	if err != nil {
		return err
	}
	self := string(key.ID())
	c, err := loadEngineConfig(h)
	if err != nil {
		return err
	}
	var peers, ids []string
	hosts := make(map[string]bool)
	for _, o := range g.Operators {
		if host, _, err := net.SplitHostPort(o.Address); err == nil {
			// Two nodes behind one address could never both connect.
			c.P2P.AllowDuplicateIP = c.P2P.AllowDuplicateIP || hosts[host]
			hosts[host] = true
		}
		if o.NodeID != "" && o.Address != "" && o.NodeID != self {
			peers = append(peers, o.NodeID+"@"+o.Address)
			ids = append(ids, o.NodeID)
		}
	}
	c.P2P.PersistentPeers = strings.Join(peers, ",")
	c.P2P.UnconditionalPeerIDs = strings.Join(ids, ",")
	cmtcfg.WriteConfigFile(h.engineConfigFile(), c)
	return nil
}

// DecodeGenesis reads a genesis.json and refuses one that is not exactly what its
// own content makes.
func DecodeGenesis(doc []byte) (*record.Genesis, error) {
	g, _, err := decodeGenesisDoc(doc)
	return g, err
}

// LoadGenesis reads and checks a home's genesis.
func LoadGenesis(h Home) (*record.Genesis, error) {
	g, _, err := loadGenesis(h)
	return g, err
}

// loadGenesis reads a home's genesis.
func loadGenesis(h Home) (*record.Genesis, *cmttypes.GenesisDoc, error) {
	b, err := readTrusted(h.genesisFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w", ErrNoGenesis)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w", err)
	}
	return decodeGenesisDoc(b)
}

// decodeGenesisDoc reads CometBFT's genesis file and checks that it is the one its
// app_state makes: chain id, validators and parameters all follow from it.
func decodeGenesisDoc(b []byte) (*record.Genesis, *cmttypes.GenesisDoc, error) {
	var raw struct {
		AppState json.RawMessage `json:"app_state"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w: %w", record.ErrGenesis, err)
	}
	g, err := record.DecodeGenesis(raw.AppState)
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w", err)
	}
	got, err := cmttypes.GenesisDocFromJSON(b)
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w: %w", record.ErrGenesis, err)
	}
	want, err := abci.GenesisDoc(g)
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w", err)
	}
	if got.ChainID != want.ChainID {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w: chain_id is %q, its content makes %q", record.ErrGenesis, got.ChainID, want.ChainID)
	}
	got.AppState = want.AppState // the same but for white space, as decoded above
	a, err := encodeGenesisDoc(got)
	if err != nil {
		return nil, nil, err
	}
	c, err := encodeGenesisDoc(want)
	if err != nil {
		return nil, nil, err
	}
	if string(a) != string(c) {
		return nil, nil, fmt.Errorf("couldn't load genesis: %w: time, validators or consensus parameters are not those app_state makes", record.ErrGenesis)
	}
	return g, want, nil
}

func encodeGenesisDoc(d *cmttypes.GenesisDoc) ([]byte, error) {
	b, err := cmtjson.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("couldn't encode genesis: %w", err)
	}
	return append(b, '\n'), nil
}

// Founder returns the id of the operator whose node has this home, by its node id,
// or nothing if no founding operator has.
func Founder(h Home, g *record.Genesis) (string, error) {
	key, err := h.nodeKey()
	if err != nil {
		return "", err
	}
	for _, o := range g.Operators {
		if o.NodeID == string(key.ID()) {
			return o.ID, nil
		}
	}
	return "", nil
}
