package abci

import (
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"hullmark/ledger"
	"hullmark/record"
)

// Limits of the accounts of a node, in work units.
const (
	// maxAccounts is how many are remembered; whoever is forgotten starts with a
	// full one.
	maxAccounts = 1 << 16
	// accountUnits is what a full account holds: 0.1 s of one core. An honest
	// publisher has one transaction of a subject outstanding at a time, and gets back
	// what it took. What is larger takes a full account and leaves it in debt.
	accountUnits = 2000
	// accountRefill is what an account gains in a second: refused transactions of one
	// subject take half a percent of a core.
	accountRefill = 100
)

// accounts bound what refused transactions cost this node. Each subject that pays
// ledger quota has one: a charge is taken when the submitter's signature has verified
// and content is to be computed, and paid back unless the content is refused. They are the
// node's own: no ledger state knows of them and no phase of consensus asks. They are
// safe for concurrent use.
type accounts struct {
	now func() time.Time

	mu   sync.Mutex
	open *lru.Cache[string, *account]
}

// account is a token bucket.
type account struct {
	left float64 // less than zero is a debt
	at   time.Time
}

func newAccounts(now func() time.Time) (*accounts, error) {
	open, err := lru.New[string, *account](maxAccounts)
	if err != nil {
		return nil, fmt.Errorf("couldn't make accounts: %w", err)
	}
	return &accounts{now: now, open: open}, nil
}

// share is what each of several payers pays of a charge.
func share(payers []string, units uint64) float64 {
	return float64(units) / float64(max(1, len(payers)))
}

// take charges payers for work, all or none. Otherwise it returns after how long they
// can pay. A full account pays for anything: what it does not hold is a debt, so that in
// the long run no more is computed than accounts gain, however large the pieces are.
func (a *accounts) take(payers []string, units uint64) (wait time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	each, now := share(payers, units), a.now()
	need := min(accountUnits, each)
	charged := make([]*account, len(payers))
	for i, p := range payers {
		c, ok := a.open.Get(p)
		if !ok {
			c = &account{left: accountUnits, at: now}
			a.open.Add(p, c)
		}
		c.left = min(accountUnits, c.left+accountRefill*max(0, now.Sub(c.at).Seconds()))
		c.at = now
		if c.left < need {
			wait = max(wait, time.Duration((need-c.left)/accountRefill*float64(time.Second)))
		}
		charged[i] = c
	}
	if wait > 0 {
		return wait
	}
	for _, c := range charged {
		c.left -= each
	}
	return 0
}

// payBack undoes a charge.
func (a *accounts) payBack(payers []string, units uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	each := share(payers, units)
	for _, p := range payers {
		if c, ok := a.open.Peek(p); ok { // who was forgotten has a full one
			c.left = min(accountUnits, c.left+each)
		}
	}
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
