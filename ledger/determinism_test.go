package ledger_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/tuf"
)

var update = flag.Bool("update", false, "write the golden files anew")

// story is a consortium and blocks of transactions that use every rule, some of
// them refused.
func story(t testing.TB) (*fixture.Consortium, [][][]byte) {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas = [3]record.Quota{{Capacity: 20, Refill: 3}, {Capacity: 1, Refill: 1}, {Capacity: 4, Refill: 7}}
	c.Params.OperatorQuota = record.Quota{Capacity: 10, Refill: 2}
	a := c.NewPublisherOf("registry.example.com/app", keys.KeytypeECDSA, keys.KeytypeEd25519)
	b := c.NewPublisherOf("localhost:5000/team/tool", keys.KeytypeEd25519, keys.KeytypeECDSA)
	many := fixture.Tags{}
	for i := range 300 {
		many[fmt.Sprintf("v%d", i)] = fmt.Sprint(i % 40)
	}
	blocks := [][][]byte{
		{a.Register(c.Operators[0]), b.Register(c.Operators[1]), a.Register(c.Operators[0])},
		{a.Publish(1, fixture.Tags{"1.0": "one", "latest": "one"}), b.Publish(1, many)},
		{},
		{a.Publish(2, fixture.Tags{"1.0": "one", "1.1": "two", "latest": "two"}), a.Publish(2, nil), a.Publish(3, fixture.Tags{"1.1": "two"})},
	}
	delete(many, "v7")
	many["v8"] = "changed"
	old := a.RootKeys[0]
	rotation := a.RotateRoot(2, fixture.NewKeys(t, keys.KeytypeEd25519, "second", 2), fixture.NewKeys(t, keys.KeytypeECDSA, "second tagging", 1))
	last := a.Root(3)
	blocks = append(blocks,
		[][]byte{b.Publish(2, many), c.Publish(old, roots(rotation))},
		[][]byte{c.Relay(c.Operators[3], roots(last), targets(b.Targets(3, many))), a.Publish(4, fixture.Tags{"1.1": "two"})},
		[][]byte{c.State(a.TaggingKeys[0], a.Revoke("targets", 1, "one", "never"))},
		[][]byte{c.RelayStatements(c.Operators[1], a.Revoke("root", 2, "two"), b.Revoke("root", 1, "changed")), c.State(a.TaggingKeys[0], a.Revoke("targets", 3, "one"))},
		[][]byte{c.State(a.RootKeys[0], a.Lift(1, 2, "one", "two")), c.State(a.RootKeys[1], a.Lift(1, 2, "never"))},
		[][]byte{[]byte("nonsense"), c.Relay(c.Operators[2], targets(a.Targets(5, fixture.Tags{"1.1": "two", "final": "three"})))},
	)
	return c, append(blocks, delegatingBlocks(t, c, a)...)
}

// delegatingBlocks goes on with delegated roles and deltas, after targets 5.
func delegatingBlocks(t testing.TB, c *fixture.Consortium, a *fixture.Publisher) [][][]byte {
	t.Helper()
	ci, deep := fixture.NewKey(t, keys.KeytypeECDSA, "ci"), fixture.NewKey(t, keys.KeytypeEd25519, "deep")
	below := func(role string, key *fixture.Key, paths ...string) *tuf.Delegations {
		return fixture.Delegate(fixture.Delegation{Role: role, Keys: []*fixture.Key{key}, Paths: paths})
	}
	tags := fixture.Tags{"1.1": "two", "final": "three"}
	five := a.Targets(5, tags)
	six := a.RoleFile("targets", 6, tags, below("targets/ci", ci, "ci-*", "v*"), a.TaggingKeys...)
	ci1 := a.RoleFile("targets/ci", 1, fixture.Tags{"ci-1": "c1", "v1": "c1"}, below("targets/deep", deep, "v*"), ci)
	ci2 := a.RoleFile("targets/ci", 2, fixture.Tags{"ci-2": "c2"}, below("targets/deep", deep, "v*"), ci)
	deep1 := a.RoleFile("targets/deep", 1, fixture.Tags{"v1": "d1"}, nil, deep)
	// targets takes a tag from deep and narrows ci, which signs again.
	tags["v1"] = "taken"
	seven := a.RoleFile("targets", 7, tags, below("targets/ci", ci, "ci-*"), a.TaggingKeys...)
	ci3 := a.RoleFile("targets/ci", 3, fixture.Tags{"ci-2": "c3"}, nil, ci)
	eight := a.RoleFile("targets", 8, fixture.Tags{}, nil, a.TaggingKeys...)
	update := func(targets *tuf.Targets, bases []*tuf.Targets, delegated ...*tuf.Targets) []byte {
		return c.Relay(c.Operators[1], fixture.Update{Targets: targets, Delegated: delegated, Bases: bases})
	}
	return [][][]byte{
		{update(six, []*tuf.Targets{five}, ci1), update(nil, nil, deep1)},
		{update(nil, []*tuf.Targets{ci1}, ci2, deep1)},
		{update(seven, []*tuf.Targets{six, ci2}, ci3), update(nil, nil, ci3)},
		{update(eight, nil)},
	}
}

