package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cmtcrypto "github.com/cometbft/cometbft/crypto"
	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/crypto/secp256k1"
	cmtmath "github.com/cometbft/cometbft/libs/math"
	"github.com/cometbft/cometbft/light"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/merkle"
)

// lightCase is what light.Verify takes: a light block, and the trusted one it is to be
// verified from.
type lightCase struct {
	trusted, block *types.LightBlock
	period, drift  time.Duration
	now            time.Time
}

// errPanic is the verdict of a verification that panics.
var errPanic = errors.New("panic")

// byBundle is what clients do.
func (c *lightCase) byBundle() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	if err := bundle.CheckLightBlock(lightLedger, c.block); err != nil {
		return err
	}
	if err := bundle.CheckTrusted(c.trusted, c.block, c.period, c.now); err != nil {
		return err
	}
	if err := bundle.VerifyFrom(c.trusted, c.block); err != nil {
		return err
	}
	return bundle.CheckDrift(c.block, c.now, c.drift)
}

// errBounds are those that clients have and CometBFT has not.
var errBounds = errors.New("beyond the bounds of docs/spec.md")

// byCometBFT is light.Verify, behind the bounds without which it panics or takes what
// no ledger of ours has.
func (c *lightCase) byCometBFT() error {
	b := c.block
	if b.SignedHeader == nil || b.Header == nil || b.Commit == nil || b.ValidatorSet == nil {
		return errBounds
	}
	if n := len(b.ValidatorSet.Validators); n < 1 || n > 200 || n != len(b.Commit.Signatures) {
		return errBounds
	}
	var sum uint64
	for _, v := range b.ValidatorSet.Validators {
		if v == nil || v.PubKey == nil || v.PubKey.Type() != "ed25519" || v.VotingPower < 0 || v.VotingPower > math.MaxInt64/8 {
			return errBounds
		}
		sum += uint64(v.VotingPower)
	}
	if p := b.ValidatorSet.Proposer; sum > math.MaxInt64/8 || p == nil || p.PubKey == nil || p.PubKey.Type() != "ed25519" {
		return errBounds
	}
	if b.Time.Unix() < 0 || !b.Time.Before(time.Unix(0, math.MaxInt64)) || len(b.AppHash) != merkle.HashSize || b.ChainID != lightLedger {
		return errBounds
	}
	if n := len(b.Commit.BlockID.PartSetHeader.Hash); n != 0 && n != 32 {
		return errBounds
	}
	if err := b.ValidateBasic(lightLedger); err != nil {
		return err
	}
	return light.Verify(c.trusted.SignedHeader, c.trusted.ValidatorSet, b.SignedHeader, b.ValidatorSet,
		c.period, c.now, c.drift, cmtmath.Fraction{Numerator: 2, Denominator: 3})
}

// compare runs both and returns the outcome, or an error when they disagree.
func (c *lightCase) compare() (string, error) {
	ours, theirs := c.byBundle(), c.byCometBFT()
	outcome := refused
	var few light.ErrNewValSetCantBeTrusted
	switch {
	case theirs == nil:
		outcome = followed
	case errors.As(theirs, &few):
		outcome = tooFew
	}
	agree := (ours == nil) == (theirs == nil) && !errors.Is(ours, errPanic)
	// How far ahead of the clock it is they judge first, and clients last.
	if agree && c.block.SignedHeader != nil && c.block.Header != nil && c.block.Time.Before(c.now.Add(c.drift)) {
		agree = errors.Is(ours, bundle.ErrNotEnoughTrust) == (outcome == tooFew)
	}
	if !agree {
		return outcome, fmt.Errorf("bundle says %w, CometBFT %w", ours, theirs)
	}
	return outcome, nil
}

// lightPool is what cases are made of. Its blocks are signed once; cases change copies.
type lightPool struct {
	trusted []*types.LightBlock
	blocks  []*types.LightBlock
	large   *types.LightBlock // of as many validators as there may be
}

