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

// Register registers a repository with its first root.
func (c *Client) Register(ctx context.Context, root *tuf.Root, operator string, s change.Submitter) (*proto.TransactionResponse, []Warning, error) {
	tx, err := change.NewRegistration(root.Binding.Ledger, root, operator, s)
	if err != nil {
		return nil, nil, err
	}
	return c.send(ctx, tx, root.Binding.Repository)
}

// PublishFiles publishes files that are signed already, such as root rotations.
func (c *Client) PublishFiles(ctx context.Context, payer string, s change.Submitter, updates ...change.Update) (*proto.TransactionResponse, []Warning, error) {
	memory, err := c.store.Load(ctx)
	if err != nil {
		return nil, nil, err
	}
	var names []reference.Repository
	for _, u := range updates {
		name, err := u.Repository()
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
	}
	tx, err := change.NewPublication(memory.Ledger(), payer, s, updates...)
	if err != nil {
		return nil, nil, err
	}
	r, warnings, err := c.send(ctx, tx, names...)
	if !errors.Is(err, record.CodeStaleBase) {
		return r, warnings, err
	}
	// The ledger has another file of that version than the one that was thought to be
	// stored, such as the one in somebody's signing request. Whole files follow any.
	whole := slices.Clone(updates)
	for i := range whole {
		whole[i].Stored = nil
	}
	if tx, err = change.NewPublication(memory.Ledger(), payer, s, whole...); err != nil {
		return nil, warnings, err
	}
	r, more, err := c.send(ctx, tx, names...)
	return r, append(warnings, more...), err
}

// PublishStatements submits statements of one action that are signed already.
func (c *Client) PublishStatements(ctx context.Context, payer string, s change.Submitter, statements ...*record.SignedStatement) (*proto.TransactionResponse, []Warning, error) {
	memory, err := c.store.Load(ctx)
	if err != nil {
		return nil, nil, err
	}
	tx, err := change.NewStatements(memory.Ledger(), payer, s, statements...)
	if err != nil {
		return nil, nil, err
	}
	var names []reference.Repository
	for _, st := range statements {
		names = append(names, st.Binding.Repository)
	}
	return c.send(ctx, tx, names...)
}

// send submits a transaction and remembers its height, so that later look-ups of
// the repositories accept no state before it.
func (c *Client) send(ctx context.Context, tx []byte, names ...reference.Repository) (*proto.TransactionResponse, []Warning, error) {
	r, warnings, err := c.Submit(ctx, tx)
	var unsure *UncertainError
	if errors.As(err, &unsure) {
		unsure.Repositories = names
	}
	if err != nil {
		return nil, warnings, err
	}
	c.own.add(r.GetHeight(), names...)
	own, err := c.update(ctx, nil, func(m *bundle.Memory) (*bundle.Memory, error) {
		return m, nil // with what was just noted
	}, names...)
	if err != nil {
		own = append(own, ownWarning(err)...) // which does not undo what was committed
	}
	return r, append(warnings, own...), nil
}

// Publication is an order to publish in one role of a repository.
type Publication struct {
	Repository reference.Repository
	// Role is the role whose file lists the tags: a delegated one, or tuf.RoleTargets,
	// which the empty string stands for.
	Role string
	// Changes of tags. Without any, the file is signed anew with a new expiry.
	Changes []change.TagChange
	// Expires is the expiry of the new file, in whole seconds.
	Expires time.Time
	// Adoption decides about what the file in force says and the role's keys have not
	// signed. After a rotation away from a stolen key that may be anything; whatever
	// nobody has decided about is refused with a *NotAdoptedError.
	Adoption change.Adoption
	// Signers are keys of the role that reach its threshold together.
	Signers []tuf.Signer
	// Submitter signs the envelope; Payer is its operator id, or empty for a key
	// of the repository. Of several orders those of the first count.
	Submitter change.Submitter
	Payer     string
}

