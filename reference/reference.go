package reference

import "strings"

// Reference is a repository with a tag, a digest, or both. The zero value is no
// reference.
type Reference struct {
	repository Repository
	tag        Tag
	digest     Digest
}

// ParseReference reads what a user types: name, name:tag, name@digest or
// name:tag@digest. The name is normalised as ParseRepository does; a bare name
// means its tag latest. With both a tag and a digest, both are kept: the user
// asks whether that tag means that digest. Errors wrap the class of the part
// that is wrong, or ErrInvalidReference.
func ParseReference(text string) (Reference, error) {
	if text == "" {
		return Reference{}, refuse(ErrInvalidReference, text, "empty")
	}
	if len(text) > MaxReferenceLength {
		return Reference{}, refuse(ErrInvalidReference, text, "too long")
	}
	name, digestText, hasDigest := strings.Cut(text, "@")
	// A colon before the last slash belongs to the host's port.
	tagText, hasTag := "", false
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name, tagText, hasTag = name[:colon], name[colon+1:], true
	}

	var r Reference
	var err error
	if r.repository, err = ParseRepository(name); err != nil {
		return Reference{}, err
	}
	switch {
	case hasTag:
		if r.tag, err = ParseTag(tagText); err != nil {
			return Reference{}, err
		}
	case !hasDigest:
		r.tag = Latest()
	}
	if hasDigest {
		if r.digest, err = ParseDigest(digestText); err != nil {
			return Reference{}, err
		}
	}
	return r, nil
}

// MustParseReference is ParseReference for constants of the program or of a
// test. It panics on anything invalid.
func MustParseReference(text string) Reference {
	r, err := ParseReference(text)
	if err != nil {
		panic(err)
	}
	return r
}

// WithTag returns the reference repository:tag.
func (r Repository) WithTag(tag Tag) Reference {
	return Reference{repository: r, tag: tag}
}

// WithDigest returns the reference repository@digest.
func (r Repository) WithDigest(digest Digest) Reference {
	return Reference{repository: r, digest: digest}
}

// WithDigest returns r with its digest replaced and its tag kept.
func (r Reference) WithDigest(digest Digest) Reference {
	r.digest = digest
	return r
}

// Repository returns the repository.
func (r Reference) Repository() Repository { return r.repository }

// Tag returns the tag, and whether there is one.
func (r Reference) Tag() (Tag, bool) { return r.tag, !r.tag.IsZero() }

// Digest returns the digest, and whether there is one.
func (r Reference) Digest() (Digest, bool) { return r.digest, !r.digest.IsZero() }

// IsZero reports whether r is the zero value.
func (r Reference) IsZero() bool { return r == Reference{} }

// String returns the canonical text, which ParseReference turns back into r.
func (r Reference) String() string { return r.format(r.repository.String()) }

// Familiar returns the text with the repository as Docker displays it. A tag is
// always written, latest included.
func (r Reference) Familiar() string { return r.format(r.repository.Familiar()) }

func (r Reference) format(name string) string {
	if !r.tag.IsZero() {
		name += ":" + r.tag.String()
	}
	if !r.digest.IsZero() {
		name += "@" + r.digest.String()
	}
	return name
}

// MarshalText returns the canonical text.
func (r Reference) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseReference.
func (r *Reference) UnmarshalText(text []byte) error {
	parsed, err := ParseReference(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}