func newLightPool(t testing.TB) *lightPool {
	sets := [][]*fixture.Key{
		four(t), four(t), four(t)[:3], five(t), append(four(t)[:3], strangers(t, 1)...), append(four(t)[:2], strangers(t, 2)...), strangers(t, 4), four(t)[:1],
	}
	p := new(lightPool)
	for _, set := range sets {
		p.trusted = append(p.trusted, newDraft(t, 7, set, set).decoded(t))
		for _, height := range []int64{8, 9, 20} {
			p.blocks = append(p.blocks, newDraft(t, height, set, set).decoded(t))
		}
	}
	for _, change := range []func(d *draft){
		func(d *draft) { d.commit().Round = 3; d.seal(t) },
		func(d *draft) { d.commit().BlockID.PartSetHeader = cmtproto.PartSetHeader{}; d.seal(t) },
		func(d *draft) { d.cofactored(t, 0) },
		func(d *draft) { d.cofactored(t, 3) },
		func(d *draft) { d.signature(1).BlockIdFlag = cmtproto.BlockIDFlagNil },
		func(d *draft) { d.power(t, 0, 0, 0, 0) },
		func(d *draft) { d.power(t, 1, 2, 3, 4) },
		func(d *draft) { d.power(t, 20, 10, 10, 0) },
		func(d *draft) { d.power(t, 1, 1, 1, math.MaxInt64/8-3) },
		func(d *draft) { d.strange(t, 1, torsion) },
	} {
		for _, height := range []int64{8, 20} {
			d := newDraft(t, height, four(t), four(t))
			change(d)
			p.blocks = append(p.blocks, d.decoded(t))
		}
	}
	many := fixture.NewKeys(t, keys.KeytypeEd25519, "one of many", bundle.MaxValidators)
	p.large = newDraft(t, 8, many, many).decoded(t)
	return p
}

// power gives the validators other powers.
func (d *draft) power(t testing.TB, powers ...int64) {
	t.Helper()
	for i, p := range powers {
		d.ValidatorSet.Validators[i].VotingPower = p
	}
	d.seal(t)
}

// decoded returns the light block as CometBFT reads it.
func (d *draft) decoded(t testing.TB) *types.LightBlock {
	t.Helper()
	lb, err := types.LightBlockFromProto(d.LightBlock)
	if err != nil {
		t.Fatal(err)
	}
	return lb
}

// copyBlock returns a copy of which headers, commits, signatures, sets and validators may
// be changed, and byte strings replaced.
func copyBlock(lb *types.LightBlock) *types.LightBlock {
	header := *lb.Header
	commit := &types.Commit{Height: lb.Commit.Height, Round: lb.Commit.Round, BlockID: lb.Commit.BlockID, Signatures: slices.Clone(lb.Commit.Signatures)}
	return &types.LightBlock{SignedHeader: &types.SignedHeader{Header: &header, Commit: commit}, ValidatorSet: copySet(lb.ValidatorSet)}
}

// copySet returns a copy of a set that shares nothing with it. ValidatorSet.Copy shares
// the proposer, and a set without a total of its own computes it when it is asked.
func copySet(set *types.ValidatorSet) *types.ValidatorSet {
	c := set.Copy()
	c.Proposer = set.Proposer.Copy()
	return c
}

// withValidators gives a block another set, as it would be read if it can be.
func withValidators(lb *types.LightBlock, validators []*types.Validator, proposer *types.Validator) {
	set := &types.ValidatorSet{Validators: validators, Proposer: proposer}
	lb.ValidatorSet = set
	if slices.ContainsFunc(append(slices.Clone(validators), proposer), noKey) {
		return
	}
	pb, err := set.ToProto()
	if err != nil {
		return
	}
	if again, err := types.ValidatorSetFromProto(pb); err == nil {
		lb.ValidatorSet = again
	}
}

// noKey reports a validator that cannot be encoded.
func noKey(v *types.Validator) bool { return v == nil || v.PubKey == nil }

// resealed makes the hashes in a block right again, where that is possible; nobody signs it.
func resealed(lb *types.LightBlock) {
	lb.ValidatorsHash = nil
	if !slices.ContainsFunc(lb.ValidatorSet.Validators, noKey) {
		lb.ValidatorsHash = lb.ValidatorSet.Hash()
	}
	lb.Commit.BlockID.Hash = lb.Header.Hash()
}

// picks draws a number from 0 to n-1.
type picks func(n int) int

// some returns one of a list.
func some[T any](pick picks, list ...T) T { return list[pick(len(list))] }

// lightChange is one thing that is wrong with a case, or on the edge of it.
type lightChange struct {
	name  string
	apply func(c *lightCase, p *lightPool, pick picks)
}

