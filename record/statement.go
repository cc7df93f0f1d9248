package record

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"hullmark/keys"
	"hullmark/printable"
	"hullmark/reference"
	"hullmark/tuf"
)

// Tags that begin a statement, which is the message its keys sign, and the form
// with the signatures in which it travels and is stored.
const (
	statementTag       = "hullmark/statement/v1\n"
	signedStatementTag = "hullmark/signed-statement/v1\n"
)

// ErrStatement is returned for a statement that breaks a rule of its format.
var ErrStatement = errors.New("invalid statement")

// Action is what a statement does.
type Action uint8

// The actions. Numbers are never reused.
const (
	// ActionRevoke takes digests out of circulation in a repository.
	ActionRevoke Action = 1
	// ActionLift takes revocations back.
	ActionLift Action = 2
	// ActionVeto stops the recovery of a repository; reserved, refused by the
	// ledger.
	ActionVeto Action = 3
)

// String returns the action's name, which is that of its kind.
func (a Action) String() string {
	if k := a.Kind(); k != 0 {
		return k.String()
	}
	return fmt.Sprintf("action-%d", uint8(a))
}

// Kind is the kind of the transactions that carry statements of this action, zero for
// an action that is none.
func (a Action) Kind() Kind {
	for k := KindRegisterRepository; a != 0 && k.known(); k++ {
		if k.row().action == a {
			return k
		}
	}
	return 0
}

// Reason says why a statement was made.
type Reason uint8

// The reasons. Numbers are never reused.
const (
	ReasonUnspecified   Reason = 1 // nothing said
	ReasonMalicious     Reason = 2 // the image does harm on purpose
	ReasonVulnerable    Reason = 3 // the image can be attacked
	ReasonKeyCompromise Reason = 4 // the image was published with a stolen key
	ReasonMistake       Reason = 5 // the image, or its revocation, was a mistake
	ReasonSuperseded    Reason = 6 // another image takes its place
)

// Reasons returns all reasons, in the order of their numbers.
func Reasons() []Reason {
	return []Reason{
		ReasonUnspecified, ReasonMalicious, ReasonVulnerable, ReasonKeyCompromise, ReasonMistake, ReasonSuperseded,
	}
}

// String returns the reason's name, by which ParseReason knows it.
func (r Reason) String() string {
	switch r {
	case ReasonUnspecified:
		return "unspecified"
	case ReasonMalicious:
		return "malicious"
	case ReasonVulnerable:
		return "vulnerable"
	case ReasonKeyCompromise:
		return "key-compromise"
	case ReasonMistake:
		return "mistake"
	case ReasonSuperseded:
		return "superseded"
	default:
		return fmt.Sprintf("reason-%d", uint8(r))
	}
}

// ParseReason returns the reason of a name (ErrStatement).
func ParseReason(name string) (Reason, error) {
	for _, r := range Reasons() {
		if r.String() == name {
			return r, nil
		}
	}
	return 0, fmt.Errorf("couldn't parse reason: %w: %s is none", ErrStatement, printable.Quote(name))
}

// Statement is what a role says of images, or of a proposal, outside its metadata
// (docs/spec.md, "Statements"). Its encoding is what the role's keys sign. It names
// everything it is about, so no signature can be used in another ledger, repository
// or role, after a recovery, for another action, or twice.
type Statement struct {
	Action Action
	// Binding is the ledger, the repository and the role that signs: RoleRoot, or
	// for a revocation RoleTargets too.
	Binding tuf.Binding
	// RecoveryCount is that of the repository.
	RecoveryCount uint32
	// Sequence is the next revocation or lift sequence of the repository; of a
	// veto, the number of the proposal.
	Sequence uint64
	// Through is the last revocation sequence a lift applies to: what was revoked
	// later stays revoked. Zero in other statements.
	Through uint64
	// Digests are ascending (SortDigests) and not empty; a veto has none.
	Digests []reference.Digest
	Reason  Reason
	// Note is for people: printable ASCII, at most MaxNote bytes, without a space
	// at either end.
	Note string
}

