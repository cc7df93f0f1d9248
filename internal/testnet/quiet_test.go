package testnet

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"hullmark/app"
)

// lines is a log that a test reads.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String returns all that was logged.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// contains reports whether a text was logged.
func (l *lines) contains(text string) bool { return strings.Contains(l.String(), text) }

// errors reports lines of level error.
func (l *lines) errors(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, "level=ERROR") {
			t.Error(line)
		}
	}
}

// four makes a network of four nodes that make several blocks a second.
func four(t *testing.T) *Network {
	t.Helper()
	n, err := Create(Options{
		Dir: t.TempDir(), Name: "test", Validators: 4, Namespaces: []string{"localhost:5000"},
		GenesisTime: time.Now(), TimeoutCommit: 100 * time.Millisecond,
		Log: app.LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range n.Nodes {
		path := filepath.Join(string(node.Home), "config", "config.toml")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		quick := bytes.Replace(b, []byte(`create_empty_blocks_interval = "5s"`), []byte(`create_empty_blocks_interval = "100ms"`), 1)
		if bytes.Equal(b, quick) {
			t.Fatal("no pause between blocks to shorten")
		}
		if err := os.WriteFile(path, quick, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestQuietRestarts stops and starts four nodes together. Nothing is wrong with them, so
// no line is one of level error.
func TestQuietRestarts(t *testing.T) {
	n, log := four(t), new(lines)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	height := uint64(1)
	for range 3 {
		r, err := Run(n, "test", func(int) io.Writer { return log })
		if err != nil {
			t.Fatal(err)
		}
		err = WaitProvable(ctx, height+2, n.URLs()...)
		for _, node := range r.Nodes {
			height = max(height, node.Status().GetHeight())
		}
		if stopped := r.Stop(); err != nil || stopped != nil {
			t.Fatal(err, stopped)
		}
	}
	log.errors(t)
}

// TestQuietCatchUp starts the fourth node some blocks behind the others, again and again,
// and stops it at several moments: while it has no peers yet, while it fetches blocks,
// when it takes part. Its peers see it come and go. None of it is an error.
func TestQuietCatchUp(t *testing.T) {
	n, log := four(t), new(lines)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	const late = 3
	r := &Running{Network: n}
	defer func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
		log.errors(t)
	}()
	for i := range late {
		node, err := StartNode(n, i, "test", log)
		if err != nil {
			t.Fatal(err)
		}
		r.Nodes = append(r.Nodes, node)
	}
	others := n.URLs()[:late]
	behind := func(blocks uint64) {
		t.Helper()
		if err := WaitProvable(ctx, r.Nodes[0].Status().GetStateHeight()+blocks, others...); err != nil {
			t.Fatal(err)
		}
	}
	for _, run := range []time.Duration{0, 100 * time.Millisecond, 400 * time.Millisecond, time.Second, 1500 * time.Millisecond, 2500 * time.Millisecond, 4 * time.Second} {
		behind(5)
		node, err := StartNode(n, late, "test", log)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(run)
		if err := node.Stop(); err != nil {
			t.Errorf("after %s: %v", run, err)
		}
	}
	behind(5)
	node, err := StartNode(n, late, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	r.Nodes = append(r.Nodes, node)
	if err := WaitProvable(ctx, r.Nodes[0].Status().GetStateHeight()+2, n.URLs()...); err != nil {
		t.Fatal(err)
	}
}

// TestHaltIsLogged: when two of four operators are down, the log of the others says so,
// by name, and that the node is not ready; and it says when that is over.
func TestHaltIsLogged(t *testing.T) {
	t.Setenv("HULLMARKD_HTTP_READY_MAX_AGE", "2s")
	n, log := four(t), new(lines)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	until := func(text string) {
		t.Helper()
		for !log.contains(text) {
			select {
			case <-ctx.Done():
				t.Fatalf("the log lacks %q: %s", text, log.String())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	r := &Running{Network: n}
	defer func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}()
	for i := range n.Nodes {
		to := io.Discard
		if i == 0 {
			to = log
		}
		node, err := StartNode(n, i, "test", to)
		if err != nil {
			t.Fatal(err)
		}
		r.Nodes = append(r.Nodes, node)
	}
	until("level=INFO msg=ready")
	for _, operator := range []string{"operator-1", "operator-2", "operator-3"} {
		until(`level=INFO msg="peer gained" operator=` + operator)
	}
	const down = 2
	for _, node := range r.Nodes[down:] {
		if err := node.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	r.Nodes = r.Nodes[:down]
	until(`level=WARN msg="not ready" reason="the newest block is `)
	for i := down; i < len(n.Nodes); i++ {
		node, err := StartNode(n, i, "test", io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		r.Nodes = append(r.Nodes, node)
	}
	until("level=INFO msg=ready after=")
	log.errors(t)
}
