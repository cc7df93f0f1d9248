package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
	"hullmark/record"
	"hullmark/reference"
)

// cardFlags are what an operator says of itself.
type cardFlags struct {
	id, governance, notary, validator, address, url, key, file string
	namespaces                                                 []string
}

func newOperatorCard(home func() (app.Home, error)) *cobra.Command {
	var f cardFlags
	cmd := &cobra.Command{
		Use:   "operator-card",
		Short: "Make the card with which an operator joins a new ledger",
		Long: `Operator-card makes the card of the operator who runs the node of this home: its
id, its public keys, the id and addresses of its node, and the names it owns. The
card is what the consortium's genesis is made of. There is nothing secret in it.

The validator key in the home signs the card here. The operator signs it with the
governance key, which never lies on a node: give its public file here with
--governance-key, then sign on the machine that has the key with
"hullmarkd operator-card sign". Where one machine has both, give --key instead and
the card is finished at once.

If a remote signer holds the validator key, name its public key with
--validator-key.

JSON: id, signed, validator_proven, governance_key_id, notary_key_id,
validator_key, node_id, address, url, namespaces.`,
		Example: `  hullmarkd operator-card --id acme --address node.acme.example:26656 \
    --url https://hullmark.acme.example --namespace registry.acme.example \
    --governance-key acme.pub --notary-key acme-notary.pub -o acme.card
  hullmarkd operator-card sign acme.card --key acme.key`,
		Args: cli.Args(cobra.NoArgs),
	}
	passphraseFile := passphraseFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := f.options()
		if err != nil {
			return err
		}
		h, err := home()
		if err != nil {
			return err
		}
		if o.NotaryKey, err = readPublicKey(f.notary); err != nil {
			return err
		}
		if f.key == "" {
			if o.GovernanceKey, err = readPublicKey(f.governance); err != nil {
				return err
			}
			c, err := app.NewCard(h, o)
			if err != nil {
				return err
			}
			return writeCard(cmd, f.file, c)
		}
		key, err := openKeyFile(cmd.Context(), cmd, f.key, *passphraseFile)
		if err != nil {
			return err
		}
		defer key.Close()
		o.GovernanceKey = key.PublicKey()
		c, err := app.NewCard(h, o)
		if err != nil {
			return err
		}
		if c.GovernanceSignature, err = key.SignFixed(c.Message()); err != nil {
			return fmt.Errorf("couldn't sign card: %w", err)
		}
		return writeCard(cmd, f.file, c)
	}
	flags := cmd.Flags()
	flags.StringVar(&f.id, "id", "", "id of the operator: lower-case letters, digits and hyphens")
	flags.StringVar(&f.address, "address", "", "HOST:PORT at which other operators' nodes reach this one")
	flags.StringVar(&f.url, "url", "", "URL at which clients reach this node")
	flags.StringArrayVar(&f.namespaces, "namespace", nil, "registry, or part of one, whose names the operator owns (repeatable)")
	flags.StringVar(&f.governance, "governance-key", "", "public file of the operator's governance key, NAME.pub")
	flags.StringVar(&f.key, "key", "", "encrypted file of the governance key, NAME.key, to sign the card at once")
	flags.StringVar(&f.notary, "notary-key", "", "public file of the operator's notary key, NAME.pub (Ed25519)")
	flags.StringVar(&f.validator, "validator-key", "", "validator key of the remote signer, 64 hex digits; only without one in the home")
	flags.StringVarP(&f.file, "file", "o", "", "file to write (default ID.card)")
	cmd.AddCommand(newCardSign(), newCardShow())
	return cmd
}

// options checks what can be checked before anything is read.
func (f *cardFlags) options() (app.CardOptions, error) {
	o := app.CardOptions{ID: f.id, Address: f.address, URL: f.url}
	for _, needed := range [][2]string{{"id", f.id}, {"address", f.address}, {"url", f.url}, {"notary-key", f.notary}} {
		if needed[1] == "" {
			return o, cli.Usage("a card needs --%s", needed[0])
		}
	}
	if !record.ValidName(f.id) {
		return o, cli.Usage("operator id %q; use lower-case letters, digits and hyphens, at most %d", f.id, record.MaxNameLength)
	}
	if (f.governance == "") == (f.key == "") {
		return o, cli.Usage("give the governance key with --governance-key NAME.pub, or with --key NAME.key to sign at once")
	}
	if f.validator != "" {
		b, err := hex.DecodeString(f.validator)
		if err != nil || len(b) != 32 {
			return o, cli.Usage("--validator-key is not 64 hex digits")
		}
		o.ValidatorKey = (*[32]byte)(b)
	}
	for _, text := range f.namespaces {
		n, err := reference.ParseNamespace(text)
		if err != nil {
			return o, cli.UsageError(err)
		}
		o.Namespaces = append(o.Namespaces, n)
	}
	if f.file == "" {
		f.file = f.id + ".card"
	}
	return o, nil
}

