package ledger_test

import (
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/tuf"
)

// TestWorkOfLongSignatures: a signature of more than 256 bytes is charged for what an RSA
// key of 4,096 bits takes, in whatever it comes; one by a key of 2,048 bits counts as any
// other does.
func TestWorkOfLongSignatures(t *testing.T) {
	rsaKey := func(bits int) *fixture.Key {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		return fixture.KeyOf(t, key)
	}
	signers := []*fixture.Key{fixture.NewKey(t, keys.KeytypeEd25519, "signer"), rsaKey(2048), rsaKey(3072)}
	for _, tc := range []struct {
		name string
		// transaction makes one that is signed by the key, once the ledger knows it.
		transaction func(ch *chain, p *fixture.Publisher, signer *fixture.Key) []byte
	}{
		{"root", func(ch *chain, p *fixture.Publisher, signer *fixture.Key) []byte {
			return ch.c.Publish(p.RootKeys[0], roots(p.SignRoot(p.RootSpec(2), p.RootKeys[0], signer)))
		}},
		{"registration", func(ch *chain, p *fixture.Publisher, signer *fixture.Key) []byte {
			other := ch.c.NewPublisher("registry.example.com/other")
			other.RootKeys = p.RootKeys
			return other.Register(ch.c.Operators[0])
		}},
		{"whole file", func(ch *chain, p *fixture.Publisher, _ *fixture.Key) []byte {
			return ch.c.Publish(p.RootKeys[0], targets(p.Targets(1, fixture.Tags{"1.0": "one"})))
		}},
		{"delta", func(ch *chain, p *fixture.Publisher, _ *fixture.Key) []byte {
			file := p.Targets(1, fixture.Tags{"1.0": "one"})
			ch.commit(ch.c.Publish(p.RootKeys[0], targets(file)))
			return ch.c.Publish(p.RootKeys[0], fixture.Update{Targets: p.Targets(2, fixture.Tags{"1.0": "two"}), Bases: []*tuf.Targets{file}})
		}},
		{"statement", func(ch *chain, p *fixture.Publisher, signer *fixture.Key) []byte {
			return ch.c.State(p.RootKeys[0], p.SignStatement(p.Revocation("targets", 1, "one"), signer))
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var work []uint64
			for _, signer := range signers {
				ch := newChain(t, fixture.NewConsortium(t, 4))
				p := registered(ch, "app", func(p *fixture.Publisher) {
					p.RootKeys, p.RootThreshold = append(p.RootKeys[:1:1], signer), 1
					p.TaggingKeys, p.TaggingThreshold = []*fixture.Key{signer}, 1
				})
				tx := tc.transaction(ch, p, signer)
				s := ch.begin()
				out, err := s.Apply(tx, keys.Direct{})
				if err != nil {
					t.Fatal(err)
				}
				work = append(work, out.Work)
				s.Close()
			}
			// The rest of the differences is for the bytes of signatures and keys.
			if short, long := work[1]-work[0], work[2]-work[1]; short > 4 || long < 5 || long > 9 {
				t.Errorf("work %d: a signature of 256 bytes costs %d more than one of 64, one of 384 another %d", work, short, long)
			}
		})
	}
}
