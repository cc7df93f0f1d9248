package bundle

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/printable"
	"hullmark/reference"
)

// Memory is what a client knows to be true: light blocks to start from, and the
// newest state it has seen of each repository. It is immutable; Verify returns a
// new one. Losing it costs protection against rollback since the trust anchor,
// nothing else.
type Memory struct {
	ledger         string
	trustingPeriod time.Duration
	// blocks are ascending by height; that of height anchor is the anchor's.
	blocks       []*types.LightBlock
	anchor       int64
	stateHeight  uint64
	repositories map[reference.Repository]Seen
	// recalled are the repositories it can speak for; nil for all. Others are kept
	// somewhere else, and taking them for unknown would forget them.
	recalled map[reference.Repository]bool
}

// Seen is what a memory knows of one repository.
type Seen struct {
	// Height is the state height of the newest state seen, and Revision the
	// repository's revision in it.
	Height   uint64
	Revision uint64
	// Changed is the height of the newest record known of: no state below it can
	// be the current one.
	Changed uint64
	// Roots are the file digests of all its roots, version 1 first, up to the
	// newest seen. Empty while the repository was seen at ledger assurance only.
	Roots [][32]byte
	// Root is the newest root file seen.
	Root []byte
	// Revoked are the digests whose revocation the publisher's own signatures
	// showed, and whose lift they did not; by sequence, then by digest. At most
	// MaxKeptRevoked.
	Revoked []Revoked
}

// RootVersion returns the version of the newest root seen, zero for none.
func (s Seen) RootVersion() uint64 { return uint64(len(s.Roots)) }

// NewMemory returns the memory of a client that knows its trust anchor only, and
// no repository.
func NewMemory(a *Anchor) *Memory {
	return &Memory{
		ledger:         a.Ledger,
		trustingPeriod: a.TrustingPeriod,
		blocks:         []*types.LightBlock{a.Block},
		anchor:         a.Block.Height,
	}
}

// NewPartialMemory is NewMemory for a client that keeps repositories apart: they
// are to be recalled one by one, as after DecodeMemory.
func NewPartialMemory(a *Anchor) *Memory {
	m := NewMemory(a)
	m.recalled = make(map[reference.Repository]bool)
	return m
}

// WithAnchor returns a memory that starts from another trust anchor of the same
// ledger, and still knows the repositories and all light blocks: what was made before
// the new anchor can still be verified. Whether to trust the anchor is for the caller
// (Succeeds). It returns ErrWrongLedger for an anchor of another ledger, and for a known
// height with another block a *Fork, or ErrHeader when the known validators did not
// sign it or are no longer trusted.
func (m *Memory) WithAnchor(a *Anchor, now time.Time) (*Memory, error) {
	if a.Ledger != m.ledger {
		return nil, fail(ErrWrongLedger, "the trust anchor is of %s, the memory of %q", printable.Quote(a.Ledger), m.ledger)
	}
	if known := m.block(a.Block.Height); known != nil && !bytes.Equal(known.Hash(), a.Block.Hash()) {
		return nil, contradict(known, a.Block, m.trustingPeriod, now)
	}
	next := *m
	next.trustingPeriod, next.anchor = a.TrustingPeriod, a.Block.Height
	next.blocks = next.forget(insertBlock(m.blocks, a.Block), a.Block.Height)
	return &next, nil
}

// WithOlderBlock returns a memory that also knows the light block of another anchor,
// which it trusts as it does the one it starts from. Errors are those of WithAnchor.
func (m *Memory) WithOlderBlock(a *Anchor, now time.Time) (*Memory, error) {
	if _, err := m.WithAnchor(a, now); err != nil {
		return nil, err
	}
	next := *m
	next.blocks = next.forget(insertBlock(m.blocks, a.Block), a.Block.Height)
	return &next, nil
}

// WithoutBlocks returns a memory that knows no light block but the anchor's.
func (m *Memory) WithoutBlocks() *Memory {
	next := *m
	next.blocks = []*types.LightBlock{m.block(m.anchor)}
	return &next
}

// insertBlock returns blocks with one more, in the place of a known one of its height.
func insertBlock(blocks []*types.LightBlock, lb *types.LightBlock) []*types.LightBlock {
	i, ok := slices.BinarySearchFunc(blocks, lb.Height, func(b *types.LightBlock, h int64) int { return cmp.Compare(b.Height, h) })
	out := slices.Clone(blocks)
	if ok {
		out[i] = lb
		return out
	}
	return slices.Insert(out, i, lb)
}

// StartsFrom reports whether the memory was begun with this trust anchor.
func (m *Memory) StartsFrom(a *Anchor) bool {
	return a.Ledger == m.ledger && a.TrustingPeriod == m.trustingPeriod && a.Block.Height == m.anchor &&
		bytes.Equal(a.Block.Hash(), m.block(m.anchor).Hash())
}

// Ledger returns the ledger id.
func (m *Memory) Ledger() string { return m.ledger }

