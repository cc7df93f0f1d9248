package ledger

import (
	"bytes"
	"slices"

	"hullmark/merkle/store"
	"hullmark/record"
)

// admitted is a transaction that a pending state has taken in.
type admitted struct {
	hash    [32]byte
	outcome *Outcome
	effects *overlay
	span    span // of block times within which the content is judged the same
	// subjects are the repositories it is about.
	subjects []string
	// enters says that it gives a role an entry, which has the index of its record. Such
	// a one is never carried.
	enters bool
}

// carry is what a pending state took in before a block and may take in again as it is:
// what one transaction makes of a subject stands as long as the subject is what the
// ones before it made of it. Only provenance can be another: height, time and index,
// which are provisional in a pending state, and what quotas have gained. An operator who
// pays is no subject: of him nothing matters but his key and his bucket, from which each
// transaction takes its token anew.
type carry struct {
	entries map[[32]byte]*admitted
	// queues are the transactions about each subject that are left, in order. Subjects
	// that are not as they were have none.
	queues map[string][][32]byte
}

// subjectsOf names what a transaction shares with others, beside the operator who pays.
// Values of digests are either a repository's own or, like the count of an image, decide
// nothing.
func subjectsOf(h *record.Header) []string {
	var out []string
	for _, c := range h.Scopes {
		if name := c.Repository.String(); len(out) == 0 || out[len(out)-1] != name {
			out = append(out, name)
		}
	}
	return out
}

// take notes that a transaction was admitted.
func (p *Pending) take(a *admitted) {
	p.state.merge(a.effects)
	a.effects.base = nil // what it was judged by
	p.admitted[a.hash] = a
	p.order = append(p.order, a.hash)
}

// Next returns the pending state on top of the newest height, which was committed
// with the transactions of those hashes, in order. The state before stays usable
// until it is closed.
func (p *Pending) Next(applied [][32]byte) (*Pending, error) {
	next, err := p.state.ledger.BeginPending()
	if err != nil {
		return nil, err
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	same, err := p.sameRules(next)
	if err != nil {
		next.Close()
		return nil, err
	}
	if !same {
		return next, nil
	}
	moved, err := p.moved(next, applied)
	if err != nil {
		next.Close()
		return nil, err
	}
	next.before = p.left(applied, moved)
	return next, nil
}

// sameRules reports whether the parameters and the operators' keys are those of the
// state before.
func (p *Pending) sameRules(next *Pending) (bool, error) {
	if p.state.paramsHash != next.state.paramsHash {
		return false, nil
	}
	before, _, err := p.state.Get(record.NotaryKey())
	if err != nil {
		return false, err
	}
	after, _, err := next.state.Get(record.NotaryKey())
	return bytes.Equal(before, after), err
}

// moved returns the subjects of which the block made something else than the pending
// state did: what came to it in another order, or was not known here at all.
func (p *Pending) moved(next *Pending, applied [][32]byte) (map[string]bool, error) {
	moved := make(map[string]bool)
	queues := p.queues(nil)
	foreign := make(map[string]int) // records of the block that are nobody's here
	from, to := p.state.logSize, next.state.logSize
	if err := repositoriesOf(next.state.view, from, to, foreign); err != nil {
		return nil, err
	}
	for _, hash := range applied {
		a, ok := p.admitted[hash]
		if !ok {
			continue
		}
		for _, s := range a.subjects {
			foreign[s]--
			if q := queues[s]; len(q) > 0 && q[0] == hash && !a.enters {
				queues[s] = q[1:]
			} else {
				moved[s] = true
			}
		}
	}
	for s, n := range foreign { // order does not matter
		if n > 0 {
			moved[s] = true
		}
	}
	return moved, nil
}

// repositoriesOf counts the log records about each repository in a range.
func repositoriesOf(v *store.View, from, to uint64, count map[string]int) error {
	for i := from; i < to; i++ {
		b, err := v.Record(i)
		if err != nil {
			return err
		}
		r, err := record.DecodeLogRecord(b)
		if err != nil {
			return err
		}
		count[r.Repository.String()]++
	}
	return nil
}

// entersRole reports whether a verdict gives a role an entry.
func (v *verdict) entersRole() bool {
	return slices.ContainsFunc(v.effects, func(e effect) bool {
		return slices.ContainsFunc(e.roles, func(r record.RoleState) bool { return r.Since == sinceNow })
	})
}

// queues returns the transactions about each subject, in order, without those that
// are gone.
func (p *Pending) queues(gone map[[32]byte]bool) map[string][][32]byte {
	queues := make(map[string][][32]byte)
	for _, hash := range p.order {
		if !gone[hash] {
			for _, s := range p.admitted[hash].subjects {
				queues[s] = append(queues[s], hash)
			}
		}
	}
	return queues
}

// left returns what of the admitted ones the block has left as it was.
func (p *Pending) left(applied [][32]byte, moved map[string]bool) carry {
	gone := make(map[[32]byte]bool, len(applied))
	for _, hash := range applied {
		gone[hash] = true
	}
	c := carry{entries: make(map[[32]byte]*admitted), queues: p.queues(gone)}
	for _, hash := range p.order {
		if a := p.admitted[hash]; !gone[hash] {
			c.entries[hash] = a
		}
	}
	for s := range moved { // order does not matter
		delete(c.queues, s)
	}
	return c
}

// spoil notes that subjects are not what the state before had made of them.
func (c *carry) spoil(subjects []string) {
	for _, s := range subjects {
		delete(c.queues, s)
	}
}

// Readmit admits again a transaction that the state before had admitted and whose
// subjects the block left as that state had them. It reports false for any other:
// judge it. It costs microseconds.
func (p *Pending) Readmit(hash [32]byte) (*Outcome, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.before.entries[hash]
	if !ok || p.closed {
		return nil, false
	}
	delete(p.before.entries, hash)
	for _, s := range a.subjects {
		if q := p.before.queues[s]; len(q) == 0 || q[0] != hash {
			ok = false
		}
	}
	if !ok || a.enters || !a.span.holds(p.state.block.Time) || !p.payAgain(a) {
		// It may not come in as it is, so nothing holds that was built on it. The index at
		// which a role enters decides which tags it holds, and is another one now.
		p.before.spoil(a.subjects)
		return nil, false
	}
	for _, s := range a.subjects {
		p.before.queues[s] = p.before.queues[s][1:]
	}
	p.take(a)
	return a.outcome, true
}

// payAgain takes what a transaction costs the operator who pays for it, if one does, from
// what he has now. It reports whether he has it, and pays with the same key. The pending
// state is locked.
func (p *Pending) payAgain(a *admitted) bool {
	h := &a.outcome.Envelope.Header
	if h.Payer == "" {
		return true
	}
	key := record.OperatorKey(h.Payer)
	op, ok, err := load(p.state, key, record.OpenOperator)
	if err != nil || !ok || !op.HasGovernanceKey(h.Submitter) {
		return false // it is judged again, which says why
	}
	if _, pays := a.effects.values[string(key)]; !pays {
		return true // the repository's own buckets do
	}
	quota, ok := takeToken(op.Quota(), p.state.params.OperatorQuota, p.state.block.Height)
	if ok {
		a.effects.values[string(key)] = op.WithQuota(quota)
	}
	return ok
}
