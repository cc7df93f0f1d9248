package liar

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Edit changes honest answers.
func Edit(change func(a *Answer)) Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		a, err := honest(r)
		if err == nil {
			a = &Answer{Status: a.Status, Header: a.Header.Clone(), Body: bytes.Clone(a.Body)}
			change(a)
		}
		Write(w, a, err)
	}
}

// Status answers with a status and a text.
func Status(status int, text string) Lie {
	return func(w http.ResponseWriter, _ *http.Request, _ Ask) { http.Error(w, text, status) }
}

// Truncate breaks off in the middle of the answer, which is announced whole.
func Truncate() Lie {
	return Edit(func(a *Answer) {
		a.Header.Set("Content-Length", strconv.Itoa(len(a.Body)))
		a.Body = a.Body[:len(a.Body)/2]
	})
}

// Half answers the first half as if it were all.
func Half() Lie { return Edit(func(a *Answer) { a.Body = a.Body[:len(a.Body)/2] }) }

// Append adds text after the answer.
func Append(text string) Lie { return Edit(func(a *Answer) { a.Body = append(a.Body, text...) }) }

// Swallow does what it is asked for and hangs up instead of telling.
func Swallow() Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		_, _ = honest(r) // nobody is told either way
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

// Endless never stops answering, until the client does.
func Endless() Lie {
	return func(w http.ResponseWriter, r *http.Request, _ Ask) {
		w.Header().Set("Content-Type", "application/json")
		chunk := []byte(strings.Repeat(" ", 1<<20))
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// Gzip compresses the answer, though the client did not ask for it.
func Gzip() Lie {
	return Edit(func(a *Answer) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(a.Body) // into memory, where it cannot fail
		_ = z.Close()
		a.Header.Set("Content-Encoding", "gzip")
		a.Body = b.Bytes()
	})
}

// Redirect sends the client to the same path at another base URL.
func Redirect(to string) Lie {
	return func(w http.ResponseWriter, r *http.Request, _ Ask) {
		http.Redirect(w, r, strings.TrimSuffix(to, "/")+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	}
}

// ContentType calls the answer something else.
func ContentType(mediaType string) Lie {
	return Edit(func(a *Answer) { a.Header.Set("Content-Type", mediaType) })
}

// Hang takes the request and never answers.
func Hang() Lie {
	return func(_ http.ResponseWriter, r *http.Request, _ Ask) { <-r.Context().Done() }
}

// Drip sends the answer a byte at a time with a pause after each.
func Drip(pause time.Duration) Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		a, err := honest(r)
		if err != nil {
			Write(w, nil, err)
			return
		}
		for i := range a.Body {
			if _, err := w.Write(a.Body[i : i+1]); err != nil {
				return
			}
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// Close breaks the connection instead of an answer.
func Close() Lie {
	return func(http.ResponseWriter, *http.Request, Ask) { panic(http.ErrAbortHandler) }
}

// From answers what the node at another base URL answers.
func From(target string) Lie {
	return func(w http.ResponseWriter, r *http.Request, _ Ask) {
		a, err := forward(http.DefaultClient, target, r)
		Write(w, a, err)
	}
}

// Instead answers another question: the same path with the parameters given in
// place of the client's.
func Instead(parameters url.Values) Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		a, err := honest(other(r, parameters))
		Write(w, a, err)
	}
}

// other returns a request with some parameters replaced.
func other(r *http.Request, parameters url.Values) *http.Request {
	changed := r.Clone(r.Context())
	q := changed.URL.Query()
	for name, values := range parameters {
		q[name] = values
	}
	changed.URL.RawQuery = q.Encode()
	return changed
}
