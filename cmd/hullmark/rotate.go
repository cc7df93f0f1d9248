package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/reference"
	"hullmark/tuf"
)

// rotateFlags are the flags of repo rotate.
type rotateFlags struct {
	roleFlags
	adoptionFlags
	file string
}

func newRepoRotate(s *session) *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:         "rotate REPO [--root-key NAME...] [--targets-key NAME...]",
		Annotations: limit(writeTimeout),
		Short:       "Replace a repository's keys, or renew its root",
		Long: `Rotate makes the next root of a repository and publishes it. Keys named replace
those of their role; roles of which none is named keep theirs. It is signed by the
root keys of this home, old and new. When they are elsewhere, -o writes a signing
request for ` + "`hullmark sign`" + ` and ` + "`hullmark submit`" + `.

Tags whose signatures no longer count verify nothing from then on, which is what you
want when a tagging key was stolen. The list of tags and delegations can be signed anew
in the same transaction, so that no tag is without effect in between. Each tag and each
delegation must then be named with --adopt or --drop; what is missing is listed, and
nothing is done. ` + "`hullmark repo show`" + ` tells their digests before.

JSON: that of repo init without file and complete, and targets_version (with --adopt or
--drop),
height, tx_hash; with -o that of sign.

Exit status: 0 committed, 1 other error, 3 not registered, 5 rejected by the ledger,
6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := parseRepository(args[0])
			if err != nil {
				return err
			}
			if f.expires < time.Second {
				return cli.Usage("--expires must be in the future")
			}
			if !cmd.Flags().Changed("root-threshold") {
				f.rootThreshold = 0
			}
			if !cmd.Flags().Changed("targets-threshold") {
				f.targetsThreshold = 0
			}
			return s.rotate(cmd.Context(), name, f)
		},
	}
	f.roleFlags.add(cmd.Flags())
	f.adoptionFlags.add(cmd.Flags())
	requestFlag(cmd.Flags(), &f.file)
	return cmd
}

// rotate replaces keys; thresholds of zero stay as they are.
func (s *session) rotate(ctx context.Context, name reference.Repository, f rotateFlags) error {
	adoption, err := s.adoption(f.adoptionFlags)
	if err != nil {
		return err
	}
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return err
	}
	wanted, err := s.rootChange(ctx, f.roleFlags)
	if err != nil {
		return err
	}
	var orphans *change.Inherited // what verifies nothing under the new root
	order := client.Order{Repository: name, Draft: func(current *change.Current, sent *change.RequestPart) (*change.RequestPart, error) {
		part, left, err := change.Rotate(current, wanted, adoption, expiry(defaultTargetsLife))
		if err != nil {
			return nil, fmt.Errorf("couldn't rotate %s: %w", name, flagError(err))
		}
		if sent == nil {
			s.warnOneKey(part.NewRoots[0].Roles)
		}
		orphans = left
		return part, nil
	}}
	done, err := s.carryOut(ctx, c, change.RequestRotate, nil, f.file, order)
	if err != nil {
		return err
	}
	if done == nil {
		if orphans != nil {
			s.warn("the tags of %s will verify nothing once this is submitted: their signatures do not count under the new root; `hullmark repo refresh %s` lists what has to be decided then", name, name)
		}
		return nil
	}
	if orphans != nil {
		s.warn("the tags of %s verify nothing from now on: their signatures do not count any more; `hullmark repo refresh %s` lists each tag and delegation, to be named with --adopt or --drop", name, name)
	}
	part := done.Parts[0]
	out := newRootAnswer(part.NewRoots[0])
	out.Height, out.TxHash = done.Transaction.GetHeight(), hex.EncodeToString(done.Transaction.GetHash())
	if len(part.NewRoles) > 0 {
		out.TargetsVersion = part.NewRoles[0].Version
	}
	return s.print(out)
}

// repository asks for a repository, with what a person likes to see meanwhile.
func (s *session) repository(ctx context.Context, c *client.Client, name reference.Repository) (*bundle.Result, error) {
	return s.role(ctx, c, name, tuf.RoleTargets)
}

// role asks for a repository with the files that lead to a role.
func (s *session) role(ctx context.Context, c *client.Client, name reference.Repository, role string) (*bundle.Result, error) {
	done := s.progress("asking the ledger")
	r, warnings, err := c.Role(ctx, name, role)
	done()
	s.warnAll(warnings, err)
	return r, err
}