// whole says that a case has all its parts still.
func (c *lightCase) whole() bool {
	b := c.block
	return b.SignedHeader != nil && b.Header != nil && b.Commit != nil && len(b.Commit.Signatures) > 0 &&
		b.ValidatorSet != nil && len(b.ValidatorSet.Validators) > 0 && !slices.ContainsFunc(append(slices.Clone(b.ValidatorSet.Validators), b.ValidatorSet.Proposer), noKey)
}

func headerChange(change func(h *types.Header, pick picks)) func(*lightCase, *lightPool, picks) {
	return func(c *lightCase, _ *lightPool, pick picks) {
		change(c.block.Header, pick)
		if pick(2) == 0 {
			c.block.Commit.BlockID.Hash = c.block.Header.Hash()
		}
	}
}

func commitChange(change func(m *types.Commit, pick picks)) func(*lightCase, *lightPool, picks) {
	return func(c *lightCase, _ *lightPool, pick picks) { change(c.block.Commit, pick) }
}

func signatureChange(change func(s *types.CommitSig, all []types.CommitSig, pick picks)) func(*lightCase, *lightPool, picks) {
	return func(c *lightCase, _ *lightPool, pick picks) {
		all := c.block.Commit.Signatures
		change(&all[pick(len(all))], all, pick)
	}
}

func setChange(change func(vs []*types.Validator, pick picks) []*types.Validator) func(*lightCase, *lightPool, picks) {
	return func(c *lightCase, _ *lightPool, pick picks) {
		proposer := c.block.ValidatorSet.Proposer
		withValidators(c.block, change(c.block.ValidatorSet.Validators, pick), proposer)
		if pick(2) == 0 {
			resealed(c.block)
		}
		if pick(2) == 0 {
			c.trusted.NextValidatorsHash = c.block.ValidatorsHash
		}
	}
}

func aroundZero(pick picks) time.Duration { return time.Duration(pick(3) - 1) }

