package oci_test

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"hullmark/oci"
	"hullmark/reference"
)

// TestBrokenHandshake: whoever breaks a TLS handshake off and answers in plain HTTP then
// is told nothing. Only an answer in text says that a registry speaks no TLS.
func TestBrokenHandshake(t *testing.T) {
	const unknown = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
	for _, tc := range []struct {
		name, reply string
		clear       bool // that it is asked in clear
	}{
		{"closed", "", false},
		{"alert", "\x15\x03\x03\x00\x02\x02\x28", false},
		{"record of another version", "\x16\x09\x09\x00\x02\x02\x28", false},
		{"SSL 2", "\x80\x2e\x01\x00\x02", false},
		{"zeros", "\x00\x00\x00\x00\x00", false},
		{"line end", "\r\n\r\n\r\n", false},
		{"four characters", unknown[:4], false},
		{"HTTP", unknown, true},
		{"HTTP without headers", "<html>", true},
	} {
		for _, insecure := range []bool{true, false} {
			t.Run(tc.name, func(t *testing.T) {
				m := inBetween(t, tc.reply)
				auth := base64.StdEncoding.EncodeToString([]byte("alice:secret"))
				configure(t, `{"auths":{"`+m.host+`":{"auth":"`+auth+`"}}}`, "", "")
				_, err := oci.Registry{Insecure: insecure}.Manifest(t.Context(), reference.MustParseReference(m.host+"/app:v1"))
				if !errors.Is(err, oci.ErrRegistry) {
					t.Errorf("insecure %v: %v", insecure, err)
				}
				if (m.asked.Load() > 0) != tc.clear {
					t.Errorf("insecure %v: asked in clear %d times: %v", insecure, m.asked.Load(), err)
				}
			})
		}
	}
}

// impostor answers a TLS handshake with some bytes and wants a password in clear.
type impostor struct {
	host  string
	asked atomic.Int32
}

func inBetween(t *testing.T, reply string) *impostor {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m := &impostor{host: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go m.serve(conn, reply)
		}
	}()
	return m
}

func (m *impostor) serve(conn net.Conn, reply string) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	if first, err := r.Peek(1); err != nil || first[0] == 0x16 {
		_, _ = r.Discard(r.Buffered()) // or closing would reset the connection
		_, _ = io.WriteString(conn, reply)
		return
	}
	for {
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		m.asked.Add(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 401 Unauthorized\r\nWww-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n")
	}
}
