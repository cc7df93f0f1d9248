package e2e

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/liar"
	"hullmark/internal/nettest"
	"hullmark/placement"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// liarFirst returns a liar in front of node 0, and the addresses of nodes among
// which it is the first to be asked about a name. Clients choose by rendezvous, so
// it looks through the loopback addresses for one that wins.
func liarFirst(t testing.TB, p *nettest.InProcess, name string, honest ...string) (*liar.Liar, []string) {
	t.Helper()
	l := liar.New(p.Nodes[0].URL)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(free.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	for i := range 1 << 20 {
		address := net.JoinHostPort(fmt.Sprintf("127.%d.%d.%d", 1+i>>16, i>>8&0xff, i&0xff), port)
		urls := append([]string{"http://" + address}, honest...)
		var nodes []placement.Node
		for _, u := range urls {
			nodes = append(nodes, placement.NewNode(u))
		}
		if placement.Order([]byte(name), nodes)[0].ID() != urls[0] {
			continue
		}
		s, err := l.Serve(address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return l, urls
	}
	t.Fatal("the liar is never asked first")
	return nil, nil
}

// lies puts a lying node in front of a client: alone, and before an honest one.
func lies(t *testing.T, p *nettest.InProcess) {
	pub := p.Publisher("registry.example.com/lied-about")
	writer := p.Client(p.URLs()...)
	pub.Register(writer)
	pub.Publish(writer, "1.0", "one")
	height := pub.Publish(writer, "latest", "two").Transaction.GetHeight()
	p.Provable(height, 0, 1, 2, 3)

	// Another ledger whose node the liar knows, with the same names in it.
	other := nettest.RunInProcess(t, nettest.New(t, "elsewhere", 1))
	t.Cleanup(func() { other.Stop(0) })
	otherPub := other.Publisher(pub.Repository.String())
	otherWriter := other.Client(other.URLs()...)
	otherPub.Register(otherWriter)
	other.Provable(otherPub.Publish(otherWriter, "latest", "evil").Transaction.GetHeight(), 0)
	// The same, but under this ledger's name.
	renamed := liar.New(other.Nodes[0].URL)
	renamed.Tell("/", liar.Bundle(func(b *proto.Bundle) { b.State.Ledger = p.Ledger }))
	renamedServer, err := renamed.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = renamedServer.Close() })

	about := func(ref string) url.Values { return url.Values{"ref": {ref}} }
	name := pub.Repository.String()
	type lie struct {
		name string
		lie  liar.Lie
		req  query.Resolve
		want error
	}
	latest, absent := pub.Ask("latest"), pub.Ask("never")
	absentRepository := query.Resolve{Repository: p.Publisher("registry.example.com/never").Repository}
	list := []lie{
		{"answer about another tag", liar.Instead(about(name + ":1.0")), latest, bundle.ErrProof},
		{"answer about another repository", liar.Instead(about("registry.example.com/app:latest")), latest, bundle.ErrProof},
		{"existing tag shown as absent", liar.Graft(about(name+":never"), func(into, from *proto.Bundle) { into.Tag = from.GetTag() }), latest, bundle.ErrProof},
		{"existing tag's value left out", liar.Bundle(func(b *proto.Bundle) { b.Tag.Value = nil }), latest, bundle.ErrProof},
		{"existing tag's entry left out", liar.Bundle(func(b *proto.Bundle) { b.Tag = nil }), latest, bundle.ErrMalformed},
		{"existing repository shown as absent", liar.Graft(about("registry.example.com/never:1"), func(into, from *proto.Bundle) { into.Repository = from.GetRepository() }), latest, bundle.ErrProof},
		{"absent tag shown as existing", liar.Graft(about(name+":latest"), func(into, from *proto.Bundle) { into.Tag, into.Image = from.GetTag(), from.GetImage() }), absent, bundle.ErrProof},
		{"absent repository shown as existing", liar.Instead(url.Values{"name": {name}}), absentRepository, bundle.ErrProof},
		{"roots left out", liar.DropRoots(), latest, bundle.ErrRoot},
		{"targets left out", liar.DropTargets(), latest, bundle.ErrTargets},
		{"another repository's files", liar.Graft(about("registry.example.com/app:latest"), func(into, from *proto.Bundle) { into.Roots, into.Targets = from.GetRoots(), from.GetTargets() }), latest, bundle.ErrRoot},
		{"another repository's targets", liar.Graft(about("registry.example.com/app:latest"), func(into, from *proto.Bundle) { into.Targets = from.GetTargets() }), latest, bundle.ErrTargets},
		{"another ledger", liar.From(other.Nodes[0].URL), latest, bundle.ErrWrongLedger},
		{"another ledger under this one's name", liar.From(renamedServer.URL), latest, bundle.ErrWrongLedger},
		{"header of another state", liar.OldHeader(p.Status(0).GetHeight() - uint64(p.Anchor.Block.Height) - 1), latest, bundle.ErrAppHash},
		{"header from before the anchor", liar.OldHeader(1 << 40), latest, bundle.ErrBelowTrusted},
		{"nothing", liar.Bundle(func(b *proto.Bundle) { protobuf.Reset(b) }), latest, bundle.ErrMalformed},
		{"newer format", liar.Bundle(func(b *proto.Bundle) { b.State.Version = 99 }), latest, record.ErrNewer},
		{"half an answer", liar.Half(), latest, bundle.ErrMalformed},
		{"more than an answer", liar.Append(`{"version":1}`), latest, bundle.ErrMalformed},
		{"web page", liar.Edit(func(a *liar.Answer) { a.Body = []byte("<html>") }), latest, bundle.ErrMalformed},
		{"broken off", liar.Truncate(), latest, client.ErrUnreachable},
		{"endless answer", liar.Endless(), latest, client.ErrResponse},
		{"compressed answer", liar.Gzip(), latest, client.ErrResponse},
		{"redirect to another host", liar.Redirect(p.Nodes[1].URL), latest, client.ErrResponse},
		{"hanging", liar.Hang(), latest, client.ErrUnreachable},
		{"byte by byte", liar.Drip(50 * time.Millisecond), latest, client.ErrUnreachable},
		{"closed connection", liar.Close(), latest, client.ErrUnreachable},
		{"internal error", liar.Status(http.StatusInternalServerError, "oops"), latest, client.ErrUnreachable},
		{"not found", liar.Fail(http.StatusNotFound, "not-found"), latest, client.ErrNotFound},
		{"not found, by another program", liar.Status(http.StatusNotFound, "no such page"), latest, client.ErrUnreachable},
		{"busy", liar.Status(http.StatusTooManyRequests, "later"), latest, client.ErrUnavailable},
		{"rejection by the ledger", liar.Refuse("stale-scope", uint32(record.CodeStaleScope)), latest, client.ErrResponse},
	}
	flips := map[string]error{
		"log root": bundle.ErrAppHash, "map root": bundle.ErrAppHash, "meta": bundle.ErrAppHash,
		"repository value": bundle.ErrProof, "repository proof": bundle.ErrProof, "tag value": bundle.ErrProof, "tag proof": bundle.ErrProof,
		"image value": bundle.ErrProof, "image proof": bundle.ErrProof, "root": bundle.ErrRoot, "targets": bundle.ErrTargets,
	}
	for _, part := range liar.Parts() {
		want, ok := flips[part.Name]
		if !ok {
			want = bundle.ErrHeader
			if part.Name != "light block" {
				t.Errorf("no verdict for a flipped %s", part.Name)
			}
		}
		list = append(list, lie{"flipped bit in " + part.Name, liar.Flip(part), latest, want})
	}
	const short = 2 * time.Second // enough for a node on this machine, however busy
	for _, tc := range list {
		t.Run(tc.name, func(t *testing.T) {
			l, urls := liarFirst(t, p, tc.req.String(), p.Nodes[1].URL)
			for _, path := range []string{"/v1/resolve", "/v1/repository"} {
				l.Tell(path, tc.lie)
			}
			timeout := client.DefaultTimeout
			if errors.Is(tc.want, client.ErrUnreachable) {
				timeout = short
			}
			alone := p.ClientWith(client.Options{Nodes: urls[:1], Timeout: timeout})
			result, _, _, err := alone.Resolve(p.Context(), tc.req)
			if !errors.Is(err, tc.want) || client.ClassOf(err) == bundle.NotTrusted {
				t.Fatalf("alone: %+v, error %v; want %v", result, err, tc.want)
			}
			beside := p.ClientWith(client.Options{Nodes: urls, Timeout: timeout})
			result, _, warnings, err := beside.Resolve(p.Context(), tc.req)
			switch tc.req {
			case latest:
				if err != nil || result.Digest != fixture.Digest("two") {
					t.Errorf("beside an honest node: %+v, error %v", result, err)
				}
			default:
				if client.ClassOf(err) != bundle.NotTrusted {
					t.Errorf("beside an honest node: %+v, error %v; want a proven no", result, err)
				}
			}
			if len(warnings) != 1 || warnings[0].Node != urls[0] || !errors.Is(warnings[0].Err, tc.want) {
				t.Errorf("warnings %v", warnings)
			}
		})
	}

	t.Run("another content type", func(t *testing.T) {
		// The type is nobody's proof of anything.
		l, urls := liarFirst(t, p, latest.String())
		l.Tell("/", liar.ContentType("text/html"))
		pub.Means(p.Client(urls...), "latest", "two")
	})
	t.Run("old answer", func(t *testing.T) {
		l, urls := liarFirst(t, p, latest.String(), p.Nodes[1].URL)
		l.Record("/v1/")
		alone, beside := p.Client(urls[0]), p.Client(urls...)
		pub.Means(alone, "latest", "two")
		pub.Means(beside, "latest", "two")
		height := pub.Publish(writer, "latest", "three").Transaction.GetHeight()
		p.Provable(height, 0, 1)
		l.Honest()
		pub.Means(alone, "latest", "three") // it has seen the new state
		l.Replay("/v1/")
		if _, _, _, err := alone.Resolve(p.Context(), latest); !errors.Is(err, bundle.ErrBehind) {
			t.Errorf("to who has seen more: %v", err)
		}
		// Who has not is protected by the age of the answer alone.
		late := p.ClientWith(client.Options{Nodes: urls[:1], Now: func() time.Time { return time.Now().Add(bundle.DefaultMaxAge) }})
		if _, _, _, err := late.Resolve(p.Context(), latest); !errors.Is(err, bundle.ErrStale) {
			t.Errorf("after the greatest age: %v", err)
		}
		if l.Asked("/v1/resolve") < 4 {
			t.Error("the liar was not asked")
		}
	})
}

