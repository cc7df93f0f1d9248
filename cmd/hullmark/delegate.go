package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/reference"
	"hullmark/tuf"
)

// delegateFlags are the flags of repo delegate.
type delegateFlags struct {
	signingFlags
	roleKeys    []string
	threshold   int
	paths       []string
	terminating bool
	before      string
	remove      bool
	// terminatingSet says that --terminating was given.
	terminatingSet bool
}

func newRepoDelegate(s *session) *cobra.Command {
	var f delegateFlags
	cmd := &cobra.Command{
		Use:         "delegate REPO NAME [--role-key KEY...] [--path PATTERN...]",
		Annotations: limit(writeTimeout),
		Short:       "Let other keys publish some of a repository's tags",
		Long: `Delegate makes a role, or changes one: its keys may from then on publish those tags of
the repository that match a path, with publish --role. NAME is targets/NAME, or NAME
alone. In a path, * stands for any characters and ? for one; --path '*' delegates all
tags. What is not named stays as it is.

Keys are named like those of repo init: a name, or a file NAME.pub. The list that
delegates is signed by its own keys, the tagging keys unless --from says otherwise;
when they are elsewhere, -o writes a signing request.

Roles are asked in their order: of two that may set a tag the first comes before the
second, and a terminating one leaves the tags that match its paths to itself. A role
whose keys were replaced or whose paths became narrower verifies nothing until its own
keys sign the next list (repo refresh --role), and so does nothing below it. --remove
takes a role away, and with it whatever it has published.

JSON: repository, from, role, removed, threshold, keys, paths, terminating, digest (of
the delegation), roles (all to which the list delegates, in order), targets_version,
expires, changed, height, tx_hash; with -o that of sign.

Exit status: 0 committed, 1 other error, 3 repository not registered, 5 rejected by
the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := parseRepository(args[0])
			if err != nil {
				return err
			}
			f.terminatingSet = cmd.Flags().Changed("terminating")
			if err := f.checkDelegation(); err != nil {
				return err
			}
			role := delegatedName(args[1])
			if err := checkRole(role); err != nil {
				return err
			}
			return s.delegate(cmd.Context(), name, role, f)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.roleKeys, "role-key", nil, "key of the role: a name, or a file NAME.pub (repeatable; replaces those it has)")
	flags.IntVar(&f.threshold, "threshold", 0, "how many keys of the role must sign (default 1, or what it is)")
	flags.StringArrayVar(&f.paths, "path", nil, "pattern of tags that the role may set (repeatable; replaces those it has)")
	flags.BoolVar(&f.terminating, "terminating", false, "leave tags that match to this role, whatever roles after it say")
	flags.StringVar(&f.before, "before", "", "role that this one comes before (default: a new one comes last)")
	flags.BoolVar(&f.remove, "remove", false, "take the delegation away")
	roleFlag(flags, &f.role, "from", "role that delegates")
	f.addKeys(flags)
	durationFlag(flags, &f.expires, "expires", defaultTargetsLife, "life of the list that delegates")
	f.adoptionFlags.add(flags)
	requestFlag(flags, &f.file)
	return cmd
}

// delegatedName returns the whole name of a delegated role.
func delegatedName(name string) string {
	if strings.HasPrefix(name, tuf.RoleTargets+"/") {
		return name
	}
	return tuf.RoleTargets + "/" + name
}

// checkDelegation refuses flags that contradict each other.
func (f *delegateFlags) checkDelegation() error {
	if err := f.check(); err != nil {
		return err
	}
	if f.before != "" {
		f.before = delegatedName(f.before)
	}
	changes := len(f.roleKeys) > 0 || len(f.paths) > 0 || f.threshold != 0 || f.terminatingSet || f.before != ""
	switch {
	case f.remove && changes:
		return cli.Usage("--remove goes with no other change of the role")
	case !f.remove && !changes:
		return cli.Usage("say what the role is to be: --role-key, --path, --threshold, --terminating, --before, or --remove")
	}
	return nil
}

// delegate changes what a role of a repository hands on.
func (s *session) delegate(ctx context.Context, name reference.Repository, role string, f delegateFlags) error {
	adoption, err := s.adoption(f.adoptionFlags)
	if err != nil {
		return err
	}
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return err
	}
	order := client.Order{Repository: name, Role: f.role, Draft: func(current *change.Current, sent *change.RequestPart) (*change.RequestPart, error) {
		if err := checkRoot(current.Root); err != nil {
			return nil, fmt.Errorf("couldn't change delegations of %s: %w", name, err)
		}
		wanted, err := s.delegationChange(ctx, current.Files[f.role], role, f)
		if err != nil {
			return nil, err
		}
		next, err := change.NextDelegator(current, f.role, wanted, adoption, expiry(f.expires))
		if err != nil {
			return nil, flagError(err)
		}
		if stored := current.Files[f.role]; stored != nil {
			if d, err := stored.Delta(next); err == nil && !d.Redelegate {
				if sent != nil {
					return nil, nil // an attempt whose answer was lost did it
				}
				return nil, fmt.Errorf("couldn't change delegations of %s: %w", name, errNothing)
			}
		}
		part := change.NewRolePart(current, next)
		return &part, nil
	}}
	done, err := s.carryOut(ctx, c, change.RequestPublish, f.keys, f.file, order)
	if err != nil || done == nil {
		return err
	}
	s.warnSwitchedOff(ctx, c, done.Current[0])
	file := done.Current[0].Files[f.role]
	if p := done.Parts[0]; p != nil {
		file = p.NewRoles[0]
	}
	return s.print(newDelegateAnswer(file, role, newCommitted(done.Transaction)))
}

// delegationChange returns what the flags make of a role that a file may delegate
// to already.
func (s *session) delegationChange(ctx context.Context, from *tuf.Targets, role string, f delegateFlags) (change.DelegationChange, error) {
	out := change.DelegationChange{Role: tuf.DelegatedRole{Name: role}, Before: f.before, Remove: f.remove}
	if f.remove {
		return out, nil
	}
	known := false
	if from != nil {
		var before tuf.DelegatedRole
		if before, known = from.Delegation(role); known {
			out.Role = before
		}
	}
	if !known && (len(f.roleKeys) == 0 || len(f.paths) == 0) {
		return out, cli.Usage("%s does not delegate to %s; a new role needs --role-key and --path", f.role, role)
	}
	out.Role.Threshold = cmp.Or(f.threshold, out.Role.Threshold, 1)
	if len(f.paths) > 0 {
		out.Role.Paths = f.paths
	}
	if f.terminatingSet {
		out.Role.Terminating = f.terminating
	}
	if len(f.roleKeys) == 0 {
		return out, nil
	}
	out.Role.KeyIDs = nil
	for _, n := range f.roleKeys {
		public, err := s.publicKey(ctx, n)
		if err != nil {
			return out, err
		}
		out.Keys = append(out.Keys, public)
		out.Role.KeyIDs = append(out.Role.KeyIDs, public.ID())
	}
	return out, nil
}

// warnSwitchedOff warns of roles that verified something before and do no more. That
// nobody answers now does not undo what was committed.
func (s *session) warnSwitchedOff(ctx context.Context, c *client.Client, before *change.Current) {
	after, _, err := c.Repository(ctx, before.Repository)
	if err != nil {
		return
	}
	for _, was := range before.Roles {
		role, there := after.RoleStatus(was.Name)
		switch {
		case !was.Effective || role.Effective:
		case !there:
			s.warn("the tags of %s verify nothing from now on: nobody delegates to it", was.Name)
		case !role.MeetsKeys:
			s.warn("the tags of %s verify nothing from now on: keys signed them that are the role's no more; %s lists them, to be named with --adopt or --drop",
				role.Name, renewal(after.Repository, role.Name))
		case role.Narrowed:
			s.warn("the tags of %s verify nothing until its keys sign them anew with %s", role.Name, renewal(after.Repository, role.Name))
		default:
			s.warn("the tags of %s verify nothing until those of %s do", role.Name, role.Parent)
		}
	}
}

// delegateAnswer is what a change of delegations did.
type delegateAnswer struct {
	Repository     string    `json:"repository"`
	From           string    `json:"from"`
	Role           string    `json:"role"`
	Removed        bool      `json:"removed"`
	Threshold      int       `json:"threshold"`
	Keys           []string  `json:"keys"`
	Paths          []string  `json:"paths"`
	Terminating    bool      `json:"terminating"`
	Digest         string    `json:"digest,omitempty"`
	Roles          []string  `json:"roles"`
	TargetsVersion uint64    `json:"targets_version"`
	Expires        time.Time `json:"expires"`
	committedJSON
}

func newDelegateAnswer(next *tuf.Targets, role string, committed committedJSON) *delegateAnswer {
	a := &delegateAnswer{
		Repository: next.Binding.Repository.String(), From: next.Binding.Role, Role: role,
		Keys: []string{}, Paths: []string{}, Roles: []string{},
		TargetsVersion: next.Version, Expires: next.Expires, committedJSON: committed,
	}
	for _, d := range newDelegations(next) {
		a.Roles = append(a.Roles, d.Role)
		if d.Role == role {
			a.Threshold, a.Keys, a.Paths, a.Terminating, a.Digest = d.Threshold, d.Keys, d.Paths, d.Terminating, d.Digest
		}
	}
	a.Removed = !slices.Contains(a.Roles, role)
	return a
}

func (a *delegateAnswer) text(t *table) {
	t.row("repository", "%s", a.Repository)
	if a.Removed {
		t.row("removed", "%s", a.Role)
	} else {
		delegationRows(t, []delegationJSON{{a.Role, a.Threshold, a.Keys, a.Paths, a.Terminating, a.Digest}})
		t.row("order", "%s", strings.Join(a.Roles, ", "))
		t.row("next", "hullmark publish %s:TAG --role %s", a.Repository, a.Role)
	}
	t.row(a.From, "version %d, expires %s", a.TargetsVersion, stamp(a.Expires))
	a.committedJSON.text(t)
}
