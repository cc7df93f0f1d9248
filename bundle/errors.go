package bundle

import (
	"errors"
	"fmt"

	"hullmark/record"
)

// The reasons of a Denial. They are proven: another honest node gives the same
// answer for the same height.
var (
	// ErrUnknownRepository says that the repository was never registered.
	ErrUnknownRepository = errors.New("the repository is not registered")
	// ErrAbsentTag says that the tag was never published.
	ErrAbsentTag = errors.New("the tag was never published")
	// ErrAbsentImage says that the repository never published the digest.
	ErrAbsentImage = errors.New("the repository never published this digest")
	// ErrWithdrawn says that the publisher withdrew the tag.
	ErrWithdrawn = errors.New("the tag was withdrawn")
	// ErrRevoked says that the publisher revoked the digest.
	ErrRevoked = errors.New("the digest was revoked")
	// ErrNotEffective says that the role behind the tag verifies nothing: it, or
	// one above it, is expired or lacks signatures by its current keys.
	ErrNotEffective = errors.New("the role that signed is expired or lacks signatures by its current keys")
	// ErrDifferentDigest says that the tag means another digest than the request.
	ErrDifferentDigest = errors.New("the tag means another digest")
	// ErrNotListed says that the digest was published once, and that no current
	// file of the publisher lists it any more. Only ledger assurance vouches for
	// such a digest.
	ErrNotListed = errors.New("no current metadata of the publisher lists this digest")
	// ErrPolicy says that the client's own policy refuses the answer.
	ErrPolicy = errors.New("refused by policy")
)

// The reasons for which an answer fails to verify. An honest node with an intact
// disk never causes one.
var (
	// ErrMalformed reports bytes that are not a bundle, or part of one.
	ErrMalformed = errors.New("malformed bundle")
	// ErrWrongLedger reports an answer that belongs to another ledger.
	ErrWrongLedger = errors.New("bundle of another ledger")
	// ErrHeader reports a light block that does not follow from a trusted one.
	ErrHeader = errors.New("light block does not verify")
	// ErrNotEnoughTrust accompanies ErrHeader when the validators have changed too much
	// since the trusted block: light blocks in between may help.
	ErrNotEnoughTrust = errors.New("too few of the trusted validators signed")
	// ErrAppHash reports a state that is not the one the header commits to.
	ErrAppHash = errors.New("state does not match the header")
	// ErrProof reports a map proof that does not verify.
	ErrProof = errors.New("map proof does not verify")
	// ErrLog reports a log proof that does not verify.
	ErrLog = errors.New("log proof does not verify")
	// ErrHistory reports records that are not the history of a repository, or
	// leave out part of it.
	ErrHistory = errors.New("history does not verify")
	// ErrRoot reports root files that do not lead from the newest known root to
	// the current one.
	ErrRoot = errors.New("root metadata does not verify")
	// ErrTargets reports a targets file that is not the current one or not signed
	// as the root demands.
	ErrTargets = errors.New("targets metadata does not verify")
	// ErrStatement reports a statement of revocation or lift that is not the one
	// the ledger names or not signed as the root demands, or the lack of one that
	// must be shown.
	ErrStatement = errors.New("statement does not verify")
	// ErrMismatch reports parts that verify each on its own and contradict each
	// other: the validators signed something no honest state machine makes.
	ErrMismatch = errors.New("proven values contradict each other")
	// ErrRollback reports a repository that went back in its own history.
	ErrRollback = errors.New("repository was rolled back")
	// ErrFork reports two blocks of one height, both signed by validators that
	// the client trusts. It is evidence of a broken consortium; a Fork carries it.
	ErrFork = errors.New("two signed blocks of one height")
	// ErrTransaction reports a transaction that is not in the block it is said
	// to be in.
	ErrTransaction = errors.New("transaction proof does not verify")
)

// The reasons for which an answer that may be true is not relied on.
var (
	// ErrStale says that the header is older than the policy allows.
	ErrStale = errors.New("answer is too old")
	// ErrFuture says that the header is ahead of the client's clock: the clock is
	// slow, or a third of the validators' are fast.
	ErrFuture = errors.New("answer is from the future; check the clock")
	// ErrBehind says that the client has seen a later state of the repository. An answer
	// with everything else wrong about it is not: an old file that is damaged is damaged.
	ErrBehind = errors.New("it is older than what this client has seen")
	// ErrAnchorExpired says that every trusted light block is older than the
	// trusting period: the trust anchor must be renewed out of band.
	ErrAnchorExpired = errors.New("trust anchor has expired; import a new one")
	// ErrMoreRoots says that the repository has more roots than the bundle has
	// room for. What it holds is verified and remembered; the next bundle, asked
	// for with that memory, goes on from there.
	ErrMoreRoots = errors.New("more root files are needed; ask again")
	// ErrMoreFiles says that a bundle has no room for all targets files that the
	// verdict rests on. The next bundle, asked for by who holds those of this one,
	// has more of them.
	ErrMoreFiles = errors.New("more targets files are needed; ask again")
	// ErrBelowTrusted says that the answer is older than every light block
	// the client can start from.
	ErrBelowTrusted = errors.New("answer is older than every trusted light block")
)

