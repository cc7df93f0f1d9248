package bundle

import (
	"time"

	"hullmark/proto"
	"hullmark/tuf"
)

// An answer is behind when the client knows a newer record of the repository than its
// state has. Of a node it is not looked at any further. A file is what somebody keeps, so
// it is verified to its end, by what was known when it was made as far as that is still
// known: a damaged one is damaged, and one that verifies is old.

// fallBack goes on with what was known of the repository at the height of a file that is
// behind. Roots are never replaced, so those known up to its own count.
func (v *verification) fallBack() {
	v.behind = true
	v.newer = v.seen
	v.seen.Revoked = nil
	if v.repository == nil {
		return
	}
	if have := v.seen.RootVersion(); have > v.rootState.Version {
		v.seen.Roots, v.seen.Root = v.seen.Roots[:v.rootState.Version], nil
	}
}

// judgeOld judges a file that is behind, after all that is in it. As of block time it
// answers what was so then. A revocation that the client has seen since is obeyed all the
// same: only a lift that it has seen ends that.
func (v *verification) judgeOld(verdict error) error {
	switch {
	case verdict != nil && ClassOf(verdict) != NotTrusted:
		return verdict
	case !v.policy.AllowExpired:
		return fail(ErrBehind, "as of %s, height %d; a record of height %d is known",
			v.result.BlockTime.Format(time.RFC3339), v.result.StateHeight, v.newer.Changed)
	case verdict == nil && v.newer.RevokedThrough(v.result.Digest) > 0:
		return v.deny(ErrRevoked, "%s, after the block time of the file", v.result.Digest)
	default:
		return verdict
	}
}

// learntFromOld returns the memory after a verdict on a file that is behind: roots that it
// did not know, and nothing else of the repository.
func (v *verification) learntFromOld() *Memory {
	s := v.newer
	if v.seen.RootVersion() <= s.RootVersion() {
		return v.memory
	}
	s.Roots, s.Root = v.seen.Roots, v.seen.Root
	return v.memory.withRepository(v.request.Repository, s)
}

// HasRootsOf reports whether a bundle is a portion of a file and leads to roots only that
// are known already: then the next portion is the one to go on with.
func (s Seen) HasRootsOf(b *proto.Bundle) bool {
	n := len(b.GetRoots())
	if b.GetLastRoot() == nil || n == 0 {
		return false
	}
	root, err := tuf.ParseRoot(b.GetRoots()[n-1])
	return err == nil && root.Version <= s.RootVersion()
}
