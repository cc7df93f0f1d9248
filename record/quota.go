package record

import "slices"

// QuotaClass says which of a repository's token buckets something draws on. Its
// value is the place of the bucket in Repository.Quotas and of its size in
// Params.Quotas.
type QuotaClass uint8

// The classes. What switches off a stolen key, or an image, has buckets of its
// own: no amount of ordinary publishing uses them up.
const (
	// QuotaOrdinary is for publishing.
	QuotaOrdinary QuotaClass = 0
	// QuotaRevoking is for revocations signed by the targets role.
	QuotaRevoking QuotaClass = 1
	// QuotaRoot is for what the root role signed: rotations, revocations and
	// lifts.
	QuotaRoot QuotaClass = 2
)

// quotaClass is the class of what one scope claims.
func (s Scope) quotaClass() QuotaClass {
	if s.Role == RoleRoot {
		return QuotaRoot
	}
	return s.Kind.row().class
}

// QuotaClassOf is the class of what the scopes of one repository claim together:
// new targets files that come along with a root rotation draw on its bucket.
func QuotaClassOf(scopes []Scope) QuotaClass {
	class := QuotaOrdinary
	for _, s := range scopes {
		class = max(class, s.quotaClass())
	}
	return class
}

// Emergency reports whether the transaction must not wait behind ordinary ones:
// it is a publish that rotates the root of every repository it names, a
// revocation, a lift or a veto (docs/spec.md, "Emergencies").
//
// A header only claims what the body must then carry, so anybody can write one
// that reports true. Give a transaction precedence when it was judged as a whole,
// and never for its header alone. What was judged is bounded: each drew a token
// from a bucket of the repository that ordinary transactions do not touch.
func (h *Header) Emergency() bool {
	claims := h.Kind.row().emergency
	return claims != nil && claims(h)
}

// rotatesAll reports whether the scopes name the root of every repository that they name.
func (h *Header) rotatesAll() bool {
	// The root's scope of a repository may come before or behind others.
	for _, s := range h.Scopes {
		rotates := func(r Scope) bool {
			return r.Kind == ScopeRole && r.Role == RoleRoot && r.Repository == s.Repository
		}
		if !slices.ContainsFunc(h.Scopes, rotates) {
			return false
		}
	}
	return len(h.Scopes) > 0
}
