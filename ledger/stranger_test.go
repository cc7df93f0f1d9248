package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
	"hullmark/tuf"
)

// stranger is a transaction that names a key which somebody else holds, and the ledger it
// is made for. It fails at the submitter's signature.
type stranger struct {
	name string
	make func(t testing.TB) (*chain, []byte)
}

// strangers are the kinds of transactions that cost most before their signature is looked
// at.
var strangers = []stranger{
	{"delegated key of 16 repositories of 1 role", delegatedStranger(1, 1, record.MaxScopes)},
	{"delegated key of 16 repositories of 60 roles", delegatedStranger(60, 1, record.MaxScopes)},
	{"delegated key of 16 repositories, largest values", delegatedStranger(60, 12, record.MaxScopes)},
	{"delegated key of 1 repository, largest value", delegatedStranger(60, 12, 1)},
	{"16 roles below 40 others", deepStranger},
	{"operator who pays for 16 repositories, largest values", func(t testing.TB) (*chain, []byte) {
		ch, tx := delegated(t, 60, 12, record.MaxScopes)
		tx.Submitter, tx.Payer = ch.c.Operators[1].Governance, ch.c.Operators[1].ID
		return ch, tx.Bytes()
	}},
	{"registration below most namespaces", func(t testing.TB) (*chain, []byte) {
		ch := newChain(t, fixture.NewConsortium(t, 4))
		ch.commit()
		p := ch.c.NewPublisher("registry.example.com/" + strings.Repeat("a/", 115) + "a")
		return ch, unsigned(ch.c.NewRegister(ch.c.Operators[0], p.Root(1))).Bytes()
	}},
	{"revocation in 16 repositories, largest values", func(t testing.TB) (*chain, []byte) {
		ch, tx := delegated(t, 60, 12, record.MaxScopes)
		tx.Kind = record.KindRevoke
		for i, c := range tx.Scopes {
			tx.Scopes[i] = record.RevocationScope(c.Repository, record.RoleRoot, 1)
		}
		return ch, tx.Bytes()
	}},
	{"130,000 empty updates", bodyStranger([]byte{0x0a, 0})},
	{"130,000 empty roots", bodyStranger([]byte{0x12, 0}, 1)},
	{"130,000 empty roles", bodyStranger([]byte{0x1a, 0}, 1)},
	{"130,000 empty rows", bodyStranger([]byte{0x22, 0}, 3, 3, 1)},
	{"130,000 empty signatures", bodyStranger([]byte{0x32, 0}, 3, 3, 1)},
	{"130,000 fields of no number there is", bodyStranger([]byte{0x72, 0}, 1)},
	{"file of signatures", bodyStranger([]byte(`"sig":`), 2, 3, 1)},
	{"file of rows", bodyStranger([]byte(`"},"length":`), 2, 3, 1)},
	{"file of quotation marks", bodyStranger([]byte(`"`), 2, 3, 1)},
	{"file of what begins as rows do", bodyStranger([]byte(`"},"length"`), 2, 3, 1)},
	{"file of what begins as delegations do", bodyStranger([]byte(`"delegations"`), 2, 3, 1)},
}

// bodyStranger sends as much of something as fits into a transaction, in nested fields of
// those numbers.
func bodyStranger(of []byte, numbers ...int) func(t testing.TB) (*chain, []byte) {
	return func(t testing.TB) (*chain, []byte) {
		ch, tx := delegated(t, 1, 1, 1)
		tx.Body = nested(bytes.Repeat(of, 260_000/len(of)), numbers...)
		return ch, tx.Bytes()
	}
}

// nested puts bytes into fields of those numbers, from the innermost.
func nested(b []byte, numbers ...int) []byte {
	for _, n := range numbers {
		b = append(appendVarint([]byte{byte(n<<3 | 2)}, len(b)), b...)
	}
	return b
}

