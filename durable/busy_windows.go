package durable

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isOpening reports that a file cannot be opened for reading because another process is
// replacing it.
func isOpening(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_DELETE_PENDING)
}

// isReplacing reports that a file cannot be replaced because another process reads it.
// Windows says of it what it says of files that the user may not write, too.
func isReplacing(err error) bool {
	return isOpening(err) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
