package bundle_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

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
