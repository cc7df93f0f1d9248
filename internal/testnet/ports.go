package testnet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
)

// BlockSize is how many ports ReservePorts gives: more than the default ports of a
// node span.
const BlockSize = 50

// The ports that are given out: above those of well-known services, and below those
// the system chooses for connections (from 32768 on Linux), so that no connection
// takes one between the moment it is found free and the moment a node listens on it.
const (
	FirstPort = 10_000
	lastPort  = 32_700
)

// reservations are the listeners that keep blocks from other processes.
var reservations struct {
	sync.Mutex
	held []net.Listener
}

// ReservePorts returns the first of BlockSize consecutive ports, none below from,
// that nobody listens on and no other call returns while this process lives. The
// port before the first one is listened on until then: it says to other processes
// that the block is taken.
func ReservePorts(from int) (first int, err error) {
	reservations.Lock()
	defer reservations.Unlock()
	// Blocks begin at the same ports whatever the caller's lowest one is, so that two
	// blocks are the same or have no port in common.
	skip := max(0, (from-FirstPort+BlockSize)/(BlockSize+1))
	blocks := (lastPort-FirstPort)/(BlockSize+1) - skip
	for i := range blocks {
		// Processes that start together begin at different places.
		guard := FirstPort + (skip+(os.Getpid()*7+i)%blocks)*(BlockSize+1)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", guard))
		if err != nil {
			continue
		}
		if !allFree(guard+1, BlockSize) {
			_ = l.Close()
			continue
		}
		reservations.held = append(reservations.held, l)
		return guard + 1, nil
	}
	return 0, errors.New("couldn't find free ports: every block has one in use")
}

// allFree reports whether nobody listens on any of count ports, on any address.
func allFree(first, count int) bool {
	for port := first; port < first+count; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}

// checkPorts reports a port that somebody listens on, of a network that is to run on this
// machine on ports its maker chose.
func (o Options) checkPorts() error {
	if o.Hostname != "" || o.Ports == (Ports{}) {
		return nil
	}
	for i := range o.Validators {
		for _, port := range []int{o.Ports.P2P, o.Ports.RPC, o.Ports.HTTP} {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+i*portStep))
			if err != nil {
				return fmt.Errorf("couldn't use port %d of node %d: %w", port+i*portStep, i, err)
			}
			_ = l.Close()
		}
	}
	return nil
}

// FreePorts returns the first port of a network of so many validators, above the one
// given, at which its nodes can listen, and false if there is none.
func FreePorts(validators, above int) (int, bool) {
	const step = 1000
	for first := above + step; first < lastPort; first += step {
		if (Options{Validators: validators, Ports: PortsFrom(first)}).checkPorts() == nil {
			return first, true
		}
	}
	return 0, false
}
