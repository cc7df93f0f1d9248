package change

import (
	"slices"

	"hullmark/keys"
	"hullmark/reference"
	"hullmark/tuf"
)

// Inherited is what the next file of a role would take over from a file that the
// keys of the role have not signed: keys did that hold it no more, such as a stolen
// one.
type Inherited struct {
	Repository reference.Repository
	Role       string
	// Version is that of the file, and Signers are the keys that signed it. They are
	// zero when a request does not show the file.
	Version uint64
	Signers []keys.ID
	Items   []Item
	// Above is the role for which all this was looked at, when that is another one
	// below Role.
	Above string
}

// InheritedOf returns what the next file of a role would inherit, nil for nothing:
// its keys have signed the file in force, or it says nothing. Roles above it come
// first, since their files say which keys the role has. Current has the files that lead to
// the role.
func InheritedOf(current *Current, role string) *Inherited {
	var chain []string
	for name := role; ; {
		chain = append(chain, name)
		s, ok := current.role(name)
		if name == tuf.RoleTargets || !ok || len(chain) > len(current.Roles) {
			break
		}
		name = s.Parent
	}
	for _, name := range slices.Backward(chain) {
		file := current.Files[name]
		if file == nil {
			continue
		}
		r, key := RoleKeys(current, name)
		if r.Met(file.Signers(), key) {
			continue
		}
		in := newInherited(file)
		if name != role {
			in.Above = role
		}
		if len(in.Items) > 0 {
			return in
		}
	}
	return nil
}

// InheritedUnder is InheritedOf for a targets file under another root than the one
// in force.
func InheritedUnder(root *tuf.Root, file *tuf.Targets) *Inherited {
	if file == nil || root.Roles.Targets.Met(file.Signers(), root.Key) {
		return nil
	}
	if in := newInherited(file); len(in.Items) > 0 {
		return in
	}
	return nil
}

func newInherited(file *tuf.Targets) *Inherited {
	return &Inherited{
		Repository: file.Binding.Repository, Role: file.Binding.Role, Version: file.Version,
		Signers: file.Signers(), Items: itemsOf(file),
	}
}

// Inherited returns what the new files of a request take over from files which, as
// far as the request shows, the keys of their roles have not signed. A request
// vouches for nothing: signatures are verified, up to the root that it names, and
// what it does not show counts as signed by nobody.
func (r *Request) Inherited() []Inherited {
	var out []Inherited
	for i := range r.Parts {
		p := &r.Parts[i]
		for _, next := range p.NewRoles {
			stored := p.Stored(next.Binding.Role)
			switch {
			case stored == nil && next.Version == 1:
				continue
			case stored != nil && p.authorised(stored, 0):
				continue
			}
			if in := TakenOver(stored, next); len(in.Items) > 0 {
				out = append(out, in)
			}
		}
	}
	return out
}

// TakenOver returns what a file has in common with the one before, which may be nil
// when it is not known: then it may have anything from there. A delegation of the same
// name counts, whatever of it was changed.
func TakenOver(stored, next *tuf.Targets) Inherited {
	in := Inherited{Repository: next.Binding.Repository, Role: next.Binding.Role}
	if stored != nil {
		in.Version, in.Signers = stored.Version, stored.Signers()
	}
	before := make(map[string]Item)
	if stored != nil {
		for _, item := range itemsOf(stored) {
			before[item.Name] = item
		}
	}
	for _, item := range itemsOf(next) {
		old, ok := before[item.Name]
		if stored == nil || ok && (item.Delegation != nil || item.Same(old) && item.Size == old.Size) {
			in.Items = append(in.Items, item)
		}
	}
	return in
}

// authorised reports whether the keys of its role have signed a file of a request:
// those that the newest root in it names, or a file which is authorised itself.
func (p *RequestPart) authorised(t *tuf.Targets, depth int) bool {
	if depth > len(p.Roles)+len(p.NewRoles) {
		return false // roles that delegate to each other
	}
	if t.Binding.Role == tuf.RoleTargets {
		root := p.Root
		if n := len(p.NewRoots); n > 0 {
			root = p.NewRoots[n-1]
		}
		return root != nil && metBy(root, t)
	}
	by := p.delegator(t.Binding.Role)
	if by == nil || !metBy(by, t) {
		return false
	}
	if fileOf(p.NewRoles, by.Binding.Role) == by {
		return true // its own signatures are asked for here
	}
	return p.authorised(by, depth+1)
}

// metBy reports whether the signatures in a file that count under its delegator
// verify and suffice.
func metBy(by tuf.Delegator, t *tuf.Targets) bool {
	role, ok := by.Delegated(t.Binding.Role)
	if !ok {
		return false
	}
	var good []keys.ID
	for _, s := range t.Signatures {
		key, ok := by.Key(s.KeyID)
		if ok && role.Has(s.KeyID) && (keys.Direct{}).Verify(key, t.SignedBytes(), s.Sig) == nil {
			good = append(good, s.KeyID)
		}
	}
	return role.Met(good, by.Key)
}
