package testnet

import (
	"bytes"
	"context"
	"io"
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

// TestQuietRestarts stops and starts four nodes together. Nothing is wrong with them, so
// no line is one of level error.
func TestQuietRestarts(t *testing.T) {
	n, err := Create(Options{
		Dir: t.TempDir(), Name: "test", Validators: 4, Namespaces: []string{"localhost:5000"},
		GenesisTime: time.Now(), TimeoutCommit: 100 * time.Millisecond,
		Log: app.LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
	})
	if err != nil {
		t.Fatal(err)
	}
	log := new(lines)
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
	for line := range strings.Lines(log.b.String()) {
		if strings.Contains(line, "level=ERROR") {
			t.Error(line)
		}
	}
}
