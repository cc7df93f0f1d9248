package change

import (
	"slices"

	"hullmark/keys"
	"hullmark/tuf"
)

// Emergency reports whether the request switches off keys or images, so that nodes put
// its transaction before others (docs/spec.md, "Emergencies").
func (r *Request) Emergency() bool {
	return r.Kind == RequestRotate || r.Kind == RequestRevoke || r.Kind == RequestLift
}

// MaySubmit reports whether a key may submit the request without an operator: it stands
// in the publisher's part of the files in force of each repository, as far as the request
// shows them. Keys without a fixed signature form, such as RSA keys, submit nothing all
// the same.
func (r *Request) MaySubmit(id keys.ID) bool {
	return !slices.ContainsFunc(r.Parts, func(p RequestPart) bool { return !namedIn(p.Root, p.Roles, id) })
}

// MaySubmit is Request.MaySubmit for a change that follows what the ledger has.
func (c *Current) MaySubmit(id keys.ID) bool {
	var files []*tuf.Targets
	for _, t := range c.Files {
		files = append(files, t)
	}
	return namedIn(c.Root, files, id)
}

// namedIn reports whether a root, in its publisher's roles, or a file of a role lists a key.
func namedIn(root *tuf.Root, files []*tuf.Targets, id keys.ID) bool {
	if root != nil && (root.Roles.Root.Has(id) || root.Roles.Targets.Has(id)) {
		return true
	}
	return slices.ContainsFunc(files, func(t *tuf.Targets) bool {
		_, ok := t.Key(id)
		return ok
	})
}

// ShouldSubmit reports whether a key that may submit the request is one that had better:
// any, but in an emergency a root key. Nodes keep an account for each root key, which the
// thief of a tagging key can't exhaust (ADR 30).
func (r *Request) ShouldSubmit(id keys.ID) bool {
	return !r.Emergency() || !slices.ContainsFunc(r.Parts, func(p RequestPart) bool {
		return p.Root == nil || !p.Root.Roles.Root.Has(id)
	})
}
