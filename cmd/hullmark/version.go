package main

import (
	"runtime"

	"github.com/spf13/cobra"

	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
)

func newVersion(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Long: `Version shows which build this is.

JSON: version, go, platform.`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			return s.print(&versionAnswer{buildinfo.Version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
		},
	}
}

type versionAnswer struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (a *versionAnswer) text(t *table) {
	t.row("hullmark", "%s", a.Version)
	t.row("built with", "%s, %s", a.Go, a.Platform)
}
