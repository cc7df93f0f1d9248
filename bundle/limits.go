package bundle

import (
	"time"

	"hullmark/record"
)

const (
	// MediaType is the media type of an encoded bundle.
	MediaType = "application/vnd.hullmark.bundle.v1+json"

	// FormatVersion is the version in bundles, trust anchors and memories.
	FormatVersion = 1

	// MaxSize bounds an encoded bundle in bytes. Two targets files of the
	// largest size fit in base64, with room for roots and light blocks; a client
	// that reads a hostile answer stays below 64 MiB of memory, as proto.MaxParts
	// bounds what small parts become.
	MaxSize = 16 << 20

	// MaxFileSize bounds a file with several bundles in bytes: bundles of usual size
	// fit by the hundred.
	MaxFileSize = 4 * MaxSize

	// MaxFileEntries bounds the bundles in a file.
	MaxFileEntries = 1024

	// MaxIntermediateBlocks bounds the intermediate blocks, each of which costs the
	// verification of a commit. Validators change one at a time, so this is more
	// than twice the changes of a whole consortium within a trusting period.
	MaxIntermediateBlocks = 256

	// MaxRoots bounds the root files of a bundle, each of which costs up to
	// tuf.MaxSignatures verifications. It is a rotation every week for
	// twenty years.
	MaxRoots = 1024

	// MaxTargets bounds the targets files of a bundle: a chain of delegations
	// visits a role once.
	MaxTargets = record.MaxRoles

	// MaxTargetsBytes bounds the targets files of a bundle together, in bytes, beside
	// those that the reader holds and but for the first: a fraction of MaxSize, so that
	// roots and light blocks have room. What rests on more of them takes several
	// bundles.
	MaxTargetsBytes = 6 << 20

	// MaxStatements bounds the statements of a bundle: the newest one about its
	// digest says all there is to know.
	MaxStatements = 1

	// MaxKeptRevoked bounds the revoked digests a memory keeps of one repository.
	// They are remembered one by one as they are asked for; an owner who revokes
	// more has better means, and forgetting the oldest leaves the ledger's word.
	MaxKeptRevoked = 256

	// MaxLightBlockSize bounds an encoded light block in bytes. A validator
	// takes about 190 bytes of it, so MaxValidators fit.
	MaxLightBlockSize = 64 << 10

	// MaxValidators bounds the validators of a light block: twice the operators
	// of a genesis, and what keeps a hostile commit cheap to judge.
	MaxValidators = 2 * record.MaxOperators

	// MaxAnchorSize bounds trust.json in bytes: one light block and the keys of
	// record.MaxOperators operators fit several times.
	MaxAnchorSize = 1 << 20

	// MaxMemorySize bounds an encoded memory without its repositories in bytes:
	// MaxKeptBlocks of the largest size fit in base64.
	MaxMemorySize = 8 << 20

	// MaxSeenSize bounds what is kept of one repository in bytes. It is about 6 KB,
	// mostly the root file; a root of the largest size and the digests of a
	// rotation every day for a century fit.
	MaxSeenSize = 4 << 20

	// MaxKeptBlocks bounds the light blocks in a memory. When validators change
	// more often, the oldest blocks after the anchor's are forgotten.
	MaxKeptBlocks = 64

	// MaxForkSize bounds the evidence of a fork in bytes: two light blocks of the
	// largest size fit in base64.
	MaxForkSize = 256 << 10

	// MaxTrustingPeriod bounds the trusting period of an anchor; beyond a
	// century a typing error is likelier than a wish.
	MaxTrustingPeriod = 100 * 365 * 24 * time.Hour
)

const (
	// DefaultMaxAge is how old an answer may be. Idle ledgers make a block every
	// five seconds, so a minute forgives an unlucky node and no more.
	DefaultMaxAge = 60 * time.Second

	// DefaultMaxClockDrift is how far ahead of the client's clock a header may
	// be. It equals the nodes' block_time_tolerance: what validators may sign,
	// clients accept.
	DefaultMaxClockDrift = 10 * time.Second

	// keepSpacing divides the trusting period into the pieces for each of which
	// a memory keeps a light block while the validators stay the same. An answer
	// from a node that lags behind then still finds a start that has not expired.
	keepSpacing = 8

	// keepEvery is the greatest distance of such light blocks, so that what was made
	// since is verified from one of them when a newer anchor has been imported.
	keepEvery = 24 * time.Hour
)
