//go:build unix

package app

import (
	"io/fs"
	"syscall"
)

// userOf returns the number of the user whom a file belongs to, if that is known.
func userOf(info fs.FileInfo) (int, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}

// mayUse says whether this process may use a file, by access(2).
func mayUse(path string, how uint32) error { return syscall.Access(path, how) }
