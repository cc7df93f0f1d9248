package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/internal/cli"
	"hullmark/keys"
	"hullmark/keystore"
)

func newOperator(s *session) *cobra.Command {
	return cli.Group("operator", "Act as an operator of the consortium", newOperatorRegister(s), newOperatorRelay(s))
}

func newOperatorRegister(s *session) *cobra.Command {
	var keyFile, operator string
	var expect []string
	cmd := &cobra.Command{
		Use:         "register REQUEST|- --key FILE",
		Annotations: limit(writeTimeout),
		Short:       "Register a repository under a name you own, from its publisher's request",
		Long: `Register enters the repository of a signing request, made by ` + "`hullmark repo init`" + `,
into the ledger. The first root is what every client will start from, for good. So this
command shows it and asks: make sure that the SHA-256 is the one that repo init printed,
by asking the publisher over a channel you trust. Scripts name it with --expect-digest.
--key is the encrypted key file of your operator, NAME.key.

JSON: repository, ledger, operator, root_version, root_digest, expires,
root_threshold, root_keys, targets_threshold, targets_keys, height, tx_hash.

Exit status: 0 registered, 1 other error or declined, 5 rejected by the ledger, 6 no node
reachable, 7 sent and perhaps committed.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if keyFile == "" {
				return cli.Usage("name the operator's key file with --key")
			}
			r, err := s.readRequest(args[0])
			if err != nil {
				return err
			}
			if r.Kind != change.RequestRegister {
				return cli.Usage("a request of kind %s is for `hullmark operator relay` or `hullmark submit`", r.Kind)
			}
			expected, err := parseExpected(expect)
			if err != nil {
				return err
			}
			return s.register(cmd.Context(), r, keyFile, operator, expected)
		},
	}
	expectFlag(cmd.Flags(), &expect)
	operatorFlags(cmd.Flags(), &keyFile, &operator)
	return cmd
}

// operatorFlags adds the flags that say who acts.
func operatorFlags(f *pflag.FlagSet, keyFile, operator *string) {
	f.StringVar(keyFile, "key", "", "file of the operator's encrypted governance key")
	f.StringVar(operator, "operator", "", "id of the operator (default: whose key it is)")
}

func newOperatorRelay(s *session) *cobra.Command {
	var keyFile, operator string
	var f adoptionFlags
	cmd := &cobra.Command{
		Use:         "relay REQUEST|- --key FILE",
		Annotations: limit(writeTimeout),
		Short:       "Carry a publisher's signed request to the ledger, at your quota",
		Long: `Relay submits a complete signing request as an operator. It vouches for nothing: the
ledger judges the publisher's signatures as ever. Use it for publishers that cannot
submit by themselves, or whose quota is used up.

JSON: that of submit, and operator.

Exit status: 0 committed, 1 other error, 5 rejected by the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if keyFile == "" {
				return cli.Usage("name the operator's key file with --key")
			}
			out, _, err := s.submitFile(cmd.Context(), args[0], f, func(*change.Request) (change.Submitter, string, error) {
				return s.operator(cmd.Context(), keyFile, operator)
			})
			if err != nil {
				return err
			}
			return s.print(out)
		},
	}
	operatorFlags(cmd.Flags(), &keyFile, &operator)
	f.addAdopt(cmd.Flags())
	return cmd
}

// operator opens an operator's key and returns whose it is, unless that is given.
func (s *session) operator(ctx context.Context, keyFile, id string) (change.Submitter, string, error) {
	anchor, err := s.anchor()
	if err != nil {
		return nil, "", err
	}
	key, err := s.openKeyFile(ctx, keyFile)
	if err != nil {
		return nil, "", err
	}
	if id == "" {
		if id, err = operatorOf(anchor, key.PublicKey()); err != nil {
			return nil, "", err
		}
	}
	return key, id, nil
}

// register registers a repository with its first root, which the operator has seen or
// expects.
func (s *session) register(ctx context.Context, r *change.Request, keyFile, operator string, expected []string) error {
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return err
	}
	if err := s.checkLedger(r); err != nil {
		return err
	}
	root := r.Parts[0].NewRoots[0]
	if err := r.Complete(); err != nil {
		return fmt.Errorf("couldn't register %s: %w", root.Binding.Repository, err)
	}
	if shown := newRootAnswer(root); len(expected) > 0 {
		if err := checkExpected(expected, []string{shown.Digest}); err != nil {
			return fmt.Errorf("couldn't register %s: %w", root.Binding.Repository, err)
		}
	} else {
		var t table
		shown.text(&t)
		if err := s.confirm(ctx, t.String(), "Is that the SHA-256 that the publisher gave you? Register it for good?",
			"name the SHA-256 that the publisher gave you with --expect-digest"); err != nil {
			return err
		}
	}
	key, operator, err := s.operator(ctx, keyFile, operator)
	if err != nil {
		return err
	}
	done := s.progress("waiting for the block")
	tx, warnings, err := c.Register(ctx, root, operator, key)
	var seen error
	if err == nil {
		s.sent = true
		// Until then the publisher would be told that there is no such repository.
		_, seen = c.Await(ctx, r, tx)
	}
	done()
	s.warnAll(warnings, err)
	if err == nil {
		err = s.unseen(tx, seen)
	}
	if err != nil {
		return err
	}
	out := &registerAnswer{rootAnswer: newRootAnswer(root), Operator: operator}
	out.Height, out.TxHash = tx.GetHeight(), hex.EncodeToString(tx.GetHash())
	return s.print(out)
}

// openKeyFile opens a key that lies outside the home.
func (s *session) openKeyFile(ctx context.Context, path string) (*keystore.Key, error) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".key")
	if !ok {
		return nil, cli.Usage("key file %q; the name of a key file ends in .key", path)
	}
	return s.openKey(ctx, keystore.New(filepath.Dir(path)), name)
}

// operatorOf returns the id of the operator whose governance key it is.
func operatorOf(a *bundle.Anchor, key keys.PublicKey) (string, error) {
	for _, o := range a.Operators {
		if o.Key.Equal(key) {
			return o.ID, nil
		}
	}
	return "", fmt.Errorf("%w: the trust anchor names no operator with key %s", errNotOperator, key.ID())
}

type registerAnswer struct {
	*rootAnswer
	Operator string `json:"operator"`
}

func (a *registerAnswer) text(t *table) {
	t.row("registered", "%s", a.Repository)
	t.row("operator", "%s", a.Operator)
	a.rootAnswer.text(t)
}
