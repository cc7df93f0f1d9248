package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"hullmark/durable"
	"hullmark/safefile"
)

// Home is a node's directory.
type Home string

// The files of a home.
func (h Home) configDir() string        { return filepath.Join(string(h), "config") }
func (h Home) dataDir() string          { return filepath.Join(string(h), "data") }
func (h Home) engineConfigFile() string { return filepath.Join(h.configDir(), "config.toml") }
func (h Home) configFile() string       { return filepath.Join(h.configDir(), "hullmarkd.toml") }
func (h Home) genesisFile() string      { return filepath.Join(h.configDir(), "genesis.json") }
func (h Home) cardFile() string         { return filepath.Join(h.configDir(), "card.json") }
func (h Home) nodeKeyFile() string      { return filepath.Join(h.configDir(), "node_key.json") }
func (h Home) validatorKeyFile() string {
	return filepath.Join(h.configDir(), "priv_validator_key.json")
}
func (h Home) validatorStateFile() string {
	return filepath.Join(h.dataDir(), "priv_validator_state.json")
}
func (h Home) lockFile() string { return filepath.Join(string(h), "lock") }

// create makes the directories, readable by their owner alone.
func (h Home) create() error {
	for _, d := range []string{string(h), h.configDir(), h.dataDir()} {
		if err := durable.MkdirAll(d, 0o700); err != nil {
			return fmt.Errorf("couldn't create home: %w", err)
		}
	}
	return nil
}

// ErrHomeInUse is returned when another process runs the node of a home. Two
// processes with one validator key would sign two different blocks.
var ErrHomeInUse = errors.New("another process is using this home")

// ErrTwoSigners is returned when a home has a validator key and is configured for
// a remote signer. If both had the same key, one mistake in the configuration
// would have them sign two different blocks.
var ErrTwoSigners = errors.New("priv_validator_laddr is set and there is a validator key")

// lock takes the home for this process until release is called or the process
// ends.
func (h Home) lock() (release func(), err error) {
	return h.lockWith(func(path string) (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) })
}

// lockToLook is lock for those who only look, who may have no right to write: the file
// system is read-only, or the home another user's. Where nobody has ever taken the
// home there is nothing to take.
func (h Home) lockToLook() (release func(), err error) { return h.lockToLookWith(os.OpenFile) }

func (h Home) lockToLookWith(open func(path string, flag int, mode os.FileMode) (*os.File, error)) (release func(), err error) {
	release, err = h.lockWith(func(path string) (*os.File, error) {
		f, err := open(path, os.O_CREATE|os.O_RDWR, 0o600)
		if errors.Is(err, syscall.EROFS) || errors.Is(err, fs.ErrPermission) {
			f, err = open(path, os.O_RDONLY, 0)
		}
		return f, err
	})
	if errors.Is(err, fs.ErrNotExist) && exists(string(h)) {
		return func() {}, nil
	}
	return release, err
}

func (h Home) lockWith(open func(path string) (*os.File, error)) (release func(), err error) {
	f, err := open(h.lockFile())
	if errors.Is(err, fs.ErrPermission) {
		return nil, h.notOurs(h.lockFile(), err)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't lock home: %w", err)
	}
	release, err = durable.TryLock(f)
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("couldn't lock home %s: %w", h, ErrHomeInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't lock home: %w", err)
	}
	return release, nil
}

// checkSecrets refuses keys of the node that others can read.
func (h Home) checkSecrets(remoteSigner bool) error {
	if err := checkPrivate(h.nodeKeyFile()); err != nil {
		return err
	}
	if !remoteSigner {
		return checkPrivate(h.validatorKeyFile())
	}
	if _, err := os.Lstat(h.validatorKeyFile()); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("couldn't use remote signer: %w: %s", ErrTwoSigners, h.validatorKeyFile())
	}
	return nil
}

// checkPrivate refuses a file with a private key that others can read or replace.
func checkPrivate(path string) error {
	if _, err := safefile.Check(path, safefile.Private); err != nil {
		return fmt.Errorf("couldn't use key: %w", err)
	}
	return nil
}

// readTrusted reads a file of the home that others must not be able to write.
func readTrusted(path string) ([]byte, error) {
	if _, err := safefile.Check(path, safefile.Trusted); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}
