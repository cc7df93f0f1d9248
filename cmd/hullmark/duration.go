package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

const day = 24 * time.Hour

// maxDays bounds durations in days, so that they stay far from overflow.
const maxDays = 36500

// durationValue is a flag that takes days besides what time.ParseDuration takes.
type durationValue struct{ d *time.Duration }

func durationFlag(f *pflag.FlagSet, d *time.Duration, name string, value time.Duration, usage string) {
	*d = value
	f.Var(durationValue{d}, name, usage)
}

// String implements pflag.Value.
func (v durationValue) String() string {
	if v.d == nil {
		return ""
	}
	if *v.d != 0 && *v.d%day == 0 {
		return fmt.Sprintf("%dd", *v.d/day)
	}
	return v.d.String()
}

// Set implements pflag.Value.
func (v durationValue) Set(text string) error {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > maxDays {
			return fmt.Errorf("%q is not a number of days from 0 to %d", days, maxDays)
		}
		*v.d = time.Duration(n) * day
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no duration; use for example 90s, 12h or 30d", text)
	}
	*v.d = d
	return nil
}

// Type implements pflag.Value.
func (durationValue) Type() string { return "duration" }

// expiry returns the expiry of metadata that is made now.
func expiry(d time.Duration) time.Time { return time.Now().Add(d).UTC().Truncate(time.Second) }
