package main

import (
	"context"
	"sync"
	"time"
)

// limitedContext ends after a time that does not pass while a person is asked for
// something: how fast somebody types says nothing about nodes.
type limitedContext struct {
	context.Context
	done chan struct{}
	stop func() bool // of the watch on the parent

	mu    sync.Mutex
	err   error
	timer *time.Timer
	left  time.Duration
	since time.Time // when the time began to pass
}

// withLimit returns a context that ends after d, or with its parent.
func withLimit(parent context.Context, d time.Duration) *limitedContext {
	l := &limitedContext{Context: parent, done: make(chan struct{}), left: d, since: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(d, func() { l.end(context.DeadlineExceeded) })
	l.stop = context.AfterFunc(parent, func() { l.end(parent.Err()) })
	return l
}

// Deadline implements context.Context. When it ends is not known beforehand.
func (l *limitedContext) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (l *limitedContext) Done() <-chan struct{} { return l.done }

// Err implements context.Context.
func (l *limitedContext) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *limitedContext) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
		close(l.done)
	}
}

// close gives up what the context holds.
func (l *limitedContext) close() {
	l.stop()
	l.timer.Stop()
	l.end(context.Canceled)
}

// pause stops the time until resume is called.
func (l *limitedContext) pause() (resume func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.timer.Stop() {
		return func() {} // it is over
	}
	l.left -= time.Since(l.since)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.since = time.Now()
		l.timer.Reset(max(l.left, 0))
	}
}
