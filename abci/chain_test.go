package abci

import (
	"errors"
	"net/url"
	"slices"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/tuf"
)

// Test that a node proves tags and digests of delegated roles along the chain that
// leads to them, and that no part of the chain can be left out or changed.
func TestAnswersAboutDelegatedRoles(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	ci, deep := fixture.NewKey(t, "ed25519", "ci"), fixture.NewKey(t, "ed25519", "deep")
	to := func(role string, key *fixture.Key, paths ...string) *tuf.Delegations {
		return fixture.Delegate(fixture.Delegation{Role: role, Keys: []*fixture.Key{key}, Paths: paths})
	}
	op := p.c.Operators[3]
	ask := func(path string, values url.Values) *proto.Bundle {
		t.Helper()
		r := p.query(path, values.Encode())
		if r.Code != 0 {
			t.Fatal(r.Log)
		}
		b, err := bundle.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p.next()
	b := ask("/v1/repository", url.Values{"name": {appName}})
	current, err := tuf.ParseTargets(b.GetTargets()[0])
	if err != nil {
		t.Fatal(err)
	}
	spec := current.Spec()
	spec.Version, spec.Delegations = spec.Version+1, to("targets/ci", ci, "v*")
	top := p.app.SignTargets(spec, p.app.TaggingKeys...)
	p.next(p.c.Relay(op, fixture.Update{Targets: top, Delegated: []*tuf.Targets{
		p.app.RoleFile("targets/ci", 1, fixture.Tags{"v1": "ci one"}, to("targets/deep", deep, "v2*"), ci),
		p.app.RoleFile("targets/deep", 1, fixture.Tags{"v2": "deep two"}, nil, deep),
	}}))
	p.next()

	resolve := func(tag string) (query.Resolve, url.Values) {
		return bundletest.Request(appName + ":" + tag), url.Values{"ref": {appName + ":" + tag}}
	}
	for _, tt := range []struct {
		tag, manifest, role string
		files               int
	}{
		{"1.0", "one", "targets", 1},
		{"v1", "ci one", "targets/ci", 2},
		{"v2", "deep two", "targets/deep", 3},
	} {
		req, values := resolve(tt.tag)
		b := ask("/v1/resolve", values)
		if len(b.GetTargets()) != tt.files {
			t.Errorf("%s: %d files, want %d", tt.tag, len(b.GetTargets()), tt.files)
		}
		result, _, err := bundle.Verify(b, req, p.memory(), p.now(), bundle.DefaultPolicy())
		if err != nil || result.Digest != fixture.Digest(tt.manifest) || result.Role != tt.role {
			t.Errorf("%s: %+v, %v", tt.tag, result, err)
		}
		// The same by digest.
		req = query.Resolve{Repository: req.Repository, Digest: fixture.Digest(tt.manifest)}
		b = ask("/v1/image", url.Values{"repository": {appName}, "digest": {req.Digest.String()}})
		if result, _, err = bundle.Verify(b, req, p.memory(), p.now(), bundle.DefaultPolicy()); err != nil || result.Role != tt.role {
			t.Errorf("digest of %s: %+v, %v", tt.tag, result, err)
		}
	}

	// A digest that no file lists takes those of all effective roles.
	for _, tags := range []fixture.Tags{{"1.0": "one", "0.9": "zero"}, {"1.0": "one"}} {
		spec.Version++
		p.next(p.c.Relay(op, fixture.Update{Targets: p.app.RoleFile("targets", spec.Version, tags, spec.Delegations, p.app.TaggingKeys...)}))
	}
	p.next()
	missing := query.Resolve{Repository: p.app.Repository, Digest: fixture.Digest("zero")}
	b = ask("/v1/image", url.Values{"repository": {appName}, "digest": {missing.Digest.String()}})
	if _, _, err := bundle.Verify(b, missing, p.memory(), p.now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrNotListed) || len(b.GetTargets()) != 3 {
		t.Errorf("not listed: %d files, %v", len(b.GetTargets()), err)
	}

	req, values := resolve("v2")
	for i := range 3 {
		b := ask("/v1/resolve", values)
		b.Targets = slices.Delete(b.Targets, i, i+1)
		if _, _, err := bundle.Verify(b, req, p.memory(), p.now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrTargets) {
			t.Errorf("without file %d: %v", i, err)
		}
	}
	swapped := ask("/v1/resolve", values)
	swapped.Targets[1], swapped.Targets[2] = swapped.Targets[2], swapped.Targets[1]
	if _, _, err := bundle.Verify(swapped, req, p.memory(), p.now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrTargets) {
		t.Errorf("swapped: %v", err)
	}

	// Whoever replaces a role's file asks for it by the role.
	byRole := query.Resolve{Repository: req.Repository, Role: "targets/deep"}
	b = ask("/v1/repository", url.Values{"name": {appName}, "role": {byRole.Role}})
	result, _, err := bundle.Verify(b, byRole, p.memory(), p.now(), bundle.DefaultPolicy())
	if err != nil || result.Files["targets/deep"] == nil || result.Files["targets/ci"] == nil {
		t.Fatalf("%+v, %v", result, err)
	}
	b.Targets = b.Targets[:2]
	if _, _, err := bundle.Verify(b, byRole, p.memory(), p.now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrTargets) {
		t.Errorf("without the role's file: %v", err)
	}

	// Without ci's delegation all below it answers no more.
	spec.Version, spec.Delegations = spec.Version+1, nil
	p.next(p.c.Relay(op, fixture.Update{Targets: p.app.SignTargets(spec, p.app.TaggingKeys...)}))
	p.next()
	if _, _, err := bundle.Verify(ask("/v1/resolve", values), req, p.memory(), p.now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrNotEffective) {
		t.Errorf("removed: %v", err)
	}
}
