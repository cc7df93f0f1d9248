package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/query"
	"hullmark/reference"
)

func newBundle(s *session) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:         "bundle REF... -o FILE",
		Annotations: limit(readTimeout),
		Short:       "Save the proof of answers, for those who cannot ask",
		Long: `Bundle verifies each REF as verify does, and saves the proofs to one file. Whoever has
a trust anchor that has not expired can check them with ` + "`hullmark verify REF --bundle FILE`" + `,
now or later, without a network: the file leads over every change of the validators
within the trusting period, and from the first root of each repository.

JSON (unless the file is standard output): for one REF that of verify, and file; for
several file, proof_bytes, and answers, each that of verify.

Exit status: 0 written, 1 other error, 3 not trusted, 4 verification failed (possible
attack), 6 no node reachable or answer too old. No file is written unless every REF is
verified.`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var refs []reference.Reference
			for _, text := range args {
				ref, err := parseReference(text)
				if err != nil {
					return err
				}
				refs = append(refs, ref)
			}
			if output == "" {
				return cli.Usage("name the file to write with -o, - for standard output")
			}
			results, data, err := s.makeBundles(cmd.Context(), refs)
			if err != nil {
				return err
			}
			if err := s.writeOutput(output, data, publicMode); err != nil || output == "-" {
				return err
			}
			var answers []*verifyAnswer
			for _, r := range results {
				answers = append(answers, &verifyAnswer{imageJSON: newImage(r), proofJSON: newProof(r), ProofBytes: len(data)})
			}
			if len(answers) == 1 {
				return s.print(&bundleAnswer{verifyAnswer: answers[0], File: output})
			}
			return s.print(&bundlesAnswer{File: output, ProofBytes: len(data), Answers: answers})
		},
	}
	cmd.Flags().StringVarP(&output, "file", "o", "", "file to write, - for standard output")
	newFileFlag(cmd.Flags(), "file")
	return cmd
}

// makeBundles returns the content of a file whose proofs hold for everybody who has
// a trust anchor, and what they prove.
func (s *session) makeBundles(ctx context.Context, refs []reference.Reference) ([]*bundle.Result, []byte, error) {
	var entries []bundle.FileEntry
	done := s.progress("asking the ledger")
	for _, ref := range refs {
		more, warnings, err := s.fetchBundle(ctx, ref)
		s.warnAll(warnings, err)
		if err != nil {
			done()
			return nil, nil, err
		}
		entries = append(entries, more...)
	}
	done()
	data, err := bundle.EncodeFile(entries)
	if err != nil {
		return nil, nil, err
	}
	// And judged by all this home knows, before anybody is given it.
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return nil, nil, err
	}
	var results []*bundle.Result
	for _, ref := range refs {
		r, warnings, err := c.VerifyBundle(ctx, data, query.Of(ref), bundle.DefaultPolicy())
		s.warnAll(warnings, err)
		if errors.Is(err, bundle.ErrBehind) && ctx.Err() == nil {
			return s.makeBundles(ctx, refs) // another process with this home has seen more meanwhile
		}
		if err != nil {
			return nil, nil, err
		}
		results = append(results, r)
	}
	return results, append(data, '\n'), nil
}

// fetchBundle gets the proof of one answer. Asked for with this home's memory, it
// would leave out what the memory knows. So it is asked for as a client would that
// knows the anchor only, and how new the state must be.
func (s *session) fetchBundle(ctx context.Context, ref reference.Reference) ([]bundle.FileEntry, []client.Warning, error) {
	home, err := s.home()
	if err != nil {
		return nil, nil, err
	}
	anchor, err := home.Anchor()
	if err != nil {
		return nil, nil, err
	}
	known, err := home.Load(ctx, ref.Repository())
	if err != nil {
		return nil, nil, err
	}
	fresh := bundle.NewMemory(anchor)
	if seen, ok := known.Repository(ref.Repository()); ok {
		fresh = fresh.WithChange(ref.Repository(), seen.Changed)
	}
	o, err := s.options(client.NewMemoryStore(fresh), bundle.DefaultPolicy())
	if err != nil {
		return nil, nil, err
	}
	c, err := client.New(o)
	if err != nil {
		return nil, nil, err
	}
	return c.Bundle(ctx, ref)
}

type bundleAnswer struct {
	*verifyAnswer
	File string `json:"file"`
}

func (a *bundleAnswer) text(t *table) {
	t.row("saved", "%s", a.File)
	a.verifyAnswer.text(t)
}

type bundlesAnswer struct {
	File       string          `json:"file"`
	ProofBytes int             `json:"proof_bytes"`
	Answers    []*verifyAnswer `json:"answers"`
}

func (a *bundlesAnswer) text(t *table) {
	t.row("saved", "%s", a.File)
	for _, answer := range a.Answers {
		t.row("verified", "%s is %s", answer.name(), answer.Reference)
	}
	t.row("proofs", "%d bytes", a.ProofBytes)
}
