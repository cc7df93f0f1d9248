package abci

import (
	"fmt"
	"runtime/debug"
)

// stopped is what die panics with: the reason has been reported.
type stopped struct{ error }

// die reports an error of the node's own and does not return. The panic keeps the
// engine from going on with an answer that was never given; the process is to end
// meanwhile (Options.Fatal).
func (a *Application) die(err error) {
	a.log.Error("stopping: the application cannot go on", "err", err)
	a.fatal(err)
	panic(stopped{err})
}

// guard is deferred in every ABCI method. CometBFT survives a panic of the
// application in ways that leave a process which answers but takes no part in
// consensus; a node must stop instead and be restarted by its supervisor.
func (a *Application) guard(method string) {
	r := recover()
	if r == nil {
		return
	}
	if _, reported := r.(stopped); !reported {
		err := fmt.Errorf("application panicked in %s: %v", method, r)
		a.log.Error("stopping: the application panicked", "method", method, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		a.fatal(err)
	}
	panic(r)
}
