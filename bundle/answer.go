package bundle

import (
	"fmt"
	"slices"
	"time"

	"hullmark/keys"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// answerTag answers what the tag means.
func (v *verification) answerTag() error {
	value, err := prove(v.mapRoot, "the tag", record.TagKey(v.request.Repository, v.request.Tag), v.bundle.GetTag())
	if err != nil {
		return err
	}
	if value == nil {
		if err := v.refuseUnused(partImage, partStatement); err != nil {
			return err
		}
		return v.deny(ErrAbsentTag, "%s", v.request)
	}
	tag, err := decode("tag", value, record.DecodeImageTag)
	if err != nil {
		return err
	}
	v.result.Digest, v.result.Size, v.result.Role = tag.Digest, tag.Size, tag.Role
	v.result.Published = record.Publication{Height: tag.Height, Time: tag.Time, Index: tag.Index}
	voucher, err := v.proveVoucher(tag.Digest)
	if err != nil {
		return err
	}
	if tag.State != record.TagLive {
		return v.deny(ErrWithdrawn, "%s, at height %d", v.request, tag.Height)
	}
	if !v.request.Digest.IsZero() && tag.Digest != v.request.Digest {
		return v.deny(ErrDifferentDigest, "%s", tag.Digest)
	}
	if err := v.checkEffective(tag.Role); err != nil {
		return err
	}
	if !v.repository.Owns(tag) {
		return v.deny(ErrNotEffective, "role %s of %s was removed after it set the tag, and has not set it again", tag.Role, v.request.Repository)
	}
	if v.request.Assurance == query.PublisherAssurance {
		file, ok := v.files[tag.Role]
		if !ok {
			return v.lacksHolder(tag.Role)
		}
		want := tuf.Target{Tag: v.request.Tag, Digest: tag.Digest, Length: tag.Size}
		if listed, ok := file.Target(v.request.Tag); !ok || listed != want {
			return fail(ErrMismatch, "the ledger says the tag means %s (%d bytes), the publisher signed otherwise", tag.Digest, tag.Size)
		}
		if !v.covered(tag.Role, v.request.Tag) {
			return fail(ErrTargets, "the tag is not delegated to role %s, which holds it", tag.Role)
		}
	}
	if err := v.judgeStatements(tag.Digest, voucher); err != nil {
		return err
	}
	if voucher == nil || !voucher.Published() {
		return fail(ErrMismatch, "the tag is live and its digest was never published")
	}
	return v.checkVoucher(voucher)
}

// answerDigest answers whether the repository vouches for the digest.
func (v *verification) answerDigest() error {
	v.result.Digest = v.request.Digest
	if err := v.refuseUnused(partTag); err != nil {
		return err
	}
	voucher, err := v.proveVoucher(v.request.Digest)
	if err != nil {
		return err
	}
	// First of all: why else a revoked digest is no good is of no interest.
	if err := v.judgeStatements(v.request.Digest, voucher); err != nil {
		return err
	}
	if voucher == nil || !voucher.Published() {
		return v.deny(ErrAbsentImage, "%s", v.request)
	}
	v.result.Published = voucher.Last
	if v.request.Assurance == query.PublisherAssurance {
		if err := v.findDigest(); err != nil {
			return err
		}
	} else {
		// The ledger does not record which role listed a digest; every other role
		// rests on this one.
		v.result.Role = tuf.RoleTargets
	}
	if err := v.checkEffective(v.result.Role); err != nil {
		return err
	}
	return v.checkVoucher(voucher)
}

// findDigest looks for the digest in the publisher's effective files. One file that
// lists it is enough. That none does is proven only by the files of all roles that
// could: whoever answers chooses which files it sends, and not which roles there are.
func (v *verification) findDigest() error {
	// Every other role rests on this one.
	if err := v.checkEffective(tuf.RoleTargets); err != nil {
		return err
	}
	var could, missing []record.RoleState
	expired := ""
	for _, s := range v.repository.Roles {
		if s.Name == tuf.RoleRoot || !v.repository.Effective(s.Name, v.header.Time) {
			continue
		}
		counts := v.policy.AllowExpired || v.repository.Effective(s.Name, v.now)
		file, sent := v.files[s.Name]
		i := -1
		if sent {
			i = slices.IndexFunc(file.Targets, func(t tuf.Target) bool {
				return t.Digest == v.request.Digest && v.covered(s.Name, t.Tag)
			})
		}
		switch {
		case i >= 0 && counts:
			v.result.Role, v.result.Size = s.Name, file.Targets[i].Length
			return nil
		case i >= 0:
			expired = s.Name
		case counts && !sent:
			missing = append(missing, s)
		}
		if counts {
			could = append(could, s)
		}
	}
	switch {
	case len(missing) > 0 && expired != "":
		// At block time that file was all that was needed.
		return fail(ErrStale, "role %s, which lists it, has expired since; whether another does is not shown", expired)
	case len(missing) > 0:
		return lacks(missing[0].Name, could)
	case expired != "":
		return v.checkEffective(expired)
	default:
		return v.deny(ErrNotListed, "%s", v.request)
	}
}

// checkEffective checks that a role verifies something at block time and, unless
// the policy says otherwise, still does now.
func (v *verification) checkEffective(role string) error {
	if !v.repository.Effective(role, v.header.Time) {
		return v.deny(ErrNotEffective, "%s of %s was not in force at block time: %s", role, v.request.Repository, v.ineffective(role, v.header.Time))
	}
	if !v.policy.AllowExpired && !v.repository.Effective(role, v.now) {
		return v.deny(ErrNotEffective, "%s of %s is not in force any more: %s", role, v.request.Repository, v.ineffective(role, v.now))
	}
	return nil
}

// ineffective says why a role is not effective: what is wrong with the topmost role
// above it, or with itself.
func (v *verification) ineffective(role string, at time.Time) string {
	list := append(v.chain(role), tuf.RoleTargets, tuf.RoleRoot)
	for _, name := range slices.Backward(list) {
		s, ok := v.repository.Role(name)
		switch {
		case !ok:
			return fmt.Sprintf("nobody delegates to %s", name)
		case s.Version == 0:
			return fmt.Sprintf("%s has published nothing", name)
		case !at.Before(s.Expires):
			return fmt.Sprintf("%s expired %s", name, s.Expires.UTC().Format(time.RFC3339))
		case !s.MeetsKeys:
			return fmt.Sprintf("%s is not signed by the keys it has now", name)
		case s.Narrowed:
			return fmt.Sprintf("%s must be signed anew, since less is delegated to it", name)
		}
	}
	return "nobody delegates to it any more"
}

// proveVoucher returns the proven value of the image in the repository, or nil
// when its absence is proven.
func (v *verification) proveVoucher(d reference.Digest) (*record.Voucher, error) {
	value, err := prove(v.mapRoot, "the image", record.VoucherKey(d, v.request.Repository), v.bundle.GetImage())
	if err != nil || value == nil {
		return nil, err
	}
	voucher, err := decode("image", value, record.DecodeVoucher)
	if err == nil {
		v.result.First, v.result.Last = voucher.First, voucher.Last
	}
	return voucher, err
}

// checkVoucher checks what the ledger recorded when the digest was published.
func (v *verification) checkVoucher(voucher *record.Voucher) error {
	r := &v.result
	if r.Published.Index > voucher.Last.Index || voucher.First.Index > voucher.Last.Index {
		return fail(ErrMismatch, "the tag was written after the newest publication of its digest")
	}
	if v.request.Assurance == query.PublisherAssurance {
		file := v.files[r.Role]
		state, _ := v.repository.Role(r.Role)
		by, _ := v.delegator(state.Parent)
		role, _ := by.Delegated(r.Role)
		r.TaggingKeys = counted(&file.Metadata, role)
		// When nothing happened to the repository since the publication, the files
		// verified here are the ones it was made with. If the tag was not set by it,
		// other roles may have signed it, and several may have.
		newest := voucher.Last.Index == v.repository.LastIndex
		set := newest && !v.request.Tag.IsZero() && r.Published.Index == voucher.Last.Index
		unnamed := func(id keys.ID) bool { return !slices.Contains(voucher.TaggingKeys, id) }
		if newest && !slices.Equal(voucher.RootKeys, r.RootKeys) || set && slices.ContainsFunc(r.TaggingKeys, unnamed) {
			return fail(ErrMismatch, "the ledger recorded other signers than those of the files")
		}
	} else {
		r.TaggingKeys, r.RootKeys = voucher.TaggingKeys, voucher.RootKeys
	}
	return nil
}
