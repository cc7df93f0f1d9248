package lookup

import (
	"errors"
	"fmt"

	"hullmark/bundle"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// Metadata returns a role's file: any version of the root, the current one of
// other roles. Version zero is the current one.
func (r *Reader) Metadata(q query.Metadata) ([]byte, error) {
	v := r.ledger.Latest()
	defer v.Close()
	value, ok, err := v.Get(record.RepositoryKey(q.Repository))
	if err != nil {
		return nil, fmt.Errorf("couldn't load repository: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%w: repository %s", ErrNotFound, q.Repository)
	}
	repo, err := record.DecodeRepository(value)
	if err != nil {
		return nil, err
	}
	current, ok := repo.Role(q.Role)
	switch {
	case !ok || current.Version == 0 || q.Version > current.Version: // a role begins without a file
		return nil, fmt.Errorf("%w: %s of %s has no such version", ErrNotFound, q.Role, q.Repository)
	case q.Version == 0 || q.Version == current.Version:
		return v.Content(current.FileDigest)
	case q.Role == record.RoleRoot:
		return rootFile(v, q.Repository, q.Version)
	default:
		return nil, fmt.Errorf("%w: only the current version of %s is kept under its number; ask by digest", ErrNotFound, q.Role)
	}
}

// Content returns a file by its SHA-256.
func (r *Reader) Content(q query.Content) ([]byte, error) {
	v := r.ledger.Latest()
	defer v.Close()
	b, err := v.Content(q.Digest)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: no content with this digest", ErrNotFound)
	}
	return b, err
}

// LightBlock returns the header of a height with the commit that signed it.
func (r *Reader) LightBlock(q query.LightBlock) (*proto.LightBlockResponse, error) {
	height := q.Height
	if height == 0 {
		if height = r.blocks.Tip(); height == 0 {
			return nil, ErrNotReady
		}
	}
	lb, err := r.blocks.LightBlock(height)
	if err != nil {
		return nil, err
	}
	b, err := bundle.EncodeLightBlock(lb)
	return &proto.LightBlockResponse{Height: height, LightBlock: b}, err
}
