package app

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"

	"github.com/cometbft/cometbft/crypto"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"

	"hullmark/abci"
	"hullmark/record"
)

// ErrDamagedKey is returned for a file of the validator that cannot be used.
var ErrDamagedKey = errors.New("validator file is damaged")

// validatorKey reads the validator's private key. Errors wrap fs.ErrNotExist when
// there is none.
func (h Home) validatorKey() (*privval.FilePVKey, error) {
	path := h.validatorKeyFile()
	if err := checkPrivate(path); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read key: %w", err)
	}
	key := new(privval.FilePVKey)
	if err := cmtjson.Unmarshal(b, key); err != nil {
		return nil, fmt.Errorf("couldn't read key %s: %w: %w", path, ErrDamagedKey, err)
	}
	if err := checkEngineKey(key.PrivKey); err != nil {
		return nil, fmt.Errorf("couldn't read key %s: %w", path, err)
	}
	if key.PubKey == nil || !key.PubKey.Equals(key.PrivKey.PubKey()) {
		return nil, fmt.Errorf("couldn't read key %s: %w: its two halves are of different keys", path, ErrDamagedKey)
	}
	return key, nil
}

// checkEngineKey refuses a private key that is no Ed25519 key, or whose public half,
// which CometBFT takes as it stands, is not that of its seed: signatures by such a key
// are good for nothing.
func checkEngineKey(key crypto.PrivKey) error {
	if key == nil || key.Type() != cmted25519.KeyType || len(key.Bytes()) != ed25519.PrivateKeySize {
		return fmt.Errorf("%w: it holds no Ed25519 key", ErrDamagedKey)
	}
	if !bytes.Equal(ed25519.NewKeyFromSeed(key.Bytes()[:ed25519.SeedSize]), key.Bytes()) {
		return fmt.Errorf("%w: its two halves are of different keys", ErrDamagedKey)
	}
	return nil
}

// nodeKey reads the key that names the node to its peers.
func (h Home) nodeKey() (*p2p.NodeKey, error) {
	if err := checkPrivate(h.nodeKeyFile()); err != nil {
		return nil, err
	}
	key, err := p2p.LoadNodeKey(h.nodeKeyFile())
	if err == nil {
		err = checkEngineKey(key.PrivKey)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't load node key: %w", err)
	}
	return key, nil
}

// loadValidator opens the validator key with the record of what it has signed.
// CometBFT's own loader ends the process without a word to its caller when either
// file is missing or damaged, so both are read before.
func (h Home) loadValidator() (*privval.FilePV, error) {
	if _, err := h.validatorKey(); err != nil {
		return nil, err
	}
	if _, err := h.validatorState(); err != nil {
		return nil, err
	}
	return privval.LoadFilePV(h.validatorKeyFile(), h.validatorStateFile()), nil
}

// ValidatorAddress returns how the engine names an operator's validator in its log and
// in blocks.
func ValidatorAddress(o record.GenesisOperator) string { return abci.ValidatorAddress(o) }
