//go:build !windows

package durable

// isOpening and isReplacing never hold: here files may be replaced while they are open.
func isOpening(error) bool   { return false }
func isReplacing(error) bool { return false }
