package abci

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/internal/fixture"
	"hullmark/ledger"
)

// TestValidatorChangesSurvive: which blocks begin a new validator set is written
// with the block that says so. A crash before that finds it again in the replay.
func TestValidatorChangesSurvive(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	finalize := func(set byte) {
		t.Helper()
		h := n.nextHeight()
		if _, err := n.app.FinalizeBlock(context.Background(), &cmtabci.RequestFinalizeBlock{
			Height: int64(h), Time: n.c.BlockTime(h), NextValidatorsHash: bytes.Repeat([]byte{set}, 32),
		}); err != nil {
			t.Fatal(err)
		}
	}
	// The sets that sign the blocks 2, 3, ...
	for height, set := range []byte{1, 1, 2, 2, 3, 1} {
		finalize(set)
		if height%2 == 0 {
			n.restart() // in the middle of a block
			finalize(set)
		}
		n.commit()
		n.restart()
	}
	v := n.ledger.Latest()
	defer v.Close()
	if got := fmt.Sprint(ledger.ValidatorChanges(v)); got != "[4 6 7]" {
		t.Errorf("changes at %s", got)
	}
	if at := ledger.BlockTime(v); !at.Equal(n.c.BlockTime(6)) {
		t.Errorf("block time %s", at)
	}
}
