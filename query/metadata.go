package query

import (
	"net/url"
	"strconv"

	"hullmark/printable"
	"hullmark/record"
	"hullmark/reference"
)

// What is asked about stored files.
const (
	KindMetadata Kind = "metadata"
	KindContent  Kind = "content"
)

const (
	pathMetadata = "/v1/metadata"
	pathContent  = "/v1/metadata/"
)

// Metadata asks for a role's file as it was signed. The answer has no proof.
type Metadata struct {
	Repository reference.Repository
	// Role is root, targets or a delegated role.
	Role string
	// Version of the file; zero for the current one.
	Version uint64
}

// Kind implements Question.
func (q Metadata) Kind() Kind { return KindMetadata }

// String implements Question.
func (q Metadata) String() string {
	return q.Repository.String() + "/" + q.Role + "/" + strconv.FormatUint(q.Version, 10)
}

// Check implements Question.
func (q Metadata) Check() error {
	if q.Repository.IsZero() {
		return fail("no repository")
	}
	if !record.ValidRole(q.Role) {
		return fail("role %s; use root, targets or targets/<name>", printable.Quote(q.Role))
	}
	return checkNumbers(q.Version)
}

func (q Metadata) rests() foundation { return onItself }

func (q Metadata) encode(v url.Values) string {
	v.Set("repository", q.Repository.String())
	v.Set("role", q.Role)
	setNumber(v, "version", q.Version)
	return pathMetadata
}

func parseMetadata(p *parameters) Question {
	return Metadata{
		Repository: read(p, "repository", reference.ParseRepository), Role: p.values.Get("role"), Version: p.number("version"),
	}
}

// Content asks for what is stored under a digest: a role file, a change list or a signed
// statement.
type Content struct {
	// Digest is the SHA-256 of the content.
	Digest [32]byte
}

// Kind implements Question.
func (q Content) Kind() Kind { return KindContent }

// String implements Question.
func (q Content) String() string { return encodeHash(q.Digest) }

// Check implements Question.
func (q Content) Check() error { return nil }

func (q Content) rests() foundation { return onItself }

func (q Content) encode(url.Values) string { return pathContent + encodeHash(q.Digest) }

func parseContent(p *parameters) Question { return Content{Digest: p.hash("digest")} }
