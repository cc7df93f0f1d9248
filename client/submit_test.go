package client_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// times lets a handler act on the first requests only.
func times(count int, f func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost || count == 0 {
			return false
		}
		count--
		return f(w, r)
	}
}

// everybody makes all nodes do something.
func (n *network) everybody(f func() func(http.ResponseWriter, *http.Request) bool) {
	for _, nd := range n.nodes {
		nd.lie(f())
	}
}

// Test that a transaction gets through whatever some nodes do, and counts only
// where it is proven to be.
func TestSubmit(t *testing.T) {
	for _, c := range []struct {
		name     string
		lie      func(n *network, first *node)
		warnings int
	}{
		{"all honest", func(*network, *node) {}, 0},
		{"one busy", func(_ *network, first *node) { first.lie(busy) }, 1},
		{"one hangs up", func(_ *network, first *node) { first.lie(hangsUp) }, 1},
		{"all busy at first", func(n *network, _ *node) {
			n.everybody(func() func(http.ResponseWriter, *http.Request) bool { return times(2, busy) })
		}, 0},
		{"answer is lost", func(n *network, first *node) {
			first.lie(times(1, func(w http.ResponseWriter, r *http.Request) bool {
				n.take(r)
				return hangsUp(w, r)
			}))
		}, 1},
		{"not committed in time, and then it is", func(n *network, first *node) {
			first.lie(times(1, func(w http.ResponseWriter, r *http.Request) bool {
				n.take(r)
				fail(w, 504, "not-committed", "accepted", 0)
				return true
			}))
		}, 1},
		{"false rejection", func(_ *network, first *node) {
			first.lie(times(9, func(w http.ResponseWriter, _ *http.Request) bool {
				fail(w, 422, "quota-exceeded", "no", uint32(record.CodeQuota))
				return true
			}))
		}, 1},
		{"receipt without proof", func(n *network, first *node) {
			first.lie(times(9, func(w http.ResponseWriter, r *http.Request) bool {
				b, _ := io.ReadAll(r.Body)
				n.do(func(c *bundletest.Chain) {
					send(w, &proto.TransactionResponse{Hash: sum(b), Height: c.Height()})
				})
				return true
			}))
		}, 1},
		{"receipt of another transaction", func(n *network, first *node) {
			tx := n.other.Publish(2, fixture.Tags{"x": "x"})
			n.commit(tx)
			receipt := n.chain.Receipt(tx)
			first.lie(times(9, func(w http.ResponseWriter, _ *http.Request) bool {
				send(w, receipt)
				return true
			}))
		}, 1},
		{"receipt for a block that does not exist", func(n *network, first *node) {
			first.lie(times(9, func(w http.ResponseWriter, r *http.Request) bool {
				b, _ := io.ReadAll(r.Body)
				send(w, &proto.TransactionResponse{Hash: sum(b), Height: 1000})
				return true
			}))
		}, 1},
		{"receipt at height zero", func(_ *network, first *node) { first.lie(times(9, says([]byte("{}")))) }, 1},
		{"garbage", func(_ *network, first *node) { first.lie(times(9, says([]byte("garbage")))) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNetwork(t, 2)
			cl := n.client()
			tx := n.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "three"})
			env, err := record.DecodeEnvelope(tx)
			if err != nil {
				t.Fatal(err)
			}
			c.lie(n, n.inOrder(cl, hexOf(env.Hash[:]))[0])
			r, warnings, err := cl.Submit(t.Context(), tx)
			if err != nil {
				t.Fatal(err)
			}
			if len(warnings) != c.warnings {
				t.Errorf("warnings %v", warnings)
			}
			if want := n.chain.Receipt(tx); want == nil || r.GetHeight() != want.GetHeight() {
				t.Errorf("height %d, want %d", r.GetHeight(), want.GetHeight())
			}
			if m, err := cl.Memory(t.Context()); err != nil || m.TrustedHeight() != r.GetHeight() {
				t.Errorf("the block was not verified: %v", err)
			}
		})
	}
}

// Test that a node that has the transaction and keeps the header to itself is not
// waited for.
func TestSubmitSilentAboutHeader(t *testing.T) {
	n := newNetwork(t, 2)
	cl := n.client(func(o *client.Options) { o.Hedge, o.Timeout = time.Millisecond, time.Hour })
	tx := n.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "three"})
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		t.Fatal(err)
	}
	n.inOrder(cl, hexOf(env.Hash[:]))[0].lie(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/light-block" {
			return false
		}
		<-r.Context().Done()
		return true
	})
	r, warnings, err := cl.Submit(t.Context(), tx)
	if err != nil || len(warnings) != 0 || r.GetHeight() != n.chain.Receipt(tx).GetHeight() {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
}

