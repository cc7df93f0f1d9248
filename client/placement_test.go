package client_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/client"
	"hullmark/placement"
)

func placed(t *testing.T, p client.Placement, nodes ...string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{Nodes: nodes, Store: client.NewMemoryStore(nil), Placement: p})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Test that the default is the rendezvous order, whatever was asked before, and
// that bounded starts with it and has all nodes each time.
func TestPlacement(t *testing.T) {
	nodes := []string{"http://a", "http://b", "http://c", "http://d"}
	var list []placement.Node
	for _, n := range nodes {
		list = append(list, placement.NewNode(n))
	}
	c, named, bounded := placed(t, "", nodes...), placed(t, client.PlacementRendezvous, nodes...), placed(t, client.PlacementBounded, nodes...)
	departed := 0
	for i := range 2000 {
		name := fmt.Sprintf("docker.io/library/image-%d:latest", i%3)
		var want []string
		for _, n := range placement.Order([]byte(name), list) {
			want = append(want, n.ID())
		}
		if diff := cmp.Diff(want, c.Order(name)); diff != "" {
			t.Fatalf("default, question %d (-want +got):\n%s", i, diff)
		}
		if diff := cmp.Diff(want, named.Order(name)); diff != "" {
			t.Fatalf("rendezvous, question %d (-want +got):\n%s", i, diff)
		}
		got := bounded.Order(name)
		if got[0] != want[0] {
			departed++
		}
		rest := slices.DeleteFunc(slices.Clone(want), func(n string) bool { return n == got[0] })
		if diff := cmp.Diff(append([]string{got[0]}, rest...), got); diff != "" {
			t.Fatalf("bounded, question %d (-want +got):\n%s", i, diff)
		}
	}
	if departed == 0 {
		t.Error("three names asked for 2000 times never left their nodes")
	}
}

// Test that one client of many goroutines keeps its nodes within a hundredth.
func TestPlacementBoundedTogether(t *testing.T) {
	c := placed(t, client.PlacementBounded, "http://a", "http://b", "http://c")
	var mu sync.Mutex
	counts := make(map[string]int)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				first := c.Order("docker.io/library/hot:latest")[0]
				mu.Lock()
				counts[first]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	a, b, d := counts["http://a"], counts["http://b"], counts["http://c"]
	if least, most := min(a, b, d), max(a, b, d); 100*most > 101*least {
		t.Errorf("asked %v", counts)
	}
}
