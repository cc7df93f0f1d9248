package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"

	"hullmark/app/admission"
	"hullmark/printable"
)

// server is one HTTP listener. It listens from the moment it is made, so that a
// taken port or a bad certificate stops the start.
type server struct {
	http     *http.Server
	listener net.Listener
	limits   *admission.Listener
	done     chan struct{}
	// cancel ends waiting requests; handlers counts those that run.
	cancel   context.CancelFunc
	handlers sync.WaitGroup
}

// maxHeaderBytes bounds the header of a request. A look-up names up to 64 files that
// its client holds.
const maxHeaderBytes = 16 << 10

// serverOptions say how a server is reached.
type serverOptions struct {
	address string
	// connections is how many may be open at once.
	connections int
	// unlimited gives one address all of them.
	unlimited bool
	proxies   admission.Proxies
	tls       *tls.Config // nil for plain text
}

func newServer(o serverOptions, handler http.Handler, log *slog.Logger) (*server, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{done: make(chan struct{}), cancel: cancel}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Done()
		defer reportPanic(log, r)
		handler.ServeHTTP(w, r)
	})
	s.http = &http.Server{
		Handler: counted, BaseContext: func(net.Listener) context.Context { return ctx }, ReadHeaderTimeout: admission.ReadTime, ReadTimeout: admission.ReadTime,
		WriteTimeout: admission.AnswerTime, IdleTimeout: admission.IdleTime, MaxHeaderBytes: maxHeaderBytes,
		TLSConfig: o.tls,
		// What goes wrong on a connection is the doing of whoever is at its other end.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	l, err := net.Listen("tcp", o.address)
	if err != nil {
		return nil, fmt.Errorf("couldn't listen: %w", err)
	}
	s.limits = admission.NewListener(l, o.connections, o.proxies, o.unlimited)
	s.http.ConnState = s.limits.ConnState
	s.listener = s.limits
	if s.http.TLSConfig != nil {
		s.listener = tls.NewListener(s.listener, s.http.TLSConfig)
	}
	return s, nil
}

// reportPanic logs what a handler has panicked with, and cuts its connection. The engine's
// stores panic on data they cannot decode; net/http would report that as a fault of the
// client's request.
func reportPanic(log *slog.Logger, r *http.Request) {
	switch p := recover(); p {
	case nil:
	case http.ErrAbortHandler:
		panic(p)
	default:
		log.Error("a request has panicked", "path", printable.Clip(r.URL.Path, maxLogged), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		panic(http.ErrAbortHandler)
	}
}

func (s *server) address() string { return s.listener.Addr().String() }

// start serves until stop; any other end is reported.
func (s *server) start(failed func(error)) {
	go func() {
		defer close(s.done)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			failed(fmt.Errorf("couldn't go on serving HTTP: %w", err))
		}
	}()
}

// stop ends the server. Requests that wait for a block are told to come again;
// others have until ctx is done, then their connections are cut. It returns when
// no handler runs any more, so that what handlers use can be closed.
func (s *server) stop(ctx context.Context) error {
	s.cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	err = errors.Join(err, s.closeListener())
	s.handlers.Wait()
	return err
}

// closeListener releases the port of a server that was never started too.
func (s *server) closeListener() error {
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
