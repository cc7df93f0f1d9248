package app

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// sharedBuffer is written by several goroutines.
type sharedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sharedBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *sharedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestPanicsAreLogged: a request that panics, as over data that cannot be read, is an error in
// the log, and others are answered.
func TestPanicsAreLogged(t *testing.T) {
	log := new(sharedBuffer)
	s, err := newServer(serverOptions{address: "127.0.0.1:0", connections: 10}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/damaged":
			panic("cannot decode")
		case "/aborted":
			panic(http.ErrAbortHandler)
		}
	}), slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo})))
	if err != nil {
		t.Fatal(err)
	}
	s.start(func(err error) { t.Error(err) })
	defer func() {
		if err := s.stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	for path, answered := range map[string]bool{"/damaged": false, "/aborted": false, "/fine": true} {
		res, err := http.Get("http://" + s.address() + path)
		if err == nil {
			_ = res.Body.Close()
		}
		if (err == nil) != answered {
			t.Errorf("%s: %v", path, err)
		}
	}
	text := log.String()
	if strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "/damaged") || !strings.Contains(text, "cannot decode") || !strings.Contains(text, "server_test.go") {
		t.Errorf("log: %s", text)
	}
}
