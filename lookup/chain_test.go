package lookup_test

import (
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/lookup"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// TestPortions: which of three files a node sends when the ledger says that they are
// large, and the client holds some of them.
func TestPortions(t *testing.T) {
	c := bundletest.NewChain(t, fixture.NewConsortium(t, 4))
	app := c.NewPublisher("registry.example.com/app")
	c.Commit(app.Register(c.Operators[0]))
	c.Commit(app.Publish(1, fixture.Tags{"1.0": "one"}))
	ci, deep := fixture.NewKey(t, "ed25519", "ci"), fixture.NewKey(t, "ed25519", "deep")
	to := func(role string, key *fixture.Key, paths ...string) *tuf.Delegations {
		return fixture.Delegate(fixture.Delegation{Role: role, Keys: []*fixture.Key{key}, Paths: paths})
	}
	top := func(version uint64, tags fixture.Tags) *tuf.Targets {
		return app.RoleFile("targets", version, tags, to("targets/ci", ci, "v*"), app.TaggingKeys...)
	}
	c.Commit(c.Relay(c.Operators[3], fixture.Update{Targets: top(2, fixture.Tags{"1.0": "one", "0.9": "zero"}), Delegated: []*tuf.Targets{
		app.RoleFile("targets/ci", 1, fixture.Tags{"v1": "ci one"}, to("targets/deep", deep, "v2*"), ci),
		app.RoleFile("targets/deep", 1, fixture.Tags{"v2": "deep two"}, nil, deep),
	}}))
	// A digest that no file lists takes those of all effective roles.
	c.Commit(c.Relay(c.Operators[3], fixture.Update{Targets: top(3, fixture.Tags{"1.0": "one"})}))
	req := query.Resolve{Repository: app.Repository, Digest: fixture.Digest("zero")}

	v := c.StateMachine().Latest()
	defer v.Close()
	value, _, err := v.Get(record.RepositoryKey(req.Repository))
	if err != nil {
		t.Fatal(err)
	}
	repo, err := record.DecodeRepository(value)
	if err != nil {
		t.Fatal(err)
	}
	image, _, err := v.Get(record.VoucherKey(req.Digest, req.Repository))
	if err != nil {
		t.Fatal(err)
	}
	var held [][32]byte
	for _, name := range []string{"targets", "targets/ci"} {
		s, _ := repo.Role(name)
		held = append(held, s.FileDigest)
	}
	for _, tt := range []struct {
		size uint32
		held int
		want int
	}{
		{bundle.MaxTargetsBytes / 3, 0, 3},
		{bundle.MaxTargetsBytes/3 + 1, 0, 2},
		{bundle.MaxTargetsBytes/2 + 1, 0, 1},
		{bundle.MaxTargetsBytes + 1, 0, 1},
		{bundle.MaxTargetsBytes + 1, 1, 2},
		{bundle.MaxTargetsBytes + 1, 2, 3},
	} {
		for i := range repo.Roles {
			repo.Roles[i].FileSize = tt.size
		}
		b := &proto.Bundle{Image: &proto.MapEntry{Value: image}}
		k := query.Known{Held: held[:tt.held]}
		if err := lookup.AddTargets(v, b, req, k, repo, c.Now()); err != nil || len(b.GetTargets()) != tt.want {
			t.Errorf("files of %d bytes, %d held: %d files, want %d, error %v", tt.size, tt.held, len(b.GetTargets()), tt.want, err)
		}
	}
}
