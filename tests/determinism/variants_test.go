package determinism

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
	"hullmark/tuf"
)

// memories are what a ledger may remember of its judgements: the usual, one entry,
// nothing.
var memories = []ledger.Memory{{}, {Results: 1, Files: 1, Values: 1}, {Results: -1, Files: -1, Values: -1}}

// variants is every combination of what must not matter, each with one of the sizes of
// memory and each size with every value of the others.
func variants() map[string]variant {
	out := make(map[string]variant)
	for _, cache := range []int{-1, 0, 3000} {
		for _, keep := range []uint64{0, 2} {
			for _, restart := range []bool{false, true} {
				for _, rehearse := range []bool{false, true} {
					v := variant{cache, keep, restart, rehearse, memories[len(out)%len(memories)]}
					out[fmt.Sprintf("cache %d, keep %d, restart %t, rehearse %t, memory %d", cache, keep, restart, rehearse, v.memory.Results)] = v
				}
			}
		}
	}
	return out
}

// TestVariants replays the recorded run in every way a node may be run, on
// different numbers of processors.
func TestVariants(t *testing.T) {
	r := load(t)
	want := r.outcomes()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for i, processors := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(processors, " processors"), func(t *testing.T) {
			runtime.GOMAXPROCS(processors)
			for name, v := range variants() {
				t.Run(name, func(t *testing.T) {
					replayer := newReplayer(t, r.Genesis, v)
					genesis, got := replayer.replay(r.blocks())
					if genesis != r.GenesisHash {
						t.Errorf("the genesis has app hash %s, want %s", genesis, r.GenesisHash)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("outcomes differ (-want +got):\n%s", diff)
					}
					if i == 0 {
						replayer.check()
					}
				})
			}
		})
	}
}

// TestMapOrder replays the run many times: Go iterates over maps in another order
// each time.
func TestMapOrder(t *testing.T) {
	r := load(t)
	want := r.outcomes()
	rounds := 20
	if long() {
		rounds = 500
	}
	for range rounds {
		_, got := newReplayer(t, r.Genesis, variant{}).replay(r.blocks())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("outcomes differ (-want +got):\n%s", diff)
		}
	}
}

// long is whether time does not matter (make nightly).
func long() bool { return os.Getenv("HULLMARK_LONG") != "" }

// childVariable makes a process of this test print what the run does.
const childVariable = "HULLMARK_DETERMINISM_CHILD"

