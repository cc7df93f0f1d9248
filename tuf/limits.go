package tuf

import "hullmark/keys"

const (
	// MaxTargetsSize bounds a targets file in bytes. A signature covers the whole
	// file, so this bounds what one small delta makes every node hash and write. About
	// 8,000 tags fit, and larger repositories delegate.
	MaxTargetsSize = 1_000_000

	// MaxRootSize bounds a root file in bytes, again as stock TUF clients do.
	MaxRootSize = 512_000

	// MaxDepth bounds the nesting of objects and arrays. The deepest value of
	// the format is at depth 6; the rest is room to name the error after what
	// the file holds.
	MaxDepth = 16

	// MaxStringSize bounds every string in bytes as written in the file. The
	// longest is the hex text of an RSA signature.
	MaxStringSize = 2 * keys.MaxSignatureSize

	// MaxInteger bounds every integer: the largest range in which all JSON
	// implementations, those that use doubles included, agree on the value.
	MaxInteger = 1 << 53

	// MaxSignatures bounds the signatures of a file, each of which costs a
	// verification.
	MaxSignatures = 16

	// MaxThreshold bounds the threshold of the roles whose keys publishers
	// hold. A new root carries the signatures of two root roles, so twice this
	// must not exceed MaxSignatures.
	MaxThreshold = MaxSignatures / 2

	// MaxRoleKeys bounds the keys of a role whose keys publishers hold.
	MaxRoleKeys = 16

	// MaxNotaryKeys bounds the keys of the snapshot and timestamp roles, which
	// are the operators' notary keys. With the usual threshold of more than two
	// thirds, a timestamp file signed by more operators would exceed the 16,384
	// bytes that stock TUF clients load.
	MaxNotaryKeys = 112

	// MaxRootKeys bounds the keys of a root file: its root and targets roles,
	// and the notary keys, which the snapshot and timestamp roles share.
	MaxRootKeys = 2*MaxRoleKeys + MaxNotaryKeys

	// MaxDelegations bounds the delegated roles of a targets file. Whether each
	// stored role still meets its delegator is recounted when the delegator
	// changes, within one transaction.
	MaxDelegations = 64

	// MaxDelegationKeys bounds the keys of a targets file.
	MaxDelegationKeys = 64

	// MaxPaths bounds the path patterns of a delegated role.
	MaxPaths = 16

	// MaxPathSize bounds a path pattern in bytes, as a tag is bounded.
	MaxPathSize = 128

	// MaxRoleNameSize bounds the name of a delegated role in bytes, without the
	// prefix, so that any file system can hold a file of that name.
	MaxRoleNameSize = 64

	// MaxLedgerSize bounds a ledger id in bytes: it is a chain id, for which
	// CometBFT sets this limit.
	MaxLedgerSize = 50

	// maxShown bounds how much of a name from a file an error shows, in bytes.
	maxShown = 80
)
