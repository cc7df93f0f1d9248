package workload

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/query"
)

const repository = "registry.example.com/demo/app"

// Tags returns n tags with their manifests.
func Tags(n int) fixture.Tags {
	t := make(fixture.Tags, n)
	for i := range n {
		t[fmt.Sprintf("v%d", i)] = fmt.Sprintf("manifest %d", i)
	}
	return t
}

// Proof is a ledger with one repository, from which a node answers a question.
type Proof struct {
	Chain   *bundletest.Chain
	Lookup  *lookup.Reader
	Request query.Resolve
	// Memory is that of a client who knows its trust anchor only.
	Memory *bundle.Memory
	// Publish is a publish of the whole file that moves one tag.
	Publish []byte
}

// NewProof returns a ledger of four operators whose blocks are signed by as many
// validators as said, with a repository of n tags.
func NewProof(tb testing.TB, validators, n int) *Proof {
	tb.Helper()
	chain := bundletest.NewChain(tb, fixture.NewConsortium(tb, 4))
	chain.Commit()
	chain.SetValidators(ValidatorKeys(tb, validators)...)
	chain.Commit()
	p := chain.NewPublisher(repository)
	chain.Commit(p.Register(chain.Operators[0]))
	anchor := chain.Anchor(chain.Height())
	tags := Tags(n)
	chain.Commit(p.Publish(1, tags))
	chain.Commit()
	tags["v0"] = "another manifest"
	return &Proof{
		Chain: chain, Lookup: chain.Reader(),
		Request: bundletest.Request(repository + ":v0"), Memory: bundle.NewMemory(anchor), Publish: p.Publish(2, tags),
	}
}

// Answer is what a node does for one question, without HTTP: the encoded bundle.
func (p *Proof) Answer() ([]byte, error) {
	b, err := p.Lookup.Resolve(p.Request, query.Known{})
	if err != nil {
		return nil, err
	}
	return bundle.Encode(b)
}

// Verify is what a client does with an answer.
func (p *Proof) Verify(answer []byte) error {
	b, err := bundle.Decode(answer)
	if err != nil {
		return err
	}
	_, _, err = bundle.Verify(b, p.Request, p.Memory, p.Chain.Now(), bundle.DefaultPolicy())
	return err
}

// Judge is what a validator does with the publish, with every signature verified
// and nothing committed.
func (p *Proof) Judge(v keys.Verifier) error {
	height := p.Chain.Height() + 1
	s, err := p.Chain.StateMachine().Begin(ledger.Block{Height: height, Time: p.Chain.BlockTime(height)})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.Apply(p.Publish, v)
	return err
}

// ValidatorKeys returns n keys of validators, the same each time.
func ValidatorKeys(tb testing.TB, n int) []*fixture.Key {
	tb.Helper()
	var out []*fixture.Key
	for i := range n {
		seed := sha256.Sum256(fmt.Appendf(nil, "calibrate validator %d", i))
		out = append(out, fixture.KeyOf(tb, ed25519.NewKeyFromSeed(seed[:])))
	}
	return out
}
