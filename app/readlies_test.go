package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/liar"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/tuf"
)

// TestReadLies puts a lying node in front of a client that asks about histories,
// transactions, the log and images: alone it is found out, beside an honest node
// it is a warning.
func TestReadLies(t *testing.T) {
	l := newLibrary(t)
	other := l.NewPublisher("registry.example.com/other")
	l.Commit(other.Register(l.Operators[0]))
	otherTx := other.Publish(1, fixture.Tags{"1.0": "other"})
	tx := l.app.Publish(2, fixture.Tags{"1.0": "one", "2.0": "two"})
	height := l.Commit(otherTx, tx)
	// A role of its own lists an image, and the root was rotated twice.
	ci := fixture.NewKey(t, "ed25519", "ci")
	delegating := l.app.RoleFile(tuf.RoleTargets, 3, fixture.Tags{"1.0": "one", "2.0": "two"},
		fixture.Delegate(fixture.Delegation{Role: "targets/ci", Keys: []*fixture.Key{ci}, Paths: []string{"ci-*"}}), l.app.TaggingKeys...)
	l.Commit(l.Relay(l.Operators[1], fixture.Update{
		Targets: delegating, Delegated: []*tuf.Targets{l.app.RoleFile("targets/ci", 1, fixture.Tags{"ci-1": "built"}, nil, ci)},
	}))
	l.rotate(2)
	l.rotate(3)
	l.replaceValidators("lies", 4, 2)
	l.Commit()

	repository := readRequest.Repository
	history := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		h, warnings, err := c.History(ctx, repository, client.HistoryOptions{})
		if err == nil && (!h.Complete || len(h.Records) != 6) {
			t.Errorf("history %+v", h)
		}
		return warnings, err
	}
	receipt := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		_, warnings, err := c.Receipt(ctx, tx, height)
		return warnings, err
	}
	logRecord := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		_, warnings, err := c.Record(ctx, 1)
		return warnings, err
	}
	growth := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		_, warnings, err := c.Growth(ctx, 2)
		return warnings, err
	}
	vouchers := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		v, warnings, err := c.Vouchers(ctx, fixture.Digest("two"))
		if err == nil && v.Count != 1 {
			t.Errorf("%d vouch", v.Count)
		}
		return warnings, err
	}
	resolve := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		_, _, warnings, err := c.Resolve(ctx, readRequest)
		return warnings, err
	}
	delegated := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		r, _, warnings, err := c.Resolve(ctx, query.Resolve{Repository: repository, Digest: fixture.Digest("built")})
		if err == nil && r.Role != "targets/ci" {
			t.Errorf("role %s lists it", r.Role)
		}
		return warnings, err
	}
	inRole := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		_, warnings, err := c.Role(ctx, repository, "targets/ci")
		return warnings, err
	}
	block := func(ctx context.Context, c *client.Client) ([]client.Warning, error) {
		_, warnings, err := c.LightBlock(ctx, l.Height()-1)
		return warnings, err
	}
	// honestly answers what is asked about something else.
	foreignReceipt, err := l.reads.lookup.Receipt(query.Receipt{Hash: sha256.Sum256(otherTx), Height: height}, query.Known{TrustedHeight: 1})
	if err != nil {
		t.Fatal(err)
	}
	page := func(change func(a *proto.HistoryAnswer)) liar.Lie { return liar.History(change) }
	instead := func(name, value string) liar.Lie { return liar.Instead(url.Values{name: {value}}) }
	for _, tc := range []struct {
		name string
		path string
		ask  func(context.Context, *client.Client) ([]client.Warning, error)
		lie  liar.Lie
		want error
	}{
		{"history without its newest record", "/v1/history", history, page(func(a *proto.HistoryAnswer) { a.Entries = a.GetEntries()[1:] }), bundle.ErrHistory},
		{"history without a record in the middle", "/v1/history", history, page(func(a *proto.HistoryAnswer) { a.Entries = append(a.GetEntries()[:1:1], a.GetEntries()[2:]...) }), bundle.ErrHistory},
		{"history without records", "/v1/history", history, page(func(a *proto.HistoryAnswer) { a.Entries = nil }), bundle.ErrHistory},
		{"swapped record", "/v1/history", history, page(func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Record = a.GetEntries()[1].GetEntry().GetRecord() }), bundle.ErrLog},
		{"wrong log proof", "/v1/history", history, page(func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof[0][5] ^= 1 }), bundle.ErrLog},
		{"changes of another record", "/v1/history", history, page(func(a *proto.HistoryAnswer) { a.Entries[0].Changes = a.GetEntries()[2].GetChanges() }), bundle.ErrHistory},
		{"history of another repository", "/v1/history", history, instead("repository", "registry.example.com/other"), bundle.ErrProof},
		{"history of nobody", "/v1/history", history, instead("repository", "registry.example.com/nobody"), bundle.ErrProof},
		{"half a history's text", "/v1/history", history, liar.Half(), bundle.ErrMalformed},
		{"foreign receipt", "/v1/receipt/", receipt, liar.LogReceipt(func(a *proto.ReceiptAnswer) { protobuf.Reset(a); protobuf.Merge(a, foreignReceipt) }), bundle.ErrTransaction},
		{"receipt with a foreign record", "/v1/receipt/", receipt, liar.LogReceipt(func(a *proto.ReceiptAnswer) { a.Records = foreignReceipt.GetRecords() }), bundle.ErrTransaction},
		{"receipt without records", "/v1/receipt/", receipt, liar.LogReceipt(func(a *proto.ReceiptAnswer) { a.Records = nil }), bundle.ErrTransaction},
		{"record at another index", "/v1/log/inclusion", logRecord, instead("index", "0"), bundle.ErrLog},
		{"changed record", "/v1/log/inclusion", logRecord, liar.Inclusion(func(a *proto.InclusionAnswer) { a.Entry.Record[70] ^= 1 }), bundle.ErrLog},
		{"growth from another size", "/v1/log/consistency", growth, instead("first", "3"), bundle.ErrLog},
		{"growth without proof", "/v1/log/consistency", growth, liar.Consistency(func(a *proto.ConsistencyAnswer) { a.Proof = nil }), bundle.ErrLog},
		{"another first state", "/v1/log/consistency", growth, liar.Consistency(func(a *proto.ConsistencyAnswer) { a.First = a.GetSecond() }), bundle.ErrLog},
		{"vouchers of another image", "/v1/image", vouchers, instead("digest", fixture.Digest("other").String()), bundle.ErrProof},
		{"vouchers denied", "/v1/image", vouchers, liar.Image(func(a *proto.ImageAnswer) { a.Image.Value = nil }), bundle.ErrProof},
		{"missing intermediate blocks, and no other light blocks", "/v1/", resolve, func(w http.ResponseWriter, r *http.Request, honest liar.Ask) {
			if r.URL.Path == "/v1/light-block" {
				liar.Status(http.StatusInternalServerError, "no")(w, r, honest)
				return
			}
			liar.CutIntermediate(1)(w, r, honest)
		}, bundle.ErrNotEnoughTrust},
		{"file of the role that lists it left out", "/v1/", delegated, liar.CutTargets(1), bundle.ErrTargets},
		{"file of the role left out", "/v1/", inRole, liar.CutTargets(1), bundle.ErrTargets},
		{"newest roots left out", "/v1/", resolve, liar.CutRoots(1), bundle.ErrRoot},
		{"history that ends early", "/v1/history", history, liar.EndHistory(2), bundle.ErrHistory},
		{"made-up signatures", "/v1/", resolve, liar.JunkCommit(), bundle.ErrHeader},
		{"made-up signatures of a light block", "/v1/light-block", block, liar.JunkCommit(), bundle.ErrHeader},
		{"files twice", "/v1/resolve", resolve, liar.Twice(), bundle.ErrRoot},
		{"too many roots", "/v1/resolve", resolve, liar.Fill(bundle.MaxRoots + 1), bundle.ErrMalformed},
		{"roots until there are many", "/v1/resolve", resolve, liar.Fill(bundle.MaxRoots), bundle.ErrRoot},
		{"proof with bytes behind it", "/v1/resolve", resolve, liar.Grow(1), bundle.ErrProof},
		{"proof of a megabyte", "/v1/resolve", resolve, liar.Grow(1 << 20), bundle.ErrProof},
		{"values that were not asked for", "/v1/", inRole, liar.Unasked(), bundle.ErrMalformed},
		{"field twice", "/v1/resolve", resolve, liar.RepeatField(), bundle.ErrMalformed},
		{"forged intermediate block", "/v1/resolve", resolve, liar.Bundle(func(b *proto.Bundle) { b.State.IntermediateBlocks[1] = b.GetState().GetLightBlock() }), bundle.ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := liar.New(l.server.URL)
			bad.Tell(tc.path, tc.lie)
			server, err := bad.Serve("127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = server.Close() }()
			alone, err := client.New(client.Options{Nodes: []string{server.URL}, Store: client.NewMemoryStore(l.memory(1)), Hedge: -1, Now: l.now})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tc.ask(t.Context(), alone); !errors.Is(err, tc.want) || client.ClassOf(err) != bundle.Attack {
				t.Errorf("alone: %v, want %v", err, tc.want)
			}
			warnings, err := tc.ask(t.Context(), l.client(l.memory(1), server.URL))
			if err != nil {
				t.Errorf("beside an honest node: %v", err)
			}
			for _, w := range warnings {
				if w.Node != server.URL || !errors.Is(w.Err, tc.want) {
					t.Errorf("warning %v", w)
				}
			}
		})
	}

	t.Run("made-up signatures of a known header", func(t *testing.T) {
		bad := liar.New(l.server.URL)
		server, err := bad.Serve("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = server.Close() }()
		alone, err := client.New(client.Options{Nodes: []string{server.URL}, Store: client.NewMemoryStore(l.memory(1)), Hedge: -1, Now: l.now})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := block(t.Context(), alone); err != nil {
			t.Fatal(err)
		}
		bad.Tell("/v1/", liar.JunkCommit())
		if _, err := block(t.Context(), alone); !errors.Is(err, bundle.ErrHeader) || client.ClassOf(err) != bundle.Attack {
			t.Errorf("error %v", err)
		}
		if warnings, err := block(t.Context(), l.client(l.memory(1), server.URL)); err != nil {
			t.Errorf("beside an honest node: %v, warnings %v", err, warnings)
		}
	})

	t.Run("missing intermediate blocks", func(t *testing.T) {
		// Light blocks are proof enough, wherever they come from.
		bad := liar.New(l.server.URL)
		bad.Tell("/v1/resolve", liar.CutIntermediate(1))
		server, err := bad.Serve("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = server.Close() }()
		alone, err := client.New(client.Options{Nodes: []string{server.URL}, Store: client.NewMemoryStore(l.memory(1)), Hedge: -1, Now: l.now})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resolve(t.Context(), alone); err != nil {
			t.Error(err)
		}
	})
}

// TestLowerHeight: what a client remembers of a repository decides whether a node
// that is behind may answer. An earlier state is as good as the newest while it
// says the same of the repository.
func TestLowerHeight(t *testing.T) {
	l := newLibrary(t)
	behind := func(by uint64) liar.Lie {
		return func(w http.ResponseWriter, _ *http.Request, _ liar.Ask) {
			l.mu.Lock()
			defer l.mu.Unlock()
			b, err := proto.MarshalJSON(l.Source(l.Height() - 1 - by).Bundle(readRequest))
			liar.Write(w, &liar.Answer{Status: http.StatusOK, Header: http.Header{}, Body: b}, err)
		}
	}
	lag := liar.New(l.server.URL)
	server, err := lag.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	memory := client.NewMemoryStore(l.memory(1))
	client := func(url string) *client.Client {
		c, err := client.New(client.Options{Nodes: []string{url}, Store: memory, Hedge: -1, Now: l.now})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	l.Commit()
	l.Commit()
	if _, _, _, err := client(l.server.URL).Resolve(t.Context(), readRequest); err != nil {
		t.Fatal(err)
	}
	// Nothing has happened to the repository since: two blocks behind is fine.
	lag.Tell("/v1/resolve", behind(2))
	r, _, _, err := client(server.URL).Resolve(t.Context(), readRequest)
	if err != nil || r.StateHeight != l.Height()-3 {
		t.Errorf("lower height with the same revision: %+v, error %v", r, err)
	}
	// The memory keeps the greater height.
	m, err := memory.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if seen, _ := m.Repository(readRequest.Repository); seen.Height != l.Height()-1 {
		t.Errorf("height %d is remembered", seen.Height)
	}
	// Once a later revision was seen, it is behind, which is no attack, and nodes are
	// told from which height on to answer.
	changed := l.Commit(l.app.Publish(2, fixture.Tags{"1.0": "two"}))
	l.Commit()
	l.Commit()
	l.requests()
	if _, _, _, err := client(l.server.URL).Resolve(t.Context(), readRequest); err != nil {
		t.Fatal(err)
	}
	lag.Tell("/v1/resolve", behind(3))
	_, _, _, err = client(server.URL).Resolve(t.Context(), readRequest)
	if !errors.Is(err, bundle.ErrBehind) || bundle.ClassOf(err) != bundle.Stale {
		t.Errorf("lower height with an earlier revision: %v", err)
	}
	l.requests()
	if _, _, _, err := client(l.server.URL).Resolve(t.Context(), readRequest); err != nil {
		t.Fatal(err)
	}
	if asked := l.requests(); len(asked) != 1 || !containsParameter(asked[0], "min_state_height", changed) {
		t.Errorf("requests %q", asked)
	}
}

func containsParameter(request, name string, value uint64) bool {
	u, err := url.Parse(request)
	return err == nil && u.Query().Get(name) == strconv.FormatUint(value, 10)
}
