package placement

// SplitMix64 lets the tests check the mixing function against published values.
func SplitMix64(x uint64) uint64 { return splitmix64(x) }

// WithSeed returns a node whose seed is not the hash of its id: hashes that
// collide cannot be had otherwise.
func WithSeed(id string, seed uint64) Node { return Node{id: id, seed: seed} }
