package bundle

import (
	"bytes"
	"slices"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/printable"
)

// Trace is the light blocks of an answer, decoded: those that lead to its header, and the
// block with the header last. It remembers which of them were verified from which, so that
// an answer that is judged twice, when it comes and by the memory of the moment in which
// the verdict is remembered, has its signatures verified once. A Trace may be used by one
// goroutine at a time.
type Trace struct {
	ledger  string
	encoded [][]byte
	blocks  []*types.LightBlock
	// followed has the steps that were verified, signed the blocks whose own validators
	// were seen to have signed them. Nothing in them depends on the time.
	followed map[step]bool
	signed   map[int]bool
}

// step leads from a trusted block, named by the hash of its header, to one of a trace.
type step struct {
	from string
	to   int
}

// DecodeTrace reads the light block of an answer and the blocks that lead to it, which
// must ascend and end below it. Errors are those of DecodeLightBlock.
func DecodeTrace(ledger string, block []byte, intermediate [][]byte) (*Trace, error) {
	if len(intermediate) > MaxIntermediateBlocks {
		return nil, fail(ErrMalformed, "%d intermediate blocks, at most %d", len(intermediate), MaxIntermediateBlocks)
	}
	target, err := DecodeLightBlock(ledger, block)
	if err != nil {
		return nil, err
	}
	t := newTrace(ledger)
	t.encoded = append(slices.Clone(intermediate), block)
	var last int64
	for _, b := range intermediate {
		lb, err := DecodeLightBlock(ledger, b)
		if err != nil {
			return nil, err
		}
		if lb.Height <= last || lb.Height >= target.Height {
			return nil, fail(ErrMalformed, "intermediate blocks are not ascending")
		}
		last = lb.Height
		t.blocks = append(t.blocks, lb)
	}
	t.blocks = append(t.blocks, target)
	return t, nil
}

// newTrace returns the trace of blocks that passed checkLightBlock.
func newTrace(ledger string, blocks ...*types.LightBlock) *Trace {
	return &Trace{ledger: ledger, blocks: blocks, followed: make(map[step]bool), signed: make(map[int]bool)}
}

// traceOf returns the trace of an answer: of those that were decoded before, the one that
// was decoded from the same bytes.
func traceOf(ledger string, block []byte, intermediate [][]byte, before []*Trace) (*Trace, error) {
	for _, t := range before {
		last := len(t.encoded) - 1
		if t.ledger == ledger && bytes.Equal(t.encoded[last], block) && slices.EqualFunc(t.encoded[:last], intermediate, bytes.Equal) {
			return t, nil
		}
	}
	return DecodeTrace(ledger, block, intermediate)
}

// Target returns the block with the answer's header. It is trusted once Memory.Follow has
// returned no error.
func (t *Trace) Target() *types.LightBlock { return t.blocks[len(t.blocks)-1] }

// checkSigned checks that more than two thirds of a block's own validators signed it.
func (t *Trace) checkSigned(block int) error {
	if t.signed[block] {
		return nil
	}
	if err := checkCommit(t.blocks[block]); err != nil {
		return err
	}
	t.signed[block] = true
	return nil
}

// verifyFrom verifies a block from a trusted one.
func (t *Trace) verifyFrom(trusted *types.LightBlock, block int, trustingPeriod time.Duration, now time.Time) error {
	lb := t.blocks[block]
	if err := checkTrusted(trusted, lb, trustingPeriod, now); err != nil {
		return err
	}
	s := step{string(trusted.Hash()), block}
	if t.followed[s] {
		return nil
	}
	if err := verifyFrom(trusted, lb); err != nil {
		return err
	}
	t.followed[s], t.signed[block] = true, true
	return nil
}

// VerifyLightBlock verifies a light block on its own, with the blocks that lead
// to it from the memory, and returns it with the memory that knows it. Its age
// does not matter. Errors have the classes of Verify.
func VerifyLightBlock(block []byte, intermediate [][]byte, mem *Memory, now time.Time, p Policy, before ...*Trace) (*types.LightBlock, *Memory, error) {
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	t, err := traceOf(mem.ledger, block, intermediate, before)
	if err != nil {
		return nil, nil, err
	}
	next, err := mem.Follow(t, now, p)
	if err != nil {
		return nil, nil, err
	}
	return t.Target(), next, nil
}

// Follow verifies the target of a trace, starting at the highest trusted block below it
// and going over the blocks between, and returns the memory that knows what was verified
// on the way. Errors have the classes of Verify.
func (m *Memory) Follow(t *Trace, now time.Time, p Policy) (*Memory, error) {
	if t.ledger != m.ledger {
		return nil, fail(ErrWrongLedger, "light blocks of %s, this client trusts %q", printable.Quote(t.ledger), m.ledger)
	}
	for i, lb := range t.blocks {
		known := m.block(lb.Height)
		if known == nil {
			continue
		}
		if !bytes.Equal(known.Hash(), lb.Hash()) {
			return nil, contradict(known, lb, m.trustingPeriod, now)
		}
		// The header is known, and another commit for it is anybody's: it may be shown to
		// others, and kept.
		if err := t.checkSigned(i); err != nil {
			return nil, err
		}
	}
	next, target := m, t.Target()
	if m.block(target.Height) == nil {
		verified, err := m.walk(t, now)
		if err != nil {
			return nil, err
		}
		next = m.withBlocks(verified, now)
	}
	// Times rise along the way, so only the target can be ahead of the clock. It
	// is judged last: a forged header should be called forged.
	if err := checkDrift(target, now, p.MaxClockDrift); err != nil {
		return nil, err
	}
	return next, nil
}

// walk verifies each block of a trace by the one before it, from the highest trusted
// block below its end, and returns those it verified.
func (m *Memory) walk(t *Trace, now time.Time) ([]*types.LightBlock, error) {
	trusted, err := m.start(t.Target().Height, now)
	if err != nil {
		return nil, err
	}
	var verified []*types.LightBlock
	for i, lb := range t.blocks {
		if lb.Height <= trusted.Height {
			continue // the answer was made for somebody who knew less
		}
		if err := t.verifyFrom(trusted, i, m.trustingPeriod, now); err != nil {
			return nil, err
		}
		trusted = lb
		verified = append(verified, lb)
	}
	return verified, nil
}

// leadsTo verifies a light block from the trusted ones, without any between.
func (m *Memory) leadsTo(lb *types.LightBlock, now time.Time) error {
	if err := checkLightBlock(m.ledger, lb); err != nil {
		return err
	}
	_, err := m.walk(newTrace(m.ledger, lb), now)
	return err
}

// start returns the highest known block at or below a height that may still be
// trusted.
func (m *Memory) start(height int64, now time.Time) (*types.LightBlock, error) {
	fresh := false
	for i := len(m.blocks) - 1; i >= 0; i-- {
		lb := m.blocks[i]
		if expired(lb, m.trustingPeriod, now) {
			continue
		}
		if lb.Height <= height {
			return lb, nil
		}
		fresh = true
	}
	if fresh {
		return nil, fail(ErrBelowTrusted, "it takes a trust anchor of height %d or below, from within the trusting period of %s", height, m.trustingPeriod)
	}
	newest := m.blocks[len(m.blocks)-1]
	return nil, fail(ErrAnchorExpired, "the newest trusted block is of %s, the trusting period is %s", stamp(newest.Time), m.trustingPeriod)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
