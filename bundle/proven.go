package bundle

import (
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/merkle"
	"hullmark/printable"
	"hullmark/proto"
)

// Proven says which state an answer rests on.
type Proven struct {
	// StateHeight is the height whose state was proven, HeaderHeight that of the
	// header that proves it: one more. BlockTime is the time of that header.
	StateHeight  uint64
	HeaderHeight uint64
	BlockTime    time.Time
	// Age is how old the header is; never negative.
	Age time.Duration
	// Log is the log's size and root hash in that state.
	Log merkle.LogHead

	header  *types.Header
	mapRoot merkle.Hash
}

// checkStateForm judges what can be judged of a state proof before anything in it is parsed.
func checkStateForm(s *proto.StateProof, ledger string) error {
	if s == nil {
		return fail(ErrMalformed, "nothing proves the state")
	}
	if err := checkVersion(s.GetVersion()); err != nil {
		return err
	}
	if s.GetLedger() != ledger {
		return fail(ErrWrongLedger, "it is of %s, this client trusts %q", printable.Quote(s.GetLedger()), ledger)
	}
	return nil
}

// verifyState verifies what an answer rests on, down to the state's hashes, and
// returns the memory that knows it. Its intermediate blocks
// start from the memory; before are traces that may be the answer's.
func verifyState(s *proto.StateProof, mem *Memory, now time.Time, p Policy, before []*Trace) (*Proven, *Memory, error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	if err := checkStateForm(s, mem.ledger); err != nil {
		return nil, nil, err
	}
	target, next, err := VerifyLightBlock(s.GetLightBlock(), s.GetIntermediateBlocks(), mem, now, p, before...)
	if err != nil {
		return nil, nil, err
	}
	state, err := readState(s.GetAppState(), target.Header)
	if err != nil {
		return nil, nil, err
	}
	out := &Proven{
		StateHeight: uint64(target.Height) - 1, HeaderHeight: uint64(target.Height), BlockTime: target.Time.UTC(),
		Age: max(0, now.Sub(target.Time)), Log: state.Log, header: target.Header, mapRoot: state.Map,
	}
	if !p.Offline && out.Age > p.MaxAge {
		return nil, nil, fail(ErrStale, "%s old, at most %s", out.Age.Round(time.Second), p.MaxAge)
	}
	return out, next.withState(out.StateHeight), nil
}

// verifyEntry checks that a record is in the log of a proven state.
func (p *Proven) verifyEntry(e *proto.LogEntry) error {
	proof, err := readHashes(e.GetProof())
	if err != nil {
		return err
	}
	if n := len(e.GetRecord()); n < merkle.MinRecordSize || n > merkle.MaxRecordSize {
		return fail(ErrMalformed, "log record of %d bytes", n)
	}
	if err := merkle.VerifyInclusion(merkle.LeafHash(e.GetRecord()), e.GetIndex(), p.Log, proof); err != nil {
		return fail(ErrLog, "record %d: %w", e.GetIndex(), err)
	}
	return nil
}

// readHashes reads a log proof.
func readHashes(list [][]byte) ([]merkle.Hash, error) {
	if len(list) > merkle.MaxLogProof {
		return nil, fail(ErrMalformed, "log proof of %d hashes, at most %d", len(list), merkle.MaxLogProof)
	}
	out := make([]merkle.Hash, len(list))
	for i, b := range list {
		if len(b) != merkle.HashSize {
			return nil, fail(ErrMalformed, "log proof with a hash of %d bytes", len(b))
		}
		out[i] = merkle.Hash(b)
	}
	return out, nil
}
