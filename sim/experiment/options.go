package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"hullmark/internal/cli"
)

// options describe an experiment.
type options struct {
	// Bin is the directory of the built programs.
	Bin string `json:"-"`
	// Dir is where everything lies that the experiment makes on its way; empty is a
	// new directory for temporary files. With a directory that was kept, the load goes
	// on where it ended.
	Dir string `json:"-"`
	// Output is the directory of the results.
	Output string `json:"-"`
	// Images is how many images are published, each with a tag and digest of its own,
	// and Tags how many of them a repository has.
	Images int `json:"images"`
	Tags   int `json:"tags"`
	// Nodes is how many read nodes there are.
	Nodes int `json:"nodes"`
	// Lookups is how many images are looked up in a round, drawn from all; 0, or more
	// than there are, is all.
	Lookups int `json:"lookups"`
	// Users look up at the same time, each with a home of its own.
	Users int `json:"users"`
	// Publishers publish at the same time.
	Publishers int `json:"publishers"`
	// Seed of the draw.
	Seed uint64 `json:"seed"`
	// Fsck checks the data of the first read node when it has ended.
	Fsck bool `json:"-"`
	// Keep leaves the directory as it is.
	Keep bool `json:"-"`
}

// The bounds beyond which an option is a mistake.
const (
	maxImages = 100_000_000
	// maxTags is what one transaction may change in one repository, twice: the tags
	// come in two publishes.
	maxTags  = 2000
	maxNodes = 100
	maxUsers = 1000
	// maxPublishers is below what a node takes at once.
	maxPublishers = 200
)

func defaultOptions() options {
	return options{
		Bin: "bin", Output: "bin/experiment", Images: 1_000_000, Tags: 100,
		Nodes: 10, Lookups: 100_000, Users: 4, Publishers: 32, Seed: 1,
	}
}

// parseOptions reads the command line. Mistakes are usage errors.
func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := defaultOptions()
	f := flag.NewFlagSet("experiment", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.Bin, "bin", o.Bin, "directory of the built programs")
	f.StringVar(&o.Dir, "dir", o.Dir, "directory for the networks' data; a new temporary one by default, and one that was kept goes on where it ended")
	f.StringVar(&o.Output, "output", o.Output, "directory of the results")
	f.IntVar(&o.Images, "images", o.Images, "images to publish")
	f.IntVar(&o.Tags, "tags", o.Tags, "images of one repository")
	f.IntVar(&o.Nodes, "nodes", o.Nodes, "read nodes")
	f.IntVar(&o.Lookups, "lookups", o.Lookups, "look-ups of a round; 0 looks every image up")
	f.IntVar(&o.Users, "users", o.Users, "users who look up at the same time")
	f.IntVar(&o.Publishers, "publishers", o.Publishers, "publishers who publish at the same time")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of the draw of images")
	f.BoolVar(&o.Fsck, "fsck", o.Fsck, "check the data of a read node at the end")
	f.BoolVar(&o.Keep, "keep", o.Keep, "keep the data at the end")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, err
		}
		return o, cli.UsageError(err)
	}
	if f.NArg() > 0 {
		return o, cli.Usage("unknown argument %q", f.Arg(0))
	}
	return o, o.validate()
}

// validate reports options with which no experiment is possible.
func (o options) validate() error {
	for _, bound := range []struct {
		name             string
		value, low, high int
	}{
		{"images", o.Images, 1, maxImages},
		{"tags", o.Tags, 1, maxTags},
		{"nodes", o.Nodes, 3, maxNodes}, // one is killed, one lies, one answers
		{"lookups", o.Lookups, 0, maxImages},
		{"users", o.Users, 1, maxUsers},
		{"publishers", o.Publishers, 1, maxPublishers},
	} {
		if bound.value < bound.low || bound.value > bound.high {
			return cli.Usage("-%s %d; choose from %d to %d", bound.name, bound.value, bound.low, bound.high)
		}
	}
	return nil
}

// workDir returns the directory to work in.
func (o options) workDir() (string, error) {
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return "", fmt.Errorf("couldn't make directory: %w", err)
		}
		return o.Dir, nil
	}
	dir, err := os.MkdirTemp("", "hullmark-experiment-")
	if err != nil {
		return "", fmt.Errorf("couldn't make directory: %w", err)
	}
	return dir, nil
}
