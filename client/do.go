package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Order is a change of one repository that is to be made, on whatever the ledger has by
// then.
type Order struct {
	Repository reference.Repository
	// Role is the role to which the files lead that Draft needs; empty is targets.
	Role string
	// Draft makes the part of a request that the change comes to, without signatures, and
	// nil when the ledger says so already. Current is what the ledger is proven to have
	// (of a registration, nothing but the name), sent what was drafted, signed and sent
	// before somebody else was first, nil at first. It is called anew after each conflict.
	Draft func(current *change.Current, sent *change.RequestPart) (*change.RequestPart, error)
}

// role returns the role to which the files lead.
func (o Order) role() string { return cmp.Or(o.Role, tuf.RoleTargets) }

// String names the repository, and the role if that is a delegated one.
func (o Order) String() string {
	if o.role() == tuf.RoleTargets {
		return o.Repository.String()
	}
	return o.Role + " of " + o.Repository.String()
}

// StatementOrder returns the order to say something of digests. A lift takes back no
// revocation that was not there when it was drafted first.
func StatementOrder(name reference.Repository, c change.StatementChange) Order {
	return Order{Repository: name, Draft: func(current *change.Current, _ *change.RequestPart) (*change.RequestPart, error) {
		st, err := change.NextStatement(current, c)
		if err != nil {
			return nil, err
		}
		c.Through = st.Through
		return &change.RequestPart{Repository: name, Root: current.Root, Statement: st}, nil
	}}
}

// Keys sign and submit the requests of Client.Do. They are asked again for each draft:
// other keys may be needed after somebody else's rotation.
type Keys interface {
	// Sign returns a request with the signatures that there are keys for. What is still
	// missing then, the ledger refuses.
	Sign(ctx context.Context, r *change.Request) (*change.Request, error)
	// Submitter returns who signs the transaction that carries a signed request. Payer is
	// the id of an operator whose key that is, or empty for a key of the repositories.
	Submitter(ctx context.Context, r *change.Request) (by change.Submitter, payer string, err error)
}

// Done says what orders came to.
type Done struct {
	// Request is all that was signed here and that the ledger has now, be it sent just now
	// or by an attempt whose answer was lost; nil when the ledger said all of it before.
	Request *change.Request
	// Parts are those of the request, and Current what they were drafted on, in the order
	// of the orders. A part is nil where the ledger said so already.
	Parts   []*change.RequestPart
	Current []*change.Current
	// Transaction says where it was committed; nil when nothing had to be done, or when
	// the ledger had it already.
	Transaction *proto.TransactionResponse
	Warnings    []Warning
}

// Do makes changes of one kind in one transaction: all orders, each about another
// repository, or none. It drafts them on what the ledger has, has them signed, and sends
// them. When somebody else is first, it starts again from what the ledger has then, after
// pauses that grow and are drawn at random, until the context ends: bound it. When the
// ledger already has what was signed here, because an answer was lost on the way, that is
// a success.
//
// When the time is up, ErrConflict says that it went by with conflicts, and ErrTakenBefore
// that nodes called what was sent outdated and proved no state in which it is. Errors of
// drafts and keys are returned as they are.
func (c *Client) Do(ctx context.Context, kind change.RequestKind, keys Keys, orders ...Order) (*Done, error) {
	if len(orders) == 0 {
		return nil, fmt.Errorf("couldn't %s: nothing was ordered", kind)
	}
	d := &doing{client: c, kind: kind, orders: orders, sent: make([]*change.RequestPart, len(orders))}
	for {
		done, err := d.attempt(ctx, keys)
		if done != nil || err != nil {
			return done, err
		}
		d.lost++
		pause := c.backoff(d.lost-1, 0)
		if c.waiting != nil {
			c.waiting(pause, []Warning{{Class: bundle.Other, Err: errOthersFirst}})
		}
		if err := c.sleep(ctx, pause); err != nil {
			return nil, d.failed(fmt.Errorf("%w: %w", err, d.first))
		}
	}
}

// errOthersFirst is what is waited for after a transaction that came too late.
var errOthersFirst = errors.New("another job published first; trying again")

