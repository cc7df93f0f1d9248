package client

import "hullmark/reference"

// Order exports the order in which nodes are asked about a name.
func (c *Client) Order(name string) []string { return c.order(name) }

// MaxWitnessed exports the bound of the headers that wait for a comparison.
const MaxWitnessed = maxWitnessed

// KeepFilesWithin is Home.KeepFiles with a bound of its own.
func KeepFilesWithin(h *Home, r reference.Repository, files [][]byte, limit int64) error {
	return h.keepFiles(r, files, limit)
}
