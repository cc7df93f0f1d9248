package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/keystore"
)

// maxKeyFile bounds a key file to import in bytes; the keystore itself is stricter.
const maxKeyFile = 1 << 20

// errNoPublic says that a key's public file is missing, which the key's next use
// mends.
var errNoPublic = errors.New("its public file is missing; use the key once and it is made again")

func newKey(s *session) *cobra.Command {
	return cli.Group("key", "Make and keep signing keys", newKeyGenerate(s), newKeyList(s), newKeyExport(s), newKeyImport(s))
}

func newKeyGenerate(s *session) *cobra.Command {
	var keyType string
	cmd := &cobra.Command{
		Use:   "generate NAME",
		Short: "Make a new key",
		Long: `Generate makes a key and keeps it in the client's home, encrypted with a
passphrase. Keys are never overwritten. A root key is best made, backed up and kept
on a machine that is usually switched off; a tagging key is for every day.

JSON: name, type, key_id, private_file, public_file.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			t := keystore.Type(keyType)
			if t != keystore.TypeEd25519 && t != keystore.TypeECDSAP256 {
				return cli.Usage("unknown type %q; use %s or %s", keyType, keystore.TypeEd25519, keystore.TypeECDSAP256)
			}
			if err := s.checkNewKey(name); err != nil {
				return err
			}
			passphrase, err := s.passphrases().New(cmd.Context(), name)
			if err != nil {
				return err
			}
			defer clear(passphrase)
			info, err := s.keys().Generate(name, t, passphrase)
			if err != nil {
				return err
			}
			return s.print(s.storedKeyAnswer(info))
		},
	}
	cmd.Flags().StringVar(&keyType, "type", string(keystore.TypeEd25519), "ed25519 or ecdsa-p256")
	return cmd
}

// checkNewKey reports a name that cannot be given to a key, before anybody types
// a passphrase.
func (s *session) checkNewKey(name string) error {
	switch _, err := s.keys().Info(name); {
	case errors.Is(err, keystore.ErrNotFound):
		return nil
	case err != nil:
		return nameError(err)
	default:
		return fmt.Errorf("couldn't make key %s: %w", name, keystore.ErrExists)
	}
}

func newKeyList(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the keys of this home",
		Long: `List shows the keys in the client's home. It needs no passphrase.

JSON: keys [{name, type, key_id}].`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			list, err := s.keys().List()
			if err != nil {
				return err
			}
			out := &keysAnswer{Keys: []*keyAnswer{}}
			for _, info := range list {
				out.Keys = append(out.Keys, newKeyAnswer(info))
			}
			return s.print(out)
		},
	}
}

func newKeyExport(s *session) *cobra.Command {
	var output string
	var public bool
	cmd := &cobra.Command{
		Use:   "export NAME",
		Short: "Write a key's encrypted file, for a backup or another machine",
		Long: `Export writes the key as it is kept: PKCS#8 in PEM, encrypted with its passphrase.
With --public it writes the public key alone, for ` + "`hullmark repo init`" + ` and its like on
the machines of others; name that file NAME.pub.

JSON (with --file only): name, type, key_id.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if output == "-" && s.output == outputJSON {
				return cli.Usage("a key is exported as PEM; name a --file, or leave out --output json")
			}
			info, err := s.keys().Info(args[0])
			if err != nil {
				return nameError(err)
			}
			if public && info.Type == "" {
				return fmt.Errorf("couldn't export public key %s: %w", args[0], errNoPublic)
			}
			content, mode := keystore.EncodePublic(info.PublicKey), os.FileMode(publicMode)
			if !public {
				mode = privateMode
				if content, err = s.keys().Export(args[0]); err != nil {
					return err
				}
			}
			if err := s.writeOutput(output, content, mode); err != nil || output == "-" {
				return err
			}
			return s.print(newKeyAnswer(info))
		},
	}
	cmd.Flags().StringVarP(&output, "file", "o", "-", "file to write, - for standard output")
	cmd.Flags().BoolVar(&public, "public", false, "write the public key only")
	return cmd
}

func newKeyImport(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "import NAME FILE|-",
		Short: "Take over an encrypted key file",
		Long: `Import reads an encrypted key file in PEM, made by hullmark, OpenSSL, Docker Content
Trust or Notary, and keeps it in the client's home under the same passphrase, encrypted
anew. Keys of Docker Content Trust lie in ~/.docker/trust/private, those of Notary in
~/.notary/private; hullmark's id of a key is another than theirs, and both are shown.

JSON: name, type, key_id, private_file, public_file, and notary_key_id for a
key of Docker Content Trust or Notary.`,
		Args: cli.Args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := args[0]
			if err := s.checkNewKey(name); err != nil {
				return err
			}
			pem, err := s.readInput(args[1], maxKeyFile)
			if err != nil {
				return err
			}
			passphrase, err := s.passphrases().Existing(cmd.Context(), name)
			if err != nil {
				return err
			}
			defer clear(passphrase)
			info, err := s.keys().Import(name, pem, passphrase)
			if err != nil {
				return err
			}
			if keystore.IsShort(passphrase) {
				s.warn("the passphrase of key %s is short; whoever copies the key file can guess it", name)
			}
			a := s.storedKeyAnswer(info)
			if keystore.FromNotary(pem) {
				a.NotaryKeyID = info.PublicKey.NotaryID().String()
			}
			return s.print(a)
		},
	}
}

type keyAnswer struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	KeyID string `json:"key_id"`
	// NotaryKeyID is how Docker Content Trust and Notary name a key that comes from there.
	NotaryKeyID string `json:"notary_key_id,omitempty"`
	// The files of a key that has just been stored.
	PrivateFile string `json:"private_file,omitempty"`
	PublicFile  string `json:"public_file,omitempty"`
}

// storedKeyAnswer describes a key that has just been stored, and where.
func (s *session) storedKeyAnswer(info keystore.Info) *keyAnswer {
	a := newKeyAnswer(info)
	a.PrivateFile, a.PublicFile = s.keys().Files(info.Name)
	return a
}

func newKeyAnswer(info keystore.Info) *keyAnswer {
	a := &keyAnswer{Name: info.Name, Type: string(info.Type)}
	if info.Type != "" {
		a.KeyID = info.PublicKey.ID().String()
	}
	return a
}

func (a *keyAnswer) text(t *table) {
	t.row("key", "%s", a.Name)
	t.row("type", "%s", a.Type)
	t.row("key id", "%s", a.KeyID)
	if a.NotaryKeyID != "" {
		t.row("Notary key id", "%s", a.NotaryKeyID)
	}
	if a.PrivateFile != "" {
		t.row("private key", "%s (encrypted)", a.PrivateFile)
		t.row("public key", "%s", a.PublicFile)
	}
}

type keysAnswer struct {
	Keys []*keyAnswer `json:"keys"`
}

func (a *keysAnswer) text(t *table) {
	for _, k := range a.Keys {
		if k.Type == "" {
			t.row(k.Name, "unknown until it is used: its public file is missing")
			continue
		}
		t.row(k.Name, "%-10s  %s", k.Type, k.KeyID)
	}
}
