package nettest

import (
	"time"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/query"
	"hullmark/reference"
	"hullmark/tuf"
)

// Publisher signs for one repository.
type Publisher struct {
	Network    *Network
	Repository reference.Repository
	Root, Tags *fixture.Key
}

// Publisher returns a publisher whose keys follow from the repository's name.
func (n *Network) Publisher(repository string) *Publisher {
	n.T.Helper()
	return &Publisher{
		Network: n, Repository: reference.MustParseRepository(repository),
		Root: fixture.NewKey(n.T, keys.KeytypeEd25519, repository+" root"),
		Tags: fixture.NewKey(n.T, keys.KeytypeECDSA, repository+" tags"),
	}
}

// Submitter lets a key sign envelopes.
type Submitter struct{ *fixture.Key }

// SignFixed implements change.Submitter.
func (s Submitter) SignFixed(message []byte) ([]byte, error) {
	return keys.SignFixed(s.Private(), message)
}

// Binding is what a file of the role is bound to.
func (p *Publisher) Binding(role string) tuf.Binding {
	return tuf.Binding{Ledger: p.Network.Ledger, Repository: p.Repository, Role: role}
}

// Expires is the expiry of everything made here.
func (p *Publisher) Expires() time.Time { return p.Network.Genesis.Time.AddDate(1, 0, 0) }

// RootFile returns a root with the publisher's keys, signed by them and others.
func (p *Publisher) RootFile(version uint64, others ...tuf.Signer) *tuf.Root {
	p.Network.T.Helper()
	root, err := change.FirstRoot(p.Binding(tuf.RoleRoot), p.Network.Genesis.NotaryKeys(), change.RootChange{
		Root:    change.Holders{Keys: []keys.PublicKey{p.Root.PublicKey()}, Threshold: 1},
		Targets: change.Holders{Keys: []keys.PublicKey{p.Tags.PublicKey()}, Threshold: 1},
		Expires: p.Expires(),
	})
	if err == nil && version > 1 {
		spec := root.Spec()
		spec.Version = version
		root, err = tuf.NewRoot(spec)
	}
	if err == nil {
		root, err = root.Sign(append(others, p.Root)...)
	}
	if err != nil {
		p.Network.T.Fatal(err)
	}
	return root
}

// TargetsFile returns a targets file that says what tags mean.
func (p *Publisher) TargetsFile(version uint64, tags map[string]string) *tuf.Targets {
	p.Network.T.Helper()
	spec := tuf.TargetsSpec{Version: version, Expires: p.Expires(), Binding: p.Binding(tuf.RoleTargets)}
	for tag, manifest := range tags { // sorted when the file is made
		spec.Targets = append(spec.Targets, tuf.Target{Tag: reference.MustParseTag(tag), Digest: fixture.Digest(manifest), Length: uint64(len(manifest))})
	}
	file, err := tuf.NewTargets(spec)
	if err == nil {
		file, err = file.Sign(p.Tags)
	}
	if err != nil {
		p.Network.T.Fatal(err)
	}
	return file
}

// Transaction returns the publication of a targets file.
func (p *Publisher) Transaction(version uint64, tags map[string]string) []byte {
	p.Network.T.Helper()
	tx, err := change.NewPublication(p.Network.Ledger, "", Submitter{p.Tags}, change.Update{Roles: []*tuf.Targets{p.TargetsFile(version, tags)}})
	if err != nil {
		p.Network.T.Fatal(err)
	}
	return tx
}

// Register registers the repository by operator 0 and returns the height of the
// block it is in.
func (p *Publisher) Register(c *client.Client) uint64 {
	p.Network.T.Helper()
	receipt, _, err := c.Register(p.Network.Context(), p.RootFile(1), p.Network.Operators[0].ID, p.Network.Operator(0))
	if err != nil {
		p.Network.T.Fatal(err)
	}
	return receipt.GetHeight()
}

// Publish makes a tag mean a manifest, or withdraws it for an empty one.
func (p *Publisher) Publish(c *client.Client, tag, manifest string) *client.Published {
	p.Network.T.Helper()
	r, err := c.Publish(p.Network.Context(), p.Publication(tag, manifest))
	if err != nil {
		p.Network.T.Fatalf("couldn't publish: %v", err)
	}
	return r
}

// Publication is the change that makes a tag mean a manifest, or withdraws it for
// an empty one.
func (p *Publisher) Publication(tag, manifest string) client.Publication {
	meaning := change.TagChange{Tag: reference.MustParseTag(tag)}
	if manifest != "" {
		meaning.Digest, meaning.Size = fixture.Digest(manifest), uint64(len(manifest))
	}
	return client.Publication{
		Repository: p.Repository, Changes: []change.TagChange{meaning}, Expires: p.Expires(),
		Signers: []tuf.Signer{p.Tags}, Submitter: Submitter{p.Tags},
	}
}

// Ask is the question what a tag means.
func (p *Publisher) Ask(tag string) query.Resolve {
	return query.Resolve{Repository: p.Repository, Tag: reference.MustParseTag(tag)}
}

// Means checks that a client finds what a tag means, without warnings.
func (p *Publisher) Means(c *client.Client, tag, manifest string) *bundle.Result {
	p.Network.T.Helper()
	r, _, warnings, err := c.Resolve(p.Network.Context(), p.Ask(tag))
	if err != nil {
		p.Network.T.Fatalf("%s: %v", p.Ask(tag), err)
	}
	if r.Digest != fixture.Digest(manifest) || len(warnings) != 0 {
		p.Network.T.Fatalf("%s means %s, want %s; warnings %v", p.Ask(tag), r.Digest, fixture.Digest(manifest), warnings)
	}
	return r
}
