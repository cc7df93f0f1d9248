package bundle_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// asked is the arguments of one Verify. It starts as an honest answer to "what
// does app:latest mean", given to a client that knows nothing, in time.
type asked struct {
	*story
	bundle *proto.Bundle
	req    query.Resolve
	mem    *bundle.Memory
	now    time.Time
	policy bundle.Policy
}

func (s *story) asked() *asked {
	req := ref(app + ":latest")
	return &asked{story: s, bundle: s.Newest().Bundle(req), req: req, mem: s.memory(), now: s.Now(), policy: bundle.DefaultPolicy()}
}

func (a *asked) verify() (*bundle.Result, *bundle.Memory, error) {
	return bundle.Verify(a.bundle, a.req, a.mem, a.now, a.policy)
}

// about changes the question and gives the honest answer to it.
func (a *asked) about(req query.Resolve) {
	a.req, a.bundle = req, a.Newest().Bundle(req)
}

// learn makes the client verify an honest answer first.
func (a *asked) learn(tb testing.TB, src *bundletest.Source, req query.Resolve) {
	tb.Helper()
	_, m, err := bundle.Verify(src.Bundle(req), req, a.mem, src.Block.Time, bundle.DefaultPolicy())
	if err != nil {
		tb.Fatalf("couldn't learn: %v", err)
	}
	a.mem = m
}

// from takes the answer from a source.
func (a *asked) from(src *bundletest.Source) { a.bundle = src.Bundle(a.req) }

// repositoryWith returns app's value at height 4 with a change.
func (a *asked) repositoryWith(tb testing.TB, change func(*record.Repository)) merkle.Change {
	tb.Helper()
	key := record.RepositoryKey(repository(app))
	r, err := record.DecodeRepository(a.Source(4).Value(key))
	if err != nil {
		tb.Fatal(err)
	}
	change(r)
	return merkle.Change{Key: key, Value: r.Encode()}
}

func (a *asked) roleWith(tb testing.TB, role string, change func(*record.RoleState)) merkle.Change {
	tb.Helper()
	return a.repositoryWith(tb, func(r *record.Repository) {
		s, _ := r.Role(role)
		change(&s)
		r.SetRole(s)
	})
}

func (a *asked) tagWith(tb testing.TB, change func(*record.ImageTag)) merkle.Change {
	tb.Helper()
	key := record.TagKey(repository(app), ref(app+":latest").Tag)
	v, err := record.DecodeImageTag(a.Source(4).Value(key))
	if err != nil {
		tb.Fatal(err)
	}
	change(v)
	return merkle.Change{Key: key, Value: v.Encode()}
}

func (a *asked) voucherWith(tb testing.TB, change func(*record.Voucher)) merkle.Change {
	tb.Helper()
	key := record.VoucherKey(fixture.Digest("two"), repository(app))
	v, err := record.DecodeVoucher(a.Source(4).Value(key))
	if err != nil {
		tb.Fatal(err)
	}
	change(v)
	return merkle.Change{Key: key, Value: v.Encode()}
}

// doctor takes the answer from a state all validators lie about.
func (a *asked) doctor(changes ...merkle.Change) { a.from(a.Doctored(4, nil, changes...)) }

// strangers are keys nobody knows.
func strangers(tb testing.TB, n int) []*fixture.Key {
	return fixture.NewKeys(tb, keys.KeytypeEd25519, "stranger", n)
}

// resign replaces the target block by one with the same state and time, by other
// validators.
func (a *asked) resign(tb testing.TB, set []*fixture.Key, signers ...*fixture.Key) {
	tb.Helper()
	header := *a.Block(5).Header
	vals := bundletest.ValidatorSet(set)
	header.ValidatorsHash, header.NextValidatorsHash = vals.Hash(), vals.Hash()
	a.bundle.State.LightBlock = bundletest.Encode(tb, a.Sign(&header, set, signers...))
}

// rotated lets app's root be rotated to version 3 before the answer is given:
// version 2 has new root keys, version 3 other tagging keys.
func (a *asked) rotated(tb testing.TB, republish bool) (second, third *tuf.Root) {
	tb.Helper()
	second = a.app.RotateRoot(2, fixture.NewKeys(tb, keys.KeytypeEd25519, "second root", 1), nil)
	a.Commit(a.Relay(a.Operators[1], fixture.Update{Roots: []*tuf.Root{second}}))
	third = a.app.RotateRoot(3, nil, fixture.NewKeys(tb, keys.KeytypeEd25519, "third tagging", 1))
	a.Commit(a.Relay(a.Operators[1], fixture.Update{Roots: []*tuf.Root{third}}))
	if republish {
		a.Commit(a.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "two"}))
	}
	a.Commit()
	a.now = a.Now()
	a.from(a.Newest())
	return second, third
}

