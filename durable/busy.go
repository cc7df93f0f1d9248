package durable

import (
	"os"
	"time"
)

// busyTries is how often something is tried that fails while another process has a file
// open: a second in all, with busyPause between.
const (
	busyTries = 200
	busyPause = 5 * time.Millisecond
)

// Open opens a file for reading that other processes may replace meanwhile. On Windows that
// fails for the moment in which one of them does, and is tried again.
func Open(path string) (*os.File, error) {
	var f *os.File
	err := whileBusy(isOpening, func() (err error) {
		f, err = os.Open(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// whileBusy does something that fails when a file is in use, until it fails of another
// reason or too often.
func whileBusy(busy func(error) bool, do func() error) error {
	for range busyTries - 1 {
		if err := do(); err == nil || !busy(err) {
			return err
		}
		time.Sleep(busyPause)
	}
	return do()
}
