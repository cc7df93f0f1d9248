package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// serve serves a handler on a free port of loopback until done is called.
func serve(h http.Handler) (url string, done func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("couldn't serve: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	return "http://" + l.Addr().String(), func() {
		_ = server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			panic(err) // nothing else ends it
		}
	}, nil
}
