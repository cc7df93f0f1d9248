package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"hullmark/internal/buildinfo"
)

// Build is which build of a program is running, as --output json tells it.
type Build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// Version returns the command of a program that shows its build by show.
func Version(show func(cmd *cobra.Command, b Build) error) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Long: `Version shows which build this is.

JSON: version, go, platform.`,
		Args: Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return show(cmd, Build{buildinfo.Version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
		},
	}
}
