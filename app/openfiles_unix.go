//go:build unix

package app

import (
	"fmt"
	"syscall"
)

// raiseFileLimit lets the process open as many files as it may let itself, and returns
// how many that is.
func raiseFileLimit() (uint64, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0, fmt.Errorf("couldn't ask how many files may be open: %w", err)
	}
	if l.Cur < l.Max {
		raised := l
		raised.Cur = l.Max
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			l = raised
		}
	}
	return uint64(l.Cur), nil //nolint:unconvert // signed on some systems
}
