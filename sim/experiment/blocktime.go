package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
)

// maxLightBlock bounds the answer that holds a light block, in bytes.
const maxLightBlock = 1 << 20

// blockTime asks a node for the time of a block.
func blockTime(ctx context.Context, ledger, url string, height uint64) (time.Time, error) {
	fail := func(err error) (time.Time, error) {
		return time.Time{}, fmt.Errorf("couldn't read block %d: %w", height, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s%s?height=%d", url, query.PathLightBlock, height), nil)
	if err != nil {
		return fail(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fail(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxLightBlock))
	if err != nil {
		return fail(err)
	}
	m := new(proto.LightBlockResponse)
	if err := proto.UnmarshalJSON(b, m); err != nil {
		return fail(err)
	}
	block, err := bundle.DecodeLightBlock(ledger, m.GetLightBlock())
	if err != nil {
		return fail(err)
	}
	return block.Time, nil
}
