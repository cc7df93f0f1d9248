package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// TestStepsAreTheTable: the order of checks stands in docs/spec.md, and the code has it
// once.
func TestStepsAreTheTable(t *testing.T) {
	spec, err := os.ReadFile(filepath.Join("..", "docs", "spec.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(spec), "### Order of checks\n")
	section, _, _ = strings.Cut(section, "\n### ")
	var want []string
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		// The first two, the size and the form, come before there is a transaction.
		if len(cells) == 5 && strings.Trim(cells[1], " 0123456789") == "" && !slices.Contains([]string{"1", "2"}, strings.TrimSpace(cells[1])) {
			want = append(want, strings.TrimSpace(cells[2]))
		}
	}
	if got := ledger.Checks(); len(got) == 0 || !slices.Equal(got, want) {
		t.Errorf("steps %q, docs/spec.md has %q", got, want)
	}
}

// at judges a transaction at a time of the next block and returns its code, zero if it
// is accepted.
func at(ch *chain, tx []byte, when time.Time) record.Code {
	ch.t.Helper()
	s, err := ch.l.Begin(ledger.Block{Height: ch.next().Height, Time: when})
	if err != nil {
		ch.t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Apply(tx, keys.Direct{})
	if err != nil && errors.As(err, new(*record.Rejection)) {
		code, _ := record.CodeOf(err)
		return code
	} else if err != nil {
		ch.t.Fatal(err)
	}
	return 0
}

// TestRememberedInTime judges the same transactions at times around every one on which
// the verdict depends, forwards and backwards: what is remembered says what judging
// anew would say, code for code.
func TestRememberedInTime(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher("registry.example.com/app")
	now := c.BlockTime(10)
	p.Expires = now.AddDate(0, 0, 300).Truncate(time.Second)
	root := p.RootSpec(1)
	root.Expires = now.AddDate(0, 0, 200).Truncate(time.Second)
	ci := newKeys(t, "ci")[0]
	top := p.TargetsSpec(1, fixture.Tags{"1.0": "one"})
	top.Expires = now.AddDate(0, 0, 100).Truncate(time.Second)
	top.Delegations = &tuf.Delegations{Keys: []keys.PublicKey{ci.PublicKey()}, Roles: []tuf.DelegatedRole{{
		Role: tuf.Role{KeyIDs: []keys.ID{ci.ID()}, Threshold: 1}, Name: "targets/ci", Paths: []string{"ci-*"},
	}}}
	below := p.TargetsSpec(1, fixture.Tags{"ci-1": "one"})
	below.Binding.Role = "targets/ci"
	horizon := p.TargetsSpec(2, nil)
	horizon.Expires = now.Add(c.Params.TargetsHorizon).AddDate(0, 0, 50).Truncate(time.Second)
	next := p.RootSpec(2)
	next.Expires = now.Add(c.Params.RootHorizon).AddDate(0, 0, 70).Truncate(time.Second)
	other := c.NewPublisher("registry.example.com/other")

	txs := map[string][]byte{
		"targets":       p.Publish(2, fixture.Tags{"1.0": "two"}),
		"below targets": c.Publish(ci, fixture.Update{Delegated: []*tuf.Targets{p.SignTargets(below, ci)}}),
		"far ahead":     c.Publish(p.TaggingKeys[0], targets(p.SignTargets(horizon, p.TaggingKeys...))),
		"next root":     c.Publish(p.RootKeys[0], roots(p.SignRoot(next, p.RootKeys...))),
		"revocation":    c.State(p.RootKeys[0], p.Revoke("root", 1, "one")),
		"registration":  other.Register(c.Operators[0]),
		"wrong version": c.Publish(p.TaggingKeys[0], fixture.Update{Targets: p.SignTargets(p.TargetsSpec(2, nil), newKeys(t, "stranger")...)}),
		"expired before": func() []byte {
			s := p.TargetsSpec(2, nil)
			s.Expires = now
			return c.Publish(p.TaggingKeys[0], targets(p.SignTargets(s, p.TaggingKeys...)))
		}(),
	}
	var times []time.Time
	for _, edge := range []time.Time{
		now, top.Expires, root.Expires, p.Expires, other.Expires, horizon.Expires, next.Expires,
		horizon.Expires.Add(-c.Params.TargetsHorizon), next.Expires.Add(-c.Params.RootHorizon),
		p.Expires.Add(-c.Params.TargetsHorizon), root.Expires.Add(-c.Params.RootHorizon),
	} {
		for _, d := range []time.Duration{-time.Second, -1, 0, 1, time.Second} {
			if record.CheckTime(edge.Add(d)) {
				times = append(times, edge.Add(d))
			}
		}
	}
	chains := make([]*chain, len(memories))
	for i, m := range memories {
		chains[i] = newChainOf(t, c, m)
		chains[i].commit(c.Register(c.Operators[0], p.SignRoot(root, p.RootKeys...)))
		chains[i].commit(c.Publish(p.TaggingKeys[0], targets(p.SignTargets(top, p.TaggingKeys...))))
	}
	codes := make(map[record.Code]bool)
	for range 2 {
		for name, tx := range txs {
			for _, when := range times {
				want := at(chains[2], tx, when)
				codes[want] = true
				for i, ch := range chains[:2] {
					if got := at(ch, tx, when); got != want {
						t.Fatalf("%s at %s: code %d with memory %+v, %d without", name, when, got, memories[i], want)
					}
				}
			}
		}
		slices.Reverse(times)
	}
	for _, code := range []record.Code{0, record.CodeExpired, record.CodeExpiresTooLate, record.CodeRoleNotEffective, record.CodeUnknownKey} {
		if !codes[code] {
			t.Errorf("code %d never came up", code)
		}
	}
}

// TestRememberedFor: a verdict is for the files that the ledger had. The same bytes are
// judged anew when they meet others.
func TestRememberedFor(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := registered(ch, "app", nil)
	ch.commit(p.Publish(1, fixture.Tags{"1.0": "one"}))
	// Signed by a key that the next root takes away.
	tx := c.Publish(p.RootKeys[0], targets(p.Targets(2, fixture.Tags{"1.0": "two"})))
	if code := at(ch, tx, ch.next().Time); code != 0 {
		t.Fatalf("code %d", code)
	}
	spec := p.RootSpec(2)
	fresh := newKeys(t, "fresh")[0]
	spec.Keys = append(spec.Keys[:len(spec.Keys)-1:len(spec.Keys)-1], fresh.PublicKey())
	spec.Roles.Targets.KeyIDs = []keys.ID{fresh.ID()}
	rotation := c.Publish(p.RootKeys[0], roots(p.SignRoot(spec, p.RootKeys...)))
	s := ch.begin()
	if _, err := s.Apply(rotation, keys.Direct{}); err != nil {
		t.Fatal(err)
	}
	ch.rejectsIn(s, record.CodeUnknownKey, tx)
	s.Close()
	if code := at(ch, tx, ch.next().Time); code != 0 {
		t.Errorf("without the rotation: code %d", code)
	}
}

// TestRememberedOnce: however many judge the same content at once and in turn, each of
// its signatures is verified once, and a refusal is remembered like anything else.
func TestRememberedOnce(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := registered(ch, "app", nil)
	ch.commit(p.Publish(1, fixture.Tags{"1.0": "one"}))
	good := c.NewPublish(p.TaggingKeys[0], targets(p.Targets(2, nil)))
	for name, tx := range map[string][]byte{"accepted": good.Bytes(), "refused": badSignature(c, p)} {
		var n atomic.Int64
		v := countingVerifier{&n}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				s := ch.begin()
				defer s.Close()
				_, _ = s.Apply(tx, v)
				_, _ = s.Apply(tx, v)
			})
		}
		wg.Wait()
		// The submitter's signature is verified each time that it is reached, the file's
		// once.
		submitters := int64(16)
		if name == "accepted" {
			submitters = 8 // the second time its number is taken
		}
		if got := n.Load(); got != submitters+1 {
			t.Errorf("%s: %d signatures verified, want %d", name, got, submitters+1)
		}
	}
}

