package main

import (
	"github.com/spf13/cobra"

	"hullmark/internal/cli"
)

func newVersion(s *session) *cobra.Command {
	return cli.Version(func(_ *cobra.Command, b cli.Build) error { return s.print(&versionAnswer{b}) })
}

type versionAnswer struct{ cli.Build }

func (a *versionAnswer) text(t *table) {
	t.row("hullmark", "%s", a.Version)
	t.row("built with", "%s, %s", a.Go, a.Platform)
}
