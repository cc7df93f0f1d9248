package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
)

// Test that a fork carries both blocks, and that only validators who are still
// trusted can make one.
func TestFork(t *testing.T) {
	s := newStory(t)
	header := *s.Block(1).Header
	header.LastResultsHash = bytes.Repeat([]byte{7}, 32)
	other := bundletest.Encode(t, s.Sign(&header, s.Validators(), s.Validators()...))
	period := s.Params.TrustingPeriod
	for _, tc := range []struct {
		name string
		now  time.Time
		fork bool
	}{
		{"within the trusting period", header.Time.Add(period - time.Second), true},
		{"after the trusting period", header.Time.Add(period + time.Second), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, m, err := bundle.VerifyLightBlock(other, nil, s.memory(), tc.now, bundle.DefaultPolicy())
			if m != nil || bundle.ClassOf(err) != bundle.Attack || errors.Is(err, bundle.ErrFork) != tc.fork || errors.Is(err, bundle.ErrHeader) == tc.fork {
				t.Fatalf("error %v", err)
			}
			if !tc.fork {
				return
			}
			var fork *bundle.Fork
			if !errors.As(err, &fork) {
				t.Fatalf("error %T", err)
			}
			b, err := fork.Encode()
			if err != nil {
				t.Fatal(err)
			}
			var file struct{ Known, Other []byte }
			if err := json.Unmarshal(b, &file); err != nil || !bytes.Equal(file.Known, s.EncodedBlock(1)) || !bytes.Equal(file.Other, other) {
				t.Errorf("evidence %s, %v", b, err)
			}
		})
	}
}

// Test that evidence can be read again, and that nothing else is taken for it.
func TestDecodeFork(t *testing.T) {
	s := newStory(t)
	header := *s.Block(1).Header
	header.LastResultsHash = bytes.Repeat([]byte{7}, 32)
	fork := &bundle.Fork{Known: s.Block(1), Other: s.Sign(&header, s.Validators(), s.Validators()...)}
	good, err := fork.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := bundle.DecodeFork(good)
	if err != nil || !bytes.Equal(again.Known.Hash(), fork.Known.Hash()) || !bytes.Equal(again.Other.Hash(), header.Hash()) {
		t.Fatalf("fork %v, error %v", again, err)
	}
	unsigned, err := (&bundle.Fork{Known: s.Block(1), Other: s.Sign(&header, s.Validators(), s.Validators()[:2]...)}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	junk := s.Block(1)
	junk.Commit = junkCommit(junk.Commit)
	unproven, err := (&bundle.Fork{Known: junk, Other: fork.Other}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	same, err := (&bundle.Fork{Known: s.Block(1), Other: s.Block(1)}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	apart, err := (&bundle.Fork{Known: s.Block(1), Other: s.Block(2)}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, bundle.ErrMalformed},
		{"empty object", []byte("{}"), bundle.ErrMalformed},
		{"newer version", bytes.Replace(good, []byte(`"version": 1`), []byte(`"version": 2`), 1), bundle.ErrMalformed},
		{"another ledger", bytes.Replace(good, []byte(s.Ledger()), []byte("elsewhere"), 1), bundle.ErrWrongLedger},
		{"one block twice", same, bundle.ErrMalformed},
		{"too few signatures", unsigned, bundle.ErrHeader},
		{"a commit that does not verify", unproven, bundle.ErrHeader},
		{"blocks of two heights", apart, bundle.ErrMalformed},
		{"too large", append(bytes.Repeat([]byte(" "), bundle.MaxForkSize), good...), bundle.ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if f, err := bundle.DecodeFork(tc.data); f != nil || !errors.Is(err, tc.want) {
				t.Errorf("fork %v, error %v", f, err)
			}
		})
	}
}

// junkCommit returns a commit whose signatures are none.
func junkCommit(c *types.Commit) *types.Commit {
	junk := &types.Commit{Height: c.Height, Round: c.Round, BlockID: c.BlockID}
	for _, sig := range c.Signatures {
		sig.Signature = bytes.Repeat([]byte{1}, 64)
		junk.Signatures = append(junk.Signatures, sig)
	}
	return junk
}

// TestJunkCommitOfKnownHeader: a header that is known with another commit is no news,
// but the commit is: it may be kept as evidence, and shown to others.
func TestJunkCommitOfKnownHeader(t *testing.T) {
	s := newStory(t)
	junk := s.Block(1)
	junk.Commit = junkCommit(junk.Commit)
	for name, tc := range map[string]struct {
		block []byte
		want  error
	}{
		"the same":                        {s.EncodedBlock(1), nil},
		"another that verifies":           {bundletest.Encode(t, s.Sign(s.Block(1).Header, s.Validators(), s.Validators()[1:]...)), nil},
		"by half of the validators":       {bundletest.Encode(t, s.Sign(s.Block(1).Header, s.Validators(), s.Validators()[:2]...)), bundle.ErrHeader},
		"with signatures that are not so": {bundletest.Encode(t, junk), bundle.ErrHeader},
	} {
		if _, m, err := bundle.VerifyLightBlock(tc.block, nil, s.memory(), s.Now(), bundle.DefaultPolicy()); !errors.Is(err, tc.want) || (m == nil) != (tc.want != nil) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
		// As an intermediate block too.
		if _, _, err := bundle.VerifyLightBlock(s.EncodedBlock(3), [][]byte{tc.block}, s.memory(), s.Now(), bundle.DefaultPolicy()); !errors.Is(err, tc.want) {
			t.Errorf("%s, as an intermediate block: error %v, want %v", name, err, tc.want)
		}
	}
}

// Test what another node's block says about a verified one.
func TestCompareBlocks(t *testing.T) {
	s := newStory(t)
	known := s.Block(2)
	header := *known.Header
	header.LastResultsHash = bytes.Repeat([]byte{7}, 32)
	period := s.Params.TrustingPeriod
	all := s.Validators()
	set := append(slices.Clone(all), strangers(t, 2)...)
	mixed := header
	mixed.ValidatorsHash = bundletest.ValidatorSet(set).Hash()
	for _, tc := range []struct {
		name  string
		other []byte
		later time.Duration
		want  error
	}{
		{"the same", s.EncodedBlock(2), 0, nil},
		{"the same, long after", s.EncodedBlock(2), 2 * period, nil},
		{"with another commit", bundletest.Encode(t, s.Sign(known.Header, all, all[:3]...)), 0, nil},
		{"signed by all", bundletest.Encode(t, s.Sign(&header, all, all...)), 0, bundle.ErrFork},
		{"signed by three of four", bundletest.Encode(t, s.Sign(&header, all, all[:3]...)), 0, bundle.ErrFork},
		{"signed by all, long after", bundletest.Encode(t, s.Sign(&header, all, all...)), 2 * period, bundle.ErrHeader},
		{"signed by half", bundletest.Encode(t, s.Sign(&header, all, all[:2]...)), 0, bundle.ErrHeader},
		{"signed by three of four, and too few of its own", bundletest.Encode(t, s.Sign(&mixed, set, all[:3]...)), 0, bundle.ErrHeader},
		{"of another height", s.EncodedBlock(1), 0, bundle.ErrMalformed},
		{"garbage", []byte("garbage"), 0, bundle.ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := bundle.CompareBlocks(known, tc.other, period, known.Time.Add(time.Second+tc.later))
			if !errors.Is(err, tc.want) {
				t.Errorf("error %v", err)
			}
			var fork *bundle.Fork
			if errors.As(err, &fork) != errors.Is(tc.want, bundle.ErrFork) {
				t.Errorf("error %v", err)
			}
		})
	}
}