// role returns the role to publish in.
func (p Publication) role() string { return cmp.Or(p.Role, tuf.RoleTargets) }

// String names the repository, and the role if that is a delegated one.
func (p Publication) String() string {
	if p.role() == tuf.RoleTargets {
		return p.Repository.String()
	}
	return p.Role + " of " + p.Repository.String()
}

// Published says what a publication did.
type Published struct {
	// Files say what was ordered, in the order of the orders.
	Files []*tuf.Targets
	// Transaction says where it was committed; nil when nothing had to be done, or
	// when the ledger had the files already.
	Transaction *proto.TransactionResponse
	Warnings    []Warning
}

// Publish changes what tags mean, in one transaction: all orders, each about
// another repository, or none. A role that nobody delegates to is refused with
// ErrNotDelegated. It reads the current files, applies the changes,
// signs and submits. When somebody else publishes at the same time, it starts again
// from the new files, after pauses that grow and are drawn at random, until the
// context ends: bound it. When the ledger already has what was signed here, because an
// answer was lost on the way, that is a success.
func (c *Client) Publish(ctx context.Context, orders ...Publication) (*Published, error) {
	if len(orders) == 0 {
		return nil, errors.New("couldn't publish: nothing was ordered")
	}
	out := new(Published)
	sent := make([]*tuf.Targets, len(orders)) // signed here and sent, fate unknown
	lost := 0                                 // how often others were first
	var unsure *UncertainError                // until what became of the files sent is proven
	var first error                           // the newest rejection because others were first
	// failed tells of a conflict when that is what the time went by with.
	failed := func(err error) error {
		if unsure != nil && !errors.Is(err, ErrUncertain) {
			return &UncertainError{Hash: unsure.Hash, Repositories: unsure.Repositories, Err: err}
		}
		if lost > 0 && ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrUncertain) && !errors.Is(err, ErrTakenBefore) {
			return fmt.Errorf("couldn't publish %s: %w, in %d attempts", orders[0], ErrConflict, lost)
		}
		return err
	}
	for {
		if lost > 0 {
			pause := c.backoff(lost-1, 0)
			if c.waiting != nil {
				c.waiting(pause, []Warning{{Class: bundle.Other, Err: errOthersFirst}})
			}
			if err := c.sleep(ctx, pause); err != nil {
				return nil, failed(fmt.Errorf("couldn't publish %s: %w: %w", orders[0], err, first))
			}
		}
		drafts, warnings, err := c.provenDraft(ctx, orders, sent)
		out.Warnings = append(out.Warnings, warnings...)
		if err != nil {
			return nil, failed(err)
		}
		if len(orders) == 1 {
			unsure = nil // the draft follows a state that is proven and past what was sent
		}
		var updates []change.Update
		out.Files = nil
		for i, d := range drafts {
			if d.next == nil {
				out.Files = append(out.Files, d.file)
				continue
			}
			next, err := d.next.Sign(orders[i].Signers...)
			if err != nil {
				return nil, fmt.Errorf("couldn't publish %s: %w", orders[i], err)
			}
			sent[i] = next
			out.Files = append(out.Files, next)
			u := change.Update{Roles: []*tuf.Targets{next}}
			if d.file != nil {
				u.Stored = []*tuf.Targets{d.file}
			}
			updates = append(updates, u)
		}
		if len(updates) == 0 {
			return out, nil
		}
		r, warnings, err := c.PublishFiles(ctx, orders[0].Payer, orders[0].Submitter, updates...)
		out.Warnings = append(out.Warnings, slices.DeleteFunc(warnings, func(w Warning) bool {
			return errors.Is(w.Err, record.CodeStaleScope) // which is nothing wrong with the node
		})...)
		if err == nil {
			out.Transaction = r
			return out, nil
		}
		errors.As(err, &unsure)
		if !errors.Is(err, record.CodeStaleScope) {
			return nil, failed(fmt.Errorf("couldn't publish %s: %w", orders[0], err))
		}
		lost++
		first = err
	}
}

