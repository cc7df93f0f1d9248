// Dist packs what was built into the archives of a release, one per platform, and writes
// their checksums. The same files give the same bytes, whoever packs them and where
// (docs/adr/0054-platforms-and-releases.md). Its arguments are the platforms, such as
// linux-arm64; "make dist" runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"hullmark/internal/cli"
)

func main() {
	cli.Main(func(_ context.Context, args []string) int {
		switch err := command(args); {
		case errors.Is(err, flag.ErrHelp):
			return cli.ExitOK
		case err != nil:
			fmt.Fprintf(os.Stderr, "dist: error: %v\n", err)
			return cli.ExitCode(err)
		}
		return cli.ExitOK
	})
}

// command packs the platforms that args name.
func command(args []string) error {
	var r release
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.StringVar(&r.version, "version", "", "version that the archives are named by")
	flags.StringVar(&r.programs, "programs", "bin/cross", "directory with one directory of programs per platform")
	flags.StringVar(&r.share, "share", "bin/share", "directory of manual pages and completion scripts")
	flags.StringVar(&r.texts, "texts", ".", "directory of licence, readme and changelog")
	flags.StringVar(&r.output, "output", "bin/dist", "directory for the archives and checksums.txt")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var err error
	if r.made, err = cli.SourceDate(); err != nil {
		return err
	}
	return r.write(flags.Args())
}
