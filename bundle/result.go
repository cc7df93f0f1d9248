package bundle

import (
	"time"

	"hullmark/keys"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Result is what was proven. Which fields are set depends on the question:
// those about a tag, a digest or a publisher's files are zero when it was not
// about them.
type Result struct {
	Repository reference.Repository
	Tag        reference.Tag
	// Digest and Size are those of the image's manifest.
	Digest    reference.Digest
	Size      uint64
	Assurance query.Assurance

	// StateHeight is the height whose state was proven, HeaderHeight that of the
	// header that proves it: one more. BlockTime is the time of that header.
	StateHeight  uint64
	HeaderHeight uint64
	BlockTime    time.Time
	// Age is how old the header is; never negative.
	Age time.Duration

	// Registrant is the operator that registered the repository.
	Registrant string
	// Revision counts the repository's records in the log.
	Revision uint64
	// Revocations and Lifts count the repository's statements of either kind, and
	// Recoveries its recoveries from a lost root: what the next statement follows.
	Revocations uint64
	Lifts       uint64
	Recoveries  uint32
	// Roles is the state of the repository's roles, ascending by name.
	Roles []RoleStatus

	// Role is the role that holds the tag or lists the digest.
	Role string
	// RootVersion and TargetsVersion are the versions of the current files.
	RootVersion    uint64
	TargetsVersion uint64
	// TaggingKeys signed the file that lists the image and RootKeys the current
	// root; at ledger assurance, both as the ledger recorded them at the newest
	// publication of the digest. Ascending.
	TaggingKeys []keys.ID
	RootKeys    []keys.ID

	// Published is the record that gave the tag its meaning; for a question
	// without a tag, the newest publication of the digest.
	Published record.Publication
	// First and Last are the first and newest publication of the digest in the
	// repository.
	First record.Publication
	Last  record.Publication
	// Revocation is set when the digest is revoked, which is a Denial; Lift when it
	// was revoked once and the publisher took that back.
	Revocation *record.Ruling
	Lift       *record.Ruling
	// Statement is the statement behind the one or the other, verified; nil at
	// ledger assurance, or when a revocation was shown without it.
	Statement *record.SignedStatement

	// Root and Targets are the repository's verified files, at publisher
	// assurance; Targets is nil before the first. For a question about a
	// repository they may be expired or not effective: see Roles.
	Root    *tuf.Root
	Targets *tuf.Targets
	// Files are all role files that came along, Targets among them, by role. They
	// are the current ones; whether their roles are effective, Roles says.
	Files map[string]*tuf.Targets
}

// RoleStatus returns the state of a role, false when the repository never had it.
func (r *Result) RoleStatus(name string) (RoleStatus, bool) {
	for _, s := range r.Roles {
		if s.Name == name {
			return s, true
		}
	}
	return RoleStatus{}, false
}

// RoleStatus is the state of one role at the header's time.
type RoleStatus struct {
	Name string
	// Parent is the role that delegates to it; empty for the root.
	Parent  string
	Version uint64 // zero before the first file
	// After is the version that its next file follows.
	After   uint64
	Expires time.Time
	// MeetsKeys and Narrowed say why a role may not be effective (record.RoleState).
	MeetsKeys, Narrowed bool
	// Keys are those of a delegated role, ascending.
	Keys []keys.ID
	// Effective says whether the role verifies anything.
	Effective bool
}

// Reference returns repository@digest, the name that is safe to hand on.
func (r *Result) Reference() reference.Reference {
	return r.Repository.WithDigest(r.Digest)
}