// falseReceipts lies about what became of a transaction.
func falseReceipts(t *testing.T, p *nettest.InProcess) {
	pub := p.Publisher("registry.example.com/receipts")
	pub.Register(p.Client(p.URLs()...))
	version := uint64(0)
	for _, tc := range []struct {
		name string
		lie  liar.Lie
		want error
	}{
		{"another height", liar.Receipt(func(r *proto.TransactionResponse) { r.Height-- }), bundle.ErrTransaction},
		{"height of the future", liar.Receipt(func(r *proto.TransactionResponse) { r.Height += 1000 }), client.ErrNotFound},
		{"no height", liar.Receipt(func(r *proto.TransactionResponse) { r.Height = 0 }), bundle.ErrTransaction},
		{"another transaction", liar.Receipt(func(r *proto.TransactionResponse) { r.Hash[0] ^= 1 }), bundle.ErrTransaction},
		{"flipped proof", liar.Receipt(func(r *proto.TransactionResponse) { r.Proof[len(r.Proof)/2] ^= 1 }), bundle.ErrTransaction},
		{"no proof", liar.Receipt(func(r *proto.TransactionResponse) { r.Proof = nil }), bundle.ErrTransaction},
		{"false rejection", liar.Refuse("stale-scope", uint32(record.CodeStaleScope)), record.CodeStaleScope},
		{"broken off", liar.Truncate(), client.ErrUnreachable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			version++
			tx := pub.Transaction(version, map[string]string{"v": tc.name})
			env, err := record.DecodeEnvelope(tx)
			if err != nil {
				t.Fatal(err)
			}
			l, urls := liarFirst(t, p, hex.EncodeToString(env.Hash[:]), p.Nodes[1].URL)
			l.Tell("/v1/tx", tc.lie)
			if _, _, err := p.Client(urls[0]).Submit(p.Context(), tx); !errors.Is(err, tc.want) {
				t.Errorf("alone: %v, want %v", err, tc.want)
			}
			receipt, warnings, err := p.Client(urls...).Submit(p.Context(), tx)
			if err != nil || receipt.GetHeight() == 0 {
				t.Fatalf("beside an honest node: %v", err)
			}
			if len(warnings) != 1 || warnings[0].Node != urls[0] || !errors.Is(warnings[0].Err, tc.want) {
				t.Errorf("warnings %v", warnings)
			}
			if l.Asked("/v1/tx") < 2 {
				t.Error("the liar was not asked")
			}
		})
	}
}
