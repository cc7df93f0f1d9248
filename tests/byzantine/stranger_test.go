package byzantine

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cometbft/cometbft/blocksync"
	"github.com/cometbft/cometbft/consensus"
	bcproto "github.com/cometbft/cometbft/proto/tendermint/blocksync"
	cmtcons "github.com/cometbft/cometbft/proto/tendermint/consensus"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	cmtbits "github.com/cometbft/cometbft/proto/tendermint/libs/bits"
	ssproto "github.com/cometbft/cometbft/proto/tendermint/statesync"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/statesync"

	"hullmark/internal/nettest"
)

// TestStranger: a peer that is no validator connects to every node and says what
// no peer may say. Each thing is said until its nodes have heard it several times;
// the network goes on publishing beside it and loses no validator.
func TestStranger(t *testing.T) {
	n := nettest.New(t, "stranger", 4)
	quick(n)
	p := nettest.RunInProcess(t, n)
	// A network makes blocks before everybody is connected with everybody.
	connected := func() {
		for i := range n.Nodes {
			p.Until(fmt.Sprintf("node %d has its peers and no others", i), func() bool { return p.Status(i).GetPeers() == 3 })
		}
	}
	connected()
	pub := p.Publisher("registry.example.com/stranger")
	c := p.Client(p.URLs()...)
	pub.Register(c)
	random := rand.New(rand.NewPCG(1, 2)) // seeded: what fails once fails again
	noise := func(size int) []byte {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	id := cmtproto.BlockID{Hash: bytes.Repeat([]byte{1}, 32), PartSetHeader: cmtproto.PartSetHeader{Total: 3, Hash: bytes.Repeat([]byte{2}, 32)}}
	height := func() int64 { return int64(p.Status(0).GetHeight()) + 1 }
	part := func(index, proofIndex uint32) nettest.Message {
		return &cmtcons.BlockPart{Height: height(), Part: cmtproto.Part{
			Index: index, Bytes: []byte("part"),
			Proof: cmtcrypto.Proof{Total: 3, Index: int64(proofIndex), LeafHash: bytes.Repeat([]byte{3}, 32)},
		}}
	}
	for _, tc := range []struct {
		name string
		say  func(s *nettest.Stranger) int
	}{
		{"noise on every channel", func(s *nettest.Stranger) (sent int) {
			for _, channel := range nettest.Channels {
				sent += s.Send(channel, noise(1+random.IntN(2000)))
			}
			return sent
		}},
		{"nothing on every channel", func(s *nettest.Stranger) (sent int) {
			for _, channel := range nettest.Channels {
				sent += s.Send(channel, nil)
			}
			return sent
		}},
		{"messages beyond their bound", func(s *nettest.Stranger) int { return s.Send(consensus.StateChannel, noise(2<<20)) }},
		{"a part with two places", func(s *nettest.Stranger) int { return s.SendMessage(consensus.DataChannel, part(1, 2)) }},
		{"a part beyond the end", func(s *nettest.Stranger) int {
			return s.SendMessage(consensus.DataChannel, part(math.MaxUint32, math.MaxUint32))
		}},
		{"bit arrays without bits", func(s *nettest.Stranger) int {
			return s.SendMessage(consensus.VoteSetBitsChannel, &cmtcons.VoteSetBits{
				Height: height(), Type: cmtproto.PrevoteType, BlockID: id, Votes: cmtbits.BitArray{Bits: math.MaxInt32},
			})
		}},
		{"a proposal of nobody", func(s *nettest.Stranger) int {
			return s.SendMessage(consensus.DataChannel, &cmtcons.Proposal{Proposal: cmtproto.Proposal{
				Type: cmtproto.ProposalType, Height: height(), PolRound: -1, BlockID: id, Timestamp: time.Unix(1, 0), Signature: noise(64),
			}})
		}},
		{"votes of nobody", func(s *nettest.Stranger) (sent int) {
			for index := range int32(5) {
				sent += s.SendMessage(consensus.VoteChannel, &cmtcons.Vote{Vote: &cmtproto.Vote{
					Type: cmtproto.PrecommitType, Height: height(), BlockID: id, Timestamp: time.Unix(1, 0),
					ValidatorAddress: noise(20), ValidatorIndex: index, Signature: noise(64),
				}})
			}
			return sent
		}},
		{"a round of the far future", func(s *nettest.Stranger) int {
			return s.SendMessage(consensus.StateChannel, &cmtcons.NewRoundStep{Height: height(), Round: math.MaxInt32, Step: 1, LastCommitRound: 0})
		}},
		{"claims to have votes", func(s *nettest.Stranger) int {
			return s.SendMessage(consensus.StateChannel, &cmtcons.HasVote{Height: height(), Type: cmtproto.PrevoteType, Index: math.MaxInt32})
		}},
		{"a chain that is much longer", func(s *nettest.Stranger) int {
			return s.SendMessage(blocksync.BlocksyncChannel, &bcproto.StatusResponse{Height: math.MaxInt64 - 1, Base: 1})
		}},
		{"a chain that begins after its end", func(s *nettest.Stranger) int {
			return s.SendMessage(blocksync.BlocksyncChannel, &bcproto.StatusResponse{Height: 1, Base: math.MaxInt64})
		}},
		{"an empty block nobody asked for", func(s *nettest.Stranger) int {
			return s.SendMessage(blocksync.BlocksyncChannel, &bcproto.BlockResponse{Block: &cmtproto.Block{}})
		}},
		{"questions for blocks that are not there", func(s *nettest.Stranger) int {
			return s.SendMessage(blocksync.BlocksyncChannel, &bcproto.BlockRequest{Height: math.MaxInt64})
		}},
		{"snapshots of another chain", func(s *nettest.Stranger) int {
			return s.SendMessage(statesync.SnapshotChannel, &ssproto.SnapshotsResponse{Height: 1 << 40, Format: 9, Chunks: 1 << 30, Hash: noise(32), Metadata: noise(100)})
		}},
		{"questions for chunks", func(s *nettest.Stranger) int {
			return s.SendMessage(statesync.ChunkChannel, &ssproto.ChunkRequest{Height: math.MaxUint64, Format: math.MaxUint32, Index: math.MaxUint32})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			heard := 0
			for round := range 3 {
				// A new one each time: they are thrown out for what they say.
				s := nettest.NewStranger(n)
				for i := range n.Nodes {
					if err := s.Dial(i); err != nil {
						t.Fatalf("round %d: %v", round, err)
					}
				}
				heard += tc.say(s)
				s.Close()
			}
			if heard < 3*len(n.Nodes) {
				t.Errorf("nodes were told %d times only", heard)
			}
		})
	}
	last := pub.Publish(c, "latest", "after it all").Transaction.GetHeight()
	for i := range n.Nodes {
		p.Provable(last, i)
		p.Until(fmt.Sprintf("node %d is ready", i), func() bool { return p.Ready(i) })
		pub.Means(p.Client(p.Nodes[i].URL), "latest", "after it all")
		if size := p.Status(i).GetLogSize(); size != 2 {
			t.Errorf("node %d has %d records", i, size)
		}
	}
	connected()
	p.StopAll()
}
