package abci

import (
	"errors"
	"net/url"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/tuf"
)

// TestAnswersAboutStatements asks a node about what was revoked and lifted, before
// and after a rotation of the root that the statements were judged by.
func TestAnswersAboutStatements(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	req := bundletest.Request(appName + ":1.0")
	ask := func(more string) *proto.Bundle {
		t.Helper()
		r := p.query("/v1/resolve", url.Values{"ref": {appName + ":1.0"}}.Encode()+more)
		if r.Code != 0 {
			t.Fatal(r.Log)
		}
		b, err := bundle.Decode(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	verify := func(want error, by string) {
		t.Helper()
		p.next()
		result, _, err := bundle.Verify(ask(""), req, p.memory(), p.now(), bundle.DefaultPolicy())
		var denial *bundle.Denial
		if errors.As(err, &denial) {
			result = denial.Result
		}
		if !errors.Is(err, want) || result == nil {
			t.Fatalf("%v, want %v", err, want)
		}
		if result.Statement == nil || result.Statement.Binding.Role != by {
			t.Errorf("verified statement %+v, want one by %s", result.Statement, by)
		}
		// At ledger assurance files and statements stay at home.
		if b := ask("&assurance=ledger"); len(b.GetStatements())+len(b.GetStatementRoot()) != 0 {
			t.Error("a statement at ledger assurance")
		}
	}
	p.next(p.c.State(p.app.TaggingKeys[0], p.app.Revoke("targets", 1, "one", "never")))
	verify(bundle.ErrRevoked, "targets")
	if b := ask(""); len(b.GetStatementRoot()) != 0 {
		t.Error("the root by which it was judged is the current one")
	}
	old := p.app.RootKeys[0]
	next := p.app.RotateRoot(2, fixture.NewKeys(t, "ed25519", "second", 1), nil)
	p.next(p.c.Publish(old, fixture.Update{Roots: []*tuf.Root{next}}))
	verify(bundle.ErrRevoked, "targets")
	p.next(p.c.RelayStatements(p.c.Operators[2], p.app.Lift(1, 1, "one")))
	verify(nil, "root")
	third := p.app.Root(3)
	p.next(p.c.Publish(p.app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{third}}))
	verify(nil, "root")
	if b := ask("&root_version=3"); len(b.GetRoots()) != 0 || len(b.GetStatementRoot()) == 0 {
		t.Error("a client that holds all roots is not given the one it knows by digest only")
	}
}