// Draft returns the request that orders come to, without signatures; nil when the ledger
// says so already.
func (c *Client) Draft(ctx context.Context, kind change.RequestKind, orders ...Order) (*change.Request, []Warning, error) {
	d := &doing{client: c, kind: kind, orders: orders, sent: make([]*change.RequestPart, len(orders))}
	err := d.draft(ctx)
	if err != nil || d.request == nil {
		return nil, d.warnings, err
	}
	return d.request, d.warnings, nil
}

// doing is orders on their way.
type doing struct {
	client *Client
	kind   change.RequestKind
	orders []Order
	// sent are the parts that were signed here and sent, fate unknown.
	sent []*change.RequestPart
	// parts and current are those of the draft, and request has all parts; nil for none.
	parts    []*change.RequestPart
	current  []*change.Current
	request  *change.Request
	warnings []Warning
	// lost is how often others were first, and first the newest rejection for that.
	lost  int
	first error
	// unsure is set until what became of what was sent is proven.
	unsure *UncertainError
}

// attempt drafts, has signed and sends once. It returns nothing after a conflict.
func (d *doing) attempt(ctx context.Context, keys Keys) (*Done, error) {
	if err := d.provenDraft(ctx); err != nil {
		return nil, err
	}
	if len(d.orders) == 1 {
		d.unsure = nil // the draft follows a state that is proven and past what was sent
	}
	if d.request == nil {
		return d.done(nil)
	}
	signed, err := keys.Sign(ctx, d.request)
	if err != nil {
		return nil, err
	}
	by, payer, err := keys.Submitter(ctx, signed)
	if err != nil {
		return nil, err
	}
	for i, o := range d.orders {
		if p := part(signed, o.Repository); p != nil { // else the ledger has it, maybe by an attempt before
			d.parts[i], d.sent[i] = p, p
		}
	}
	tx, warnings, err := d.client.sendRequest(ctx, signed, payer, by)
	d.warnings = append(d.warnings, slices.DeleteFunc(warnings, func(w Warning) bool {
		return errors.Is(w.Err, record.CodeStaleScope) // which is nothing wrong with the node
	})...)
	if err == nil {
		return d.done(tx)
	}
	errors.As(err, &d.unsure)
	if !errors.Is(err, record.CodeStaleScope) {
		return nil, d.failed(err)
	}
	d.first = err
	return nil, nil
}

// done returns what the orders came to.
func (d *doing) done(tx *proto.TransactionResponse) (*Done, error) {
	out := &Done{Parts: d.parts, Current: d.current, Transaction: tx, Warnings: d.warnings}
	var parts []change.RequestPart
	for _, p := range d.parts {
		if p != nil {
			parts = append(parts, *p)
		}
	}
	if len(parts) == 0 {
		return out, nil
	}
	var err error
	out.Request, err = change.NewRequest(d.kind, parts[0].Ledger(), parts...)
	return out, err
}

// part returns the part of a request about a repository.
func part(r *change.Request, name reference.Repository) *change.RequestPart {
	i := slices.IndexFunc(r.Parts, func(p change.RequestPart) bool { return p.Repository == name })
	if i < 0 {
		return nil
	}
	return &r.Parts[i]
}

// failed says what went wrong, and what the time went by with when it is up.
func (d *doing) failed(err error) error {
	what := d.orders[0]
	switch {
	case d.unsure != nil && !errors.Is(err, ErrUncertain):
		return &UncertainError{Hash: d.unsure.Hash, Repositories: d.unsure.Repositories, Err: fmt.Errorf("couldn't %s %s: %w", d.kind, what, err)}
	case d.lost > 0 && errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUncertain) && !errors.Is(err, ErrTakenBefore):
		return fmt.Errorf("couldn't %s %s: %w, in %d attempts", d.kind, what, ErrConflict, d.lost)
	default:
		return fmt.Errorf("couldn't %s %s: %w", d.kind, what, err)
	}
}

