package client

import (
	"context"

	"hullmark/reference"
)

// Order exports the order in which nodes are asked about a name.
func (c *Client) Order(name string) []string { return c.order(name) }

// FailLock makes the lock of a home fail.
func FailLock(h *Home, err error) {
	h.lock = func(context.Context, string) (func(), error) { return nil, err }
}

// MaxWitnessed exports the bound of the headers that wait for a comparison.
const MaxWitnessed = maxWitnessed

// KeepFilesWithin is Home.KeepFiles with a bound of its own.
func KeepFilesWithin(h *Home, r reference.Repository, files [][]byte, limit int64) error {
	return h.keepFiles(r, files, limit)
}