var lies = []struct {
	name string
	lie  func(*testing.T, *asked)
	want error // nil: no lie
}{
	{"nothing", func(*testing.T, *asked) {}, nil},

	// Proofs that are about something else.
	{"no bundle", func(_ *testing.T, a *asked) { a.bundle = nil }, bundle.ErrMalformed},
	{"empty bundle", func(_ *testing.T, a *asked) { a.bundle = new(proto.Bundle) }, bundle.ErrMalformed},
	{"repository of another", func(_ *testing.T, a *asked) {
		a.bundle.Repository = a.Newest().Prove(record.RepositoryKey(repository(other)))
	}, bundle.ErrProof},
	{"tag of another name", func(_ *testing.T, a *asked) {
		a.bundle.Tag = a.Newest().Prove(record.TagKey(repository(app), ref(app+":1.0").Tag))
	}, bundle.ErrProof},
	{"tag of another repository", func(_ *testing.T, a *asked) {
		a.about(ref(app + ":1.0"))
		a.bundle.Tag = a.Newest().Prove(record.TagKey(repository(other), ref(other+":1.0").Tag))
	}, bundle.ErrProof},
	{"whole answer about another tag", func(_ *testing.T, a *asked) { a.bundle = a.Newest().Bundle(ref(app + ":1.0")) }, bundle.ErrProof},
	{"whole answer about another repository", func(_ *testing.T, a *asked) { a.bundle = a.Newest().Bundle(ref(other + ":1.0")) }, bundle.ErrProof},
	{"image of another digest", func(_ *testing.T, a *asked) {
		a.bundle.Image = a.Newest().Prove(record.VoucherKey(fixture.Digest("one"), repository(app)))
	}, bundle.ErrProof},
	{"image of another repository", func(_ *testing.T, a *asked) {
		a.about(at(bundletest.RepositoryRequest(app), "foreign"))
		a.bundle.Image = a.Newest().Prove(record.VoucherKey(fixture.Digest("foreign"), repository(other)))
	}, bundle.ErrProof},
	{"image in all repositories", func(_ *testing.T, a *asked) {
		a.bundle.Image = a.Newest().Prove(record.ImageKey(fixture.Digest("two")))
	}, bundle.ErrProof},
	{"tag of an earlier height", func(_ *testing.T, a *asked) {
		a.bundle.Tag = a.Source(2).Bundle(a.req).Tag
	}, bundle.ErrProof},
	{"live tag for a withdrawn one", func(_ *testing.T, a *asked) {
		a.about(ref(app + ":old"))
		a.bundle.Tag = a.Source(2).Bundle(a.req).Tag
	}, bundle.ErrProof},
	{"value of an earlier height", func(_ *testing.T, a *asked) {
		a.bundle.Tag.Value = a.Source(2).Bundle(a.req).Tag.Value
	}, bundle.ErrProof},
	{"live tag shown absent", func(_ *testing.T, a *asked) {
		a.bundle.Tag = a.Newest().Bundle(ref(app + ":none")).Tag
	}, bundle.ErrProof},
	{"live tag with its value cut off", func(_ *testing.T, a *asked) { a.bundle.Tag.Value = nil }, bundle.ErrProof},
	{"absent tag shown live", func(_ *testing.T, a *asked) {
		tag := a.bundle.Tag
		a.about(ref(app + ":none"))
		a.bundle.Tag = tag
	}, bundle.ErrProof},
	{"registered repository shown absent", func(_ *testing.T, a *asked) {
		a.bundle.Repository = a.Newest().Bundle(ref("registry.example.com/none:1")).Repository
	}, bundle.ErrProof},
	{"no tag entry", func(_ *testing.T, a *asked) { a.bundle.Tag = nil }, bundle.ErrMalformed},
	{"no image entry", func(_ *testing.T, a *asked) { a.bundle.Image = nil }, bundle.ErrMalformed},
	{"no repository entry", func(_ *testing.T, a *asked) { a.bundle.Repository = nil }, bundle.ErrMalformed},

	// States and headers that do not belong together.
	{"state of an earlier height", func(_ *testing.T, a *asked) { a.bundle.State.AppState = a.Source(2).Bundle(a.req).State.AppState }, bundle.ErrAppHash},
	{"header of an earlier height", func(_ *testing.T, a *asked) {
		a.bundle.State.LightBlock = a.EncodedBlock(3)
	}, bundle.ErrAppHash},
	{"other log root", func(_ *testing.T, a *asked) { a.bundle.State.AppState.LogRoot[0] ^= 1 }, bundle.ErrAppHash},
	{"other log size", func(_ *testing.T, a *asked) { a.bundle.State.AppState.LogSize++ }, bundle.ErrAppHash},
	{"other meta data", func(_ *testing.T, a *asked) { a.bundle.State.AppState.Meta[1] ^= 1 }, bundle.ErrAppHash},
	{"short map root", func(_ *testing.T, a *asked) { a.bundle.State.AppState.MapRoot = a.bundle.State.AppState.MapRoot[1:] }, bundle.ErrMalformed},
	{"long meta data", func(_ *testing.T, a *asked) { a.bundle.State.AppState.Meta = make([]byte, 300) }, bundle.ErrMalformed},
	{"no state", func(_ *testing.T, a *asked) { a.bundle.State = nil }, bundle.ErrMalformed},
	{"no app state", func(_ *testing.T, a *asked) { a.bundle.State.AppState = nil }, bundle.ErrMalformed},
	{"another ledger", func(t *testing.T, a *asked) {
		c := fixture.NewConsortium(t, 4)
		c.Name = "elsewhere"
		chain := bundletest.NewChain(t, c)
		chain.Commit()
		chain.Commit()
		a.bundle = chain.Newest().Bundle(a.req)
	}, bundle.ErrWrongLedger},
	{"header of another ledger", func(t *testing.T, a *asked) {
		c := fixture.NewConsortium(t, 4)
		c.Name = "elsewhere"
		chain := bundletest.NewChain(t, c)
		chain.Commit()
		chain.Commit()
		a.bundle.State.LightBlock = chain.EncodedBlock(2)
	}, bundle.ErrWrongLedger},
	{"changed ledger id", func(_ *testing.T, a *asked) { a.bundle.State.Ledger += "x" }, bundle.ErrWrongLedger},

	// Headers nobody agreed on.
	{"signed by half", func(t *testing.T, a *asked) {
		a.resign(t, a.Validators(), a.Validators()[:2]...)
	}, bundle.ErrHeader},
	{"signed by two thirds less one", func(t *testing.T, a *asked) {
		a.resign(t, a.Validators(), a.Validators()[1])
	}, bundle.ErrHeader},
	{"signed by strangers", func(t *testing.T, a *asked) {
		a.resign(t, strangers(t, 4), strangers(t, 4)...)
	}, bundle.ErrNotEnoughTrust},
	{"signed by a mixed set", func(t *testing.T, a *asked) {
		set := append(strangers(t, 2), a.Validators()[:2]...)
		a.resign(t, set, set...)
	}, bundle.ErrNotEnoughTrust},
	{"signatures of another block", func(t *testing.T, a *asked) {
		lb := a.Block(5)
		lb.Commit = a.Block(4).Commit
		a.bundle.State.LightBlock = bundletest.Encode(t, lb)
	}, bundle.ErrHeader},
	{"other time under the same signatures", func(t *testing.T, a *asked) {
		lb := a.Block(5)
		lb.Time = lb.Time.Add(time.Second)
		a.bundle.State.LightBlock = bundletest.Encode(t, lb)
	}, bundle.ErrHeader},
	{"other app hash under the same signatures", func(t *testing.T, a *asked) {
		lb := a.Block(5)
		lb.AppHash = bytes.Repeat([]byte{1}, 32)
		a.bundle.State.LightBlock = bundletest.Encode(t, lb)
	}, bundle.ErrHeader},
	{"validators of another block", func(t *testing.T, a *asked) {
		lb := a.Block(5)
		lb.ValidatorSet = bundletest.ValidatorSet(strangers(t, 4))
		a.bundle.State.LightBlock = bundletest.Encode(t, lb)
	}, bundle.ErrHeader},
	{"relabelled signature", func(t *testing.T, a *asked) {
		// The address in a commit signature is not signed (CSA-2026-001).
		lb := a.Block(5)
		commit := *lb.Commit
		commit.Signatures = slices.Clone(commit.Signatures)
		commit.Signatures[0].ValidatorAddress = commit.Signatures[1].ValidatorAddress
		lb.Commit = &commit
		a.bundle.State.LightBlock = bundletest.Encode(t, lb)
	}, bundle.ErrHeader},
	{"one validator signs for all", func(t *testing.T, a *asked) {
		lb := a.Block(5)
		commit := *lb.Commit
		commit.Signatures = slices.Repeat(commit.Signatures[:1], 4)
		lb.Commit = &commit
		a.bundle.State.LightBlock = bundletest.Encode(t, lb)
	}, bundle.ErrHeader},
	{"header signed, app hash of 20 bytes", func(t *testing.T, a *asked) {
		header := *a.Block(5).Header
		header.AppHash = header.AppHash[:20]
		a.bundle.State.LightBlock = bundletest.Encode(t, a.Sign(&header, a.Validators(), a.Validators()...))
	}, bundle.ErrHeader},
	{"padded light block", func(_ *testing.T, a *asked) {
		a.bundle.State.LightBlock = append(a.bundle.State.LightBlock, 0x1a, 0) // an unknown field
	}, bundle.ErrMalformed},
	{"no light block", func(_ *testing.T, a *asked) { a.bundle.State.LightBlock = nil }, bundle.ErrMalformed},
	{"huge light block", func(_ *testing.T, a *asked) {
		a.bundle.State.LightBlock = make([]byte, bundle.MaxLightBlockSize+1)
	}, bundle.ErrMalformed},
	{"too many validators", func(t *testing.T, a *asked) {
		a.resign(t, strangers(t, bundle.MaxValidators+1))
	}, bundle.ErrMalformed},
	{"intermediate blocks out of order", func(_ *testing.T, a *asked) {
		a.bundle.State.IntermediateBlocks = [][]byte{a.EncodedBlock(3), a.EncodedBlock(2)}
	}, bundle.ErrMalformed},
	{"intermediate block beyond the target", func(_ *testing.T, a *asked) {
		a.bundle.State.IntermediateBlocks = [][]byte{a.EncodedBlock(5)}
	}, bundle.ErrMalformed},
	{"many intermediate blocks", func(_ *testing.T, a *asked) {
		a.bundle.State.IntermediateBlocks = slices.Repeat([][]byte{a.EncodedBlock(2)}, bundle.MaxIntermediateBlocks+1)
	}, bundle.ErrMalformed},
	{"needless intermediate blocks", func(_ *testing.T, a *asked) {
		a.bundle.State.IntermediateBlocks = [][]byte{a.EncodedBlock(1), a.EncodedBlock(2), a.EncodedBlock(4)}
	}, nil},
	{"forged intermediate block", func(t *testing.T, a *asked) {
		a.bundle.State.IntermediateBlocks = [][]byte{bundletest.Encode(t, a.Sign(a.Block(3).Header, a.Validators(), a.Validators()[0]))}
	}, bundle.ErrHeader},

	// Time.
	{"stale", func(_ *testing.T, a *asked) { a.now = a.now.Add(time.Minute) }, bundle.ErrStale},
	{"just young enough", func(_ *testing.T, a *asked) { a.now = a.BlockTime(5).Add(time.Minute) }, nil},
	{"stale state beside a new header", func(_ *testing.T, a *asked) {
		a.from(a.Source(2))
		a.now = a.BlockTime(3).Add(time.Minute + time.Second)
	}, bundle.ErrStale},
	{"future", func(_ *testing.T, a *asked) { a.now = a.BlockTime(5).Add(-10 * time.Second) }, bundle.ErrFuture},
	{"within clock drift", func(_ *testing.T, a *asked) { a.now = a.BlockTime(5).Add(-9 * time.Second) }, nil},
	{"future of a block known already", func(t *testing.T, a *asked) {
		a.learn(t, a.Newest(), a.req)
		a.now = a.BlockTime(5).Add(-10 * time.Second)
	}, bundle.ErrFuture},
	{"trusting period is over", func(_ *testing.T, a *asked) {
		a.now = a.BlockTime(1).Add(a.Params.TrustingPeriod)
	}, bundle.ErrAnchorExpired},
	{"trusting period is over offline", func(_ *testing.T, a *asked) {
		a.now, a.policy = a.BlockTime(1).Add(a.Params.TrustingPeriod), offline(true)
	}, bundle.ErrAnchorExpired},
	{"trusting period is nearly over offline", func(_ *testing.T, a *asked) {
		a.now, a.policy = a.BlockTime(1).Add(a.Params.TrustingPeriod-time.Second), offline(false)
	}, nil},
	{"below every trusted block", func(_ *testing.T, a *asked) {
		a.mem = bundle.NewMemory(a.Anchor(5))
		a.from(a.Source(3))
	}, bundle.ErrBelowTrusted},

	// Roots.
	{"no roots", func(_ *testing.T, a *asked) { a.bundle.Roots = nil }, bundle.ErrRoot},
	{"root of another repository", func(_ *testing.T, a *asked) {
		a.bundle.Roots = [][]byte{a.other.Root(1).Bytes()}
	}, bundle.ErrRoot},
	{"root by a stranger", func(t *testing.T, a *asked) {
		a.bundle.Roots = [][]byte{a.app.SignRoot(a.app.RootSpec(1), strangers(t, 1)...).Bytes()}
	}, bundle.ErrRoot},
	{"root with other keys", func(t *testing.T, a *asked) {
		a.app.RootKeys = strangers(t, 1)
		a.bundle.Roots = [][]byte{a.app.Root(1).Bytes()}
	}, bundle.ErrRoot},
	{"root that is no file", func(_ *testing.T, a *asked) { a.bundle.Roots = [][]byte{{}} }, bundle.ErrRoot},
	{"root twice", func(_ *testing.T, a *asked) {
		a.bundle.Roots = append(a.bundle.Roots, a.bundle.Roots[0])
	}, bundle.ErrRoot},
	{"too many roots", func(_ *testing.T, a *asked) {
		a.bundle.Roots = slices.Repeat(a.bundle.Roots, bundle.MaxRoots+1)
	}, bundle.ErrMalformed},
	{"rotated", func(t *testing.T, a *asked) { a.rotated(t, true) }, nil},
	{"rotated without the root between", func(t *testing.T, a *asked) {
		a.rotated(t, true)
		a.bundle.Roots = slices.Delete(a.bundle.Roots, 1, 2)
	}, bundle.ErrRoot},
	{"rotated without the first root", func(t *testing.T, a *asked) {
		a.rotated(t, true)
		a.bundle.Roots = a.bundle.Roots[1:]
	}, bundle.ErrRoot},
	{"rotated without the last root", func(t *testing.T, a *asked) {
		a.rotated(t, true)
		a.bundle.Roots = a.bundle.Roots[:2]
	}, bundle.ErrRoot},
	{"rotated with roots out of order", func(t *testing.T, a *asked) {
		a.rotated(t, true)
		slices.Reverse(a.bundle.Roots)
	}, bundle.ErrRoot},
	{"validators rotate the root to a stranger's", func(t *testing.T, a *asked) {
		mine := strangers(t, 1)
		a.app.RootKeys, a.app.TaggingKeys = mine, mine
		root := a.app.Root(2) // signed by the stranger alone
		change := a.roleWith(t, tuf.RoleRoot, func(s *record.RoleState) {
			s.Version, s.FileDigest, s.SignedDigest, s.Signers = 2, root.FileDigest(), root.SignedDigest(), root.Signers()
		})
		file := record.RootFile{FileDigest: root.FileDigest()}
		a.from(a.Doctored(4, [][]byte{root.Bytes()}, change, merkle.Change{Key: record.RootKey(repository(app), 2), Value: file.Encode()}))
	}, bundle.ErrRoot},
	{"validators replace a known root", func(t *testing.T, a *asked) {
		a.learn(t, a.Newest(), a.req)
		a.app.RootKeys = strangers(t, 1)
		a.replaceRoot(t)
	}, bundle.ErrRoot},
	{"validators replace a known root, by the ledger", func(t *testing.T, a *asked) {
		a.learn(t, a.Source(3), a.req)
		a.app.RootKeys = strangers(t, 1)
		a.req = byLedger(a.req)
		a.replaceRoot(t)
	}, bundle.ErrRoot},
	{"validators misstate the root's expiry", func(t *testing.T, a *asked) {
		a.doctor(a.roleWith(t, tuf.RoleRoot, func(s *record.RoleState) { s.Expires = s.Expires.Add(time.Hour) }))
	}, bundle.ErrMismatch},
	{"pinned root", func(_ *testing.T, a *asked) { a.policy = pinned(app, a.app.Root(1).FileDigest()) }, nil},
	{"another root than the pinned one", func(_ *testing.T, a *asked) { a.policy = pinned(app, [32]byte{1}) }, bundle.ErrPolicy},
	{"another root than the pinned one, by the ledger", func(_ *testing.T, a *asked) {
		a.about(byLedger(a.req))
		a.policy = pinned(app, [32]byte{1})
	}, bundle.ErrRequest},
	{"another root than the pinned one, by the ledger, roots known", func(t *testing.T, a *asked) {
		a.learn(t, a.Newest(), a.req)
		a.about(byLedger(a.req))
		a.policy = pinned(app, [32]byte{1})
	}, bundle.ErrPolicy},
	{"pin of another repository", func(_ *testing.T, a *asked) { a.policy = pinned(other, [32]byte{1}) }, nil},

	// Targets.
	{"no targets", func(_ *testing.T, a *asked) { a.bundle.Targets = nil }, bundle.ErrTargets},
	{"old targets", func(_ *testing.T, a *asked) { a.bundle.Targets = a.Source(2).Bundle(a.req).Targets }, bundle.ErrTargets},
	{"targets of another repository", func(_ *testing.T, a *asked) {
		a.bundle.Targets = a.Newest().Bundle(ref(other + ":1.0")).Targets
	}, bundle.ErrTargets},
	{"targets twice", func(_ *testing.T, a *asked) {
		a.bundle.Targets = append(a.bundle.Targets, a.bundle.Targets[0])
	}, bundle.ErrTargets},
	{"targets that are no file", func(_ *testing.T, a *asked) { a.bundle.Targets = [][]byte{[]byte("{}")} }, bundle.ErrTargets},
	{"too many targets", func(_ *testing.T, a *asked) {
		a.bundle.Targets = slices.Repeat(a.bundle.Targets, bundle.MaxTargets+1)
	}, bundle.ErrMalformed},
	{"targets with another digest", func(_ *testing.T, a *asked) {
		a.bundle.Targets = [][]byte{a.app.Targets(2, fixture.Tags{"1.0": "one", "latest": "evil"}).Bytes()}
	}, bundle.ErrTargets},
	{"validators present targets of a stranger", func(t *testing.T, a *asked) {
		file := a.app.SignTargets(a.app.TargetsSpec(3, fixture.Tags{"latest": "evil"}), strangers(t, 1)...)
		a.forgeTargets(t, file)
	}, bundle.ErrTargets},
	{"validators present targets without signatures", func(t *testing.T, a *asked) {
		a.forgeTargets(t, a.app.SignTargets(a.app.TargetsSpec(3, fixture.Tags{"latest": "evil"})))
	}, bundle.ErrTargets},
	{"validators point the tag elsewhere", func(t *testing.T, a *asked) {
		a.doctor(a.tagWith(t, func(v *record.ImageTag) { v.Digest = fixture.Digest("one") }))
	}, bundle.ErrMismatch},
	{"validators misstate the size", func(t *testing.T, a *asked) {
		a.doctor(a.tagWith(t, func(v *record.ImageTag) { v.Size++ }))
	}, bundle.ErrMismatch},
	{"validators invent a tag", func(t *testing.T, a *asked) {
		c := a.tagWith(t, func(*record.ImageTag) {})
		a.req = ref(app + ":invented")
		c.Key = record.TagKey(repository(app), a.req.Tag)
		a.doctor(c)
	}, bundle.ErrMismatch},
	{"validators hold the tag for another role", func(t *testing.T, a *asked) {
		a.doctor(a.tagWith(t, func(v *record.ImageTag) { v.Role = "targets/other" }))
	}, bundle.ErrNotEffective},
	{"validators misstate the targets' expiry", func(t *testing.T, a *asked) {
		a.doctor(a.roleWith(t, tuf.RoleTargets, func(s *record.RoleState) { s.Expires = s.Expires.Add(time.Hour) }))
	}, bundle.ErrMismatch},
	{"validators misstate the targets' version", func(t *testing.T, a *asked) {
		a.doctor(a.roleWith(t, tuf.RoleTargets, func(s *record.RoleState) { s.Version++ }))
	}, bundle.ErrMismatch},
	{"validators forget the voucher", func(_ *testing.T, a *asked) {
		a.doctor(merkle.Change{Key: record.VoucherKey(fixture.Digest("two"), repository(app))})
	}, bundle.ErrMismatch},
	{"validators record other signers", func(t *testing.T, a *asked) {
		a.doctor(a.voucherWith(t, func(v *record.Voucher) { v.TaggingKeys = fixture.IDs(strangers(t, 1)) }))
	}, bundle.ErrMismatch},
	{"validators record other root keys", func(t *testing.T, a *asked) {
		a.doctor(a.voucherWith(t, func(v *record.Voucher) { v.RootKeys = nil }))
	}, bundle.ErrMismatch},
	{"validators date the publication before the tag", func(t *testing.T, a *asked) {
		a.doctor(a.voucherWith(t, func(v *record.Voucher) { v.Last.Index = 0 }))
	}, bundle.ErrMismatch},
	{"validators remove the root", func(t *testing.T, a *asked) {
		a.doctor(a.repositoryWith(t, func(r *record.Repository) { r.Roles = r.Roles[1:] }))
	}, bundle.ErrMismatch},
	{"validators date a record in the future", func(t *testing.T, a *asked) {
		a.doctor(a.repositoryWith(t, func(r *record.Repository) { r.LastHeight = 1 << 60 }))
	}, bundle.ErrMismatch},
	{"validators commit to garbage", func(_ *testing.T, a *asked) {
		a.doctor(merkle.Change{Key: record.RepositoryKey(repository(app)), Value: []byte{record.FormatVersion, 9}})
	}, bundle.ErrMismatch},
	{"validators commit to a garbage tag", func(_ *testing.T, a *asked) {
		a.doctor(merkle.Change{Key: record.TagKey(repository(app), a.req.Tag), Value: []byte{record.FormatVersion}})
		a.bundle.Image = a.Newest().Bundle(a.req).Image
	}, bundle.ErrMismatch},

	// Proven answers that are no.
	{"not effective after rotation", func(t *testing.T, a *asked) { a.rotated(t, false) }, bundle.ErrNotEffective},
	{"not effective after rotation, by digest", func(t *testing.T, a *asked) {
		a.rotated(t, false)
		a.about(at(bundletest.RepositoryRequest(app), "two"))
	}, bundle.ErrNotEffective},
	{"not effective after rotation, by the ledger", func(t *testing.T, a *asked) {
		a.rotated(t, false)
		a.about(byLedger(a.req))
	}, bundle.ErrNotEffective},
	{"validators count signatures of a stolen key", func(t *testing.T, a *asked) {
		a.rotated(t, false)
		key := record.RepositoryKey(repository(app))
		r, err := record.DecodeRepository(a.Newest().Value(key))
		if err != nil {
			t.Fatal(err)
		}
		s, _ := r.Role(tuf.RoleTargets)
		s.MeetsKeys = true
		r.SetRole(s)
		a.from(a.Doctored(a.Height()-1, nil, merkle.Change{Key: key, Value: r.Encode()}))
	}, bundle.ErrTargets},
	{"expired since, offline", func(_ *testing.T, a *asked) { a.expireSoon(); a.policy = offline(false) }, bundle.ErrNotEffective},
	{"expired since, offline and allowed", func(_ *testing.T, a *asked) { a.expireSoon(); a.policy = offline(true) }, nil},
	{"expired since, online", func(_ *testing.T, a *asked) { a.expireSoon(); a.now = a.app.Expires }, bundle.ErrNotEffective},

	// History.
	{"behind", func(t *testing.T, a *asked) {
		a.learn(t, a.Newest(), a.req)
		a.from(a.Source(2))
	}, bundle.ErrBehind},
	{"earlier and nothing happened since", func(t *testing.T, a *asked) {
		a.learn(t, a.Newest(), a.req)
		a.from(a.Source(3))
	}, nil},
	{"before a publication that is known to be committed", func(_ *testing.T, a *asked) {
		a.mem = a.mem.WithChange(repository(app), 5)
	}, bundle.ErrBehind},
	{"absent before it was registered", func(t *testing.T, a *asked) {
		a.Commit(a.NewPublisher("registry.example.com/new").Register(a.Operators[0]))
		a.Commit()
		a.now = a.Now()
		a.learn(t, a.Newest(), bundletest.RepositoryRequest("registry.example.com/new"))
		a.req = bundletest.RepositoryRequest("registry.example.com/new")
		a.from(a.Source(5))
	}, bundle.ErrBehind},
	{"rolled back", func(t *testing.T, a *asked) {
		a.learn(t, a.Source(3), a.req)
		a.doctor(a.repositoryWith(t, func(r *record.Repository) { r.Revision-- }))
	}, bundle.ErrRollback},
	{"removed", func(t *testing.T, a *asked) {
		a.learn(t, a.Source(3), a.req)
		a.doctor(merkle.Change{Key: record.RepositoryKey(repository(app))})
	}, bundle.ErrRollback},
	{"more revisions at an earlier height", func(t *testing.T, a *asked) {
		a.Commit()
		a.now = a.Now()
		a.learn(t, a.Newest(), a.req)
		a.doctor(a.repositoryWith(t, func(r *record.Repository) { r.Revision++ }))
	}, bundle.ErrRollback},
	{"older root at a later height", func(t *testing.T, a *asked) {
		a.rotated(t, true)
		a.learn(t, a.Newest(), a.req)
		a.Commit()
		a.Commit()
		a.now = a.Now()
		first := a.Source(4).Value(record.RepositoryKey(repository(app)))
		r, err := record.DecodeRepository(first)
		if err != nil {
			t.Fatal(err)
		}
		r.Revision, r.LastHeight = 99, a.Height()-1
		a.from(a.Doctored(a.Height()-1, nil, merkle.Change{Key: record.RepositoryKey(repository(app)), Value: r.Encode()}))
	}, bundle.ErrRollback},
	{"fork", func(t *testing.T, a *asked) {
		a.learn(t, a.Newest(), a.req)
		a.doctor(a.tagWith(t, func(v *record.ImageTag) { v.Digest = fixture.Digest("one") }))
	}, bundle.ErrFork},
	{"fork below the newest block", func(t *testing.T, a *asked) {
		header := *a.Block(1).Header
		header.LastResultsHash = bytes.Repeat([]byte{7}, 32)
		a.bundle.State.IntermediateBlocks = [][]byte{bundletest.Encode(t, a.Sign(&header, a.Validators(), a.Validators()...))}
	}, bundle.ErrFork},
	{"unsigned block beside the known one", func(t *testing.T, a *asked) {
		a.learn(t, a.Newest(), a.req)
		a.resign(t, strangers(t, 4), strangers(t, 4)...)
	}, bundle.ErrHeader},

	// Versions.
	{"newer bundle", func(_ *testing.T, a *asked) { a.bundle.State.Version++ }, record.ErrNewer},
	{"older bundle", func(_ *testing.T, a *asked) { a.bundle.State.Version = 0 }, bundle.ErrMalformed},
	{"newer profile", func(_ *testing.T, a *asked) { a.bundle.Profile++ }, record.ErrNewer},
	{"no profile", func(_ *testing.T, a *asked) { a.bundle.Profile = 0 }, bundle.ErrMalformed},
	{"newer repository value", func(_ *testing.T, a *asked) {
		a.doctor(merkle.Change{Key: record.RepositoryKey(repository(app)), Value: []byte{record.FormatVersion + 1}})
		a.bundle.Roots = nil
	}, record.ErrNewer},
	{"too many statements", func(_ *testing.T, a *asked) {
		a.bundle.Statements = make([][]byte, bundle.MaxStatements+1)
	}, bundle.ErrMalformed},

	// Questions and policies that make no sense.
	{"no repository asked", func(_ *testing.T, a *asked) { a.req = query.Resolve{} }, bundle.ErrRequest},
	{"no such assurance", func(_ *testing.T, a *asked) { a.req.Assurance = 2 }, bundle.ErrRequest},
	{"empty policy", func(_ *testing.T, a *asked) { a.policy = bundle.Policy{} }, bundle.ErrRequest},
	{"expired metadata online", func(_ *testing.T, a *asked) { a.policy.AllowExpired = true }, bundle.ErrRequest},
	{"negative drift", func(_ *testing.T, a *asked) { a.policy.MaxClockDrift = -1 }, bundle.ErrRequest},
}

