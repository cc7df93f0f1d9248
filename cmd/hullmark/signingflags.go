package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/internal/cli"
	"hullmark/tuf"
)

// signingFlags are the flags of commands that sign lists of tags.
type signingFlags struct {
	role    string
	keys    []string
	expires time.Duration
	file    string
	receipt string
	adoptionFlags
}

// addKeys adds the flag that names keys to sign with.
func (f *signingFlags) addKeys(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.keys, "key", nil, "name of a key of the role to sign with (repeatable; default: all that may)")
}

func (f *signingFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	roleFlag(flags, &f.role, "role", "role whose list it is: targets, or a delegated one such as targets/ci, or ci for short")
	f.addKeys(flags)
	durationFlag(flags, &f.expires, "expires", defaultTargetsLife, "life of the list of tags; publish again before it ends")
	f.adoptionFlags.add(flags)
	requestFlag(flags, &f.file)
	receiptFlag(flags, &f.receipt)
}

func (f *signingFlags) check() error {
	if f.expires < time.Second {
		return cli.Usage("--expires must be in the future")
	}
	if err := checkReceipt(f.receipt, f.file); err != nil {
		return err
	}
	return checkRole(f.role)
}

// roleName is a flag that names a role with a list of tags, a delegated one by its
// short name too.
type roleName string

// roleFlag adds a flag that names a role, targets unless it is given.
func roleFlag(flags *pflag.FlagSet, role *string, name, usage string) {
	*role = tuf.RoleTargets
	flags.Var((*roleName)(role), name, usage)
}

// String implements pflag.Value.
func (r *roleName) String() string { return string(*r) }

// Set implements pflag.Value.
func (r *roleName) Set(text string) error {
	switch *r = roleName(text); text {
	case tuf.RoleTargets, tuf.RoleRoot, tuf.RoleSnapshot, tuf.RoleTimestamp: // the latter have no list of tags, which is said later
	default:
		*r = roleName(delegatedName(text))
	}
	return nil
}

// Type implements pflag.Value.
func (*roleName) Type() string { return "string" }

// checkRole refuses what is no role with a list of tags.
func checkRole(name string) error {
	if name != tuf.RoleTargets && !tuf.IsDelegatedRole(name) {
		return cli.Usage("invalid role %q; use %s, or %s/NAME with NAME of a-z, 0-9, '.', '_' and '-'", name, tuf.RoleTargets, tuf.RoleTargets)
	}
	return nil
}