func newCardSign() *cobra.Command {
	var keyFile, file string
	cmd := &cobra.Command{
		Use:   "sign CARD --key FILE",
		Short: "Sign an operator card with the operator's governance key",
		Long: `Sign shows what a card says and signs it with the operator's governance key, on the
machine that has it. What the key signs is the entry the genesis will hold. Nothing
but the card travels between the machine with the key and the node.

JSON: as "operator-card".`,
		Example: `  hullmarkd operator-card sign acme.card --key ~/.hullmark/keys/acme.key`,
		Args:    cli.Args(cobra.ExactArgs(1)),
	}
	passphraseFile := passphraseFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if keyFile == "" {
			return cli.Usage("name the operator's key file with --key")
		}
		c, err := readCard(args[0])
		if err != nil {
			return err
		}
		key, err := openKeyFile(cmd.Context(), cmd, keyFile, *passphraseFile)
		if err != nil {
			return err
		}
		defer key.Close()
		if !key.PublicKey().Equal(c.Operator.GovernanceKey) {
			return fmt.Errorf("couldn't sign card: %w: it names governance key %s, this is %s",
				record.ErrCard, c.Operator.GovernanceKey.ID(), key.PublicKey().ID())
		}
		if c.GovernanceSignature, err = key.SignFixed(c.Message()); err != nil {
			return fmt.Errorf("couldn't sign card: %w", err)
		}
		if err := c.Verify(); err != nil {
			return err
		}
		if file == "" {
			file = args[0]
		}
		return writeCard(cmd, file, c)
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "encrypted file of the operator's governance key, NAME.key")
	cmd.Flags().StringVarP(&file, "file", "o", "", "file to write (default: the card itself)")
	return cmd
}

func newCardShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show CARD",
		Short: "Show an operator card and check its signatures",
		Long: `Show prints what a card says. It fails if a signature on it is wrong, and says so if
one is missing.

JSON: as "operator-card".`,
		Example: `  hullmarkd operator-card show acme.card --output json`,
		Args:    cli.Args(cobra.ExactArgs(1)),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := readCard(args[0])
		if err != nil {
			return err
		}
		if len(c.GovernanceSignature) > 0 {
			if err := c.Verify(); err != nil {
				return err
			}
		}
		return show(cmd, newCardAnswer(c))
	}
	return cmd
}

func readCard(path string) (*record.Card, error) {
	b, err := readFile(path, record.MaxCardSize)
	if err != nil {
		return nil, err
	}
	c, err := record.DecodeCard(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't read card %s: %w", path, err)
	}
	return c, nil
}

// writeCard writes a card and shows it.
func writeCard(cmd *cobra.Command, path string, c *record.Card) error {
	var b bytes.Buffer
	if err := json.Indent(&b, c.Encode(), "", "  "); err != nil {
		return fmt.Errorf("couldn't write card: %w", err)
	}
	b.WriteByte('\n')
	if err := cli.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("couldn't write card: %w", err)
	}
	if err := show(cmd, newCardAnswer(c)); err != nil {
		return err
	}
	if len(c.GovernanceSignature) == 0 {
		next(cmd, "\nNext: sign %s where the governance key is, with `hullmarkd operator-card sign`.\n", path)
	} else {
		next(cmd, "\nNext: give %s to whoever puts the genesis together.\n", path)
	}
	return nil
}

type cardAnswer struct {
	ID              string   `json:"id"`
	Signed          bool     `json:"signed"`
	ValidatorProven bool     `json:"validator_proven"`
	GovernanceKeyID string   `json:"governance_key_id"`
	NotaryKeyID     string   `json:"notary_key_id"`
	ValidatorKey    string   `json:"validator_key"`
	NodeID          string   `json:"node_id"`
	Address         string   `json:"address"`
	URL             string   `json:"url"`
	Namespaces      []string `json:"namespaces"`
}

func newCardAnswer(c *record.Card) *cardAnswer {
	o := c.Operator
	a := &cardAnswer{
		ID: o.ID, Signed: len(c.GovernanceSignature) > 0, ValidatorProven: c.ProvesValidator(),
		GovernanceKeyID: o.GovernanceKey.ID().String(), NotaryKeyID: o.NotaryKey.ID().String(),
		ValidatorKey: hex.EncodeToString(o.ValidatorKey[:]), NodeID: o.NodeID, Address: o.Address, URL: o.URL, Namespaces: []string{},
	}
	for _, n := range o.Namespaces {
		a.Namespaces = append(a.Namespaces, n.String())
	}
	return a
}

func (a *cardAnswer) text(t *table) {
	t.row("operator", "%s", a.ID)
	signed, proven := "not signed yet", "not shown to be held (remote signer)"
	if a.Signed {
		signed = "signed the card"
	}
	if a.ValidatorProven {
		proven = "signed the card"
	}
	t.row("governance key", "%s (%s)", a.GovernanceKeyID, signed)
	t.row("notary key", "%s", a.NotaryKeyID)
	t.row("validator key", "%s (%s)", a.ValidatorKey, proven)
	t.row("node", "%s@%s", a.NodeID, a.Address)
	t.row("url", "%s", a.URL)
	t.row("namespaces", "%s", strings.Join(a.Namespaces, ", "))
}
