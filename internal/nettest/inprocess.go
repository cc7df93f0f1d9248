package nettest

import (
	"testing"

	"hullmark/app"
	"hullmark/internal/testnet"
)

// InProcess is a network whose nodes run in this process.
type InProcess struct {
	*Network
	Running *testnet.Running
	Logs    *Logs
	// Down are the nodes that do not run, or run elsewhere.
	Down map[int]bool
}

// RunInProcess starts every node and waits until each proves its first state.
func RunInProcess(t testing.TB, n *Network) *InProcess {
	t.Helper()
	p := Prepare(t, n)
	for i := range n.Nodes {
		p.Restart(i)
	}
	p.Begin()
	return p
}

// Prepare starts no node yet: use Restart for those that shall run.
func Prepare(t testing.TB, n *Network) *InProcess {
	t.Helper()
	p := &InProcess{
		Network: n, Logs: NewLogs(t), Down: make(map[int]bool),
		Running: &testnet.Running{Network: n.Network, Nodes: make([]*app.Node, len(n.Nodes))},
	}
	for i := range n.Nodes {
		p.Down[i] = true
	}
	return p
}

// Begin waits until each node that runs proves its first state, and takes the
// trust anchor from one of them.
func (p *InProcess) Begin() {
	p.T.Helper()
	for i, node := range p.Running.Nodes {
		if p.Down[i] {
			continue
		}
		p.Provable(1, i)
		if p.Anchor != nil {
			continue
		}
		var err error
		if p.Anchor, err = node.Anchor(); err != nil {
			p.T.Fatal(err)
		}
	}
}

// StopAll stops what runs, and checks what the nodes leave on disk.
func (p *InProcess) StopAll() {
	p.T.Helper()
	for i := range p.Nodes {
		if !p.Down[i] {
			p.Stop(i)
		}
	}
	p.CheckStopped()
}

// Stop stops a node in order.
func (p *InProcess) Stop(i int) {
	p.T.Helper()
	p.Down[i] = true
	if err := p.Running.Nodes[i].Stop(); err != nil {
		p.T.Fatalf("couldn't stop node %d: %v", i, err)
	}
}

// Restart starts a node that does not run.
func (p *InProcess) Restart(i int) {
	p.T.Helper()
	node, err := testnet.StartNode(p.Network.Network, i, "test", p.Logs.Of(i))
	if err != nil {
		p.T.Fatal(err)
	}
	p.Running.Nodes[i] = node
	p.Down[i] = false
}