// provenDraft is draft, and waits for the state that decides what became of what was sent.
// When the context ends meanwhile, the error says what was waited for.
func (d *doing) provenDraft(ctx context.Context) error {
	var waits error
	for try := 0; ; try++ {
		err := d.draft(ctx)
		switch {
		case errors.Is(err, ErrTakenBefore):
			waits = err
		case waits != nil && interrupted(ctx, err) != nil:
			return d.failed(fmt.Errorf("%w: %w", waits, ctx.Err()))
		case err != nil && d.unsure != nil:
			return d.failed(err)
		default:
			return err
		}
		if err := d.client.sleep(ctx, d.client.backoff(try, 0)); err != nil {
			return d.failed(fmt.Errorf("%w: %w", waits, err))
		}
	}
}

// draft makes the parts that orders come to.
func (d *doing) draft(ctx context.Context) error {
	d.parts, d.current, d.request = make([]*change.RequestPart, len(d.orders)), nil, nil
	var drafted []change.RequestPart
	for i, o := range d.orders {
		current := &change.Current{Repository: o.Repository}
		sent := d.sent[i]
		if d.kind != change.RequestRegister {
			result, warnings, err := d.client.Role(ctx, o.Repository, o.role())
			d.warnings = append(d.warnings, warnings...)
			if err != nil {
				return d.failed(err)
			}
			current = CurrentOf(result)
			if sent != nil && behind(current, sent) && len(d.orders) == 1 { // of several, somebody was first in any
				return fmt.Errorf("%w; the newest block that can be proven is %d, of %s",
					ErrTakenBefore, result.StateHeight, result.BlockTime.Format(time.RFC3339))
			}
		}
		d.current = append(d.current, current)
		if sent != nil && d.client.has(ctx, current, sent) {
			d.parts[i] = sent
			continue
		}
		p, err := o.Draft(current, sent)
		if err != nil {
			return err
		}
		if p != nil {
			d.parts[i] = p
			drafted = append(drafted, *p)
		}
	}
	if len(drafted) == 0 {
		return nil
	}
	var err error
	d.request, err = change.NewRequest(d.kind, drafted[0].Ledger(), drafted...)
	return err
}

// behind reports whether a state is older than the one in which something that was sent is
// outdated.
func behind(current *change.Current, sent *change.RequestPart) bool {
	if n := len(sent.NewRoots); n > 0 && (current.Root == nil || current.Root.Version < sent.NewRoots[n-1].Version) {
		return true
	}
	if st := sent.Statement; st != nil {
		have := current.Revocations
		if st.Action == record.ActionLift {
			have = current.Lifts
		}
		return have < st.Sequence
	}
	return slices.ContainsFunc(sent.NewRoles, func(t *tuf.Targets) bool {
		have := current.Files[t.Binding.Role]
		return have == nil || have.Version < t.Version
	})
}

// has reports whether the ledger has all that was sent.
func (c *Client) has(ctx context.Context, current *change.Current, sent *change.RequestPart) bool {
	if n := len(sent.NewRoots); n > 0 && (current.Root == nil || current.Root.SignedDigest() != sent.NewRoots[n-1].SignedDigest()) {
		return false
	}
	if slices.ContainsFunc(sent.NewRoles, func(t *tuf.Targets) bool {
		have := current.Files[t.Binding.Role]
		return have == nil || have.SignedDigest() != t.SignedDigest()
	}) {
		return false
	}
	return sent.Statement == nil || c.ruled(ctx, sent.Statement)
}

// sendRequest seals a signed request and submits it. Changes of a file that the ledger has
// otherwise are sent again as whole files, which follow any.
func (c *Client) sendRequest(ctx context.Context, r *change.Request, payer string, by change.Submitter) (*proto.TransactionResponse, []Warning, error) {
	var names []reference.Repository
	for _, p := range r.Parts {
		names = append(names, p.Repository)
	}
	var all []Warning
	for whole := false; ; whole = true {
		tx, err := r.Seal(payer, by, whole)
		if err != nil {
			return nil, all, err
		}
		done, warnings, err := c.send(ctx, tx, names...)
		all = append(all, warnings...)
		if whole || !errors.Is(err, record.CodeStaleBase) {
			return done, all, err
		}
	}
}
