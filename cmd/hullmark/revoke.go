package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// statementFlags are the flags of revoke and lift.
type statementFlags struct {
	keys   []string
	role   string
	reason string
	note   string
	file   string
	// receipt is the file to save the receipt to.
	receipt string
	// force revokes digests that were never published.
	force bool
}

func (f *statementFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.keys, "key", nil, "name of a key to sign with (repeatable; default: all that may)")
	flags.StringVar(&f.reason, "reason", f.reason, "one of "+strings.Join(reasonNames(), ", "))
	flags.StringVar(&f.note, "note", "", "what people should know, at most 200 characters of ASCII; it is public")
	flags.StringVarP(&f.file, "file", "o", "", "write a signing request to this file instead, - for standard output")
	newFileFlag(flags, "file")
	receiptFlag(flags, &f.receipt)
}

// reasonNames returns the values of --reason.
func reasonNames() []string {
	var out []string
	for _, r := range record.Reasons() {
		out = append(out, r.String())
	}
	return out
}

func newRevoke(s *session) *cobra.Command {
	var f statementFlags
	cmd := &cobra.Command{
		Use:         "revoke REPO@DIGEST... --reason REASON",
		Annotations: limit(writeTimeout),
		Short:       "Say that images must not be used any more",
		Long: `Revoke signs and publishes a statement that takes images out of circulation in their
repositories: from then on they verify nowhere under those names, whatever tags they
have, and cannot be published again. It is known to everybody at once, and stays until
the root keys take it back with ` + "`hullmark lift`" + `. Tagging keys sign it, or with --role
root the root keys. Works when the quota for publishing is used up. A digest that was
never published in the repository may be a slip: the command asks, or needs --force.

JSON: kind, ledger, files [{repository, role, version, signed_digest, by, reason, note,
digests}], changed, height, tx_hash, receipt (the file of --receipt); with -o that of sign.

Exit status: 0 revoked, 1 other error, 3 not registered, 5 rejected by the ledger (also
when they are revoked already), 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.reason == "" {
				return cli.Usage("say why with --reason: %s", strings.Join(reasonNames(), ", "))
			}
			return s.state(cmd.Context(), record.ActionRevoke, args, f)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.role, "role", tuf.RoleTargets, "role whose keys sign: targets or root")
	cmd.Flags().BoolVar(&f.force, "force", false, "revoke digests too that were never published there")
	return cmd
}

func newLift(s *session) *cobra.Command {
	f := statementFlags{role: tuf.RoleRoot, reason: record.ReasonUnspecified.String()}
	cmd := &cobra.Command{
		Use:         "lift REPO@DIGEST...",
		Annotations: limit(writeTimeout),
		Short:       "Take revocations back",
		Long: `Lift signs with the root keys that images which were revoked may be used again. What
was revoked while the lift was being signed stays revoked.

JSON: that of revoke.

Exit status: 0 lifted, 1 other error, 3 not registered, 5 rejected by the ledger (also
when they are not revoked), 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.state(cmd.Context(), record.ActionLift, args, f)
		},
	}
	f.add(cmd)
	return cmd
}

// parseDigests reads references that name digests, by repository.
func parseDigests(texts []string) ([]tagGroup, error) {
	seen := make(map[reference.Reference]bool)
	var refs []reference.Reference
	for _, text := range texts {
		ref, err := parseReference(text)
		if err != nil {
			return nil, err
		}
		d, ok := ref.Digest()
		if !ok {
			return nil, cli.Usage("%s has no digest; `hullmark verify -q` prints that of a tag", ref)
		}
		ref = ref.Repository().WithDigest(d)
		if seen[ref] {
			return nil, cli.Usage("%s is named twice", ref)
		}
		seen[ref] = true
		refs = append(refs, ref)
	}
	return group(refs), nil
}

// state publishes statements about digests, all or none, or writes the request to
// sign them.
func (s *session) state(ctx context.Context, action record.Action, texts []string, f statementFlags) error {
	groups, err := parseDigests(texts)
	if err != nil {
		return err
	}
	if err := checkReceipt(f.receipt, f.file); err != nil {
		return err
	}
	reason, err := record.ParseReason(f.reason)
	if err != nil {
		return cli.Usage("unknown reason %q; use %s", f.reason, strings.Join(reasonNames(), ", "))
	}
	if f.role != tuf.RoleTargets && f.role != tuf.RoleRoot {
		return cli.Usage("unknown role %q; use %s or %s", f.role, tuf.RoleTargets, tuf.RoleRoot)
	}
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return err
	}
	var orders []client.Order
	for _, g := range groups {
		current, err := s.repository(ctx, c, g.repository)
		if err != nil {
			return err
		}
		if err := checkRoot(current.Root); err != nil {
			return fmt.Errorf("couldn't %s in %s: %w", action, g.repository, err)
		}
		if action == record.ActionRevoke && !f.force {
			if err := s.checkPublished(ctx, c, g); err != nil {
				return err
			}
		}
		wanted := change.StatementChange{Action: action, Role: f.role, Reason: reason, Note: f.note}
		for _, ref := range g.refs {
			d, _ := ref.Digest()
			wanted.Digests = append(wanted.Digests, d)
		}
		orders = append(orders, client.StatementOrder(g.repository, wanted))
	}
	done, err := s.carryOut(ctx, c, change.RequestKind(action.String()), f.keys, f.file, orders...)
	if err != nil || done == nil {
		return statementError(err)
	}
	out, err := newSubmitAnswer(done.Request, "", done.Transaction)
	if err != nil {
		return err
	}
	if out.Receipt, err = s.saveReceipt(ctx, done.Transaction, f.receipt); err != nil {
		return err
	}
	return s.print(out)
}

// statementError makes what no statement may say the user's mistake.
func statementError(err error) error {
	if errors.Is(err, record.ErrStatement) {
		return cli.UsageError(err)
	}
	return err
}

// checkPublished asks about digests that were never published in their repository: who
// revokes one that was misspelt would think the right one revoked.
func (s *session) checkPublished(ctx context.Context, c *client.Client, g tagGroup) error {
	for _, ref := range g.refs {
		d, _ := ref.Digest()
		_, _, warnings, err := c.Resolve(ctx, query.Resolve{Repository: g.repository, Digest: d})
		var denial *bundle.Denial
		switch {
		case errors.As(err, &denial) && errors.Is(err, bundle.ErrAbsentImage):
			s.warnAll(warnings, nil)
			err = s.confirm(ctx, "", fmt.Sprintf("%s was never published. Revoke it all the same?", ref), "use --force")
			if cli.IsUsage(err) {
				return fmt.Errorf("couldn't revoke %s: %w", ref, errNeverPublished)
			}
			if err != nil {
				return err
			}
		case err != nil && denial == nil:
			return err
		}
	}
	return nil
}
