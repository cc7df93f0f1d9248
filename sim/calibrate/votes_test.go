package calibrate

import (
	"fmt"
	"testing"
	"time"

	cmtconsensus "github.com/cometbft/cometbft/proto/tendermint/consensus"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/internal/workload"
)

// votes is what voting takes.
type votes struct {
	sign, verify Spread
	// commit is the verification of a block's commit, by validators.
	commit map[int]Spread
	// size is that of a vote on the wire, commitVote what a validator adds to a
	// block.
	size, commitVote int
}

// measureVotes signs and verifies what validators sign.
func measureVotes(tb testing.TB) (*votes, error) {
	private := cmttypes.NewMockPV()
	public, err := private.GetPubKey()
	if err != nil {
		return nil, fmt.Errorf("couldn't make validator: %w", err)
	}
	const chainID = "calibrate-0123456789abcdef"
	hash := make([]byte, 32)
	v := &cmttypes.Vote{
		Type: cmtproto.PrecommitType, Height: 1 << 20, Timestamp: time.Unix(1_700_000_000, 123_456_789).UTC(),
		BlockID:          cmttypes.BlockID{Hash: hash, PartSetHeader: cmttypes.PartSetHeader{Total: 1, Hash: hash}},
		ValidatorAddress: public.Address(), ValidatorIndex: 3,
	}
	out := &votes{commit: make(map[int]Spread)}
	pb := v.ToProto()
	const n = 500
	if out.sign, err = cpuOf(n, times(n, func() error { return private.SignVote(chainID, pb) })); err != nil {
		return nil, err
	}
	v.Signature = pb.Signature
	if out.verify, err = cpuOf(n, times(n, func() error { return v.Verify(chainID, public) })); err != nil {
		return nil, err
	}
	message := cmtconsensus.Message{Sum: &cmtconsensus.Message_Vote{Vote: &cmtconsensus.Vote{Vote: pb}}}
	out.size = message.Size()
	c := fixture.NewConsortium(tb, 4)
	chain := bundletest.NewChain(tb, c)
	chain.Commit()
	var sizes []int
	for _, count := range []int{4, 100} {
		keys := workload.ValidatorKeys(tb, count)
		block := chain.Sign(chain.Block(1).Header, keys, keys...)
		each := 2000 / count
		if out.commit[count], err = cpuOf(each, times(each, func() error {
			return block.ValidatorSet.VerifyCommit(block.ChainID, block.Commit.BlockID, block.Height, block.Commit)
		})); err != nil {
			return nil, err
		}
		sizes = append(sizes, block.Commit.ToProto().Size())
	}
	out.commitVote = (sizes[1] - sizes[0]) / 96
	return out, nil
}
