package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/keys"
)

// errDeclined says that a person did not agree to what was about to be signed.
var errDeclined = errors.New("not signed: declined")

// signFlags are the flags of sign.
type signFlags struct {
	keys []string
	file string
	yes  bool
	show bool
	adoptionFlags
}

func newSign(s *session) *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:   "sign REQUEST",
		Short: "Show a signing request and sign it with keys of this home",
		Long: `Sign shows exactly what a request asks to sign, asks for consent, and adds the
signatures of the keys in this home that may sign. It needs no network, so keys can
stay on a machine that has none. One after another signs until every role has its
threshold; the request is then submitted, by ` + "`hullmark operator register`" + ` for a
registration and by ` + "`hullmark submit`" + ` or ` + "`hullmark operator relay`" + ` for all else.

Of a list of tags the changes are shown, if a key of this home has signed the list
before; otherwise all tags are. What a list takes over of one that its role's keys have
not signed, such as one of a stolen key, is shown apart, each tag and each delegation.
--show only shows. Scripts must say --yes, and name what is taken over with --adopt.

JSON: file, kind, ledger, complete, files [{repository, role, version, signed_digest,
expires, root_threshold, root_keys, targets_threshold, targets_keys, compared_with,
tag_count, tags [{tag, change, digest, size, before}], delegations [{role, threshold,
keys, paths, terminating, digest}], by, reason, note, digests}], duties [{repository,
file, version, by, threshold, keys, signed}], inherited [{repository, role, version,
signed_by, items [{item, name, digest, size, delegation}]}], signed_by.

Exit status: 0 signed, 1 other error or declined.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return s.sign(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.keys, "key", nil, "name of a key to sign with (repeatable; default: all that may)")
	flags.StringVarP(&f.file, "file", "o", "", "write the signed request here instead of over the old one, - for standard output")
	flags.BoolVarP(&f.yes, "yes", "y", false, "sign without asking")
	flags.BoolVar(&f.show, "show", false, "show what would be signed and sign nothing")
	f.addAdopt(flags)
	return cmd
}

func (s *session) sign(ctx context.Context, file string, f signFlags) error {
	r, err := s.readRequest(file)
	if err != nil {
		return err
	}
	// A machine for offline keys may have no trust anchor; one that has, has it
	// to be asked.
	switch _, err := s.checkLedger(r); {
	case err == nil:
		if err := s.checkRoots(ctx, r); err != nil {
			return err
		}
	case !errors.Is(err, client.ErrNoAnchor):
		return err
	}
	own, err := s.ownKeys(r)
	if err != nil {
		return err
	}
	before, err := newRequestAnswer(r, own)
	if err != nil {
		return err
	}
	if f.show {
		return s.print(before)
	}
	out := f.file
	if out == "" {
		out = file
	}
	if len(own) == 0 && len(f.keys) == 0 {
		return fmt.Errorf("couldn't sign request: %w", errNoSigner)
	}
	if f.yes {
		adoption, err := s.adoption(f.adoptionFlags)
		if err == nil {
			err = adoption.Check(r.Inherited())
		}
		if err != nil {
			return fmt.Errorf("couldn't sign request: %w", err)
		}
	}
	if err := s.consent(ctx, before, f.yes); err != nil {
		return err
	}
	signed, err := s.signHere(ctx, r, f.keys)
	if err != nil {
		return err
	}
	if err := s.writeRequest(signed, out); err != nil || out == "-" {
		return err
	}
	after, err := newRequestAnswer(signed, own)
	if err != nil {
		return err
	}
	after.File, after.SignedBy = out, []string{}
	for _, k := range s.opened {
		after.SignedBy = append(after.SignedBy, k.PublicKey().ID().String())
	}
	return s.print(after)
}

// ownKeys returns the keys of this home that may sign a request.
func (s *session) ownKeys(r *client.Request) ([]keys.PublicKey, error) {
	list, err := s.keys().List()
	if err != nil {
		return nil, err
	}
	var own []keys.PublicKey
	for _, info := range list {
		if info.Type != "" && r.MaySign(info.PublicKey.ID()) {
			own = append(own, info.PublicKey)
		}
	}
	return own, nil
}

// consent shows a person what is about to be signed and asks.
func (s *session) consent(ctx context.Context, a *requestAnswer, yes bool) error {
	if yes {
		return nil
	}
	if s.stdin == nil || !term.IsTerminal(int(s.stdin.Fd())) {
		return cli.Usage("there is no terminal to ask at; review the request with --show, then use --yes")
	}
	var t table
	a.contents(&t)
	if _, err := io.WriteString(s.stderr, t.String()+"Sign this? [y/N] "); err != nil {
		return err
	}
	done := s.asking()
	defer done()
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(s.stdin, 64)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case line := <-answer:
		if line != "y" && line != "yes" {
			return errDeclined
		}
		return nil
	}
}

func newSubmit(s *session) *cobra.Command {
	var names []string
	var receipt string
	var f adoptionFlags
	cmd := &cobra.Command{
		Use:         "submit REQUEST",
		Annotations: limit(writeTimeout),
		Short:       "Publish a signing request that everybody has signed",
		Long: `Submit sends a complete signing request to the ledger. The transaction is signed by a
key of this home that the repository's files in force name; who has none asks an
operator for ` + "`hullmark operator relay`" + `. Requests of kind register are for
` + "`hullmark operator register`" + `. Submitting twice does nothing twice. A request that was
signed before keys were replaced may say what a key has signed that the repository has
no more; all of it is listed then, and must be named with --adopt.

JSON: kind, ledger, files [{repository, role, version, signed_digest, expires, ...}],
changed (false when the ledger had it already), height, tx_hash, receipt (the file of
--receipt).

Exit status: 0 committed, 1 other error, 5 rejected by the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := s.submittable(args[0])
			if err != nil {
				return err
			}
			adoption, err := s.adoption(f)
			if err != nil {
				return err
			}
			c, err := s.client(bundle.DefaultPolicy())
			if err != nil {
				return err
			}
			by, err := s.submitterOf(cmd.Context(), r, names)
			if err != nil {
				return err
			}
			tx, err := s.submitRequest(cmd.Context(), c, r, "", by, adoption)
			if err != nil {
				return err
			}
			out, err := newSubmitAnswer(r, "", tx)
			if err != nil {
				return err
			}
			if out.Receipt, err = s.saveReceipt(cmd.Context(), tx, receipt); err != nil {
				return err
			}
			return s.print(out)
		},
	}
	cmd.Flags().StringArrayVar(&names, "key", nil, "name of the key that submits (default: any that may)")
	f.addAdopt(cmd.Flags())
	receiptFlag(cmd.Flags(), &receipt)
	return cmd
}

// submittable reads a complete request that is not for an operator to register.
func (s *session) submittable(file string) (*client.Request, error) {
	r, err := s.readRequest(file)
	if err != nil {
		return nil, err
	}
	if _, err := s.checkLedger(r); err != nil {
		return nil, err
	}
	if r.Kind == client.RequestRegister {
		return nil, cli.Usage("a request of kind register is for `hullmark operator register`")
	}
	if err := r.Complete(); err != nil {
		return nil, fmt.Errorf("couldn't submit request: %w", err)
	}
	return r, nil
}
