package crash

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/reference"
)

// homeVariable is the home of a client.
const homeVariable = "HULLMARK_CRASH_HOME"

// remembered are the repositories that a client learns of in turn.
var remembered = []reference.Repository{
	reference.MustParseRepository("registry.example.com/one"),
	reference.MustParseRepository("registry.example.com/two"),
	reference.MustParseRepository("registry.example.com/three"),
}

// runClient remembers ever greater heights, and prints each once it is remembered.
func runClient() error {
	h, err := client.OpenHome(os.Getenv(homeVariable))
	if err != nil {
		return err
	}
	m, err := h.Load(context.Background(), remembered...)
	if err != nil {
		return err
	}
	for i := newest(m) + 1; ; i++ {
		r := remembered[i%uint64(len(remembered))]
		err := h.Update(context.Background(), nil, func(m *bundle.Memory) (*bundle.Memory, error) { return m.WithChange(r, i), nil }, r)
		if err != nil {
			return err
		}
		if _, err := fmt.Println(i); err != nil {
			return err
		}
	}
}

// newest is the greatest height remembered.
func newest(m *bundle.Memory) uint64 {
	var out uint64
	for _, r := range remembered {
		seen, _ := m.Repository(r)
		out = max(out, seen.Changed)
	}
	return out
}

// TestClientKilled kills a client again and again while it remembers: what it said
// it remembers is there, and nothing is damaged.
func TestClientKilled(t *testing.T) {
	dir := t.TempDir()
	h, err := client.OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	chain := bundletest.NewChain(t, fixture.NewConsortium(t, 4))
	chain.Commit()
	anchor, err := chain.Anchor(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ImportAnchor(t.Context(), anchor, time.Now()); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 12 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), roleVariable+"=client", homeVariable+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var last uint64
		lines := bufio.NewScanner(out)
		for range 1 + r.IntN(20) {
			if !lines.Scan() {
				t.Fatalf("round %d: the client ended by itself: %v", round, lines.Err())
			}
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it still said before it died counts
			if _, err := fmt.Sscan(lines.Text(), &last); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait() // says that it was killed
		m, err := h.Load(t.Context(), remembered...)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if got := newest(m); got < last || got > last+1 {
			t.Errorf("round %d: %d is remembered, %d was promised", round, got, last)
		}
	}
}
