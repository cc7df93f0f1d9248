package ledger

import (
	"fmt"

	"hullmark/record"
	"hullmark/tuf"
)

// fileKey names what is kept of a content: its bytes, or what parsing them gave.
type fileKey struct {
	parsed bool
	digest [32]byte
}

// files reads contents by their digests. What was read, rebuilt or parsed is kept in
// memory: the same bytes always parse to the same values, which nobody changes.
type files struct {
	kept *memory[fileKey, any]
	from reader
}

// The weight of what is kept, in bytes beside those of the file.
const (
	keptWeight = 200
	// A parsed key takes up to this many times its bytes in the file: its own three
	// encodings and numbers.
	parsedFactor = 6
)

// bytes returns a content.
func (f files) bytes(digest [32]byte) ([]byte, error) {
	v, err := f.kept.get(fileKey{digest: digest}, always[any], func() (any, int, error) {
		b, err := f.read(digest)
		return b, len(b) + keptWeight, err
	})
	if err != nil {
		return nil, err
	}
	return v.([]byte), nil
}

// keep remembers a content that will be asked for.
func (f files) keep(digest [32]byte, b []byte) {
	f.kept.put(fileKey{digest: digest}, b, len(b)+keptWeight)
}

func (f files) read(digest [32]byte) ([]byte, error) {
	b, err := f.from.content(digest)
	if err != nil || b.delta == nil {
		return b.bytes, err
	}
	base, err := f.bytes(b.base)
	if err != nil {
		return nil, err
	}
	stored, err := tuf.OpenStored(base)
	if err != nil {
		return nil, err
	}
	return stored.Rebuild(*b.delta)
}

// root returns the current root of a registered repository.
func (f files) root(repo *record.Repository) (*tuf.Root, error) {
	role, ok := repo.Role(record.RoleRoot)
	if !ok {
		return nil, fmt.Errorf("couldn't load root: repository has none")
	}
	v, err := f.parsed(role.FileDigest, func(b []byte) (any, error) { return tuf.ParseRoot(b) })
	if err != nil {
		return nil, fmt.Errorf("couldn't load root: %w", err)
	}
	return v.(*tuf.Root), nil
}

// delegations returns those of the stored file of a role, or nil if it has none.
func (f files) delegations(repo *record.Repository, role string) (*tuf.Delegations, error) {
	r, ok := repo.Role(role)
	if !ok || r.DelegationsSize == 0 {
		return nil, nil
	}
	v, err := f.parsed(r.DelegationsDigest, func(b []byte) (any, error) { return tuf.ParseDelegations(b, role) })
	if err != nil {
		return nil, fmt.Errorf("couldn't load delegations of %s: %w", role, err)
	}
	return v.(*tuf.Delegations), nil
}

func (f files) parsed(digest [32]byte, parse func([]byte) (any, error)) (any, error) {
	return f.kept.get(fileKey{true, digest}, always[any], func() (any, int, error) {
		b, err := f.read(digest)
		if err != nil {
			return nil, 0, err
		}
		v, err := parse(b)
		return v, parsedFactor*len(b) + keptWeight, err
	})
}

// stored returns the stored file of a role, or nil if none was published.
func (f files) stored(role record.RoleState) (*tuf.Stored, error) {
	if role.Version == 0 {
		return nil, nil
	}
	b, err := f.bytes(role.FileDigest)
	if err != nil {
		return nil, fmt.Errorf("couldn't load file of %s: %w", role.Name, err)
	}
	return tuf.OpenStored(b)
}
