package testnet

import (
	"fmt"
	"net"
	"testing"
)

// TestReservePorts: no port is given twice, whatever the lowest one asked for, and
// another process sees which blocks are taken.
func TestReservePorts(t *testing.T) {
	taken := make(map[int]bool)
	for _, from := range []int{FirstPort, 26656, FirstPort, 26656} {
		first, err := ReservePorts(from)
		if err != nil {
			t.Fatal(err)
		}
		if first < from || first+BlockSize > lastPort {
			t.Errorf("ports from %d, asked for %d or more", first, from)
		}
		for port := first; port < first+BlockSize; port++ {
			if taken[port] {
				t.Errorf("port %d was given twice", port)
			}
			taken[port] = true
		}
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first-1)); err == nil {
			_ = l.Close()
			t.Errorf("nothing keeps other processes from the ports from %d on", first)
		}
	}
}
