package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestLimitPauses checks that a person's time is not counted, and a node's is.
func TestLimitPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := withLimit(t.Context(), time.Minute)
		defer l.close()
		child, cancel := context.WithCancel(l)
		defer cancel()
		time.Sleep(40 * time.Second)
		resume := l.pause()
		time.Sleep(time.Hour)
		resume()
		time.Sleep(19 * time.Second)
		if l.Err() != nil {
			t.Fatalf("ended early: %v", l.Err())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !errors.Is(l.Err(), context.DeadlineExceeded) || !errors.Is(child.Err(), context.DeadlineExceeded) {
			t.Errorf("after its time: %v, a child: %v", l.Err(), child.Err())
		}
		l.pause()() // changes nothing any more
		if !errors.Is(l.Err(), context.DeadlineExceeded) {
			t.Errorf("after another pause: %v", l.Err())
		}
	})
}

// TestLimitEndsWithParent checks that Ctrl-C is not taken for a time-out.
func TestLimitEndsWithParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, cancel := context.WithCancel(t.Context())
		l := withLimit(parent, time.Minute)
		defer l.close()
		cancel()
		<-l.Done()
		if !errors.Is(l.Err(), context.Canceled) {
			t.Errorf("error %v", l.Err())
		}
	})
}
