package ledger

import (
	"container/list"
	"errors"
	"sync"
)

// errAbandoned is what those get who waited for somebody who never finished.
var errAbandoned = errors.New("computation was abandoned")

// memory keeps values that are a function of their keys, newest use first, up to a
// sum of weights. What is computed by one and asked for by others is computed once.
// Forgetting changes nothing but time. It is for any number of goroutines.
type memory[K comparable, V any] struct {
	limit int // less than zero to remember nothing

	mu      sync.Mutex
	entries map[K]*list.Element // of *memorized[K, V]
	order   list.List           // the one used last in front
	size    int
	flights map[K]*flight[V]
}

type memorized[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

// flight is a value that somebody computes.
type flight[V any] struct {
	done  chan struct{} // closed when the rest is set
	value V
	err   error
}

func newMemory[K comparable, V any](limit int) *memory[K, V] {
	return &memory[K, V]{limit: limit, entries: make(map[K]*list.Element), flights: make(map[K]*flight[V])}
}

// peek returns a value that is remembered.
func (m *memory[K, V]) peek(key K) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.look(key)
}

// look is peek under the lock.
func (m *memory[K, V]) look(key K) (value V, ok bool) {
	e, ok := m.entries[key]
	if !ok {
		return value, false
	}
	m.order.MoveToFront(e)
	return e.Value.(*memorized[K, V]).value, true
}

// get returns the value of a key, which compute makes, with its weight, if it is not
// remembered or holds no more.
func (m *memory[K, V]) get(key K, holds func(V) bool, compute func() (V, int, error)) (V, error) {
	if m.limit < 0 {
		v, _, err := compute()
		return v, err
	}
	m.mu.Lock()
	for {
		if v, ok := m.look(key); ok && holds(v) {
			m.mu.Unlock()
			return v, nil
		}
		f, ok := m.flights[key]
		if !ok {
			break
		}
		m.mu.Unlock()
		<-f.done
		if f.err == nil && holds(f.value) {
			return f.value, nil
		}
		m.mu.Lock()
	}
	f := &flight[V]{done: make(chan struct{}), err: errAbandoned}
	m.flights[key] = f
	m.mu.Unlock()
	weight := 0
	defer func() { // also when it panics: those who wait go on
		m.mu.Lock()
		delete(m.flights, key)
		if f.err == nil {
			m.add(key, f.value, weight)
		}
		m.mu.Unlock()
		close(f.done)
	}()
	f.value, weight, f.err = compute()
	return f.value, f.err
}

// put remembers a value.
func (m *memory[K, V]) put(key K, v V, weight int) {
	if m.limit < 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.add(key, v, weight)
}

// add remembers a value and forgets what was used longest ago. The newest value
// stays, whatever it weighs.
func (m *memory[K, V]) add(key K, v V, weight int) {
	if e, ok := m.entries[key]; ok {
		m.forget(e)
	}
	m.entries[key] = m.order.PushFront(&memorized[K, V]{key, v, weight})
	m.size += weight
	for m.size > m.limit && m.order.Len() > 1 {
		m.forget(m.order.Back())
	}
}

func (m *memory[K, V]) forget(e *list.Element) {
	old := m.order.Remove(e).(*memorized[K, V])
	delete(m.entries, old.key)
	m.size -= old.weight
}

// always holds for values that nothing can make wrong.
func always[V any](V) bool { return true }
