package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/internal/cli"
	"hullmark/keys"
	"hullmark/keystore"
	"hullmark/reference"
	"hullmark/tuf"
)

// The default lives of metadata. Freshness comes from the ledger, so they only
// bound how long a repository that nobody tends stays trusted.
const (
	defaultRootLife    = 2 * 365 * day
	defaultTargetsLife = 365 * day
)

func newRepo(s *session) *cobra.Command {
	return cli.Group("repo", "Make and tend a repository's keys", newRepoInit(s), newRepoShow(s), newRepoRotate(s), newRepoDelegate(s), newRepoRefresh(s))
}

// parseRepository reads a repository name from the command line.
func parseRepository(text string) (reference.Repository, error) {
	r, err := reference.ParseRepository(text)
	if err != nil {
		return r, cli.UsageError(err)
	}
	return r, nil
}

// roleFlags are the keys and thresholds of a root on the command line.
type roleFlags struct {
	rootKeys, targetsKeys           []string
	rootThreshold, targetsThreshold int
	expires                         time.Duration
}

func (f *roleFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.rootKeys, "root-key", nil, "key that may change the repository's keys, kept offline: a name, or a file NAME.pub (repeatable)")
	flags.StringArrayVar(&f.targetsKeys, "targets-key", nil, "tagging key: a name, or a file NAME.pub (repeatable)")
	flags.IntVar(&f.rootThreshold, "root-threshold", 1, "how many root keys must sign")
	flags.IntVar(&f.targetsThreshold, "targets-threshold", 1, "how many tagging keys must sign")
	durationFlag(flags, &f.expires, "expires", defaultRootLife, "life of the new root")
}

