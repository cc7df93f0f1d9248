package client

// Order exports the order in which nodes are asked about a name.
func (c *Client) Order(name string) []string { return c.order(name) }

// MaxWitnessed exports the bound of the headers that wait for a comparison.
const MaxWitnessed = maxWitnessed
