package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/internal/cli"
	"hullmark/query"
	"hullmark/reference"
)

func newWithdraw(s *session) *cobra.Command {
	var f signingFlags
	cmd := &cobra.Command{
		Use:         "withdraw REF...",
		Annotations: limit(writeTimeout),
		Short:       "Take tags back: from now on they mean nothing",
		Long: `Withdraw removes tags from the signed lists, of one repository or several, all or
none. Whoever asks is told that the publisher withdrew the tag: it never falls back to
an older image. Published again it means what is published. Without --role a tag is
taken out of the list of the role that holds it. A tag that was withdrawn already stays
as it is, so that the command may be run again. To say that an image is bad, whatever
tags it has, revoke its digest instead.

JSON: that of publish; the tags have no digest, and withdrawn_height if they were
withdrawn already.

Exit status: 0 withdrawn, 1 other error, 3 the tag was never published or the repository
is not registered, 5 rejected by the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			refs, err := parseTagged(args)
			if err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			for _, ref := range refs {
				if _, ok := ref.Digest(); ok {
					return cli.Usage("%s names a digest; a tag is what is withdrawn", ref)
				}
			}
			role := ""
			if cmd.Flags().Changed("role") {
				role = f.role
			}
			groups := group(refs)
			if err := s.findTags(cmd.Context(), groups, role); err != nil {
				return err
			}
			return s.publishChanges(cmd.Context(), groups, f, func(ref reference.Reference) (change.TagChange, error) {
				tag, _ := ref.Tag()
				return change.TagChange{Tag: tag}, nil
			})
		},
	}
	f.add(cmd)
	return cmd
}

// findTags notes in groups which tags were withdrawn already, and the roles that hold the
// others, unless a role is named. A tag that was never published is an error. Where there
// is no answer, nothing is noted: what follows says so.
func (s *session) findTags(ctx context.Context, groups []tagGroup, role string) error {
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return err
	}
	for i := range groups {
		g := &groups[i]
		var held []string // TAG in ROLE
		for _, ref := range slices.Clone(g.refs) {
			tag, _ := ref.Tag()
			done := s.progress("asking who holds " + tag.String())
			r, _, _, err := c.Resolve(ctx, query.Resolve{Repository: g.repository, Tag: tag})
			done()
			var denial *bundle.Denial
			if errors.As(err, &denial) {
				r = denial.Result
			}
			switch {
			case errors.Is(err, bundle.ErrAbsentTag):
				return fmt.Errorf("couldn't withdraw %s: %w", ref, &bundle.Denial{Reason: bundle.ErrAbsentTag, Result: r})
			case r == nil || r.Role == "":
			case errors.Is(err, bundle.ErrWithdrawn):
				g.gone = append(g.gone, goneTag{tag.String(), r.Published.Height})
				if len(held) == 0 {
					g.role = cmp.Or(role, r.Role) // whose list the answer is about
				}
				g.refs = slices.DeleteFunc(g.refs, func(other reference.Reference) bool { return other == ref })
			case role != "" && role != r.Role:
				return cli.Usage("%s is in the list of %s; withdraw it with --role %s, or without --role", ref, r.Role, r.Role)
			default:
				g.role = r.Role
				held = append(held, fmt.Sprintf("%s in %s", tag, r.Role))
				if _, first, _ := strings.Cut(held[0], " in "); first != r.Role {
					return cli.Usage("the tags are in lists of several roles, %s; withdraw those of each with --role", strings.Join(held, ", "))
				}
			}
		}
	}
	return nil
}

// goneTag is a tag that was withdrawn already, at a height.
type goneTag struct {
	tag    string
	height uint64
}

// nothingLeft reports whether all that a group was about is so already.
func (g tagGroup) nothingLeft() bool { return len(g.gone) > 0 && len(g.refs) == 0 }

// addGone adds the tags that were withdrawn already to an answer.
func (a *publishAnswer) addGone(groups []tagGroup) {
	for _, g := range groups {
		i := slices.IndexFunc(a.Repositories, func(p publishedJSON) bool { return p.Repository == g.repository.String() })
		for _, gone := range g.gone {
			a.Repositories[i].Tags = append(a.Repositories[i].Tags, tagJSON{Tag: gone.tag, WithdrawnHeight: gone.height})
		}
	}
}
