package tuf

import "errors"

// The reasons for which bytes are not a file of this format. Parse functions
// return an error that wraps exactly one of them.
var (
	// ErrTooLarge reports a file above the size limit of its type.
	ErrTooLarge = errors.New("file is too large")
	// ErrSyntax reports bytes that are not one JSON value.
	ErrSyntax = errors.New("not JSON")
	// ErrNotCanonical reports JSON that has the right meaning at best, but is
	// not written in the one accepted way.
	ErrNotCanonical = errors.New("not in canonical form")
	// ErrTooDeep reports nesting beyond MaxDepth.
	ErrTooDeep = errors.New("nested too deeply")
	// ErrDuplicateKey reports a field name that occurs twice in an object.
	ErrDuplicateKey = errors.New("duplicate field name")
	// ErrNull reports a null, which no field may be.
	ErrNull = errors.New("null is not allowed")
	// ErrNumber reports a number that is not an integer within MaxInteger.
	ErrNumber = errors.New("number is not an integer of at most 53 bits")
	// ErrCharacter reports a character that no string may hold, or invalid
	// UTF-8.
	ErrCharacter = errors.New("forbidden character")
	// ErrLimit reports too many entries, or too long a string.
	ErrLimit = errors.New("limit exceeded")
	// ErrFieldType reports a value of another JSON type than the field has.
	ErrFieldType = errors.New("wrong type of value")
	// ErrUnknownField reports a field outside the closed list of its object.
	ErrUnknownField = errors.New("unknown field")
	// ErrMissingField reports the lack of a mandatory field.
	ErrMissingField = errors.New("missing field")

	// ErrType reports a file whose _type is not the expected one.
	ErrType = errors.New("wrong metadata type")
	// ErrSpecVersion reports a specification version other than 1.0.N.
	ErrSpecVersion = errors.New("unsupported specification version")
	// ErrConsistentSnapshot reports a root without consistent snapshots.
	ErrConsistentSnapshot = errors.New("consistent_snapshot is not true")
	// ErrExpires reports an expiry that is not a time of the format
	// YYYY-MM-DDTHH:MM:SSZ from 1970 on.
	ErrExpires = errors.New("malformed expiry")
	// ErrKey reports a public key that is malformed or not acceptable; the
	// error of package keys is wrapped too.
	ErrKey = errors.New("unacceptable key")
	// ErrKeyID reports a malformed key id, or one that is not the hash of the
	// key it stands for.
	ErrKeyID = errors.New("wrong key id")
	// ErrUnusedKey reports a listed key that no role uses.
	ErrUnusedKey = errors.New("key is not used by any role")
	// ErrSameKey reports a role that names a key twice.
	ErrSameKey = errors.New("role names a key twice")
	// ErrUnknownKey reports a role that names a key the file does not list, or,
	// from Verify functions, a signature by a key that the role does not have.
	ErrUnknownKey = errors.New("unknown key")
	// ErrThreshold reports a threshold that is not between 1 and the number of
	// keys of its role, or above MaxThreshold.
	ErrThreshold = errors.New("impossible threshold")
	// ErrRole reports a role that must not exist, a malformed role name, or a
	// role that the delegator does not delegate to.
	ErrRole = errors.New("wrong role")
	// ErrTarget reports a target with a malformed tag, digest or length.
	ErrTarget = errors.New("malformed target")
	// ErrPath reports a malformed path pattern, or, from Verify functions, a
	// target outside the paths that were delegated.
	ErrPath = errors.New("wrong path")
	// ErrDuplicateRole reports two delegated roles of one name.
	ErrDuplicateRole = errors.New("role is delegated to twice")
	// ErrSignature reports signatures that are malformed, or two of one key.
	ErrSignature = errors.New("malformed signature list")

	// ErrVersion reports a version outside 1..2^53, or, from Verify functions,
	// one that is not the next.
	ErrVersion = errors.New("wrong version")
	// ErrBinding reports a malformed binding, or, from Verify functions,
	// metadata made for another ledger, repository or role.
	ErrBinding = errors.New("wrong binding")
)

// The further reasons for which Verify functions refuse a well-formed file.
var (
	// ErrExpired reports a file whose expiry is not after the given time.
	ErrExpired = errors.New("metadata is expired")
	// ErrBadSignature reports a listed signature that does not verify.
	ErrBadSignature = errors.New("bad signature")
	// ErrTooFewSignatures reports a threshold that is not met.
	ErrTooFewSignatures = errors.New("too few signatures")
)

// The reasons for which a Delta does not apply.
var (
	// ErrStaleBase reports a delta made for another signed part.
	ErrStaleBase = errors.New("delta has another base")
	// ErrDelta reports a delta that is unsorted, removes what is absent, or
	// writes what is there already.
	ErrDelta = errors.New("malformed delta")
)
