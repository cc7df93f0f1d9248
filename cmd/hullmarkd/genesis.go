package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
	"hullmark/record"
)

// maxGenesisFile bounds a genesis.json in bytes: a genesis of the greatest size,
// indented, with the engine's part around it.
const maxGenesisFile = 4 * record.MaxGenesisSize

func newGenesis(home func() (app.Home, error)) *cobra.Command {
	cmd := cli.Group("genesis", "Put a consortium's genesis together and look at it", newGenesisCreate(), newGenesisShow(home))
	cmd.Long = `The genesis is what a consortium agrees on before its ledger starts: who the operators
are, which names they own, and the rules. It is made of the operators' cards. The
same cards, name, time and parameters give the same bytes, so every operator can
make it and compare; the ledger id contains the beginning of its digest.`
	return cmd
}

func newGenesisCreate() *cobra.Command {
	var name, at, file string
	var params []string
	var development bool
	cmd := &cobra.Command{
		Use:   "create CARD... --name NAME --time TIME",
		Short: "Make the genesis of a new ledger from its operators' cards",
		Long: `Create checks the cards of the founding operators and makes genesis.json of them.
It refuses cards that are not signed, or whose signatures are wrong; two operators
with the same id, key, node id, address or URL; names that two operators claim; and
fewer than four operators, unless the ledger is for development.

The order of the cards makes no difference. Whoever gives the same cards, name, time
and parameters gets the same bytes, so agree on --time beforehand; a time that is still
to come is when the ledger starts.
--param sets a parameter by its name in the genesis, as "genesis show --output json"
prints it, to a value in JSON.

JSON: as "genesis show".`,
		Example: `  hullmarkd genesis create *.card --name acme-notary --time 2027-01-11T10:00:00Z
  hullmarkd genesis create *.card --name acme-notary --time 2027-01-11T10:00:00Z \
    --param max_block_work=50000 --param 'operator_quota={"capacity":100,"refill_blocks":10}'`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f := record.Founding{Name: name, Params: record.DefaultParams(), Development: development}
		if !record.ValidName(name) {
			return cli.Usage("name the ledger with --name; use lower-case letters, digits and hyphens, at most %d", record.MaxNameLength)
		}
		if at != "" {
			t, err := time.Parse(time.RFC3339, at)
			if err != nil || t.Nanosecond() != 0 {
				return cli.Usage("time %q; use whole seconds, such as 2027-01-11T10:00:00Z", at)
			}
			f.Time = t
		}
		for _, p := range params {
			key, value, ok := strings.Cut(p, "=")
			if !ok {
				return cli.Usage("parameter %q; use NAME=VALUE", p)
			}
			if err := f.Params.Set(key, value); err != nil {
				return cli.UsageError(err)
			}
		}
		if err := f.Params.Validate(); err != nil {
			return cli.UsageError(err)
		}
		if at == "" {
			return cli.Usage("name the time of the first block with --time, such as 2027-01-11T10:00:00Z; every operator gives the same")
		}
		var cards []*record.Card
		for _, path := range args {
			c, err := readCard(path)
			if err != nil {
				return err
			}
			cards = append(cards, c)
		}
		g, err := f.Genesis(cards)
		if errors.Is(err, record.ErrGenesis) {
			return &app.Advised{Err: err, Advice: adviceForCards(len(cards))}
		}
		if err != nil {
			return err
		}
		doc, err := app.EncodeGenesis(g)
		if err != nil {
			return err
		}
		if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
			// The ledger may be running on it.
			return &app.Advised{
				Err:    fmt.Errorf("couldn't write %s: %w", file, fs.ErrExist),
				Advice: fmt.Sprintf("a ledger may run on that genesis, so it is not overwritten: compare the two with `hullmarkd genesis show %s`, and name another file with --file, or remove that one if it is no ledger's", file),
			}
		}
		if err := cli.WriteFile(file, doc, 0o644); err != nil {
			return fmt.Errorf("couldn't write genesis: %w", err)
		}
		for _, c := range cards {
			if !c.ProvesValidator() {
				cmd.PrintErrf("hullmarkd: warning: nothing shows that operator %s holds its validator key; make sure its signer does\n", c.Operator.ID)
			}
		}
		if err := show(cmd, newGenesisAnswer(g)); err != nil {
			return err
		}
		next(cmd, "\nNext: give %s to every operator. Each compares the digest with the others, over\nanother channel, then runs `hullmarkd init --genesis %s` and `hullmarkd start`.\n", file, file)
		return nil
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the ledger, before the hash")
	cmd.Flags().StringVar(&at, "time", "", "time of the first block, RFC 3339 in whole seconds, the same for everybody")
	cmd.Flags().StringArrayVar(&params, "param", nil, "parameter to set, NAME=VALUE (repeatable)")
	cmd.Flags().BoolVar(&development, "development", false, "allow fewer than four operators, who cannot lose any")
	cmd.Flags().StringVarP(&file, "file", "o", "genesis.json", "file to write")
	return cmd
}

