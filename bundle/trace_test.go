package bundle_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/record"
)

// spoil makes all signatures of a trace's target wrong, after it was decoded.
func spoil(t *bundle.Trace) {
	signatures := t.Target().Commit.Signatures
	for i := range signatures {
		signatures[i].Signature = make([]byte, 64)
	}
}

// Test that a verdict by a trace that was followed looks at no signature of it again, and
// that one that was not followed, or is of other bytes, is worth nothing.
func TestTraceIsVerifiedOnce(t *testing.T) {
	s := newStory(t)
	req := ref(app + ":latest")
	b := s.Newest().Bundle(req)
	decoded := func(block []byte) *bundle.Trace {
		trace, err := bundle.DecodeTrace(s.Ledger(), block, nil)
		if err != nil {
			t.Fatal(err)
		}
		return trace
	}
	followed := func(block []byte) *bundle.Trace {
		trace := decoded(block)
		if _, err := s.memory().Follow(trace, s.Now(), bundle.DefaultPolicy()); err != nil {
			t.Fatal(err)
		}
		return trace
	}
	for _, tc := range []struct {
		name  string
		trace *bundle.Trace
		want  error
	}{
		{"followed", followed(b.GetState().GetLightBlock()), nil},
		{"not followed", decoded(b.GetState().GetLightBlock()), bundle.ErrHeader},
		{"of another block", followed(s.EncodedBlock(4)), nil}, // which is left alone
	} {
		t.Run(tc.name, func(t *testing.T) {
			spoil(tc.trace)
			for name, verify := range map[string]func() (*bundle.Memory, error){
				"bundle": func() (*bundle.Memory, error) {
					_, m, err := bundle.Verify(b, req, s.memory(), s.Now(), bundle.DefaultPolicy(), tc.trace)
					return m, err
				},
				"answer about the log": func() (*bundle.Memory, error) {
					digest := fixture.Digest("two")
					a := &proto.ImageAnswer{
						State: b.State,
						Image: s.Newest().Prove(record.ImageKey(digest)),
					}
					_, m, err := bundle.VerifyVouchers(a, digest, s.memory(), s.Now(), bundle.DefaultPolicy(), tc.trace)
					return m, err
				},
				"light block": func() (*bundle.Memory, error) {
					_, m, err := bundle.VerifyLightBlock(b.GetState().GetLightBlock(), nil, s.memory(), s.Now(), bundle.DefaultPolicy(), tc.trace)
					return m, err
				},
			} {
				m, err := verify()
				if !errors.Is(err, tc.want) || tc.want == nil && m.TrustedHeight() != s.Height() {
					t.Errorf("%s: %v, want %v", name, err, tc.want)
				}
			}
		})
	}
}

// Test that what was verified once is still judged by the memory and the clock of the
// moment.
func TestTraceOfAnotherMoment(t *testing.T) {
	s := newStory(t)
	block := s.EncodedBlock(s.Height())
	trace, err := bundle.DecodeTrace(s.Ledger(), block, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.memory().Follow(trace, s.Now(), bundle.DefaultPolicy()); err != nil {
		t.Fatal(err)
	}
	header := *s.Block(s.Height()).Header
	header.LastResultsHash = bytes.Repeat([]byte{7}, 32)
	_, forked, err := bundle.VerifyLightBlock(bundletest.Encode(t, s.Sign(&header, s.Validators(), s.Validators()...)), nil, s.memory(), s.Now(), bundle.DefaultPolicy())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := bundletest.NewChain(t, s.Consortium)
	elsewhere.SetValidators(strangers(t, 4)...)
	elsewhere.Commit()
	elsewhere.Commit()
	elsewhere.Commit()
	later := *elsewhere.Anchor(3)
	for _, tc := range []struct {
		name string
		m    *bundle.Memory
		now  time.Time
		want error
	}{
		{"the same", s.memory(), s.Now(), nil},
		{"trusting period is over", s.memory(), s.Now().Add(s.Params.TrustingPeriod), bundle.ErrAnchorExpired},
		{"ahead of the clock", s.memory(), s.Block(s.Height()).Time.Add(-time.Minute), bundle.ErrFuture},
		{"another block of its height is known", forked, s.Now(), bundle.ErrFork},
		{"others are trusted", bundle.NewMemory(&later), s.Now(), bundle.ErrNotEnoughTrust},
		{"below what is trusted", bundle.NewMemory(s.laterAnchor(t)), s.Now(), bundle.ErrBelowTrusted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := tc.m.Follow(trace, tc.now, bundle.DefaultPolicy())
			if !errors.Is(err, tc.want) || (m == nil) != (tc.want != nil) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
	other := *s.Anchor(1)
	other.Ledger = "elsewhere"
	if _, err := bundle.NewMemory(&other).Follow(trace, s.Now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrWrongLedger) {
		t.Errorf("of another ledger: error %v", err)
	}
}

// laterAnchor returns an anchor above the newest block that the story had.
func (s *story) laterAnchor(t *testing.T) *bundle.Anchor {
	t.Helper()
	return s.Anchor(s.Commit())
}
