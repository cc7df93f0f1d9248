package main

import (
	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/reference"
)

func newRepoRefresh(s *session) *cobra.Command {
	var f signingFlags
	cmd := &cobra.Command{
		Use:         "refresh REPO...",
		Annotations: limit(writeTimeout),
		Short:       "Sign the lists of tags anew, before they expire",
		Long: `Refresh publishes the next version of each repository's list of tags, with the same
tags and a later expiry, all or none. It warns when a root expires soon; ` + "`hullmark repo\nrotate`" + ` without keys renews that.

JSON: that of publish.

Exit status: 0 published, 1 other error, 3 repository not registered, 5 rejected by
the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			var groups []tagGroup
			seen := make(map[reference.Repository]bool)
			for _, text := range args {
				name, err := parseRepository(text)
				if err != nil {
					return err
				}
				if seen[name] {
					return cli.Usage("repository %s is named twice", name)
				}
				seen[name] = true
				groups = append(groups, tagGroup{repository: name})
			}
			return s.publishChanges(cmd.Context(), groups, f, nil)
		},
	}
	f.add(cmd)
	return cmd
}
