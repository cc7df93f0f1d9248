package lookup

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// Ask answers a question in the form in which HTTP and ABCI carry it: the path
// below /v1/ and the parameters. Bundles answer "resolve", "repository" and, with a
// repository, "image"; "image" without one, "history", "receipt/<hash>",
// "log/inclusion" and "log/consistency" have messages of their own.
func (l *Lookup) Ask(kind string, values url.Values) (protobuf.Message, error) {
	p := parameters{values: values}
	trusted := p.number("trusted_height")
	hash, isReceipt := strings.CutPrefix(kind, "receipt/")
	switch {
	case isReceipt:
		height := p.number("height")
		b, err := hex.DecodeString(hash)
		if err != nil || len(b) != 32 {
			p.fail("hash", "64 hex digits are wanted")
		}
		if p.err != nil {
			return nil, p.err
		}
		return l.Receipt(b, height, trusted)
	case kind == "history":
		q := HistoryQuestion{TrustedHeight: trusted, Before: p.number("before"), Index: record.NoRecord}
		if values.Has("index") {
			q.Index = p.number("index")
		}
		q.Limit = query.MaxHistoryPage
		if n := p.number("limit"); n > 0 && n < query.MaxHistoryPage {
			q.Limit = int(n)
		}
		var err error
		if q.Repository, err = reference.ParseRepository(values.Get("repository")); err != nil {
			p.fail("repository", err.Error())
		}
		if p.err != nil {
			return nil, p.err
		}
		return l.History(q)
	case kind == "log/inclusion":
		index, size := p.number("index"), p.number("size")
		if !values.Has("index") {
			p.fail("index", "it is missing")
		}
		if p.err != nil {
			return nil, p.err
		}
		return l.Inclusion(index, size, trusted)
	case kind == "log/consistency":
		first, second := p.number("first"), p.number("second")
		if first == 0 {
			p.fail("first", "it is missing")
		}
		if p.err != nil {
			return nil, p.err
		}
		return l.Consistency(first, second, trusted)
	case kind == "image" && !values.Has("repository"):
		d, err := reference.ParseDigest(values.Get("digest"))
		if err != nil {
			p.fail("digest", err.Error())
		}
		if p.err != nil {
			return nil, p.err
		}
		return l.Vouchers(d, trusted)
	}
	q, err := ParseQuestion(kind, values)
	if err != nil {
		return nil, err
	}
	b, _, err := l.Answer(q)
	return b, err
}

// parameters reads those of a question and keeps the first error.
type parameters struct {
	values url.Values
	err    error
}

func (p *parameters) fail(name, why string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s: %s", ErrBadQuestion, name, why)
	}
}

func (p *parameters) number(name string) uint64 {
	n, err := ParseHeight(p.values.Get(name))
	if err != nil {
		p.fail(name, err.Error())
	}
	return n
}
