//go:build !windows

package durable

import "syscall"

// unwritable returns what the system says of a place that can be read and not written.
func unwritable() []error { return []error{syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT} }
