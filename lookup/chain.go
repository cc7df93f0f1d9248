package lookup

import (
	"bytes"
	"slices"
	"time"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// addTargets adds the targets file and the files of the delegated roles that lead
// to the one in question: the role that holds the tag, a role that lists the digest,
// or the role asked for. That no role lists a digest rests on the files of all that
// are effective at a time. When there is no room for all, delegators come first, and
// a client that holds those asks for the rest.
func addTargets(v View, b *proto.Bundle, q query.Resolve, k query.Known, repo *record.Repository, at time.Time) error {
	names := chain(repo, q.Role)
	switch {
	case len(b.GetTag().GetValue()) > 0:
		tag, err := record.DecodeImageTag(b.GetTag().GetValue())
		if err != nil {
			return err
		}
		names = chain(repo, tag.Role)
	case q.Tag.IsZero() && len(b.GetImage().GetValue()) > 0:
		var err error
		if names, err = listing(v, b, q, repo, at); err != nil {
			return err
		}
	}
	size := 0
	for _, name := range names {
		state, _ := repo.Role(name)
		if state.Version == 0 {
			break // neither does any role below have a file
		}
		if !slices.Contains(k.Held, state.FileDigest) {
			if size > 0 && size+int(state.FileSize) > bundle.MaxTargetsBytes {
				break
			}
			size += int(state.FileSize)
		}
		file, err := v.Content(state.FileDigest)
		if err != nil {
			return err
		}
		b.Targets = append(b.Targets, file)
	}
	return nil
}

// chain returns the roles from targets to a role, or targets alone if nobody
// delegates to it any more.
func chain(repo *record.Repository, role string) []string {
	var out []string
	for range record.MaxRoles {
		state, ok := repo.Role(role)
		if !ok || state.TopLevel() {
			break
		}
		out = append(out, role)
		role = state.Parent
	}
	if _, ok := repo.Role(record.RoleTargets); ok {
		out = append(out, record.RoleTargets)
	}
	slices.Reverse(out)
	return out
}

// listing returns the roles from targets to one that lists the digest in question,
// or all that are effective at a time if none is found. It looks first where the
// digest was published last, and reads no more than a bundle can hold: behind that
// the client looks.
func listing(v View, b *proto.Bundle, q query.Resolve, repo *record.Repository, at time.Time) ([]string, error) {
	voucher, err := record.DecodeVoucher(b.GetImage().GetValue())
	if err != nil {
		return nil, err
	}
	if !voucher.Published() {
		return chain(repo, ""), nil
	}
	encoded, err := v.Record(voucher.Last.Index)
	if err != nil {
		return nil, err
	}
	last, err := record.DecodeLogRecord(encoded)
	if err != nil {
		return nil, err
	}
	all := effective(repo, at)
	names := []string{record.RoleTargets}
	for _, change := range last.Roles {
		names = append(names, change.Name)
	}
	names = append(names, all...)
	read := 0
	digest := []byte(`"` + q.Digest.Hex() + `"`)
	for i, name := range names {
		state, ok := repo.Role(name)
		if !ok || slices.Contains(names[:i], name) || !slices.Contains(all, name) {
			continue
		}
		if read += int(state.FileSize); read > bundle.MaxSize {
			break
		}
		file, err := v.Content(state.FileDigest)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(file, digest) {
			return chain(repo, name), nil
		}
	}
	if len(all) == 0 {
		return chain(repo, ""), nil // targets itself is not effective
	}
	return all, nil
}

// effective returns the roles that are effective at a time, delegators first, but
// for the root.
func effective(repo *record.Repository, at time.Time) []string {
	var out []string
	if repo.Effective(record.RoleTargets, at) {
		out = append(out, record.RoleTargets)
	}
	for i := 0; i < len(out); i++ {
		for _, r := range repo.Roles {
			if r.Parent == out[i] && repo.Effective(r.Name, at) {
				out = append(out, r.Name)
			}
		}
	}
	return out
}
