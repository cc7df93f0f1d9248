package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"hullmark/durable"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
)

// ErrHomeExists is returned for a home that has already been made.
var ErrHomeExists = errors.New("home exists already")

// Identity is what others need to know of a new node.
type Identity struct {
	NodeID string
	// ValidatorKey is zero if a remote signer holds the key.
	ValidatorKey [32]byte
}

// InitOptions are the choices Init writes into the configuration.
type InitOptions struct {
	Moniker string
	Config  Config
	// Engine, if set, changes the engine's configuration before it is written.
	Engine func(*cmtcfg.Config)
	// RemoteSigner, if set, is the address at which the node waits for the process
	// that holds the validator key: tcp://HOST:PORT or unix://PATH. The home then has
	// no such key.
	RemoteSigner string
}

// Init makes a home with new keys and commented configuration. It refuses a home
// that has any of them: keys are never overwritten.
func Init(h Home, o InitOptions) (Identity, error) {
	for _, path := range []string{h.nodeKeyFile(), h.validatorKeyFile(), h.validatorStateFile(), h.configFile()} {
		switch _, err := os.Stat(path); {
		case err == nil:
			return Identity{}, fmt.Errorf("couldn't init %s: %w", h, ErrHomeExists)
		case !errors.Is(err, fs.ErrNotExist):
			return Identity{}, fmt.Errorf("couldn't init %s: %w", h, err)
		}
	}
	if err := o.Config.Validate(); err != nil {
		return Identity{}, err
	}
	engine := engineConfig(h, o.Moniker)
	engine.PrivValidatorListenAddr = o.RemoteSigner
	if o.Engine != nil {
		o.Engine(engine)
	}
	if err := errors.Join(engine.ValidateBasic(), checkEngine(engine)); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if err := h.create(); err != nil {
		return Identity{}, err
	}
	cmtcfg.WriteConfigFile(h.engineConfigFile(), engine)
	text, err := o.Config.Encode()
	if err != nil {
		return Identity{}, err
	}
	if err := durable.Write(h.configFile(), text, 0o600); err != nil {
		return Identity{}, fmt.Errorf("couldn't write configuration: %w", err)
	}
	nodeKey, err := p2p.LoadOrGenNodeKey(h.nodeKeyFile())
	if err != nil {
		return Identity{}, fmt.Errorf("couldn't make node key: %w", err)
	}
	if o.RemoteSigner != "" {
		return Identity{NodeID: string(nodeKey.ID())}, nil
	}
	validator := privval.GenFilePV(h.validatorKeyFile(), h.validatorStateFile())
	validator.Save()
	return Identity{NodeID: string(nodeKey.ID()), ValidatorKey: [32]byte(validator.Key.PubKey.Bytes())}, nil
}
