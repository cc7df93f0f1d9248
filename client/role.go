package client

import (
	"context"
	"fmt"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/query"
	"hullmark/reference"
	"hullmark/tuf"
)

// Role answers what the ledger knows of a repository, with the verified files that
// lead to a role: its own, if it has one yet, and those above it. Errors wrap
// ErrNotDelegated when nobody delegates to the role.
func (c *Client) Role(ctx context.Context, r reference.Repository, role string) (*bundle.Result, []Warning, error) {
	q := query.Resolve{Repository: r}
	if role != tuf.RoleTargets {
		q.Role = role
	}
	result, _, warnings, err := c.Resolve(ctx, q)
	if err != nil {
		return nil, warnings, err
	}
	if _, ok := result.RoleStatus(role); role != tuf.RoleTargets && !ok {
		return nil, warnings, fmt.Errorf("%w: %s", change.ErrNotDelegated, role)
	}
	return result, warnings, nil
}

// CurrentOf returns what an answer about a repository, such as one of Client.Role, says
// to whoever changes it.
func CurrentOf(r *bundle.Result) *change.Current {
	c := &change.Current{
		Repository: r.Repository, Root: r.Root, Files: r.Files,
		Revocations: r.Revocations, Lifts: r.Lifts, Recoveries: r.Recoveries,
	}
	for _, s := range r.Roles {
		c.Roles = append(c.Roles, change.RoleState{Name: s.Name, Parent: s.Parent, After: s.After, Effective: s.Effective})
	}
	return c
}
