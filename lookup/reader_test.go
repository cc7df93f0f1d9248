package lookup_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/lookup"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// gatewayReader is what a gateway for another protocol would declare and be given: it names
// questions and answers, and no package of the node.
type gatewayReader interface {
	Resolve(query.Resolve, query.Known) (*proto.Bundle, error)
	Metadata(query.Metadata) ([]byte, error)
	Content(query.Content) ([]byte, error)
}

var _ gatewayReader = (*lookup.Reader)(nil)

// TestReaderForGateways: what other protocols ask of a repository (its files by name and
// by digest) is the same as what a bundle proves.
func TestReaderForGateways(t *testing.T) {
	c := bundletest.NewChain(t, fixture.NewConsortium(t, 4))
	app := c.NewPublisher("registry.example.com/app")
	c.Commit(app.Register(c.Operators[0]))
	c.Commit(app.Publish(1, fixture.Tags{"1.0": "one"}))
	c.Commit()
	var r gatewayReader = c.Reader()

	targets, err := r.Metadata(query.Metadata{Repository: app.Repository, Role: record.RoleTargets})
	if err != nil {
		t.Fatal(err)
	}
	digest := reference.SumSHA256(targets)
	content, err := r.Content(query.Content{Digest: [32]byte(digest.Bytes())})
	if err != nil || string(content) != string(targets) {
		t.Errorf("by digest: %q, error %v", content, err)
	}
	q := query.Of(reference.MustParseReference("registry.example.com/app:1.0"))
	b, err := r.Resolve(q, query.Known{})
	if err != nil {
		t.Fatal(err)
	}
	result, _, err := bundle.Verify(b, q, bundle.NewMemory(c.Anchor(1)), c.Now(), bundle.DefaultPolicy())
	if err != nil || fmt.Sprint(result.Digest) != fixture.Digest("one").String() || string(b.GetTargets()[0]) != string(targets) {
		t.Errorf("result %+v, error %v", result, err)
	}
}

// TestMetadataOfNothing: a role that has no file yet, or is none, is not found, which is no
// failure of the node.
func TestMetadataOfNothing(t *testing.T) {
	c := bundletest.NewChain(t, fixture.NewConsortium(t, 4))
	app, bare := c.NewPublisher("registry.example.com/app"), c.NewPublisher("registry.example.com/bare")
	c.Commit(app.Register(c.Operators[0]), bare.Register(c.Operators[0]))
	ci := fixture.NewKey(t, keys.KeytypeEd25519, "ci")
	top := app.RoleFile(record.RoleTargets, 1, fixture.Tags{"1.0": "one"},
		fixture.Delegate(fixture.Delegation{Role: "targets/ci", Keys: []*fixture.Key{ci}, Paths: []string{"*"}}), app.TaggingKeys...)
	c.Commit(c.Relay(c.Operators[1], fixture.Update{Targets: top}))
	for _, q := range []query.Metadata{
		{Repository: app.Repository, Role: "targets/ci"},
		{Repository: app.Repository, Role: "targets/ci", Version: 1},
		{Repository: app.Repository, Role: "targets/none"},
		{Repository: app.Repository, Role: record.RoleTargets, Version: 2},
		{Repository: app.Repository, Role: record.RoleRoot, Version: 2},
		{Repository: bare.Repository, Role: record.RoleTargets},
		{Repository: reference.MustParseRepository("registry.example.com/none"), Role: record.RoleRoot},
	} {
		if b, err := c.Reader().Metadata(q); !errors.Is(err, lookup.ErrNotFound) {
			t.Errorf("%s: %d bytes, error %v", q, len(b), err)
		}
	}
}
