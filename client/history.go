package client

import (
	"context"
	"fmt"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/reference"
)

// HistoryOptions says how much of a history is wanted.
type HistoryOptions struct {
	// Limit is the greatest number of records; zero is all.
	Limit int
	// After leaves out that revision and all before it: what the caller has
	// already.
	After uint64
}

// History is what happened to a repository.
type History struct {
	Repository reference.Repository
	// Revision is the newest revision there was when the first page was proven, and
	// Proven says when that was.
	Revision uint64
	Proven   bundle.Proven
	// Records are newest first, without gaps.
	Records []HistoryRecord
	// Complete says that nothing before them was left out but what was not asked
	// for by HistoryOptions.After.
	Complete bool
}

// History returns the proven history of a repository, newest first. It asks for as
// many pages as it takes; the pages are chained, so that it does not matter that
// the ledger goes on meanwhile.
//
// A repository that is not registered is a *bundle.Denial.
func (c *Client) History(ctx context.Context, r reference.Repository, o HistoryOptions) (*History, []Warning, error) {
	out := &History{Repository: r}
	var warnings []Warning
	var next bundle.Cursor
	var records []bundle.HistoryRecord
	defer func() { out.Records = historyRecords(records) }()
	for number := 0; ; number++ {
		page, more, err := c.historyPage(ctx, r, next, o, len(records), number)
		warnings = append(warnings, more...)
		if err != nil {
			return nil, warnings, fmt.Errorf("couldn't get history of %s: %w", r, err)
		}
		if next.Revision == 0 {
			out.Revision, out.Proven = page.Revision, page.Proven
		}
		next = page.Next
		for _, record := range page.Records {
			if record.Revision <= o.After {
				out.Complete = true
				return out, warnings, nil
			}
			records = append(records, record)
			if o.Limit > 0 && len(records) == o.Limit {
				out.Complete = record.Revision == o.After+1
				return out, warnings, nil
			}
		}
		if next.Revision == 0 {
			out.Complete = true
			return out, warnings, nil
		}
	}
}

// historyPage gets the page that begins with a record.
func (c *Client) historyPage(ctx context.Context, r reference.Repository, from bundle.Cursor, o HistoryOptions, have, number int) (*bundle.HistoryPage, []Warning, error) {
	q := query.History{Repository: r}
	if left := o.Limit - have; o.Limit > 0 && left < query.MaxHistoryPage {
		q.Limit = left
	}
	if from.Revision > 0 {
		q.Before, q.Index, q.Indexed = from.Revision+1, from.Index, true
	}
	memory, err := c.load(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	var minState uint64
	if seen, ok := memory.Repository(r); ok {
		minState = seen.Changed
	}
	var page *bundle.HistoryPage
	warnings, err := ask(ctx, c, inquiry[*proto.HistoryAnswer]{
		question: q, minState: minState, part: number, repositories: []reference.Repository{r}, memory: memory,
		empty:  func() *proto.HistoryAnswer { return new(proto.HistoryAnswer) },
		states: oneState[*proto.HistoryAnswer],
		verify: func(a *proto.HistoryAnswer, m *bundle.Memory, traces []*bundle.Trace) (next *bundle.Memory, err error) {
			page, next, err = bundle.VerifyHistory(a, r, from, m, c.now(), c.policy, traces...)
			return next, err
		},
	})
	warnings, overtaken := c.overtaken(ctx, warnings, memory, r)
	if askAgain(ctx, err, overtaken) {
		return c.historyPage(ctx, r, from, o, have, number)
	}
	return page, warnings, err
}

// Vouchers returns which repositories vouch for a digest. It informs and decides
// nothing: ask Resolve about the digest in one repository.
func (c *Client) Vouchers(ctx context.Context, d reference.Digest) (*bundle.Vouchers, []Warning, error) {
	var out *bundle.Vouchers
	warnings, err := ask(ctx, c, inquiry[*proto.ImageAnswer]{
		question: query.Vouchers{Digest: d},
		empty:    func() *proto.ImageAnswer { return new(proto.ImageAnswer) },
		states:   oneState[*proto.ImageAnswer],
		verify: func(a *proto.ImageAnswer, m *bundle.Memory, traces []*bundle.Trace) (next *bundle.Memory, err error) {
			out, next, err = bundle.VerifyVouchers(a, d, m, c.now(), c.policy, traces...)
			return next, err
		},
	})
	if err != nil {
		return nil, warnings, fmt.Errorf("couldn't find who vouches for %s: %w", d, err)
	}
	return out, warnings, nil
}
