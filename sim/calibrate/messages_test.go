package calibrate

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/p2p/conn"
)

// messages is what carrying messages between two nodes takes, both ends together.
type messages struct {
	// each is a message of the size of a vote, in a burst; alone is one with nothing
	// behind it; perByte is what the size adds.
	each, alone Spread
	perByte     float64
}

// measureMessages sends messages over an encrypted connection on loopback, as the
// engine does.
func measureMessages(rate int64) (*messages, error) {
	l, err := newLine(rate)
	if err != nil {
		return nil, err
	}
	defer l.close()
	const small, large = 200, 16 << 10
	out := new(messages)
	if out.each, err = cpuOf(3000, func() error { return l.send(3000, small) }); err != nil {
		return nil, err
	}
	big, err := cpuOf(200, func() error { return l.send(200, large) })
	if err != nil {
		return nil, err
	}
	out.perByte = max(0, big.Median-out.each.Median) / (large - small)
	out.alone, err = cpuOf(50, times(50, func() error { return l.send(1, small) }))
	return out, err
}

// line is an encrypted connection between two nodes.
type line struct {
	from, to *conn.MConnection
	mu       sync.Mutex
	got      int
	arrived  chan struct{}
}

const channel = 0x30

func newLine(rate int64) (*line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("couldn't connect: %w", err)
	}
	defer func() { _ = listener.Close() }()
	type end struct {
		c   *conn.SecretConnection
		err error
	}
	accepted := make(chan end, 1)
	secure := func(c net.Conn, err error) end {
		if err != nil {
			return end{nil, err}
		}
		s, err := conn.MakeSecretConnection(c, ed25519.GenPrivKey())
		return end{s, err}
	}
	go func() { accepted <- secure(listener.Accept()) }()
	a := secure(net.Dial("tcp", listener.Addr().String()))
	b := <-accepted
	if err := errors.Join(a.err, b.err); err != nil {
		return nil, fmt.Errorf("couldn't connect: %w", err)
	}
	l := &line{arrived: make(chan struct{}, 1)}
	config := conn.DefaultMConnConfig()
	config.SendRate, config.RecvRate = rate, rate
	descriptors := []*conn.ChannelDescriptor{{ID: channel, Priority: 5, SendQueueCapacity: 100, RecvMessageCapacity: 1 << 20}}
	ignore := func(any) {}
	l.from = conn.NewMConnectionWithConfig(a.c, descriptors, func(byte, []byte) {}, ignore, config)
	l.to = conn.NewMConnectionWithConfig(b.c, descriptors, func(byte, []byte) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got++
		select {
		case l.arrived <- struct{}{}:
		default:
		}
	}, ignore, config)
	for _, c := range []*conn.MConnection{l.from, l.to} {
		c.SetLogger(log.NewNopLogger())
		if err := c.Start(); err != nil {
			return nil, fmt.Errorf("couldn't connect: %w", err)
		}
	}
	return l, nil
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got
}

// send returns when n messages of a size have arrived.
func (l *line) send(n, size int) error {
	want := l.count() + n
	message := make([]byte, size)
	for range n {
		if !l.from.Send(channel, message) {
			return errors.New("couldn't send message")
		}
	}
	for l.count() < want {
		select {
		case <-l.arrived:
		case <-time.After(10 * time.Second):
			return errors.New("couldn't receive message: nothing comes")
		}
	}
	return nil
}

func (l *line) close() {
	_ = l.from.Stop()
	_ = l.to.Stop()
}

// TestLine: messages arrive, all of them.
func TestLine(t *testing.T) {
	l, err := newLine(sendRate)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, n := range []int{1, 10} {
		if err := l.send(n, 300); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.count(); got != 11 {
		t.Errorf("%d messages arrived, want 11", got)
	}
}