// take commits the transaction of a request.
func (n *network) take(r *http.Request) {
	tx, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	n.do(func(c *bundletest.Chain) {
		c.TryCommit(tx)
		c.Commit()
	})
}

// Test that nobody is asked for a block of a height that no block can have.
func TestSubmitImpossibleHeight(t *testing.T) {
	n := newNetwork(t, 2)
	tx := n.app.Publish(3, fixture.Tags{"1.0": "one"})
	hash := sha256.Sum256(tx)
	c := n.client()
	nodes := n.inOrder(c, hexOf(hash[:]))
	nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		send(w, &proto.TransactionResponse{Hash: hash[:], Height: 1 << 63})
		return true
	})
	if _, _, err := c.Submit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	for _, nd := range nodes {
		for _, uri := range nd.seen() {
			if strings.Contains(uri, "9223372036854775808") {
				t.Errorf("asked %s", uri)
			}
		}
	}
}

// Test the ways in which a transaction does not get through.
func TestSubmitFails(t *testing.T) {
	n := newNetwork(t, 2)
	c := n.client()
	again := n.chain.NewPublisher(app)
	again.Expires = again.Expires.AddDate(0, 1, 0)
	// Every rejection is the same error here as on the node.
	for _, r := range []struct {
		name string
		tx   []byte
		code record.Code
	}{
		{"stale", n.app.Publish(1, fixture.Tags{"1.0": "x"}), record.CodeStaleScope},
		{"gap", n.app.Publish(9, fixture.Tags{"1.0": "x"}), record.CodeFutureScope},
		{"exists", again.Register(n.chain.Operators[0]), record.CodeRepositoryExists},
		{"not the owner's", n.chain.NewPublisher("registry.example.com/x").Register(n.chain.Operators[1]), record.CodeNotOwner},
	} {
		_, _, err := c.Submit(t.Context(), r.tx)
		var rejection *record.Rejection
		if !errors.Is(err, r.code) || !errors.As(err, &rejection) || client.ClassOf(err) != bundle.Other {
			t.Errorf("%s: error %v", r.name, err)
		}
	}
	if _, _, err := c.Submit(t.Context(), []byte("garbage")); !errors.Is(err, record.ErrEncoding) {
		t.Errorf("garbage: error %v", err)
	}

	tx := n.app.Publish(3, fixture.Tags{"1.0": "x"})
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool { return busy })
	if _, _, err := c.Submit(t.Context(), tx); !errors.Is(err, client.ErrUnavailable) || client.ClassOf(err) != bundle.Stale {
		t.Errorf("busy: error %v", err)
	}
	if calls := len(n.nodes[0].seen()); calls < 3 {
		t.Errorf("busy: %d tries", calls)
	}
	// One node judges, the other is busy for ever.
	stale := n.app.Publish(1, fixture.Tags{"1.0": "y"})
	n.nodes[0].lie(nil)
	if _, _, err := c.Submit(t.Context(), stale); !errors.Is(err, record.CodeStaleScope) {
		t.Errorf("stale beside a busy node: error %v", err)
	}
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool { return broken })
	if _, _, err := c.Submit(t.Context(), tx); !errors.Is(err, client.ErrUnreachable) {
		t.Errorf("broken: error %v", err)
	}
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			fail(w, 413, "transaction-too-large", "too large", 0)
			return true
		}
	})
	if _, _, err := c.Submit(t.Context(), tx); !errors.Is(err, client.ErrResponse) {
		t.Errorf("too large: error %v", err)
	}
}

// submitter is a key that signs envelopes.
type submitter struct{ *fixture.Key }

func (s submitter) SignFixed(message []byte) ([]byte, error) {
	return keys.SignFixed(s.Private(), message)
}

// order is a publication by app's tagging key.
func (n *network) order(changes ...change.TagChange) client.Publication {
	return client.Publication{
		Repository: reference.MustParseRepository(app), Changes: changes, Expires: n.app.Expires,
		Signers: []tuf.Signer{n.app.TaggingKeys[0]}, Submitter: submitter{n.app.TaggingKeys[0]},
	}
}

func set(tag, manifest string) change.TagChange {
	return change.TagChange{Tag: reference.MustParseTag(tag), Digest: fixture.Digest(manifest), Size: uint64(len(manifest))}
}

func withdraw(tag string) change.TagChange { return change.TagChange{Tag: reference.MustParseTag(tag)} }

