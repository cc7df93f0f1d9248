package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/keystore"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// signingFlags are the flags of commands that sign lists of tags.
type signingFlags struct {
	role    string
	keys    []string
	expires time.Duration
	file    string
	receipt string
	adoptionFlags
}

// addKeys adds the flag that names keys to sign with.
func (f *signingFlags) addKeys(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.keys, "key", nil, "name of a key of the role to sign with (repeatable; default: all that may)")
}

func (f *signingFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	roleFlag(flags, &f.role, "role", "role whose list it is: targets, or a delegated one such as targets/ci, or ci for short")
	f.addKeys(flags)
	durationFlag(flags, &f.expires, "expires", defaultTargetsLife, "life of the list of tags; publish again before it ends")
	f.adoptionFlags.add(flags)
	requestFlag(flags, &f.file)
	receiptFlag(flags, &f.receipt)
}

func (f *signingFlags) check() error {
	if f.expires < time.Second {
		return cli.Usage("--expires must be in the future")
	}
	if err := checkReceipt(f.receipt, f.file); err != nil {
		return err
	}
	return checkRole(f.role)
}

// roleName is a flag that names a role with a list of tags, a delegated one by its
// short name too.
type roleName string

// roleFlag adds a flag that names a role, targets unless it is given.
func roleFlag(flags *pflag.FlagSet, role *string, name, usage string) {
	*role = tuf.RoleTargets
	flags.Var((*roleName)(role), name, usage)
}

// String implements pflag.Value.
func (r *roleName) String() string { return string(*r) }

// Set implements pflag.Value.
func (r *roleName) Set(text string) error {
	switch *r = roleName(text); text {
	case tuf.RoleTargets, tuf.RoleRoot, tuf.RoleSnapshot, tuf.RoleTimestamp: // the latter have no list of tags, which is said later
	default:
		*r = roleName(delegatedName(text))
	}
	return nil
}

// Type implements pflag.Value.
func (*roleName) Type() string { return "string" }

// checkRole refuses what is no role with a list of tags.
func checkRole(name string) error {
	if name != tuf.RoleTargets && !tuf.IsDelegatedRole(name) {
		return cli.Usage("invalid role %q; use %s, or %s/NAME with NAME of a-z, 0-9, '.', '_' and '-'", name, tuf.RoleTargets, tuf.RoleTargets)
	}
	return nil
}

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

