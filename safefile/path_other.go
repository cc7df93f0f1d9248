//go:build !unix

package safefile

import "path/filepath"

// absolute returns a path from the root on. Windows takes every ".." away itself, with the
// name before it.
func absolute(path string) (string, error) { return filepath.Abs(path) }
