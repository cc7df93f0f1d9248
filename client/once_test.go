package client_test

import (
	"maps"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/fixture"
)

// Test that a look-up reads each file of the home once, also when nodes fail before one
// gives an answer, and more than once only when somebody has changed the home meanwhile.
func TestHomeIsReadOnce(t *testing.T) {
	n := newNetwork(t, 2)
	dir := t.TempDir()
	h := n.home(dir)
	elsewhere := func() { // another process
		o, err := client.OpenHome(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Update(t.Context(), nil, func(m *bundle.Memory) (*bundle.Memory, error) {
			height := uint64(1)
			if seen, ok := m.Repository(ref(other).Repository); ok {
				height = seen.Changed + 1
			}
			return m.WithChange(ref(other).Repository, height), nil
		}, ref(other).Repository); err != nil {
			t.Fatal(err)
		}
	}
	c := n.client(func(o *client.Options) { o.Store = h })
	nodes := n.inOrder(c, ref(app+":latest").String())
	reads := make(map[string]int)
	client.OnRead(h, func(path string) {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Error(err)
		}
		if filepath.Dir(name) == filepath.Join("memory", "repositories") {
			name = "a repository"
		}
		reads[name]++
	})
	const once, twice = 1, 2
	for _, tc := range []struct {
		name   string
		before func()
		during func()
		bad    bool
		want   int
	}{
		{"first look-up", nil, nil, false, once},
		{"next look-up", nil, nil, false, once},
		{"with a newer block", func() { n.commit() }, nil, false, once},
		{"first node lies", nil, nil, true, once},
		{"somebody else was there before", elsewhere, nil, false, once},
		{"somebody else is there meanwhile", nil, elsewhere, false, twice},
		{"somebody was killed before", func() {
			if err := client.BeginChange(h); err != nil {
				t.Error(err)
			}
		}, nil, false, twice},
		{"after one that had news", func() { n.commit() }, nil, false, twice}, // nothing was written since
		{"and then", nil, nil, false, once},
		{"somebody is killed meanwhile", nil, func() {
			if err := client.BeginChange(h); err != nil {
				t.Error(err)
			}
		}, false, twice},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.before != nil {
				tc.before()
			}
			clear(reads)
			nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
				if tc.during != nil {
					tc.during()
				}
				return tc.bad && says([]byte("{}"))(w, r)
			})
			result, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
			if err != nil || result.Digest != fixture.Digest("two") || (len(warnings) > 0) != tc.bad {
				t.Fatalf("%v, warnings %v", err, warnings)
			}
			want := map[string]int{"trust.json": tc.want, filepath.Join("memory", "chain.json"): tc.want, "a repository": tc.want}
			if diff := cmp.Diff(want, maps.Clone(reads)); diff != "" {
				t.Errorf("reads (-want +got):\n%s", diff)
			}
		})
	}
	// Nobody's change was lost.
	m, err := h.Load(t.Context(), ref(other).Repository)
	if err != nil {
		t.Fatal(err)
	}
	if seen, _ := m.Repository(ref(other).Repository); seen.Changed != 2 {
		t.Errorf("changed at %d, want 2", seen.Changed)
	}
}

// Test that a look-up verifies the signatures of its header once: once they were verified,
// it does not matter any more what they are. What is tried is a header that was not, too.
func TestHeaderIsVerifiedOnce(t *testing.T) {
	n := newNetwork(t, 1)
	for _, tc := range []struct {
		name string
		// moves says that the client learns of another block between answer and verdict.
		moves bool
	}{{"alone", false}, {"beside another look-up", true}} {
		t.Run(tc.name, func(t *testing.T) {
			for _, store := range []client.Store{n.home(t.TempDir()), client.NewMemoryStore(bundle.NewMemory(n.anchor()))} {
				c := n.client(func(o *client.Options) { o.Store = store })
				beside := n.client(func(o *client.Options) { o.Store = store })
				seen := 0
				c.OnFetched(func(_ string, traces []*bundle.Trace) {
					seen += len(traces)
					for _, trace := range traces {
						for i := range trace.Target().Commit.Signatures {
							trace.Target().Commit.Signatures[i].Signature = make([]byte, 64)
						}
					}
					if tc.moves {
						n.commit()
						if _, _, _, err := beside.Resolve(t.Context(), ref(other+":1.0")); err != nil {
							t.Error(err)
						}
					}
				})
				n.commit()
				if _, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil || len(warnings) > 0 || seen != 1 {
					t.Errorf("%T: %d traces, %v, warnings %v", store, seen, err, warnings)
				}
			}
		})
	}
}
