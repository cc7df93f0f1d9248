package e2e

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/liar"
	"hullmark/internal/nettest"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// statement signs a revocation by the tagging key, or a lift by the root key.
func statement(t testing.TB, pub *nettest.Publisher, action record.Action, sequence, through uint64, manifests ...string) *record.SignedStatement {
	t.Helper()
	st := record.Statement{
		Action: action, Binding: pub.Binding(tuf.RoleTargets), Sequence: sequence, Through: through,
		Digests: fixture.Digests(manifests...), Reason: record.ReasonMalicious,
	}
	signer := pub.Tags
	if action == record.ActionLift {
		st.Binding, st.Reason, signer = pub.Binding(tuf.RoleRoot), record.ReasonMistake, pub.Root
	}
	signed, err := (&record.SignedStatement{Statement: st}).Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// state submits a statement and waits until all nodes can prove it.
func state(p *nettest.InProcess, c *client.Client, pub *nettest.Publisher, s *record.SignedStatement) {
	p.T.Helper()
	receipt, _, err := c.PublishStatements(p.Context(), "", nettest.Submitter{Key: pub.Root}, s)
	if err != nil {
		p.T.Fatal(err)
	}
	p.Provable(receipt.GetHeight(), 0, 1, 2, 3)
}

// statements is the story of an image that is revoked and cleared again, as told by
// honest nodes and by one that would rather have it otherwise.
func statements(t *testing.T, p *nettest.InProcess) {
	pub := p.Publisher("registry.example.com/recalled")
	writer := p.Client(p.URLs()...)
	pub.Register(writer)
	height := pub.Publish(writer, "latest", "two").Transaction.GetHeight()
	p.Provable(height, 0, 1, 2, 3)
	latest := pub.Ask("latest")
	byDigest := query.Resolve{Repository: pub.Repository, Digest: fixture.Digest("two")}

	// While all is well the liar listens, and readers learn.
	l, urls := liarFirst(t, p, latest.String(), p.Nodes[1].URL)
	alone, beside := p.Client(urls[0]), p.Client(urls...)
	var before proto.Bundle
	l.Tell("/v1/resolve", liar.Bundle(func(b *proto.Bundle) { before.Image = b.GetImage() }))
	pub.Means(p.Client(urls[0]), "latest", "two")
	l.Record("/v1/")
	pub.Means(alone, "latest", "two")
	pub.Means(beside, "latest", "two")

	state(p, writer, pub, statement(t, pub, record.ActionRevoke, 1, 0, "two"))
	for i := range p.Nodes {
		for _, req := range []query.Resolve{latest, byDigest} {
			if _, _, _, err := p.Client(p.Nodes[i].URL).Resolve(p.Context(), req); !errors.Is(err, bundle.ErrRevoked) {
				t.Errorf("%s at node %d: %v", req, i, err)
			}
		}
	}

	var never proto.Bundle
	listener, listening := liarFirst(t, p, byDigest.String(), p.Nodes[1].URL)
	listener.Tell("/v1/image", liar.Bundle(func(b *proto.Bundle) { never.Image = b.GetImage() }))
	unknown := query.Resolve{Repository: pub.Repository, Digest: fixture.Digest("never")}
	if _, _, _, err := p.Client(listening[0]).Resolve(p.Context(), unknown); !errors.Is(err, bundle.ErrAbsentImage) || len(never.GetImage().GetProof()) == 0 {
		t.Fatalf("%s: %v", unknown, err)
	}

	made := statement(t, pub, record.ActionLift, 1, 1, "two") // not given to anybody yet
	forged := *pub
	forged.Root = pub.Tags
	noLift := statement(t, &forged, record.ActionLift, 1, 1, "two")
	whenRevoked := []statementLie{
		{"old voucher", liar.Bundle(func(b *proto.Bundle) { b.Image = before.GetImage() }), bundle.ErrProof},
		{"no voucher", liar.Bundle(func(b *proto.Bundle) { b.Image = nil }), bundle.ErrMalformed},
		{"voucher of an image never published", liar.Bundle(func(b *proto.Bundle) { b.Image = never.GetImage() }), bundle.ErrProof},
		{"voucher with a lift that does not exist", liar.Bundle(func(b *proto.Bundle) {
			v, err := record.DecodeVoucher(b.GetImage().GetValue())
			if err != nil {
				return
			}
			v.Lift, v.Revocation = v.Revocation, nil
			b.Image.Value, b.Statements = v.Encode(), [][]byte{made.Encode()}
		}), bundle.ErrProof},
		{"lift that was not published", liar.Statements(made.Encode()), bundle.ErrStatement},
		{"lift by the wrong role", liar.Statements(noLift.Encode()), bundle.ErrStatement},
		{"no statement", liar.Statements(), bundle.ErrRevoked},
		{"statement that is none", liar.Statements([]byte("x")), bundle.ErrStatement},
		{"not found", liar.Fail(http.StatusNotFound, "not-found"), client.ErrNotFound},
	}
	for _, tc := range whenRevoked {
		t.Run("revoked/"+tc.name, func(t *testing.T) { tc.tell(t, p, latest, bundle.ErrRevoked) })
	}

	// The whole answer of before is true of then. Who has seen more knows.
	l.Honest()
	if _, _, _, err := alone.Resolve(p.Context(), latest); !errors.Is(err, bundle.ErrRevoked) {
		t.Fatal(err)
	}
	l.Replay("/v1/")
	if _, _, _, err := alone.Resolve(p.Context(), latest); !errors.Is(err, bundle.ErrBehind) {
		t.Errorf("to who knows of the revocation: %v", err)
	}
	late := p.ClientWith(client.Options{Nodes: urls[:1], Now: func() time.Time { return time.Now().Add(bundle.DefaultMaxAge) }})
	if _, _, _, err := late.Resolve(p.Context(), latest); !errors.Is(err, bundle.ErrStale) {
		t.Errorf("to who knows nothing, after the greatest age: %v", err)
	}

	l.Record("/v1/")
	if _, _, _, err := beside.Resolve(p.Context(), latest); !errors.Is(err, bundle.ErrRevoked) {
		t.Fatal(err)
	}
	state(p, writer, pub, made)
	for i := range p.Nodes {
		r := pub.Means(p.Client(p.Nodes[i].URL), "latest", "two")
		if r.Lift == nil || r.Revocation != nil || r.Statement.Digest() != made.Digest() || r.Revocations != 1 || r.Lifts != 1 {
			t.Errorf("node %d: %+v", i, r)
		}
	}
	for _, tc := range []statementLie{
		{"lift without its statement", liar.Statements(), bundle.ErrStatement},
		{"revocation in its place", liar.Statements(statement(t, pub, record.ActionRevoke, 1, 0, "two").Encode()), bundle.ErrStatement},
		{"lift by the wrong role", liar.Statements(noLift.Encode()), bundle.ErrStatement},
		{"voucher from before the revocation", liar.Bundle(func(b *proto.Bundle) { b.Image = before.GetImage() }), bundle.ErrProof},
	} {
		t.Run("lifted/"+tc.name, func(t *testing.T) { tc.tell(t, p, latest, nil) })
	}
	// Nor can a node keep the revocation alive for who has seen the lift.
	l.Honest()
	pub.Means(alone, "latest", "two")
	l.Replay("/v1/")
	if _, _, _, err := alone.Resolve(p.Context(), latest); !errors.Is(err, bundle.ErrBehind) {
		t.Errorf("to who knows of the lift: %v", err)
	}
}

// statementLie is a lie of the first node a client asks, and the error it gets.
type statementLie struct {
	name string
	lie  liar.Lie
	want error
}

// tell tells a lie to a client that has no other node, and to one that has an honest
// one too, which must get the truth: a reason to deny, or nil.
func (s statementLie) tell(t *testing.T, p *nettest.InProcess, req query.Resolve, truth error) {
	l, urls := liarFirst(t, p, req.String(), p.Nodes[1].URL)
	l.Tell("/v1/resolve", s.lie)
	if r, _, _, err := p.Client(urls[0]).Resolve(p.Context(), req); !errors.Is(err, s.want) {
		t.Fatalf("alone: %+v, error %v; want %v", r, err, s.want)
	}
	r, _, warnings, err := p.Client(urls...).Resolve(p.Context(), req)
	if !errors.Is(err, truth) || truth == nil && r.Digest != fixture.Digest("two") {
		t.Errorf("beside an honest node: %+v, error %v; want %v", r, err, truth)
	}
	if errors.Is(s.want, bundle.ErrRevoked) {
		return // the truth, with less to show for it
	}
	if len(warnings) != 1 || warnings[0].Node != urls[0] || !errors.Is(warnings[0].Err, s.want) {
		t.Errorf("warnings %v", warnings)
	}
}