// replaceRoot lets the validators replace app's root by the publisher's of now, at
// a height above all that is known.
func (a *asked) replaceRoot(t *testing.T) {
	t.Helper()
	a.Commit()
	a.Commit()
	a.now = a.Now()
	root := a.app.Root(1)
	change := a.roleWith(t, tuf.RoleRoot, func(s *record.RoleState) {
		s.FileDigest, s.SignedDigest, s.Signers = root.FileDigest(), root.SignedDigest(), root.Signers()
	})
	file := record.RootFile{FileDigest: root.FileDigest()}
	a.from(a.Doctored(a.Height()-1, [][]byte{root.Bytes()}, change, merkle.Change{Key: record.RootKey(repository(app), 1), Value: file.Encode()}))
}

// forgeTargets lets the validators make a file the current one of app.
func (a *asked) forgeTargets(t *testing.T, file *tuf.Targets) {
	t.Helper()
	change := a.roleWith(t, tuf.RoleTargets, func(s *record.RoleState) {
		s.Version, s.FileDigest, s.SignedDigest, s.Expires = file.Version, file.FileDigest(), file.SignedDigest(), file.Expires
		s.Signers = file.Signers()
	})
	tag := a.tagWith(t, func(v *record.ImageTag) { v.Digest, v.Size = fixture.Digest("evil"), 4 })
	a.from(a.Doctored(4, [][]byte{file.Bytes()}, change, tag))
}

