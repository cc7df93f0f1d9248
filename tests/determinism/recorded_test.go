package determinism

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/record"
)

var update = flag.Bool("update", false, "record the run anew")

// run is a recorded run.
type run struct {
	Genesis     []byte     `json:"genesis"`
	GenesisHash string     `json:"genesis_app_hash"`
	Blocks      []recorded `json:"blocks"`
}

type recorded struct {
	block
	outcome
}

func (r *run) blocks() []block {
	var out []block
	for _, b := range r.Blocks {
		out = append(out, b.block)
	}
	return out
}

func (r *run) outcomes() []outcome {
	var out []outcome
	for _, b := range r.Blocks {
		out = append(out, b.outcome)
	}
	return out
}

var runFile = filepath.Join("testdata", "run.json")

// load reads the recorded run, or records it when told so.
func load(t testing.TB) *run {
	t.Helper()
	if *update {
		c, blocks := story(t)
		r := &run{Genesis: c.Genesis().Encode()}
		var outcomes []outcome
		r.GenesisHash, outcomes = newReplayer(t, r.Genesis, variant{}).replay(blocks)
		for i, b := range blocks {
			r.Blocks = append(r.Blocks, recorded{b, outcomes[i]})
		}
		raw, err := json.MarshalIndent(r, "", " ")
		if err == nil {
			err = os.WriteFile(runFile, append(raw, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(runFile)
	if err != nil {
		t.Fatal(err)
	}
	r := new(run)
	if err := json.Unmarshal(raw, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecordedRun replays old blocks with this version of the program.
func TestRecordedRun(t *testing.T) {
	r := load(t)
	replayer := newReplayer(t, r.Genesis, variant{})
	genesis, got := replayer.replay(r.blocks())
	if genesis != r.GenesisHash {
		t.Errorf("the genesis has app hash %s, it was %s", genesis, r.GenesisHash)
	}
	if diff := cmp.Diff(r.outcomes(), got); diff != "" {
		t.Errorf("blocks do something else than they did; nodes of both versions cannot be in one network (-then +now):\n%s", diff)
	}
	replayer.check()
}

// TestRecordedRunIsComplete: a run that leaves out what the ledger can do would
// not notice a change of it.
func TestRecordedRunIsComplete(t *testing.T) {
	r := load(t)
	kinds, actions := make(map[record.Kind]bool), 0
	delegated := false
	accepted, refused := 0, 0
	for _, b := range r.Blocks {
		if b.Accepted {
			accepted++
		} else {
			refused++
		}
		for i, tx := range b.Txs {
			if b.Results[i][0] != '0' {
				continue
			}
			env, err := record.DecodeEnvelope(tx)
			if err != nil {
				t.Fatalf("an accepted transaction of block %d: %v", b.Height, err)
			}
			kinds[env.Header.Kind] = true
			for _, scope := range env.Header.Scopes {
				delegated = delegated || strings.HasPrefix(scope.Role, record.RoleTargets+"/")
			}
			actions++
		}
	}
	for _, kind := range []record.Kind{record.KindRegisterRepository, record.KindPublish, record.KindRevoke, record.KindLift} {
		if !kinds[kind] {
			t.Errorf("no accepted transaction of kind %s", kind)
		}
	}
	if !delegated {
		t.Error("no file of a delegated role")
	}
	if accepted < 10 || refused < 5 || actions < 15 {
		t.Errorf("%d blocks an honest node votes for, %d it does not, %d accepted transactions", accepted, refused, actions)
	}
	codes := make(map[string]bool)
	for _, b := range r.Blocks {
		for _, result := range b.Results {
			codes[result[:slices.Index([]byte(result), ' ')]] = true
		}
	}
	if len(codes) < 12 {
		t.Errorf("only %d different verdicts", len(codes))
	}
}
