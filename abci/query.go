package abci

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/lookup"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/query"
)

// Codes of Query responses beside those of the ledger.
const (
	queryBad      = 1
	queryNotReady = 2
	queryInternal = 3
	queryNotFound = 4
)

// Query answers the questions of package query, with the path as in HTTP, the query string
// as data and the answer's text as value. The answer
// carries its own proof, so the proof operators of ABCI stay empty. Under mapPath
// it gives a value of the map with proof operators, for other people's verifiers.
// It reads committed state only.
func (a *Application) Query(_ context.Context, req *cmtabci.RequestQuery) (*cmtabci.ResponseQuery, error) {
	defer a.guard("Query")
	fail := func(code uint32, err error) (*cmtabci.ResponseQuery, error) {
		return &cmtabci.ResponseQuery{Code: code, Codespace: "hullmark-query", Log: err.Error()}, nil
	}
	if a.lookup == nil {
		return fail(queryNotReady, lookup.ErrNotReady)
	}
	if req.Path == mapPath {
		r, err := a.queryMap(req)
		if err != nil {
			return fail(a.queryCode(err))
		}
		return r, nil
	}
	if req.Height != 0 {
		return fail(queryBad, fmt.Errorf("%w: it names height %d; answers are about the newest state", query.ErrQuestion, req.Height))
	}
	values, err := url.ParseQuery(string(req.Data))
	if err != nil {
		return fail(queryBad, query.ErrQuestion)
	}
	q, k, err := query.Parse(req.Path, values)
	if err != nil {
		return fail(queryBad, err)
	}
	m, err := a.lookup.Answer(q, k)
	if err != nil {
		return fail(a.queryCode(err))
	}
	value, err := proto.MarshalJSON(m)
	if err != nil {
		return fail(queryInternal, err)
	}
	return &cmtabci.ResponseQuery{Key: req.Data, Value: value, Height: a.stateHeightOf(m)}, nil
}

// queryCode returns the code of an error, and the error as strangers may see it.
func (a *Application) queryCode(err error) (uint32, error) {
	switch {
	case errors.Is(err, query.ErrQuestion):
		return queryBad, err
	case errors.Is(err, lookup.ErrNotFound), errors.Is(err, store.ErrPruned):
		return queryNotFound, err
	case errors.Is(err, lookup.ErrNotReady):
		return queryNotReady, err
	default:
		a.log.Error("look-up failed", "err", err)
		return queryInternal, errors.New("the node could not answer; its log says why")
	}
}

// stateHeightOf returns the state height an answer is about.
func (a *Application) stateHeightOf(m protobuf.Message) int64 {
	var block []byte
	switch m := m.(type) {
	case *proto.ConsistencyAnswer:
		block = m.GetSecond().GetLightBlock()
	case interface{ GetState() *proto.StateProof }:
		block = m.GetState().GetLightBlock()
	}
	lb, err := bundle.DecodeLightBlock(a.ledger.ID(), block)
	if err != nil {
		return 0
	}
	return lb.Height - 1
}
