package durable

import (
	"errors"
	"io/fs"
)

// IsUnwritable reports an error of a place that can be read and not written: somebody
// else's, one on a read-only file system, or on a full one.
func IsUnwritable(err error) bool {
	for _, reason := range append(unwritable(), fs.ErrPermission) {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}
