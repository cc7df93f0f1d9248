package abci

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// charged is a node whose clock stands still, in front of which somebody sends what is
// refused.
type charged struct {
	*published
	pool *pool
	sent int
	// Offers after a commit come from a goroutine of the node's.
	clock atomic.Int64                            // seconds
	last  atomic.Pointer[cmtabci.ResponseCheckTx] // refusal
}

func newCharged(t *testing.T) *charged {
	t.Helper()
	return newChargedOf(t, fixture.NewConsortium(t, 4))
}

func newChargedOf(t *testing.T, c *fixture.Consortium) *charged {
	t.Helper()
	c.Params.Quotas, c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	ch := &charged{published: newPublished(t, newNode(t, c))}
	ch.node.app.accounts.now = func() time.Time { return time.Unix(1+ch.clock.Load(), 0) }
	ch.node.app.onRefuse = func(_ [32]byte, r *cmtabci.ResponseCheckTx) { ch.last.Store(r) }
	ch.pool = newPool(ch.node)
	return ch
}

// refused is a publish that a known key submits and nobody signed, another one each time.
func (ch *charged) refused(key *fixture.Key) []byte {
	ch.t.Helper()
	ch.sent++
	file, err := tuf.NewTargets(ch.app.TargetsSpec(2, fixture.Tags{"1.0": fmt.Sprint("evil ", ch.sent)}))
	if err == nil {
		file, err = file.AddSignatures(tuf.Signature{KeyID: ch.app.TaggingKeys[0].ID(), Sig: make([]byte, 64)})
	}
	if err != nil {
		ch.t.Fatal(err)
	}
	return ch.c.Publish(key, fixture.Update{Targets: file})
}

// rotation is a rotation that a key submits and nobody has signed for.
func (ch *charged) rotation(submitter *fixture.Key) []byte {
	return ch.c.Publish(submitter, ch.unsigned())
}

// relayed is a rotation that an operator carries and nobody has signed for.
func (ch *charged) relayed(by *fixture.Operator) []byte { return ch.c.Relay(by, ch.unsigned()) }

func (ch *charged) unsigned() fixture.Update {
	ch.t.Helper()
	ch.sent++
	spec := ch.app.RootSpec(2)
	spec.Expires = spec.Expires.Add(-time.Duration(ch.sent) * time.Second)
	return fixture.Update{Roots: []*tuf.Root{ch.app.SignRoot(spec, ch.other.RootKeys...)}}
}

// empty sends what is refused until an account is empty, and returns how many there were.
func (ch *charged) empty(next func() []byte) int {
	ch.t.Helper()
	for n := 0; ; n++ {
		switch code := <-ch.pool.offer(next()); {
		case uint32(code) == CodeCharged:
			return n
		case code == 0 || n > accountUnits:
			ch.t.Fatalf("number %d: %s", n, code.Name())
		}
	}
}

func (ch *charged) expect(what string, tx []byte, want uint32) {
	ch.t.Helper()
	if code := <-ch.pool.offer(tx); uint32(code) != want {
		ch.t.Errorf("%s: code %d, want %d", what, code, want)
	}
}

// TestRefusedAreCharged: what is refused for its content empties the account of who pays
// quota, which fills with time. Others, and what cuts off a thief, have accounts of their
// own; consensus and recheck know of none.
func TestRefusedAreCharged(t *testing.T) {
	ch := newCharged(t)
	tagging, root := ch.app.TaggingKeys[0], ch.app.RootKeys[0]
	if n := ch.empty(func() []byte { return ch.refused(tagging) }); n < 10 {
		t.Errorf("empty after %d", n)
	}
	tx := ch.refused(tagging)
	ch.expect("one more", tx, CodeCharged)
	ch.pool.checks.finish()
	if answer := ch.last.Load(); answer.Codespace != NodeCodespace || answer.Info != "1" {
		t.Errorf("%+v", answer)
	}
	ch.expect("of another repository", ch.other.Publish(1, nil), 0)
	ch.expect("carried by an operator, who pays himself", ch.c.Relay(ch.c.Operators[1], fixture.Update{Targets: ch.app.Targets(3, nil)}), uint32(record.CodeFutureScope))
	// Nothing is computed for what loses a race.
	ch.expect("stale", ch.app.Publish(1, fixture.Tags{"1.0": "late"}), uint32(record.CodeStaleScope))

	// A thief of the tagging key submits what looks like rotations.
	ch.empty(func() []byte { return ch.rotation(tagging) })
	ch.expect("the owner's rotation", ch.c.Publish(root, fixture.Update{Roots: []*tuf.Root{ch.app.Root(2)}}), 0)

	// The ledger knows of no account.
	good := ch.app.Publish(2, fixture.Tags{"1.0": "two"})
	ch.expect("the owner's publish", good, CodeCharged)
	if !ch.process(good) || len(ch.prepare(plenty, good)) < 1 {
		t.Error("an empty account keeps a transaction out of a block")
	}
	ch.pool.commit(ch.node, good)
	ch.clock.Add(accountUnits / accountRefill)
	ch.expect("after a while", ch.app.Publish(3, nil), 0)
}