// errOthersFirst is what is waited for after a transaction that came too late.
var errOthersFirst = errors.New("another job published first; trying again")

// PrepareRequest returns the signing request for orders, without signatures; nil
// when the ledger says already all that is ordered.
func (c *Client) PrepareRequest(ctx context.Context, orders ...Publication) (*change.Request, []Warning, error) {
	drafts, warnings, err := c.draft(ctx, orders, make([]*tuf.Targets, len(orders)))
	if err != nil {
		return nil, warnings, err
	}
	var parts []change.RequestPart
	var ledger string
	for _, d := range drafts {
		if d.next == nil {
			continue
		}
		ledger = d.current.Root.Binding.Ledger
		parts = append(parts, change.NewRolePart(d.current, d.next))
	}
	if len(parts) == 0 {
		return nil, warnings, nil
	}
	r, err := change.NewRequest(change.RequestPublish, ledger, parts...)
	return r, warnings, err
}

// draft is what an order comes to.
type draft struct {
	// current is what the ledger has, file the role's file in it, nil before the
	// first.
	current *change.Current
	file    *tuf.Targets
	// next is the new file without signatures, nil when the current one says what
	// was ordered.
	next *tuf.Targets
}

// provenDraft is draft, and waits for the state that decides it. When the context ends
// meanwhile, the error says what was waited for.
func (c *Client) provenDraft(ctx context.Context, orders []Publication, sent []*tuf.Targets) ([]draft, []Warning, error) {
	var all []Warning
	var waits error
	for try := 0; ; try++ {
		drafts, warnings, err := c.draft(ctx, orders, sent)
		all = append(all, warnings...)
		switch {
		case errors.Is(err, ErrTakenBefore):
			waits = err
		case waits != nil && interrupted(ctx, err) != nil:
			return nil, all, fmt.Errorf("couldn't publish %s: %w: %w", orders[0], waits, ctx.Err())
		default:
			return drafts, all, err
		}
		if err := c.sleep(ctx, c.backoff(try, 0)); err != nil {
			return nil, all, fmt.Errorf("couldn't publish %s: %w: %w", orders[0], waits, err)
		}
	}
}

// draft makes the files that orders come to. Sent are those signed and sent before,
// nil for none.
func (c *Client) draft(ctx context.Context, orders []Publication, sent []*tuf.Targets) (out []draft, warnings []Warning, err error) {
	for i, p := range orders {
		result, more, err := c.Role(ctx, p.Repository, p.role())
		warnings = append(warnings, more...)
		if err != nil {
			return nil, warnings, fmt.Errorf("couldn't publish %s: %w", p, err)
		}
		current, mine := CurrentOf(result), sent[i]
		d := draft{current: current, file: current.Files[p.role()]}
		var version uint64
		if d.file != nil {
			version = d.file.Version
		}
		switch {
		case mine != nil && mine.Version > version:
			// Somebody was first in this repository, or in another one of the orders.
			if len(orders) == 1 {
				return nil, warnings, fmt.Errorf("%w; the newest block that can be proven is %d, of %s",
					ErrTakenBefore, result.StateHeight, result.BlockTime.Format(time.RFC3339))
			}
		case mine != nil && d.file != nil && d.file.SignedDigest() == mine.SignedDigest():
			out = append(out, d)
			continue
		}
		if d.next, err = change.DraftTags(current, p.role(), p.Changes, mine != nil, p.Adoption, p.Expires, c.now()); err != nil {
			return nil, warnings, fmt.Errorf("couldn't publish %s: %w", p, err)
		}
		more, err = c.checkListed(ctx, p, d)
		warnings = append(warnings, more...)
		if err != nil {
			return nil, warnings, fmt.Errorf("couldn't publish %s: %w", p, err)
		}
		out = append(out, d)
	}
	return out, warnings, nil
}
