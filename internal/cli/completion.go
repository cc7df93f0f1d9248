package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// Completion returns the command of a program that prints completion scripts for
// shells.
func Completion(program string) *cobra.Command {
	shell := func(name, load string, write func(root *cobra.Command, out io.Writer) error) *cobra.Command {
		return &cobra.Command{
			Use:   name,
			Short: "Print the completion script for " + name,
			Long: fmt.Sprintf(`Prints the script to standard output. To load it in this session:

  %s

JSON: none, the script is text.`, fmt.Sprintf(load, program)),
			Args: Args(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error {
				return write(cmd.Root(), cmd.OutOrStdout())
			},
		}
	}
	return Group("completion", "Print a script that completes commands and flags in your shell",
		shell("bash", "source <(%s completion bash)", func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) }),
		shell("zsh", "source <(%s completion zsh)", (*cobra.Command).GenZshCompletion),
		shell("fish", "%s completion fish | source", func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) }),
		shell("powershell", "%s completion powershell | Out-String | Invoke-Expression", (*cobra.Command).GenPowerShellCompletionWithDesc),
	)
}
