package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// server is one HTTP listener. It listens from the moment it is made, so that a
// taken port or a bad certificate stops the start.
type server struct {
	http     *http.Server
	listener net.Listener
	done     chan struct{}
	// cancel ends waiting requests; handlers counts those that run.
	cancel   context.CancelFunc
	handlers sync.WaitGroup
}

// Limits of an HTTP connection. A request is at most one transaction; an answer
// may wait for a block.
const (
	readTimeout    = 15 * time.Second
	writeTimeout   = 90 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10

	// maxConnections bounds what strangers can make a node hold open.
	maxConnections = 2048
	// maxLookups and maxSubmits bound the requests of each kind that are worked on
	// at once: a look-up builds a few hundred kilobytes, a submission waits for a
	// block. Those beyond are told to come again.
	maxLookups = 64
	maxSubmits = 256
)

// atMost lets n requests through at once and refuses the rest.
func atMost(n int, h http.HandlerFunc) http.HandlerFunc {
	places := make(chan struct{}, n)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			h(w, r)
		default:
			writeError(w, &apiError{status: http.StatusServiceUnavailable, code: "busy", retry: time.Second,
				message: "the node is busy; ask again, or ask another"})
		}
	}
}

func newServer(address string, c HTTPConfig, handler http.Handler, log *slog.Logger) (*server, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{done: make(chan struct{}), cancel: cancel}
	counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.handlers.Add(1)
		defer s.handlers.Done()
		handler.ServeHTTP(w, r)
	})
	s.http = &http.Server{
		Handler: counted, BaseContext: func(net.Listener) context.Context { return ctx }, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		// What goes wrong on a connection is the doing of whoever is at its other end.
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	if c.CertificateFile != "" {
		if err := checkPrivate(c.KeyFile); err != nil {
			return nil, fmt.Errorf("couldn't load TLS certificate: %w", err)
		}
		pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("couldn't load TLS certificate: %w", err)
		}
		s.http.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("couldn't listen: %w", err)
	}
	s.listener = netutil.LimitListener(limitClients(l, maxConnectionsPerClient), maxConnections)
	if s.http.TLSConfig != nil {
		s.listener = tls.NewListener(s.listener, s.http.TLSConfig)
	}
	return s, nil
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
