// Demo tells Hullmark's story on one machine, every step for real: four validator
// processes, a registry, an operator, a publisher, a client that trusts nothing
// but an anchor, and then everything an attacker would try. It runs the built
// programs as a user would and fails if any of them does not do what it should.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hullmark/internal/cli"
)

func main() {
	bin := flag.String("bin", "bin", "directory of the built programs")
	keep := flag.Bool("keep", false, "keep the demo's directory when it ends well")
	flag.Parse()
	cli.Main(func(ctx context.Context, _ []string) int {
		if err := run(ctx, *bin, *keep); err != nil {
			fmt.Fprintf(os.Stderr, "demo: error: %v\n", err)
			return cli.ExitError
		}
		return cli.ExitOK
	})
}

// scene is one part of the story.
type scene struct {
	title string
	play  func(*stage) error
}

// scenes are the story. Those of attacks say so: README.md counts them.
func scenes() []scene {
	return []scene{
		{"Four operators start a ledger", startNetwork},
		{"A registry holds a small image", pushImage},
		{"The operator who owns the name checks a request and registers the repository", register},
		{"The publisher says what v1 means", publish},
		{"A client that knows only the trust anchor verifies it", verify},
		{"Attack: the registry swaps the image behind the tag", swapImage},
		{"Attack: somebody offers a tag that was never published", absentTag},
		{"Attack: a rogue operator carries a forged signature", forgeSignature},
		{"Attack: a lying node replays an old answer", replayAnswer},
		{"Attack: a thief has the tagging key, and the owner rotates it away", stolenKey},
		{"The publisher revokes an image", revoke},
		{"One validator is killed", killValidator},
	}
}

func run(ctx context.Context, bin string, keep bool) (err error) {
	bin, err = filepath.Abs(bin)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hullmark-demo-")
	if err != nil {
		return fmt.Errorf("couldn't make a directory: %w", err)
	}
	s := &stage{ctx: ctx, bin: bin, dir: dir, started: time.Now()}
	defer func() {
		s.close()
		if err == nil && !keep {
			err = os.RemoveAll(dir)
		} else {
			fmt.Printf("\n(everything the demo made is in %s)\n", dir)
		}
	}()
	s.opening()
	for _, scene := range scenes() {
		if err := s.scene(scene.title, scene.play); err != nil {
			if errors.Is(ctx.Err(), context.Canceled) {
				return errors.New("interrupted")
			}
			s.tail()
			return fmt.Errorf("%s: %w", scene.title, err)
		}
	}
	s.farewell()
	return nil
}
