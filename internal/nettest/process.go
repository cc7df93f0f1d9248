package nettest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hullmark/app"
)

// Processes is a network each of whose nodes runs in a process of its own.
type Processes struct {
	*Network
	// Binary is the hullmarkd they run.
	Binary string
	Logs   *Logs

	nodes []*process
}

type process struct {
	cmd  *exec.Cmd
	done chan error
}

// NewProcesses builds hullmarkd for the nodes of a network and starts none.
// Processes that are left when the test ends are killed.
func NewProcesses(t testing.TB, n *Network) *Processes {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "hullmarkd")
	build := exec.Command("go", "build", "-o", binary, "hullmark/cmd/hullmarkd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("couldn't build hullmarkd: %v\n%s", err, out)
	}
	p := &Processes{Network: n, Binary: binary, Logs: NewLogs(t), nodes: make([]*process, len(n.Nodes))}
	t.Cleanup(func() {
		for _, node := range p.nodes {
			if node != nil {
				_ = node.cmd.Process.Kill() // also ends what is paused
				t.Logf("ended what was left: %v", <-node.done)
			}
		}
	})
	return p
}

// StartAll starts every node and waits until each proves its first state.
func (p *Processes) StartAll() {
	p.T.Helper()
	for i := range p.Nodes {
		p.Start(i)
	}
	for i := range p.Nodes {
		p.Provable(1, i)
	}
	var err error
	if p.Anchor, err = app.FetchAnchor(p.Context(), p.Nodes[0].Home, p.Nodes[0].URL); err != nil {
		p.T.Fatal(err)
	}
}

// Start starts a node, with more environment variables.
func (p *Processes) Start(i int, env ...string) {
	p.T.Helper()
	cmd := exec.Command(p.Binary, "start", "--home", string(p.Nodes[i].Home))
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = p.Logs.Of(i)
	if err := cmd.Start(); err != nil {
		p.T.Fatal(err)
	}
	node := &process{cmd: cmd, done: make(chan error, 1)}
	go func() { node.done <- cmd.Wait() }()
	p.nodes[i] = node
}

// Signal sends a signal to a node: SIGKILL, SIGTERM, SIGSTOP, SIGCONT.
func (p *Processes) Signal(i int, s syscall.Signal) {
	p.T.Helper()
	if err := p.nodes[i].cmd.Process.Signal(s); err != nil {
		p.T.Fatalf("couldn't send %v to node %d: %v", s, i, err)
	}
}

// Memory returns how many bytes of memory a node holds, and false where the system
// does not say.
func (p *Processes) Memory(i int) (uint64, bool) {
	p.T.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.nodes[i].cmd.Process.Pid))
	if err != nil {
		return 0, false
	}
	var size, resident uint64
	if _, err := fmt.Sscan(string(b), &size, &resident); err != nil {
		p.T.Fatalf("couldn't read memory of node %d: %v", i, err)
	}
	return resident * uint64(os.Getpagesize()), true
}

// PID returns the process of a node that runs.
func (p *Processes) PID(i int) (int, bool) {
	if p.nodes[i] == nil {
		return 0, false
	}
	return p.nodes[i].cmd.Process.Pid, true
}

// Kill ends a node at once and waits until it has ended.
func (p *Processes) Kill(i int) {
	p.T.Helper()
	p.Signal(i, syscall.SIGKILL)
	if code := p.Ended(i); code != -1 {
		p.T.Fatalf("node %d ended with %d instead of being killed", i, code)
	}
}

// Running reports whether a node was started and has not ended.
func (p *Processes) Running(i int) bool {
	node := p.nodes[i]
	if node == nil {
		return false
	}
	select {
	case err := <-node.done:
		node.done <- err // for Ended
		return false
	default:
		return true
	}
}

// End kills a node that may have ended already, and waits until it has.
func (p *Processes) End(i int) {
	p.T.Helper()
	_ = p.nodes[i].cmd.Process.Kill() // fails when it has
	p.Ended(i)
}

// Ended waits for the end of a node and returns its exit code, or -1 when it was
// killed.
func (p *Processes) Ended(i int) int {
	p.T.Helper()
	select {
	case err := <-p.nodes[i].done:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			p.T.Fatal(err)
		}
		p.nodes[i] = nil
		if exit == nil {
			return 0
		}
		return exit.ExitCode()
	case <-time.After(Patience):
		p.T.Fatalf("node %d does not end", i)
		return 0
	}
}

// StopAll ends every node that runs in order, and checks what they leave on disk.
func (p *Processes) StopAll() {
	p.T.Helper()
	for i, node := range p.nodes {
		if node == nil {
			continue
		}
		p.Signal(i, syscall.SIGTERM)
		if code := p.Ended(i); code != 0 {
			p.T.Errorf("node %d ended with %d", i, code)
		}
	}
	p.CheckStopped()
}
