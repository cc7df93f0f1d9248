package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

// rulings is what a repository must have by what was done so far, written as simply
// as possible.
type rulings struct {
	p                  *fixture.Publisher
	root, targets      uint64 // versions
	revocations, lifts uint64
	published          map[string]bool
	revoked            map[string]uint64 // by which revocation
	lifted             map[string]bool
	tags               fixture.Tags
}

// state is what the map must say of a manifest.
func (r *rulings) state(manifest string) string {
	prefix := "unpublished "
	if r.published[manifest] {
		prefix = ""
	}
	switch {
	case r.revoked[manifest] > 0:
		return prefix + "revoked"
	case r.lifted[manifest]:
		return prefix + "lifted"
	case r.published[manifest]:
		return "published"
	}
	return "none"
}

// statementWorld is rulings beside a real ledger.
type statementWorld struct {
	*chain
	rng *rand.Rand
	all []*rulings
	// done counts what was accepted, by name.
	done map[string]int
}

func (w *statementWorld) some() []string {
	var out []string
	for range 1 + w.rng.IntN(3) {
		out = append(out, fmt.Sprintf("m%d", w.rng.IntN(8)))
	}
	return out
}

// apply gives a transaction to the ledger and does in the model what follows from
// it, unless it is refused with a code.
func (w *statementWorld) apply(name string, want record.Code, tx []byte, then func()) {
	w.t.Helper()
	s := w.begin()
	_, err := s.Apply(tx, keys.Direct{})
	if code, _ := record.CodeOf(err); code != want {
		w.t.Fatalf("%s at height %d: %v, want code %d", name, s.Block().Height, err, want)
	}
	w.end(s)
	w.done[fmt.Sprint(name, " ", want == 0)]++
	if want == 0 {
		then()
	}
}

func (w *statementWorld) step() {
	w.t.Helper()
	r := w.all[w.rng.IntN(len(w.all))]
	op := w.c.Operators[w.rng.IntN(len(w.c.Operators))]
	switch w.rng.IntN(8) {
	case 0, 1, 2:
		w.revoke(r, op)
	case 3, 4:
		w.lift(r, op)
	case 5, 6:
		w.publish(r)
	case 7:
		next := r.p.RotateRoot(r.root+1, newKeys(w.t, fmt.Sprint(r.p.Repository, " root ", r.root)), newKeys(w.t, fmt.Sprint(r.p.Repository, " tagging ", r.root)))
		w.apply("rotate", 0, w.c.Relay(op, fixture.Update{Roots: roots(next).Roots, Targets: r.p.Targets(r.targets+1, r.tags)}), func() {
			r.root++
			r.targets++
		})
	}
}

func (w *statementWorld) revoke(r *rulings, op *fixture.Operator) {
	w.t.Helper()
	manifests := w.some()
	want := record.CodeAlreadyRevoked
	for _, m := range manifests {
		if r.revoked[m] == 0 {
			want = 0
		}
	}
	role := []string{"root", "targets"}[w.rng.IntN(2)]
	w.apply("revoke", want, w.c.RelayStatements(op, r.p.Revoke(role, r.revocations+1, manifests...)), func() {
		r.revocations++
		for _, m := range manifests {
			if r.revoked[m] == 0 {
				r.revoked[m], r.lifted[m] = r.revocations, false
			}
		}
	})
}

func (w *statementWorld) lift(r *rulings, op *fixture.Operator) {
	w.t.Helper()
	if r.revocations == 0 {
		return
	}
	manifests := w.some()
	through := 1 + w.rng.Uint64N(r.revocations)
	want := record.CodeNotRevoked
	reaches := func(m string) bool { return r.revoked[m] > 0 && r.revoked[m] <= through }
	for _, m := range manifests {
		if reaches(m) {
			want = 0
		}
	}
	w.apply("lift", want, w.c.RelayStatements(op, r.p.Lift(r.lifts+1, through, manifests...)), func() {
		r.lifts++
		for _, m := range manifests {
			if reaches(m) {
				r.revoked[m], r.lifted[m] = 0, true
			}
		}
	})
}

func (w *statementWorld) publish(r *rulings) {
	w.t.Helper()
	tags := fixture.Tags{}
	for tag, m := range r.tags {
		tags[tag] = m
	}
	tag := fmt.Sprintf("t%d", w.rng.IntN(4))
	m := w.some()[0]
	var want record.Code
	if w.rng.IntN(4) == 0 {
		delete(tags, tag)
	} else if tags[tag] != m {
		tags[tag] = m
		if r.revoked[m] > 0 {
			want = record.CodeRevoked
		}
	}
	w.apply("publish", want, r.p.Publish(r.targets+1, tags), func() {
		r.targets++
		r.tags = tags
		if m, ok := tags[tag]; ok {
			r.published[m] = true
		}
	})
}

// Test random revocations, lifts, publications and rotations against the model.
func TestStatementModel(t *testing.T) {
	for i, m := range memories {
		if i > 0 && testing.Short() {
			break // the others find the same, by what they remember
		}
		t.Run(fmt.Sprint("memory ", m.Results), func(t *testing.T) { statementModel(t, m, uint64(i)) })
	}
}

func statementModel(t *testing.T, m ledger.Memory, seed uint64) {
	c := fixture.NewConsortium(t, 4)
	w := &statementWorld{chain: newChainOf(t, c, m), rng: rand.New(rand.NewPCG(7, 7+seed)), done: make(map[string]int)}
	for i, name := range []string{"registry.example.com/a", "localhost:5000/b"} {
		p := c.NewPublisher(name)
		w.commit(p.Register(c.Operators[i]))
		w.all = append(w.all, &rulings{
			p: p, root: 1, published: map[string]bool{}, revoked: map[string]uint64{}, lifted: map[string]bool{}, tags: fixture.Tags{},
		})
	}
	for step := range 300 {
		w.step()
		if step%60 != 59 {
			continue
		}
		for _, r := range w.all {
			want := make(map[string]string)
			for i := range 8 {
				m := fmt.Sprintf("m%d", i)
				want[m] = r.state(m)
			}
			w.states(r.p, want)
			if repo := w.repository(r.p); repo.RevocationSequence != r.revocations || repo.LiftSequence != r.lifts {
				t.Errorf("sequences %d and %d, want %d and %d", repo.RevocationSequence, repo.LiftSequence, r.revocations, r.lifts)
			}
		}
		w.reopen()
		w.check()
		if t.Failed() {
			return
		}
	}
	for _, name := range []string{"revoke true", "revoke false", "lift true", "lift false", "publish true", "publish false", "rotate true"} {
		if w.done[name] < 5 {
			t.Errorf("%s: %d times only; the history means little", name, w.done[name])
		}
	}
}
