package abci

import (
	"bytes"
	"slices"

	"hullmark/bundle"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/record"
)

// addTargets adds the targets file and the files of the delegated roles that lead
// to the one in question: the role that holds the tag, a role that lists the digest,
// or the role asked for.
func addTargets(v *store.View, b *proto.Bundle, q Question, repo *record.Repository) error {
	role := q.Role
	switch {
	case len(b.GetTag().GetValue()) > 0:
		tag, err := record.DecodeImageTag(b.GetTag().GetValue())
		if err != nil {
			return err
		}
		role = tag.Role
	case q.Tag.IsZero() && len(b.GetImage().GetValue()) > 0:
		var err error
		if role, err = listing(v, b, q, repo); err != nil {
			return err
		}
	}
	for _, name := range chain(repo, role) {
		state, _ := repo.Role(name)
		if state.Version == 0 {
			break // neither does any role below have a file
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
		if !ok || state.Removed || state.TopLevel() {
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

// listing returns a delegated role that lists the digest in question, or nothing
// if targets does or none is found. It looks first where the digest was published
// last, and reads no more than a bundle can hold: what is listed behind that is
// answered as not listed.
func listing(v *store.View, b *proto.Bundle, q Question, repo *record.Repository) (string, error) {
	voucher, err := record.DecodeVoucher(b.GetImage().GetValue())
	if err != nil {
		return "", err
	}
	names := []string{record.RoleTargets}
	if voucher.Published() {
		encoded, err := v.Record(voucher.Last.Index)
		if err != nil {
			return "", err
		}
		last, err := record.DecodeLogRecord(encoded)
		if err != nil {
			return "", err
		}
		for _, change := range last.Roles {
			names = append(names, change.Name)
		}
	}
	for _, r := range repo.Roles {
		names = append(names, r.Name)
	}
	now, read := ledger.BlockTime(v), 0
	digest := []byte(`"` + q.Digest.Hex() + `"`)
	for i, name := range names {
		state, ok := repo.Role(name)
		if !ok || name == record.RoleRoot || slices.Contains(names[:i], name) || !repo.Effective(name, now) {
			continue
		}
		if read += int(state.FileSize); read > bundle.MaxSize {
			break
		}
		file, err := v.Content(state.FileDigest)
		if err != nil {
			return "", err
		}
		if bytes.Contains(file, digest) {
			return name, nil
		}
	}
	return "", nil
}
