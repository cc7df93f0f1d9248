package record

import (
	"time"

	"hullmark/tuf"
)

// The ledger's limits. Every node applies the same ones, so they are constants
// of the format and not configuration; those that governance may change are in
// Params.
const (
	// MaxTransactionSize is the size of a whole transaction in bytes. It equals
	// the mempool's max_tx_bytes, bounds what a stranger can make a node parse,
	// and holds a targets file of about 2,200 tags; larger files grow by deltas.
	MaxTransactionSize = 256 << 10

	// MaxScopes is the number of scopes in one transaction. Sixteen
	// repositories published together cover a release of a large product; more
	// would let one transaction hold up too much.
	MaxScopes = 16

	// MaxRotations is the number of consecutive root rotations of one
	// repository in one transaction.
	MaxRotations = 16

	// MaxRoles is the number of roles a repository may have at once, as TUF
	// clients and the recount of effective roles must stay cheap.
	MaxRoles = 64

	// MaxRepositorySize is the size in bytes of a repository value after a publish of
	// role files: 64 roles of two keys each take half of it. Every proof about the
	// repository carries the value.
	MaxRepositorySize = 32 << 10

	// MaxPatterns is the number of patterns a tag can be compared with at one
	// delegator: those of all the roles a file may delegate to.
	MaxPatterns = tuf.MaxDelegations * tuf.MaxPaths

	// MaxSubmitterKey is the size of a submitter's key in bytes: that of a P-256 key,
	// so that nobody has an RSA key parsed before it is known.
	MaxSubmitterKey = 91

	// MaxChanges is the number of tags one record may change. It bounds the map
	// keys a transaction writes and the size of a change list.
	MaxChanges = 1000

	// MaxStatementDigests is the number of digests one statement may name. It
	// covers the images of a large product; a proof about one of them carries the
	// whole statement, 9 KB with SHA-256.
	MaxStatementDigests = 256

	// MaxNote is the size of a statement's note in bytes: a sentence and an
	// advisory's address.
	MaxNote = 200

	// MaxVouchers is how many repositories an image value lists.
	MaxVouchers = 16

	// MaxKeyIDs is the number of key ids in any list of this package. The longest
	// is that of a log record about all the root rotations and role files one
	// transaction can carry, each signed by as many keys as a file may be.
	MaxKeyIDs = (MaxRotations + MaxRoles) * tuf.MaxSignatures

	// MaxNameLength bounds ids of operators and names of ledgers. A chain id
	// has at most 50 bytes in CometBFT, 17 of which the genesis hash takes.
	MaxNameLength = 32

	// MaxRoleName bounds a TUF role name in bytes, prefix included.
	MaxRoleName = len(RoleTargets+"/") + tuf.MaxRoleNameSize

	// MaxOperators is the number of operators in a genesis.
	MaxOperators = 100

	// MaxNamespaces is the number of namespaces of one operator in a genesis.
	MaxNamespaces = 64

	// MaxActivations is the number of features with an activation height.
	MaxActivations = 64

	// MaxKeySize is the size of a PKIX public key in bytes. The largest
	// accepted key, RSA 4096, takes 550.
	MaxKeySize = 1024

	// MaxRecordSize is the size of a log record in bytes: C2SP tlog-tiles
	// bundles give an entry two bytes of length.
	MaxRecordSize = 65535

	// MaxCardSize bounds an operator card before it is parsed: all namespaces an
	// operator may have take 18 kB.
	MaxCardSize = 64 << 10

	// MaxGenesisSize bounds a genesis before it is parsed.
	MaxGenesisSize = 1 << 20

	// MinValidators is the size no running network's validator set may fall
	// below after genesis; with four, one may fail.
	MinValidators = 4

	// ValidatorPower is the only power a validator may have. With equal powers
	// that are even, the weighted median of the precommit times lies between
	// two honest clocks while fewer than a third are faulty; with power 1, or
	// with unequal powers, one faulty clock can move it.
	ValidatorPower = 10
)

// The limits of time, in nanoseconds since 1970 where stored.
const (
	// MaxTime is the last time formats can carry: Unix nanoseconds must fit a
	// signed 64-bit integer, and the year 2262 has an end.
	MaxTime = 1<<63 - 1

	// NotaryGrace is how long a list of operators' notary keys stays acceptable
	// in a publisher's root after the consortium changed it.
	NotaryGrace = 90 * 24 * time.Hour
)

// CheckTime reports whether formats can carry t.
func CheckTime(t time.Time) bool {
	return t.Unix() >= 0 && t.Before(time.Unix(0, MaxTime))
}
