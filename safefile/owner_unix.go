//go:build unix

package safefile

import (
	"fmt"
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
		r.unmapped = overflowUser
		r.isUnmapped, r.isAmbiguous = readMap(string(b))
	}
	return r
}

// readMap reads a uid_map, whose lines are ranges: the first number inside, the first
// outside, how many. It reports whether it leaves users out, which all have the number
// overflowUser inside then, and whether a user inside has that number too. Of a map that
// it cannot read it assumes so.
func readMap(text string) (leavesOut, isAmbiguous bool) {
	var users uint64
	for line := range strings.Lines(text) {
		var first, outside, n uint64
		if _, err := fmt.Sscan(line, &first, &outside, &n); err != nil {
			return true, true
		}
		users += n
		isAmbiguous = isAmbiguous || first <= overflowUser && overflowUser-first < n
	}
	const all = 1<<32 - 1 // the last number stands for nobody
	leavesOut = users < all
	return leavesOut, leavesOut && isAmbiguous
}