// lightChanges cover every check of light.Verify, and those that must come before it.
var lightChanges = []lightChange{
	// Heights and times.
	{"height of the trusted block", func(c *lightCase, _ *lightPool, pick picks) { c.trusted.Height = c.block.Height + int64(pick(5)-3) }},
	{"end of the trusting period", func(c *lightCase, _ *lightPool, pick picks) {
		c.now = c.trusted.Time.Add(c.period + aroundZero(pick))
	}},
	{"short trusting period", func(c *lightCase, _ *lightPool, pick picks) { c.period = c.now.Sub(c.trusted.Time) + aroundZero(pick) }},
	{"time of the trusted block", func(c *lightCase, _ *lightPool, pick picks) { c.trusted.Time = c.block.Time.Add(aroundZero(pick)) }},
	{"clock", func(c *lightCase, _ *lightPool, pick picks) { c.now = c.block.Time.Add(aroundZero(pick) - c.drift) }},

	// Parts that are missing.
	{"no signed header", func(c *lightCase, _ *lightPool, _ picks) { c.block.SignedHeader = nil }},
	{"no header", func(c *lightCase, _ *lightPool, _ picks) { c.block.Header = nil }},
	{"no commit", func(c *lightCase, _ *lightPool, _ picks) { c.block.Commit = nil }},
	{"no validator set", func(c *lightCase, _ *lightPool, _ picks) { c.block.ValidatorSet = nil }},

	// The header by itself.
	{"block protocol", headerChange(func(h *types.Header, pick picks) { h.Version.Block = uint64(some(pick, 0, 10, 12)) })},
	{"chain id", headerChange(func(h *types.Header, pick picks) { h.ChainID = some(pick, "", "elsewhere", string(make([]byte, 51))) })},
	{"height", func(c *lightCase, _ *lightPool, pick picks) {
		c.block.Height = some(pick, math.MinInt64, -1, 0, c.trusted.Height, c.block.Height+1, math.MaxInt64)
		c.block.Commit.Height = some(pick, c.block.Height, c.block.Commit.Height)
		c.block.Commit.BlockID.Hash = c.block.Header.Hash()
	}},
	{"time", headerChange(func(h *types.Header, pick picks) {
		h.Time = some(pick, time.Unix(-1, 0), time.Unix(0, 0), time.Unix(0, math.MaxInt64).Add(1), h.Time.Add(1), h.Time.Add(-time.Hour), h.Time.Add(time.Hour)).UTC()
	})},
	{"a hash of the header", headerChange(func(h *types.Header, pick picks) {
		value := some(pick, nil, make([]byte, 31), make([]byte, 32), make([]byte, 33))
		switch pick(9) {
		case 0:
			h.LastBlockID.Hash = value
		case 1:
			h.LastBlockID.PartSetHeader.Hash = value
		case 2:
			h.LastCommitHash = value
		case 3:
			h.DataHash = value
		case 4:
			h.ValidatorsHash = value
		case 5:
			h.NextValidatorsHash = value
		case 6:
			h.ConsensusHash = value
		case 7:
			h.LastResultsHash = value
		default:
			h.EvidenceHash = value
		}
	})},
	{"app hash", headerChange(func(h *types.Header, pick picks) { h.AppHash = make([]byte, some(pick, 0, 31, 32, 33)) })},
	{"proposer address", headerChange(func(h *types.Header, pick picks) { h.ProposerAddress = make([]byte, some(pick, 0, 19, 20, 21)) })},

	// The commit by itself, and what ties it to the header.
	{"round", commitChange(func(m *types.Commit, pick picks) { m.Round = some(pick, int32(math.MinInt32), -1, 0, 1, 3) })},
	{"height of the commit", commitChange(func(m *types.Commit, pick picks) { m.Height = some(pick, -1, 0, m.Height-1, m.Height+1) })},
	{"hash in the commit", commitChange(func(m *types.Commit, pick picks) {
		m.BlockID.Hash = some(pick, nil, make([]byte, 31), make([]byte, 32), slices.Concat(m.BlockID.Hash, []byte{0}))
	})},
	{"commit for no block", commitChange(func(m *types.Commit, _ picks) { m.BlockID = types.BlockID{} })},
	{"parts", commitChange(func(m *types.Commit, pick picks) {
		m.BlockID.PartSetHeader = types.PartSetHeader{Total: uint32(pick(3)), Hash: some(pick, nil, make([]byte, 31), make([]byte, 32), m.BlockID.PartSetHeader.Hash)}
	})},
	{"no signatures", commitChange(func(m *types.Commit, _ picks) { m.Signatures = nil })},
	{"a signature less", commitChange(func(m *types.Commit, _ picks) { m.Signatures = m.Signatures[1:] })},
	{"a signature more", commitChange(func(m *types.Commit, pick picks) {
		m.Signatures = append(m.Signatures, some(pick, types.NewCommitSigAbsent(), m.Signatures[0]))
	})},

	// Signatures.
	{"absent", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, _ picks) { *s = types.NewCommitSigAbsent() })},
	{"two absent", signatureChange(func(s *types.CommitSig, all []types.CommitSig, pick picks) {
		*s = types.NewCommitSigAbsent()
		all[pick(len(all))] = *s
	})},
	{"absent with something", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, pick picks) {
		full := *s
		*s = types.NewCommitSigAbsent()
		switch pick(3) {
		case 0:
			s.ValidatorAddress = full.ValidatorAddress
		case 1:
			s.Timestamp = full.Timestamp
		default:
			s.Signature = full.Signature
		}
	})},
	{"for nil", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, _ picks) { s.BlockIDFlag = types.BlockIDFlagNil })},
	{"unknown flag", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, pick picks) {
		s.BlockIDFlag = some(pick, types.BlockIDFlag(0), 4, 255)
	})},
	{"size of an address", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, pick picks) {
		s.ValidatorAddress = make([]byte, some(pick, 0, 19, 21))
	})},
	{"size of a signature", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, pick picks) {
		s.Signature = slices.Concat(s.Signature, make([]byte, types.MaxSignatureSize))[:some(pick, 0, 1, 63, 65, types.MaxSignatureSize, types.MaxSignatureSize+1)]
	})},
	{"bit of a signature", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, pick picks) {
		if len(s.Signature) > 0 {
			s.Signature = bytes.Clone(s.Signature)
			s.Signature[pick(len(s.Signature))] ^= 1 << pick(8)
		}
	})},
	{"time of a signature", signatureChange(func(s *types.CommitSig, _ []types.CommitSig, _ picks) { s.Timestamp = s.Timestamp.Add(1) })},
	{"signer", signatureChange(func(s *types.CommitSig, all []types.CommitSig, pick picks) {
		s.ValidatorAddress = some(pick, make([]byte, 20), all[pick(len(all))].ValidatorAddress)
	})},
	{"a signature twice", signatureChange(func(s *types.CommitSig, all []types.CommitSig, pick picks) { *s = all[pick(len(all))] })},
	{"signatures in another order", signatureChange(func(s *types.CommitSig, all []types.CommitSig, pick picks) {
		other := &all[pick(len(all))]
		*s, *other = *other, *s
	})},

	// The validators of the block.
	{"another set", func(c *lightCase, p *lightPool, pick picks) {
		c.block.ValidatorSet = copySet(some(pick, p.blocks...).ValidatorSet)
	}},
	{"order of the validators", setChange(func(vs []*types.Validator, _ picks) []*types.Validator { slices.Reverse(vs); return vs })},
	{"power", setChange(func(vs []*types.Validator, pick picks) []*types.Validator {
		vs[pick(len(vs))].VotingPower = some[int64](pick, math.MinInt64, -1, 0, 1, 11, math.MaxInt64/8, math.MaxInt64/8+1, math.MaxInt64)
		return vs
	})},
	{"powers that overflow", setChange(func(vs []*types.Validator, pick picks) []*types.Validator {
		power := some(pick, int64(math.MaxInt64), math.MaxInt64/8)
		for _, v := range vs {
			v.VotingPower = power
		}
		return vs
	})},
	{"no validators", setChange(func([]*types.Validator, picks) []*types.Validator { return nil })},
	{"validator that is none", setChange(func(vs []*types.Validator, pick picks) []*types.Validator { vs[pick(len(vs))] = nil; return vs })},
	{"validator without key", setChange(func(vs []*types.Validator, pick picks) []*types.Validator {
		vs[pick(len(vs))].PubKey = nil
		return vs
	})},
	{"key of another type", setChange(func(vs []*types.Validator, pick picks) []*types.Validator {
		v := vs[pick(len(vs))]
		v.PubKey = secp256k1.PubKey(append([]byte{2}, make([]byte, 32)...))
		v.Address = v.PubKey.Address()
		return vs
	})},
	{"key of another validator", setChange(func(vs []*types.Validator, pick picks) []*types.Validator {
		v, key := vs[pick(len(vs))], make(cmted25519.PubKey, 32)
		v.PubKey = some[cmtcrypto.PubKey](pick, key, vs[pick(len(vs))].PubKey)
		v.Address = v.PubKey.Address()
		return vs
	})},
	{"address of a validator", setChange(func(vs []*types.Validator, pick picks) []*types.Validator {
		vs[pick(len(vs))].Address = make([]byte, some(pick, 0, 19, 20))
		return vs
	})},
	{"a validator more", setChange(func(vs []*types.Validator, pick picks) []*types.Validator {
		return append(vs, vs[pick(len(vs))].Copy())
	})},
	{"a validator less", setChange(func(vs []*types.Validator, _ picks) []*types.Validator { return vs[:len(vs)-1] })},
	{"too many validators", func(c *lightCase, p *lightPool, pick picks) {
		vs, commit := copySet(p.large.ValidatorSet).Validators, *p.large.Commit
		commit.Signatures = slices.Clone(commit.Signatures)
		for range 1 + pick(2) {
			vs = append(vs, vs[0])
			commit.Signatures = append(commit.Signatures, types.NewCommitSigAbsent())
		}
		header := *p.large.Header
		c.block = &types.LightBlock{SignedHeader: &types.SignedHeader{Header: &header, Commit: &commit}}
		withValidators(c.block, vs, vs[0])
		resealed(c.block)
	}},
	{"no proposer", func(c *lightCase, _ *lightPool, _ picks) { c.block.ValidatorSet.Proposer = nil }},
	{"proposer who is no validator", func(c *lightCase, _ *lightPool, _ picks) {
		key := make(cmted25519.PubKey, 32)
		c.block.ValidatorSet.Proposer = &types.Validator{Address: key.Address(), PubKey: key, VotingPower: 10}
	}},
	{"proposer with a wrong address", func(c *lightCase, _ *lightPool, _ picks) {
		c.block.ValidatorSet.Proposer.Address = make([]byte, 20)
	}},
	{"power of the proposer", func(c *lightCase, _ *lightPool, pick picks) {
		c.block.ValidatorSet.Proposer.VotingPower = some[int64](pick, math.MinInt64, -1, 0, math.MaxInt64)
	}},

	// What is trusted.
	{"validators that are trusted", func(c *lightCase, p *lightPool, pick picks) {
		c.trusted.ValidatorSet = copySet(some(pick, p.trusted...).ValidatorSet)
	}},
	{"validators that are named next", func(c *lightCase, p *lightPool, pick picks) {
		c.trusted.NextValidatorsHash = some(pick, nil, make([]byte, 32), some(pick, p.trusted...).ValidatorsHash)
	}},
	{"chain id of the trusted block", func(c *lightCase, _ *lightPool, pick picks) { c.trusted.ChainID = some(pick, "", "elsewhere") }},
}

