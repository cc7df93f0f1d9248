package reads

import "time"

// What the product does, mirrored here because the simulator links nothing it
// simulates. sim/tests/product compares.
const (
	// Hedge is client.DefaultHedge: how long a node may be silent before the next is
	// asked too.
	Hedge = 300 * time.Millisecond
	// Timeout is client.DefaultTimeout: how long one node may take.
	Timeout = 15 * time.Second
	// MaxLookUps is how many look-ups a node works on at once.
	MaxLookUps = 64
	// MaxConnections is how many connections a node has at once. More wait here; a real
	// node gives them the places of idle ones, of which there are none here, and closes
	// them otherwise.
	MaxConnections = 2048
	// MaxAddressConnections is how many of them one address may have; more are
	// closed.
	MaxAddressConnections = 256
	// RequestsPerSecond is what one address may ask of a node, and BurstSeconds how
	// many seconds' worth of it at once.
	RequestsPerSecond = 200
	BurstSeconds      = 2
)