func appendVarint(b []byte, n int) []byte {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// unsigned is a transaction with an empty body unless it has one, and a signature of
// zeros.
func unsigned(tx *fixture.Transaction) *fixture.Transaction {
	tx.Signature = new([keys.FixedSize]byte)
	return tx
}

func delegatedStranger(roles, each, repositories int) func(t testing.TB) (*chain, []byte) {
	return func(t testing.TB) (*chain, []byte) {
		ch, tx := delegated(t, roles, each, repositories)
		return ch, tx.Bytes()
	}
}

// delegated returns a ledger of repositories that delegate to some roles of some keys
// each, and a transaction that names a key of the last role and is not signed by it.
func delegated(t testing.TB, roles, each, repositories int) (*chain, *fixture.Transaction) {
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas[record.QuotaOrdinary] = record.Quota{}
	ch := newChain(t, c)
	ci := fixture.NewKeys(t, keys.KeytypeEd25519, "ci", roles)
	var next []fixture.Update
	for i := range repositories {
		p := registered(ch, fmt.Sprint("app-", i), nil)
		spec := p.TargetsSpec(1, nil)
		spec.Delegations = new(tuf.Delegations)
		for _, k := range ci {
			spec.Delegations.Keys = append(spec.Delegations.Keys, k.PublicKey())
		}
		for j := range ci {
			var ids []keys.ID
			for k := range each {
				ids = append(ids, ci[(j+k)%roles].ID())
			}
			spec.Delegations.Roles = append(spec.Delegations.Roles, tuf.DelegatedRole{
				Role: tuf.Role{KeyIDs: record.SortKeyIDs(ids), Threshold: 1}, Name: fmt.Sprintf("targets/r%d", j), Paths: []string{"*"},
			})
		}
		ch.commit(c.Relay(c.Operators[1], targets(p.SignTargets(spec, p.TaggingKeys...))))
		below := p.TargetsSpec(1, nil)
		below.Binding.Role = fmt.Sprintf("targets/r%d", roles-1)
		next = append(next, fixture.Update{Delegated: []*tuf.Targets{p.SignTargets(below, ci[roles-1])}})
	}
	tx := unsigned(c.NewPublish(ci[roles-1], next...))
	tx.Body = []byte{}
	ch.reopen()
	return ch, tx
}

// deepStranger names sixteen roles, each below forty others, and says of each that it
// delegates.
func deepStranger(t testing.TB) (*chain, []byte) {
	const depth, last = 40, 15
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas[record.QuotaOrdinary] = record.Quota{}
	ch := newChain(t, c)
	p := registered(ch, "app", nil)
	key := newKeys(t, "ci")[0]
	role := func(i int) string { return fmt.Sprintf("targets/r%02d", i) }
	to := func(first, n int) *tuf.Delegations {
		d := &tuf.Delegations{Keys: []keys.PublicKey{key.PublicKey()}}
		for i := range n {
			d.Roles = append(d.Roles, tuf.DelegatedRole{
				Role: tuf.Role{KeyIDs: []keys.ID{key.ID()}, Threshold: 1}, Name: role(first + i), Paths: []string{"*"},
			})
		}
		return d
	}
	spec := p.TargetsSpec(1, nil)
	spec.Delegations = to(0, 1)
	ch.commit(c.Publish(p.TaggingKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
	for i := range depth {
		spec := p.TargetsSpec(1, nil)
		spec.Binding.Role = role(i)
		if spec.Delegations = to(i+1, 1); i == depth-1 {
			spec.Delegations = to(i+1, last+1)
		}
		ch.commit(c.Publish(key, fixture.Update{Delegated: []*tuf.Targets{p.SignTargets(spec, key)}}))
	}
	var files []*tuf.Targets
	for i := range last + 1 {
		spec := p.TargetsSpec(1, nil)
		spec.Binding.Role = role(depth + i)
		spec.Delegations = to(60, 1)
		files = append(files, p.SignTargets(spec, key))
	}
	ch.reopen()
	return ch, unsigned(c.NewPublish(key, fixture.Update{Delegated: files})).Bytes()
}

// TestStrangers: who names a key without holding it makes no node read or parse a file:
// there is none to read, and the verdict is that the signature is wrong.
func TestStrangers(t *testing.T) {
	for _, s := range strangers {
		t.Run(s.name, func(t *testing.T) {
			ch, tx := s.make(t)
			if kept := ch.l.Kept(); kept.Files != 0 {
				t.Fatal("something is kept before")
			}
			st := ch.begin()
			defer st.Close()
			ch.rejectsIn(st, record.CodeSubmitterSignature, tx)
			if kept := ch.l.Kept(); kept.Files != 0 || kept.Results != 0 {
				t.Errorf("%d bytes of files and %d of verdicts were made", kept.Files, kept.Results)
			}
		})
	}
}

// TestStrangerDecodesNothing: what is made in memory for a stranger's transaction hardly
// depends on how many roles the repositories have that it names.
func TestStrangerDecodesNothing(t *testing.T) {
	made := func(roles int) uint64 {
		ch, tx := delegatedStranger(roles, 1, record.MaxScopes)(t)
		s := ch.begin()
		defer s.Close()
		ch.rejectsIn(s, record.CodeSubmitterSignature, tx) // the values are in memory
		const times = 50
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			if _, err := s.Apply(tx, keys.Direct{}); !errors.Is(err, record.CodeSubmitterSignature) {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / times
	}
	few, many := made(1), made(60)
	if most := few + record.MaxScopes*60*20; many > most {
		t.Errorf("%d bytes with 60 roles in each of 16 repositories, %d with 1", many, few)
	}
}

// refusing finds every signature wrong, at once.
type refusing struct{}

// Verify implements keys.Verifier.
func (refusing) Verify(keys.PublicKey, []byte, []byte) error { return keys.ErrSignature }

// BenchmarkStranger is what a transaction costs before its submitter's signature is
// verified, decoding the envelope included: when the repositories' values are remembered,
// and when they are not.
func BenchmarkStranger(b *testing.B) {
	for _, s := range strangers {
		ch, tx := s.make(b)
		for _, m := range []struct {
			name string
			ledger.Memory
		}{{"remembered", ledger.Memory{}}, {"not remembered", ledger.Memory{Values: -1}}} {
			b.Run(s.name+"/"+m.name, func(b *testing.B) {
				ch.memory = m.Memory
				ch.reopen()
				st := ch.begin()
				defer st.Close()
				began := processorTime()
				for b.Loop() {
					if _, err := st.Apply(tx, refusing{}); !errors.Is(err, record.CodeSubmitterSignature) {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64((processorTime()-began).Microseconds())/float64(b.N), "us-cpu/op")
			})
		}
	}
}
