package ledger_test

import (
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// chain is a ledger in memory to which a test adds blocks.
type chain struct {
	t       testing.TB
	c       *fixture.Consortium
	db      dbm.DB
	options store.Options
	memory  ledger.Memory
	l       *ledger.Ledger
	late    time.Duration // added to the time of every block
}

// newChain starts the ledger of a consortium.
func newChain(t testing.TB, c *fixture.Consortium) *chain {
	t.Helper()
	return newChainOf(t, c, ledger.Memory{})
}

// memories are the sizes of memory that must not matter: the usual, one entry, none.
var memories = []ledger.Memory{{}, {Results: 1, Files: 1, Values: 1}, {Results: -1, Files: -1, Values: -1}}

// newChainOf is newChain with a memory of some size.
func newChainOf(t testing.TB, c *fixture.Consortium, m ledger.Memory) *chain {
	t.Helper()
	ch := &chain{t: t, c: c, db: dbm.NewMemDB(), memory: m}
	ch.reopen()
	return ch
}

// reopen opens the ledger from its database, as a restart does.
func (ch *chain) reopen() {
	ch.t.Helper()
	st, err := store.Open(ch.db, ch.options)
	if err != nil {
		ch.t.Fatal(err)
	}
	if ch.l, err = ledger.Open(ch.c.Genesis(), st, ch.memory); err != nil {
		ch.t.Fatal(err)
	}
}

// next is the block to come.
func (ch *chain) next() ledger.Block {
	height := ch.l.Height() + 1
	if height == 1 {
		height = ch.c.InitialHeight
	}
	return ledger.Block{Height: height, Time: ch.c.BlockTime(height).Add(ch.late)}
}

// begin opens the state of the next block.
func (ch *chain) begin() *ledger.State {
	ch.t.Helper()
	s, err := ch.l.Begin(ch.next())
	if err != nil {
		ch.t.Fatal(err)
	}
	return s
}

// end stages and commits a block and returns its app hash.
func (ch *chain) end(s *ledger.State) merkle.Hash {
	ch.t.Helper()
	defer s.Close()
	staged, err := s.Stage()
	if err != nil {
		ch.t.Fatal(err)
	}
	if err := ch.l.Commit(staged); err != nil {
		ch.t.Fatal(err)
	}
	return staged.State().AppHash()
}

// commit adds a block of transactions, which must all be accepted.
func (ch *chain) commit(txs ...[]byte) merkle.Hash {
	ch.t.Helper()
	s := ch.begin()
	for i, tx := range txs {
		if _, err := s.Apply(tx, keys.Direct{}); err != nil {
			s.Close()
			ch.t.Fatalf("transaction %d: %v", i, err)
		}
	}
	return ch.end(s)
}

// rejects checks that a transaction is refused with a code in the next block,
// and that nothing is left of it.
func (ch *chain) rejects(want record.Code, tx []byte) {
	ch.t.Helper()
	s := ch.begin()
	defer s.Close()
	ch.rejectsIn(s, want, tx)
}

// judging is a block's state or the pending one.
type judging interface {
	Apply(tx []byte, v keys.Verifier) (*ledger.Outcome, error)
	Stage() (*store.Staged, error)
}

// rejectsIn checks the same in a block that is being made.
func (ch *chain) rejectsIn(s judging, want record.Code, tx []byte) {
	ch.t.Helper()
	before := stateHash(ch.t, s)
	outcome, err := s.Apply(tx, keys.Direct{})
	var rejection *record.Rejection
	switch {
	case err == nil:
		ch.t.Errorf("accepted, want %s", want.Name())
	case !errors.As(err, &rejection):
		ch.t.Errorf("not a rejection: %v", err)
	case rejection.Code != want:
		ch.t.Errorf("rejected as %s (%v), want %s", rejection.Code.Name(), err, want.Name())
	case outcome != nil:
		ch.t.Error("a rejection has an outcome")
	}
	if stateHash(ch.t, s) != before {
		ch.t.Error("a rejected transaction changed the state")
	}
}

// stateHash is the app hash the state would be committed with.
func stateHash(t testing.TB, s judging) merkle.Hash {
	t.Helper()
	staged, err := s.Stage()
	if err != nil {
		t.Fatal(err)
	}
	return staged.State().AppHash()
}

// check checks the whole ledger.
func (ch *chain) check() {
	ch.t.Helper()
	if err := ledger.Check(ch.l); err != nil {
		ch.t.Error(err)
	}
}

// get reads a value at the latest height.
func get[T any](ch *chain, key []byte, decode func([]byte) (T, error)) (value T, ok bool) {
	ch.t.Helper()
	v := ch.l.Latest()
	defer v.Close()
	b, ok, err := v.Get(key)
	if err == nil && ok {
		value, err = decode(b)
	}
	if err != nil {
		ch.t.Fatal(err)
	}
	return value, ok
}

// repository reads the value of a repository that must be there.
func (ch *chain) repository(p *fixture.Publisher) *record.Repository {
	ch.t.Helper()
	r, ok := get(ch, record.RepositoryKey(p.Repository), record.DecodeRepository)
	if !ok {
		ch.t.Fatalf("no repository %s", p.Repository)
	}
	return r
}

// tag says what a tag means: a manifest's digest, "withdrawn", "dead" while its
// role is not effective, or "none".
func (ch *chain) tag(p *fixture.Publisher, name string) string {
	ch.t.Helper()
	tag, ok := get(ch, record.TagKey(p.Repository, reference.MustParseTag(name)), record.DecodeImageTag)
	switch {
	case !ok:
		return "none"
	case tag.State == record.TagWithdrawn:
		return "withdrawn"
	case !ch.repository(p).Effective(tag.Role, ch.next().Time), !ch.repository(p).Owns(tag):
		return "dead"
	}
	return tag.Digest.String()
}

// means checks what a tag means.
func (ch *chain) means(p *fixture.Publisher, name, want string) {
	ch.t.Helper()
	if got := ch.tag(p, name); got != want {
		ch.t.Errorf("%s:%s means %s, want %s", p.Repository, name, got, want)
	}
}

// is is the digest of a manifest as text.
func is(manifest string) string { return fixture.Digest(manifest).String() }

// sum is SHA-256.
func sum(b []byte) [32]byte { return sha256.Sum256(b) }

// newKeys returns a list of one key.
func newKeys(t testing.TB, name string) []*fixture.Key {
	return fixture.NewKeys(t, keys.KeytypeEd25519, name, 1)
}

// roots is an update of roots alone.
func roots(list ...*tuf.Root) fixture.Update { return fixture.Update{Roots: list} }

// targets is an update of a targets file alone.
func targets(t *tuf.Targets) fixture.Update { return fixture.Update{Targets: t} }

// counter is a verifier that counts.
type counter struct{ n int }

func (c *counter) Verify(key keys.PublicKey, message, signature []byte) error {
	c.n++
	return keys.Direct{}.Verify(key, message, signature)
}

// versionOf is the version of the stored targets file, zero without one.
func versionOf(ch *chain, p *fixture.Publisher) uint64 {
	ch.t.Helper()
	role, _ := ch.repository(p).Role(record.RoleTargets)
	return role.Version
}
