package change

import (
	"fmt"
	"slices"
	"strings"

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

// delegationsOf returns those items that are delegations.
func delegationsOf(items []Item) []Item {
	return slices.DeleteFunc(slices.Clone(items), func(i Item) bool { return i.Delegation == nil })
}