// Validate reports what no statement may be (ErrStatement).
func (s *Statement) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrStatement, fmt.Sprintf(format, args...))
	}
	revoke, lift, veto := s.Action == ActionRevoke, s.Action == ActionLift, s.Action == ActionVeto
	switch {
	case !revoke && !lift && !veto:
		return bad("unknown action %d", s.Action)
	case !validLedger(s.Binding.Ledger):
		return bad("ledger id %s", printable.Quote(s.Binding.Ledger))
	case s.Binding.Repository.IsZero():
		return bad("no repository")
	case s.Binding.Role != RoleRoot && (!revoke || s.Binding.Role != RoleTargets):
		return bad("a %s by role %s", s.Action, printable.Quote(s.Binding.Role))
	case s.Sequence == 0:
		return bad("sequence 0")
	case lift != (s.Through != 0):
		return bad("a %s through sequence %d", s.Action, s.Through)
	case veto != (len(s.Digests) == 0):
		return bad("a %s of %d digests", s.Action, len(s.Digests))
	case len(s.Digests) > MaxStatementDigests:
		return bad("%d digests, at most %d", len(s.Digests), MaxStatementDigests)
	case s.Reason < ReasonUnspecified || s.Reason > ReasonSuperseded:
		return bad("unknown reason %d", s.Reason)
	case !validNote(s.Note):
		return bad("the note is not printable ASCII of at most %d bytes", MaxNote)
	}
	for i, d := range s.Digests {
		if d.IsZero() || i > 0 && CompareDigests(s.Digests[i-1], d) >= 0 {
			return bad("digests not ascending")
		}
	}
	return nil
}

// Encode returns the statement's bytes, which are the message its keys sign. The
// statement must be valid.
func (s *Statement) Encode() []byte {
	var e encoder
	e.raw([]byte(statementTag))
	e.u8(uint8(s.Action))
	e.str(s.Binding.Ledger)
	e.str(s.Binding.Repository.String())
	e.str(s.Binding.Role)
	e.u32(s.RecoveryCount)
	e.u64(s.Sequence)
	e.u64(s.Through)
	e.u16(uint16(len(s.Digests)))
	for _, d := range s.Digests {
		e.digest(d)
	}
	e.u8(uint8(s.Reason))
	e.str(s.Note)
	return e
}

// DecodeStatement is the inverse of Statement.Encode.
func DecodeStatement(b []byte) (*Statement, error) {
	d := decoder{b: b}
	s := new(Statement)
	d.tag(statementTag)
	s.Action = Action(d.u8())
	s.Binding.Ledger = d.str(MaxChainID)
	s.Binding.Repository = d.repository()
	s.Binding.Role = d.str(MaxRoleName)
	s.RecoveryCount = d.u32()
	s.Sequence = d.u64()
	s.Through = d.u64()
	for range d.count(MaxStatementDigests) {
		digest := d.digest()
		if d.err != nil {
			break
		}
		s.Digests = append(s.Digests, digest)
	}
	s.Reason = Reason(d.u8())
	s.Note = d.str(MaxNote)
	if err := d.end("statement"); err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't decode statement: %w: %w", ErrEncoding, err)
	}
	return s, nil
}

// Has reports whether the statement names a digest.
func (s *Statement) Has(d reference.Digest) bool {
	_, ok := slices.BinarySearchFunc(s.Digests, d, CompareDigests)
	return ok
}

// Scope is what a transaction that carries the statement claims. The statement must be
// valid.
func (s *Statement) Scope() Scope { return s.Action.Kind().row().claim(s) }

func (s *Statement) revocation() Scope {
	return RevocationScope(s.Binding.Repository, s.Binding.Role, s.Sequence)
}

func (s *Statement) lift() Scope { return LiftScope(s.Binding.Repository, s.Sequence) }

func (s *Statement) veto() Scope { return Scope{Kind: ScopeRecovery, Number: s.Sequence} }

// SignedStatement is a statement with signatures. Like everything that Decode
// functions return it must not be modified.
type SignedStatement struct {
	Statement
	// Signatures are ascending by key id; there may be none yet.
	Signatures []tuf.Signature
}

// Sign returns the statement with signatures of the signers added; a signature by
// the same key is replaced. It returns ErrStatement for an invalid statement.
func (s *SignedStatement) Sign(signers ...tuf.Signer) (*SignedStatement, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't sign statement: %w", err)
	}
	added, err := tuf.SignMessage(s.SignedBytes(), signers...)
	if err != nil {
		return nil, fmt.Errorf("couldn't sign statement: %w", err)
	}
	return s.AddSignatures(added...)
}

