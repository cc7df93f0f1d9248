package containers

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hullmark/app"
)

// TestContainers runs four validators in containers. While one is killed, paused or
// cut off, the others take publications and prove them; it comes back each time and
// proves the same.
func TestContainers(t *testing.T) {
	c := start(t)
	c.Provable(1, 0, 1, 2, 3)
	var err error
	if c.Anchor, err = app.FetchAnchor(c.Context(), c.Nodes[0].Home, c.Nodes[0].URL); err != nil {
		t.Fatal(err)
	}
	pub := c.Publisher("registry.example.com/app")
	writer := c.Client(c.URLs()[:3]...)
	pub.Register(writer)
	version := 0
	publish := func() uint64 {
		t.Helper()
		version++
		p := pub.Publish(writer, "latest", fmt.Sprint(version))
		c.Provable(p.Transaction.GetHeight(), 0, 1, 2)
		pub.Means(c.Client(c.URLs()[:3]...), "latest", fmt.Sprint(version))
		return p.Transaction.GetHeight()
	}
	publish()
	c.readOnlyClient("registry.example.com/app:latest")

	const victim = 3
	id := c.container(victim)
	for _, tc := range []struct {
		name        string
		hurt, heal  []string
		unreachable bool
	}{
		{"killed", []string{"docker", "kill", id}, []string{"docker", "start", id}, true},
		{"paused", []string{"docker", "pause", id}, []string{"docker", "unpause", id}, false},
		{
			"cut off", []string{"docker", "network", "disconnect", c.lan(), id},
			[]string{"docker", "network", "connect", "--alias", fmt.Sprintf("node%d", victim), c.lan(), id}, true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c.T = t
			before := c.Status(victim).GetHeight()
			c.run(tc.hurt...)
			height := publish()
			height = max(height, publish())
			if height <= before {
				t.Errorf("height %d, the victim knew %d", height, before)
			}
			if tc.unreachable {
				if _, err := app.FetchStatus(c.Context(), c.Nodes[victim].URL); err == nil {
					t.Error("the victim answers")
				}
			}
			c.run(tc.heal...)
			c.Provable(height, victim)
			pub.Means(c.Client(c.Nodes[victim].URL), "latest", fmt.Sprint(version))
		})
	}
	c.T = t
	c.image()

	// The network goes on with the victim among those who are needed.
	c.run("docker", "stop", c.container(0))
	writer = c.Client(c.URLs()[1:]...)
	c.Provable(pub.Publish(writer, "latest", "last").Transaction.GetHeight(), victim)
	pub.Means(c.Client(c.Nodes[victim].URL), "latest", "last")

	// Stopped in order, each database is whole, and all agree.
	c.run(c.composed("stop")...)
	for i := range c.Nodes {
		if code := c.run("docker", "inspect", "--format", "{{.State.ExitCode}}", c.container(i)); code != "0" {
			t.Errorf("node %d ended with %s", i, code)
		}
	}
	c.CheckStopped()
}

// readOnlyClient verifies in a container that can write nothing, neither its root nor
// the client's home, with the node's own image.
func (c *network) readOnlyClient(name string) {
	c.T.Helper()
	anchor, err := c.Anchor.Encode()
	if err != nil {
		c.T.Fatal(err)
	}
	home := filepath.Join(c.T.TempDir(), "home")
	if err := errors.Join(os.Mkdir(home, 0o700), os.WriteFile(filepath.Join(home, "anchor.json"), anchor, 0o600)); err != nil {
		c.T.Fatal(err)
	}
	hullmark := func(mode string, args ...string) string {
		c.T.Helper()
		return c.run(append([]string{
			"docker", "run", "--rm", "--read-only", "--network", c.lan(), "--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()),
			"--volume", home + ":/trust:" + mode, "--entrypoint", "/hullmark", c.project + ":test", "--home", "/trust",
		}, args...)...)
	}
	hullmark("rw", "trust", "import", "/trust/anchor.json", "--node", "http://node0:26680")
	if out := hullmark("ro", "verify", "--quiet", name); !strings.HasPrefix(out, "registry.example.com/app@sha256:") {
		c.T.Errorf("a client that can write nothing says %q", out)
	}
}

// image checks that the image holds the two static binaries and nothing else. Docker
// adds mount points and what describes the container.
func (c *network) image() {
	c.T.Helper()
	archive, err := c.try("docker", "export", c.container(0))
	if err != nil {
		c.T.Fatal(err)
	}
	var files []string
	for r := tar.NewReader(strings.NewReader(archive)); ; {
		head, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.T.Fatal(err)
		}
		if head.Typeflag == tar.TypeReg && head.Size > 0 {
			files = append(files, head.Name)
		}
	}
	slices.Sort(files)
	if want := []string{"hullmark", "hullmarkd"}; !slices.Equal(files, want) {
		c.T.Errorf("the image holds %q, want %q", files, want)
	}
	if out := c.run("docker", "exec", c.container(0), "/hullmark", "version"); !strings.HasPrefix(out, "hullmark ") {
		c.T.Errorf("%q", out)
	}
}
