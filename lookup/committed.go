package lookup

import "hullmark/record"

// maxHistory bounds how far Committed follows a repository's history back: a
// transaction is sent again soon or never, and anybody can make a node look.
const maxHistory = 256

// Committed returns the height at which the version that a transaction's first
// scope names was recorded, so that a transaction sent again can be found in its
// block; zero if there is none. A transaction the ledger calls stale was committed
// there or never.
func (r *Reader) Committed(env *record.Envelope) (uint64, error) {
	scope := env.Header.Scopes[0]
	if scope.Kind != record.ScopeRole {
		return 0, nil
	}
	v := r.ledger.Latest()
	defer v.Close()
	value, ok, err := v.Get(record.RepositoryKey(scope.Repository))
	if err != nil || !ok {
		return 0, err
	}
	repo, err := record.DecodeRepository(value)
	if err != nil {
		return 0, err
	}
	var height uint64 // of the oldest record so far that is not before the scope
	for index, n := repo.LastIndex, 0; index != record.NoRecord; n++ {
		if n == maxHistory {
			return 0, nil
		}
		b, err := v.Record(index)
		if err != nil {
			return 0, err
		}
		entry, err := record.DecodeLogRecord(b)
		if err != nil {
			return 0, err
		}
		for _, c := range entry.Roles {
			if c.Name != scope.Role {
				continue
			}
			if c.Version < scope.Number {
				return height, nil
			}
			height = entry.Height
		}
		index = entry.Previous
	}
	return height, nil
}
