package query

import (
	"errors"
	"fmt"
)

// ErrQuestion reports a question that cannot be asked, or that is not written in its one
// form.
var ErrQuestion = errors.New("invalid question")

func fail(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrQuestion, fmt.Sprintf(format, args...))
}