// meaning returns the manifests that tags mean, "-" for none.
func (n *network) meaning(t *testing.T, tags ...string) string {
	t.Helper()
	var out []string
	for _, tag := range tags {
		result, _, _, err := n.client().Resolve(t.Context(), ref(app+":"+tag))
		word := "-"
		for _, m := range []string{"one", "two", "three", "four"} {
			if err == nil && result.Digest == fixture.Digest(m) {
				word = m
			}
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

// Test publishing from registration on.
func TestPublish(t *testing.T) {
	n := newNetwork(t, 3)
	c := n.client()
	p, err := c.Publish(t.Context(), n.order(set("latest", "three"), set("2.0", "four"), withdraw("1.0")))
	if err != nil {
		t.Fatal(err)
	}
	if p.Files[0].Version != 3 || p.Transaction == nil || len(p.Warnings) != 0 {
		t.Errorf("published %+v", p)
	}
	if got := n.meaning(t, "latest", "2.0", "1.0"); got != "three four -" {
		t.Errorf("tags mean %s", got)
	}
	// Later look-ups by this client accept no state before.
	m, err := c.Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if seen, _ := m.Repository(reference.MustParseRepository(app)); seen.Changed != p.Transaction.GetHeight() {
		t.Errorf("remembered height %d, want %d", seen.Changed, p.Transaction.GetHeight())
	}

	// The same order again has nothing to do.
	p, err = c.Publish(t.Context(), n.order(set("latest", "three"), set("2.0", "four")))
	if err != nil || p.Transaction != nil || p.Files[0].Version != 3 {
		t.Errorf("again: %+v, %v", p, err)
	}
	// An order without changes makes the file new.
	p, err = c.Publish(t.Context(), n.order())
	if err != nil || p.Transaction == nil || p.Files[0].Version != 4 {
		t.Errorf("refresh: %+v, %v", p, err)
	}
	// Withdrawing what is not there is a mistake.
	if _, err = c.Publish(t.Context(), n.order(withdraw("none"))); !errors.Is(err, change.ErrNotFound) {
		t.Errorf("withdrawing nothing: %v", err)
	}
	// A stranger's signature is refused by the ledger.
	stranger := n.order(set("latest", "one"))
	stranger.Signers = []tuf.Signer{fixture.NewKey(t, keys.KeytypeEd25519, "stranger")}
	if _, err = c.Publish(t.Context(), stranger); !errors.Is(err, record.CodeUnknownKey) && !errors.Is(err, record.CodeThreshold) {
		t.Errorf("stranger: %v", err)
	}
	if got := n.meaning(t, "latest", "2.0", "1.0"); got != "three four -" {
		t.Errorf("tags mean %s", got)
	}
}

// Test the life of a repository: registration, first file, rotation, and repair of
// the role that the rotation switched off.
func TestRegisterAndRotate(t *testing.T) {
	n := newNetwork(t, 2)
	c := n.client()
	p := n.chain.NewPublisher("registry.example.com/fresh")
	op := n.chain.Operators[0]
	if _, _, err := c.Register(t.Context(), p.Root(1), op.ID, submitter{op.Governance}); err != nil {
		t.Fatal(err)
	}
	order := client.Publication{
		Repository: p.Repository, Changes: []change.TagChange{set("latest", "one")}, Expires: p.Expires,
		Signers: []tuf.Signer{p.TaggingKeys[0]}, Submitter: submitter{op.Governance}, Payer: op.ID,
	}
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	stolen := p.TaggingKeys[0]
	root := p.RotateRoot(2, nil, fixture.NewKeys(t, keys.KeytypeECDSA, "fresh tagging", 1))
	if _, _, err := c.PublishFiles(t.Context(), "", submitter{p.RootKeys[0]}, change.Update{Roots: []*tuf.Root{root}}); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := c.Resolve(t.Context(), ref("registry.example.com/fresh:latest")); !errors.Is(err, bundle.ErrNotEffective) {
		t.Errorf("after rotation: %v", err)
	}
	order.Changes = []change.TagChange{set("next", "two")}
	order.Signers = []tuf.Signer{p.TaggingKeys[0]}
	if _, err := c.Publish(t.Context(), order); !errors.Is(err, change.ErrNotAdopted) {
		t.Errorf("tags of a stolen key: %v", err)
	}
	order.Adoption = change.Adoption{DropRest: true}
	order.Signers = []tuf.Signer{stolen}
	if _, err := c.Publish(t.Context(), order); !errors.Is(err, record.CodeUnknownKey) && !errors.Is(err, record.CodeThreshold) {
		t.Errorf("stolen key: %v", err)
	}
	order.Signers = []tuf.Signer{p.TaggingKeys[0]}
	order.Changes = []change.TagChange{set("latest", "one")} // what it says already
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	result, _, _, err := c.Resolve(t.Context(), ref("registry.example.com/fresh:latest"))
	if err != nil || result.RootVersion != 2 || result.TargetsVersion != 2 {
		t.Errorf("after repair: %+v, %v", result, err)
	}

	first, err := c.Metadata(t.Context(), p.Repository, tuf.RoleRoot, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := tuf.ParseRoot(first); err != nil || r.Version != 1 {
		t.Errorf("first root: %v", err)
	}
	current, err := c.Metadata(t.Context(), p.Repository, tuf.RoleRoot, 0)
	if err != nil || string(current) != string(root.Bytes()) {
		t.Errorf("current root: %v", err)
	}
	if b, err := c.Metadata(t.Context(), p.Repository, tuf.RoleTargets, 2); err != nil || string(b) != string(result.Targets.Bytes()) {
		t.Errorf("targets: %v", err)
	}
	for _, m := range []struct {
		role    string
		version uint64
	}{{tuf.RoleTargets, 1}, {tuf.RoleRoot, 3}, {"snapshot", 1}} {
		if _, err := c.Metadata(t.Context(), p.Repository, m.role, m.version); !errors.Is(err, client.ErrNotFound) {
			t.Errorf("%s %d: %v", m.role, m.version, err)
		}
	}
}

// Test several repositories in one transaction, whatever the order they are given
// in.
func TestPublishSeveral(t *testing.T) {
	n := newNetwork(t, 1)
	op := n.chain.Operators[3]
	updates := []change.Update{
		{Roles: []*tuf.Targets{n.other.Targets(2, fixture.Tags{"1.0": "three"})}},
		{Roles: []*tuf.Targets{n.app.Targets(3, fixture.Tags{"1.0": "three"})}},
	}
	if _, _, err := n.client().PublishFiles(t.Context(), op.ID, submitter{op.Governance}, updates...); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(updates)
	a, err := change.NewPublication(n.chain.Ledger(), op.ID, submitter{op.Governance}, updates...)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(updates)
	b, err := change.NewPublication(n.chain.Ledger(), op.ID, submitter{op.Governance}, updates...)
	if err != nil || string(a) != string(b) {
		t.Errorf("order matters: %v", err)
	}
	for name, bad := range map[string]change.Update{
		"nothing": {},
		"mixed":   {Roots: []*tuf.Root{n.app.Root(1)}, Roles: []*tuf.Targets{n.other.Targets(1, nil)}},
	} {
		if _, err := change.NewPublication(n.chain.Ledger(), op.ID, submitter{op.Governance}, bad); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// signedNext returns the signed successor of a file.
func signedNext(t *testing.T, ledger string, order client.Publication, current *tuf.Targets) *tuf.Targets {
	t.Helper()
	next, err := change.NextTargets(tuf.Binding{Ledger: ledger, Repository: order.Repository, Role: tuf.RoleTargets}, current, order.Changes, order.Expires)
	if err != nil {
		t.Fatal(err)
	}
	if next, err = next.Sign(order.Signers...); err != nil {
		t.Fatal(err)
	}
	return next
}

// another returns a file like the given one that the ledger does not have.
func another(t *testing.T, file *tuf.Targets) *tuf.Targets {
	t.Helper()
	spec := file.Spec()
	spec.Expires = spec.Expires.Add(-time.Hour)
	other, err := tuf.NewTargets(spec)
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// Test that a publish costs what it changes: in a repository whose file is larger
// than any transaction may be, one tag is still published, and the ledger has the
// file whose bytes were signed.
func TestPublishDelta(t *testing.T) {
	n := newNetwork(t, 2)
	c := n.client()
	publish := func(changes ...change.TagChange) *client.Published {
		t.Helper()
		p, err := c.Publish(t.Context(), n.order(changes...))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	count := 0
	var last *client.Published
	for last == nil || len(last.Files[0].Bytes()) <= record.MaxTransactionSize {
		var changes []change.TagChange
		for range record.MaxChanges / 2 {
			count++
			changes = append(changes, set(fmt.Sprint("build-", count), "one"))
		}
		last = publish(changes...)
	}
	last = publish(set("build-1", "two"), withdraw("build-2"))
	if got := n.meaning(t, "build-1", "build-2", fmt.Sprint("build-", count), "latest"); got != "two - one two" {
		t.Errorf("tags mean %s", got)
	}
	current, _, err := c.Repository(t.Context(), reference.MustParseRepository(app))
	if err != nil {
		t.Fatal(err)
	}
	if current.Targets.FileDigest() != last.Files[0].FileDigest() {
		t.Error("the ledger has another file than the one that was signed")
	}
	// A base that the ledger does not have, and no room for the whole file.
	order := n.order(set("build-1", "one"))
	u := change.Update{Roles: []*tuf.Targets{signedNext(t, n.chain.Ledger(), order, current.Targets)}, Stored: []*tuf.Targets{another(t, current.Targets)}}
	if _, _, err = c.PublishFiles(t.Context(), "", order.Submitter, u); !errors.Is(err, record.CodeTooLarge) {
		t.Errorf("a foreign base: %v", err)
	}
}

// Test that a delta against a file the ledger does not have is sent as a whole file.
func TestPublishStaleBase(t *testing.T) {
	n := newNetwork(t, 1)
	c := n.client()
	var many []change.TagChange // so that a delta is shorter
	for i := range 40 {
		many = append(many, set(fmt.Sprint("build-", i), "one"))
	}
	if _, err := c.Publish(t.Context(), n.order(many...)); err != nil {
		t.Fatal(err)
	}
	current, _, err := c.Repository(t.Context(), reference.MustParseRepository(app))
	if err != nil {
		t.Fatal(err)
	}
	order := n.order(set("latest", "one"))
	u := change.Update{Roles: []*tuf.Targets{signedNext(t, n.chain.Ledger(), order, current.Targets)}, Stored: []*tuf.Targets{another(t, current.Targets)}}
	if _, _, err := c.PublishFiles(t.Context(), "", order.Submitter, u); err != nil {
		t.Fatalf("not published whole: %v", err)
	}
	if got := n.meaning(t, "latest"); got != "one" {
		t.Errorf("the tag means %s", got)
	}
}

// Test that a block is reached across changes of all validators.
func TestLightBlock(t *testing.T) {
	n := newNetwork(t, 2)
	old := n.chain.Validators()
	fresh := fixture.NewKeys(t, keys.KeytypeEd25519, "fresh", 4)
	for i := range fresh {
		n.chain.SetValidators(append(fresh[:i+1:i+1], old[i+1:]...)...)
		for range 6 {
			n.commit()
		}
	}
	c := n.client()
	lb, warnings, err := c.LightBlock(t.Context(), 0)
	if err != nil || len(warnings) != 0 || uint64(lb.Height) != n.chain.Height() {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	if lb, _, err = c.LightBlock(t.Context(), 20); err != nil || lb.Height != 20 {
		t.Errorf("block 20: %v", err)
	}
	if _, _, err = c.LightBlock(t.Context(), 1000); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("block 1000: %v", err)
	}
	first := n.inOrder(c, "light-block/21")[0]
	first.lie(func(w http.ResponseWriter, _ *http.Request) bool {
		n.do(func(c *bundletest.Chain) {
			send(w, &proto.LightBlockResponse{Height: 21, LightBlock: c.EncodedBlock(22)})
		})
		return true
	})
	lb, warnings, err = c.LightBlock(t.Context(), 21)
	if err != nil || lb.Height != 21 || len(warnings) != 1 || warnings[0].Class != bundle.Attack {
		t.Errorf("block 22 for 21: %v, %v", warnings, err)
	}
	// Strangers' blocks end in an error, not in a long search.
	strangers := fixture.NewKeys(t, keys.KeytypeEd25519, "stranger", 4)
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			n.do(func(c *bundletest.Chain) {
				header := *c.Block(number(r, "height")).Header
				header.ValidatorsHash = bundletest.ValidatorSet(strangers).Hash()
				send(w, &proto.LightBlockResponse{LightBlock: bundletest.Encode(t, c.Sign(&header, strangers, strangers...))})
			})
			return true
		}
	})
	if _, _, err = n.client().LightBlock(t.Context(), 20); !errors.Is(err, bundle.ErrHeader) || client.ClassOf(err) != bundle.Attack {
		t.Errorf("strangers: %v", err)
	}
}

// Test that every node is asked for its status.
func TestStatus(t *testing.T) {
	n := newNetwork(t, 3)
	n.nodes[1].lie(hangsUp)
	n.nodes[2].lie(says([]byte(`{"unknown":1}`)))
	got := n.client().Status(t.Context())
	if len(got) != 3 || got[0].Err != nil || got[0].Status.GetHeight() != 4 || got[0].Node != n.nodes[0].URL {
		t.Errorf("status %+v", got)
	}
	if !errors.Is(got[1].Err, client.ErrUnreachable) || got[1].Status != nil || !errors.Is(got[2].Err, client.ErrResponse) {
		t.Errorf("status %+v", got[1:])
	}
}
