package durable_test

import "syscall"

// full returns what the system says when nothing can be written, by the numbers of its
// documentation: access denied, write-protected, and three ways to have no room.
func full() []error {
	var all []error
	for _, number := range []syscall.Errno{5, 19, 39, 112, 1295} {
		all = append(all, number)
	}
	return all
}
