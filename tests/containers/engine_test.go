package containers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hullmark/app"
	"hullmark/internal/nettest"
	"hullmark/internal/testnet"
)

// patience bounds one call of docker.
const patience = time.Minute

// root is the directory of the sources.
const root = "../.."

// network is four validators in containers.
type network struct {
	*nettest.Network
	project string
	env     []string
	compose []string // the command, docker compose or docker-compose
}

// missing returns why no containers can be run here, or nothing.
func missing() (compose []string, reason string) {
	run := func(args ...string) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return exec.CommandContext(ctx, args[0], args[1:]...).Run()
	}
	if err := run("docker", "version", "--format", "{{.Server.Version}}"); err != nil {
		return nil, "no Docker Engine answers: " + err.Error()
	}
	for _, compose := range [][]string{{"docker", "compose"}, {"docker-compose"}} {
		if run(append(compose, "version")...) == nil {
			return compose, ""
		}
	}
	return nil, "there is neither docker compose nor docker-compose"
}

// start builds the image and starts the network. Nothing of it is left behind.
func start(t *testing.T) *network {
	t.Helper()
	if testing.Short() {
		t.Skip("runs containers")
	}
	wish := os.Getenv("HULLMARK_DOCKER")
	if wish == "off" {
		t.Skip("HULLMARK_DOCKER is off")
	}
	compose, reason := missing()
	if reason != "" && (wish == "required" || os.Getenv("CI") == "true") {
		t.Fatal(reason)
	}
	if reason != "" {
		t.Skip(reason)
	}
	n, err := testnet.Create(testnet.Options{
		Dir: filepath.Join(t.TempDir(), "net"), Name: "containers", Validators: 4, Namespaces: []string{"registry.example.com"},
		GenesisTime: time.Now(), TimeoutCommit: 100 * time.Millisecond, Hostname: "node%d",
		Log: app.LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := &network{
		project: fmt.Sprintf("hullmark-test-%d", os.Getpid()), compose: compose,
		env: append(os.Environ(), "HULLMARK_NETWORK="+n.Dir, fmt.Sprintf("HULLMARK_USER=%d:%d", os.Getuid(), os.Getgid())),
	}
	image := c.project + ":test"
	c.env = append(c.env, "HULLMARK_IMAGE="+image)
	first, err := testnet.ReservePorts(testnet.FirstPort)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n.Nodes {
		port := first + i
		home := string(n.Nodes[i].Home)
		nettest.Edit(t, filepath.Join(home, "config", "config.toml"), `create_empty_blocks_interval = "5s"`, fmt.Sprintf(`create_empty_blocks_interval = "%s"`, nettest.Idle))
		n.Nodes[i].URL = fmt.Sprintf("http://127.0.0.1:%d", port)
		c.env = append(c.env, fmt.Sprintf("HULLMARK_PORT%d=%d", i, port))
	}
	g, err := app.LoadGenesis(n.Nodes[0].Home)
	if err != nil {
		t.Fatal(err)
	}
	c.Network = &nettest.Network{Network: n, T: t, Genesis: g}

	content := t.TempDir()
	build := exec.Command("go", "build", "-o", content, "./cmd/hullmarkd", "./cmd/hullmark")
	build.Dir, build.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("couldn't build: %v\n%s", err, out)
	}
	t.Cleanup(func() { c.quietly("docker", "image", "rm", "--force", image) })
	c.run("docker", "build", "--quiet", "--tag", image, "--file", filepath.Join(root, "networks/compose/Dockerfile"), content)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the nodes' logs:\n%s", c.quietly(c.composed("logs", "--no-color", "--tail", "60")...))
		}
		c.quietly(c.composed("down", "--volumes", "--timeout", "5")...)
	})
	c.run(c.composed("up", "--detach")...)
	return c
}

// composed is a call of docker compose.
func (c *network) composed(args ...string) []string {
	file := filepath.Join(root, "networks/compose/compose.yaml")
	return append(append([]string{}, c.compose...), append([]string{"--project-name", c.project, "--file", file}, args...)...)
}

func (c *network) try(args ...string) (stdout string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	// What builds images without this variable on older clients and Engines needs a
	// component that they may lack.
	cmd.Env = append(c.env, "DOCKER_BUILDKIT=0")
	var out, failure bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s%s", strings.Join(args, " "), err, &out, &failure)
	}
	return out.String(), nil
}

func (c *network) run(args ...string) string {
	c.T.Helper()
	out, err := c.try(args...)
	if err != nil {
		c.T.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// quietly is for cleaning up, when the test is over.
func (c *network) quietly(args ...string) string {
	out, err := c.try(args...)
	if err != nil {
		c.T.Log(err)
	}
	return out
}

// container returns the id of a node's container.
func (c *network) container(i int) string {
	c.T.Helper()
	id := c.run(c.composed("ps", "--all", "--quiet", fmt.Sprintf("node%d", i))...)
	if id == "" {
		c.T.Fatalf("node %d has no container", i)
	}
	return id
}

// lan returns the name of the network the containers share.
func (c *network) lan() string { return c.project + "_consortium" }
