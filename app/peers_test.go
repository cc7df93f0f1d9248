package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitPeers(t *testing.T) {
	tests := []struct {
		name, list, self string
		all, first       []string
	}{
		{"none", "", "bb", nil, nil},
		{"in between", "aa@1.2.3.4:1,cc@1.2.3.4:2", "bb", []string{"aa@1.2.3.4:1", "cc@1.2.3.4:2"}, []string{"cc@1.2.3.4:2"}},
		{"white space", " aa@h:1 , , cc@h:2 ", "bb", []string{"aa@h:1", "cc@h:2"}, []string{"cc@h:2"}},
		{"without id, for the engine to refuse", "1.2.3.4:1", "bb", []string{"1.2.3.4:1"}, []string{"1.2.3.4:1"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			all, first := splitPeers(tc.list, tc.self)
			if d := cmp.Diff(tc.all, all); d != "" {
				t.Error("all:", d)
			}
			if d := cmp.Diff(tc.first, first); d != "" {
				t.Error("first:", d)
			}
		})
	}
	// Of any two nodes exactly one dials first.
	for _, pair := range [][2]string{{"aa", "bb"}, {"bb", "aa"}} {
		if firstDialler(pair[0], pair[1]) == firstDialler(pair[1], pair[0]) {
			t.Errorf("%v: both or neither dial first", pair)
		}
	}
}