// newLightCase draws a case of the pool, and what is changed of it: the number of a
// change, or -1 for none or several.
func newLightCase(p *lightPool, pick picks) (*lightCase, int) {
	block := some(pick, p.blocks...)
	if pick(2000) == 0 {
		block = p.large
	}
	c := &lightCase{trusted: copyBlock(some(pick, p.trusted...)), block: copyBlock(block), period: 14 * day, drift: 10 * time.Second}
	c.now = c.block.Time.Add(time.Duration(pick(60)-5) * time.Second)
	if pick(4) > 0 {
		c.trusted = copyBlock(p.trusted[0])
	}
	if pick(4) > 0 {
		c.trusted.NextValidatorsHash = c.block.ValidatorsHash
	}
	n := some(pick, 0, 1, 1, 1, 1, 2, 3)
	which := -1
	for range n {
		if !c.whole() {
			break
		}
		which = pick(len(lightChanges))
		lightChanges[which].apply(c, p, pick)
	}
	if n > 1 {
		which = -1
	}
	return c, which
}

// lightCases is how many cases TestLightAgrees draws; ten times as many with
// HULLMARK_LONG.
const lightCases = 100_000

// TestLightAgrees lets chance pick blocks, and what is wrong with them: clients verify
// what CometBFT's light client verifies, and nothing else.
func TestLightAgrees(t *testing.T) {
	pool, rounds := newLightPool(t), lightCases
	switch {
	case os.Getenv("HULLMARK_LONG") != "":
		rounds *= 10
	case testing.Short():
		rounds /= 10
	}
	const chunk = 1000
	var next atomic.Int64
	var mu sync.Mutex
	outcomes, alone := make(map[string]int), make(map[string]map[string]int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				number := next.Add(1)
				if int(number)*chunk > rounds || t.Failed() {
					return
				}
				chance := rand.New(rand.NewPCG(3, uint64(number)))
				for i := range chunk {
					c, which := newLightCase(pool, chance.IntN)
					outcome, err := c.compare()
					if err != nil {
						t.Errorf("case %d of chunk %d (change %d): %v", i, number, which, err)
						return
					}
					mu.Lock()
					outcomes[outcome]++
					if which >= 0 {
						name := lightChanges[which].name
						if alone[name] == nil {
							alone[name] = make(map[string]int)
						}
						alone[name][outcome]++
					}
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	if t.Failed() {
		return
	}
	// Chance must have met everything, and not refuse all there is.
	for _, change := range lightChanges {
		if alone[change.name][refused]+alone[change.name][tooFew] == 0 {
			t.Errorf("%s: outcomes %v", change.name, alone[change.name])
		}
	}
	if outcomes[followed] < rounds/10 || outcomes[tooFew] < rounds/100 || outcomes[refused] < rounds/4 {
		t.Errorf("outcomes %v of %d", outcomes, rounds)
	}
	t.Logf("%v", outcomes)
}

// FuzzLight lets the fuzzer pick.
func FuzzLight(f *testing.F) {
	pool := newLightPool(f)
	f.Add([]byte{})
	chance := rand.New(rand.NewPCG(4, 4))
	for range 40 {
		seed := make([]byte, 48)
		for i := range seed {
			seed[i] = byte(chance.Uint32())
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		pick := func(n int) int {
			if len(data) < 2 {
				return 0
			}
			v := int(data[0])<<8 | int(data[1])
			data = data[2:]
			return v % n
		}
		c, _ := newLightCase(pool, pick)
		if _, err := c.compare(); err != nil {
			t.Error(err)
		}
	})
}
