package liar

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Server is a liar on a port of its own.
type Server struct {
	// URL of the server, as a client's configuration names it.
	URL  string
	http *http.Server
	done chan error
}

// Serve makes the liar listen on an address; "127.0.0.1:0" chooses a free port.
func (l *Liar) Serve(address string) (*Server, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("couldn't serve lies: %w", err)
	}
	s := &Server{
		URL:  "http://" + listener.Addr().String(),
		http: &http.Server{Handler: l, ReadHeaderTimeout: 10 * time.Second},
		done: make(chan error, 1),
	}
	go func() { s.done <- s.http.Serve(listener) }()
	return s, nil
}

// Close ends the server and every answer under way.
func (s *Server) Close() error {
	err := s.http.Close()
	if served := <-s.done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("couldn't stop serving lies: %w", err)
	}
	return nil
}
