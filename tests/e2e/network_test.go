package e2e

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/nettest"
	"hullmark/keys"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// TestNetwork is the life of one network of four validators.
func TestNetwork(t *testing.T) {
	p := nettest.RunInProcess(t, nettest.New(t, "e2e", 4))
	defer p.StopAll()
	for _, step := range []struct {
		name string
		run  func(t *testing.T, p *nettest.InProcess)
	}{
		{"publish and verify", publishAndVerify},
		{"refusals", refusals},
		{"public surface", publicSurface},
		{"lookups during commits", lookupsDuringCommits},
		{"one home", oneHome},
		{"lies", lies},
		{"statements", statements},
		{"false receipts", falseReceipts},
		{"one node down", oneDown},
		{"two nodes down", twoDown},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			before := p.T
			p.T = t
			defer func() { p.T = before }()
			step.run(t, p)
		}) {
			break // the steps build on each other
		}
	}
}

// publishAndVerify is the whole path of a repository.
func publishAndVerify(t *testing.T, p *nettest.InProcess) {
	writer, reader := p.Client(p.URLs()...), p.Client(p.URLs()...)
	denied := func(req query.Resolve, reason error) {
		t.Helper()
		if _, _, _, err := reader.Resolve(p.Context(), req); !errors.Is(err, reason) || client.ClassOf(err) != bundle.NotTrusted {
			t.Errorf("%s: %v, want %v", req, err, reason)
		}
	}
	pub := p.Publisher("registry.example.com/app")
	denied(pub.Ask("1.0"), bundle.ErrUnknownRepository)
	pub.Register(writer)
	pub.Publish(writer, "1.0", "one")
	// The writer sees what it wrote wherever it asks; so does a reader who is told
	// the height.
	pub.Means(writer, "1.0", "one")
	height := pub.Publish(writer, "latest", "one").Transaction.GetHeight()
	p.Provable(height, 0, 1, 2, 3)
	first := pub.Means(reader, "latest", "one")
	if first.TargetsVersion != 2 || first.RootVersion != 1 || first.Registrant != "operator-0" || first.Published.Height != height {
		t.Errorf("result %+v", first)
	}
	denied(pub.Ask("2.0"), bundle.ErrAbsentTag)

	// An update and a withdrawal.
	pub.Publish(writer, "latest", "two")
	r := pub.Publish(writer, "1.0", "")
	p.Provable(r.Transaction.GetHeight(), 0, 1, 2, 3)
	pub.Means(reader, "latest", "two")
	denied(pub.Ask("1.0"), bundle.ErrWithdrawn)
	denied(query.Resolve{Repository: pub.Repository, Tag: pub.Ask("latest").Tag, Digest: fixture.Digest("one")}, bundle.ErrDifferentDigest)

	// A rotation of both keys: the tagging key's file stops counting at once, and
	// the new key's next file counts.
	oldRoot, oldTags := pub.Root, pub.Tags
	pub.Root = fixture.NewKey(t, keys.KeytypeECDSA, "second root")
	pub.Tags = fixture.NewKey(t, keys.KeytypeEd25519, "second tags")
	receipt, _, err := writer.PublishFiles(p.Context(), "", nettest.Submitter{Key: oldRoot}, change.Update{Roots: []*tuf.Root{pub.RootFile(2, oldRoot)}})
	if err != nil {
		t.Fatal(err)
	}
	p.Provable(receipt.GetHeight(), 0, 1, 2, 3)
	denied(pub.Ask("latest"), bundle.ErrNotEffective)
	stolen := *pub
	stolen.Tags = oldTags
	tx := stolen.Transaction(5, map[string]string{"latest": "evil"})
	if status, _, problem := p.Submit(1, tx); status != http.StatusUnprocessableEntity || problem.GetLedgerCode() != uint32(record.CodeUnknownSubmitter) {
		t.Errorf("a stolen key: %d %v", status, problem)
	}
	order := pub.Publication("latest", "three")
	order.Changes[0].Tag = reference.MustParseTag("next")
	if _, err := writer.Publish(p.Context(), order); !errors.Is(err, change.ErrNotAdopted) {
		t.Errorf("what the old key signed is taken over without a word: %v", err)
	}
	order = pub.Publication("latest", "three")
	if r, err = writer.Publish(p.Context(), order); err != nil {
		t.Fatal(err)
	}
	p.Provable(r.Transaction.GetHeight(), 0, 1, 2, 3)
	if got := pub.Means(reader, "latest", "three"); got.RootVersion != 2 {
		t.Errorf("root version %d", got.RootVersion)
	}
	// Every node alone gives the same answer, to somebody who knows nothing.
	for i := range p.Nodes {
		pub.Means(p.Client(p.Nodes[i].URL), "latest", "three")
	}
}

