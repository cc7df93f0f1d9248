package cli

import (
	"os"
	"strconv"
	"time"
)

// sourceDateVariable is what reproducible builds take for the time at which they are made
// (https://reproducible-builds.org/specs/source-date-epoch/).
const sourceDateVariable = "SOURCE_DATE_EPOCH"

// SourceDate returns the time that SOURCE_DATE_EPOCH says, in UTC, and the zero time if it
// says none.
func SourceDate() (time.Time, error) {
	text := os.Getenv(sourceDateVariable)
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, Usage("%s is %q, and no number of seconds", sourceDateVariable, text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
