package bundle

import (
	"slices"
	"time"

	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// verifyRoots leads from the newest root the client has seen, or from version 1,
// to the root the ledger says is current. Every root on the way was signed by
// its predecessor; none is replaced.
func (v *verification) verifyRoots() error {
	if v.request.Assurance == query.LedgerAssurance {
		return v.compareRoots()
	}
	chain, err := v.knownRoots()
	if err != nil {
		return err
	}
	var last uint64
	for _, b := range v.bundle.GetRoots() {
		root, err := tuf.ParseRoot(b)
		if err != nil {
			return fail(ErrRoot, "%w", err)
		}
		if last != 0 && root.Version != last+1 {
			return fail(ErrRoot, "version %d after version %d", root.Version, last)
		}
		last = root.Version
		if err := chain.add(v, root); err != nil {
			return err
		}
	}
	switch {
	case chain.version() < v.rootState.Version:
		return v.verifyPortion(chain)
	case chain.newest == nil:
		return fail(ErrRoot, "the current version is %d, its file is missing", chain.version())
	}
	if v.bundle.GetLastRoot() != nil {
		return fail(ErrMalformed, "the last root is proven apart, and it is the current one")
	}
	if err := v.compareCurrent(chain.digests); err != nil {
		return err
	}
	if !isFileOf(&chain.newest.Metadata, v.rootState) {
		return fail(ErrMismatch, "the ledger describes root %d otherwise than it is", v.rootState.Version)
	}
	v.root = chain.newest
	v.seen.Roots = chain.digests
	v.seen.Root = chain.newest.Bytes()
	v.result.Root = chain.newest
	v.result.RootKeys = counted(&chain.newest.Metadata, chain.newest.Roles.Root)
	return nil
}

// verifyPortion judges a chain that is right as far as it goes and ends before the
// current root, because a bundle had no room for all. The ledger must say that
// the last of the files is the root of its version: keys that were stolen and
// rotated away can still sign a successor, and what is remembered is never
// replaced.
func (v *verification) verifyPortion(chain *rootChain) error {
	if v.bundle.GetLastRoot() == nil || chain.version() <= v.seen.RootVersion() {
		return fail(ErrRoot, "the current version is %d, the files end at %d", v.rootState.Version, chain.version())
	}
	key := record.RootKey(v.request.Repository, chain.version())
	value, err := prove(v.mapRoot, "the last root", key, v.bundle.GetLastRoot())
	if err != nil {
		return err
	}
	if value == nil {
		return fail(ErrMismatch, "the ledger does not know root %d and a later one", chain.version())
	}
	file, err := record.DecodeRootFile(value)
	if err != nil {
		return fail(ErrMismatch, "root %d: %w", chain.version(), err)
	}
	if file.FileDigest != chain.newest.FileDigest() {
		return fail(ErrRoot, "root %d is not the one the ledger has", chain.version())
	}
	v.seen.Roots, v.seen.Root = chain.digests, chain.newest.Bytes()
	return fail(ErrMoreRoots, "version %d of %d", chain.version(), v.rootState.Version)
}

// compareRoots is what is left of verifyRoots without files: a known root is not
// replaced.
func (v *verification) compareRoots() error {
	if uint64(len(v.seen.Roots)) < v.rootState.Version {
		return nil
	}
	return v.compareCurrent(v.seen.Roots)
}

// compareCurrent checks that the last of the digests is that of the current root.
func (v *verification) compareCurrent(digests [][32]byte) error {
	if n := uint64(len(digests)); n != v.rootState.Version {
		return fail(ErrRollback, "the current root is version %d, version %d is known", v.rootState.Version, n)
	}
	if digests[len(digests)-1] != v.rootState.FileDigest {
		return fail(ErrRoot, "the current root %d is not the one that verifies", v.rootState.Version)
	}
	return nil
}

// rootChain is a chain of roots from version 1 on, each verified by the one
// before it.
type rootChain struct {
	newest  *tuf.Root // nil before the first, and if the client no longer has the file
	digests [][32]byte
}

// knownRoots returns the chain as far as the client has seen it.
func (v *verification) knownRoots() (*rootChain, error) {
	c := &rootChain{digests: slices.Clone(v.seen.Roots)}
	if len(c.digests) == 0 || v.seen.Root == nil {
		return c, nil
	}
	var err error
	if c.newest, err = v.seen.parseRoot(v.memory.ledger, v.request.Repository); err != nil {
		return nil, fail(ErrMemory, "%w", err)
	}
	return c, nil
}

func (c *rootChain) version() uint64 { return uint64(len(c.digests)) }

// add verifies one more root, or compares it with the known one of its version.
func (c *rootChain) add(v *verification, root *tuf.Root) error {
	if root.Version <= c.version() {
		if c.digests[root.Version-1] != root.FileDigest() {
			return fail(ErrRoot, "version %d differs from the known one", root.Version)
		}
		if c.newest == nil && root.Version == c.version() {
			c.newest = root
		}
		return nil
	}
	// A root that has had a successor may be expired since, and was not when it
	// was entered. Whether the newest one still holds is decided by its role.
	unexpired := root.Expires.Add(-time.Second)
	var err error
	if c.newest == nil {
		err = tuf.VerifyFirstRoot(v.verifier(), root, v.binding(tuf.RoleRoot), unexpired)
	} else {
		err = tuf.VerifyNextRoot(v.verifier(), c.newest, root, unexpired)
	}
	if err != nil {
		return fail(ErrRoot, "%w", err)
	}
	c.newest = root
	c.digests = append(c.digests, root.FileDigest())
	return nil
}

// checkPin applies the client's own pin of the repository's root.
func (v *verification) checkPin() error {
	pin, ok := v.policy.PinnedRoots[v.request.Repository]
	if !ok || slices.Contains(v.seen.Roots, pin) || v.rootState.FileDigest == pin {
		return nil
	}
	if v.seen.RootVersion() < v.rootState.Version {
		// At ledger assurance no roots are sent, and one not seen may be the pinned one.
		return fail(ErrRequest, "whether a root of %s has the pinned digest takes publisher assurance", v.request.Repository)
	}
	return v.deny(ErrPolicy, "no root of %s has the pinned digest %x", v.request.Repository, pin)
}

// isFileOf reports whether a file is the one that the ledger's value describes.
func isFileOf(m *tuf.Metadata, s record.RoleState) bool {
	return m.FileDigest() == s.FileDigest && m.SignedDigest() == s.SignedDigest &&
		m.Version == s.Version && m.Expires.Equal(s.Expires) && slices.Equal(m.Signers(), s.Signers)
}
