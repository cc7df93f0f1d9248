package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

func encodeMemory(tb testing.TB, m *bundle.Memory) []byte {
	tb.Helper()
	b, err := m.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func encodeSeen(tb testing.TB, m *bundle.Memory, r reference.Repository) []byte {
	tb.Helper()
	b, err := m.EncodeRepository(r)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// reread returns a memory as it is after being written and read, piece by piece.
func reread(tb testing.TB, m *bundle.Memory) *bundle.Memory {
	tb.Helper()
	again, err := bundle.DecodeMemory(encodeMemory(tb, m))
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range m.Repositories() {
		if again, err = again.Recall(r, encodeSeen(tb, m, r)); err != nil {
			tb.Fatal(err)
		}
	}
	return again
}

// Test that a memory survives being written and read.
func TestMemoryRoundTrip(t *testing.T) {
	a := newStory(t).asked()
	a.learn(t, a.Source(3), a.req)
	a.learn(t, a.Newest(), ref(other+":1.0"))
	a.learn(t, a.Newest(), byLedger(ref("registry.example.com/app:1.0")))
	a.mem = a.mem.WithChange(repository("registry.example.com/later"), 9)
	for _, m := range []*bundle.Memory{a.memory(), a.mem} {
		again := reread(t, m)
		if !bytes.Equal(encodeMemory(t, again), encodeMemory(t, m)) {
			t.Error("other bytes after a round trip")
		}
		for _, r := range m.Repositories() {
			want, _ := m.Repository(r)
			got, ok := again.Repository(r)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); !ok || diff != "" {
				t.Errorf("%s (-written +read):\n%s", r, diff)
			}
		}
		var err error
		if again, err = again.Recall(a.req.Repository, encodeSeen(t, m, a.req.Repository)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := bundle.Verify(a.bundle, a.req, again, a.now, a.policy); err != nil {
			t.Errorf("couldn't verify with what was read: %v", err)
		}
		if !again.StartsFrom(a.Anchor(1)) || again.StartsFrom(a.Anchor(2)) {
			t.Error("the anchor is lost")
		}
	}
}

// Test that nothing but the one encoding of a memory is read.
func TestMemoryRefused(t *testing.T) {
	a := newStory(t).asked()
	a.learn(t, a.Newest(), a.req)
	honest := string(encodeMemory(t, a.mem))
	edit := func(old, replacement string) string {
		if !strings.Contains(honest, old) {
			t.Fatalf("no %q in %s", old, honest)
		}
		return strings.Replace(honest, old, replacement, 1)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(honest), &fields); err != nil {
		t.Fatal(err)
	}
	var blocks []string
	if err := json.Unmarshal(fields["light_blocks"], &blocks); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		err        error
	}{
		{"empty", "", bundle.ErrMemory},
		{"null", "null\n", bundle.ErrMemory},
		{"empty object", "{}\n", bundle.ErrMemory},
		{"without newline", strings.TrimSuffix(honest, "\n"), bundle.ErrMemory},
		{"trailing bytes", honest + "{}", bundle.ErrMemory},
		{"white space", edit(`":`, `": `), bundle.ErrMemory},
		{"newer", edit(`"version":1`, `"version":2`), record.ErrNewer},
		{"newer with other fields", `{"version":2,"new":true}`, record.ErrNewer},
		{"older", edit(`"version":1`, `"version":0`), bundle.ErrMemory},
		{"unknown field", edit(`"state_height"`, `"unknown":1,"state_height"`), bundle.ErrMemory},
		{"field twice", edit(`"state_height"`, `"state_height":1,"state_height"`), bundle.ErrMemory},
		{"other case", edit(`"ledger"`, `"Ledger"`), bundle.ErrMemory},
		{"other ledger", edit(`"ledger":"`, `"ledger":"x`), bundle.ErrMemory},
		{"no trusting period", edit(`"trusting_period_seconds":1209600`, `"trusting_period_seconds":0`), bundle.ErrMemory},
		{"negative trusting period", edit(`"trusting_period_seconds":`, `"trusting_period_seconds":-`), bundle.ErrMemory},
		{"endless trusting period", edit(`"trusting_period_seconds":1209600`, `"trusting_period_seconds":9223372036854775807`), bundle.ErrMemory},
		{"no blocks", edit(string(fields["light_blocks"]), `[]`), bundle.ErrMemory},
		{"blocks out of order", edit(string(fields["light_blocks"]), `["`+blocks[1]+`","`+blocks[0]+`"]`), bundle.ErrMemory},
		{"block twice", edit(string(fields["light_blocks"]), `["`+blocks[0]+`","`+blocks[0]+`"]`), bundle.ErrMemory},
		{"garbage block", edit(string(fields["light_blocks"]), `["AAAA"]`), bundle.ErrMemory},
		{"other state height", edit(`"state_height":`, `"state_height":1`), bundle.ErrMemory},
		{"other checksum", edit(`"checksum":"`, `"checksum":"00`), bundle.ErrMemory},
		{"no checksum", edit(`,"checksum":"`, `,"x":"`), bundle.ErrMemory},
		{"too large", strings.Repeat(" ", bundle.MaxMemorySize+1), bundle.ErrMemory},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := bundle.DecodeMemory([]byte(c.text))
			if m != nil || !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			if bundle.ClassOf(err) != bundle.Other {
				t.Errorf("class %s", bundle.ClassOf(err))
			}
		})
	}
}