func newRepoRefresh(s *session) *cobra.Command {
	var f signingFlags
	cmd := &cobra.Command{
		Use:         "refresh REPO...",
		Annotations: limit(writeTimeout),
		Short:       "Sign the lists of tags anew, before they expire",
		Long: `Refresh publishes the next version of each repository's list of tags, with the same
tags and a later expiry, all or none. It warns when a root expires soon; ` + "`hullmark repo\nrotate`" + ` without keys renews that.

JSON: that of publish.

Exit status: 0 published, 1 other error, 3 repository not registered, 5 rejected by
the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			var groups []tagGroup
			seen := make(map[reference.Repository]bool)
			for _, text := range args {
				name, err := parseRepository(text)
				if err != nil {
					return err
				}
				if seen[name] {
					return cli.Usage("repository %s is named twice", name)
				}
				seen[name] = true
				groups = append(groups, tagGroup{repository: name})
			}
			return s.publishChanges(cmd.Context(), groups, f, nil)
		},
	}
	f.add(cmd)
	return cmd
}

// parseTagged reads references that name tags, each once.
func parseTagged(texts []string) ([]reference.Reference, error) {
	seen := make(map[string]bool)
	counts := make(map[reference.Repository]int)
	var refs []reference.Reference
	for _, text := range texts {
		ref, err := parseReference(text)
		if err != nil {
			return nil, err
		}
		tag, ok := ref.Tag()
		if !ok {
			return nil, cli.Usage("%s has no tag", ref)
		}
		name := ref.Repository().WithTag(tag).String()
		if seen[name] {
			return nil, cli.Usage("tag %s is named twice", name)
		}
		seen[name] = true
		if counts[ref.Repository()]++; counts[ref.Repository()] > record.MaxChanges {
			return nil, cli.Usage("more than %d tags of %s at once; name them in several commands", record.MaxChanges, ref.Repository())
		}
		refs = append(refs, ref)
	}
	return refs, nil
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

// tagGroup is what is to change in one repository.
type tagGroup struct {
	repository reference.Repository
	refs       []reference.Reference
	// role is the one whose list changes, when it is not the one of --role.
	role string
	// gone are tags to withdraw that were withdrawn already.
	gone []goneTag
}

// group sorts references by repository, in the order in which they come.
func group(refs []reference.Reference) []tagGroup {
	var groups []tagGroup
	at := make(map[reference.Repository]int)
	for _, ref := range refs {
		i, ok := at[ref.Repository()]
		if !ok {
			i = len(groups)
			at[ref.Repository()] = i
			groups = append(groups, tagGroup{repository: ref.Repository()})
		}
		groups[i].refs = append(groups[i].refs, ref)
	}
	return groups
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

// taggingKeys returns the names of the home's keys that sign the tags of a role:
// enough of them, unless only a request is to be written.
func (s *session) taggingKeys(current *bundle.Result, name string, f signingFlags) ([]string, error) {
	if len(f.keys) > 0 {
		return f.keys, nil
	}
	role, _ := change.RoleKeys(client.CurrentOf(current), name)
	names, err := s.keysOf(role)
	if err != nil {
		return nil, err
	}
	if f.file == "" && len(names) < role.Threshold {
		what := "tagging keys"
		if name != tuf.RoleTargets {
			what = "keys of " + name
		}
		return nil, fmt.Errorf("%w: %d of its %d %s must sign, %s", tooFew(len(names)), role.Threshold, len(role.KeyIDs), what, here(len(names)))
	}
	return names, nil
}

// tooFew returns the error for a role of which so many keys are here.
func tooFew(n int) error {
	if n > 0 {
		return errFewKeys
	}
	return errNoKey
}

// here says how many keys are.
func here(n int) string {
	switch n {
	case 0:
		return "none is here"
	case 1:
		return "1 is here"
	default:
		return fmt.Sprintf("%d are here", n)
	}
}

// together returns the name of a key of this home that may submit for several
// repositories at once, and none for one.
func (s *session) together(currents []*bundle.Result) ([]string, error) {
	if len(currents) < 2 {
		return nil, nil
	}
	list, err := s.keys().List()
	if err != nil {
		return nil, err
	}
	for _, info := range list {
		if info.Type == "" || info.Type == keystore.TypeRSA {
			continue
		}
		id := info.PublicKey.ID()
		if !slices.ContainsFunc(currents, func(r *bundle.Result) bool { return !client.CurrentOf(r).MaySubmit(id) }) {
			return []string{info.Name}, nil
		}
	}
	return nil, errNoCommonKey
}

// checkRoot refuses to sign below a root that is expired: the ledger takes nothing
// there but a new root.
func checkRoot(root *tuf.Root) error {
	if root.Expired(time.Now()) {
		return fmt.Errorf("%w, since %s", errRootExpired, stamp(root.Expires))
	}
	return nil
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

// soon is how long before its expiry a file is warned about.
const soon = 30 * day

// warnExpiry warns of what in a repository expires soon, but for the list of tags
// of a role that is about to be signed anew.
func (s *session) warnExpiry(r *bundle.Result, signing string) {
	now := time.Now()
	for _, role := range r.Roles {
		if role.Name == signing {
			continue
		}
		if left := role.Expires.Sub(now); left > 0 && left < soon {
			s.warn("%s of %s expires in %s; renew it with %s", role.Name, r.Repository, age(left), renewal(r.Repository, role.Name))
		}
	}
}

// renewal is the command that signs the file of a role anew.
func renewal(name reference.Repository, role string) string {
	switch role {
	case tuf.RoleRoot:
		return fmt.Sprintf("`hullmark repo rotate %s`", name)
	case tuf.RoleTargets:
		return fmt.Sprintf("`hullmark repo refresh %s`", name)
	default:
		return fmt.Sprintf("`hullmark repo refresh %s --role %s`", name, role)
	}
}

// publishAnswer is what a publication did.
type publishAnswer struct {
	Repositories []publishedJSON `json:"repositories"`
	BlockTime    *time.Time      `json:"block_time,omitempty"`
	committedJSON
}

// publishedJSON is what was published in one repository.
type publishedJSON struct {
	Repository     string    `json:"repository"`
	Role           string    `json:"role"`
	Tags           []tagJSON `json:"tags"`
	TargetsVersion uint64    `json:"targets_version"`
	Expires        time.Time `json:"expires"`
	KeyIDs         []string  `json:"key_ids"`
}

func newPublishAnswer(orders []client.Publication, published *client.Published, blockTime time.Time) *publishAnswer {
	a := &publishAnswer{committedJSON: newCommitted(published.Transaction)}
	if !blockTime.IsZero() {
		a.BlockTime = &blockTime
	}
	for i, p := range orders {
		out := newPublished(published.Files[i])
		for _, change := range p.Changes {
			tag := tagJSON{Tag: change.Tag.String(), Size: change.Size}
			if !change.Digest.IsZero() {
				tag.Digest = change.Digest.String()
			}
			out.Tags = append(out.Tags, tag)
		}
		a.Repositories = append(a.Repositories, out)
	}
	return a
}

// newPublished says what file is in force, so far without tags.
func newPublished(file *tuf.Targets) publishedJSON {
	return publishedJSON{
		Repository: file.Binding.Repository.String(), Role: file.Binding.Role, Tags: []tagJSON{}, TargetsVersion: file.Version,
		Expires: file.Expires, KeyIDs: idTexts(file.Signers()),
	}
}

func (a *publishAnswer) text(t *table) {
	for _, r := range a.Repositories {
		for _, tag := range r.Tags {
			switch {
			case tag.WithdrawnHeight > 0:
				t.row("unchanged", "%s:%s was withdrawn already, at height %d", r.Repository, tag.Tag, tag.WithdrawnHeight)
			case tag.Digest == "":
				t.row("withdrawn", "%s:%s", r.Repository, tag.Tag)
			case a.Changed:
				t.row("published", "%s:%s -> %s (%d bytes)", r.Repository, tag.Tag, tag.Digest, tag.Size)
			default:
				t.row("unchanged", "%s:%s -> %s (%d bytes)", r.Repository, tag.Tag, tag.Digest, tag.Size)
			}
		}
		if len(r.Tags) == 0 {
			t.row("signed anew", "%s", r.Repository)
		}
		t.row(r.Role, "version %d, expires %s", r.TargetsVersion, stamp(r.Expires))
		for _, id := range r.KeyIDs {
			t.row("signed by", "%s", id)
		}
	}
	if !a.Changed {
		return
	}
	if a.BlockTime != nil {
		t.row("height", "%d, %s", a.Height, stamp(*a.BlockTime))
	} else {
		t.row("height", "%d", a.Height)
	}
	t.row("transaction", "%s", a.TxHash)
	if a.Receipt != "" {
		t.row("receipt", "%s", a.Receipt)
	}
}
