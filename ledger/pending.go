package ledger

import (
	"bytes"
	"errors"
	"sync"

	"hullmark/keys"
	"hullmark/record"
)

// ErrClosed is returned for a pending state that was given up.
var ErrClosed = errors.New("pending state is closed")

// ErrChanged is returned for a judgement that rests on something that has changed
// since.
var ErrChanged = errors.New("pending state has changed")

// Pending is the state transactions are judged by before there is a block for
// them: committed state plus those that were admitted. It is safe for concurrent
// use, and judges outside its lock, so that neither signatures nor large files of
// one transaction hold up another. It takes no part in consensus: what it admits
// is judged again in a block.
type Pending struct {
	mu    sync.RWMutex // guards what state has admitted, and what follows
	state *State
	// users are the checks under way. The last one out of a closed state releases
	// what it holds of the store.
	users  int
	closed bool
	// admitted are the transactions taken in, order their hashes, and before what the
	// state before a block had.
	admitted map[[32]byte]*admitted
	order    [][32]byte
	before   carry
}

// BeginPending returns the state at the next height and the time of the last
// block. It bounds the work of each transaction but not of all together.
func (l *Ledger) BeginPending() (*Pending, error) {
	var s *State
	var err error
	if v := l.store.Latest(); v.Version() == 0 {
		v.Close()
		s, err = l.genesisState(Block{Height: l.genesis.InitialHeight, Time: l.genesis.Time})
	} else {
		// Height and time are those of this very view, whatever is committed
		// meanwhile.
		s, err = newState(l, Block{Height: v.Version() + 1, Time: BlockTime(v)}, v)
	}
	if err != nil {
		return nil, err
	}
	s.pending = true
	return &Pending{state: s, admitted: make(map[[32]byte]*admitted)}, nil
}

// Block returns the block transactions are judged for.
func (p *Pending) Block() Block { return p.state.block }

// Close gives up the state. Checks that are under way go on, and nothing is
// admitted any more.
func (p *Pending) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		p.release()
	}
}

// release closes the state below when nobody needs it. The pending state is
// locked.
func (p *Pending) release() {
	if p.closed && p.users == 0 {
		p.state.Close()
	}
}

// enter keeps what the state holds of the store until leave (ErrClosed).
func (p *Pending) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	p.users++
	return nil
}

func (p *Pending) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.users--
	p.release()
}

// Judgement is a transaction that was found good by a pending state.
type Judgement struct {
	seen *readSet
	*admitted
}

// Check judges a transaction and admits nothing. charge, unless nil, is called once
// the submitter's signature has verified and before the content is looked at; its
// error ends the check. A verdict (*record.Rejection) is that of some order of all
// transactions admitted.
func (p *Pending) Check(env *record.Envelope, v keys.Verifier, charge func(Admission) error) (*Judgement, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	for {
		f, seen := p.fork()
		t := f.transaction(env, v, charge)
		err := t.run()
		if t.verdict != nil {
			charge = nil // paid
		}
		if err == nil {
			return &Judgement{seen, &admitted{
				hash: env.Hash, outcome: &t.outcome, effects: f.overlay, span: t.verdict.span, subjects: subjectsOf(&env.Header), enters: t.verdict.entersRole(),
			}}, nil
		}
		if !isRejection(err) || p.unchanged(seen) { // the node's own fault, whatever else happens
			return nil, err
		}
		// Others were admitted meanwhile, so this comes to an end.
	}
}

func (p *Pending) unchanged(seen *readSet) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return seen.unchanged()
}

// Admit makes a transaction part of the state that judged it. It computes nothing
// and fails with ErrChanged when others were admitted meanwhile on which the
// judgement rests, and with ErrClosed.
func (p *Pending) Admit(j *Judgement) (*Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return nil, ErrClosed
	case j.seen.pending != p || !j.seen.unchanged():
		return nil, ErrChanged
	}
	p.before.spoil(j.subjects)
	p.take(j.admitted)
	return j.outcome, nil
}

// Apply judges a transaction as State.Apply does, and admits it if nothing is
// wrong with it (*record.Rejection otherwise).
//
// The verdict is that of some order of all transactions judged: it counts only
// if everything it was based on is unchanged when it is reached, and is reached
// again otherwise. v should remember what it verified, or that costs a signature
// check each time.
func (p *Pending) Apply(tx []byte, v keys.Verifier) (*Outcome, error) {
	env, err := record.ReadEnvelope(tx)
	if err != nil {
		return nil, err
	}
	return p.ApplyEnvelope(env, v)
}

// ApplyEnvelope is Apply for a transaction that is decoded already.
func (p *Pending) ApplyEnvelope(env *record.Envelope, v keys.Verifier) (*Outcome, error) {
	for {
		j, err := p.Check(env, v, nil)
		if err == nil {
			var out *Outcome
			if out, err = p.Admit(j); err == nil {
				return out, nil
			}
		}
		if !errors.Is(err, ErrChanged) {
			return nil, err
		}
	}
}

// fork returns a state for one transaction that reads the pending one under its
// lock, and what it will have read.
func (p *Pending) fork() (*State, *readSet) {
	seen := &readSet{pending: p, values: make(map[string][]byte)}
	p.mu.RLock()
	defer p.mu.RUnlock()
	f := *p.state
	// The index a record gets here is provisional, as every value of a pending
	// state is.
	f.logSize += uint64(len(p.state.records))
	f.overlay = newOverlay(seen)
	return &f, seen
}

// readSet is a reader of a pending state for one transaction. It remembers the
// values the judgement was based on. Contents need no memory: they are named by
// their digests.
type readSet struct {
	pending *Pending
	values  map[string][]byte // nil for a key that has none
}

// Get implements reader.
func (r *readSet) Get(key []byte) ([]byte, bool, error) {
	r.pending.mu.RLock()
	v, ok := r.pending.state.values[string(key)]
	r.pending.mu.RUnlock()
	if !ok {
		var err error
		if v, ok, err = r.pending.state.base.Get(key); err != nil {
			return nil, false, err
		}
	}
	if first, again := r.values[string(key)]; again && !bytes.Equal(first, v) {
		// Changed between two looks of one judgement: it keeps to what it saw
		// first, and unchanged will say that it does not count.
		return first, first != nil, nil
	}
	if !ok {
		v = nil
	}
	r.values[string(key)] = v
	return v, ok, nil
}

// content implements reader.
func (r *readSet) content(digest [32]byte) (blob, error) {
	r.pending.mu.RLock()
	c, ok := r.pending.state.contents[digest]
	r.pending.mu.RUnlock()
	if ok {
		return c, nil
	}
	return r.pending.state.base.content(digest)
}

// unchanged reports whether everything that was read is still as it was. The
// pending state is locked. Only what was admitted meanwhile can have changed, so
// the committed state below is not asked again.
func (r *readSet) unchanged() bool {
	for key, seen := range r.values { // order does not matter: all must hold
		if now, written := r.pending.state.values[key]; written && (seen == nil || !bytes.Equal(seen, now)) {
			return false
		}
	}
	return true
}
