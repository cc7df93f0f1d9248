//go:build !windows

package durable_test

import "syscall"

// full returns what the system says when nothing can be written.
func full() []error { return []error{syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT, syscall.EACCES} }
