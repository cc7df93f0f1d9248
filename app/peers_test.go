package app

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cometbft/cometbft/p2p"
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

// fakeSwitch has the peers that a test says and notes whom it is told to dial.
type fakeSwitch struct {
	p2p.IPeerSet
	mu        sync.Mutex
	connected map[p2p.ID]bool
	dialled   []string
}

func (s *fakeSwitch) Peers() p2p.IPeerSet { return s }

func (s *fakeSwitch) Has(id p2p.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected[id]
}

func (s *fakeSwitch) DialPeersAsync(peers []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled = append(s.dialled, peers...)
	return nil
}

// connect says whether a peer is connected from now on.
func (s *fakeSwitch) connect(id p2p.ID, connected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected[id] = connected
}

// take returns what was dialled since the last call.
func (s *fakeSwitch) take() (dialled []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dialled, s.dialled = s.dialled, nil
	return dialled
}

// TestKeepPeers: at its first look a node dials the peers that should have dialled it,
// and later those that were missing twice.
func TestKeepPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		sw := &fakeSwitch{connected: map[p2p.ID]bool{"aa": true}}
		go keepPeers(ctx, sw, []string{"aa@h:1", "bb@h:1", "dd@h:1"}, []string{"dd@h:1"})
		look := func(after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if d := cmp.Diff(want, sw.take()); d != "" {
				t.Error("dialled:", d)
			}
		}
		look(firstLook - time.Second)
		look(time.Second+firstLook/2, "bb@h:1")
		sw.connect("bb", true)
		sw.connect("aa", false)
		look(redialInterval*3/2, "dd@h:1")
		sw.connect("dd", true)
		look(redialInterval*3/2, "aa@h:1")
	})
}
