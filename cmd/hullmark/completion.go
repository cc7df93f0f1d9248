package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/keystore"
	"hullmark/query"
	"hullmark/tuf"
)

// addCompletion teaches the commands below root what their arguments and flags can
// be. Nothing here asks a node: completing must not be felt.
func (s *session) addCompletion(cmd *cobra.Command) {
	path := strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
	if cmd.ValidArgsFunction == nil {
		switch path {
		case "key export":
			cmd.ValidArgsFunction = s.completeKeys
		case "sign", "submit", "operator register", "operator relay", "trust import", "key import":
			// Files, as the shell completes them.
		default:
			cmd.ValidArgsFunction = cobra.NoFileCompletions
		}
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if complete := s.completeFlag(cmd, f.Name); complete != nil {
			// It fails only for a flag that is not there, or has one already.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, complete)
		}
	})
	for _, child := range cmd.Commands() {
		s.addCompletion(child)
	}
}

// completeFlag returns what completes a flag, nil for files.
func (s *session) completeFlag(cmd *cobra.Command, flag string) cobra.CompletionFunc {
	fixed := func(values ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	switch flag {
	case "output":
		return fixed(outputText, outputJSON)
	case "type":
		return fixed(string(keystore.TypeEd25519), string(keystore.TypeECDSAP256))
	case "assurance":
		return fixed(query.PublisherAssurance.String(), query.LedgerAssurance.String())
	case "reason":
		return fixed(reasonNames()...)
	case "role":
		if cmd.Name() == "revoke" {
			return fixed(tuf.RoleTargets, tuf.RoleRoot)
		}
		// The names below targets/ are the publisher's own, and nobody is asked.
		return cobra.FixedCompletions([]string{tuf.RoleTargets, tuf.RoleTargets + "/"}, cobra.ShellCompDirectiveNoFileComp|cobra.ShellCompDirectiveNoSpace)
	case "root-key", "targets-key", "role-key":
		return s.completeKeysOrFiles
	case "key":
		if cmd.Parent().Name() == "operator" {
			return nil
		}
		return s.completeKeys
	case "node", "timeout", "max-age", "expires", "operator", "digest", "size", "root-threshold", "targets-threshold", "note", "limit", "after",
		"threshold", "path", "before", "from":
		return cobra.NoFileCompletions
	default:
		return nil
	}
}

// completeKeys offers the names of the home's keys.
func (s *session) completeKeys(_ *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	var err error
	if s.dir, err = s.named.Path(); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list, err := s.keys().List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, info := range list {
		if strings.HasPrefix(info.Name, start) && !slices.Contains(args, info.Name) {
			names = append(names, info.Name+"\t"+string(info.Type))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeKeysOrFiles offers files beside the names of the home's keys.
func (s *session) completeKeysOrFiles(cmd *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	names, _ := s.completeKeys(cmd, args, start)
	return names, cobra.ShellCompDirectiveDefault
}