// TestFreshProcess replays the run in processes of their own, whose runtime is set
// up differently.
func TestFreshProcess(t *testing.T) {
	r := load(t)
	if os.Getenv(childVariable) != "" {
		_, got := newReplayer(t, r.Genesis, variant{rehearse: true}).replay(r.blocks())
		raw, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("\noutcomes %s\n", raw)
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, settings := range [][]string{
		{"GOMAXPROCS=1", "GOGC=off"},
		{"GOMAXPROCS=8", "GOGC=1"},
		{"GOMAXPROCS=2", "GODEBUG=asyncpreemptoff=1", "TZ=Pacific/Kiritimati", "LC_ALL=tr_TR.UTF-8"},
		{"GODEBUG=cpu.all=off", "GOMEMLIMIT=64MiB"},
	} {
		t.Run(fmt.Sprint(settings), func(t *testing.T) {
			if diff := cmp.Diff(r.outcomes(), inProcess(t, self, settings...)); diff != "" {
				t.Errorf("outcomes differ (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("32 bits", func(t *testing.T) {
		if !long() || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
			t.Skip("builds everything for another architecture, and runs on linux/amd64 only")
		}
		program := filepath.Join(t.TempDir(), "replay")
		build := exec.Command("go", "test", "-c", "-o", program, "hullmark/tests/determinism")
		build.Env = append(os.Environ(), "GOARCH=386", "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if diff := cmp.Diff(r.outcomes(), inProcess(t, program)); diff != "" {
			t.Errorf("outcomes differ (-want +got):\n%s", diff)
		}
	})
}

// inProcess replays the run in a process of its own.
func inProcess(t *testing.T, program string, settings ...string) []outcome {
	t.Helper()
	cmd := exec.Command(program, "-test.run", "^TestFreshProcess$")
	cmd.Env = append(append(os.Environ(), childVariable+"=1"), settings...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, after, ok := bytes.Cut(out, []byte("\noutcomes "))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	var got []outcome
	if err := json.Unmarshal(line, &got); !ok || err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return got
}

// TestRandomRun lets two nodes that are run differently come through the same
// random blocks, good and bad. They agree after each.
func TestRandomRun(t *testing.T) {
	blocks, seeds := 60, []uint64{1, 2}
	if long() {
		blocks, seeds = 2500, []uint64{1, 2, 3, 4}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			c := fixture.NewConsortium(t, 4)
			w := newWorld(t, c)
			genesis := c.Genesis().Encode()
			plain := newReplayer(t, genesis, variant{})
			other := newReplayer(t, genesis, variant{cache: 3000, keepRecent: 3, rehearse: true})
			if plain.begin() != other.begin() {
				t.Fatal("genesis app hashes differ")
			}
			done := 0
			for n := range uint64(blocks) {
				b := block{Height: c.InitialHeight + n, Time: c.BlockTime(c.InitialHeight + n)}
				var settle []func(ok bool)
				for range r.IntN(6) {
					tx, s := w.transaction(r)
					b.Txs, settle = append(b.Txs, tx), append(settle, s)
				}
				want, got := plain.play(b), other.play(b)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("block %d (-plain +other):\n%s", b.Height, diff)
				}
				for i := len(settle) - 1; i >= 0; i-- {
					ok := want.Results[i][0] == '0'
					if settle[i](ok); ok {
						done++
					}
				}
				if r.IntN(20) == 0 { // a restart
					other.app.Close()
					other.open()
				}
			}
			if done < blocks/2 {
				t.Errorf("only %d transactions did anything", done)
			}
			plain.check()
			other.check()
		})
	}
}

// world makes random transactions, most of which are right when they are made.
type world struct {
	t    testing.TB
	c    *fixture.Consortium
	pubs []*repository
}

type repository struct {
	*fixture.Publisher
	owner *fixture.Operator
	// past are transactions that the ledger took, and will not again.
	past [][]byte
	// What the ledger has when all went well.
	root, tags, revokes, lifts uint64
}

func newWorld(t testing.TB, c *fixture.Consortium) *world {
	w := &world{t: t, c: c}
	for i, name := range []string{"registry.example.com/a", "registry.example.com/b/c", "localhost:5000/d", "docker.io/acme/e"} {
		kind := []string{keys.KeytypeEd25519, keys.KeytypeECDSA}
		w.pubs = append(w.pubs, &repository{Publisher: c.NewPublisherOf(name, kind[i%2], kind[i/2]), owner: c.Operators[max(0, i-1)]})
	}
	return w
}

// transaction returns a transaction, and what to do when the ledger took it or not.
func (w *world) transaction(r *rand.Rand) (tx []byte, settle func(ok bool)) {
	p := w.pubs[r.IntN(len(w.pubs))]
	if len(p.past) > 0 && r.IntN(12) == 0 {
		return slices.Clone(p.past[r.IntN(len(p.past))]), func(bool) {}
	}
	tx, undo := w.right(r, p)
	switch r.IntN(12) {
	case 0:
		tx[r.IntN(len(tx))] ^= byte(1 + r.IntN(255))
	case 1:
		tx = tx[:r.IntN(len(tx))]
	}
	return tx, func(ok bool) {
		if !ok {
			undo()
			return
		}
		p.past = append(p.past[max(0, len(p.past)-30):], slices.Clone(tx))
	}
}

// right makes a transaction that is right if those before it were, and what to undo
// if it is refused: no more, since another one may be taken after it.
func (w *world) right(r *rand.Rand, p *repository) (tx []byte, undo func()) {
	next := func(counter *uint64) (uint64, func()) {
		*counter++
		return *counter, func() { *counter-- }
	}
	if p.root == 0 {
		version, undo := next(&p.root)
		return w.c.Register(p.owner, p.Root(version)), undo
	}
	manifest := func() string { return fmt.Sprint(p.Repository, r.IntN(8)) }
	switch n := r.IntN(12); {
	case n == 0:
		version, back := next(&p.root)
		before := *p.Publisher
		old := p.RootKeys[0]
		fresh := fixture.NewKeys(w.t, keys.KeytypeEd25519, fmt.Sprint(p.Repository, version), 1)
		var root *tuf.Root
		if r.IntN(2) == 0 {
			root = p.RotateRoot(version, fresh, nil)
		} else {
			root = p.RotateRoot(version, nil, fresh)
		}
		return w.c.Publish(old, fixture.Update{Roots: []*tuf.Root{root}}), func() {
			back()
			*p.Publisher = before
		}
	case n == 1:
		sequence, undo := next(&p.revokes)
		return w.c.State(p.RootKeys[0], p.Revoke(record.RoleRoot, sequence, manifest())), undo
	case n == 2 && p.revokes > 0:
		sequence, undo := next(&p.lifts)
		var all []string
		for i := range 8 {
			all = append(all, fmt.Sprint(p.Repository, i))
		}
		return w.c.State(p.RootKeys[0], p.Lift(sequence, p.revokes, all...)), undo
	default:
		version, undo := next(&p.tags)
		tags := fixture.Tags{}
		for range r.IntN(12) {
			tags[fmt.Sprint("t", r.IntN(20))] = manifest()
		}
		if n == 3 {
			return w.c.Relay(w.c.Operators[r.IntN(4)], fixture.Update{Targets: p.Targets(version, tags)}), undo
		}
		return p.Publish(version, tags), undo
	}
}
