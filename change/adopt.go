package change

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hullmark/keys"
	"hullmark/reference"
	"hullmark/tuf"
)

// Item is one thing that the file of a role says: what a tag means, or a role to
// which the file delegates.
type Item struct {
	// Name is the tag, or the name of the delegated role, which is the one with a
	// slash.
	Name string
	// Digest is that of the image; of a delegation it is delegationDigest, so that
	// it tells other keys, another threshold and other paths apart.
	Digest reference.Digest
	// Size is that of the manifest in bytes.
	Size uint64
	// Delegation is nil for a tag.
	Delegation *tuf.DelegatedRole
}

// String returns NAME@DIGEST, the form that ParseItem reads.
func (i Item) String() string { return i.Name + "@" + i.Digest.String() }

// Same reports whether both name the same thing.
func (i Item) Same(other Item) bool { return i.Name == other.Name && i.Digest == other.Digest }

// ParseItem reads NAME@DIGEST. What the name stands for is in no item that was read.
func ParseItem(text string) (Item, error) {
	name, digest, ok := strings.Cut(text, "@")
	if !ok {
		return Item{}, fmt.Errorf("item %.300q is not NAME@DIGEST", text)
	}
	d, err := reference.ParseDigest(digest)
	if err != nil {
		return Item{}, fmt.Errorf("item %.300q: %w", text, err)
	}
	if err := checkItemName(name); err != nil {
		return Item{}, err
	}
	return Item{Name: name, Digest: d}, nil
}

func checkItemName(name string) error {
	if tuf.IsDelegatedRole(name) {
		return nil
	}
	if _, err := reference.ParseTag(name); err != nil {
		return fmt.Errorf("%.300q is neither a tag nor a delegated role: %w", name, err)
	}
	return nil
}

// DelegationDigest returns the digest that stands for a delegation among items: the
// SHA-256 of the delegations object that holds this role alone, with its keys.
func DelegationDigest(t *tuf.Targets, role tuf.DelegatedRole) reference.Digest {
	one := tuf.Delegations{Roles: []tuf.DelegatedRole{role}}
	if t.Delegations != nil {
		one.Keys = usedKeys(slices.Clone(t.Delegations.Keys), one.Roles)
	}
	return reference.SumSHA256(one.Bytes())
}

// itemsOf returns what a file says, delegations first: there are few of them, and
// each may stand for any number of tags.
func itemsOf(t *tuf.Targets) []Item {
	var out []Item
	if t.Delegations != nil {
		for _, role := range t.Delegations.Roles {
			out = append(out, Item{Name: role.Name, Digest: DelegationDigest(t, role), Delegation: &role})
		}
	}
	for _, target := range t.Targets {
		out = append(out, Item{Name: target.Tag.String(), Digest: target.Digest, Size: target.Length})
	}
	return out
}

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

// Adoption says, one by one, what is to be taken over of what was inherited.
// Whatever it does not decide about keeps the whole from being signed.
type Adoption struct {
	// Adopt are the items that are wanted. Name and digest count: what changed
	// since somebody looked at it is not what was wanted. Delegations stand in the
	// file in the order in which they are named here, which is their precedence.
	Adopt []Item
	// Drop are the names of items that are left out.
	Drop []string
	// DropRest leaves out all that Adopt does not name.
	DropRest bool
}

// IsZero reports whether it decides nothing.
func (a Adoption) IsZero() bool { return len(a.Adopt) == 0 && len(a.Drop) == 0 && !a.DropRest }

// ParseAdoption reads items and names.
func ParseAdoption(adopt, drop []string, dropRest bool) (Adoption, error) {
	a := Adoption{Drop: drop, DropRest: dropRest}
	for _, text := range adopt {
		item, err := ParseItem(text)
		if err != nil {
			return Adoption{}, err
		}
		a.Adopt = append(a.Adopt, item)
	}
	for _, name := range drop {
		if err := checkItemName(name); err != nil {
			return Adoption{}, err
		}
		if slices.ContainsFunc(a.Adopt, func(i Item) bool { return i.Name == name }) {
			return Adoption{}, fmt.Errorf("%s is both adopted and dropped", name)
		}
	}
	return a, nil
}

