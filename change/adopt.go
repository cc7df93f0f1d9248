package change

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"hullmark/tuf"
)

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