// tell plays blocks and returns the app hash and codes of each.
func (ch *chain) tell(blocks [][][]byte) []string {
	ch.t.Helper()
	var out []string
	for _, txs := range blocks {
		s := ch.begin()
		var codes []string
		for _, tx := range txs {
			_, err := s.Apply(tx, keys.Direct{})
			code, rejected := record.CodeOf(err)
			if err != nil && !rejected {
				ch.t.Fatal(err)
			}
			codes = append(codes, fmt.Sprint(uint32(code)))
		}
		height := s.Block().Height
		hash := ch.end(s)
		out = append(out, fmt.Sprintf("%d %s %s", height, hash, strings.Join(codes, ",")))
	}
	return out
}

// Test that the formats are what they were: app hashes of a fixed history.
func TestGolden(t *testing.T) {
	c, blocks := story(t)
	ch := newChain(t, c)
	genesis, err := ch.l.GenesisHash()
	if err != nil {
		t.Fatal(err)
	}
	lines := append([]string{ch.l.ID(), "genesis " + genesis.String()}, ch.tell(blocks)...)
	ch.check()
	got := strings.Join(lines, "\n") + "\n"
	path := filepath.Join("testdata", "golden.txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("history is\n%s\nwant\n%s", got, want)
	}
}

// Test that neither caches, pruning, processors nor map order reach a hash.
func TestDeterminism(t *testing.T) {
	c, blocks := story(t)
	want := newChain(t, c).tell(blocks)
	processors := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(processors)
	for i := range 20 {
		ch := &chain{t: t, c: c, db: dbm.NewMemDB(), memory: memories[i/2%3]}
		ch.options = store.Options{CacheBytes: []int{-1, 0, 3000}[i%3], KeepRecent: []uint64{0, 2}[i%2]}
		ch.reopen()
		runtime.GOMAXPROCS(1 + i%4)
		if got := ch.tell(blocks); !slices.Equal(got, want) {
			t.Fatalf("run %d with %+v: %v, want %v", i, ch.options, got, want)
		}
		if i < 6 {
			ch.check()
		}
	}
}