// refusals sends transactions no node may take; nothing is written.
func refusals(t *testing.T, p *nettest.InProcess) {
	pub := p.Publisher("registry.example.com/refused")
	c := p.Client(p.URLs()...)
	pub.Register(c)
	good := pub.Transaction(1, map[string]string{"1.0": "one"})
	_, first, _ := p.Submit(0, good)
	p.Provable(first.GetHeight(), 0, 1, 2, 3)
	for i := range p.Nodes { // also where it was never sent before
		status, again, problem := p.Submit(i, good)
		if status != http.StatusOK || !again.GetDuplicate() || again.GetHeight() != first.GetHeight() || !bytes.Equal(again.GetHash(), first.GetHash()) {
			t.Errorf("sent again to node %d: %d %v %v", i, status, again, problem)
		}
	}
	size := p.Status(0).GetLogSize()

	foreign := *p.Network
	foreignNet := *p.Network.Network
	foreignNet.Ledger = "other-0123456789abcdef"
	foreign.Network = &foreignNet
	abroad := *pub
	abroad.Network = &foreign
	next := pub.Transaction(2, nil)
	forged := bytes.Clone(next)
	forged[len(forged)-1] ^= 1
	stranger := *pub
	stranger.Tags = fixture.NewKey(t, keys.KeytypeEd25519, "stranger")
	carried := func(file *tuf.Targets) []byte {
		tx, err := change.NewPublication(p.Ledger, p.Operators[1].ID, p.Operator(1), change.Update{Roles: []*tuf.Targets{file}})
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	registration := func(repository string, by int) []byte {
		tx, err := change.NewRegistration(p.Ledger, p.Publisher(repository).RootFile(1), p.Operators[by].ID, p.Operator(by))
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	for name, tc := range map[string]struct {
		tx   []byte
		code record.Code
	}{
		"another content of a version": {pub.Transaction(1, map[string]string{"1.0": "evil"}), record.CodeStaleScope},
		"a version left out":           {pub.Transaction(3, nil), record.CodeFutureScope},
		"another chain":                {abroad.Transaction(2, nil), record.CodeWrongChain},
		"bytes left out":               {next[:len(next)-1], record.CodeMalformed},
		"a changed byte":               {forged, record.CodeSubmitterSignature},
		"a stranger":                   {stranger.Transaction(2, nil), record.CodeUnknownSubmitter},
		"a stranger's file, carried":   {carried(stranger.TargetsFile(2, map[string]string{"1.0": "evil"})), record.CodeUnknownKey},
		"a foreign namespace":          {registration("registry-2.example.com/mine", 1), record.CodeNotOwner},
		"a repository nobody has":      {p.Publisher("registry.example.com/none").Transaction(1, nil), record.CodeUnknownRepository},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range p.Nodes {
				status, _, problem := p.Submit(i, tc.tx)
				if status != http.StatusUnprocessableEntity || problem.GetLedgerCode() != uint32(tc.code) || problem.GetCode() != tc.code.Name() {
					t.Errorf("node %d: %d %v, want %s", i, status, problem, tc.code.Name())
				}
			}
		})
	}
	for i := range p.Nodes {
		if s := p.Status(i); s.GetLogSize() != size || s.GetPending() != 0 {
			t.Errorf("node %d: %d records instead of %d, %d transactions wait", i, s.GetLogSize(), size, s.GetPending())
		}
	}
	pub.Means(c, "1.0", "one")
}

// publicSurface: the engine's own methods are not on the address the world sees,
// and requests may not be compressed (CVE-2023-34450, CVE-2019-25072).
func publicSurface(t *testing.T, p *nettest.InProcess) {
	for _, path := range []string{
		"/", "/dump_consensus_state", "/consensus_state", "/unsafe_flush_mempool", "/dial_peers", "/genesis", "/broadcast_evidence",
		"/net_info", "/websocket", "/metrics", "/debug/pprof/", "/debug/pprof/heap",
	} {
		resp, err := http.Get(p.Nodes[0].URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, resp.StatusCode)
		}
	}
	pub := p.Publisher("registry.example.com/app")
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	if _, err := w.Write(pub.Transaction(100, nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.Context(), http.MethodPost, p.Nodes[0].URL+"/v1/tx", &compressed)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode < 400 || resp.StatusCode >= 500 {
		t.Errorf("a compressed transaction: status %d", resp.StatusCode)
	}
}

