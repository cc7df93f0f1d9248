//go:build unix

package safefile

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// ownerOf returns whom a file belongs to, if that is known.
func ownerOf(info fs.FileInfo) (owner, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, false
	}
	return owner{s.Uid, s.Gid}, true
}

// overflowUser is the number that Linux shows for users without a number in the user
// namespace of whoever looks.
const overflowUser = 65534

// rulesHere returns the rules for this process.
func rulesHere() rules {
	r := rules{user: uint32(os.Geteuid())}
	// Elsewhere than on Linux there is no such file, and no user namespaces.
	if b, err := os.ReadFile("/proc/self/uid_map"); err == nil {
		r.unmapped, r.isUnmapped = overflowUser, !mapsAll(string(b))
	}
	return r
}

// mapsAll reports whether a uid_map leaves no user out: one line, 0 0 4294967295.
func mapsAll(text string) bool {
	fields := strings.Fields(text)
	return len(fields) == 3 && fields[0] == "0" && fields[2] == "4294967295"
}
