//go:build !windows

package durable

import "os"

// syncNames makes the names in an open directory last.
func syncNames(d *os.File) error { return d.Sync() }