// expireSoon lets app publish a file that expires shortly after the newest block,
// and moves the clock behind its expiry.
func (a *asked) expireSoon() {
	a.app.Expires = a.BlockTime(a.Height() + 2).Add(3 * time.Second)
	a.Commit(a.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "two"}))
	a.Commit()
	a.from(a.Newest())
	a.now = a.app.Expires.Add(day)
}

// Test that every lie is found out, and called what it is.
func TestLies(t *testing.T) {
	for _, c := range lies {
		t.Run(c.name, func(t *testing.T) { tell(t, c.lie, c.want) })
	}
}

func tell(t *testing.T, lie func(*testing.T, *asked), want error) {
	t.Helper()
	a := newStory(t).asked()
	lie(t, a)
	result, memory, err := a.verify()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	class := bundle.ClassOf(err)
	if (result != nil) != (err == nil) || (memory != nil) != (err == nil || class == bundle.NotTrusted) {
		t.Errorf("result %v and memory %v beside %v", result != nil, memory != nil, err)
	}
	if want := classes[want]; class != want {
		t.Errorf("class %s, want %s", class, want)
	}
	if err == nil && !result.Digest.IsZero() && result.Digest != fixture.Digest("two") {
		t.Errorf("digest %s", result.Digest)
	}
}

// classes says again, and independently, what each error means.
var classes = map[error]bundle.Class{
	nil: bundle.ClassNone,

	bundle.ErrUnknownRepository: bundle.NotTrusted, bundle.ErrAbsentTag: bundle.NotTrusted,
	bundle.ErrAbsentImage: bundle.NotTrusted, bundle.ErrWithdrawn: bundle.NotTrusted,
	bundle.ErrRevoked: bundle.NotTrusted, bundle.ErrNotEffective: bundle.NotTrusted,
	bundle.ErrDifferentDigest: bundle.NotTrusted, bundle.ErrNotListed: bundle.NotTrusted,
	bundle.ErrPolicy: bundle.NotTrusted,

	bundle.ErrMalformed: bundle.Attack, bundle.ErrWrongLedger: bundle.Attack, bundle.ErrHeader: bundle.Attack,
	bundle.ErrNotEnoughTrust: bundle.Attack, bundle.ErrAppHash: bundle.Attack, bundle.ErrProof: bundle.Attack,
	bundle.ErrRoot: bundle.Attack, bundle.ErrTargets: bundle.Attack, bundle.ErrStatement: bundle.Attack, bundle.ErrMismatch: bundle.Attack,
	bundle.ErrRollback: bundle.Attack, bundle.ErrFork: bundle.Attack,

	bundle.ErrStale: bundle.Stale, bundle.ErrFuture: bundle.Stale, bundle.ErrBehind: bundle.Stale,
	bundle.ErrAnchorExpired: bundle.Stale, bundle.ErrBelowTrusted: bundle.Stale,

	bundle.ErrRequest: bundle.Other, record.ErrNewer: bundle.Other,
}