func newRepoInit(s *session) *cobra.Command {
	var f roleFlags
	var output string
	var quiet bool
	cmd := &cobra.Command{
		Use:   "init REPO --root-key NAME... --targets-key NAME...",
		Short: "Make a repository's first root and the request to register it",
		Long: `Init makes version 1 of a repository's root file, signs it with those of its root
keys that are in this home, and writes a signing request. Keys that are elsewhere are
named by their public files, NAME.pub; who holds them signs the request with
` + "`hullmark sign`" + `. It then goes to the operator that owns the registry's name, who runs
` + "`hullmark operator register`" + `. Tell that operator the SHA-256 shown here over a channel
you both trust: it will be asked for. Nothing is sent anywhere. The operators' notary keys,
which the root lists as well, come from the trust anchor.

JSON: repository, ledger, root_version, root_digest, expires, root_threshold,
root_keys, targets_threshold, targets_keys, file, complete (false when more root keys
must sign).`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := parseRepository(args[0])
			if err != nil {
				return err
			}
			switch {
			case len(f.rootKeys) == 0 || len(f.targetsKeys) == 0:
				return cli.Usage("name at least one --root-key and one --targets-key; `hullmark key generate NAME` makes keys")
			case f.expires < time.Second:
				return cli.Usage("--expires must be in the future")
			}
			if output == "" {
				output = path.Base(name.Path()) + ".request"
			}
			anchor, err := s.anchor()
			if err != nil {
				return err
			}
			wanted, err := s.rootChange(cmd.Context(), f)
			if err != nil {
				return err
			}
			root, err := change.FirstRoot(tuf.Binding{Ledger: anchor.Ledger, Repository: name, Role: tuf.RoleRoot}, anchor.NotaryKeys(), wanted)
			if err != nil {
				return flagError(err)
			}
			s.warnOneKey(root.Roles)
			request, err := change.NewRegisterRequest(root)
			if err != nil {
				return err
			}
			if request, err = s.signHere(cmd.Context(), request, nil); err != nil {
				return err
			}
			if err := s.writeRequest(request, output); err != nil || output == "-" {
				return err
			}
			missing := request.Complete()
			out := newRootAnswer(request.Parts[0].NewRoots[0])
			out.File = output
			if missing != nil && !errors.Is(missing, change.ErrIncomplete) {
				return missing
			}
			if quiet && s.output == outputText {
				return s.writeOutput("-", []byte(out.Digest+"\n"), publicMode)
			}
			return s.print(&initAnswer{rootAnswer: out, Complete: missing == nil})
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVarP(&output, "file", "o", "", "file to write, - for standard output (default: the repository's last name and .request)")
	newFileFlag(cmd.Flags(), "file")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print only the root's SHA-256")
	return cmd
}

// warnOneKey warns of a root whose tagging keys can change it: who steals a key that is
// used every day then has the repository.
func (s *session) warnOneKey(roles tuf.Roles) {
	for _, id := range roles.Targets.KeyIDs {
		if slices.Contains(roles.Root.KeyIDs, id) {
			s.warn("key %s is a root key and a tagging key: whoever gets hold of it while you publish can take over the repository; use one key for each", id)
		}
	}
}

// rootChange returns what the flags ask of a root.
func (s *session) rootChange(ctx context.Context, f roleFlags) (change.RootChange, error) {
	c := change.RootChange{Expires: expiry(f.expires)}
	for _, r := range []struct {
		holders   *change.Holders
		names     []string
		threshold int
	}{{&c.Root, f.rootKeys, f.rootThreshold}, {&c.Targets, f.targetsKeys, f.targetsThreshold}} {
		r.holders.Threshold = r.threshold
		for _, n := range r.names {
			public, err := s.publicKey(ctx, n)
			if err != nil {
				return c, err
			}
			r.holders.Keys = append(r.holders.Keys, public)
		}
	}
	return c, nil
}

// maxPublicFile bounds a public key file in bytes; the keystore itself is stricter.
const maxPublicFile = 1 << 20

// isPublicFile reports whether a key is named by its public file.
func isPublicFile(name string) bool { return strings.HasSuffix(name, ".pub") }

// publicKey returns the public part of a key, for which a passphrase is needed
// only when its public file was lost.
func (s *session) publicKey(ctx context.Context, name string) (keys.PublicKey, error) {
	if isPublicFile(name) {
		text, err := s.readInput(name, maxPublicFile)
		if err != nil {
			return keys.PublicKey{}, err
		}
		return keystore.DecodePublic(text)
	}
	info, err := s.keys().Info(name)
	if err != nil {
		return keys.PublicKey{}, nameError(err)
	}
	if info.Type != "" {
		return info.PublicKey, nil
	}
	k, err := s.openKey(ctx, s.keys(), name)
	if err != nil {
		return keys.PublicKey{}, err
	}
	return k.PublicKey(), nil
}

func newRepoShow(s *session) *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use:         "show REPO",
		Annotations: limit(readTimeout),
		Short:       "Show a repository's roles, keys and tags, proven and verified",
		Long: `Show asks the ledger for a repository and verifies its files. The tags and
delegations shown are those that the targets role lists, or with --role a delegated
one; which role holds a tag in the end, ` + "`hullmark inspect`" + ` says.

JSON: repository, registrant, revision, state_height, header_height, block_time,
age_seconds, root_version, root_digest, targets_version, roles [{name, parent, version, expires,
effective, reason}], root_threshold, root_keys, targets_threshold, targets_keys,
revocations, lifts, list (the role whose list follows), tag_count, tags [{tag, digest,
size}], delegations [{role, threshold, keys, paths, terminating, digest}].

Exit status: 0 shown, 1 no such role, 3 not registered, 4 verification failed, 6 no
node reachable or answer too old.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := parseRepository(args[0])
			if err != nil {
				return err
			}
			if err := checkRole(role); err != nil {
				return err
			}
			c, err := s.client(bundle.DefaultPolicy())
			if err != nil {
				return err
			}
			r, err := s.role(cmd.Context(), c, name, role)
			if err != nil {
				return err
			}
			s.warnExpiry(r, "")
			return s.print(newRepoAnswer(r, role))
		},
	}
	roleFlag(cmd.Flags(), &role, "role", "role whose list to show: targets, or a delegated one such as targets/ci, or ci for short")
	return cmd
}

// rootAnswer is what was put into a root.
type rootAnswer struct {
	Repository string    `json:"repository"`
	Ledger     string    `json:"ledger"`
	Version    uint64    `json:"root_version"`
	Digest     string    `json:"root_digest"`
	Expires    time.Time `json:"expires"`
	rolesJSON
	TargetsVersion uint64 `json:"targets_version,omitempty"`
	Height         uint64 `json:"height,omitempty"`
	TxHash         string `json:"tx_hash,omitempty"`
	File           string `json:"file,omitempty"`
}

// rolesJSON are the publisher's keys.
type rolesJSON struct {
	RootThreshold    int      `json:"root_threshold"`
	RootKeys         []string `json:"root_keys"`
	TargetsThreshold int      `json:"targets_threshold"`
	TargetsKeys      []string `json:"targets_keys"`
}

func newRoles(root *tuf.Root) rolesJSON {
	return rolesJSON{
		root.Roles.Root.Threshold, idTexts(root.Roles.Root.KeyIDs),
		root.Roles.Targets.Threshold, idTexts(root.Roles.Targets.KeyIDs),
	}
}

func idTexts(ids []keys.ID) []string {
	out := []string{}
	for _, id := range ids {
		out = append(out, id.String())
	}
	return out
}

func (r rolesJSON) text(t *table) {
	for _, role := range []struct {
		label     string
		threshold int
		ids       []string
	}{{"root keys", r.RootThreshold, r.RootKeys}, {"tagging keys", r.TargetsThreshold, r.TargetsKeys}} {
		t.row(role.label, "%d of %d must sign", role.threshold, len(role.ids))
		for _, id := range role.ids {
			t.row(role.label, "%s", id)
		}
	}
}

func newRootAnswer(root *tuf.Root) *rootAnswer {
	digest := root.SignedDigest() // before anybody signs and after, the same
	return &rootAnswer{
		Repository: root.Binding.Repository.String(), Ledger: root.Binding.Ledger, Version: root.Version,
		Digest: hex.EncodeToString(digest[:]), Expires: root.Expires, rolesJSON: newRoles(root),
	}
}

func (a *rootAnswer) text(t *table) {
	t.row("repository", "%s", a.Repository)
	t.row("ledger", "%s", a.Ledger)
	t.row("root", "version %d, SHA-256 %s", a.Version, a.Digest)
	t.row("expires", "%s", stamp(a.Expires))
	a.rolesJSON.text(t)
	if a.TargetsVersion > 0 {
		t.row("targets", "version %d, signed anew", a.TargetsVersion)
	}
	if a.Height > 0 {
		t.row("height", "%d", a.Height)
		t.row("transaction", "%s", a.TxHash)
	}
	if a.File != "" {
		t.row("request", "%s", a.File)
	}
}

// initAnswer is a root on its way to the operator.
type initAnswer struct {
	*rootAnswer
	Complete bool `json:"complete"`
}

func (a *initAnswer) text(t *table) {
	a.rootAnswer.text(t)
	if a.Complete {
		t.row("next", "send it to the operator that owns %s", a.Repository)
		return
	}
	t.row("next", "more root keys must sign it: hullmark sign %s", a.File)
}

// repoAnswer is what the ledger knows of a repository.
type repoAnswer struct {
	Repository string `json:"repository"`
	Registrant string `json:"registrant"`
	Revision   uint64 `json:"revision"`
	proofJSON
	RootVersion    uint64     `json:"root_version"`
	RootDigest     string     `json:"root_digest"`
	TargetsVersion uint64     `json:"targets_version"`
	Roles          []roleJSON `json:"roles"`
	rolesJSON
	Revocations uint64 `json:"revocations"`
	Lifts       uint64 `json:"lifts"`
	// List is the role that lists Tags and Delegations.
	List        string           `json:"list"`
	TagCount    int              `json:"tag_count"`
	Tags        []tagJSON        `json:"tags"`
	Delegations []delegationJSON `json:"delegations"`
}

type tagJSON struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest,omitempty"`
	Size   uint64 `json:"size,omitempty"`
	// WithdrawnHeight is that of the block which withdrew a tag before the command did.
	WithdrawnHeight uint64 `json:"withdrawn_height,omitempty"`
}

