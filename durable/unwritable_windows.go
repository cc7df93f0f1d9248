package durable

import "golang.org/x/sys/windows"

// unwritable returns what the system says of a place that can be read and not written. The
// errors that package syscall names as on Unix never occur.
func unwritable() []error {
	return []error{
		windows.ERROR_WRITE_PROTECT, windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED,
	}
}
