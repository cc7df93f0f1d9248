package calibrate

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/internal/workload"
	"hullmark/keys"
	"hullmark/query"
	"hullmark/sim"
)

// result is what was measured.
type result struct {
	costs sim.Costs
	// measurements are the same with their spread, in the order of the file.
	measurements []measurement
}

// measurement is one measured number.
type measurement struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	Spread
}

// tagCounts are the repositories that are measured, by tags.
var tagCounts = [...]int{1, 100, 1000}

// sendRate is the limit of a connection, as engineConfig of package app sets it.
const sendRate = 50 << 20

// measure measures everything, each part in a test of its own, so that what one has left
// behind is gone before the next. It takes about a minute.
func measure(t *testing.T) *result {
	t.Helper()
	r := &result{costs: sim.Costs{Version: sim.CostsVersion, Machine: machine()}}
	r.costs.Source = fmt.Sprintf("make calibrate, medians of %d repetitions, CPU time", repetitions)
	for _, part := range []struct {
		what    string
		measure func(tb testing.TB) error
	}{
		{"proofs", r.proofs}, {"votes", r.votes}, {"messages", r.messages},
		{"blocks of the ledger", r.ledger}, {"the engine", r.engine},
	} {
		if !t.Run(part.what, func(t *testing.T) {
			if err := part.measure(t); err != nil {
				t.Fatalf("couldn't measure %s: %v", part.what, err)
			}
		}) {
			t.FailNow()
		}
	}
	if err := r.costs.Validate(); err != nil {
		t.Fatalf("couldn't use what was measured: %v", err)
	}
	return r
}

// machine describes this machine without saying which one it is.
func machine() string {
	model := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores, %s, %s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.Version())
}

// note keeps a time and returns it as costs have it, at least a nanosecond.
func (r *result) note(name string, s Spread) sim.Nanoseconds {
	scale := func(x float64) float64 { return math.Round(x * 1e9) }
	r.measurements = append(r.measurements, measurement{name, "ns", Spread{scale(s.Median), scale(s.Low), scale(s.High)}})
	return sim.Nanoseconds(max(1, scale(s.Median)))
}

// size keeps a size and returns it.
func (r *result) size(name string, bytes int) int {
	x := float64(bytes)
	r.measurements = append(r.measurements, measurement{name, "bytes", Spread{x, x, x}})
	return bytes
}

func (r *result) proofs(tb testing.TB) error {
	for _, tags := range tagCounts {
		p := workload.NewProof(tb, 4, tags)
		answer, err := p.Answer()
		if err != nil {
			return err
		}
		n := 400 / (1 + tags/100)
		name := func(what string) string { return fmt.Sprintf("%s, %d tags", what, tags) }
		lookup, err := cpuOf(n, times(n, func() error { _, err := p.Answer(); return err }))
		if err != nil {
			return err
		}
		verify, err := cpuOf(n, times(n, func() error { return p.Verify(answer) }))
		if err != nil {
			return err
		}
		judge, err := cpuOf(n, times(n, func() error { return p.Judge(keys.Direct{}) }))
		if err != nil {
			return err
		}
		r.costs.Repositories = append(r.costs.Repositories, sim.RepositoryCosts{
			Tags:   tags,
			LookUp: r.note(name("look-up at a node"), lookup), Verify: r.note(name("verification by a client"), verify),
			Judge:  r.note(name("judging a publish"), judge),
			Answer: r.size(name("answer"), len(answer)), Transaction: r.size(name("publish"), len(p.Publish)),
		})
	}
	return r.moreValidators(tb)
}

// moreValidators measures what each validator beyond the first four adds to an
// answer.
func (r *result) moreValidators(tb testing.TB) error {
	const many, n = 100, 100
	p := workload.NewProof(tb, many, 1)
	answer, err := p.Answer()
	if err != nil {
		return err
	}
	verify, err := cpuOf(n, times(n, func() error { return p.Verify(answer) }))
	if err != nil {
		return err
	}
	few := r.costs.Repositories[0]
	per := func(x float64) float64 { return max(0, x-few.Verify.Duration().Seconds()) / (many - 4) }
	r.costs.VerifyValidator = r.note("verification, each validator more", Spread{per(verify.Median), per(verify.Low), per(verify.High)})
	r.costs.AnswerValidator = r.size("answer, each validator more", (len(answer)-few.Answer)/(many-4))
	// A question names a reference, what the client trusts and the files it holds.
	r.costs.Request = r.size("request", len("GET "+query.PathResolve+"?ref= HTTP/1.1\r\nHost: \r\nUser-Agent: \r\nAccept-Encoding: gzip\r\n\r\n")+
		len(p.Request.String())+len("&trusted_height=&root_version=&held=")+2*32+len("registry.example.com")+len("hullmark"))
	return nil
}

