// Package liar is a node that lies: an HTTP server in front of an honest node
// which passes its answers on, true or changed in chosen ways. Tests and the
// demonstration put it among the nodes a client asks.
//
// A Lie is a small function. Those of lies.go change what an answer says, those
// of transport.go how it travels. A liar has no keys: everything it says it has
// from honest nodes or makes up, as anybody could between a client and its nodes.
package liar

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"hullmark/query"
)

// Answer is what a node answers.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask gets the honest node's answer to a request.
type Ask func(r *http.Request) (*Answer, error)

// Lie answers a request in the place of the honest node, which it may ask.
type Lie func(w http.ResponseWriter, r *http.Request, honest Ask)

// Liar answers requests, by lies where it was told to and honestly elsewhere. It
// is safe for concurrent use.
type Liar struct {
	target string
	client *http.Client

	mu       sync.Mutex
	told     []told // the newest that fits a path decides
	recorded map[string]*Answer
	asked    map[string]int
}

// told is a lie and where it is told.
type told struct {
	prefix string
	lie    Lie
}

// New returns an honest liar in front of the node at a base URL, such as
// "http://127.0.0.1:26680".
func New(target string) *Liar {
	return &Liar{
		target:   strings.TrimSuffix(target, "/"),
		client:   &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		recorded: make(map[string]*Answer),
		asked:    make(map[string]int),
	}
}

// Tell tells a lie from now on about every path that has the prefix. The newest
// lie that fits a path is told.
func (l *Liar) Tell(prefix string, lie Lie) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, told{prefix, lie})
}

// Honest ends all lies. What was recorded is kept.
func (l *Liar) Honest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = nil
}

// Record answers paths that have the prefix honestly from now on, and remembers
// the newest good answer to each question.
func (l *Liar) Record(prefix string) {
	l.Tell(prefix, func(w http.ResponseWriter, r *http.Request, honest Ask) {
		a, err := honest(r)
		if err == nil && a.Status == http.StatusOK {
			l.mu.Lock()
			l.recorded[question(r)] = a
			l.mu.Unlock()
		}
		Write(w, a, err)
	})
}

// Replay gives the recorded answers again from now on to paths that have the
// prefix, however old they have become. It is honest about what was never
// recorded.
func (l *Liar) Replay(prefix string) {
	l.Tell(prefix, func(w http.ResponseWriter, r *http.Request, honest Ask) {
		l.mu.Lock()
		a := l.recorded[question(r)]
		l.mu.Unlock()
		if a != nil {
			Write(w, a, nil)
			return
		}
		a, err := honest(r)
		Write(w, a, err)
	})
}

// Asked returns how many requests came for paths that have the prefix.
func (l *Liar) Asked(prefix string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for path, count := range l.asked {
		if strings.HasPrefix(path, prefix) {
			n += count
		}
	}
	return n
}

// question names what a request asks, without what the client says it knows
// already: the answer to a client that knew less is the one worth repeating.
func question(r *http.Request) string {
	path, values := r.URL.Path, r.URL.Query()
	if q, k, err := query.Parse(path, values); err == nil {
		path, values = query.Encode(q, query.Known{ForFile: k.ForFile})
	}
	return r.Method + " " + path + "?" + values.Encode()
}

// ServeHTTP implements http.Handler.
func (l *Liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.asked[r.URL.Path]++
	var lie Lie
	for _, t := range l.told {
		if strings.HasPrefix(r.URL.Path, t.prefix) {
			lie = t.lie
		}
	}
	l.mu.Unlock()
	if lie != nil {
		lie(w, r, l.ask)
		return
	}
	a, err := l.ask(r)
	Write(w, a, err)
}

// ask implements Ask.
func (l *Liar) ask(r *http.Request) (*Answer, error) { return forward(l.client, l.target, r) }

// maxAnswer bounds an answer in bytes: those of nodes are smaller.
const maxAnswer = 64 << 20

// forward sends a request on to a node.
func forward(c *http.Client, target string, r *http.Request) (*Answer, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("couldn't ask node: %w", err)
	}
	u = u.JoinPath(r.URL.Path)
	u.RawQuery = r.URL.RawQuery
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("couldn't read request: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body)) // for who asks twice
	req, err := http.NewRequestWithContext(r.Context(), r.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("couldn't ask node: %w", err)
	}
	req.Header = r.Header.Clone()
	resp, err := c.Do(req)
	if err != nil {
		return nil, fmt.Errorf("couldn't ask node: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("couldn't read answer: %w", err)
	}
	header := resp.Header.Clone()
	header.Del("Content-Length")
	return &Answer{Status: resp.StatusCode, Header: header, Body: answer}, nil
}

// Write gives an answer, or none when there was an error: a node behind a proxy
// that cannot be reached.
func Write(w http.ResponseWriter, a *Answer, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(a.Body) // the client has gone; there is nobody to tell
}
