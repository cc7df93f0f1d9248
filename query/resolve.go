package query

import (
	"net/url"

	"hullmark/printable"
	"hullmark/reference"
	"hullmark/tuf"
)

// What Resolve is about.
const (
	KindTag        Kind = "tag"
	KindImage      Kind = "image"
	KindRepository Kind = "repository"
)

// PathResolve is where the meaning of tags is asked, which most questions are about.
const PathResolve = "/v1/resolve"

const (
	pathImage      = "/v1/image"
	pathRepository = "/v1/repository"
)

// Resolve asks what a name means; the answer is a bundle.
//
// With a tag only it asks what the tag means; with a digest only, whether the
// repository vouches for the digest; with both, whether the tag means that
// digest; with neither, what the ledger knows of the repository.
type Resolve struct {
	Repository reference.Repository
	Tag        reference.Tag    // zero = none
	Digest     reference.Digest // zero = none
	// Role asks for the files of a delegated role and of those above it, in a
	// question without tag and digest; empty = none.
	Role      string
	Assurance Assurance
}

// Of returns the question a reference asks, at publisher assurance.
func Of(r reference.Reference) Resolve {
	q := Resolve{Repository: r.Repository()}
	q.Tag, _ = r.Tag()
	q.Digest, _ = r.Digest()
	return q
}

// String returns the question as a reference.
func (q Resolve) String() string {
	s := q.Repository.String()
	if !q.Tag.IsZero() {
		s += ":" + q.Tag.String()
	}
	if !q.Digest.IsZero() {
		s += "@" + q.Digest.String()
	}
	return s
}

// Check reports a question that cannot be asked. Errors wrap ErrQuestion.
func (q Resolve) Check() error {
	if q.Repository.IsZero() {
		return fail("no repository")
	}
	if q.Role != "" && !tuf.IsDelegatedRole(q.Role) {
		return fail("role %s; want targets/<name>", printable.Quote(q.Role))
	}
	if q.Role != "" && (!q.Tag.IsZero() || !q.Digest.IsZero()) {
		return fail("role %s, beside a tag or a digest", q.Role)
	}
	if q.Assurance > LedgerAssurance {
		return fail("%s", q.Assurance)
	}
	return nil
}

// Kind implements Question.
func (q Resolve) Kind() Kind {
	switch {
	case !q.Tag.IsZero():
		return KindTag
	case !q.Digest.IsZero():
		return KindImage
	default:
		return KindRepository
	}
}

func (q Resolve) rests() foundation {
	if q.Assurance == LedgerAssurance {
		return onBundle
	}
	return onFiles
}

func (q Resolve) encode(v url.Values) string {
	if q.Assurance != PublisherAssurance {
		v.Set("assurance", q.Assurance.String())
	}
	switch { // as Kind
	case !q.Tag.IsZero():
		v.Set("ref", q.String())
		return PathResolve
	case !q.Digest.IsZero():
		v.Set("repository", q.Repository.String())
		v.Set("digest", q.Digest.String())
		return pathImage
	default:
		v.Set("name", q.Repository.String())
		if q.Role != "" {
			v.Set("role", q.Role)
		}
		return pathRepository
	}
}

func parseTag(p *parameters) Question {
	ref := read(p, "ref", reference.ParseReference)
	if _, tagged := ref.Tag(); !tagged {
		p.fail("ref", "it has no tag; ask "+pathImage+" for a digest")
	}
	q := Of(ref)
	q.Assurance = parseAssurance(p)
	return q
}

// parseImage reads the questions about an image: in one repository, or in all.
func parseImage(p *parameters) Question {
	if !p.values.Has("repository") {
		return parseVouchers(p)
	}
	return Resolve{
		Repository: read(p, "repository", reference.ParseRepository), Digest: read(p, "digest", reference.ParseDigest),
		Assurance: parseAssurance(p),
	}
}

func parseRepository(p *parameters) Question {
	return Resolve{
		Repository: read(p, "name", reference.ParseRepository), Role: p.values.Get("role"), Assurance: parseAssurance(p),
	}
}

// parseAssurance reads the assurance; a missing one is the publisher's.
func parseAssurance(p *parameters) Assurance {
	if !p.values.Has("assurance") {
		return PublisherAssurance
	}
	return read(p, "assurance", ParseAssurance)
}
