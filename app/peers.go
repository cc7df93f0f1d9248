package app

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cometbft/cometbft/p2p"
)

// redialInterval is how often a node looks for peers it has lost. A peer that is
// missing twice in a row is dialled by both sides, whoever comes first.
const redialInterval = 10 * time.Second

// firstDialler decides which of two peers connects to the other and reconnects at
// once when the connection breaks: the one whose id is smaller. When both do, each
// may keep the connection the other has refused, and they go on breaking them for
// minutes.
func firstDialler(self, other string) bool { return self < other }

// splitPeers reads persistent_peers and returns all of them, and those to which
// this node connects first.
func splitPeers(list, self string) (all, first []string) {
	for peer := range strings.SplitSeq(list, ",") {
		peer = strings.TrimSpace(peer)
		if peer == "" {
			continue
		}
		all = append(all, peer)
		if id, _, ok := strings.Cut(peer, "@"); !ok || firstDialler(self, id) {
			first = append(first, peer)
		}
	}
	return all, first
}

// keepPeers dials peers that stay away, until ctx is done. The engine itself waits
// for its turn to be dialled, and gives up on a peer that is away for long.
func keepPeers(ctx context.Context, sw p2p.Switcher, peers []string) {
	missing := make(map[string]bool)
	for {
		// Two nodes that look at the same moment would dial at the same moment.
		pause := redialInterval + rand.N(redialInterval/2)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		for _, peer := range peers {
			id, _, _ := strings.Cut(peer, "@")
			if sw.Peers().Has(p2p.ID(id)) {
				missing[id] = false
				continue
			}
			if missing[id] {
				// What goes wrong is in the engine's log, and there is a next time.
				_ = sw.DialPeersAsync([]string{peer})
			}
			missing[id] = true
		}
	}
}
