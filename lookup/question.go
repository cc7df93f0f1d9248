package lookup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"hullmark/bundle"
	"hullmark/reference"
	"hullmark/tuf"
)

// ErrBadQuestion is returned for a question that makes no sense.
var ErrBadQuestion = errors.New("bad question")

// ParseQuestion reads the parameters of a look-up as HTTP queries and ABCI
// queries carry them: ref for "resolve", digest and repository for "image", name
// and role for "repository"; held, root_version, trusted_height, file and assurance for all.
func ParseQuestion(kind string, values url.Values) (Question, error) {
	var q Question
	bad := func(format string, args ...any) (Question, error) {
		return Question{}, fmt.Errorf("%w: %s", ErrBadQuestion, fmt.Sprintf(format, args...))
	}
	switch kind {
	case "resolve":
		ref, err := reference.ParseReference(values.Get("ref"))
		if err != nil {
			return bad("ref: %v", err)
		}
		q.Repository = ref.Repository()
		q.Digest, _ = ref.Digest()
		var tagged bool
		if q.Tag, tagged = ref.Tag(); !tagged {
			return bad("ref has no tag; ask /v1/image for a digest")
		}
	case "image":
		var err error
		if q.Digest, err = reference.ParseDigest(values.Get("digest")); err != nil {
			return bad("digest: %v", err)
		}
		if q.Repository, err = reference.ParseRepository(values.Get("repository")); err != nil {
			return bad("repository: %v", err)
		}
	case "repository":
		var err error
		if q.Repository, err = reference.ParseRepository(values.Get("name")); err != nil {
			return bad("name: %v", err)
		}
		if q.Role = values.Get("role"); q.Role != "" && !tuf.IsDelegatedRole(q.Role) {
			return bad("role %.100q; want targets/<name>", q.Role)
		}
	default:
		return bad("unknown kind of look-up %q", kind)
	}
	switch a := values.Get("assurance"); a {
	case "", "publisher":
	case "ledger":
		q.LedgerAssurance = true
	default:
		return bad("assurance %q; use publisher or ledger", a)
	}
	var err error
	if q.RootVersion, err = ParseHeight(values.Get("root_version")); err != nil {
		return bad("root_version: %v", err)
	}
	if q.TrustedHeight, err = ParseHeight(values.Get("trusted_height")); err != nil {
		return bad("trusted_height: %v", err)
	}
	if q.Held, err = parseDigests(values["held"]); err != nil {
		return bad("held: %v", err)
	}
	if q.ForFile, err = parseFlag(values.Get("file")); err != nil {
		return bad("file: %v", err)
	}
	return q, nil
}

// ParseHeight reads a height or version in a query; empty is zero.
func ParseHeight(s string) (uint64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("not a number: %.20q", s)
	}
	return n, nil
}

// parseFlag reads a yes or no in a query; empty is no.
func parseFlag(s string) (bool, error) {
	switch s {
	case "", "0":
		return false, nil
	case "1":
		return true, nil
	default:
		return false, fmt.Errorf("neither 0 nor 1: %.20q", s)
	}
}

// parseDigests reads SHA-256 digests in a query.
func parseDigests(list []string) ([][32]byte, error) {
	if len(list) > bundle.MaxTargets {
		return nil, fmt.Errorf("%d digests, at most %d", len(list), bundle.MaxTargets)
	}
	var out [][32]byte
	for _, s := range list {
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != 32 {
			return nil, fmt.Errorf("not 64 hex digits: %.20q", s)
		}
		out = append(out, [32]byte(b))
	}
	return out, nil
}
