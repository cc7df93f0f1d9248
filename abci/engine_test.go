package abci

import (
	"fmt"
	"testing"
	"time"

	"github.com/cometbft/cometbft/light"
	"github.com/cometbft/cometbft/state"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
)

// These tests are about the engine: promises of Hullmark rest on them, and they
// were not always true.

// TestMedianTime: with the power every validator of a genesis has, less than a
// third of them, however wrong their clocks, cannot move block time out of the
// interval of the honest ones, whoever else is missing.
func TestMedianTime(t *testing.T) {
	genesis := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, n := range []int{4, 7} {
		f := (n - 1) / 3
		set := bundletest.ValidatorSet(fixture.NewKeys(t, keys.KeytypeEd25519, fmt.Sprint("median ", n), n))
		for _, v := range set.Validators {
			if v.VotingPower != record.ValidatorPower {
				t.Fatalf("power %d", v.VotingPower)
			}
		}
		for _, lie := range []time.Duration{-time.Hour, time.Hour, 0} {
			// Every way to choose who is faulty (1), missing (2) or honest (0).
			for choice := range pow(3, n) {
				commit := &cmttypes.Commit{Signatures: make([]cmttypes.CommitSig, n)}
				var faulty, present int
				var earliest, latest time.Time
				for i, rest := 0, choice; i < n; i, rest = i+1, rest/3 {
					stamp := genesis.Add(time.Duration(i) * time.Second)
					switch rest % 3 {
					case 2:
						commit.Signatures[i] = cmttypes.NewCommitSigAbsent()
						continue
					case 1:
						faulty++
						stamp = genesis.Add(lie)
					default:
						if earliest.IsZero() {
							earliest = stamp
						}
						latest = stamp
					}
					present++
					commit.Signatures[i] = cmttypes.CommitSig{
						BlockIDFlag: cmttypes.BlockIDFlagCommit, ValidatorAddress: set.Validators[i].Address, Timestamp: stamp,
					}
				}
				if faulty > f || 3*present <= 2*n {
					continue
				}
				got, err := state.MedianTime(commit, set)
				if err != nil {
					t.Fatal(err)
				}
				if got.Before(earliest) || got.After(latest) {
					t.Fatalf("%d validators, %d of %d votes faulty by %v: block time %v, honest clocks from %v to %v",
						n, faulty, present, lie, got, earliest, latest)
				}
			}
		}
	}
}

func pow(base, n int) int {
	out := 1
	for range n {
		out *= base
	}
	return out
}

// TestRelabelledVotes: the address in a vote of a commit is not signed, so it must
// be compared with the validator at that place (CSA-2026-001).
func TestRelabelledVotes(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	n := newNode(t, c)
	n.next()
	n.next()
	trusted, err := n.blocks.LightBlock(1)
	if err != nil {
		t.Fatal(err)
	}
	honest, err := n.blocks.LightBlock(2)
	if err != nil {
		t.Fatal(err)
	}
	set := honest.ValidatorSet
	follow := func(commit *cmttypes.Commit) error {
		return light.Verify(trusted.SignedHeader, trusted.ValidatorSet, &cmttypes.SignedHeader{Header: honest.Header, Commit: commit},
			set, c.Params.TrustingPeriod, n.now(), 10*time.Second, light.DefaultTrustLevel)
	}
	all := func(commit *cmttypes.Commit) error {
		return set.VerifyCommit(c.Ledger(), commit.BlockID, commit.Height, commit)
	}
	enough := func(commit *cmttypes.Commit) error {
		return set.VerifyCommitLight(c.Ledger(), commit.BlockID, commit.Height, commit)
	}
	for _, verify := range []func(*cmttypes.Commit) error{follow, all, enough} {
		if err := verify(honest.Commit.Clone()); err != nil {
			t.Fatalf("the honest commit: %v", err)
		}
	}
	stranger := bundletest.ValidatorSet(fixture.NewKeys(t, keys.KeytypeEd25519, "stranger", 1)).Validators[0].Address
	for at := range 4 {
		for name, address := range map[string][]byte{"another": set.Validators[(at+1)%4].Address, "stranger": stranger} {
			commit := honest.Commit.Clone()
			commit.Signatures[at].ValidatorAddress = address
			if all(commit) == nil {
				t.Errorf("vote %d labelled as of %s passes VerifyCommit", at, name)
			}
			// The others stop at two thirds: three votes of four.
			if at < 3 && (enough(commit) == nil || follow(commit) == nil) {
				t.Errorf("vote %d labelled as of %s passes light verification", at, name)
			}
		}
	}
}
