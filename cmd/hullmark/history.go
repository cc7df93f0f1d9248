package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/record"
	"hullmark/reference"
)

func newHistory(s *session) *cobra.Command {
	var o client.HistoryOptions
	cmd := &cobra.Command{
		Use:         "history REPO",
		Annotations: limit(readTimeout),
		Short:       "Show everything that happened to a repository",
		Long: `History lists the records that the ledger has about a repository, newest first. Each
is proven to be in the log and to be the one before the last, down to the first: no
node can leave one out. With --limit or --after the list ends earlier, and says so.

Each says what it changed: tags; who may sign, with the keys before and now, for the
root, the tagging keys and delegated roles; and what the keys of a role took over that
only keys had signed before which the role has no more. Before the oldest record that is
listed something may have been otherwise; then what it says stands there as such.

JSON: repository, revision, complete, state_height, header_height, block_time,
age_seconds, records [{index, revision, kind, height, time, roles [{name, version,
file_digest}], tags [{change, tag, digest, size}], powers [{role, by, change (added,
changed, removed or unknown), before {threshold, keys, paths, terminating}, after}],
orders [{role, delegations}], takeovers [{role, tags, tags_known, delegations}],
statement {reason, note, role, digests}, key_ids}].

Exit status: 0 shown, 3 not registered, 4 verification failed (possible attack),
6 no node reachable or answer too old.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, err := reference.ParseRepository(args[0])
			if err != nil {
				return cli.UsageError(err)
			}
			if o.Limit < 0 {
				return cli.Usage("--limit must not be negative")
			}
			c, err := s.client(bundle.DefaultPolicy())
			if err != nil {
				return err
			}
			done := s.progress("asking the ledger")
			h, warnings, err := c.History(cmd.Context(), name, o)
			done()
			s.warnAll(warnings, err)
			if err != nil {
				return err
			}
			return s.print(newHistoryAnswer(h, time.Now()))
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Limit, "limit", 0, "greatest number of records, 0 for all")
	flags.Uint64Var(&o.After, "after", 0, "only what came after this revision")
	return cmd
}

type historyAnswer struct {
	Repository string `json:"repository"`
	Revision   uint64 `json:"revision"`
	Complete   bool   `json:"complete"`
	proofJSON
	Records []recordJSON `json:"records"`
}

// recordJSON is one log record.
type recordJSON struct {
	Index    uint64           `json:"index"`
	Revision uint64           `json:"revision"`
	Kind     string           `json:"kind"`
	Height   uint64           `json:"height"`
	Time     time.Time        `json:"time"`
	Roles    []roleChangeJSON `json:"roles"`
	Tags     []changedTagJSON `json:"tags"`
	// Powers are changes of who may sign, Orders new orders of precedence, and Takeovers
	// what keys vouch for since this record that had not signed it.
	Powers    []powerJSON    `json:"powers"`
	Orders    []orderJSON    `json:"orders"`
	Takeovers []takeoverJSON `json:"takeovers"`
	// Statement is that of a revocation or lift.
	Statement *historyStatementJSON `json:"statement,omitempty"`
	KeyIDs    []string              `json:"key_ids"`
}

type historyStatementJSON struct {
	Reason  string   `json:"reason"`
	Note    string   `json:"note,omitempty"`
	Role    string   `json:"role"`
	Digests []string `json:"digests"`
}

type roleChangeJSON struct {
	Name       string `json:"name"`
	Version    uint64 `json:"version"`
	FileDigest string `json:"file_digest"`
}

type changedTagJSON struct {
	Change string `json:"change"`
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
	Size   uint64 `json:"size"`
}

// The names of changes of tags.
const (
	changeSet       = "set"
	changeWithdrawn = "withdrawn"
)

func newHistoryAnswer(h *client.History, now time.Time) *historyAnswer {
	a := &historyAnswer{
		Repository: h.Repository.String(), Revision: h.Revision, Complete: h.Complete, Records: []recordJSON{},
		proofJSON: proofJSON{h.Proven.StateHeight, h.Proven.HeaderHeight, h.Proven.BlockTime, max(0, now.Sub(h.Proven.BlockTime)).Seconds()},
	}
	for _, r := range h.Records {
		a.Records = append(a.Records, newRecord(r))
	}
	return a
}

func newRecord(r client.HistoryRecord) recordJSON {
	out := recordJSON{
		Index: r.Index, Revision: r.Revision, Kind: r.Kind.String(), Height: r.Height, Time: r.Time.UTC(),
		Roles: []roleChangeJSON{}, Tags: []changedTagJSON{}, KeyIDs: idTexts(r.KeyIDs),
		Powers: newPowers(r.Powers), Orders: newOrders(r.Order), Takeovers: newTakeovers(r.Takeovers),
	}
	for _, c := range r.Roles {
		out.Roles = append(out.Roles, roleChangeJSON{c.Name, c.Version, fmt.Sprintf("%x", c.FileDigest)})
	}
	for _, c := range r.TagChanges {
		change := changeSet
		if c.Op == record.ChangeWithdraw {
			change = changeWithdrawn
		}
		out.Tags = append(out.Tags, changedTagJSON{change, c.Tag.String(), c.Digest.String(), c.Size})
	}
	if st := r.Statement; st != nil {
		out.Statement = &historyStatementJSON{Reason: st.Reason.String(), Note: st.Note, Role: st.Binding.Role, Digests: []string{}}
		for _, d := range st.Digests {
			out.Statement.Digests = append(out.Statement.Digests, d.String())
		}
	}
	return out
}

// shownChanges is how many changes of one record are listed; --output json has
// them all.
const shownChanges = 8

func (a *historyAnswer) text(t *table) {
	t.row("repository", "%s", a.Repository)
	for _, r := range a.Records {
		t.row(fmt.Sprintf("revision %d", r.Revision), "%s", strings.Join(r.summary(), ", "))
		for _, line := range r.powers() {
			t.row("", "  %s", line)
		}
		changes := r.changes()
		for _, line := range changes[:min(len(changes), shownChanges)] {
			t.row("", "  %s", line)
		}
		if over := len(changes) - shownChanges; over > 0 {
			t.row("", "  and %d more", over)
		}
	}
	if a.Complete {
		t.row("complete", "nothing is left out")
	} else {
		t.row("earlier", "there are earlier records")
	}
	a.proofJSON.text(t)
}

// changes says what a record changed, a line each.
func (r recordJSON) changes() []string {
	var out []string
	for _, c := range r.Tags {
		if c.Change == changeWithdrawn {
			out = append(out, fmt.Sprintf("%s withdrawn, was %s", c.Tag, c.Digest))
			continue
		}
		out = append(out, fmt.Sprintf("%s means %s", c.Tag, c.Digest))
	}
	if st := r.Statement; st != nil {
		for _, d := range st.Digests {
			out = append(out, strings.TrimSuffix(fmt.Sprintf("%s %s, reason %s: %s", r.Kind, d, st.Reason, st.Note), ": "))
		}
	}
	return out
}

// summary says in a few words what a record is.
func (r recordJSON) summary() []string {
	out := []string{stamp(r.Time), fmt.Sprintf("height %d", r.Height), r.Kind}
	for _, c := range r.Roles {
		out = append(out, fmt.Sprintf("%s %d", c.Name, c.Version))
	}
	return out
}
