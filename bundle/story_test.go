package bundle_test

import (
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/query"
	"hullmark/reference"
)

const (
	app   = "registry.example.com/app"
	other = "registry.example.com/other"
)

// story is the ledger most tests are about:
//
//	1  app and other are registered
//	2  app: 1.0 = one, latest = one, old = gone; other: 1.0 = foreign
//	3  app: latest = two, old is withdrawn
//	4  nothing
//	5  nothing
type story struct {
	*bundletest.Chain
	app, other *fixture.Publisher
}

func newStory(tb testing.TB) *story {
	tb.Helper()
	c := fixture.NewConsortium(tb, 4)
	if _, fuzzing := tb.(*testing.F); fuzzing {
		c.NameByBuild()
	}
	s := &story{Chain: bundletest.NewChain(tb, c)}
	s.app = s.NewPublisherOf(app, keys.KeytypeEd25519, keys.KeytypeECDSA)
	s.other = s.NewPublisher(other)
	op := s.Operators[0]
	s.Commit(s.app.Register(op), s.other.Register(op))
	s.Commit(
		s.app.Publish(1, fixture.Tags{"1.0": "one", "latest": "one", "old": "gone"}),
		s.other.Publish(1, fixture.Tags{"1.0": "foreign"}),
	)
	s.Commit(s.app.Publish(2, fixture.Tags{"1.0": "one", "latest": "two"}))
	s.Commit()
	s.Commit()
	return s
}

// memory is that of a client that has imported the first block and nothing else.
func (s *story) memory() *bundle.Memory { return bundle.NewMemory(s.Anchor(1)) }

// ask is Verify of a reader who knows nothing, right after the newest block.
func (s *story) ask(b *bundletest.Source, req query.Resolve) (*bundle.Result, *bundle.Memory, error) {
	return bundle.Verify(b.Bundle(req), req, s.memory(), s.Now(), bundle.DefaultPolicy())
}

func at(ledger query.Resolve, digest string) query.Resolve {
	ledger.Digest = fixture.Digest(digest)
	return ledger
}

func byLedger(r query.Resolve) query.Resolve {
	r.Assurance = query.LedgerAssurance
	return r
}

func ref(text string) query.Resolve { return bundletest.Request(text) }

func repository(name string) reference.Repository { return reference.MustParseRepository(name) }

func pinned(name string, digest [32]byte) bundle.Policy {
	p := bundle.DefaultPolicy()
	p.PinnedRoots = map[reference.Repository][32]byte{repository(name): digest}
	return p
}

func offline(allowExpired bool) bundle.Policy {
	p := bundle.OfflinePolicy()
	p.AllowExpired = allowExpired
	return p
}

const day = 24 * time.Hour