// TestDelegatedKeysShareAnAccount: whoever signs delegations names as many keys as he
// likes, and gets no more out of a node for them. Root keys have accounts of their own.
func TestDelegatedKeysShareAnAccount(t *testing.T) {
	ch := newCharged(t)
	ci := fixture.NewKeys(t, keys.KeytypeEd25519, "ci", 4)
	file := ch.app.RoleFile(record.RoleTargets, 2, nil, fixture.Delegate(fixture.Delegation{
		Role: "targets/ci", Keys: ci, Paths: []string{"*"},
	}), ch.app.TaggingKeys...)
	ch.pool.commit(ch.node, ch.c.Publish(ch.app.TaggingKeys[0], fixture.Update{Targets: file}))
	by := func(key *fixture.Key) func() []byte { return func() []byte { return ch.rotation(key) } }
	one := ch.empty(by(ch.app.TaggingKeys[0]))
	for i, k := range ci {
		if n := ch.empty(by(k)); n != 0 {
			t.Errorf("delegated key %d has %d more computed", i, n)
		}
	}
	for who, next := range map[string]func() []byte{
		"a root key":  by(ch.app.RootKeys[0]),
		"an operator": func() []byte { return ch.relayed(ch.c.Operators[1]) },
	} {
		if n := ch.empty(next); n < one/2 {
			t.Errorf("%s has %d computed, the others %d together", who, n, one)
		}
	}
}

// TestRefusedByTheLedgerAreCharged: content that is good and refused for what it meets
// in the ledger, here in its last row, costs as much each time that it comes, and never
// in the routine that received it.
func TestRefusedByTheLedgerAreCharged(t *testing.T) {
	ch := newCharged(t)
	ch.node.next(ch.c.State(ch.app.RootKeys[0], ch.app.Revoke(record.RoleRoot, 1, "evil")))
	tx := ch.app.Publish(2, fixture.Tags{"1.0": "one", "2.0": "two", "zzz": "evil"})
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		t.Fatal(err)
	}
	n := ch.empty(func() []byte {
		ch.expectIntake(env, errContent)
		return tx
	})
	if n == 0 || n > accountUnits/10 {
		t.Errorf("empty after %d", n)
	}
	// A refusal of the content is remembered: it takes no place in line.
	ch.clock.Add(accountUnits / accountRefill)
	bad := ch.refused(ch.app.TaggingKeys[0])
	ch.expect("content that is refused", bad, uint32(record.CodeBadSignature))
	if env, err = record.DecodeEnvelope(bad); err != nil {
		t.Fatal(err)
	}
	ch.expectIntake(env, record.CodeBadSignature)
}

func (ch *charged) expectIntake(env *record.Envelope, want error) {
	ch.t.Helper()
	if err := ch.node.app.intake(env); !errors.Is(err, want) {
		ch.t.Errorf("the routine that receives it finds %v, want %v", err, want)
	}
}

// TestAdmittedArePaidBack: an honest publisher is bounded by his quota alone, and no more
// when blocks come between.
func TestAdmittedArePaidBack(t *testing.T) {
	ch := newCharged(t)
	for v := range uint64(accountUnits / 8) {
		ch.expect(fmt.Sprint("version ", v+2), ch.app.Publish(v+2, fixture.Tags{"1.0": fmt.Sprint(v)}), 0)
	}
	for name, c := range ch.node.app.accounts.open {
		t.Errorf("%s is full only after %s", name, c.fullAt-ch.node.app.accounts.age)
	}
}

// TestStrangersAreNotCharged: who is not known to a repository spends nothing of its
// account.
func TestStrangersAreNotCharged(t *testing.T) {
	ch := newCharged(t)
	stranger := fixture.NewKey(t, keys.KeytypeEd25519, "stranger")
	for range 100 {
		ch.expect("a stranger's", ch.refused(stranger), uint32(record.CodeUnknownSubmitter))
	}
	forged := ch.c.NewPublish(ch.app.TaggingKeys[0], fixture.Update{Targets: ch.app.Targets(2, nil)})
	for i := range 100 {
		forged.Signature = &[keys.FixedSize]byte{1, byte(i)}
		ch.expect("a forged signature", forged.Bytes(), uint32(record.CodeSubmitterSignature))
	}
	if n := len(ch.node.app.accounts.open); n != 0 {
		t.Errorf("%d accounts", n)
	}
}
