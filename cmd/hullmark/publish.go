package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/reference"
)

// publishFlags are the flags of publish.
type publishFlags struct {
	signingFlags
	digest   string
	size     uint64
	insecure bool
}

func newPublish(s *session) *cobra.Command {
	var f publishFlags
	cmd := &cobra.Command{
		Use:         "publish REF...",
		Annotations: limit(writeTimeout),
		Short:       "Sign what tags mean, and publish it",
		Long: `Publish signs that each tag means an image, and returns once that can be proven.
Which image is asked of the registry, unless --digest and --size say it. All tags, of
one repository or several, are published together, all or none. Without --key it
signs with every key of this home that may; when more must sign, -o writes a signing
request for ` + "`hullmark sign`" + ` and ` + "`hullmark submit`" + `. What keys have signed that are the
repository's no more, such as a stolen one, is not signed again: the command ends and
lists it, and goes on once each tag and each delegation is named with --adopt or
--drop. With --role it publishes in a role that the repository has delegated to
(` + "`hullmark repo delegate`" + `), with that role's keys and for the tags it may set.

JSON: repositories [{repository, role, tags [{tag, digest, size}], targets_version,
expires, key_ids}], changed (false when the ledger said so already), height,
block_time, tx_hash, receipt (the file of --receipt); with -o that of sign.

Exit status: 0 published, 1 other error, 3 repository not registered, 4 a node gave
an answer that does not verify, 5 rejected by the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			refs, err := parsePublished(args, f)
			if err != nil {
				return err
			}
			return s.publish(cmd.Context(), refs, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.digest, "digest", "", "digest of the image's manifest, instead of asking the registry")
	flags.Uint64Var(&f.size, "size", 0, "size of the manifest in bytes, with --digest")
	f.add(cmd)
	flags.BoolVar(&f.insecure, "insecure", false, "allow plain HTTP to a registry on another machine")
	return cmd
}

// parsePublished reads the references to publish.
func parsePublished(texts []string, f publishFlags) ([]reference.Reference, error) {
	if (f.digest == "") != (f.size == 0) {
		return nil, cli.Usage("--digest and --size go together")
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	refs, err := parseTagged(texts)
	if err != nil || f.digest == "" {
		return refs, err
	}
	d, err := reference.ParseDigest(f.digest)
	if err != nil {
		return nil, cli.UsageError(err)
	}
	for i, ref := range refs {
		if in, ok := ref.Digest(); ok && in != d {
			return nil, cli.Usage("%s and --digest name different images", ref)
		}
		refs[i] = ref.WithDigest(d)
	}
	return refs, nil
}

// publish publishes tags.
func (s *session) publish(ctx context.Context, refs []reference.Reference, f publishFlags) error {
	return s.publishChanges(ctx, group(refs), f.signingFlags, func(ref reference.Reference) (change.TagChange, error) {
		return s.image(ctx, ref, f)
	})
}

// publishChanges publishes changes of tags, all or none, or writes the request to
// sign them. Change makes the change that a reference stands for.
func (s *session) publishChanges(ctx context.Context, groups []tagGroup, f signingFlags, change func(reference.Reference) (change.TagChange, error)) error {
	adoption, err := s.adoption(f.adoptionFlags)
	if err != nil {
		return err
	}
	if !adoption.IsZero() && len(groups) > 1 {
		return cli.Usage("--adopt, --drop and --drop-rest are about one repository; %d are named", len(groups))
	}
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return err
	}
	var orders []client.Publication
	var names [][]string
	var currents []*bundle.Result
	var settled []publishedJSON
	for _, g := range groups {
		// Whether it can work at all is known before the registry is asked and
		// anybody types a passphrase.
		p := client.Publication{Repository: g.repository, Role: cmp.Or(g.role, f.role), Expires: expiry(f.expires), Adoption: adoption}
		current, err := s.role(ctx, c, g.repository, p.Role)
		if err != nil {
			return err
		}
		if file := current.Files[p.Role]; g.nothingLeft() && file != nil {
			settled = append(settled, newPublished(file))
			continue
		}
		currents = append(currents, current)
		if err := checkRoot(current.Root); err != nil {
			return fmt.Errorf("couldn't publish %s: %w", p, err)
		}
		s.warnExpiry(current, p.Role)
		own, err := s.taggingKeys(current, p.Role, f)
		if err != nil {
			return fmt.Errorf("couldn't publish %s: %w", p, err)
		}
		names = append(names, own)
		for _, ref := range g.refs {
			made, err := change(ref)
			if err != nil {
				return err
			}
			p.Changes = append(p.Changes, made)
		}
		orders = append(orders, p)
	}
	switch {
	case f.file != "" && len(orders) == 0:
		return fmt.Errorf("couldn't write request: %w", errNothing)
	case f.file != "":
		return s.requestChanges(ctx, c, orders, f)
	case len(orders) == 0:
		out := &publishAnswer{Repositories: settled}
		out.addGone(groups)
		if _, err := s.saveReceipt(ctx, nil, f.receipt); err != nil {
			return err
		}
		return s.print(out)
	}
	together, err := s.together(currents)
	if err != nil {
		return fmt.Errorf("couldn't publish %s and %s together: %w", orders[0], orders[1], err)
	}
	for i := range orders {
		signers, err := s.openKeys(ctx, names[i])
		if err != nil {
			return err
		}
		orders[i].Signers = tufSigners(signers)
		if len(together) > 0 {
			signers, err = s.openKeys(ctx, together)
		}
		if err == nil {
			orders[i].Submitter, err = submitter(signers)
		}
		if err != nil {
			return err
		}
	}
	done := s.progress("waiting for the block")
	published, err := c.Publish(ctx, orders...)
	var blockTime time.Time
	var seen error
	if err == nil && published.Transaction != nil {
		s.sent = true
		blockTime, seen = c.Await(ctx, published.Request, published.Transaction)
	}
	done()
	if err != nil {
		return err
	}
	s.warnAll(published.Warnings, nil)
	if err := s.unseen(published.Transaction, seen); err != nil {
		return err
	}
	out := newPublishAnswer(orders, published, blockTime)
	out.Repositories = append(out.Repositories, settled...)
	out.addGone(groups)
	if out.Receipt, err = s.saveReceipt(ctx, published.Transaction, f.receipt); err != nil {
		return err
	}
	return s.print(out)
}

// requestChanges writes the signing request for orders.
func (s *session) requestChanges(ctx context.Context, c *client.Client, orders []client.Publication, f signingFlags) error {
	r, warnings, err := c.PrepareRequest(ctx, orders...)
	s.warnAll(warnings, err)
	if err != nil {
		return err
	}
	if r == nil {
		return fmt.Errorf("couldn't write request: %w", errNothing)
	}
	if r, err = s.signHere(ctx, r, f.keys); err != nil {
		return err
	}
	return s.handOver(r, f.file)
}

// image returns what a tag is to mean.
func (s *session) image(ctx context.Context, ref reference.Reference, f publishFlags) (change.TagChange, error) {
	tag, _ := ref.Tag()
	digest, _ := ref.Digest()
	size := f.size
	if size == 0 {
		done := s.progress("asking the registry about " + tag.String())
		manifest, err := images(f.insecure).Manifest(ctx, ref)
		done()
		if err != nil {
			return change.TagChange{}, err
		}
		size = uint64(len(manifest))
		if digest.IsZero() {
			digest = reference.SumSHA256(manifest)
		}
	}
	return change.TagChange{Tag: tag, Digest: digest, Size: size}, nil
}
