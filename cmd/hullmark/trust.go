package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
)

func newTrustGroup(s *session) *cobra.Command {
	return cli.Group("trust", "Say what this client trusts", newTrustImport(s), newTrustShow(s), newTrustSign(s))
}

func newTrustImport(s *session) *cobra.Command {
	var replace, older bool
	cmd := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Start from a trust anchor, and keep the nodes named with --node",
		Long: `Import checks a trust anchor (trust.json) and makes this client start from it. The
anchor is all that is trusted without proof, so get it over a channel you trust,
such as an operator's web site or your configuration management, and compare the
SHA-256 that is printed with what several operators publish. Nodes named with --node
are kept in client.toml. What this client has learnt of repositories stays.

Over known trust it takes only an anchor to which that leads: the validators known
here signed what leads to its block, and it names the same operators; or more than two
thirds of the operators known here signed it (trust sign). Its block must be newer than
that of the known one. --replace takes any anchor of the ledger instead, on your word:
what differs is shown, and the light blocks known so far are given up.

With --older the anchor stays, and what was made before it verifies from the block of
the older one, which operators must have signed.

JSON: ledger, height, block_time, expires, digest, signed_by, operators [{id, key_id,
notary_key_id, since}], nodes.

Exit status: 0 imported, 1 not a trust anchor, not newer than the known one, or nothing
known leads to it, 4 of another ledger than what this client knows.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := s.readInput(args[0], bundle.MaxAnchorSize)
			if err != nil {
				return err
			}
			home, err := s.home()
			if err != nil {
				return err
			}
			c, err := s.configFile()
			if err != nil && len(s.nodes) > 0 {
				return err // what it says beside the nodes would be lost
			}
			c.Nodes = s.nodes
			take := home.ImportAnchor
			switch {
			case replace && older:
				return cli.Usage("--replace and --older exclude each other")
			case replace:
				take = home.ReplaceAnchor
			case older:
				take = home.AddAnchor
			}
			done, err := take(cmd.Context(), data, time.Now())
			s.warnImport(done, err)
			if err != nil {
				return err
			}
			if len(s.nodes) > 0 {
				if err := client.SaveConfig(home.Dir(), c); err != nil {
					return err
				}
			}
			return s.printTrust(done.Anchor)
		},
	}
	cmd.Flags().BoolVar(&replace, "replace", false, "take an anchor to which nothing known leads, and give up the light blocks known so far")
	cmd.Flags().BoolVar(&older, "older", false, "keep the anchor, and also start from the block of this older one")
	return cmd
}

// warnImport says what a person should know of an import.
func (s *session) warnImport(done *client.Import, err error) {
	if done == nil {
		return
	}
	if errors.Is(err, bundle.ErrUnrelated) || errors.Is(err, bundle.ErrNotNewer) || err == nil && !done.First && done.By == bundle.NotLed {
		for _, d := range done.Differences {
			s.warn("the new trust anchor differs: %s", d)
		}
	}
	switch {
	case err != nil:
	case done.First:
		s.warn("nothing was trusted before; compare the SHA-256 with what the operators publish")
	case done.By == bundle.NotLed:
		s.warn("%d light blocks that were trusted before are given up", done.Dropped)
	case done.Expired && done.By == bundle.LedByOperators:
		s.warn("the trust anchor known so far has expired; its operators' keys led to the new one")
	}
}

func newTrustSign(s *session) *cobra.Command {
	var keyFile, file string
	cmd := &cobra.Command{
		Use:   "sign FILE|- --key FILE",
		Short: "Sign a trust anchor as an operator, for clients that know an older one",
		Long: `Sign adds the signature of an operator's governance key to a trust anchor. Clients
that know an older anchor of the ledger import it without --replace once more than two
thirds of the operators that they know have signed it. Look at what you sign: the
SHA-256, the block and the operators are printed. --key is the encrypted key file of
your operator, NAME.key. The file is replaced unless -o names another.

JSON: as that of trust import; nodes is empty.

Exit status: 0 signed, 1 not a trust anchor, or another error.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if keyFile == "" {
				return cli.Usage("name the operator's key file with --key")
			}
			data, err := s.readInput(args[0], bundle.MaxAnchorSize)
			if err != nil {
				return err
			}
			a, err := bundle.DecodeAnchor(data)
			if err != nil {
				return err
			}
			message, err := a.Message()
			if err != nil {
				return err
			}
			key, err := s.openKeyFile(cmd.Context(), keyFile)
			if err != nil {
				return err
			}
			sig, err := key.SignFixed(message)
			if err != nil {
				return fmt.Errorf("couldn't sign trust anchor: %w", err)
			}
			a.AddSignature(bundle.AnchorSignature{KeyID: key.PublicKey().ID(), Signature: sig})
			if data, err = a.Encode(); err != nil {
				return err
			}
			if file == "" {
				file = args[0]
			}
			write := s.writeOutput
			if file == args[0] {
				write = s.replaceOutput // which is what signing it means
			}
			if err := write(file, data, publicMode); err != nil || file == "-" {
				return err
			}
			out, err := newTrust(a)
			if err != nil {
				return err
			}
			return s.print(out)
		},
	}
	cmd.Flags().StringVar(&keyFile, "key", "", "file of the operator's encrypted governance key")
	cmd.Flags().StringVarP(&file, "file", "o", "", "file to write, - for standard output (default: the one that is signed)")
	return cmd
}

func newTrustShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the trust anchor and the nodes",
		Long: `Show prints the trust anchor this client started from, and the nodes it asks.

JSON: as that of trust import.`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			a, err := s.anchor()
			if err != nil {
				return err
			}
			return s.printTrust(a)
		},
	}
}

func (s *session) printTrust(a *bundle.Anchor) error {
	nodes, err := s.nodeList()
	if err != nil {
		return err
	}
	out, err := newTrust(a)
	if err != nil {
		return err
	}
	out.Nodes = append([]string{}, nodes...)
	if len(nodes) == 0 {
		s.warn("no nodes are configured; name them with --node")
	}
	if time.Now().After(out.Expires) {
		s.warn("the trust anchor expired on %s; it only helps a client that has verified newer blocks since", stamp(out.Expires))
	}
	return s.print(out)
}

// newTrust describes an anchor. Its own operators' signatures count as theirs.
func newTrust(a *bundle.Anchor) (*trustAnswer, error) {
	digest, err := a.Digest()
	if err != nil {
		return nil, err
	}
	signed, err := a.Endorsers(a)
	if err != nil {
		return nil, err
	}
	out := &trustAnswer{
		Ledger: a.Ledger, Height: uint64(a.Block.Height), BlockTime: a.Block.Time.UTC(),
		Expires: a.Block.Time.Add(a.TrustingPeriod).UTC(), Digest: hex.EncodeToString(digest[:]),
		SignedBy: append([]string{}, signed...), Operators: []trustOperator{}, Nodes: []string{},
	}
	for _, o := range a.Operators {
		out.Operators = append(out.Operators, trustOperator{o.ID, o.Key.ID().String(), o.NotaryKey.ID().String(), o.Since})
	}
	return out, nil
}

type trustAnswer struct {
	Ledger    string          `json:"ledger"`
	Height    uint64          `json:"height"`
	BlockTime time.Time       `json:"block_time"`
	Expires   time.Time       `json:"expires"`
	Digest    string          `json:"digest"`
	SignedBy  []string        `json:"signed_by"`
	Operators []trustOperator `json:"operators"`
	Nodes     []string        `json:"nodes"`
}

type trustOperator struct {
	ID          string `json:"id"`
	KeyID       string `json:"key_id"`
	NotaryKeyID string `json:"notary_key_id"`
	Since       uint64 `json:"since"`
}

func (a *trustAnswer) text(t *table) {
	t.row("ledger", "%s", a.Ledger)
	t.row("height", "%d", a.Height)
	t.row("block time", "%s", stamp(a.BlockTime))
	t.row("SHA-256", "%s", a.Digest)
	if len(a.SignedBy) > 0 {
		t.row("signed by", "%s", strings.Join(a.SignedBy, ", "))
	}
	t.row("usable until", "%s, or longer when this client stays in use", stamp(a.Expires))
	var rows [][]string
	for _, o := range a.Operators {
		rows = append(rows, []string{o.ID, "key " + o.KeyID})
	}
	t.columns("operator", rows)
	for _, n := range a.Nodes {
		t.row("node", "%s", n)
	}
}
