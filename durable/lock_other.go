//go:build !windows && (!unix || aix || solaris)

package durable

import (
	"errors"
	"os"
)

// tryLock has no implementation here: what looks locked and is not would be worse.
func tryLock(*os.File) error { return errors.ErrUnsupported }

func unlock(*os.File) error { return errors.ErrUnsupported }
