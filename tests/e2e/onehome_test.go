package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/nettest"
)

// oneHome has jobs publish at once from one home, each with a process's view of it, while
// others read there. Everybody gets through, and who has published finds it at once.
func oneHome(t *testing.T, p *nettest.InProcess) {
	const jobs, readers = 12, 2
	dir := t.TempDir()
	// process is what another process in the home begins with.
	process := func() (*client.Client, error) {
		home, err := client.OpenHome(dir)
		if err != nil {
			return nil, err
		}
		return client.New(client.Options{Nodes: p.URLs(), Store: home})
	}
	// means checks what one more process is told of a tag.
	means := func(pub *nettest.Publisher, tag string) error {
		c, err := process()
		if err != nil {
			return err
		}
		r, _, _, err := c.Resolve(p.Context(), pub.Ask(tag))
		if err == nil && r.Digest != fixture.Digest(tag) {
			err = fmt.Errorf("%s means %s", pub.Ask(tag), r.Digest)
		}
		return err
	}
	home, err := client.OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	anchor, err := p.Anchor.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home.ImportAnchor(p.Context(), anchor, time.Now()); err != nil {
		t.Fatal(err)
	}
	pub := p.Publisher("registry.example.com/onehome")
	c, err := process()
	if err != nil {
		t.Fatal(err)
	}
	pub.Register(c)
	pub.Publish(c, "stable", "stable")

	var publishing, reading sync.WaitGroup
	over := make(chan struct{})
	for range readers {
		reading.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := means(pub, "stable"); err != nil {
					t.Errorf("reader: %v", err)
					return
				}
			}
		})
	}
	for i := range jobs {
		publishing.Go(func() {
			tag := fmt.Sprintf("v%d", i)
			c, err := process()
			if err != nil {
				t.Error(err)
				return
			}
			published, err := c.Publish(p.Context(), pub.Publication(tag, tag))
			if err != nil {
				t.Errorf("job %d: %v", i, err)
				return
			}
			for _, w := range published.Warnings {
				if client.ClassOf(w.Err) >= bundle.Stale {
					t.Errorf("job %d: warning: %v", i, w)
				}
			}
			if err := means(pub, tag); err != nil {
				t.Errorf("job %d: what was published: %v", i, err)
			}
		})
	}
	publishing.Wait()
	close(over)
	reading.Wait()
}
