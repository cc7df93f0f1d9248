package change

import (
	"crypto/sha256"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Reviewed is what the holder of a key is shown of one thing that a request asks to sign.
// One of Root, Targets and Statement is set.
type Reviewed struct {
	Repository reference.Repository
	// Digest is the SHA-256 of the bytes that are signed.
	Digest    [32]byte
	Root      *tuf.Root
	Targets   *tuf.Targets
	Statement *record.SignedStatement
	// ComparedWith is the version of the file to which Tags are the changes. Zero says
	// that Tags are all tags of the file.
	ComparedWith uint64
	Tags         []TagDifference
}

// TagDifference is what a new file says of one tag.
type TagDifference struct {
	Tag reference.Tag
	// Before is what the tag meant in the file compared with, zero for nothing; After what
	// it means in the new one, zero when it is withdrawn.
	Before, After tuf.Target
}

// Review describes what a request asks to sign to the holder of some keys: the whole of
// everything, and of the tags of a role what has changed since a file that one of those
// keys has signed. Other files in force are only what the maker of the request says they
// are, and are compared with nothing. Files come first, statements last.
func (r *Request) Review(own []keys.PublicKey) []Reviewed {
	var out []Reviewed
	for i := range r.Parts {
		p := &r.Parts[i]
		for _, root := range p.NewRoots {
			out = append(out, Reviewed{Repository: p.Repository, Digest: root.SignedDigest(), Root: root})
		}
		for _, t := range p.NewRoles {
			v := Reviewed{Repository: p.Repository, Digest: t.SignedDigest(), Targets: t}
			stored := p.Stored(t.Binding.Role)
			if stored != nil && signedBy(&stored.Metadata, own) {
				v.ComparedWith = stored.Version
			} else {
				stored = nil
			}
			v.Tags = Differences(stored, t)
			out = append(out, v)
		}
	}
	for _, p := range r.Parts {
		if st := p.Statement; st != nil {
			out = append(out, Reviewed{Repository: p.Repository, Digest: sha256.Sum256(st.SignedBytes()), Statement: st})
		}
	}
	return out
}

// Differences returns what a file of a role says otherwise than the one before, which may
// be nil: tags that are set or moved in their order, then those that are withdrawn.
func Differences(stored, next *tuf.Targets) []TagDifference {
	var out []TagDifference
	if stored == nil {
		stored = new(tuf.Targets)
	}
	for _, target := range next.Targets {
		if old, _ := stored.Target(target.Tag); old != target {
			out = append(out, TagDifference{Tag: target.Tag, Before: old, After: target})
		}
	}
	for _, old := range stored.Targets {
		if _, listed := next.Target(old.Tag); !listed {
			out = append(out, TagDifference{Tag: old.Tag, Before: old})
		}
	}
	return out
}

// signedBy reports whether a file carries a valid signature by one of the keys.
func signedBy(m *tuf.Metadata, own []keys.PublicKey) bool {
	for _, key := range own {
		for _, sig := range m.Signatures {
			if sig.KeyID == key.ID() && (keys.Direct{}).Verify(key, m.SignedBytes(), sig.Sig) == nil {
				return true
			}
		}
	}
	return false
}
