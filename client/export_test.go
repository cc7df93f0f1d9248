package client

import (
	"context"

	"hullmark/bundle"
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

// OnRead calls f with the path of every file of a home that is read.
func OnRead(h *Home, f func(path string)) {
	h.read = func(path string, limit int64) ([]byte, error) {
		f(path)
		return readFile(path, limit)
	}
}

// OnFetched calls f with the light blocks of each answer that came and was not judged yet.
func (c *Client) OnFetched(f func(node string, traces []*bundle.Trace)) { c.onFetched = f }

// BeginChange leaves a home as somebody does who is killed while he changes it.
func BeginChange(h *Home) error { return h.beginChange() }
