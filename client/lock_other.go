//go:build !unix

package client

import (
	"context"
	"errors"
)

// lockFile has no implementation here: a memory without a lock would forget.
func lockFile(context.Context, string) (release func(), err error) {
	return nil, errors.ErrUnsupported
}
