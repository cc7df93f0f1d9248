package bundle

import (
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// About returns the question that a bundle is the answer to, by what is in it, and false if
// that cannot be told. Nothing is verified: it is for telling somebody who has named the
// wrong file which one it is.
func About(b *proto.Bundle) (query.Resolve, bool) {
	var q query.Resolve
	var files []*tuf.Targets
	for _, content := range b.GetTargets() {
		if f, err := tuf.ParseTargets(content); err == nil {
			files, q.Repository = append(files, f), f.Binding.Repository
		}
	}
	if len(b.GetRoots()) > 0 {
		if r, err := tuf.ParseRoot(b.GetRoots()[0]); err == nil {
			q.Repository = r.Binding.Repository
		}
	}
	if q.Repository.IsZero() {
		return q, false
	}
	for _, f := range files {
		for _, t := range f.Targets {
			switch {
			case b.GetTag() != nil && proves(b, b.GetTag(), record.TagKey(q.Repository, t.Tag)):
				q.Tag = t.Tag
				return q, true
			case b.GetTag() == nil && b.GetImage() != nil && proves(b, b.GetImage(), record.VoucherKey(t.Digest, q.Repository)):
				q.Digest = t.Digest
				return q, true
			}
		}
	}
	return q, b.GetTag() == nil && b.GetImage() == nil
}

// mayAnswer reports whether a bundle has what answers a question, by the keys of its map
// proofs. Nothing is verified.
func mayAnswer(b *proto.Bundle, q query.Resolve) bool {
	if !proves(b, b.GetRepository(), record.RepositoryKey(q.Repository)) {
		return false
	}
	if len(b.GetRepository().GetValue()) == 0 {
		return true // of what is not registered there is nothing else to say
	}
	switch {
	case !q.Tag.IsZero():
		return b.GetTag() != nil && proves(b, b.GetTag(), record.TagKey(q.Repository, q.Tag))
	case !q.Digest.IsZero():
		return b.GetTag() == nil && b.GetImage() != nil && proves(b, b.GetImage(), record.VoucherKey(q.Digest, q.Repository))
	default:
		return b.GetTag() == nil && b.GetImage() == nil
	}
}

// proves reports whether an entry is about a key in the state that the bundle names.
func proves(b *proto.Bundle, e *proto.MapEntry, key []byte) bool {
	root := b.GetState().GetAppState().GetMapRoot()
	if len(root) != merkle.HashSize {
		return false
	}
	_, err := prove(merkle.Hash(root), "", key, e)
	return err == nil
}

// checkAbout compares a bundle of a file with a question before anything is verified. It
// returns ErrNotInFile, with what the bundle is about, if that can be told and is something
// else: a file that was mixed up is no attack.
func checkAbout(b *proto.Bundle, q query.Resolve) error {
	if mayAnswer(b, q) {
		return nil
	}
	if other, ok := About(b); ok && label(other) != label(q) {
		return fail(ErrNotInFile, "%s; it is about %s", label(q), label(other))
	}
	return nil
}

// label is what a bundle that answers a question is filed under.
func label(q query.Resolve) string {
	if q.Tag.IsZero() {
		return q.String()
	}
	return fileLabel(q.Repository.WithTag(q.Tag))
}
