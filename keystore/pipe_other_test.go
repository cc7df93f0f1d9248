//go:build !unix

package keystore_test

import "errors"

// makePipe has nothing to make: names of pipes are no files here.
func makePipe(string) error { return errors.ErrUnsupported }