func badSignature(c *fixture.Consortium, p *fixture.Publisher) []byte {
	tx := c.NewPublish(p.TaggingKeys[0], targets(p.Targets(2, fixture.Tags{"x": "y"})))
	u := body(tx).Updates[0].Roles[0]
	u.Content = &proto.RoleUpdate_File{File: flipSignature(u.GetFile())}
	return tx.Bytes()
}

type countingVerifier struct{ n *atomic.Int64 }

// Verify implements keys.Verifier.
func (v countingVerifier) Verify(key keys.PublicKey, message, signature []byte) error {
	v.n.Add(1)
	return keys.Direct{}.Verify(key, message, signature)
}

// TestMemoryIsBounded: whatever is judged, no more is kept than the ledger was given.
func TestMemoryIsBounded(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	m := ledger.Memory{Results: 20_000, Files: 50_000, Values: 20_000}
	ch := newChainOf(t, c, m)
	for i := range 20 {
		p := registered(ch, fmt.Sprint("app-", i), nil)
		spec := p.TargetsSpec(1, rows(20, 8))
		spec.Delegations = manyRoles(t, 8, 0)
		ch.commit(c.Publish(p.TaggingKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
		ch.commit(p.Publish(2, rows(10, 8)))
		if kept := ch.l.Kept(); kept.Files > m.Files || kept.Results > m.Results || kept.Values > m.Values {
			t.Fatalf("%+v bytes are kept, at most %+v", kept, m)
		}
	}
	if kept := ch.l.Kept(); kept.Files == 0 || kept.Results == 0 || kept.Values == 0 {
		t.Errorf("nothing is kept of some: %+v", kept)
	}
	ch.check()
}

// TestValuesAreRemembered: a large value is what the height has that is read, whatever is
// remembered of others, and whoever reads it.
func TestValuesAreRemembered(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := registered(ch, "app", nil)
	spec := p.TargetsSpec(1, nil)
	spec.Delegations = manyRoles(t, 16, 0)
	ch.commit(c.Publish(p.TaggingKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
	read := func(s *ledger.State) *record.Repository {
		b, ok, err := s.Get(record.RepositoryKey(p.Repository))
		if err != nil || !ok {
			t.Fatal(err)
		}
		r, err := record.DecodeRepository(b)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	before := ch.begin()
	defer before.Close()
	for range 2 {
		if r := read(before); r.Revision != 2 {
			t.Fatalf("revision %d", r.Revision)
		}
	}
	if kept := ch.l.Kept(); kept.Values == 0 {
		t.Error("nothing is remembered")
	}
	ch.commit(p.Publish(2, fixture.Tags{"1.0": "one"}))
	after := ch.begin()
	defer after.Close()
	for range 2 {
		if r := read(after); r.Revision != 3 || len(r.Roles) != 2 {
			t.Errorf("revision %d with %d roles", r.Revision, len(r.Roles))
		}
		if r := read(before); r.Revision != 2 || len(r.Roles) != 18 {
			t.Errorf("before: revision %d with %d roles", r.Revision, len(r.Roles))
		}
	}
}

// TestBlockFiles: a block writes 16 MiB of files and no more, however little it is.
func TestBlockFiles(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.MaxBlockWork = 1 << 40
	ch := newChain(t, c)
	p := registered(ch, "app", nil)
	tags := rows(8300, 10)
	file := grow(ch, p, tags)
	txs := deltas(ch, p, file, tags, 20, 1)
	s := ch.begin()
	size := 0
	for i, tx := range txs {
		_, err := s.Apply(tx, keys.Direct{})
		if code, _ := record.CodeOf(err); code == record.CodeWork {
			if want := ledger.MaxBlockFiles / len(file.Bytes()); i < want-1 || i > want {
				t.Errorf("%d files of %d bytes fit", i, len(file.Bytes()))
			}
			size = i
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if size == 0 {
		t.Error("all of them fit")
	}
	// The sum says so before anything is looked at.
	s = ch.begin()
	defer s.Close()
	var envs []*record.Envelope
	for i := range 20 {
		q := c.NewPublisher(fmt.Sprint("registry.example.com/none-", i))
		env, err := record.DecodeEnvelope(c.Publish(q.TaggingKeys[0], targets(q.Targets(1, rows(1900, 10)))))
		if err != nil {
			t.Fatal(err)
		}
		envs = append(envs, env)
	}
	if err := s.CheckWork(envs); err != nil {
		t.Errorf("20 files of 200 kB: %v", err)
	}
	for range 3 {
		envs = append(envs, envs...)
	}
	if err := s.CheckWork(envs); !errors.Is(err, record.CodeWork) {
		t.Errorf("160 files of 200 kB: %v", err)
	}
}

// TestCheckWorkIsNoMore: the sum never refuses what fits in order.
func TestCheckWorkIsNoMore(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := registered(ch, "app", nil)
	ch.commit(p.Publish(1, rows(300, 10)))
	var txs [][]byte
	var envs []*record.Envelope
	for v := range uint64(5) { // the file is small after the first
		txs = append(txs, p.Publish(v+2, fixture.Tags{"1.0": fmt.Sprint(v)}))
	}
	fresh := c.NewPublisher("registry.example.com/fresh")
	txs = append(txs, fresh.Register(c.Operators[0]), fresh.Publish(1, rows(50, 10)))
	s := ch.begin()
	var work uint64
	for _, tx := range txs {
		out, err := s.Apply(tx, keys.Direct{})
		if err != nil {
			t.Fatal(err)
		}
		work += out.Work
		envs = append(envs, out.Envelope)
	}
	s.Close()
	c.Params.MaxBlockWork = work
	exact := newChain(t, c)
	exact.commit(p.Register(c.Operators[0]))
	exact.commit(p.Publish(1, rows(300, 10)))
	s = exact.begin()
	defer s.Close()
	if err := s.CheckWork(envs); err != nil {
		t.Errorf("a block of just the work that there may be: %v", err)
	}
	if err := s.CheckWork(append(envs, envs...)); !errors.Is(err, record.CodeWork) {
		t.Errorf("nearly twice as much: %v", err)
	}
}

// TestRememberedForLists: what a root was refused for is asked again when the
// operators' keys have changed.
func TestRememberedForLists(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	ch.commit()
	fifth := newKeys(t, "fifth notary")[0]
	lists, _ := get(ch, record.NotaryKey(), record.DecodeNotaryLists)
	current := record.NotaryList{Since: ch.next().Time, Keys: record.SortKeyIDs(append(c.NotaryRole().KeyIDs, fifth.ID()))}
	p := c.NewPublisher("registry.example.com/app")
	spec := p.RootSpec(1)
	spec.Keys = append(spec.Keys, fifth.PublicKey())
	spec.Roles.Snapshot = tuf.Role{KeyIDs: current.Keys, Threshold: 4}
	spec.Roles.Timestamp = spec.Roles.Snapshot
	tx := c.Register(c.Operators[0], p.SignRoot(spec, p.RootKeys...))
	ch.rejects(record.CodeNotaryKeys, tx)
	s := ch.begin()
	s.Set(record.NotaryKey(), (&record.NotaryLists{Lists: append(lists.Lists, current)}).Encode())
	ch.end(s)
	ch.commit(tx)
}
