package cli

import (
	"context"
	"errors"
	"fmt"
)

// Interrupted marks an error as the consequence of an interruption, which is
// context.Canceled, if the context of the user's signals has ended. What a program
// was doing then may fail in any way first, and who asked for its end is told so
// whichever was faster. A mistake on the command line stays one.
func Interrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || IsUsage(err) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("interrupted: %w", interruptedError{err})
}

type interruptedError struct{ error }

// Is implements what errors.Is asks for.
func (e interruptedError) Is(target error) bool { return target == context.Canceled }

func (e interruptedError) Unwrap() error { return e.error }