// NotAdoptedError lists what keys have signed that hold their role no more, and what
// nobody has decided about. It unwraps to ErrNotAdopted.
type NotAdoptedError struct {
	Inherited []Inherited
	// Problem is what is wrong with an adoption, if there was one.
	Problem string
}

// Error implements error.
func (e *NotAdoptedError) Error() string {
	if e.Problem != "" {
		return e.Problem + ": " + ErrNotAdopted.Error()
	}
	if len(e.Inherited) > 0 && e.Inherited[0].Above != "" {
		return fmt.Sprintf("%s, which delegates to %s: %v", e.Inherited[0].Role, e.Inherited[0].Above, ErrNotAdopted)
	}
	return ErrNotAdopted.Error()
}

// Unwrap implements errors.
func (e *NotAdoptedError) Unwrap() error { return ErrNotAdopted }

// take returns a file's content without what the adoption leaves out. Decided are
// names about which the caller decides himself, since he sets, withdraws or removes
// them.
func (a Adoption) take(in *Inherited, spec tuf.TargetsSpec, decided func(name string) bool) (tuf.TargetsSpec, error) {
	find := func(name string) (Item, bool) {
		i := slices.IndexFunc(in.Items, func(item Item) bool { return item.Name == name })
		if i < 0 {
			return Item{}, false
		}
		return in.Items[i], true
	}
	fail := func(items []Item, format string, args ...any) (tuf.TargetsSpec, error) {
		left := *in
		left.Items = items
		return spec, &NotAdoptedError{Inherited: []Inherited{left}, Problem: fmt.Sprintf(format, args...)}
	}
	for _, want := range a.Adopt {
		have, ok := find(want.Name)
		if !ok {
			return fail(in.Items, "%s says nothing about %s", in.Role, want.Name)
		}
		if !have.Same(want) {
			return fail([]Item{have}, "%s is %s there, not %s", want.Name, have.Digest, want.Digest)
		}
	}
	for _, name := range a.Drop {
		if _, ok := find(name); !ok {
			return fail(in.Items, "%s says nothing about %s", in.Role, name)
		}
	}
	var open []Item
	drop := make(map[string]bool)
	for _, item := range in.Items {
		switch {
		case decided(item.Name), slices.ContainsFunc(a.Adopt, item.Same):
		case a.DropRest, slices.Contains(a.Drop, item.Name):
			drop[item.Name] = true
		default:
			open = append(open, item)
		}
	}
	if len(open) > 0 {
		return fail(open, "")
	}
	spec.Targets = slices.DeleteFunc(spec.Targets, func(t tuf.Target) bool { return drop[t.Tag.String()] })
	if list := spec.Delegations; list != nil {
		roles := slices.DeleteFunc(list.Roles, func(r tuf.DelegatedRole) bool { return drop[r.Name] })
		spec.Delegations = nil
		if len(roles) > 0 {
			spec.Delegations = &tuf.Delegations{Roles: a.ordered(roles), Keys: usedKeys(list.Keys, roles)}
		}
	}
	return spec, nil
}

// ordered returns delegations in the order in which the adoption names them. Those that
// it does not name keep their places.
func (a Adoption) ordered(roles []tuf.DelegatedRole) []tuf.DelegatedRole {
	out := slices.Clone(roles)
	var places, named []int // both index roles
	for i := range roles {
		if a.place(roles[i].Name) >= 0 {
			places, named = append(places, i), append(named, i)
		}
	}
	slices.SortFunc(named, func(i, j int) int { return a.place(roles[i].Name) - a.place(roles[j].Name) })
	for k, i := range places {
		out[i] = roles[named[k]]
	}
	return out
}

// place returns where the adoption first names something, negative for nowhere.
func (a Adoption) place(name string) int {
	return slices.IndexFunc(a.Adopt, func(i Item) bool { return i.Name == name })
}

