package record

import (
	"errors"
	"fmt"
	"strings"
)

// Codespace qualifies the ledger's rejection codes in ABCI responses.
const Codespace = "hullmark"

// Code is a stable rejection code. It is an error, so that what a node refuses
// and what a client reports are the same value: errors.Is(err,
// record.CodeStaleScope) holds on both sides. Numbers are never reused.
type Code uint32

// The rejection codes (docs/spec.md, "Rejection codes").
const (
	CodeMalformed          Code = 1
	CodeTooLarge           Code = 2
	CodeWrongChain         Code = 3
	CodeUnknownSubmitter   Code = 4
	CodeSubmitterSignature Code = 5
	CodeNotActive          Code = 6
	CodeStaleScope         Code = 7
	CodeFutureScope        Code = 8
	CodeScopeMismatch      Code = 9
	CodeUnknownRepository  Code = 10
	CodeRepositoryExists   Code = 11
	CodeNotOwner           Code = 12
	CodeQuota              Code = 13
	CodeWork               Code = 14
	CodeNotCanonical       Code = 15
	CodeInvalidMetadata    Code = 16
	CodeWrongBinding       Code = 17
	CodeWrongVersion       Code = 18
	CodeExpired            Code = 19
	CodeExpiresTooLate     Code = 20
	CodeThreshold          Code = 21
	CodeUnknownKey         Code = 22
	CodeBadSignature       Code = 23
	CodeWrongRole          Code = 24
	CodeNotaryKeys         Code = 25
	CodeRoleNotEffective   Code = 26
	CodeTagHeld            Code = 27
	CodeTooManyChanges     Code = 28
	CodeMetadataTooLarge   Code = 29
	CodeStaleBase          Code = 30
	CodeTagNotDelegated    Code = 31
	CodeRoleConflict       Code = 32
	CodeRevoked            Code = 33
	CodeAlreadyRevoked     Code = 34
	CodeNotRevoked         Code = 35
)

// codeText gives each code its stable name and its meaning.
func codeText(c Code) (name, meaning string) {
	switch c {
	case CodeMalformed:
		return "malformed-transaction", "the transaction is not well formed"
	case CodeTooLarge:
		return "transaction-too-large", "the transaction is larger than the ledger takes"
	case CodeWrongChain:
		return "wrong-chain", "the transaction was made for another ledger"
	case CodeUnknownSubmitter:
		return "unknown-submitter", "the submitter's key is neither an operator's nor in the repository's stored metadata"
	case CodeSubmitterSignature:
		return "bad-submitter-signature", "the submitter's signature does not verify"
	case CodeNotActive:
		return "not-active", "this network has not activated the feature"
	case CodeStaleScope:
		return "stale-scope", "the ledger already has this version or a newer one"
	case CodeFutureScope:
		return "version-gap", "the version does not follow the one the ledger has"
	case CodeScopeMismatch:
		return "scope-mismatch", "the transaction does not carry exactly what its scopes name"
	case CodeUnknownRepository:
		return "unknown-repository", "the repository is not registered"
	case CodeRepositoryExists:
		return "repository-exists", "the repository is registered already"
	case CodeNotOwner:
		return "not-namespace-owner", "the operator does not own the namespace of the repository"
	case CodeQuota:
		return "quota-exceeded", "the quota is used up for now"
	case CodeWork:
		return "too-much-work", "the transaction asks for more work than a block may hold"
	case CodeNotCanonical:
		return "metadata-not-canonical", "a metadata file is not in canonical form"
	case CodeInvalidMetadata:
		return "invalid-metadata", "a metadata file breaks a rule of TUF"
	case CodeWrongBinding:
		return "wrong-binding", "a metadata file or statement was made for another ledger, repository or role"
	case CodeWrongVersion:
		return "wrong-metadata-version", "a metadata file has not the version its scope names"
	case CodeExpired:
		return "metadata-expired", "a metadata file is expired at block time"
	case CodeExpiresTooLate:
		return "expires-too-late", "a metadata file expires later than the network allows"
	case CodeThreshold:
		return "threshold-not-met", "too few of the role's keys signed"
	case CodeUnknownKey:
		return "unknown-signer", "a metadata file or statement is signed by a key that is not the role's"
	case CodeBadSignature:
		return "bad-signature", "a signature in a metadata file or statement does not verify"
	case CodeWrongRole:
		return "wrong-role", "a metadata file is not of the role it was sent for"
	case CodeNotaryKeys:
		return "wrong-notary-keys", "the root does not list the operators' notary keys for snapshot and timestamp"
	case CodeRoleNotEffective:
		return "role-not-effective", "the role that signs, or one above it, is expired or lacks signatures by its current keys"
	case CodeTagHeld:
		return "tag-held", "another role holds the tag"
	case CodeTooManyChanges:
		return "too-many-changes", "the transaction changes more tags than one record may"
	case CodeMetadataTooLarge:
		return "metadata-too-large", "a metadata file is larger than the ledger takes"
	case CodeStaleBase:
		return "stale-base", "the delta was made for another file than the one stored"
	case CodeTagNotDelegated:
		return "tag-not-delegated", "a metadata file lists a tag that is not delegated to its role"
	case CodeRoleConflict:
		return "role-conflict", "a metadata file delegates to a role of another delegator, or to more roles than a repository may have"
	case CodeRevoked:
		return "digest-revoked", "the digest is revoked in the repository"
	case CodeAlreadyRevoked:
		return "already-revoked", "every digest of the statement is revoked already"
	case CodeNotRevoked:
		return "not-revoked", "no digest of the statement is revoked, or only later than the lift knows of"
	default:
		return unknownName(c), "rejected by a newer rule; upgrade this program"
	}
}

// Codes returns the rejection codes of this program, ascending.
func Codes() []Code {
	var out []Code
	for c := Code(1); ; c++ {
		if name, _ := codeText(c); name == unknownName(c) {
			return out
		}
		out = append(out, c)
	}
}

// unknownName is the name of a code that this program does not know.
func unknownName(c Code) string { return fmt.Sprintf("code-%d", uint32(c)) }

// Name returns the stable name of the code, such as "stale-scope".
func (c Code) Name() string {
	name, _ := codeText(c)
	return name
}

// Error implements error with the code's meaning.
func (c Code) Error() string {
	_, meaning := codeText(c)
	return meaning
}

// Rejection is a transaction refused, with what exactly was wrong. The detail is
// for people; only the code is part of the protocol.
type Rejection struct {
	Code   Code
	Detail string
}

// Reject returns a rejection with a detail in the manner of fmt.Errorf.
func Reject(c Code, format string, args ...any) *Rejection {
	return &Rejection{Code: c, Detail: fmt.Sprintf(format, args...)}
}

// ReadRejection is the inverse of Rejection.Error for a code that came with its
// text, over a network or through the engine.
func ReadRejection(c Code, text string) *Rejection {
	detail, ok := strings.CutPrefix(text, c.Error())
	if !ok {
		return &Rejection{Code: c, Detail: text}
	}
	return &Rejection{Code: c, Detail: strings.TrimPrefix(detail, ": ")}
}

// Error implements error.
func (r *Rejection) Error() string {
	if r.Detail == "" {
		return r.Code.Error()
	}
	return r.Code.Error() + ": " + r.Detail
}

// Unwrap makes errors.Is find the code.
func (r *Rejection) Unwrap() error { return r.Code }

// CodeOf returns the code an error carries, or zero and false.
func CodeOf(err error) (Code, bool) {
	var c Code
	ok := errors.As(err, &c)
	return c, ok
}
