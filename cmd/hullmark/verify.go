package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/query"
	"hullmark/reference"
	"hullmark/tuf"
)

// verifyFlags are the flags of verify.
type verifyFlags struct {
	quiet    bool
	bundle   string
	maxAge   time.Duration
	registry bool
	// asOfBlock judges what has expired since by the block time.
	asOfBlock bool
	insecure  bool
	// assurance is whose word the verdict rests on.
	assurance string
}

func newVerify(s *session) *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:         "verify REF",
		Annotations: limit(readTimeout),
		Short:       "Find and prove what a tag means, or whether a digest may be trusted",
		Long: `Verify asks the ledger what REF means and believes nothing without proof: the
block is signed by more than two thirds of the validators and is young, the answer
is in the state of that block, and the image is signed by the publisher's own keys
from its first root on.

REF is REPO:TAG, REPO@DIGEST, or REPO:TAG@DIGEST to check that the tag means this
digest. Pull what it prints:
  image=$(hullmark verify -q REPO:TAG) && docker pull "$image"

With --bundle it reads the proof from a file and asks nobody; the answer then may be of
any age, its block time is shown, and what the publisher signed must not have expired
since. A file that is older than what this home has seen of the repository is refused. With
--as-of-block-time the verdict is that of its block time, whatever has expired or was
published since; only what this home has seen revoked stays refused. With --registry it also asks the registry, and
fails with exit status 4 when that serves another image under the tag.

With --assurance ledger the publisher's signatures are left to the validators, who
checked them when the image was published: the proof is smaller, and holds while
fewer than a third of them lie. REPO@DIGEST is then verified once the repository has
published the digest and not revoked it, also if no tag lists it any more; by the
publisher's signatures that is not trusted.

JSON: reference (REPO@DIGEST), repository, tag, digest, size, assurance, role,
targets_version, tagging_keys, root_version, root_keys, published_height,
published_time, state_height, header_height, block_time, age_seconds, proof_bytes,
offline, registry_checked.

Exit status: 0 verified, 3 not trusted (absent, withdrawn, revoked, not effective,
another digest), 4 verification failed (possible attack), 6 no node reachable or
answer too old.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := parseReference(args[0])
			if err != nil {
				return err
			}
			if _, tagged := ref.Tag(); f.registry && !tagged {
				return cli.Usage("--registry compares what a tag means; name one")
			}
			assurance, err := query.ParseAssurance(f.assurance)
			if err != nil {
				return cli.UsageError(err)
			}
			if f.maxAge <= 0 {
				return cli.Usage("--max-age must be positive")
			}
			p := bundle.DefaultPolicy()
			p.MaxAge = f.maxAge
			if f.bundle != "" && !cmd.Flags().Changed("max-age") {
				p = bundle.OfflinePolicy()
			}
			if p.AllowExpired = f.asOfBlock; f.asOfBlock && !p.Offline {
				return cli.Usage("--as-of-block-time is for --bundle, without --max-age")
			}
			return s.verify(cmd.Context(), ref, assurance, p, f)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "print REPO@DIGEST only")
	flags.StringVar(&f.bundle, "bundle", "", "file with the proof, instead of asking nodes; - for standard input")
	durationFlag(flags, &f.maxAge, "max-age", bundle.DefaultMaxAge, "greatest age of the answer; with --bundle any age unless given")
	flags.BoolVar(&f.asOfBlock, "as-of-block-time", false, "with --bundle: answer for the block time, whatever has expired or was published since")
	flags.StringVar(&f.assurance, "assurance", query.PublisherAssurance.String(), "publisher or ledger: whose signatures the verdict rests on")
	flags.BoolVar(&f.registry, "registry", false, "also check that the registry serves the same image")
	flags.BoolVar(&f.insecure, "insecure", false, "allow plain HTTP to a registry on another machine")
	return cmd
}

// parseReference reads a reference that the user typed. A digest alone would be taken
// for a tag of an image named as its algorithm.
func parseReference(text string) (reference.Reference, error) {
	ref, err := reference.ParseReference(text)
	if err != nil {
		return ref, cli.UsageError(err)
	}
	if !strings.ContainsAny(text, ":@") {
		if info, err := os.Stat(text); err == nil && info.Mode().IsRegular() {
			return ref, cli.Usage("%s is a file here, which `hullmark verify REF --bundle %s`, `hullmark inspect --receipt %s` or `hullmark sign %s --show` may read; name a tag if an image is meant", text, text, text, text)
		}
	}
	if _, err := reference.ParseDigest(text); err == nil {
		return ref, cli.Usage("%s is a digest alone; say which repository must vouch for it: REPO@%s", text, text)
	}
	return ref, nil
}

// verify answers what a reference means.
func (s *session) verify(ctx context.Context, ref reference.Reference, assurance query.Assurance, p bundle.Policy, f verifyFlags) error {
	request := query.Of(ref)
	request.Assurance = assurance
	r, size, err := s.resolve(ctx, request, p, f.bundle)
	if err != nil {
		return err
	}
	if f.registry {
		if err := s.compareRegistry(ctx, r, f.insecure); err != nil {
			return err
		}
	}
	if f.quiet {
		return s.writeOutput("-", []byte(r.Reference().String()+"\n"), publicMode)
	}
	return s.print(&verifyAnswer{imageJSON: newImage(r), proofJSON: newProof(r), ProofBytes: size, Offline: f.bundle != "", RegistryChecked: f.registry})
}

// resolve returns the verified answer to a question and the size of its proof
// in bytes, from nodes or from a file.
func (s *session) resolve(ctx context.Context, request query.Resolve, p bundle.Policy, file string) (*bundle.Result, int, error) {
	if file != "" {
		data, err := s.readInput(file, bundle.MaxFileSize)
		if err != nil {
			return nil, 0, err
		}
		home, err := s.home()
		if err != nil {
			return nil, 0, err
		}
		c, err := client.NewOffline(client.Options{Store: home})
		if err != nil {
			return nil, 0, err
		}
		r, warnings, err := c.VerifyBundle(ctx, data, request, p)
		s.warnAll(warnings, err)
		if _, _, other := bundle.DecodeReceipt(data); errors.Is(err, bundle.ErrMalformed) && other == nil {
			err = cli.Usage("%s is a receipt; `hullmark inspect --receipt %s` reads it", file, file)
		}
		return r, len(data), ofFile(err)
	}
	c, err := s.client(p)
	if err != nil {
		return nil, 0, err
	}
	done := s.progress("asking the ledger")
	r, proof, warnings, err := c.Verify(ctx, request)
	done()
	s.warnAll(warnings, err)
	if err != nil {
		return nil, 0, err
	}
	data, err := bundle.Encode(proof)
	if err != nil {
		return nil, 0, err
	}
	return r, len(data), nil
}

// ofFile marks what is wrong with an answer that came from a file: nobody was asked, so
// that asking somebody else is no help.
func ofFile(err error) error {
	switch {
	case errors.Is(err, bundle.ErrBehind), errors.Is(err, bundle.ErrStale):
		return fmt.Errorf("%w: %w", errOldFile, err)
	case client.ClassOf(err) == bundle.Attack && !errors.Is(err, bundle.ErrFork) && !errors.Is(err, bundle.ErrWrongLedger) && !errors.Is(err, bundle.ErrMalformed):
		return fmt.Errorf("%w: %w", errDamagedFile, err)
	default:
		return err
	}
}

// compareRegistry checks that the registry serves the image that was proven.
func (s *session) compareRegistry(ctx context.Context, r *bundle.Result, insecure bool) error {
	tagged := r.Repository.WithTag(r.Tag)
	done := s.progress("asking the registry")
	manifest, err := images(insecure).Manifest(ctx, tagged)
	done()
	if err != nil {
		return fmt.Errorf("%s is verified; %w: %w", r.Reference(), errNotCompared, err)
	}
	// The publisher chose the algorithm of the digest, the registry does not know it.
	if !r.Digest.Matches(manifest) {
		return fmt.Errorf("couldn't verify %s: %w: the registry serves %s, the publisher signed %s; pull %s",
			tagged, errSwapped, reference.SumSHA256(manifest), r.Digest, r.Reference())
	}
	return nil
}

// imageJSON is what was proven about an image.
type imageJSON struct {
	Reference       string     `json:"reference,omitempty"`
	Repository      string     `json:"repository"`
	Tag             string     `json:"tag,omitempty"`
	Digest          string     `json:"digest,omitempty"`
	Size            uint64     `json:"size,omitempty"`
	Assurance       string     `json:"assurance"`
	Role            string     `json:"role,omitempty"`
	TargetsVersion  uint64     `json:"targets_version"`
	TaggingKeys     []string   `json:"tagging_keys"`
	RootVersion     uint64     `json:"root_version"`
	RootKeys        []string   `json:"root_keys"`
	PublishedHeight uint64     `json:"published_height,omitempty"`
	PublishedTime   *time.Time `json:"published_time,omitempty"`
}

func newImage(r *bundle.Result) imageJSON {
	a := imageJSON{
		Repository: r.Repository.String(), Tag: r.Tag.String(), Digest: r.Digest.String(), Size: r.Size,
		Assurance: r.Assurance.String(), Role: r.Role, TargetsVersion: r.TargetsVersion, TaggingKeys: idTexts(r.TaggingKeys),
		RootVersion: r.RootVersion, RootKeys: idTexts(r.RootKeys),
	}
	if !r.Digest.IsZero() {
		a.Reference = r.Reference().String()
	}
	if r.Published.Height > 0 {
		published := r.Published.Time.UTC()
		a.PublishedHeight, a.PublishedTime = r.Published.Height, &published
	}
	return a
}

// name returns what was asked about.
func (a imageJSON) name() string {
	switch {
	case a.Tag != "":
		return a.Repository + ":" + a.Tag
	case a.Reference != "":
		return a.Reference
	default:
		return a.Repository
	}
}

func (a imageJSON) text(t *table) {
	if a.Digest != "" {
		t.row("digest", "%s", a.Digest)
	}
	if a.Size > 0 {
		t.row("size", "%d bytes", a.Size)
	}
	t.row("assurance", "%s", a.Assurance)
	if a.Role != "" && a.Role != tuf.RoleTargets {
		t.row("role", "%s", a.Role)
	}
	for _, id := range a.TaggingKeys {
		t.row("tagging key", "%s", id)
	}
	for _, id := range a.RootKeys {
		t.row("root key", "%s", id)
	}
	t.row("metadata", "root version %d, targets version %d", a.RootVersion, a.TargetsVersion)
	if a.PublishedTime != nil {
		t.row("published", "%s, height %d", stamp(*a.PublishedTime), a.PublishedHeight)
	}
}

// proofJSON says which block an answer rests on.
type proofJSON struct {
	StateHeight  uint64    `json:"state_height"`
	HeaderHeight uint64    `json:"header_height"`
	BlockTime    time.Time `json:"block_time"`
	AgeSeconds   float64   `json:"age_seconds"`
}

func newProof(r *bundle.Result) proofJSON {
	return proofJSON{r.StateHeight, r.HeaderHeight, r.BlockTime, r.Age.Seconds()}
}

func (a proofJSON) text(t *table) {
	t.row("height", "%d, proven by block %d", a.StateHeight, a.HeaderHeight)
	t.row("block time", "%s, %s ago", stamp(a.BlockTime), age(time.Duration(a.AgeSeconds*float64(time.Second))))
}

type verifyAnswer struct {
	imageJSON
	proofJSON
	ProofBytes      int  `json:"proof_bytes"`
	Offline         bool `json:"offline"`
	RegistryChecked bool `json:"registry_checked"`
}

func (a *verifyAnswer) text(t *table) {
	t.row("verified", "%s", a.name())
	t.row("pull", "%s", a.Reference)
	a.imageJSON.text(t)
	a.proofJSON.text(t)
	t.row("proof", "%d bytes", a.ProofBytes)
	if a.Offline {
		t.row("offline", "true as of the block time; nobody was asked")
	}
	if a.RegistryChecked {
		t.row("registry", "serves the same image")
	}
}
