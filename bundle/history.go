package bundle

import (
	"crypto/sha256"
	"slices"
	"time"

	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Cursor says which record of a repository comes next in its history. The zero
// Cursor is the newest.
type Cursor struct {
	// Revision counts the repository's records from 1.
	Revision uint64
	// Index is the record's place in the log.
	Index uint64
}

// HistoryPage is a proven piece of a repository's history.
type HistoryPage struct {
	Proven
	Repository reference.Repository
	// Revision is the repository's newest revision in the proven state.
	Revision uint64
	// Records are newest first, without gaps.
	Records []HistoryRecord
	// Next is where the history goes on; its Revision is zero when the first
	// record is in this page, and the history complete.
	Next Cursor
}

// HistoryRecord is one record of a repository.
type HistoryRecord struct {
	Index uint64
	*record.LogRecord
	// ChangeList is the bytes the record names by its changes hash, and TagChanges
	// what they say of tags; nil where the record is about something else.
	ChangeList []byte
	TagChanges []record.TagChange
	// Statement is that of a revocation or lift, as the ledger accepted it; its
	// signatures are not verified here.
	Statement *record.SignedStatement
	// Root is the root that became current, nil for none; Delegations are those of the
	// files that did, by role, nil where a file has none. Their signatures are not
	// verified here.
	Root        *tuf.Root
	Delegations map[string]*tuf.Delegations
}

// VerifyHistory verifies a page of a repository's history: it begins with the
// record that from names, which is the newest one in the proven state or the Next
// of another page, and each record is the predecessor of the one before. Whoever
// goes on until Next.Revision is zero has every record there is: revisions count
// down by one, and the newest is proven by the map.
//
// An absent repository is a *Denial. The memory returned is nil with every other
// error.
func VerifyHistory(a *proto.HistoryAnswer, r reference.Repository, from Cursor, mem *Memory, now time.Time, p Policy, before ...*Trace) (*HistoryPage, *Memory, error) {
	if r.IsZero() {
		return nil, nil, fail(ErrRequest, "no repository")
	}
	proven, next, err := verifyState(a.GetState(), mem, now, p, before)
	if err != nil {
		return nil, nil, err
	}
	v := &verification{
		bundle: &proto.Bundle{Repository: a.GetRepository()}, request: query.Resolve{Repository: r},
		memory: next, now: now, policy: p, header: proven.header, mapRoot: proven.mapRoot,
		result: Result{Repository: r, StateHeight: proven.StateHeight, HeaderHeight: proven.HeaderHeight, BlockTime: proven.BlockTime, Age: proven.Age},
	}
	if err := v.proveRepository(); err != nil {
		return nil, nil, err
	}
	if err := v.checkHistory(); err != nil {
		return nil, nil, err
	}
	if v.repository == nil {
		return nil, v.learnt(), v.deny(ErrUnknownRepository, "%s", r)
	}
	page := &HistoryPage{Proven: *proven, Repository: r, Revision: v.repository.Revision}
	if err := page.read(mem.ledger, a.GetEntries(), v.repository, from); err != nil {
		return nil, nil, err
	}
	if err := page.readContents(mem.ledger, a.GetContents()); err != nil {
		return nil, nil, err
	}
	return page, v.learnt(), nil
}

// read verifies the records of a page.
func (h *HistoryPage) read(ledger string, entries []*proto.HistoryEntry, repo *record.Repository, from Cursor) error {
	if n := len(entries); n == 0 || n > query.MaxHistoryPage {
		return fail(ErrHistory, "%d records, 1 to %d were asked for", n, query.MaxHistoryPage)
	}
	newest := Cursor{Revision: repo.Revision, Index: repo.LastIndex}
	if from == (Cursor{}) {
		from = newest
	}
	if from.Revision > newest.Revision || (from.Revision == newest.Revision) != (from.Index == newest.Index) {
		return fail(ErrHistory, "record %d of revision %d cannot be in a history that ends with record %d, revision %d",
			from.Index, from.Revision, newest.Index, newest.Revision)
	}
	height, at := repo.LastHeight, repo.LastTime
	h.Next = from
	for _, e := range entries {
		if h.Next.Revision == 0 {
			return fail(ErrHistory, "records before the first")
		}
		if e.GetEntry().GetIndex() != h.Next.Index {
			return fail(ErrHistory, "record %d, the next is %d", e.GetEntry().GetIndex(), h.Next.Index)
		}
		if err := h.verifyEntry(e.GetEntry()); err != nil {
			return err
		}
		r, err := record.DecodeLogRecord(e.GetEntry().GetRecord())
		if err != nil {
			return fail(ErrMismatch, "log record %d: %w", h.Next.Index, err)
		}
		switch {
		case r.Repository != h.Repository:
			return fail(ErrHistory, "record %d is about %s", h.Next.Index, r.Repository)
		case r.Revision != h.Next.Revision:
			return fail(ErrHistory, "record %d has revision %d, the next is %d", h.Next.Index, r.Revision, h.Next.Revision)
		case r.Height > height || r.Time.After(at), h.Next == newest && (r.Height != height || !r.Time.Equal(at)):
			return fail(ErrMismatch, "record %d is of height %d, at most %d is possible", h.Next.Index, r.Height, height)
		case r.Revision > 1 && r.Previous >= h.Next.Index:
			return fail(ErrMismatch, "record %d follows record %d", h.Next.Index, r.Previous)
		}
		entry := HistoryRecord{Index: h.Next.Index, LogRecord: r, ChangeList: e.GetChanges()}
		if err := entry.readChanges(ledger); err != nil {
			return err
		}
		h.Records = append(h.Records, entry)
		height, at = r.Height, r.Time
		h.Next = Cursor{Revision: r.Revision - 1, Index: r.Previous}
	}
	if h.Next.Revision == 0 {
		h.Next = Cursor{}
	}
	return nil
}

// readContents verifies the contents that the records name and that are kept for ever:
// all of them, each once, in the order in which they are named.
func (h *HistoryPage) readContents(ledger string, contents [][]byte) error {
	known := make(map[[sha256.Size]byte][]byte)
	for i := range h.Records {
		r := &h.Records[i]
		for _, digest := range r.Lasting() {
			if _, ok := known[digest]; ok {
				continue
			}
			if len(contents) == 0 || sha256.Sum256(contents[0]) != digest {
				return fail(ErrHistory, "what record %d names is missing", r.Index)
			}
			known[digest], contents = contents[0], contents[1:]
		}
		if err := r.readFiles(ledger, known); err != nil {
			return err
		}
	}
	if len(contents) > 0 {
		return fail(ErrHistory, "%d contents that no record names", len(contents))
	}
	return nil
}

// readFiles reads what the record names of its role files.
func (r *HistoryRecord) readFiles(ledger string, known map[[sha256.Size]byte][]byte) error {
	for _, c := range r.Roles {
		if c.Name == record.RoleRoot {
			root, err := tuf.ParseRoot(known[c.FileDigest])
			if err != nil {
				return fail(ErrMismatch, "root of record %d: %w", r.Index, err)
			}
			if want := (tuf.Binding{Ledger: ledger, Repository: r.Repository, Role: tuf.RoleRoot}); root.Binding != want || root.Version != c.Version {
				return fail(ErrMismatch, "record %d names root %d of %s", r.Index, root.Version, root.Binding.Repository)
			}
			r.Root = root
			continue
		}
		if r.Delegations == nil {
			r.Delegations = make(map[string]*tuf.Delegations)
		}
		r.Delegations[c.Name] = nil
		if c.Delegations == [sha256.Size]byte{} {
			continue
		}
		list, err := tuf.ParseDelegations(known[c.Delegations], c.Name)
		if err != nil {
			return fail(ErrMismatch, "delegations of record %d: %w", r.Index, err)
		}
		r.Delegations[c.Name] = list
	}
	return nil
}

// readChanges checks what the record names by its changes hash, and reads it.
func (r *HistoryRecord) readChanges(ledger string) error {
	if sha256.Sum256(r.ChangeList) != r.ChangesHash {
		return fail(ErrHistory, "the change list of record %d is another one", r.Index)
	}
	var n int
	switch r.Kind {
	case record.KindRegisterRepository, record.KindPublish:
		changes, err := record.DecodeChanges(r.ChangeList)
		if err != nil {
			return fail(ErrMismatch, "change list of record %d: %w", r.Index, err)
		}
		r.TagChanges, n = changes, len(changes)
	case record.KindRevoke, record.KindLift:
		st, err := record.DecodeSignedStatement(r.ChangeList)
		if err != nil {
			return fail(ErrMismatch, "statement of record %d: %w", r.Index, err)
		}
		if st.Action.Kind() != r.Kind || st.Binding.Repository != r.Repository || st.Binding.Ledger != ledger || !slices.Equal(st.Signers(), r.KeyIDs) {
			return fail(ErrMismatch, "record %d describes its statement otherwise than it is", r.Index)
		}
		r.Statement, n = st, len(st.Digests)
	case record.KindVeto, record.KindGovernance: // reserved
		fallthrough
	default:
		return fail(record.ErrNewer, "record of kind %s", r.Kind)
	}
	if n != int(r.Changes) {
		return fail(ErrMismatch, "record %d names %d changes and lists %d", r.Index, r.Changes, n)
	}
	return nil
}
