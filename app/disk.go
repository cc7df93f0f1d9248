package app

import (
	"fmt"
	"syscall"
)

// fullDisk is the room in bytes below which a disk counts as full: less than the
// engine takes for the next file of its log of votes.
const fullDisk = 1 << 20

// diskError returns an error that wraps syscall.ENOSPC if the disk of a directory
// is full: the reason for a failure that an operator can do most about. Neither the
// engine, whose consensus routine ends without telling why, nor the database passes
// it on.
func diskError(dir string) error {
	if free, err := freeBytes(dir); err != nil || free >= fullDisk {
		return nil
	}
	return fmt.Errorf("the disk of %s is full: %w", dir, syscall.ENOSPC)
}
