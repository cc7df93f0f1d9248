package testnet

import (
	"testing"
	"time"

	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
)

// TestPreparedClientKeepsItsAnchor: what the client verified before the network was
// restarted rests on it.
func TestPreparedClientKeepsItsAnchor(t *testing.T) {
	for name, tt := range map[string]struct {
		period time.Duration
		want   int64
	}{
		"still good": {100 * 365 * 24 * time.Hour, 1},
		"expired":    {time.Second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			c := fixture.NewConsortium(t, 4)
			c.Time = time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
			c.Params.TrustingPeriod = tt.period
			chain := bundletest.NewChain(t, c)
			for range 4 {
				chain.Commit()
			}
			n, dir := &Network{Nodes: []Node{{URL: "http://127.0.0.1:1"}}}, t.TempDir()
			for _, height := range []uint64{1, 3} {
				if err := n.PrepareClient(t.Context(), dir, chain.Anchor(height)); err != nil {
					t.Fatal(err)
				}
			}
			home, err := client.OpenHome(dir)
			if err != nil {
				t.Fatal(err)
			}
			if a, err := home.Anchor(); err != nil || a.Block.Height != tt.want {
				t.Errorf("anchor %v, error %v", a, err)
			}
		})
	}
}
