package nettest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Logs collects what the nodes log and shows it when the test fails.
type Logs struct {
	mu   sync.Mutex
	b    strings.Builder
	said map[int]*strings.Builder // per node, since it was asked for
}

// NewLogs returns an empty collection.
func NewLogs(t testing.TB) *Logs {
	l := &Logs{said: make(map[int]*strings.Builder)}
	t.Cleanup(func() {
		if t.Failed() {
			l.mu.Lock()
			defer l.mu.Unlock()
			t.Log(l.b.String())
		}
	})
	return l
}

// Count returns how many lines of a node's log hold every one of some texts.
func (l *Logs) Count(node int, texts ...string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count := 0
	for line := range strings.Lines(l.b.String()) {
		if strings.HasPrefix(line, prefix(node)) && !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			count++
		}
	}
	return count
}

func prefix(node int) string { return fmt.Sprintf("node%d: ", node) }

// Of returns the log of one node.
func (l *Logs) Of(node int) io.Writer { return &nodeLog{l, node} }

// Said returns what a node has logged since it was asked for last.
func (l *Logs) Said(node int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.said[node]
	delete(l.said, node)
	if b == nil {
		return ""
	}
	return b.String()
}

type nodeLog struct {
	*Logs
	node int
}

// Write implements io.Writer.
func (l *nodeLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.said[l.node] == nil {
		l.said[l.node] = new(strings.Builder)
	}
	l.said[l.node].Write(b)
	l.b.WriteString(prefix(l.node))
	return l.b.Write(b)
}