// lookupsDuringCommits asks all nodes all the time while a repository changes.
// Readers with a memory never see it go back.
func lookupsDuringCommits(t *testing.T, p *nettest.InProcess) {
	pub := p.Publisher("registry.example.com/busy")
	writer := p.Client(p.URLs()...)
	pub.Register(writer)
	r := pub.Publish(writer, "latest", "0")
	p.Provable(r.Transaction.GetHeight(), 0, 1, 2, 3)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range p.Nodes {
		c := p.Client(p.Nodes[i].URL)
		wg.Go(func() {
			var version uint64
			for asked := 0; ; asked++ {
				select {
				case <-done:
					if asked == 0 {
						t.Errorf("node %d was never asked", i)
					}
					return
				default:
				}
				result, _, warnings, err := c.Resolve(t.Context(), pub.Ask("latest"))
				if err != nil || len(warnings) != 0 {
					t.Errorf("node %d: %v, warnings %v", i, err, warnings)
					return
				}
				if result.TargetsVersion < version {
					t.Errorf("node %d: version %d after %d", i, result.TargetsVersion, version)
				}
				version = result.TargetsVersion
			}
		})
	}
	for v := 1; v <= 12; v++ {
		manifest := fmt.Sprint(v)
		pub.Publish(writer, "latest", manifest)
		pub.Means(writer, "latest", manifest)
	}
	close(done)
	wg.Wait()
}

// oneDown stops a validator; the others go on, and it catches up.
func oneDown(t *testing.T, p *nettest.InProcess) {
	pub := p.Publisher("registry.example.com/steady")
	c := p.Client(p.URLs()...)
	pub.Register(c)
	pub.Publish(c, "latest", "before")
	p.Stop(3)
	var height uint64
	for v := range 5 {
		manifest := fmt.Sprint("without ", v)
		height = pub.Publish(c, "latest", manifest).Transaction.GetHeight()
		result, _, _, err := c.Resolve(p.Context(), pub.Ask("latest")) // a warning about node 3 is in order
		if err != nil || result.Digest != fixture.Digest(manifest) {
			t.Fatalf("with one node down: %v", err)
		}
	}
	for _, i := range []int{0, 1, 2} {
		p.Until(fmt.Sprintf("node %d is ready without node 3", i), func() bool { return p.Ready(i) })
	}
	p.Restart(3)
	p.Provable(height, 3)
	p.Until("node 3 is ready", func() bool { return p.Ready(3) })
	pub.Means(p.Client(p.Nodes[3].URL), "latest", "without 4")
	// It takes part again: without another one there is a quorum only with it.
	p.Stop(2)
	pub.Publish(c, "latest", "with it")
	p.Restart(2)
	p.Until("node 2 is ready", func() bool { return p.Ready(2) })
}

// twoDown halts the ledger: nothing is lost, reads go on, and nobody claims to be
// ready.
func twoDown(t *testing.T, p *nettest.InProcess) {
	pub := p.Publisher("registry.example.com/halt")
	c := p.Client(p.URLs()...)
	pub.Register(c)
	height := pub.Publish(c, "latest", "before").Transaction.GetHeight()
	p.Provable(height, 0, 1, 2, 3)
	p.Stop(2)
	p.Stop(3)
	p.Until("node 0 is not ready", func() bool { return !p.Ready(0) })
	p.Until("node 1 is not ready", func() bool { return !p.Ready(1) })
	// Answers within the client's own bound are answers all the same.
	for _, i := range []int{0, 1} {
		pub.Means(p.Client(p.Nodes[i].URL), "latest", "before")
	}
	// A client whose bound has passed refuses.
	policy := bundle.DefaultPolicy()
	policy.MaxAge = 1
	if _, _, _, err := p.ClientWith(client.Options{Nodes: []string{p.Nodes[0].URL}, Policy: &policy}).Resolve(p.Context(), pub.Ask("latest")); !errors.Is(err, bundle.ErrStale) {
		t.Errorf("a stale answer: %v", err)
	}
	p.Restart(2)
	p.Restart(3)
	for i := range p.Nodes {
		p.Until(fmt.Sprintf("node %d is ready", i), func() bool { return p.Ready(i) })
	}
	pub.Publish(c, "latest", "after")
	pub.Means(c, "latest", "after")
}
