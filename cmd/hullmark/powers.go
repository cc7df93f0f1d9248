package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"hullmark/client"
	"hullmark/tuf"
)

// What a record of a history says of who may sign.

// authorityJSON is who may sign for a role.
type authorityJSON struct {
	Threshold   int      `json:"threshold"`
	Keys        []string `json:"keys"`
	Paths       []string `json:"paths,omitempty"`
	Terminating bool     `json:"terminating,omitempty"`
}

// powerJSON is a change of it. Before or after it may be nobody.
type powerJSON struct {
	Role   string         `json:"role"`
	By     string         `json:"by"`
	Change string         `json:"change"`
	Before *authorityJSON `json:"before,omitempty"`
	After  *authorityJSON `json:"after,omitempty"`
}

// orderJSON is a new order of precedence among the roles to which one delegates.
type orderJSON struct {
	Role        string   `json:"role"`
	Delegations []string `json:"delegations"`
}

// takeoverJSON is what keys of a role vouch for that others had signed.
type takeoverJSON struct {
	Role        string   `json:"role"`
	Tags        []string `json:"tags"`
	TagsKnown   bool     `json:"tags_known"`
	Delegations []string `json:"delegations"`
}

func newAuthority(a *client.Authority) *authorityJSON {
	if a == nil {
		return nil
	}
	return &authorityJSON{a.Threshold, idTexts(a.KeyIDs), a.Paths, a.Terminating}
}

func newPowers(list []client.PowerChange) []powerJSON {
	out := []powerJSON{}
	for _, p := range list {
		change := "changed"
		switch {
		case p.Unknown:
			change = "unknown"
		case p.Before == nil:
			change = "added"
		case p.After == nil:
			change = "removed"
		}
		out = append(out, powerJSON{p.Role, p.By, change, newAuthority(p.Before), newAuthority(p.After)})
	}
	return out
}

func newOrders(orders map[string][]string) []orderJSON {
	out := []orderJSON{}
	for _, role := range slices.Sorted(maps.Keys(orders)) {
		out = append(out, orderJSON{role, orders[role]})
	}
	return out
}

func newTakeovers(list []client.Takeover) []takeoverJSON {
	out := []takeoverJSON{}
	for _, t := range list {
		j := takeoverJSON{Role: t.Role, Tags: []string{}, TagsKnown: t.TagsKnown, Delegations: append([]string{}, t.Delegations...)}
		for _, tag := range t.Tags {
			j.Tags = append(j.Tags, tag.String())
		}
		out = append(out, j)
	}
	return out
}

// powers says what a record changed of who may sign, a line each.
func (r recordJSON) powers() []string {
	var out []string
	for _, p := range r.Powers {
		name := map[string]string{tuf.RoleRoot: "root keys", tuf.RoleTargets: "tagging keys"}[p.Role]
		if name == "" {
			name = p.Role
		}
		switch p.Change {
		case "added":
			out = append(out, name+" from now on: "+p.After.text())
		case "removed":
			out = append(out, name+" removed, was: "+p.Before.text())
		case "unknown":
			out = append(out, name+", new or as before: "+p.After.text())
		default:
			out = append(out, name+" from now on: "+p.After.text(), strings.Repeat(" ", len(name))+"         before: "+p.Before.text())
		}
	}
	for _, o := range r.Orders {
		out = append(out, fmt.Sprintf("order of the roles of %s from now on: %s", o.Role, strings.Join(o.Delegations, ", ")))
	}
	for _, t := range r.Takeovers {
		items := append(slices.Clone(t.Delegations), t.Tags...)
		if !t.TagsKnown {
			items = append(items, "its tags")
		}
		out = append(out, fmt.Sprintf("%s takes over what keys had signed that it has no more: %s", t.Role, strings.Join(items, ", ")))
	}
	return out
}

func (a *authorityJSON) text() string {
	if a == nil {
		return "nobody"
	}
	text := fmt.Sprintf("%d of %d must sign, %s", a.Threshold, len(a.Keys), strings.Join(a.Keys, " "))
	if len(a.Paths) > 0 {
		text += ", for " + strings.Join(a.Paths, " ")
	}
	if a.Terminating {
		text += ", terminating"
	}
	return text
}
