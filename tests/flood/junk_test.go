package flood

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/internal/nettest"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// junk makes transactions that no node may take, a new one each time.
type junk struct {
	name string
	make func(r *rand.Rand) []byte
}

// bodySize is what a body of junk has at most, where a large one is the point.
const bodySize = 60 << 10

// kinds is the junk around a publisher's repository, whose next version it
// claims to be. All of it is made of public knowledge.
func kinds(t *testing.T, n *nettest.Network, pub *nettest.Publisher, committed []byte) []junk {
	t.Helper()
	envelope, err := record.DecodeEnvelope(committed)
	if err != nil {
		t.Fatal(err)
	}
	// A claim of a version that fits whatever the honest publisher has reached.
	forged := func(r *rand.Rand, size int) []byte {
		body := fill(r, size)
		h := record.NewHeader(n.Ledger, record.KindPublish, pub.Tags.PublicKey(), "", body,
			record.RoleScope(pub.Repository, record.RoleTargets, uint64(1+r.IntN(40))))
		return record.EncodeEnvelope(h, body, [keys.FixedSize]byte(fill(r, keys.FixedSize)))
	}
	stranger := *pub
	stranger.Tags = fixture.NewKey(t, keys.KeytypeEd25519, "stranger")
	signed, err := change.NewPublication(n.Ledger, "", nettest.Submitter{Key: stranger.Tags},
		change.Update{Roles: []*tuf.Targets{stranger.TargetsFile(2, map[string]string{"latest": "evil"})}})
	if err != nil {
		t.Fatal(err)
	}
	return []junk{
		{"random bytes", func(r *rand.Rand) []byte { return fill(r, 1+r.IntN(2000)) }},
		{"bytes left out", func(r *rand.Rand) []byte { return committed[:1+r.IntN(len(committed)-1)] }},
		{"a header of another body", func(r *rand.Rand) []byte {
			return append(bytes.Clone(committed[:len(committed)-int(envelope.Header.BodyLength)]), fill(r, 200)...)
		}},
		{"forged signature of a known key", func(r *rand.Rand) []byte { return forged(r, 400) }},
		{"forged signature over a large body", func(r *rand.Rand) []byte { return forged(r, bodySize) }},
		{"large noise", func(r *rand.Rand) []byte { return fill(r, bodySize) }},
		{"good signature of a stranger", func(*rand.Rand) []byte { return signed }},
		{"what is in a block already", func(*rand.Rand) []byte { return committed }},
	}
}

func fill(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := 0; i < size; i += 8 {
		v := r.Uint64()
		for j := i; j < min(i+8, size); j++ {
			b[j] = byte(v)
			v >>= 8
		}
	}
	return b
}

// TestJunk: what the flood consists of is what it claims to be; noise that is
// refused for its length alone would prove little.
func TestJunk(t *testing.T) {
	n := nettest.New(t, "junk", 1)
	pub := n.Publisher("registry.example.com/junk")
	committed := pub.Transaction(1, map[string]string{"latest": "one"})
	r := rand.New(rand.NewPCG(1, 1))
	wellFormed := 0
	for _, k := range kinds(t, n, pub, committed) {
		tx := k.make(r)
		if len(tx) > record.MaxTransactionSize {
			t.Errorf("%s: %d bytes", k.name, len(tx))
		}
		if _, err := record.DecodeEnvelope(tx); err == nil {
			wellFormed++
		}
	}
	if wellFormed != 4 {
		t.Errorf("%d kinds of junk have a good form, want 4", wellFormed)
	}
}