// Test that nothing but the one encoding of what is known of a repository is read.
// A checksum guards the numbers, which nothing else does.
func TestRecallRefused(t *testing.T) {
	a := newStory(t).asked()
	a.learn(t, a.Newest(), a.req)
	r := a.req.Repository
	chain := encodeMemory(t, a.mem)
	honest := string(encodeSeen(t, a.mem, r))
	// edit makes a change that keeps the checksum right, where sealed is set.
	edit := func(old, replacement string, sealed bool) string {
		if !strings.Contains(honest, old) {
			t.Fatalf("no %q in %s", old, honest)
		}
		text := strings.Replace(honest, old, replacement, 1)
		if !sealed {
			return text
		}
		const field = `"checksum":"`
		i := strings.LastIndex(text, field) + len(field)
		sum := sha256.Sum256([]byte(text[:i] + `"}`))
		return text[:i] + hex.EncodeToString(sum[:]) + "\"}\n"
	}
	if edit(honest, honest, true) != honest {
		t.Fatal("the test doesn't know how to make a checksum")
	}
	for _, c := range []struct {
		name, text string
		err        error
	}{
		{"empty", "", bundle.ErrMemory},
		{"null", "null\n", bundle.ErrMemory},
		{"without newline", strings.TrimSuffix(honest, "\n"), bundle.ErrMemory},
		{"trailing bytes", honest + "{}", bundle.ErrMemory},
		{"newer", edit(`"version":1`, `"version":2`, true), record.ErrNewer},
		{"older", edit(`"version":1`, `"version":0`, true), bundle.ErrMemory},
		{"a digit of the revision", edit(`"revision":`, `"revision":1`, false), bundle.ErrMemory},
		{"a digit of the height", edit(`"height":`, `"height":1`, false), bundle.ErrMemory},
		{"unknown field", edit(`"height"`, `"unknown":1,"height"`, true), bundle.ErrMemory},
		{"field twice", edit(`"height"`, `"height":1,"height"`, true), bundle.ErrMemory},
		{"bad name", edit(`"name":"`, `"name":"UPPER/`, true), bundle.ErrMemory},
		{"other name", edit(`"name":"registry`, `"name":"registryx`, true), bundle.ErrMemory},
		{"other ledger", edit(`"ledger":"`, `"ledger":"x`, true), bundle.ErrMemory},
		{"no root file", edit(`"root":"`, `"root":"","x":"`, true), bundle.ErrMemory},
		{"no root digest", edit(honest[strings.Index(honest, `"roots":[`):strings.Index(honest, `],"root"`)], `"roots":[`, true), bundle.ErrMemory},
		{"long root digest", edit(`"roots":["`, `"roots":["00`, true), bundle.ErrMemory},
		{"root digest is no hex", edit(`"roots":["`, `"roots":["x`, true), bundle.ErrMemory},
		{"two root digests", edit(`"roots":[`, `"roots":["`+strings.Repeat("0", 64)+`",`, true), bundle.ErrMemory},
		{"too large", strings.Repeat(" ", bundle.MaxSeenSize+1), bundle.ErrMemory},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := bundle.DecodeMemory(chain)
			if err != nil {
				t.Fatal(err)
			}
			again, err := m.Recall(r, []byte(c.text))
			if again != nil || !errors.Is(err, c.err) || bundle.ClassOf(err) != bundle.Other {
				t.Errorf("error %v, want %v", err, c.err)
			}
		})
	}
}

