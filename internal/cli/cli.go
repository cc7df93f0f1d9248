// Package cli is what the commands share in how they read their command line:
// mistakes of the user are errors of one class, which have an exit status of
// their own, and the commands report them alike.
package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError marks an error in what the user typed.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// UsageError marks err as the user's mistake.
func UsageError(err error) error { return usageError{err} }

// Usage returns an error that is the user's mistake.
func Usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// IsUsage reports whether an error is the user's mistake.
func IsUsage(err error) bool {
	var u usageError
	return errors.As(err, &u)
}

// Group returns a command that only holds others. As the root it makes unknown
// commands and flags usage errors; printing errors is left to the caller.
func Group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(near, " or "))
			}
			return usageError{err}
		},
		Annotations: map[string]string{groupKey: "yes"},
		RunE:        func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.CompletionOptions.DisableDefaultCmd = true // see Completion
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{flagError(err)} })
	cmd.AddCommand(commands...)
	return cmd
}

// groupKey is the annotation of commands that Group returns.
const groupKey = "group"

// IsGroup reports whether a command only holds others, and prints help by itself.
func IsGroup(cmd *cobra.Command) bool { return cmd.Annotations[groupKey] != "" }

// flagError says of a flag with a number what it takes, instead of which function of the
// library refused it.
func flagError(err error) error {
	var number *strconv.NumError
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &number) || !errors.As(err, &invalid) {
		return err
	}
	takes := "a whole number"
	switch {
	case errors.Is(number.Err, strconv.ErrRange):
		takes = "a smaller number"
	case number.Func == "ParseUint":
		takes = "a whole number, 0 or more"
	case number.Func == "ParseBool":
		takes = "true or false"
	}
	return fmt.Errorf("invalid argument %q for --%s: it takes %s", invalid.GetValue(), invalid.GetFlag().Name, takes)
}

// Args is cobra's check of arguments with a usage error.
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; usage: %s", err, cmd.UseLine())}
		}
		return nil
	}
}

// EnvOr returns a variable of the environment, or fallback when it is empty.
func EnvOr(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}
