package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
	"hullmark/tuf"
)

// model is what a repository must be, told without a ledger: what users are
// promised, and nothing about how it is kept.
type model struct {
	p *fixture.Publisher
	// rootVersion and version are those of the current files.
	rootVersion, version uint64
	tags                 fixture.Tags    // of the current targets file
	ever                 map[string]bool // tags there ever were
	signedBy             *fixture.Key    // the current targets file
	expires              time.Time       // of the current targets file
	revision             uint64
}

func (m *model) on(now time.Time) bool {
	return m.version > 0 && m.signedBy == m.p.TaggingKeys[0] && now.Before(m.expires)
}

// world is a ledger and its models.
type world struct {
	*chain
	rng    *rand.Rand
	models []*model
	state  *ledger.State
	keys   int // made so far
}

// apply applies a transaction and checks the verdict.
func (w *world) apply(want record.Code, tx []byte) {
	w.t.Helper()
	_, err := w.state.Apply(tx, keys.Direct{})
	if code, _ := record.CodeOf(err); code != want {
		w.t.Fatalf("height %d: %v, want code %d", w.state.Block().Height, err, want)
	}
}

// draft returns the next targets file of a repository with some tags changed,
// and what makes it so in the model.
func (w *world) draft(m *model) (fixture.Update, func()) {
	tags := fixture.Tags{}
	for tag, manifest := range m.tags {
		tags[tag] = manifest
	}
	for range w.rng.IntN(4) {
		tag := fmt.Sprintf("t%d", w.rng.IntN(12))
		if w.rng.IntN(3) == 0 {
			delete(tags, tag)
		} else {
			tags[tag] = fmt.Sprintf("manifest %d", w.rng.IntN(10))
		}
	}
	spec := m.p.TargetsSpec(m.version+1, tags)
	if w.rng.IntN(4) == 0 {
		spec.Expires = w.state.Block().Time.Add(time.Duration(1+w.rng.IntN(40)) * time.Second).Truncate(time.Second)
	}
	signer := m.p.TaggingKeys[0]
	return targets(m.p.SignTargets(spec, signer)), func() {
		m.version, m.tags, m.signedBy, m.expires = spec.Version, tags, signer, spec.Expires
		for tag := range tags {
			m.ever[tag] = true
		}
		m.revision++
	}
}

func (w *world) key() *fixture.Key {
	w.keys++
	return newKeys(w.t, fmt.Sprint("model ", w.keys))[0]
}

// step does something at random.
func (w *world) step() {
	w.t.Helper()
	c := w.c
	m := w.models[w.rng.IntN(len(w.models))]
	op := c.Operators[w.rng.IntN(len(c.Operators))]
	switch w.rng.IntN(10) {
	case 0, 1, 2: // publish
		u, done := w.draft(m)
		w.apply(0, c.Publish(m.p.TaggingKeys[0], u))
		done()
		w.apply(record.CodeStaleScope, c.Publish(m.p.TaggingKeys[0], u))
	case 3: // publish through an operator
		u, done := w.draft(m)
		w.apply(0, c.Relay(op, u))
		done()
	case 4: // publish two repositories at once, or neither
		other := w.models[w.rng.IntN(len(w.models))]
		if other == m {
			return
		}
		a, doneA := w.draft(m)
		b, doneB := w.draft(other)
		bad := targets(other.p.SignTargets(other.p.TargetsSpec(other.version+1, nil), w.key()))
		w.apply(record.CodeUnknownKey, c.Relay(op, a, bad))
		w.apply(0, c.Relay(op, a, b))
		doneA()
		doneB()
	case 5, 6: // rotate, with a new tagging key or the old one
		old := m.p.RootKeys[0]
		var list []*tuf.Root
		for range 1 + w.rng.IntN(3) {
			m.rootVersion++
			var tagging []*fixture.Key
			if w.rng.IntN(2) == 0 {
				tagging = []*fixture.Key{w.key()}
			}
			list = append(list, m.p.RotateRoot(m.rootVersion, []*fixture.Key{w.key()}, tagging))
		}
		u := roots(list...)
		done := func() { m.revision++ }
		if w.rng.IntN(3) == 0 {
			var t fixture.Update
			t, done = w.draft(m)
			u.Targets = t.Targets
		}
		w.apply(0, c.Publish(old, u))
		done()
	case 7: // a thief publishes with a key that was replaced
		if m.version > 0 && m.signedBy != m.p.TaggingKeys[0] {
			file := m.p.SignTargets(m.p.TargetsSpec(m.version+1, fixture.Tags{"t1": "evil"}), m.signedBy)
			w.apply(record.CodeUnknownSubmitter, c.Publish(m.signedBy, targets(file)))
			w.apply(record.CodeUnknownKey, c.Relay(op, targets(file)))
		}
	case 8: // a version is left out
		w.apply(record.CodeFutureScope, c.Relay(op, targets(m.p.Targets(m.version+2, nil))))
	case 9: // nothing
	}
}

// compare checks every tag of every repository at the latest height.
func (w *world) compare() {
	w.t.Helper()
	now := w.next().Time
	for _, m := range w.models {
		repo := w.repository(m.p)
		if repo.Revision != m.revision || versionOf(w.chain, m.p) != m.version {
			w.t.Fatalf("%s: revision %d, targets %d; want %d, %d", m.p.Repository, repo.Revision, versionOf(w.chain, m.p), m.revision, m.version)
		}
		for i := range 12 {
			tag := fmt.Sprintf("t%d", i)
			want := "none"
			if manifest, ok := m.tags[tag]; ok && m.on(now) {
				want = is(manifest)
			} else if ok {
				want = "dead"
			} else if m.ever[tag] {
				want = "withdrawn"
			}
			w.means(m.p, tag, want)
		}
	}
}

// Test a random history against the model.
func TestModel(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			c := fixture.NewConsortium(t, 4)
			w := &world{chain: newChainOf(t, c, memories[seed%3]), rng: rand.New(rand.NewPCG(seed, 1))}
			var first [][]byte
			for i, name := range []string{"registry.example.com/a", "registry.example.com/team/b", "localhost:5000/c", "docker.io/acme/d"} {
				p := c.NewPublisher(name)
				w.models = append(w.models, &model{p: p, rootVersion: 1, tags: fixture.Tags{}, ever: map[string]bool{}, revision: 1})
				first = append(first, p.Register(c.Operators[max(0, i-1)]))
			}
			w.commit(first...)
			for block := range 60 {
				w.state = w.begin()
				for range w.rng.IntN(6) {
					w.step()
				}
				w.end(w.state)
				w.compare()
				if block%15 == 14 {
					w.reopen()
					w.check()
				}
				if t.Failed() {
					return
				}
			}
			if !slices.ContainsFunc(w.models, func(m *model) bool { return m.version > 5 && m.rootVersion > 5 }) {
				t.Error("the history is too short to mean anything")
			}
		})
	}
}
