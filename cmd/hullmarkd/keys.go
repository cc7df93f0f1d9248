package main

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/keys"
	"hullmark/keystore"
	"hullmark/record"
)

// maxPublicFile bounds a public key file in bytes; the largest key takes 800.
const maxPublicFile = 4096

// errPublicKey is returned for a file that holds no public key.
var errPublicKey = errors.New("not a public key")

// passphraseFlag defines the flag that names the file with the passphrase of
// operators' keys. There is none for the passphrase itself.
func passphraseFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("passphrase-file", os.Getenv("HULLMARK_PASSPHRASE_FILE"), "file that holds the passphrase of the key")
}

// openKeyFile opens an encrypted key file, NAME.key.
func openKeyFile(ctx context.Context, cmd *cobra.Command, path, passphraseFile string) (*keystore.Key, error) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".key")
	if !ok {
		return nil, cli.Usage("key file %q; the name of a key file ends in .key", path)
	}
	store := keystore.New(filepath.Dir(path))
	if _, err := store.Info(name); err != nil {
		return nil, err
	}
	source := keystore.PassphraseSource{File: passphraseFile, Input: os.Stdin, Messages: cmd.ErrOrStderr(), LookupEnv: os.LookupEnv}
	passphrase, err := source.Existing(ctx, name)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	return store.Open(name, passphrase)
}

// readPublicKey reads a public key file, NAME.pub, as the keystore writes it.
func readPublicKey(path string) (keys.PublicKey, error) {
	b, err := readFile(path, maxPublicFile)
	if err != nil {
		return keys.PublicKey{}, err
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != "PUBLIC KEY" || strings.TrimSpace(string(rest)) != "" {
		return keys.PublicKey{}, fmt.Errorf("couldn't read %s: %w", path, errPublicKey)
	}
	key, err := record.ParseKey(block.Bytes)
	if err != nil {
		return keys.PublicKey{}, fmt.Errorf("couldn't read %s: %w: %w", path, errPublicKey, err)
	}
	return key, nil
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read file: %w", err)
	}
	if info.Size() > int64(limit) {
		return nil, fmt.Errorf("couldn't read file: %s has %d bytes, at most %d are expected", path, info.Size(), limit)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read file: %w", err)
	}
	return b, nil
}