func newRepoAnswer(r *bundle.Result, list string) *repoAnswer {
	a := &repoAnswer{
		Repository: r.Repository.String(), Registrant: r.Registrant, Revision: r.Revision, proofJSON: newProof(r),
		RootVersion: r.RootVersion, RootDigest: newRootAnswer(r.Root).Digest, TargetsVersion: r.TargetsVersion, Roles: newRoleList(r, time.Now()), rolesJSON: newRoles(r.Root),
		Revocations: r.Revocations, Lifts: r.Lifts, List: list, Tags: []tagJSON{}, Delegations: []delegationJSON{},
	}
	if file := r.Files[list]; file != nil {
		for _, target := range file.Targets {
			a.Tags = append(a.Tags, tagJSON{Tag: target.Tag.String(), Digest: target.Digest.String(), Size: target.Length})
		}
		a.Delegations = append(a.Delegations, newDelegations(file)...)
	}
	a.TagCount = len(a.Tags)
	return a
}

func (a *repoAnswer) text(t *table) {
	t.row("repository", "%s", a.Repository)
	t.row("registered by", "%s", a.Registrant)
	t.row("revision", "%d", a.Revision)
	t.row("root", "version %d, SHA-256 %s", a.RootVersion, a.RootDigest)
	roleRows(t, a.Roles)
	a.rolesJSON.text(t)
	var rows [][]string
	for _, tag := range a.Tags {
		rows = append(rows, []string{tag.Tag, tag.Digest, fmt.Sprintf("%d bytes", tag.Size)})
	}
	t.row("statements", "%d of revocation, %d of lift", a.Revocations, a.Lifts)
	label := "tags"
	if a.List != tuf.RoleTargets {
		label = "tags of " + a.List
	}
	t.row(label, "%d", a.TagCount)
	t.columns(label, rows)
	for _, d := range a.Delegations {
		delegationRows(t, []delegationJSON{d})
		t.row("delegates", "  digest %s", d.Digest)
	}
	a.proofJSON.text(t)
}