// adviceForCards says what to do about so many cards that make no genesis together.
func adviceForCards(count int) string {
	if count < record.MinValidators {
		return fmt.Sprintf("pass the cards of all operators: at least %d, or fewer with --development, for a ledger that cannot lose any of them", record.MinValidators)
	}
	return "settle with the operators it names which of them is right; the other makes its card again with `hullmarkd operator-card`"
}

func newGenesisShow(home func() (app.Home, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show a genesis: ledger id, digest, operators, rules",
		Long: `Show prints what a genesis says, that of this home if no file is named. Every operator
must see the same digest; read it out to each other before the first start.

JSON: ledger, digest, validators [{operator, address}], genesis (the canonical form,
see docs/spec.md). The address is how the engine names a validator in logs and blocks.`,
		Example: `  hullmarkd genesis show
  hullmarkd genesis show genesis.json --output json`,
		Args: cli.Args(cobra.MaximumNArgs(1)),
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		g, err := loadGenesis(home, args)
		if err != nil {
			return err
		}
		return show(cmd, newGenesisAnswer(g))
	}
	return cmd
}

// loadGenesis reads the genesis in a file, or that of a home if none is named.
func loadGenesis(home func() (app.Home, error), args []string) (*record.Genesis, error) {
	if len(args) == 0 {
		h, err := home()
		if err != nil {
			return nil, err
		}
		return app.LoadGenesis(h)
	}
	b, err := readFile(args[0], maxGenesisFile)
	if err != nil {
		return nil, err
	}
	return app.DecodeGenesis(b)
}

type genesisAnswer struct {
	Ledger     string             `json:"ledger"`
	Digest     string             `json:"digest"`
	Validators []genesisValidator `json:"validators"`
	Genesis    json.RawMessage    `json:"genesis"`

	genesis *record.Genesis
}

func newGenesisAnswer(g *record.Genesis) *genesisAnswer {
	b := g.Encode()
	sum := sha256.Sum256(b)
	a := &genesisAnswer{Ledger: g.LedgerID(), Digest: hex.EncodeToString(sum[:]), Genesis: b, genesis: g}
	for _, o := range g.Operators {
		a.Validators = append(a.Validators, genesisValidator{o.ID, app.ValidatorAddress(o)})
	}
	return a
}

// genesisValidator says whose a validator is that the engine names by its address.
type genesisValidator struct {
	Operator string `json:"operator"`
	Address  string `json:"address"`
}

func (a *genesisAnswer) text(t *table) {
	g := a.genesis
	t.row("ledger", "%s", a.Ledger)
	t.row("digest", "%s", spoken(a.Digest))
	t.row("starts", "%s", g.Time.Format(time.RFC3339))
	faulty := (len(g.Operators) - 1) / 3
	t.row("operators", "%d, of whom %d may fail", len(g.Operators), faulty)
	for _, o := range g.Operators {
		var names []string
		for _, n := range o.Namespaces {
			names = append(names, n.String())
		}
		t.line("")
		t.row("operator", "%s", o.ID)
		t.row("governance key", "%s", o.GovernanceKey.ID())
		t.row("notary key", "%s", o.NotaryKey.ID())
		t.row("validator key", "%x", o.ValidatorKey)
		t.row("address", "%s", app.ValidatorAddress(o))
		t.row("node", "%s@%s", o.NodeID, o.Address)
		t.row("url", "%s", o.URL)
		t.row("namespaces", "%s", strings.Join(names, ", "))
	}
	t.line("")
	t.row("parameters", "%s", g.Params.EncodeJSON())
}

// spoken splits a digest into groups that can be read out.
func spoken(digest string) string {
	var groups []string
	for g := range slices.Chunk([]byte(digest), 8) {
		groups = append(groups, string(g))
	}
	return strings.Join(groups, " ")
}