// ErrRequest reports a question that cannot be asked, or a policy that makes no
// sense. It is the caller's mistake.
var ErrRequest = errors.New("invalid request")

// ErrNotInFile says that a file with several bundles has none about the question.
var ErrNotInFile = errors.New("the file has no bundle about this")

// Trust data of the client's own that cannot be used.
var (
	// ErrAnchor reports a trust anchor that is not one. Another copy of it helps.
	ErrAnchor = errors.New("invalid trust anchor")
	// ErrUnrelated reports a trust anchor to which nothing leads that the client knows:
	// only a person may replace what is trusted by it.
	ErrUnrelated = errors.New("nothing known leads to the trust anchor")
	// ErrNotNewer reports a trust anchor that would take the place of one which is not
	// older: the keys that it names may be anybody's by now.
	ErrNotNewer = errors.New("the trust anchor is not newer than the known one")
	// ErrMemory reports a memory that is not one, or has grown too large. Only a
	// new one helps, which protects against no rollback since the trust anchor.
	ErrMemory = errors.New("invalid memory")
)

// Denial is a proven answer that is not yes.
type Denial struct {
	// Reason is one of the reasons above.
	Reason error
	// Detail says what exactly, for people; may be empty.
	Detail string
	// Result holds what was proven on the way to the verdict. Its fields past the
	// point of denial are zero.
	Result *Result
}

// Error implements error.
func (d *Denial) Error() string {
	if d.Detail == "" {
		return d.Reason.Error()
	}
	return d.Reason.Error() + ": " + d.Detail
}

// Unwrap makes errors.Is find the reason.
func (d *Denial) Unwrap() error { return d.Reason }

// Class says what a caller should conclude from an error of this package.
type Class int

// The classes, in rising order of seriousness where answers of several nodes
// are compared.
const (
	// ClassNone is the class of no error.
	ClassNone Class = iota
	// Other is a mistake of the caller, an old program or a failing machine.
	Other
	// Stale is an answer that may be true and is not relied on: ask another node,
	// check the clock, or renew the trust anchor.
	Stale
	// NotTrusted is a proven no.
	NotTrusted
	// Attack is an answer that does not verify: whoever gave it lies or is
	// broken.
	Attack
)

// String returns the class as a word.
func (c Class) String() string {
	switch c {
	case ClassNone:
		return "none"
	case Stale:
		return "stale"
	case NotTrusted:
		return "not-trusted"
	case Attack:
		return "attack"
	case Other:
	}
	return "other"
}

// ClassOf returns the class of an error: it is the one place where errors are
// sorted.
func ClassOf(err error) Class {
	if err == nil {
		return ClassNone
	}
	var d *Denial
	if errors.As(err, &d) {
		return NotTrusted
	}
	// A newer format makes everything else an old program says about it moot, and
	// trust data of the client's own that does not verify is nobody's attack.
	if errors.Is(err, record.ErrNewer) || errors.Is(err, ErrMemory) || errors.Is(err, ErrAnchor) ||
		errors.Is(err, ErrUnrelated) || errors.Is(err, ErrNotNewer) {
		return Other
	}
	for _, e := range []error{
		ErrMalformed, ErrWrongLedger, ErrHeader, ErrAppHash, ErrProof, ErrLog, ErrHistory, ErrRoot,
		ErrTargets, ErrStatement, ErrMismatch, ErrRollback, ErrFork, ErrTransaction,
	} {
		if errors.Is(err, e) {
			return Attack
		}
	}
	for _, e := range []error{ErrStale, ErrFuture, ErrBehind, ErrAnchorExpired, ErrMoreRoots, ErrMoreFiles, ErrBelowTrusted} {
		if errors.Is(err, e) {
			return Stale
		}
	}
	return Other
}

// fail wraps a sentinel with what exactly was wrong.
func fail(sentinel error, format string, args ...any) error {
	return fmt.Errorf("%w: %w", sentinel, fmt.Errorf(format, args...))
}

func newDenial(reason error, r *Result, format string, args ...any) *Denial {
	return &Denial{Reason: reason, Detail: fmt.Sprintf(format, args...), Result: r}
}
