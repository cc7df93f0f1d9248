package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// SubmitRequest submits a complete request that is no registration. Payer is the
// submitting operator's id, or empty when the submitter's key is in the stored
// metadata of every repository. Without a transaction in the answer the ledger had
// all of it already, which is a success: anybody may carry a signed file.
//
// A request that was signed before a rotation may take over what only keys have
// signed that are the role's no more; its signers were not told. Unless the adoption
// names all of it, that is a *NotAdoptedError.
func (c *Client) SubmitRequest(ctx context.Context, r *change.Request, payer string, s change.Submitter, a change.Adoption) (*proto.TransactionResponse, []Warning, error) {
	if r.Kind == change.RequestRegister {
		return nil, nil, fmt.Errorf("couldn't submit request: %w: a registration is an operator's", change.ErrRequest)
	}
	if err := r.Complete(); err != nil {
		return nil, nil, fmt.Errorf("couldn't submit request: %w", err)
	}
	inherited, warnings, err := c.inheritedNow(ctx, r)
	if err == nil {
		err = a.Check(inherited)
	}
	if err != nil {
		return nil, warnings, fmt.Errorf("couldn't submit request: %w", err)
	}
	tx, more, err := c.sendRequest(ctx, r, payer, s)
	warnings = append(warnings, more...)
	if !errors.Is(err, record.CodeStaleScope) {
		return tx, warnings, err
	}
	for i := range r.Parts {
		stored, more := c.isStored(ctx, &r.Parts[i])
		if warnings = append(warnings, more...); !stored {
			return nil, warnings, err
		}
	}
	return nil, warnings, nil
}

// inheritedNow returns what the new files of a request would take over of files that,
// as the ledger has them, the keys of their roles have not signed, as far as the
// request did not show that to those who signed it. A file which is in force no more
// is signed by nobody: its role was removed since, and the signers did not know.
func (c *Client) inheritedNow(ctx context.Context, r *change.Request) (out []change.Inherited, warnings []Warning, err error) {
	shown := r.Inherited()
	for i := range r.Parts {
		p := &r.Parts[i]
		for _, next := range p.NewRoles {
			role := next.Binding.Role
			current, more, err := c.Role(ctx, p.Repository, role)
			warnings = append(warnings, more...)
			var stored *tuf.Targets
			switch {
			case errors.Is(err, change.ErrNotDelegated): // yet, or the ledger refuses it
			case err != nil:
				return nil, warnings, err
			default:
				stored = current.Files[role]
			}
			switch n := len(p.NewRoots); {
			case stored == nil && next.Version == 1:
				continue // a new role
			case stored == nil:
				stored = p.Stored(role)
			case stored.Version+1 != next.Version:
				continue // the ledger has it already, or refuses it
			case n > 0 && role == tuf.RoleTargets && change.InheritedUnder(p.NewRoots[n-1], stored) == nil,
				(n == 0 || role != tuf.RoleTargets) && change.InheritedOf(CurrentOf(current), role) == nil:
				continue
			}
			taken := change.TakenOver(stored, next)
			taken.Items = slices.DeleteFunc(taken.Items, func(item change.Item) bool {
				return slices.ContainsFunc(shown, func(s change.Inherited) bool {
					return s.Repository == p.Repository && s.Role == role && slices.ContainsFunc(s.Items, item.Same)
				})
			})
			if len(taken.Items) > 0 {
				out = append(out, taken)
			}
		}
	}
	return out, warnings, nil
}

// ruled reports whether a statement is what the ledger goes by for the digests it
// names.
func (c *Client) ruled(ctx context.Context, st *record.SignedStatement) bool {
	for _, d := range st.Digests {
		r, _, _, err := c.Resolve(ctx, query.Resolve{Repository: st.Binding.Repository, Digest: d})
		var denial *bundle.Denial
		if errors.As(err, &denial) && denial.Result != nil {
			r = denial.Result
		}
		if r == nil || r.Statement == nil || !bytes.Equal(r.Statement.SignedBytes(), st.SignedBytes()) {
			return false
		}
	}
	return true
}

// isStored reports whether the ledger is proven to have all that a part wants to
// publish.
func (c *Client) isStored(ctx context.Context, p *change.RequestPart) (stored bool, warnings []Warning) {
	roles := []string{tuf.RoleTargets}
	if len(p.NewRoles) > 0 {
		roles = nil
	}
	for _, t := range p.NewRoles {
		roles = append(roles, t.Binding.Role)
	}
	for _, role := range roles {
		result, more, err := c.Role(ctx, p.Repository, role)
		warnings = append(warnings, more...)
		if err != nil {
			return false, warnings
		}
		one := *p
		one.NewRoles = slices.DeleteFunc(slices.Clone(p.NewRoles), func(t *tuf.Targets) bool { return t.Binding.Role != role })
		if !c.has(ctx, CurrentOf(result), &one) {
			return false, warnings
		}
	}
	return true, warnings
}
