package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// progressInterval is how often progress is reported.
const progressInterval = 5 * time.Second

// each calls work for the numbers from 0 to before n, some of them at the same time,
// and says how far it is and how long the rest will take. The first error ends it.
func each(ctx context.Context, log io.Writer, what string, n, workers int, work func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := work(ctx, i); err != nil {
					cancel(err)
					return
				}
				done.Add(1)
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	began := time.Now()
	for {
		select {
		case <-finished:
			say(log, "%s: %d of %d in %s", what, done.Load(), n, time.Since(began).Round(100*time.Millisecond))
			if int(done.Load()) < n {
				return context.Cause(ctx)
			}
			return nil
		case <-time.After(progressInterval):
			took := time.Since(began)
			if d := done.Load(); d > 0 {
				left := time.Duration(float64(took) / float64(d) * float64(int64(n)-d))
				say(log, "%s: %d of %d, %.0f/s, about %s left", what, d, n, float64(d)/took.Seconds(), left.Round(time.Second))
			}
		}
	}
}

// say writes a line for people.
func say(log io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(log, format+"\n", args...) // nobody may be listening
}

// final is an error that waiting does not help against.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// until asks again and again until there is a yes, or a final error.
func until(ctx context.Context, patience time.Duration, what string, condition func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil || errors.As(err, new(final)) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("couldn't wait until %s: %w", what, errors.Join(ctx.Err(), err))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
