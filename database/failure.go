package database

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// failure is the end of a database: the first error that it must not survive. It is
// the logger that Pebble is given, and the listener for what goes wrong behind.
type failure struct {
	path   string
	log    *slog.Logger
	report func(error) // may be nil

	once   sync.Once
	failed chan struct{} // closed by the first error
	reason error         // before failed is closed
}

var _ pebble.Logger = (*failure)(nil)

func newFailure(path string, o Options) *failure {
	return &failure{path: path, log: o.Log, report: o.Fatal, failed: make(chan struct{})}
}

// set ends the database, unless it has ended before.
func (f *failure) set(err error) {
	f.once.Do(func() {
		f.reason = fmt.Errorf("%w: %s: %w", ErrFailed, f.path, err)
		close(f.failed)
		if f.report != nil {
			f.report(f.reason)
		}
	})
}

// err returns why the database has ended, or nil.
func (f *failure) err() error {
	select {
	case <-f.failed:
		return f.reason
	default:
		return nil
	}
}

// background is called when work that no caller waits for has failed. Pebble would
// try again at once, thousands of times a second, while writers wait. It does not
// return: whatever the routine holds stays held, so that nothing goes on.
func (f *failure) background(err error) {
	f.set(err)
	select {}
}

// corruption is called when a table that is being read is damaged. The reader gets an
// error too.
func (f *failure) corruption(i pebble.DataCorruptionInfo) {
	f.set(fmt.Errorf("%w: %s: %w", ErrDamaged, i.Path, i.Details))
}

// panicked is called with what Pebble has panicked with.
func (f *failure) panicked(p any) {
	f.log.Error("the database has panicked", "database", f.path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if err, ok := p.(error); ok {
		f.set(fmt.Errorf("the database has panicked: %w", err))
		return
	}
	f.set(fmt.Errorf("the database has panicked: %v", p))
}

// Infof implements pebble.Logger. Pebble tells about each file that it makes.
func (f *failure) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (f *failure) Errorf(format string, args ...any) {
	f.log.Error("the database reports an error", "database", f.path, "error", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. Pebble relies on it not to return, and holds locks;
// the process is ended by whom the failure was reported to.
func (f *failure) Fatalf(format string, args ...any) {
	w := wrapped{text: fmt.Sprintf(format, args...)}
	for _, a := range args {
		if cause, ok := a.(error); ok && w.cause == nil {
			w.cause = cause
		}
	}
	f.set(w)
	select {}
}

// wrapped is an error whose text has that of its cause already.
type wrapped struct {
	text  string
	cause error // may be nil
}

// Error implements error.
func (w wrapped) Error() string { return w.text }

// Unwrap serves errors.Is and errors.As.
func (w wrapped) Unwrap() error { return w.cause }
