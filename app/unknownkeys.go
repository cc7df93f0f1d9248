package app

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/viper"
)

// checkKeys refuses a configuration file with keys nobody knows, and names the key that
// was meant: a misspelt setting must not pass for the default.
func checkKeys(v *viper.Viper, known []string) error {
	for _, key := range slices.Sorted(maps.Keys(fileKeys(v))) {
		if slices.Contains(known, key) {
			continue
		}
		if near := nearest(key, known); near != "" {
			return fmt.Errorf("%w: there is no setting %s; did you mean %s?", ErrConfig, key, near)
		}
		return fmt.Errorf("%w: there is no setting %s", ErrConfig, key)
	}
	return nil
}

// fileKeys returns the keys that a file sets, with dots between.
func fileKeys(v *viper.Viper) map[string]bool {
	keys := make(map[string]bool)
	for _, key := range v.AllKeys() {
		if v.InConfig(key) {
			keys[key] = true
		}
	}
	return keys
}

// configKeys returns the keys of hullmarkd.toml.
func configKeys() []string {
	values := make(map[string]any)
	collectValues(reflect.ValueOf(DefaultConfig()), "", values)
	return slices.Sorted(maps.Keys(values))
}

// nearest returns the known key that is most like one nobody knows, or nothing when
// none is. The right name in the wrong section is like enough.
func nearest(key string, known []string) string {
	last := func(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }
	best, least := "", len(last(key))/2+1
	for _, k := range known {
		d := distance(key, k)
		if last(k) == last(key) {
			d = min(d, 1)
		}
		if d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed to make one text
// of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
