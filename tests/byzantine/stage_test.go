package byzantine

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/cometbft/cometbft/consensus"
	"github.com/cometbft/cometbft/p2p"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/client"
	"hullmark/internal/nettest"
)

// stage is a network of three honest validators, 0 to 2, and a faulty one.
type stage struct {
	*nettest.InProcess
	f         *faulty
	pub       *nettest.Publisher
	writer    *client.Client
	published uint64 // versions of the publisher's targets file
	records   uint64 // that the log must have
}

const culprit = 3

var honest = []int{0, 1, 2}

// quick shortens the engine's pauses: what happens here takes rounds, not seconds.
func quick(n *nettest.Network) {
	for _, node := range n.Nodes {
		file := filepath.Join(string(node.Home), "config", "config.toml")
		nettest.Edit(n.T, file, `timeout_propose = "3s"`, `timeout_propose = "1s"`)
		nettest.Edit(n.T, file, fmt.Sprintf(`create_empty_blocks_interval = "%s"`, nettest.Idle), `create_empty_blocks_interval = "100ms"`)
		nettest.Edit(n.T, file, `timeout_prevote = "1s"`, `timeout_prevote = "300ms"`)
		nettest.Edit(n.T, file, `timeout_precommit = "1s"`, `timeout_precommit = "300ms"`)
	}
}

func newStage(t *testing.T, n *nettest.Network) *stage {
	t.Helper()
	quick(n)
	s := &stage{InProcess: nettest.Prepare(t, n)}
	for _, i := range honest {
		s.Restart(i)
	}
	s.f = startFaulty(n, culprit, nil)
	t.Cleanup(s.f.stop)
	s.Begin()
	s.pub = s.Publisher("registry.example.com/byzantine")
	s.writer = s.Client(s.honestURLs()...)
	s.pub.Register(s.writer)
	s.records = 1
	s.goesOn()
	return s
}

func (s *stage) honestURLs() []string {
	var urls []string
	for _, i := range honest {
		urls = append(urls, s.Nodes[i].URL)
	}
	return urls
}

// goesOn publishes, and checks that every honest node proves it, and that nothing
// but what was published here is in the log.
func (s *stage) goesOn() {
	s.T.Helper()
	s.published++
	s.records++
	manifest := fmt.Sprint(s.published)
	height := s.pub.Publish(s.writer, "latest", manifest).Transaction.GetHeight()
	s.Provable(height, honest...)
	for _, i := range honest {
		s.pub.Means(s.Client(s.Nodes[i].URL), "latest", manifest)
		if size := s.Status(i).GetLogSize(); size != s.records {
			s.T.Errorf("node %d has %d records, want %d", i, size, s.records)
		}
	}
}

// tip is the newest height of node 0.
func (s *stage) tip() int64 {
	s.T.Helper()
	return int64(s.Status(0).GetHeight())
}

// block returns the block of a height as a node has it.
func (s *stage) block(i int, height int64) (cmttypes.BlockID, *cmttypes.Block) {
	s.T.Helper()
	r, err := s.RPC(i).Block(s.Context(), &height)
	if err != nil {
		s.T.Fatalf("node %d, block %d: %v", i, height, err)
	}
	return r.BlockID, r.Block
}

// passed waits until node 0 is beyond a height.
func (s *stage) passed(height int64) {
	s.T.Helper()
	s.Until(fmt.Sprintf("height %d is over", height), func() bool { return s.tip() > height })
}

// evidence waits for a block with evidence against the culprit that is not older
// than a height, and checks that it came soon.
func (s *stage) evidence(since int64) {
	s.T.Helper()
	next := since
	found := func() bool {
		for ; next <= s.tip(); next++ {
			_, b := s.block(0, next)
			for _, e := range b.Evidence.Evidence {
				d, ok := e.(*cmttypes.DuplicateVoteEvidence)
				if !ok || d.VoteA.Height < since {
					continue
				}
				if string(d.VoteA.ValidatorAddress) != string(s.f.address()) {
					s.T.Fatalf("evidence against %X", d.VoteA.ValidatorAddress)
				}
				if b.Height > d.VoteA.Height+5 {
					s.T.Errorf("evidence of height %d is in block %d only", d.VoteA.Height, b.Height)
				}
				return true
			}
		}
		return false
	}
	s.Until("evidence is in a block", found)
}

// agree checks every block so far: the honest nodes have the same ones, and the
// time of each lies between the clocks of honest validators.
func (s *stage) agree() {
	s.T.Helper()
	tip := s.tip()
	s.Provable(uint64(tip), honest...)
	for h := int64(1); h <= tip; h++ {
		id, b := s.block(0, h)
		for _, i := range honest[1:] {
			if other, _ := s.block(i, h); !other.Equals(id) {
				s.T.Fatalf("height %d: node %d has block %v, node 0 has %v", h, i, other, id)
			}
		}
		if h > 1 {
			if err := honestTime(b, string(s.f.address())); err != nil {
				s.T.Error(err)
			}
		}
	}
}

// honestTime checks that a block's time lies within the times of the votes of
// honest validators that it carries.
func honestTime(b *cmttypes.Block, culprits ...string) error {
	var earliest, latest time.Time
votes:
	for _, v := range b.LastCommit.Signatures {
		if v.BlockIDFlag != cmttypes.BlockIDFlagCommit {
			continue
		}
		for _, c := range culprits {
			if string(v.ValidatorAddress) == c {
				continue votes
			}
		}
		if earliest.IsZero() || v.Timestamp.Before(earliest) {
			earliest = v.Timestamp
		}
		if v.Timestamp.After(latest) {
			latest = v.Timestamp
		}
	}
	if b.Time.Before(earliest) || b.Time.After(latest) {
		return fmt.Errorf("block %d has time %v, honest clocks said %v to %v", b.Height, b.Time, earliest, latest)
	}
	return nil
}

// turns lets the culprit do something by hand whenever it is its turn to propose,
// instead of what the engine would do. Each is done when all its peers are in the
// round, in a goroutine, since the engine holds its locks while it asks for a
// signature.
type turns struct {
	mu      sync.Mutex
	running sync.WaitGroup
	errs    []error
	heights []int64
}

func (tu *turns) add(height int64, err error) {
	tu.mu.Lock()
	defer tu.mu.Unlock()
	tu.heights = append(tu.heights, height)
	if err != nil {
		tu.errs = append(tu.errs, fmt.Errorf("height %d: %w", height, err))
	}
}

func (tu *turns) list() []int64 {
	tu.mu.Lock()
	defer tu.mu.Unlock()
	return append([]int64(nil), tu.heights...)
}

// ready waits until the peers are in a round, or gives up on them.
func (f *faulty) ready(height int64, round int32) []p2p.Peer {
	for range 50 {
		var there []p2p.Peer
		peers := f.peers()
		for _, peer := range peers {
			ps, ok := peer.Get(cmttypes.PeerStateKey).(*consensus.PeerState)
			if !ok {
				continue
			}
			if prs := ps.GetRoundState(); prs.Height == height && prs.Round == round {
				there = append(there, peer)
			}
		}
		if len(there) == len(peers) {
			return there
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}
