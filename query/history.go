package query

import (
	"net/url"
	"strconv"

	"hullmark/reference"
)

// KindHistory is the kind of History.
const KindHistory Kind = "history"

const pathHistory = "/v1/history"

// History asks for a page of a repository's history, newest first.
type History struct {
	Repository reference.Repository
	// Before is the revision after the first one wanted; zero begins with the newest.
	Before uint64
	// Index is the log index of the first record wanted, which spares the node the way
	// to it; it says nothing unless Indexed is set, which takes Before.
	Index   uint64
	Indexed bool
	// Limit is how many records are wanted at most, below MaxHistoryPage; zero for that.
	Limit int
}

// Kind implements Question.
func (q History) Kind() Kind { return KindHistory }

// String implements Question.
func (q History) String() string { return q.Repository.String() }

// Check implements Question.
func (q History) Check() error {
	switch {
	case q.Repository.IsZero():
		return fail("no repository")
	case q.Limit < 0 || q.Limit >= MaxHistoryPage:
		return fail("limit %d; use 1 to %d, or leave it out for %d", q.Limit, MaxHistoryPage-1, MaxHistoryPage)
	case q.Indexed && q.Before == 0:
		return fail("index without before")
	case !q.Indexed && q.Index != 0:
		return fail("index %d is not meant", q.Index)
	}
	return checkNumbers(q.Before, q.Index)
}

func (q History) rests() foundation { return onState }

func (q History) encode(v url.Values) string {
	v.Set("repository", q.Repository.String())
	setNumber(v, "before", q.Before)
	if q.Indexed {
		v.Set("index", strconv.FormatUint(q.Index, 10))
	}
	if q.Limit != 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return pathHistory
}

func parseHistory(p *parameters) Question {
	return History{
		Repository: read(p, "repository", reference.ParseRepository),
		Before:     p.number("before"), Index: p.number("index"), Indexed: p.values.Has("index"),
		Limit: int(min(p.number("limit"), MaxHistoryPage)),
	}
}
