package nettest

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cometbft/cometbft/p2p"
)

// Links stand between the nodes of a network and carry what they say to each
// other, or do not.
type Links struct {
	n *Network

	mu      sync.Mutex
	changed *sync.Cond
	states  map[[2]int]linkState
	conns   map[[2]int]map[net.Conn]bool
}

type linkState int

const (
	linkOpen    linkState = iota
	linkCut               // connections are closed and refused
	linkStalled           // connections stay open and carry nothing
)

// Interpose puts links between all nodes, none of which may run yet.
func (n *Network) Interpose() *Links {
	n.T.Helper()
	l := &Links{n: n, states: make(map[[2]int]linkState), conns: make(map[[2]int]map[net.Conn]bool)}
	l.changed = sync.NewCond(&l.mu)
	n.T.Cleanup(func() {
		l.set(func(int, int) linkState { return linkCut }) // ends what still copies
	})
	index := make(map[string]int) // by address
	for i := range n.Nodes {
		index[strings.TrimPrefix(n.EngineConfig(i).P2P.ListenAddress, "tcp://")] = i
	}
	for i, node := range n.Nodes {
		peers := n.EngineConfig(i).P2P.PersistentPeers
		var through []string
		for peer := range strings.SplitSeq(peers, ",") {
			address, err := p2p.NewNetAddressString(peer)
			if err != nil {
				n.T.Fatal(err)
			}
			j, ok := index[address.DialString()]
			if !ok {
				n.T.Fatalf("nobody listens on %s", address.DialString())
			}
			through = append(through, fmt.Sprintf("%s@%s", address.ID, l.listen(i, j, address.DialString())))
		}
		Edit(n.T, filepath.Join(string(node.Home), "config", "config.toml"),
			fmt.Sprintf("persistent_peers = %q", peers), fmt.Sprintf("persistent_peers = %q", strings.Join(through, ",")))
	}
	return l
}

// listen takes connections from i for j and returns where.
func (l *Links) listen(i, j int, target string) string {
	l.n.T.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.n.T.Fatal(err)
	}
	l.n.T.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(pair(i, j), c, target)
		}
	}()
	return listener.Addr().String()
}

func pair(i, j int) [2]int { return [2]int{min(i, j), max(i, j)} }

// carry copies both ways until either side or the link ends it.
func (l *Links) carry(link [2]int, from net.Conn, target string) {
	if !l.add(link, from) {
		return
	}
	defer l.drop(link, from)
	to, err := net.Dial("tcp", target)
	if err != nil || !l.add(link, to) {
		return
	}
	defer l.drop(link, to)
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(&carrier{l, link, way[1]}, way[0])
			done <- struct{}{}
		}()
	}
	<-done
}

// add notes a connection, or closes it when the link is cut.
func (l *Links) add(link [2]int, c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.states[link] == linkCut {
		_ = c.Close()
		return false
	}
	if l.conns[link] == nil {
		l.conns[link] = make(map[net.Conn]bool)
	}
	l.conns[link][c] = true
	return true
}

func (l *Links) drop(link [2]int, c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns[link], c)
	_ = c.Close()
}

// carrier writes while its link carries.
type carrier struct {
	l    *Links
	link [2]int
	to   net.Conn
}

// Write implements io.Writer.
func (c *carrier) Write(b []byte) (int, error) {
	c.l.mu.Lock()
	for c.l.states[c.link] == linkStalled {
		c.l.changed.Wait()
	}
	c.l.mu.Unlock()
	return c.to.Write(b)
}

func (l *Links) set(state func(i, j int) linkState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.n.Nodes {
		for j := range i {
			link := pair(i, j)
			l.states[link] = state(i, j)
			if l.states[link] == linkCut {
				for c := range l.conns[link] {
					_ = c.Close()
				}
			}
		}
	}
	l.changed.Broadcast()
}

// Split cuts the links between a group of nodes and the others.
func (l *Links) Split(group ...int) { l.divide(linkCut, group) }

// Stall leaves connections between a group and the others open and lets nothing
// through, as a network does that loses every packet.
func (l *Links) Stall(group ...int) { l.divide(linkStalled, group) }

func (l *Links) divide(how linkState, group []int) {
	in := make(map[int]bool)
	for _, i := range group {
		in[i] = true
	}
	l.set(func(i, j int) linkState {
		if in[i] != in[j] {
			return how
		}
		return linkOpen
	})
}

// Heal opens all links.
func (l *Links) Heal() { l.set(func(int, int) linkState { return linkOpen }) }
