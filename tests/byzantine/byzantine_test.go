package byzantine

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/internal/nettest"
	"hullmark/internal/testnet"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// TestFaultyValidator is the life of a network with one faulty validator of four.
func TestFaultyValidator(t *testing.T) {
	params := record.DefaultParams()
	params.MaxBlockWork = 12_000 // so that one block can hold too much
	n := nettest.New(t, "byzantine", 4, func(o *testnet.Options) { o.Params = &params })
	s := newStage(t, n)
	for _, step := range []struct {
		name string
		run  func(t *testing.T, s *stage)
	}{
		{"invalid transactions in a proposal", invalidTransactions},
		{"invalid blocks", invalidBlocks},
		{"withheld parts", withheldParts},
		{"two proposals", twoProposals},
		{"two votes", twoVotes},
		{"silence", silence},
		{"nil votes", nilVotes},
		{"wrong clocks", wrongClocks},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			before := s.T
			s.T = t
			defer func() { s.T = before }()
			defer s.f.behave()
			step.run(t, s)
			s.f.behave()
			s.goesOn()
		}) {
			break // the steps build on each other
		}
	}
	s.agree()
	for _, i := range honest {
		s.Stop(i)
	}
	s.f.stop()
	s.CheckStopped()
}

// badBlock is a list of transactions no block may hold.
type badBlock struct {
	name string
	code record.Code
	txs  [][]byte
}