func (r *result) votes(tb testing.TB) error {
	v, err := measureVotes(tb)
	if err != nil {
		return err
	}
	r.costs.SignVote, r.costs.VerifyVote = r.note("signing a vote", v.sign), r.note("verifying a vote", v.verify)
	r.note("verifying the commit of 4", v.commit[4])
	many := v.commit[100]
	r.note("verifying the commit of 100", many)
	r.costs.VerifyCommitVote = r.note("verifying a commit, each validator", Spread{many.Median / 100, many.Low / 100, many.High / 100})
	r.costs.Vote, r.costs.CommitVote = r.size("vote", v.size), r.size("commit, each validator", v.commitVote)
	return nil
}

func (r *result) messages(testing.TB) error {
	m, err := measureMessages(sendRate)
	if err != nil {
		return err
	}
	r.costs.Message = r.note("carrying a message, among others", m.each)
	r.costs.MessageAlone = r.note("carrying a message, alone", m.alone)
	kib := m.perByte * 1024
	r.costs.MessageKiB = r.note("carrying each KiB", Spread{kib, kib, kib})
	return nil
}

func (r *result) ledger(tb testing.TB) error {
	a := newApplication(tb, blockSize)
	empty, full, err := a.blocks()
	if err != nil {
		return err
	}
	// Of all publishes, since compaction makes differences of short times useless.
	onDisk, err := diskUse(a.dir)
	if err != nil {
		return err
	}
	publishes := repetitions * blockSize
	r.note("checking a publish for the mempool", each(empty.check, full.check))
	prepare := r.note("proposing, each publish", each(empty.prepare, full.prepare))
	process := r.note("processing, each publish", each(empty.process, full.process))
	finalize := r.note("finalizing, each publish", each(empty.finalize, full.finalize))
	r.costs.Rejudge = (prepare + process) / 2
	r.costs.Commit = r.note("committing a block", spread(slices.Clone(empty.commit))) + r.note("finalizing a block", spread(slices.Clone(empty.finalize)))
	// What finalizing takes beyond judging is making the new state.
	r.costs.CommitTransaction = r.note("committing, each publish", each(empty.commit, full.commit)) + max(0, finalize-r.costs.Rejudge)
	r.costs.CommitWait = r.note("committing a block, waiting for the disk", spread(slices.Clone(full.waits)))
	r.costs.Work = full.work
	r.measurements = append(r.measurements, measurement{"work of a publish", "units", Spread{float64(full.work), float64(full.work), float64(full.work)}})
	recheck, err := a.recheck(blockSize)
	if err != nil {
		return err
	}
	r.costs.Recheck = r.note("checking a publish again", recheck)
	r.costs.Disk = r.size("disk, each publish", max(1, int(onDisk)/publishes))
	size, err := recordSize(tb)
	if err != nil {
		return err
	}
	r.costs.Record = r.size("log record", size)
	return nil
}

// recordSize returns the size of the newest record of the log after a publish.
func recordSize(tb testing.TB) (int, error) {
	p := workload.NewProof(tb, 4, 1)
	view := p.Chain.StateMachine().Latest()
	defer view.Close()
	size := view.State().Log.Size
	if size == 0 {
		return 0, errors.New("the log is empty")
	}
	b, err := view.Record(size - 1)
	return len(b), err
}

func (r *result) engine(tb testing.TB) error {
	size := r.costs.Repositories[0].Transaction
	e, err := measureEngine(tb, size)
	if err != nil {
		return err
	}
	r.costs.EngineBlock = r.note("a block, the engine", e.block)
	r.costs.BlockWait = r.note("a block, waiting for the disk", e.waits)
	r.costs.EngineTransaction = r.note("a transaction, the engine", e.transaction)
	r.costs.Submit = r.note("handing a transaction to a node", e.submit)
	header := cmttypes.MaxHeaderBytes
	r.costs.Block = r.size("block without transactions and votes, at most", int(header))
	return nil
}
