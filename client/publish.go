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
	r := &change.Request{Kind: change.RequestPublish, Ledger: memory.Ledger()}
	for _, u := range updates {
		name, err := u.Repository()
		if err != nil {
			return nil, nil, err
		}
		r.Parts = append(r.Parts, change.RequestPart{Repository: name, Roles: u.Stored, NewRoots: u.Roots, NewRoles: u.Roles})
	}
	return c.sendRequest(ctx, r, payer, s)
}

// PublishStatements submits statements of one action that are signed already.
func (c *Client) PublishStatements(ctx context.Context, payer string, s change.Submitter, statements ...*record.SignedStatement) (*proto.TransactionResponse, []Warning, error) {
	memory, err := c.store.Load(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := &change.Request{Kind: change.RequestRevoke, Ledger: memory.Ledger()}
	for _, st := range statements {
		r.Parts = append(r.Parts, change.RequestPart{Repository: st.Binding.Repository, Statement: st})
	}
	return c.sendRequest(ctx, r, payer, s)
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
	// nobody has decided about is refused with a *change.NotAdoptedError.
	Adoption change.Adoption
	// Signers are keys of the role that reach its threshold together.
	Signers []tuf.Signer
	// Submitter signs the envelope; Payer is its operator id, or empty for a key
	// of the repository. Of several orders those of the first count.
	Submitter change.Submitter
	Payer     string
}

// String names the repository, and the role if that is a delegated one.
func (p Publication) String() string { return Order{Repository: p.Repository, Role: p.Role}.String() }

// publicationOrder returns a publication as an order. Warnings gets what is wrong with nodes that are
// asked while it is drafted.
func (c *Client) publicationOrder(ctx context.Context, p Publication, warnings *[]Warning) Order {
	o := Order{Repository: p.Repository, Role: p.Role}
	o.Draft = func(current *change.Current, sent *change.RequestPart) (*change.RequestPart, error) {
		next, err := change.DraftTags(current, o.role(), p.Changes, sent != nil, p.Adoption, p.Expires, c.now())
		if err == nil {
			var more []Warning
			more, err = c.checkListed(ctx, p, current.Files[o.role()], next)
			*warnings = append(*warnings, more...)
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't publish %s: %w", o, err)
		}
		if next == nil {
			return nil, nil
		}
		part := change.NewRolePart(current, next)
		return &part, nil
	}
	return o
}

func (c *Client) orders(ctx context.Context, list []Publication, warnings *[]Warning) []Order {
	var out []Order
	for _, p := range list {
		out = append(out, c.publicationOrder(ctx, p, warnings))
	}
	return out
}

// publishers are the Keys of publications: those that each of them names.
type publishers []Publication

// Sign implements Keys. Whatever a publication names signs its file; the ledger judges.
func (list publishers) Sign(_ context.Context, r *change.Request) (*change.Request, error) {
	signed := *r
	signed.Parts = slices.Clone(r.Parts)
	for i := range signed.Parts {
		p := &signed.Parts[i]
		p.NewRoles = slices.Clone(p.NewRoles)
		for _, order := range list {
			if order.Repository != p.Repository {
				continue
			}
			for j, t := range p.NewRoles {
				var err error
				if p.NewRoles[j], err = t.Sign(order.Signers...); err != nil {
					return nil, fmt.Errorf("couldn't publish %s: %w", order, err)
				}
			}
		}
	}
	return &signed, nil
}

// Submitter implements Keys.
func (list publishers) Submitter(context.Context, *change.Request) (change.Submitter, string, error) {
	return list[0].Submitter, list[0].Payer, nil
}

// Published says what a publication did.
type Published struct {
	// Files say what was ordered, in the order of the orders.
	Files []*tuf.Targets
	// Request is what was signed and sent; nil when the ledger said it all before.
	Request *change.Request
	// Transaction says where it was committed; nil when nothing had to be done, or
	// when the ledger had the files already.
	Transaction *proto.TransactionResponse
	Warnings    []Warning
}

// Publish changes what tags mean: it is Do for publications. A role that nobody delegates
// to is refused with change.ErrNotDelegated.
func (c *Client) Publish(ctx context.Context, orders ...Publication) (*Published, error) {
	var warnings []Warning
	done, err := c.Do(ctx, change.RequestPublish, publishers(orders), c.orders(ctx, orders, &warnings)...)
	if err != nil {
		return nil, err
	}
	out := &Published{Request: done.Request, Transaction: done.Transaction, Warnings: append(done.Warnings, warnings...)}
	for i, p := range done.Parts {
		if p != nil {
			out.Files = append(out.Files, p.NewRoles[0])
		} else {
			out.Files = append(out.Files, done.Current[i].Files[cmp.Or(orders[i].Role, tuf.RoleTargets)])
		}
	}
	return out, nil
}

// PrepareRequest returns the signing request for publications, without signatures; nil
// when the ledger says already all that is ordered.
func (c *Client) PrepareRequest(ctx context.Context, orders ...Publication) (*change.Request, []Warning, error) {
	var more []Warning
	r, warnings, err := c.Draft(ctx, change.RequestPublish, c.orders(ctx, orders, &more)...)
	return r, append(warnings, more...), err
}
