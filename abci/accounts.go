package abci

import (
	"container/heap"
	"fmt"
	"sync"
	"time"

	"hullmark/ledger"
	"hullmark/record"
)

// Limits of the accounts of a node, in work units.
const (
	// maxAccounts is how many are remembered. Full ones need not be, and a core that does
	// nothing but compute what is refused keeps no more than 200 from being full.
	maxAccounts = 1 << 16
	// accountUnits is what a full account holds: 0.1 s of one core. An honest
	// publisher has one transaction of a subject outstanding at a time, and gets back
	// what it took. What is larger takes a full account and leaves it in debt.
	accountUnits = 2000
	// accountRefill is what an account gains in a second: refused transactions of one
	// subject take half a percent of a core.
	accountRefill = 100
)

// unitGain is how long an account takes to gain a unit.
const unitGain = time.Second / accountRefill

// accounts bound what refused transactions cost this node. Each subject that pays
// ledger quota has one: a charge is taken when the submitter's signature has verified
// and content is to be computed, and paid back unless the content is refused. They are the
// node's own: no ledger state knows of them and no phase of consensus asks. They are
// safe for concurrent use.
//
// An account is a token bucket, of which all that matters is when it will be full: one that
// is full is forgotten, and no other. When there is no room for one more, a payer without
// an account waits until another is full, so that other names do not clear a debt.
// rate.Limiter does not fit: it refuses for ever what is larger than a full bucket instead
// of taking it as a debt, takes nothing back of what was used, and charges one payer and
// not several or none.
type accounts struct {
	now func() time.Time

	mu   sync.Mutex
	last time.Time     // when somebody asked
	age  time.Duration // the time that has passed up to then
	open map[string]*account
	next fullNext
}

// account is one that is not full.
type account struct {
	payer  string
	fullAt time.Duration // age of the accounts
	place  int           // in fullNext
}

func newAccounts(now func() time.Time) *accounts {
	return &accounts{now: now, open: make(map[string]*account)}
}

// share is how long an account takes to gain what each of several payers pays of a charge.
func share(payers []string, units uint64) time.Duration {
	return time.Duration(units) * unitGain / time.Duration(max(1, len(payers)))
}

// pass lets the time go by since somebody asked, and forgets accounts that are full. A
// clock that goes back gives nothing and takes nothing.
func (a *accounts) pass() {
	now := a.now()
	if !a.last.IsZero() {
		a.age += max(0, now.Sub(a.last))
	}
	a.last = now
	for len(a.next) > 0 && a.next[0].fullAt <= a.age {
		a.forget(a.next[0])
	}
}

func (a *accounts) forget(c *account) {
	heap.Remove(&a.next, c.place)
	delete(a.open, c.payer)
}

// take charges payers for work, all or none. Otherwise it returns after how long they
// can pay. A full account pays for anything: what it does not hold is a debt, so that in
// the long run no more is computed than accounts gain, however large the pieces are.
func (a *accounts) take(payers []string, units uint64) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pass()
	each := share(payers, units)
	// What it may lack of being full, to hold its share.
	lack := max(0, accountUnits*unitGain-each)
	fresh := 0
	for _, p := range payers {
		if c := a.open[p]; c != nil {
			wait = max(wait, c.fullAt-a.age-lack)
		} else {
			fresh++
		}
	}
	if n := len(a.open) + fresh - maxAccounts; n > 0 {
		wait = max(wait, a.next[0].fullAt-a.age)
	}
	if wait > 0 || each == 0 {
		return wait
	}
	for _, p := range payers {
		if c := a.open[p]; c != nil {
			c.fullAt += each
			heap.Fix(&a.next, c.place)
			continue
		}
		c := &account{payer: p, fullAt: a.age + each}
		a.open[p] = c
		heap.Push(&a.next, c)
	}
	return 0
}

// payBack undoes a charge.
func (a *accounts) payBack(payers []string, units uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pass()
	each := share(payers, units)
	for _, p := range payers {
		c := a.open[p]
		if c == nil { // it is full
			continue
		}
		c.fullAt -= each
		heap.Fix(&a.next, c.place)
		if c.fullAt <= a.age {
			a.forget(c)
		}
	}
}

// fullNext are accounts, the one that is full next first. It is a heap.Interface.
type fullNext []*account

// Len implements heap.Interface.
func (n fullNext) Len() int { return len(n) }

// Less implements heap.Interface.
func (n fullNext) Less(i, j int) bool { return n[i].fullAt < n[j].fullAt }

// Swap implements heap.Interface.
func (n fullNext) Swap(i, j int) {
	n[i], n[j] = n[j], n[i]
	n[i].place, n[j].place = i, j
}

// Push implements heap.Interface.
func (n *fullNext) Push(x any) {
	c := x.(*account)
	c.place = len(*n)
	*n = append(*n, c)
}

// Pop implements heap.Interface.
func (n *fullNext) Pop() any {
	last := len(*n) - 1
	c := (*n)[last]
	(*n)[last] = nil
	*n = (*n)[:last]
	return c
}

// bill is what the check of one transaction was charged with.
type bill struct {
	accounts *accounts
	env      *record.Envelope
	payers   []string
	units    uint64
	// taken says that it was charged, content that the check has come to the content.
	taken, content bool
}

// charge takes what computing the content and carrying it out costs, once (errCharged).
// A refusal that is remembered costs nothing. Good content that is remembered does: what
// it meets in the ledger is looked up as often as it comes.
func (b *bill) charge(d ledger.Admission) error {
	b.content = true
	if d.Refused || b.taken {
		return nil
	}
	b.payers, b.units = b.payersOf(d), d.Work
	if wait := b.accounts.take(b.payers, b.units); wait > 0 {
		return errCharged{wait}
	}
	b.taken = true
	return nil
}

// payersOf names the accounts of who pays. For emergencies of a repository each of its
// root keys has one, and each operator who pays: a stolen tagging key can submit what
// looks like a rotation, and must not use up what the owner's root key needs. All other
// submitters share one, since whoever signs delegations names as many keys as he likes.
func (b *bill) payersOf(d ledger.Admission) []string {
	out := make([]string, len(d.Payers))
	for i, p := range d.Payers {
		out[i] = fmt.Sprintf("%d %s", p.Class, p.Name)
		if !d.Emergency {
			continue
		}
		out[i] += " emergency"
		if p.Trusted {
			out[i] += " " + b.env.Header.Submitter.ID().String()
		}
	}
	return out
}

// settle pays back what was taken, unless the content was refused.
func (b *bill) settle(err error) {
	if b.taken && (err == nil || !b.content || !isRejection(err)) {
		b.accounts.payBack(b.payers, b.units)
	}
}

func isRejection(err error) bool {
	_, ok := record.CodeOf(err)
	return ok
}
