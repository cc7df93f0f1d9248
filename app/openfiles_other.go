//go:build !unix

package app

// raiseFileLimit returns what Unix systems permit at most by default: here memory is the
// only limit.
func raiseFileLimit() (uint64, error) { return 1 << 20, nil }