// badBlocks are such lists on top of the stage's present state.
func (s *stage) badBlocks(t *testing.T) []badBlock {
	t.Helper()
	next := s.published + 1
	tags := map[string]string{"latest": "evil"}
	good := s.pub.Transaction(next, tags)
	forgedNext := s.pub.Transaction(next+1, tags)
	forgedNext[len(forgedNext)-1] ^= 1
	forgedEnvelope := bytes.Clone(good)
	forgedEnvelope[len(forgedEnvelope)-1] ^= 1
	thief := *s.pub
	thief.Tags = fixture.NewKey(t, keys.KeytypeEd25519, "thief")
	carry := func(file *tuf.Targets) []byte {
		tx, err := change.NewPublication(s.Ledger, s.Operators[1].ID, s.Operator(1), change.Update{Roles: []*tuf.Targets{file}})
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	forgedFile, err := tuf.NewTargets(tuf.TargetsSpec{Version: next, Expires: s.pub.Expires(), Binding: s.pub.Binding(tuf.RoleTargets)})
	if err == nil {
		forgedFile, err = forgedFile.AddSignatures(tuf.Signature{KeyID: s.pub.Tags.ID(), Sig: make([]byte, 64)})
	}
	if err != nil {
		t.Fatal(err)
	}
	registration, err := change.NewRegistration(s.Ledger, s.Publisher("registry-2.example.com/mine").RootFile(1), s.Operators[1].ID, s.Operator(1))
	if err != nil {
		t.Fatal(err)
	}
	manyTags := make(map[string]string)
	for i := range 900 {
		manyTags[fmt.Sprintf("v%d", i)] = fmt.Sprint(i)
	}
	var work [][]byte // of more than a block, each piece fitting
	for v := range uint64(8) {
		work = append(work, s.pub.Transaction(next+v, manyTags))
	}
	_, committed := s.block(0, s.tip())
	for h := s.tip() - 1; len(committed.Txs) == 0; h-- {
		_, committed = s.block(0, h)
	}
	return []badBlock{
		{"noise", record.CodeMalformed, [][]byte{[]byte("noise")}},
		{"envelope cut short", record.CodeMalformed, [][]byte{good[:len(good)-1]}},
		{"too large", record.CodeTooLarge, [][]byte{append(bytes.Clone(good), make([]byte, record.MaxTransactionSize)...)}},
		{"forged envelope", record.CodeSubmitterSignature, [][]byte{forgedEnvelope}},
		{"forged targets", record.CodeBadSignature, [][]byte{carry(forgedFile)}},
		{"targets of a stranger", record.CodeUnknownKey, [][]byte{carry(thief.TargetsFile(next, tags))}},
		{"submitted by a stranger", record.CodeUnknownSubmitter, [][]byte{thief.Transaction(next, tags)}},
		{"version that is there", record.CodeStaleScope, [][]byte{s.pub.Transaction(s.published, tags)}},
		{"version left out", record.CodeFutureScope, [][]byte{s.pub.Transaction(next+1, tags)}},
		{"transaction of an earlier block", record.CodeStaleScope, [][]byte{committed.Txs[0]}},
		{"transaction twice", record.CodeStaleScope, [][]byte{good, good}},
		{"two contents of one version", record.CodeStaleScope, [][]byte{good, s.pub.Transaction(next, nil)}},
		{"name of another operator", record.CodeNotOwner, [][]byte{registration}},
		{"more work than a block has", record.CodeWork, work},
		{"good one with a forged one behind it", record.CodeSubmitterSignature, [][]byte{good, forgedNext}},
	}
}

// invalidTransactions proposes blocks whose transactions break a rule. Honest
// nodes refuse each block for that rule.
func invalidTransactions(t *testing.T, s *stage) {
	for _, tc := range s.badBlocks(t) {
		t.Run(tc.name, func(t *testing.T) {
			var mu sync.Mutex
			var heights []int64
			s.f.app.set(func(height int64, _ [][]byte) [][]byte {
				mu.Lock()
				defer mu.Unlock()
				heights = append(heights, height)
				return tc.txs
			})
			proposed := func() []int64 {
				mu.Lock()
				defer mu.Unlock()
				return slices.Clone(heights)
			}
			for _, i := range honest {
				s.Until(fmt.Sprintf("node %d refuses the block", i), func() bool {
					return slices.ContainsFunc(proposed(), func(h int64) bool {
						return s.Logs.Count(i, "rejecting proposal", fmt.Sprintf("height=%d ", h), fmt.Sprintf("code=%d ", tc.code)) > 0
					})
				})
			}
			s.f.app.set(nil)
			for _, h := range proposed() {
				s.passed(h)
				if _, b := s.block(0, h); len(b.Txs) > 0 {
					t.Errorf("block %d holds %d transactions", h, len(b.Txs))
				}
			}
		})
	}
}

// byHand replaces what the culprit does in its turns until a condition holds, and
// returns the heights of those turns, all of which are over.
func (s *stage) byHand(what string, act func(height int64, round int32) error, condition func() bool) []int64 {
	s.T.Helper()
	tu := new(turns)
	s.f.signer.set(nil, func(p *cmtproto.Proposal) error {
		height, round := p.Height, p.Round
		tu.running.Add(1)
		go func() {
			defer tu.running.Done()
			tu.add(height, act(height, round))
		}()
		return errSilent
	})
	s.Until(what, condition)
	s.f.behave()
	tu.running.Wait()
	heights := tu.list()
	if len(heights) == 0 || len(tu.errs) == len(heights) {
		s.T.Fatalf("it never had its turn: %v", tu.errs)
	}
	s.passed(slices.Max(heights))
	return heights
}

// invalidBlocks proposes blocks whose headers or commits are wrong.
func invalidBlocks(t *testing.T, s *stage) {
	evil := sha256.Sum256([]byte("evil"))
	for _, tc := range []struct {
		name   string
		change func(*cmttypes.Block)
	}{
		{"app hash", func(b *cmttypes.Block) { b.AppHash = evil[:] }},
		{"results", func(b *cmttypes.Block) { b.LastResultsHash = evil[:] }},
		{"validators", func(b *cmttypes.Block) { b.NextValidatorsHash = evil[:] }},
		{"time an hour ahead", func(b *cmttypes.Block) { b.Time = b.Time.Add(time.Hour) }},
		{"time an hour behind", func(b *cmttypes.Block) { b.Time = b.Time.Add(-time.Hour) }},
		{"time a little behind", func(b *cmttypes.Block) { b.Time = b.Time.Add(-time.Millisecond) }},
		{"commit with a vote relabelled", func(b *cmttypes.Block) {
			// The defect of CSA-2026-001: the address of a vote is not signed.
			signatures := b.LastCommit.Signatures
			i := slices.IndexFunc(signatures, func(v cmttypes.CommitSig) bool { return v.BlockIDFlag == cmttypes.BlockIDFlagCommit })
			signatures[i].ValidatorAddress = signatures[(i+1)%len(signatures)].ValidatorAddress
		}},
		{"commit with a time moved", func(b *cmttypes.Block) {
			for i := range b.LastCommit.Signatures {
				b.LastCommit.Signatures[i].Timestamp = b.LastCommit.Signatures[i].Timestamp.Add(time.Hour)
			}
			b.Time = b.Time.Add(time.Hour)
		}},
		{"commit of too few", func(b *cmttypes.Block) {
			for i := range b.LastCommit.Signatures[:2] {
				b.LastCommit.Signatures[i] = cmttypes.NewCommitSigAbsent()
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const verdict = "consensus deems this block invalid"
			before := make(map[int]int)
			for _, i := range honest {
				before[i] = s.Logs.Count(i, verdict)
			}
			var mu sync.Mutex
			hashes := make(map[string]bool)
			heights := s.byHand("every honest node has found the block invalid", func(height int64, round int32) error {
				g, err := s.f.forge(height, round, nil, func(b *cmttypes.Block) {
					// A commit remembers its hash: change a copy that knows none.
					c := b.LastCommit
					b.LastCommit = &cmttypes.Commit{Height: c.Height, Round: c.Round, BlockID: c.BlockID, Signatures: slices.Clone(c.Signatures)}
					tc.change(b)
					b.LastCommitHash = b.LastCommit.Hash()
				})
				if err != nil {
					return err
				}
				mu.Lock()
				hashes[string(g.block.Hash())] = true
				mu.Unlock()
				to := s.f.ready(height, round)
				s.f.sayProposal(to, g)
				return s.f.sayParts(to, g, int(g.parts.Total()))
			}, func() bool {
				return !slices.ContainsFunc(honest, func(i int) bool { return s.Logs.Count(i, verdict) == before[i] })
			})
			for _, h := range heights {
				if id, _ := s.block(0, h); hashes[string(id.Hash)] {
					t.Errorf("the block is in the chain at height %d", h)
				}
			}
		})
	}
}

// withheldParts announces blocks and does not deliver them, or not wholly.
func withheldParts(t *testing.T, s *stage) {
	// More than two parts; nobody gets far enough to see what it is.
	large := []cmttypes.Tx{bytes.Repeat([]byte("x"), 2*int(cmttypes.BlockPartSizeBytes))}
	for _, tc := range []struct {
		name     string
		withheld int
	}{{"all", 3}, {"the last", 1}} {
		t.Run(tc.name, func(t *testing.T) {
			said := 0
			var mu sync.Mutex
			heights := s.byHand("it has withheld parts twice", func(height int64, round int32) error {
				g, err := s.f.forge(height, round, large, nil)
				if err != nil {
					return err
				}
				to := s.f.ready(height, round)
				s.f.sayProposal(to, g)
				mu.Lock()
				said++
				mu.Unlock()
				return s.f.sayParts(to, g, int(g.parts.Total())-tc.withheld)
			}, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return said >= 2
			})
			for _, h := range heights {
				if _, b := s.block(0, h); len(b.Txs) > 0 {
					t.Errorf("block %d holds %d transactions", h, len(b.Txs))
				}
			}
		})
	}
}

// twoProposals announces different valid blocks to different nodes in one round,
// and votes for both. At most one of them gets into the chain, the same one for
// all, and the votes are evidence.
func twoProposals(t *testing.T, s *stage) {
	since := s.tip()
	good := s.pub.Transaction(s.published+1, map[string]string{"latest": "two proposals"})
	s.byHand("it has proposed two blocks twice", func(height int64, round int32) error {
		a, err := s.f.forge(height, round, nil, nil)
		if err != nil {
			return err
		}
		b, err := s.f.forge(height, round, []cmttypes.Tx{good}, nil)
		if err != nil {
			return err
		}
		to := s.f.ready(height, round)
		if len(to) == 0 {
			return fmt.Errorf("its peers are not in the round")
		}
		for i, g := range []*forged{a, b} {
			part := to[:1]
			if i == 1 {
				part = to[1:]
			}
			s.f.sayProposal(part, g)
			if err := s.f.sayParts(part, g, int(g.parts.Total())); err != nil {
				return err
			}
		}
		for _, kind := range []cmtproto.SignedMsgType{cmtproto.PrevoteType, cmtproto.PrecommitType} {
			for _, g := range []*forged{a, b} {
				v, err := g.vote(s.f, kind)
				if err == nil {
					err = s.f.sayVote(v)
				}
				if err != nil {
					return err
				}
			}
		}
		return nil
	}, func() bool {
		count := 0
		for h := since; h <= s.tip(); h++ {
			_, b := s.block(0, h)
			count += len(b.Evidence.Evidence)
		}
		return count >= 1
	})
	s.evidence(since)
	// Whichever block won; the publish was a valid one.
	if s.Status(0).GetLogSize() > s.records {
		s.published++
		s.records++
	}
}

// twoVotes votes twice in a step: for the block and for nothing.
func twoVotes(t *testing.T, s *stage) {
	for _, kind := range []cmtproto.SignedMsgType{cmtproto.PrevoteType, cmtproto.PrecommitType} {
		t.Run(kind.String(), func(*testing.T) {
			since := s.tip() + 1
			s.f.signer.set(func(v *cmtproto.Vote) error {
				if v.Type != kind || len(v.BlockID.Hash) == 0 || v.Height < since {
					return nil
				}
				other := *v
				other.BlockID = cmtproto.BlockID{}
				return s.f.sayVote(other)
			}, nil)
			s.evidence(since)
			s.f.behave()
		})
	}
}

// silence signs nothing for two rounds of turns.
func silence(_ *testing.T, s *stage) {
	s.f.signer.set(func(*cmtproto.Vote) error { return errSilent }, func(*cmtproto.Proposal) error { return errSilent })
	from := s.tip()
	s.passed(from + 8)
	for h := from + 2; h <= from+8; h++ {
		_, b := s.block(0, h)
		for _, v := range b.LastCommit.Signatures {
			if v.BlockIDFlag == cmttypes.BlockIDFlagCommit && bytes.Equal(v.ValidatorAddress, s.f.address()) && h > from+3 {
				s.T.Errorf("block %d carries a vote it did not give", h)
			}
		}
	}
}

// nilVotes votes for nothing, always.
func nilVotes(_ *testing.T, s *stage) {
	s.f.signer.set(func(v *cmtproto.Vote) error {
		v.BlockID = cmtproto.BlockID{}
		if err := s.f.sayVote(*v); err != nil {
			return err
		}
		return errSilent
	}, nil)
	from := s.tip()
	s.Until("its votes for nothing are in blocks", func() bool {
		count := 0
		for h := from + 1; h <= s.tip(); h++ {
			_, b := s.block(0, h)
			for i, v := range b.LastCommit.Signatures {
				if v.BlockIDFlag == cmttypes.BlockIDFlagNil && s.validator(i) == string(s.f.address()) {
					count++
				}
			}
		}
		return count >= 3
	})
}

// validator is the address of a validator by its place in a commit.
func (s *stage) validator(i int) string {
	return string(s.f.GetState().Validators.Validators[i].Address)
}

// wrongClocks stamps its votes an hour off. They count, and move no block's time
// out of the honest clocks.
func wrongClocks(t *testing.T, s *stage) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			from := s.tip()
			s.f.signer.set(func(v *cmtproto.Vote) error {
				v.Timestamp = v.Timestamp.Add(off)
				return nil
			}, nil)
			s.Until("its votes are in blocks", func() bool {
				count := 0
				for h := from + 1; h <= s.tip(); h++ {
					_, b := s.block(0, h)
					if err := honestTime(b, string(s.f.address())); err != nil {
						t.Error(err)
					}
					for _, v := range b.LastCommit.Signatures {
						distance := v.Timestamp.Sub(b.Time)
						if bytes.Equal(v.ValidatorAddress, s.f.address()) && v.BlockIDFlag == cmttypes.BlockIDFlagCommit && distance.Abs() > off.Abs()/2 {
							count++
						}
					}
				}
				return count >= 4
			})
		})
	}
}
