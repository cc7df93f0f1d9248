package bundle

import (
	"errors"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// Verify answers a request from a bundle. It returns what was proven and the
// memory that knows it.
//
// A proven no is a *Denial; the memory returned beside it has learnt from it just
// the same, and so has that beside ErrMoreRoots and ErrMoreFiles. With every other
// error the memory is nil, and nothing was learnt.
// ClassOf tells the classes of errors apart. The arguments are not modified.
//
// Before are traces that the caller has followed already. One of the same light blocks as
// the bundle's is followed again without verifying signatures twice; without any the
// verdict is the same.
func Verify(b *proto.Bundle, req query.Resolve, mem *Memory, now time.Time, p Policy, before ...*Trace) (*Result, *Memory, error) {
	if err := req.Check(); err != nil {
		return nil, nil, fail(ErrRequest, "%w", err)
	}
	if err := p.check(); err != nil {
		return nil, nil, err
	}
	v := &verification{
		bundle: b, request: req, memory: mem, now: now, policy: p, before: before,
		result: Result{Repository: req.Repository, Tag: req.Tag, Assurance: req.Assurance},
	}
	err := v.run()
	if v.behind {
		err = v.judgeOld(err)
	}
	switch {
	case ClassOf(err) == NotTrusted, errors.Is(err, ErrMoreRoots), errors.Is(err, ErrMoreFiles):
		return nil, v.learnt(), err
	case err != nil:
		return nil, nil, err
	}
	return &v.result, v.learnt(), nil
}

// verification is one run of Verify: the arguments, and what is proven so far.
type verification struct {
	bundle  *proto.Bundle
	request query.Resolve
	memory  *Memory // grows as more is proven
	now     time.Time
	policy  Policy
	before  []*Trace
	result  Result

	header  *types.Header
	mapRoot merkle.Hash

	// repository is nil when its absence is proven.
	repository *record.Repository
	seen       Seen
	// behind says that the answer is, and newer is what is known of a later state then.
	behind    bool
	newer     Seen
	rootState record.RoleState
	root      *tuf.Root
	// files are the publisher's verified files by role.
	files map[string]*tuf.Targets
}

// run is the whole verification, from what everything rests on to the answer.
// Each step relies on the ones before it.
func (v *verification) run() error {
	if err := checkForm(v.bundle, v.memory.ledger); err != nil {
		return err
	}

	// The state: in a header signed by validators the client trusts, and young enough.
	if err := v.verifyState(); err != nil {
		return err
	}

	// The repository: what the ledger says of it, and that it never goes back.
	if err := v.proveRepository(); err != nil {
		return err
	}
	if err := v.checkHistory(); err != nil {
		return err
	}
	if v.repository == nil {
		if err := v.refuseUnused(partTag, partImage, partFiles, partStatement); err != nil {
			return err
		}
		return v.deny(ErrUnknownRepository, "%s", v.request.Repository)
	}
	v.describeRepository()

	// The publisher's files, end to end.
	if err := v.verifyRoots(); err != nil {
		return err
	}
	if err := v.checkPin(); err != nil {
		return err
	}
	if v.request.Assurance == query.PublisherAssurance {
		if err := v.verifyTargets(); err != nil {
			return err
		}
	}

	// The question.
	switch {
	case !v.request.Tag.IsZero():
		return v.answerTag()
	case !v.request.Digest.IsZero():
		return v.answerDigest()
	default:
		return v.refuseUnused(partTag, partImage, partStatement)
	}
}

// verifyState verifies what the answer rests on.
func (v *verification) verifyState() error {
	proven, next, err := verifyState(v.bundle.GetState(), v.memory, v.now, v.policy, v.before)
	if err != nil {
		return err
	}
	v.memory, v.header, v.mapRoot = next, proven.header, proven.mapRoot
	v.result.HeaderHeight, v.result.StateHeight = proven.HeaderHeight, proven.StateHeight
	v.result.BlockTime, v.result.Age = proven.BlockTime, proven.Age
	return nil
}

func (v *verification) proveRepository() error {
	value, err := prove(v.mapRoot, "the repository", record.RepositoryKey(v.request.Repository), v.bundle.GetRepository())
	if err != nil || value == nil {
		return err
	}
	r, err := decode("repository", value, record.DecodeRepository)
	if err != nil {
		return err
	}
	if r.Profile != record.ProfileTUF {
		return fail(record.ErrNewer, "repository of profile %d", r.Profile)
	}
	var ok bool
	if v.rootState, ok = r.Role(tuf.RoleRoot); !ok || v.rootState.Version == 0 || r.Revision == 0 {
		return fail(ErrMismatch, "repository without root or history")
	}
	if r.LastHeight > v.result.StateHeight {
		return fail(ErrMismatch, "repository with a record of height %d at height %d", r.LastHeight, v.result.StateHeight)
	}
	v.repository = r
	return nil
}

// checkHistory compares the repository with what was seen of it before. Repositories
// are never removed, so an absent one counts as revision zero.
func (v *verification) checkHistory() error {
	seen, ok, err := v.memory.know(v.request.Repository)
	if err != nil || !ok {
		return err
	}
	v.seen = seen
	var revision uint64
	if v.repository != nil {
		revision = v.repository.Revision
	}
	height := v.result.StateHeight
	behind := height < seen.Changed
	switch {
	case behind && !v.policy.Offline:
		return fail(ErrBehind, "height %d, a record of height %d is known", height, seen.Changed)
	case revision < seen.Revision && (!behind || height >= seen.Height), height <= seen.Height && revision > seen.Revision:
		return fail(ErrRollback, "revision %d at height %d, seen before: %d at %d", revision, height, seen.Revision, seen.Height)
	case behind:
		v.fallBack()
	}
	return nil
}

func (v *verification) describeRepository() {
	r := &v.result
	r.Registrant = v.repository.Registrant
	r.Revocations, r.Lifts = v.repository.RevocationSequence, v.repository.LiftSequence
	r.Recoveries = v.repository.RecoveryCount
	r.Revision = v.repository.Revision
	r.RootVersion = v.rootState.Version
	if s, ok := v.repository.Role(tuf.RoleTargets); ok {
		r.TargetsVersion = s.Version
	}
	for _, s := range v.repository.Roles {
		r.Roles = append(r.Roles, RoleStatus{
			Name: s.Name, Parent: s.Parent, Version: s.Version, Expires: s.Expires,
			After: v.repository.After(s.Name), MeetsKeys: s.MeetsKeys, Narrowed: s.Narrowed, Keys: s.Keys,
			Effective: v.repository.Effective(s.Name, v.header.Time),
		})
	}
}

// learnt returns the memory after a verdict.
func (v *verification) learnt() *Memory {
	switch {
	case v.behind:
		return v.learntFromOld()
	case v.repository == nil:
		return v.memory
	}
	s := v.seen
	if v.result.StateHeight >= s.Height {
		s.Height, s.Revision = v.result.StateHeight, v.repository.Revision
	}
	s.Changed = max(s.Changed, v.repository.LastHeight)
	return v.memory.withRepository(v.request.Repository, s)
}

func (v *verification) deny(reason error, format string, args ...any) error {
	return newDenial(reason, &v.result, format, args...)
}

// binding is what a file of a role must say it was signed for.
func (v *verification) binding(role string) tuf.Binding {
	return tuf.Binding{Ledger: v.memory.ledger, Repository: v.request.Repository, Role: role}
}

// verifier is the one signature verification function.
func (v *verification) verifier() keys.Verifier { return keys.Direct{} }
