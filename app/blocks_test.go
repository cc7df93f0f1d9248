package app

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	cmtdb "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtstate "github.com/cometbft/cometbft/state"
	cmttypes "github.com/cometbft/cometbft/types"
)

// TestValidatorsAt: what a look-up costs does not grow with the heights since the engine has
// stored the validators.
func TestValidatorsAt(t *testing.T) {
	g := &cmttypes.GenesisDoc{ChainID: "test", InitialHeight: 1}
	for i := range 4 {
		g.Validators = append(g.Validators, cmttypes.GenesisValidator{PubKey: ed25519.GenPrivKeyFromSecret(fmt.Append(nil, i)).PubKey(), Power: 10})
	}
	state, err := cmtstate.MakeGenesisState(g)
	if err != nil {
		t.Fatal(err)
	}
	states := cmtstate.NewStore(cmtdb.NewMemDB(), cmtstate.StoreOptions{})
	const far = 1001 // heights after the first
	for _, height := range []int64{0, far - 1} {
		state.LastBlockHeight = height
		if err := states.Save(state); err != nil {
			t.Fatal(err)
		}
	}
	priorities := func(set *cmttypes.ValidatorSet, err error) []int64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if err := set.ValidateBasic(); err != nil || !bytes.Equal(set.Hash(), state.Validators.Hash()) {
			t.Errorf("other validators: %v", err)
		}
		var out []int64
		for _, v := range set.Validators {
			out = append(out, v.ProposerPriority)
		}
		return out
	}
	stored, slow := priorities(validatorsAt(states, 1)), priorities(states.LoadValidators(1+far))
	if got := priorities(validatorsAt(states, 1+far)); !slices.Equal(got, stored) || slices.Equal(got, slow) {
		t.Errorf("priorities %d, stored are %d, and %d at the height itself", got, stored, slow)
	}
	if _, err := validatorsAt(states, far); err == nil {
		t.Error("validators of a height that is not stored")
	}
	type other struct{ cmtstate.Store }
	if got := priorities(validatorsAt(other{states}, 1+far)); !slices.Equal(got, slow) {
		t.Errorf("priorities %d of another store", got)
	}
}