// Test that a restart between any two blocks goes unnoticed.
func TestRestart(t *testing.T) {
	c, blocks := story(t)
	want := newChain(t, c).tell(blocks)
	ch := newChain(t, c)
	var got []string
	for _, txs := range blocks {
		got = append(got, ch.tell([][][]byte{txs})...)
		ch.reopen()
		ch.check()
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Test that a transaction refused, a state given up and a block staged twice
// leave no trace.
func TestNoTrace(t *testing.T) {
	c, blocks := story(t)
	want := newChain(t, c).tell(blocks)
	ch := newChain(t, c)
	var got []string
	for i, txs := range blocks {
		for range 2 { // as ProcessProposal does before FinalizeBlock
			s := ch.begin()
			for _, tx := range slices.Concat(blocks[i:]...) {
				if _, err := s.Apply(tx, keys.Direct{}); err != nil {
					if _, ok := record.CodeOf(err); !ok {
						t.Fatal(err)
					}
				}
			}
			if _, err := s.Stage(); err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		got = append(got, ch.tell([][][]byte{txs})...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Test that the genesis hash is that of the state of the genesis, whatever is
// asked how often, and that nothing is written before the first block.
func TestGenesisHash(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.InitialHeight = 5
	ch := newChain(t, c)
	var hashes []merkle.Hash
	for range 3 {
		h, err := ch.l.GenesisHash()
		if err != nil {
			t.Fatal(err)
		}
		hashes = append(hashes, h)
		ch.reopen()
		ch.check()
	}
	if hashes[0] != hashes[1] || hashes[0] != hashes[2] || hashes[0] == (merkle.Hash{}) {
		t.Errorf("genesis hashes %v", hashes)
	}
	it, err := ch.db.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if it.Valid() {
		t.Error("the genesis was written before the first block")
	}
	if err := it.Close(); err != nil {
		t.Error(err)
	}

	// The first block commits the genesis' state with its own changes.
	if h := ch.commit(); h != hashes[0] {
		t.Errorf("an empty first block has app hash %s, the genesis %s", h, hashes[0])
	}
	if ch.l.Height() != 5 || ch.l.Oldest() != 5 {
		t.Errorf("heights %d to %d", ch.l.Oldest(), ch.l.Height())
	}
	for _, o := range c.Operators {
		op, ok := get(ch, record.OperatorKey(o.ID), record.DecodeOperator)
		if !ok || op.Since != 5 || !op.GovernanceKey.Equal(o.Governance.PublicKey()) {
			t.Errorf("operator %s: %+v", o.ID, op)
		}
	}
	ch.check()
}

// Test what no ledger is opened with.
func TestNewErrors(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	ch.commit()
	st, err := store.Open(ch.db, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	late := *c
	late.InitialHeight = 2
	if _, err := ledger.New(late.Genesis(), st); err == nil {
		t.Error("opened a store older than the genesis")
	}
	g := c.Genesis()
	g.Operators = nil
	if _, err := ledger.New(g, st); !errors.Is(err, record.ErrGenesis) {
		t.Errorf("opened with a genesis without operators: %v", err)
	}
}

// faultyDB is a database that fails to read when told so.
type faultyDB struct {
	dbm.DB
	reads int // that succeed before one fails; negative is never
}

var errDisk = errors.New("disk on fire")

func (db *faultyDB) Get(key []byte) ([]byte, error) {
	if db.reads == 0 {
		return nil, errDisk
	}
	db.reads--
	return db.DB.Get(key)
}

// Test that a failure to read the state is never taken for a verdict on a
// transaction, wherever it happens.
func TestReadFailure(t *testing.T) {
	s := newStage(t)
	fresh := s.c.NewPublisher("registry.example.com/fresh")
	for _, tt := range []struct {
		name string
		tx   []byte
	}{
		{"register", fresh.Register(s.c.Operators[0])},
		{"publish", s.publish().Bytes()},
		{"rotate", s.withRoot(s.p.Root(2).Bytes())},
		{"relay", s.c.Relay(s.c.Operators[3], targets(s.p.Targets(2, fixture.Tags{"1.0": "two"})))},
		{"unknown repository", fresh.Publish(1, nil)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clean := s.begin()
			_, verdict := clean.Apply(tt.tx, keys.Direct{})
			clean.Close()
			failures := 0
			for reads := 0; ; reads++ {
				db := &faultyDB{DB: s.db, reads: -1}
				st, err := store.Open(db, store.Options{CacheBytes: -1})
				if err != nil {
					t.Fatal(err)
				}
				l, err := ledger.New(s.c.Genesis(), st)
				if err != nil {
					t.Fatal(err)
				}
				state, err := l.Begin(s.next())
				if err != nil {
					t.Fatal(err)
				}
				db.reads = reads
				_, err = state.Apply(tt.tx, keys.Direct{})
				left := db.reads
				state.Close()
				if left > 0 { // it needed fewer
					if (err == nil) != (verdict == nil) {
						t.Errorf("verdict %v, want %v", err, verdict)
					}
					break
				}
				var rejection *record.Rejection
				if errors.Is(err, errDisk) && !errors.As(err, &rejection) {
					failures++
				} else if err != nil && verdict == nil || errors.As(err, &rejection) && verdict == nil {
					t.Fatalf("failure after %d reads: %v", reads, err)
				}
				if reads > 1000 {
					t.Fatal("no end of reads")
				}
			}
			if failures == 0 {
				t.Error("no read failed")
			}
		})
	}
}