// Test that a memory refuses to speak for a repository that was not recalled: it
// would take it for one that was never seen, and forget what was.
func TestNotRecalled(t *testing.T) {
	a := newStory(t).asked()
	a.learn(t, a.Newest(), a.req)
	other := repository(other)
	for name, m := range map[string]func() (*bundle.Memory, error){
		"read":    func() (*bundle.Memory, error) { return bundle.DecodeMemory(encodeMemory(t, a.mem)) },
		"partial": func() (*bundle.Memory, error) { return bundle.NewPartialMemory(a.Anchor(1)), nil },
	} {
		t.Run(name, func(t *testing.T) {
			m, err := m()
			if err != nil {
				t.Fatal(err)
			}
			refused := func() {
				t.Helper()
				result, next, err := bundle.Verify(a.bundle, a.req, m, a.now, a.policy)
				if result != nil || next != nil || !errors.Is(err, bundle.ErrMemory) || bundle.ClassOf(err) != bundle.Other {
					t.Errorf("error %v", err)
				}
			}
			refused()
			if m, err = m.Recall(other, nil); err != nil {
				t.Fatal(err)
			}
			refused()
			if _, err := m.WithChange(a.req.Repository, 9).EncodeRepository(a.req.Repository); !errors.Is(err, bundle.ErrMemory) {
				t.Errorf("encoded: %v", err)
			}
			if m, err = m.Recall(a.req.Repository, nil); err != nil {
				t.Fatal(err)
			}
			if _, _, err := bundle.Verify(a.bundle, a.req, m, a.now, a.policy); err != nil {
				t.Errorf("recalled: %v", err)
			}
			if b, err := m.EncodeRepository(other); b != nil || err != nil {
				t.Errorf("a repository nothing is known of: %q, %v", b, err)
			}
		})
	}
}

// Test that a client follows validators who change one after the other, and what
// it keeps of the way.
func TestValidatorsChange(t *testing.T) {
	a := newStory(t).asked()
	old := a.Validators()
	fresh := fixture.NewKeys(t, keys.KeytypeEd25519, "fresh", 4)
	for i := range fresh {
		// One at a time, until none of the first four is left.
		set := append(fresh[:i+1:i+1], old[i+1:]...)
		a.SetValidators(set...)
		a.Commit()
		a.Commit()
		a.Commit()
	}
	a.now = a.Now()
	a.from(a.Newest())

	t.Run("with intermediate blocks", func(t *testing.T) {
		_, m, err := a.verify()
		if err != nil {
			t.Fatal(err)
		}
		if m.TrustedHeight() != a.Height() {
			t.Errorf("trusted height %d", m.TrustedHeight())
		}
		sets := make(map[string]bool)
		for _, lb := range m.Blocks() {
			sets[string(lb.ValidatorsHash)] = true
		}
		if len(sets) != 5 || len(m.Blocks()) > 6 {
			t.Errorf("%d blocks of %d validator sets are kept", len(m.Blocks()), len(sets))
		}
		// A node that lags finds a start, whichever set its block has.
		for height := uint64(3); height < a.Height()-1; height++ {
			b := a.Source(height).BundleFor(a.req, query.Known{TrustedHeight: height + 1})
			if _, _, err := bundle.Verify(b, a.req, m, a.now, offline(false)); err != nil {
				t.Errorf("height %d: %v", height, err)
			}
		}
	})
	t.Run("without intermediate blocks", func(t *testing.T) {
		a.bundle.State.IntermediateBlocks = nil
		if _, _, err := a.verify(); !errors.Is(err, bundle.ErrNotEnoughTrust) || bundle.ClassOf(err) != bundle.Attack {
			t.Errorf("error %v", err)
		}
	})
	t.Run("with half of the intermediate blocks", func(t *testing.T) {
		a.from(a.Newest())
		a.bundle.State.IntermediateBlocks = a.bundle.State.IntermediateBlocks[:len(a.bundle.State.IntermediateBlocks)/2]
		if _, _, err := a.verify(); !errors.Is(err, bundle.ErrNotEnoughTrust) {
			t.Errorf("error %v", err)
		}
	})
}