// TrustingPeriod returns how long a light block is trusted.
func (m *Memory) TrustingPeriod() time.Duration { return m.trustingPeriod }

// StateHeight returns the highest state height seen, zero before the first.
func (m *Memory) StateHeight() uint64 { return m.stateHeight }

// TrustedHeight returns the height of the newest light block known, which is
// where a node's intermediate blocks should start.
func (m *Memory) TrustedHeight() uint64 { return uint64(m.blocks[len(m.blocks)-1].Height) }

// Blocks returns the light blocks known, ascending, the trust anchor's among them. The
// caller must not modify them.
func (m *Memory) Blocks() []*types.LightBlock { return slices.Clone(m.blocks) }

// Repository returns what is known of a repository, and whether anything is. A
// memory that was read from a file knows nothing of repositories that were not
// recalled; verifying with it is refused.
func (m *Memory) Repository(r reference.Repository) (Seen, bool) {
	s, ok := m.repositories[r]
	return s, ok
}

// Repositories returns the repositories that something is known of, by name.
func (m *Memory) Repositories() []reference.Repository {
	return slices.SortedFunc(maps.Keys(m.repositories), func(a, b reference.Repository) int {
		return strings.Compare(a.String(), b.String())
	})
}

// know is Repository for verdicts. It returns ErrMemory for a repository that was
// not recalled, instead of forgetting it.
func (m *Memory) know(r reference.Repository) (Seen, bool, error) {
	if m.recalled != nil && !m.recalled[r] {
		return Seen{}, false, fail(ErrMemory, "%s was not recalled", r)
	}
	s, ok := m.repositories[r]
	return s, ok, nil
}

// block returns the known block of a height, or nil.
func (m *Memory) block(height int64) *types.LightBlock {
	i, ok := slices.BinarySearchFunc(m.blocks, height, func(lb *types.LightBlock, h int64) int { return cmp.Compare(lb.Height, h) })
	if !ok {
		return nil
	}
	return m.blocks[i]
}

// withBlocks returns a memory that knows further verified blocks, of heights it
// has no block of.
func (m *Memory) withBlocks(verified []*types.LightBlock, now time.Time) *Memory {
	next := *m
	all := append(slices.Clone(m.blocks), verified...)
	slices.SortFunc(all, func(a, b *types.LightBlock) int { return cmp.Compare(a.Height, b.Height) })
	next.blocks = m.prune(all, now)
	return &next
}

// prune keeps the blocks worth keeping: the anchor's, the newest, and of those that
// have not expired the first of each validator set and one per day, or per piece of a
// short trusting period.
func (m *Memory) prune(blocks []*types.LightBlock, now time.Time) []*types.LightBlock {
	spacing := min(keepEvery, m.trustingPeriod/keepSpacing)
	var kept []*types.LightBlock
	for i, lb := range blocks {
		useful := !expired(lb, m.trustingPeriod, now)
		if n := len(kept); useful && n > 0 {
			last := kept[n-1]
			useful = !bytes.Equal(lb.ValidatorsHash, last.ValidatorsHash) || lb.Time.Sub(last.Time) >= spacing
		}
		if useful || lb.Height == m.anchor || i == len(blocks)-1 {
			kept = append(kept, lb)
		}
	}
	return m.forget(kept, kept[len(kept)-1].Height)
}

// forget drops the oldest blocks beyond MaxKeptBlocks, but not the anchor's, the oldest
// beside it, from which all later ones can be verified, and that of a height just added.
func (m *Memory) forget(blocks []*types.LightBlock, added int64) []*types.LightBlock {
	for len(blocks) > MaxKeptBlocks {
		oldest := slices.IndexFunc(blocks, func(lb *types.LightBlock) bool { return lb.Height != m.anchor })
		next := slices.IndexFunc(blocks[oldest+1:], func(lb *types.LightBlock) bool { return lb.Height != m.anchor && lb.Height != added })
		blocks = slices.Delete(blocks, oldest+1+next, oldest+2+next)
	}
	return blocks
}

// withState returns a memory that has seen a state height.
func (m *Memory) withState(height uint64) *Memory {
	if height <= m.stateHeight {
		return m
	}
	next := *m
	next.stateHeight = height
	return &next
}

// withRepository returns a memory that has seen a repository in a state.
func (m *Memory) withRepository(r reference.Repository, s Seen) *Memory {
	next := *m
	next.repositories = maps.Clone(m.repositories)
	if next.repositories == nil {
		next.repositories = make(map[reference.Repository]Seen)
	}
	next.repositories[r] = s
	return &next
}

// WithChange returns a memory that knows of a record about a repository at a
// height, before any state with it was seen: what a publisher knows once its
// transaction is in a block. Answers below that height are ErrBehind.
func (m *Memory) WithChange(r reference.Repository, height uint64) *Memory {
	s := m.repositories[r]
	if height <= s.Changed {
		return m
	}
	s.Changed = height
	return m.withRepository(r, s)
}