// AddSignatures returns the statement with signatures added that were made
// elsewhere over SignedBytes; a signature by the same key is replaced. They are not
// verified here.
func (s *SignedStatement) AddSignatures(added ...tuf.Signature) (*SignedStatement, error) {
	next := *s
	next.Signatures = tuf.MergeSignatures(s.Signatures, added)
	if n := len(next.Signatures); n > tuf.MaxSignatures {
		return nil, fmt.Errorf("couldn't add signatures to statement: %w: %d signatures, at most %d", ErrStatement, n, tuf.MaxSignatures)
	}
	return &next, nil
}

// SignedBytes returns the message the keys sign.
func (s *SignedStatement) SignedBytes() []byte { return s.Statement.Encode() }

// Signers returns the ids of the keys that signed, ascending.
func (s *SignedStatement) Signers() []keys.ID {
	var ids []keys.ID
	for _, sig := range s.Signatures {
		ids = append(ids, sig.KeyID)
	}
	return ids
}

// Encode returns the statement with its signatures: the form in which it travels
// and is stored, named by its SHA-256.
func (s *SignedStatement) Encode() []byte {
	var e encoder
	e.raw([]byte(signedStatementTag))
	e.str(string(s.Statement.Encode()))
	e.u16(uint16(len(s.Signatures)))
	for _, sig := range s.Signatures {
		e.raw(sig.KeyID[:])
		e.str(string(sig.Sig))
	}
	return e
}

// MeasureSignedStatement returns the sizes in bytes of the statement in an encoded signed
// statement and of its signatures, at most tuf.MaxSignatures, without decoding the statement.
// Of what is no signed statement it returns what comes before the fault.
func MeasureSignedStatement(b []byte) (statement int, signatures []int) {
	d := decoder{b: b}
	d.tag(signedStatementTag)
	statement = len(d.take(int(d.u16())))
	for range d.count(tuf.MaxSignatures) {
		d.hash()
		n := len(d.bytes(keys.MaxSignatureSize))
		if d.err != nil {
			break
		}
		signatures = append(signatures, n)
	}
	return statement, signatures
}

// DecodeSignedStatement is the inverse of SignedStatement.Encode. It verifies no
// signature.
func DecodeSignedStatement(b []byte) (*SignedStatement, error) {
	d := decoder{b: b}
	d.tag(signedStatementTag)
	statement := d.take(int(d.u16()))
	var signatures []tuf.Signature
	for range d.count(tuf.MaxSignatures) {
		sig := tuf.Signature{KeyID: keys.ID(d.hash()), Sig: d.bytes(keys.MaxSignatureSize)}
		if n := len(signatures); n > 0 && signatures[n-1].KeyID.Compare(sig.KeyID) >= 0 {
			d.fail("signatures not ascending")
		}
		if len(sig.Sig) == 0 {
			d.fail("empty signature")
		}
		if d.err != nil {
			break
		}
		signatures = append(signatures, sig)
	}
	if err := d.end("signed statement"); err != nil {
		return nil, err
	}
	s, err := DecodeStatement(statement)
	if err != nil {
		return nil, err
	}
	return &SignedStatement{Statement: *s, Signatures: signatures}, nil
}

// Digest is the SHA-256 of the signed statement, by which it is stored.
func (s *SignedStatement) Digest() [32]byte { return sha256.Sum256(s.Encode()) }

// Verify judges the signatures by the role that a root gives the statement's
// signers. Errors are those of package tuf for files. Whether the statement is
// about the right place and has its turn is for the caller to decide, and so is
// whether the root is expired.
func (s *SignedStatement) Verify(v keys.Verifier, root *tuf.Root) error {
	if err := tuf.VerifyMessage(v, root, s.Binding.Role, s.SignedBytes(), s.Signatures); err != nil {
		return fmt.Errorf("couldn't verify statement: %w", err)
	}
	return nil
}

// CompareDigests orders digests by their encoding: by algorithm, then by hash.
func CompareDigests(a, b reference.Digest) int {
	return slices.Compare(EncodeDigest(a), EncodeDigest(b))
}

// SortDigests returns the digests ascending and without repetition, the form in
// which statements carry them.
func SortDigests(digests []reference.Digest) []reference.Digest {
	out := slices.Clone(digests)
	slices.SortFunc(out, CompareDigests)
	return slices.Compact(out)
}

// validLedger reports whether s can be the ledger id of a binding.
func validLedger(s string) bool {
	for _, c := range []byte(s) {
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != "" && len(s) <= MaxChainID
}

// validNote reports whether s can be shown on anybody's terminal.
func validNote(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(s) <= MaxNote && (s == "" || s[0] != ' ' && s[len(s)-1] != ' ')
}