// Test which blocks a memory keeps while years go by.
func TestMemoryKeeps(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.TrustingPeriod = 160 * time.Second // 32 blocks
	chain := bundletest.NewChain(t, c)
	chain.Commit()
	m := bundle.NewMemory(chain.Anchor(1))
	p := bundle.DefaultPolicy()
	for range 200 {
		height := chain.Commit()
		var err error
		if _, m, err = bundle.VerifyLightBlock(chain.EncodedBlock(height), nil, m, chain.Now(), p); err != nil {
			t.Fatalf("block %d: %v", height, err)
		}
		if n := len(m.Blocks()); n > 11 {
			t.Fatalf("block %d: %d blocks are kept", height, n)
		}
		if m.TrustedHeight() != height || m.Blocks()[0].Height != 1 {
			t.Fatalf("block %d: newest %d, first %d", height, m.TrustedHeight(), m.Blocks()[0].Height)
		}
		// A node a few blocks behind can be followed at any time.
		if height > 6 {
			if _, _, err := bundle.VerifyLightBlock(chain.EncodedBlock(height-5), nil, m, chain.Now(), p); err != nil {
				t.Fatalf("block %d, five behind: %v", height, err)
			}
		}
	}
	// Within the period there is a start every eighth of it.
	var gap time.Duration
	blocks := m.Blocks()
	for i := 2; i < len(blocks); i++ {
		gap = max(gap, blocks[i].Time.Sub(blocks[i-1].Time))
	}
	if gap > c.Params.TrustingPeriod/8+5*time.Second {
		t.Errorf("a gap of %s", gap)
	}
	if _, err := bundle.DecodeMemory(encodeMemory(t, m)); err != nil {
		t.Error(err)
	}
}

// Test the renewal of a trust anchor.
func TestWithAnchor(t *testing.T) {
	a := newStory(t).asked()
	a.learn(t, a.Newest(), a.req)
	for range 3 {
		a.Commit()
	}
	renewed, err := a.mem.WithAnchor(a.Anchor(7), a.Now())
	if err != nil {
		t.Fatal(err)
	}
	if renewed.TrustedHeight() != 7 || renewed.StateHeight() != a.mem.StateHeight() {
		t.Errorf("trusted height %d, state height %d", renewed.TrustedHeight(), renewed.StateHeight())
	}
	if seen, ok := renewed.Repository(a.req.Repository); !ok || seen.RootVersion() != 1 {
		t.Error("the repository is forgotten")
	}
	// No anchor makes the client forget what it knows above it or below.
	a.mem = renewed
	if _, a.mem, err = bundle.VerifyLightBlock(a.EncodedBlock(a.Height()), nil, a.mem, a.Now(), bundle.DefaultPolicy()); err != nil {
		t.Fatal(err)
	}
	older, err := a.mem.WithAnchor(a.Anchor(2), a.Now())
	if err != nil {
		t.Fatal(err)
	}
	var heights []int64
	for _, lb := range older.Blocks() {
		heights = append(heights, lb.Height)
	}
	if want := []int64{1, 2, 7, int64(a.Height())}; !slices.Equal(heights, want) || !older.StartsFrom(a.Anchor(2)) {
		t.Errorf("blocks %v, want %v", heights, want)
	}
	// A known height has one block.
	for name, tc := range map[string]struct {
		signers []*fixture.Key
		err     error
	}{
		"fork":    {a.Validators(), bundle.ErrFork},
		"forgery": {strangers(t, 4), bundle.ErrHeader},
	} {
		for _, height := range []uint64{7, a.Height()} { // the anchor's, and one learnt since
			another := a.Anchor(height)
			another.Block.LastResultsHash = bytes.Repeat([]byte{7}, 32)
			another.Block.ValidatorsHash = bundletest.ValidatorSet(tc.signers).Hash()
			another.Block = a.Sign(another.Block.Header, tc.signers, tc.signers...)
			if m, err := a.mem.WithAnchor(another, a.Now()); m != nil || !errors.Is(err, tc.err) {
				t.Errorf("%s at height %d: %v", name, height, err)
			}
			if m, err := a.mem.WithAnchor(another, a.Now().Add(another.TrustingPeriod)); m != nil || !errors.Is(err, bundle.ErrHeader) || errors.Is(err, bundle.ErrFork) {
				t.Errorf("%s at height %d, after the trusting period: %v", name, height, err)
			}
		}
	}
	foreign := a.Anchor(1)
	foreign.Ledger = "elsewhere-0000000000000000"
	if _, err := a.mem.WithAnchor(foreign, a.Now()); !errors.Is(err, bundle.ErrWrongLedger) {
		t.Errorf("anchor of another ledger: %v", err)
	}
}

