// Package reads simulates look-ups: clients that ask the nodes of a network which
// image a tag means, as the real client does, and nodes that answer with the limits
// of real ones.
//
// A look-up asks the nodes in rendezvous order of the reference. The next node is
// asked when one fails, and also when all asked so far have been silent for the
// hedging time; the first answer that verifies ends it. A node works on a bounded
// number of look-ups at once and refuses the rest, bounds what one address may ask
// and how many connections it has, and its answers share its uplink.
//
// Scenarios are functions from a configuration and a seed to a result, and nothing
// else: [Load], [Flash], [Outage], [Membership], [Store] and [Replay].
package reads
