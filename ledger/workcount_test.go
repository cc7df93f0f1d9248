package ledger_test

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"hullmark/ledger"
)

// TestCountedFields: no more fields of a body are looked at than an accepted one can have,
// however deep they are.
func TestCountedFields(t *testing.T) {
	const most = 20_000
	for _, tc := range []struct {
		name string
		b    []byte
		want int
	}{
		{"as many", bytes.Repeat([]byte{0x0a, 0}, most), most},
		{"one more", bytes.Repeat([]byte{0x0a, 0}, most+1), most},
		{"numbers count too", append(bytes.Repeat([]byte{0x08, 1}, most), 0x0a, 0), 0},
		{"up to a fault", []byte{0x0a, 0, 0x0a, 0, 0xff}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := 0
			ledger.Fields(tc.b, func(protowire.Number, []byte) { got++ })
			if got != tc.want {
				t.Errorf("%d fields, want %d", got, tc.want)
			}
		})
	}
}