// Test that a memory that is full of blocks stays readable with an older anchor.
func TestWithAnchorFull(t *testing.T) {
	s := newStory(t)
	old := s.Validators()
	for i := range bundle.MaxKeptBlocks + 4 {
		set := slices.Clone(old) // one changes, so that each block is worth keeping
		set[i%4] = fixture.NewKeys(t, keys.KeytypeEd25519, "fresh", i/4+1)[i/4]
		s.SetValidators(set...)
		s.Commit()
	}
	m := bundle.NewMemory(s.Anchor(2))
	var err error
	for height := uint64(3); height <= s.Height(); height++ {
		if _, m, err = bundle.VerifyLightBlock(s.EncodedBlock(height), nil, m, s.Now(), bundle.DefaultPolicy()); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.Blocks()); n != bundle.MaxKeptBlocks {
		t.Fatalf("%d blocks are kept", n)
	}
	if m, err = m.WithAnchor(s.Anchor(1), s.Now()); err != nil {
		t.Fatal(err)
	}
	again, err := bundle.DecodeMemory(encodeMemory(t, m))
	if err != nil || again.TrustedHeight() != s.Height() || again.Blocks()[0].Height != 1 {
		t.Errorf("error %v", err)
	}
}

// TestWithOlderBlockFull: a memory that is full of blocks keeps the one that a person has
// just added, and goes on from there keeping the oldest.
func TestWithOlderBlockFull(t *testing.T) {
	s := newStory(t)
	old := s.Validators()
	commit := func(i int) {
		set := slices.Clone(old) // one changes, so that each block is worth keeping
		set[i%4] = fixture.NewKeys(t, keys.KeytypeEd25519, "fresh", i/4+1)[i/4]
		s.SetValidators(set...)
		s.Commit()
	}
	for i := range bundle.MaxKeptBlocks + 4 {
		commit(i)
	}
	const anchor = 4
	full := bundle.NewMemory(s.Anchor(anchor))
	learn := func(m *bundle.Memory, height uint64) *bundle.Memory {
		t.Helper()
		_, m, err := bundle.VerifyLightBlock(s.EncodedBlock(height), nil, m, s.Now(), bundle.DefaultPolicy())
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	for height := uint64(anchor + 1); height <= s.Height(); height++ {
		full = learn(full, height)
	}
	knows := func(m *bundle.Memory, height uint64) bool {
		for _, lb := range m.Blocks() {
			if uint64(lb.Height) == height {
				return true
			}
		}
		return false
	}
	oldest, top := uint64(full.Blocks()[1].Height), s.Height()
	commit(bundle.MaxKeptBlocks + 4)
	for name, tc := range map[string]struct {
		older uint64
		stays bool // when more is learnt: nothing older is known beside the anchor
	}{
		"below all":                    {1, true},
		"just below the anchor":        {anchor - 1, true},
		"forgotten, just above a kept": {oldest + 1, false},
		"the oldest beside the anchor": {oldest, true},
		"the anchor":                   {anchor, true},
		"the newest":                   {top, true},
	} {
		m, err := full.WithOlderBlock(s.Anchor(tc.older), s.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, height := range []uint64{tc.older, anchor, top} {
			if !knows(m, height) {
				t.Errorf("%s: block %d is forgotten", name, height)
			}
		}
		if len(m.Blocks()) != bundle.MaxKeptBlocks || !m.StartsFrom(s.Anchor(anchor)) {
			t.Errorf("%s: %d blocks, from the anchor: %t", name, len(m.Blocks()), m.StartsFrom(s.Anchor(anchor)))
		}
		if m, err = bundle.DecodeMemory(encodeMemory(t, m)); err != nil {
			t.Fatal(err)
		}
		m = learn(m, s.Height())
		if knows(m, tc.older) != tc.stays || !knows(m, anchor) || len(m.Blocks()) != bundle.MaxKeptBlocks {
			t.Errorf("%s: known after more was learnt: %t, want %t; %d blocks", name, knows(m, tc.older), tc.stays, len(m.Blocks()))
		}
	}
}

// Test that what is known of a repository is never written larger than it can be
// read.
func TestMemoryTooLarge(t *testing.T) {
	s := newStory(t)
	m := s.memory().WithSeen(repository(app), bundle.Seen{Root: make([]byte, bundle.MaxSeenSize/4*3)})
	if b, err := m.EncodeRepository(repository(app)); b != nil || !errors.Is(err, bundle.ErrMemory) || bundle.ClassOf(err) != bundle.Other {
		t.Errorf("%d bytes, error %v", len(b), err)
	}
}