// stray reports an adoption that would leave something out of a file which its own
// keys have signed. It must not stay there without a word; that something is adopted
// which stands there already is how a command ends that is run twice.
func (a Adoption) stray(t *tuf.Targets, decided func(name string) bool) error {
	for _, item := range itemsOf(t) {
		named := slices.ContainsFunc(a.Adopt, func(i Item) bool { return i.Name == item.Name })
		if !decided(item.Name) && (slices.Contains(a.Drop, item.Name) || a.DropRest && !named) {
			return fmt.Errorf("%w: %s is in version %d of %s, which the role's keys have signed; withdraw the tag or remove the delegation",
				ErrNothingInherited, item.Name, t.Version, t.Binding.Role)
		}
	}
	return nil
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

// inherit returns what follows a role's file in force, so far without changes but for
// what the adoption leaves out. Decided is as in Adoption.take.
func inherit(current *Current, role string, a Adoption, decided func(name string) bool) (tuf.TargetsSpec, error) {
	file := current.Files[role]
	spec := tuf.TargetsSpec{Binding: roleBinding(current, role), Version: after(current, role)}
	if file != nil {
		spec = file.Spec()
	}
	in := InheritedOf(current, role)
	switch {
	case in != nil && in.Above != "":
		return spec, &NotAdoptedError{Inherited: []Inherited{*in}}
	case in != nil:
		return a.take(in, spec, decided)
	case file != nil:
		return spec, a.stray(file, decided)
	default:
		return spec, nil
	}
}

// nobody decides about no name.
func nobody(string) bool { return false }

// NextUnder returns the next version of a repository's targets file, to be published
// together with a new root under which the signatures of the one in force count no
// more: what the adoption takes of it. It returns nil when there is no adoption. Errors
// wrap ErrNotAdopted, or ErrNothingInherited when the signatures count.
func NextUnder(root *tuf.Root, file *tuf.Targets, a Adoption, expires time.Time) (*tuf.Targets, error) {
	if a.IsZero() {
		return nil, nil
	}
	in := InheritedUnder(root, file)
	if in == nil {
		return nil, fmt.Errorf("%w: the list of tags stays valid as it is", ErrNothingInherited)
	}
	spec, err := a.take(in, file.Spec(), nobody)
	if err != nil {
		return nil, err
	}
	return tuf.NewTargets(successor(spec, expires))
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

// Check reports, as a *NotAdoptedError, what of a request is inherited and not named,
// or, of delegations, named in another order than the one that they have there.
func (a Adoption) Check(inherited []Inherited) error {
	var open []Inherited
	for _, in := range inherited {
		left := in
		left.Items = nil
		for _, item := range in.Items {
			if !slices.ContainsFunc(a.Adopt, item.Same) {
				left.Items = append(left.Items, item)
			}
		}
		if len(left.Items) > 0 {
			open = append(open, left)
		}
	}
	if len(open) > 0 {
		return &NotAdoptedError{Inherited: open}
	}
	for _, in := range inherited {
		if roles := delegationsOf(in.Items); !a.inOrder(roles) {
			names := make([]string, len(roles))
			for i, role := range roles {
				names[i] = role.Name
			}
			in.Items = roles
			return &NotAdoptedError{Inherited: []Inherited{in}, Problem: fmt.Sprintf(
				"%s delegates in the order %s, and they were named in another one", in.Role, strings.Join(names, ", "))}
		}
	}
	return nil
}

// inOrder reports whether the adoption names items in their order. Something else may
// be named between them, such as what another part of a request takes over.
func (a Adoption) inOrder(items []Item) bool {
	rest := a.Adopt
	for _, item := range items {
		i := slices.IndexFunc(rest, item.Same)
		if i < 0 {
			return false
		}
		rest = rest[i+1:]
	}
	return true
}

// delegationsOf returns those items that are delegations.
func delegationsOf(items []Item) []Item {
	return slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return i.Delegation == nil })
}
