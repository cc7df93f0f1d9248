package app

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cometbft/cometbft/p2p"
)

// firstLook is after how long a node looks for peers that have not dialled it. A node
// that joined later, such as one that only answers look-ups, is in nobody's list: of
// the peers with smaller ids none ever dials it.
const firstLook = 3 * time.Second

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

// switcher is what keepPeers needs of the engine's p2p.Switcher.
type switcher interface {
	Peers() p2p.IPeerSet
	DialPeersAsync(peers []string) error
}

// keepPeers dials peers that stay away, until ctx is done. The engine itself waits
// for its turn to be dialled, and gives up on a peer that is away for long. First are
// the peers that the engine dials at the start.
func keepPeers(ctx context.Context, sw switcher, peers, first []string) {
	missing := make(map[string]bool)
	for _, peer := range peers {
		// Whoever should dial this node has had the time to.
		missing[peer] = !slices.Contains(first, peer)
	}
	for interval := firstLook; ; interval = redialInterval {
		// Two nodes that look at the same moment would dial at the same moment.
		pause := interval + rand.N(interval/2)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		for _, peer := range peers {
			id, _, _ := strings.Cut(peer, "@")
			if sw.Peers().Has(p2p.ID(id)) {
				missing[peer] = false
				continue
			}
			if missing[peer] {
				// What goes wrong is in the engine's log, and there is a next time.
				_ = sw.DialPeersAsync([]string{peer})
			}
			missing[peer] = true
		}
	}
}

// peerIDs returns the ids of the peers this node is connected with.
func (n *Node) peerIDs() []string {
	var ids []string
	for _, p := range n.engine.Switch().Peers().Copy() {
		ids = append(ids, string(p.ID()))
	}
	return ids
}

// validatorPeers returns how many of the other founding operators' nodes this one is
// connected with.
func (n *Node) validatorPeers() int {
	count := 0
	for _, o := range n.genesis.Operators {
		if o.NodeID != "" && n.engine.Switch().Peers().Has(p2p.ID(o.NodeID)) {
			count++
		}
	}
	return count
}
