package lookup

import (
	"cmp"
	"fmt"

	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

const (
	// maxHistoryBytes bounds the records of one page with their change lists, roots and
	// delegations, in bytes: a quarter of bundle.MaxSize, since they travel in base64.
	maxHistoryBytes = 4 << 20

	// maxHistoryWalk bounds how many records a node passes over to find a revision.
	// Clients that follow a history name the record's index.
	maxHistoryWalk = 4096
)

// History proves a page of a repository's history, newest first.
func (s *State) History(q query.History, k query.Known) (*proto.HistoryAnswer, error) {
	state, err := s.proof(k.TrustedHeight)
	if err != nil {
		return nil, err
	}
	a := &proto.HistoryAnswer{State: state}
	if a.Repository, err = prove(s.View, record.RepositoryKey(q.Repository)); err != nil {
		return nil, err
	}
	if len(a.GetRepository().GetValue()) == 0 {
		return a, nil // its absence is the answer
	}
	repo, err := record.DecodeRepository(a.GetRepository().GetValue())
	if err != nil {
		return nil, err
	}
	a.Entries, a.Contents, err = historyPage(s.View, repo, q)
	return a, err
}

// historyPage returns records and what they name that is never given up, each content
// once.
func historyPage(v View, repo *record.Repository, q query.History) (out []*proto.HistoryEntry, contents [][]byte, err error) {
	index, err := findRevision(v, repo, q)
	if err != nil {
		return nil, nil, err
	}
	seen := make(map[[32]byte]bool)
	size, limit := 0, cmp.Or(q.Limit, query.MaxHistoryPage)
	for index != record.NoRecord && len(out) < limit {
		entry, err := logEntry(v, index)
		if err != nil {
			return nil, nil, err
		}
		r, err := record.DecodeLogRecord(entry.GetRecord())
		if err != nil {
			return nil, nil, err
		}
		changes, err := v.Content(r.ChangesHash)
		if err != nil {
			return nil, nil, err
		}
		size += len(entry.GetRecord()) + len(changes)
		var more [][]byte
		for _, digest := range r.Lasting() {
			if seen[digest] {
				continue
			}
			seen[digest] = true
			b, err := v.Content(digest)
			if err != nil {
				return nil, nil, err
			}
			more = append(more, b)
			size += len(b)
		}
		if size > maxHistoryBytes && len(out) > 0 {
			break
		}
		out = append(out, &proto.HistoryEntry{Entry: entry, Changes: changes})
		contents = append(contents, more...)
		index = r.Previous
	}
	return out, contents, nil
}

// findRevision returns the log index of the first record of a page.
func findRevision(v View, repo *record.Repository, q query.History) (uint64, error) {
	if q.Before == 0 {
		return repo.LastIndex, nil
	}
	want := q.Before - 1
	if want == 0 || want > repo.Revision {
		return 0, fmt.Errorf("%w: no revision before %d; the newest is %d", ErrNotFound, q.Before, repo.Revision)
	}
	index := repo.LastIndex
	if q.Indexed {
		if index = q.Index; index >= v.State().Log.Size {
			return 0, fmt.Errorf("%w: record %d", ErrNotFound, index)
		}
	} else if repo.Revision-want > maxHistoryWalk {
		return 0, fmt.Errorf("%w: revision %d is more than %d before the newest; name the record with index", query.ErrQuestion, want, maxHistoryWalk)
	}
	for {
		r, err := recordAt(v, index)
		if err != nil {
			return 0, err
		}
		switch {
		case r.Repository == q.Repository && r.Revision == want:
			return index, nil
		case q.Indexed || r.Previous == record.NoRecord:
			return 0, fmt.Errorf("%w: record %d is not revision %d of %s", query.ErrQuestion, index, want, q.Repository)
		}
		index = r.Previous
	}
}
