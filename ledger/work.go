package ledger

import "hullmark/record"

// The cost of judging a transaction in work units, a unit being about what one
// Ed25519 verification takes. What bytes cost is known before anything is parsed;
// the rest is counted when the submitter is known, before it is done.
const (
	// workBase covers the envelope's signature and the fixed look-ups.
	workBase = 4
	// bytesPerUnit of what the transaction carries and of the stored files it
	// is compared with.
	bytesPerUnit = 256
)

// takeWork counts the work of the transaction and refuses it when the block has
// no room for it. stored is the size of the stored files it is compared with.
func (t *transaction) takeWork(stored int) error {
	return t.addWork(workBase + (t.size+stored+bytesPerUnit-1)/bytesPerUnit)
}

// addWork counts further units.
func (t *transaction) addWork(units int) error {
	w := t.outcome.Work + uint64(units)
	if w > t.params.MaxBlockWork || t.work > t.params.MaxBlockWork-w {
		return record.Reject(record.CodeWork, "%d units, the block has %d left of %d",
			w, t.params.MaxBlockWork-min(t.work, t.params.MaxBlockWork), t.params.MaxBlockWork)
	}
	t.outcome.Work = w
	return nil
}

// storedSize is the size of what a publish reads of a repository: the root, the
// files it replaces, and the delegations that lead to them.
func storedSize(s *subject) int {
	root, _ := s.repo.Role(record.RoleRoot)
	size := int(root.FileSize)
	for _, c := range s.scopes {
		r, ok := s.repo.Role(c.Role)
		if !ok || c.Role == record.RoleRoot {
			continue
		}
		size += int(r.FileSize)
		for range record.MaxRoles {
			if r, ok = s.repo.Role(r.Parent); !ok {
				break
			}
			size += int(r.DelegationsSize)
		}
	}
	return size
}

// CheckWork sums the work of transactions by the state as it is, without looking
// at any content, and refuses them (*record.Rejection) if a block can't hold them.
// It errs on the side of less: what they do to each other is not known yet.
func (s *State) CheckWork(envs []*record.Envelope) error {
	sum := uint64(0)
	for _, env := range envs {
		sum += uint64(workBase + (env.Size()+bytesPerUnit-1)/bytesPerUnit)
	}
	if sum > s.params.MaxBlockWork {
		return record.Reject(record.CodeWork, "%d units, a block has %d", sum, s.params.MaxBlockWork)
	}
	return nil
}
