package bundle_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
)

// TestManyParts gives readers texts of nothing but the smallest elements, which would
// become many times as large in memory.
func TestManyParts(t *testing.T) {
	// fill returns a text of a size, or of a number of elements.
	fill := func(head, element, tail string, size, elements int) []byte {
		if size > 0 {
			elements = (size - len(head) - len(tail)) / (len(element) + 1)
		}
		return []byte(head + strings.Repeat(element+",", elements-1) + element + tail)
	}
	for _, tc := range []struct {
		name                string
		head, element, tail string
		decode              func([]byte) error
	}{
		{"bundle", `{"version":1,"held":[`, `""`, `]}`, func(b []byte) error {
			_, err := bundle.Decode(b)
			return err
		}},
		{"receipt", `{"records":[`, `{}`, `]}`, func(b []byte) error {
			_, _, err := bundle.DecodeReceipt(b)
			return err
		}},
		{"file", `{"version":1,"entries":[`, `{}`, `]}`, func(b []byte) error {
			_, err := bundle.DecodeFile(b, query.Resolve{})
			return err
		}},
	} {
		for name, text := range map[string][]byte{
			"of the largest size": fill(tc.head, tc.element, tc.tail, bundle.MaxSize, 0),
			"with the most parts": fill(tc.head, tc.element, tc.tail, 0, proto.MaxParts-1),
		} {
			t.Run(tc.name+" "+name, func(t *testing.T) {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := tc.decode(text)
				runtime.ReadMemStats(&after)
				if len(text) > bundle.MaxSize/2 && !errors.Is(err, bundle.ErrMalformed) {
					t.Errorf("%v", err)
				}
				const most = 32 << 20 // with the text itself below 64 MiB
				if n := after.TotalAlloc - before.TotalAlloc; n > most {
					t.Errorf("allocates %d bytes for %d, at most %d", n, len(text), most)
				}
			})
		}
	}
}
