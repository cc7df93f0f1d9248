package lookup

import (
	"fmt"
	"time"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// Resolve makes the bundle that answers a question. What is not there is proven absent.
func (s *State) Resolve(q query.Resolve, k query.Known) (*proto.Bundle, error) {
	v, b, trusted := s.View, &proto.Bundle{Profile: uint32(record.ProfileTUF)}, k.TrustedHeight
	var err error
	if k.ForFile {
		if trusted, err = s.fileStart(); err != nil {
			return nil, err
		}
	}
	if b.State, err = s.proof(trusted); err != nil {
		return nil, err
	}
	if b.Repository, err = prove(v, record.RepositoryKey(q.Repository)); err != nil {
		return nil, err
	}
	known := len(b.GetRepository().GetValue()) > 0
	if known {
		if err := addEntries(v, b, q); err != nil {
			return nil, err
		}
	}
	if known && q.Assurance != query.LedgerAssurance {
		if err := addFiles(v, b, q, k, s.Block.Time); err != nil {
			return nil, err
		}
		bundle.LeaveOut(b, k.Held)
		if err := addStatement(v, b, q.Repository); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// addEntries adds what the state says of the tag and of the image in question: of the
// tag's image, if there is a tag. Where the tag is absent there is no image to speak of.
func addEntries(v View, b *proto.Bundle, q query.Resolve) (err error) {
	digest := q.Digest
	if !q.Tag.IsZero() {
		if b.Tag, err = prove(v, record.TagKey(q.Repository, q.Tag)); err != nil || len(b.GetTag().GetValue()) == 0 {
			return err
		}
		tag, err := record.DecodeImageTag(b.GetTag().GetValue())
		if err != nil {
			return err
		}
		digest = tag.Digest
	}
	if !digest.IsZero() {
		b.Image, err = prove(v, record.VoucherKey(digest, q.Repository))
	}
	return err
}

// addFiles adds the publishers' files: the roots the client does not hold yet,
// the targets file, and those that the answer rests on, as of the header's time.
func addFiles(v View, b *proto.Bundle, q query.Resolve, k query.Known, at time.Time) error {
	repo, err := record.DecodeRepository(b.GetRepository().GetValue())
	if err != nil {
		return err
	}
	root, _ := repo.Role(record.RoleRoot)
	if err := addRoots(v, b, q.Repository, k.RootVersion, root.Version); err != nil {
		return err
	}
	return addTargets(v, b, q, k, repo, at)
}

// addStatement adds the statement that the image's value names, and the root it was
// judged by if that is not the current one: a client knows the old ones by digest.
func addStatement(v View, b *proto.Bundle, name reference.Repository) error {
	if len(b.GetImage().GetValue()) == 0 {
		return nil
	}
	voucher, err := record.DecodeVoucher(b.GetImage().GetValue())
	if err != nil {
		return err
	}
	ruling := voucher.Ruling()
	if ruling == nil {
		return nil
	}
	statement, err := v.Content(ruling.Statement)
	if err != nil {
		return err
	}
	b.Statements = [][]byte{statement}
	repo, err := record.DecodeRepository(b.GetRepository().GetValue())
	if err != nil {
		return err
	}
	if root, _ := repo.Role(record.RoleRoot); root.Version != ruling.RootVersion {
		b.StatementRoot, err = rootFile(v, name, ruling.RootVersion)
	}
	return err
}

// maxRootBytes bounds the root files of one answer, in bytes: a fraction of
// bundle.MaxSize, so that targets files have room whatever a publisher's roots
// weigh.
const maxRootBytes = 4 << 20

// addRoots adds the roots after the one the client holds, oldest first. Where
// there is no room for all it proves the last of them, so that the client can
// remember what it got and ask for the rest.
func addRoots(v View, b *proto.Bundle, name reference.Repository, held, current uint64) error {
	size := 0
	for version := held + 1; version <= current; version++ {
		file, err := rootFile(v, name, version)
		if err != nil {
			return err
		}
		if size += len(file); len(b.GetRoots()) == bundle.MaxRoots || len(b.GetRoots()) > 0 && size > maxRootBytes {
			b.LastRoot, err = prove(v, record.RootKey(name, version-1))
			return err
		}
		b.Roots = append(b.Roots, file)
	}
	return nil
}

func rootFile(v View, name reference.Repository, version uint64) ([]byte, error) {
	value, ok, err := v.Get(record.RootKey(name, version))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: root %d of %s", ErrNotFound, version, name)
	}
	r, err := record.DecodeRootFile(value)
	if err != nil {
		return nil, err
	}
	return v.Content(r.FileDigest)
}
