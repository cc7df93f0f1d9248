package bundle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"hullmark/printable"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// FileEntry is a bundle in a file, with the reference whose meaning it proves.
type FileEntry struct {
	Reference reference.Reference
	Bundle    *proto.Bundle
}

// EncodeFile returns the content of a file with bundles: the bundle itself where
// there is one, and all of them under their references otherwise. Errors wrap
// ErrRequest when there are none or too many.
func EncodeFile(entries []FileEntry) ([]byte, error) {
	if n := len(entries); n == 0 || n > MaxFileEntries {
		return nil, fail(ErrRequest, "%d bundles in a file, 1 to %d are possible", n, MaxFileEntries)
	}
	if len(entries) == 1 {
		return Encode(entries[0].Bundle)
	}
	m := &proto.BundleFile{Version: FormatVersion}
	for _, e := range entries {
		m.Entries = append(m.Entries, &proto.BundleFileEntry{Reference: fileLabel(e.Reference), Bundle: e.Bundle})
	}
	b, err := proto.MarshalJSON(m)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxFileSize {
		return nil, fail(ErrRequest, "the bundles take %d bytes, at most %d", len(b), MaxFileSize)
	}
	return b, nil
}

// DecodeFile returns the bundles in a file that may answer a question, in the
// order in which they are to be verified: several when the roots of a repository
// come in portions. Nothing is verified. A bundle that stands alone names no question, so
// that is told from what it holds. Errors wrap ErrMalformed, ErrNotInFile, or record.ErrNewer for a newer
// format.
func DecodeFile(data []byte, req query.Resolve) ([]*proto.Bundle, error) {
	if len(data) > MaxFileSize {
		return nil, fail(ErrMalformed, "%d bytes, at most %d", len(data), MaxFileSize)
	}
	var form struct {
		Version int             `json:"version"`
		Entries json.RawMessage `json:"entries"`
	}
	if json.Unmarshal(data, &form) != nil || form.Entries == nil {
		b, err := Decode(data)
		if err != nil {
			return nil, err
		}
		if err := checkAbout(b, req); err != nil {
			return nil, err
		}
		return []*proto.Bundle{b}, nil
	}
	if form.Version > FormatVersion {
		return nil, fail(record.ErrNewer, "file of version %d", form.Version)
	}
	m := new(proto.BundleFile)
	if err := proto.UnmarshalJSON(data, m); err != nil {
		return nil, fail(ErrMalformed, "%w", err)
	}
	if n := len(m.GetEntries()); m.GetVersion() != FormatVersion || n == 0 || n > MaxFileEntries {
		return nil, fail(ErrMalformed, "file of version %d with %d bundles", m.GetVersion(), n)
	}
	want := fileLabel(asked(req))
	var out []*proto.Bundle
	var others []string
	for _, e := range m.GetEntries() {
		if e.GetBundle() == nil {
			return nil, fail(ErrMalformed, "entry without a bundle")
		}
		if e.GetReference() == want {
			out = append(out, e.GetBundle())
			continue
		}
		other := e.GetReference()
		if _, err := reference.ParseReference(other); err != nil {
			other = printable.Quote(other) // which may say anything
		}
		if !slices.Contains(others, other) {
			others = append(others, other)
		}
	}
	if len(out) == 0 {
		return nil, fail(ErrNotInFile, "%s; it is about %s", want, listed(others))
	}
	return out, nil
}

// listed names the first few of what a file is about.
func listed(names []string) string {
	const most = 5
	if over := len(names) - most; over > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), over)
	}
	return strings.Join(names, ", ")
}

// fileLabel is what a bundle is filed under. What a tag means answers whether it
// means a digest, too.
func fileLabel(r reference.Reference) string {
	if tag, tagged := r.Tag(); tagged {
		return r.Repository().WithTag(tag).String()
	}
	return r.String()
}

// asked returns the reference that asks a question.
func asked(q query.Resolve) reference.Reference {
	if !q.Tag.IsZero() {
		return q.Repository.WithTag(q.Tag)
	}
	return q.Repository.WithDigest(q.Digest)
}
