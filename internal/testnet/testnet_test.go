package testnet

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"hullmark/app"
)

// TestFourNodes starts a network and waits for state that can be proven by all.
func TestFourNodes(t *testing.T) {
	n, err := Create(Options{
		Dir: t.TempDir(), Name: "test", Validators: 4, Namespaces: []string{"localhost:5000"},
		GenesisTime: time.Now(), TimeoutCommit: 100 * time.Millisecond,
		Log: app.LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(n, "test", func(i int) io.Writer { return &prefixed{t, fmt.Sprintf("node%d ", i)} })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for _, node := range n.Nodes {
		if err := WaitProvable(ctx, 1, node.URL); err != nil {
			t.Fatal(err)
		}
	}
}

type prefixed struct {
	t      *testing.T
	prefix string
}

func (p *prefixed) Write(b []byte) (int, error) { return fmt.Fprintf(os.Stderr, "%s%s", p.prefix, b) }
