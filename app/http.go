package app

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/app/admission"
	"hullmark/lookup"
	"hullmark/merkle/store"
	"hullmark/printable"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// handler serves the HTTP API (docs/spec.md, "HTTP API").
func (n *Node) handler() http.Handler {
	mux := http.NewServeMux()
	route := func(method, path string, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+path, h)
		n.requests.begin(method+" "+path, "2xx", "3xx", "4xx", "5xx")
		n.requests.begin(path, "3xx", "4xx")
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", method)
			writeError(w, &apiError{status: http.StatusMethodNotAllowed, code: "method-not-allowed", message: "use " + method})
		})
	}
	(&reads{lookup: n.lookup, blocks: n.blocks, log: n.log, gate: n.gate}).register(route)
	route("POST", query.PathSubmit, n.submit)
	route("GET", query.PathStatus, n.status)
	route("GET", query.PathHealth, n.healthz)
	route("GET", query.PathReady, n.readyz)
	n.requests.begin("/", "3xx", "4xx")
	n.requests.begin(noRoute, "3xx", "4xx")
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &apiError{status: http.StatusNotFound, code: "not-found", message: "there is no " + printable.Quote(r.URL.Path) + " here"})
	})
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		began := time.Now()
		w := &recordedResponse{ResponseWriter: out}
		w.Header().Set("Hullmark-Ledger", n.ledger.ID())
		w.Header().Set("Hullmark-Height", strconv.FormatUint(n.blocks.Tip(), 10))
		w.Header().Set("Cache-Control", "no-store")
		r, admitted := n.gate.Admit(r, r.URL.Path == query.PathHealth || r.URL.Path == query.PathReady)
		switch {
		case !admitted:
			writeError(w, tooMany("too many requests come from your address"))
		case r.Header.Get("Content-Encoding") != "":
			// What unpacks to more than was sent is a way to fill a node's memory.
			writeError(w, &apiError{status: http.StatusUnsupportedMediaType, code: "bad-request", message: "send the body as it is, not compressed"})
		default:
			mux.ServeHTTP(w, r)
		}
		_, route := mux.Handler(r)
		if route == "" {
			route = noRoute
		}
		took := time.Since(began)
		n.requests.observe(route, w.status, took)
		n.log.Debug("request answered", "method", printable.Clip(r.Method, maxLogged), "path", printable.Clip(r.URL.Path, maxLogged), "status", w.status,
			"bytes", w.bytes, "took", took, "remote", r.RemoteAddr)
	})
}

// maxLogged bounds the bytes of a request's own text that are written to the log.
const maxLogged = 64

// noRoute is what requests are counted as that the mux answers by itself.
const noRoute = "none"

// apiError is an error as the API reports it.
type apiError struct {
	status     int
	code       string
	message    string
	ledgerCode record.Code
	retry      time.Duration
}

func (e *apiError) Error() string { return e.message }

// toAPIError is the one table from errors to protocol codes.
func toAPIError(err error) *apiError {
	var e *apiError
	if errors.As(err, &e) {
		return e
	}
	if code, ok := record.CodeOf(err); ok {
		return &apiError{status: http.StatusUnprocessableEntity, code: code.Name(), message: err.Error(), ledgerCode: code}
	}
	if errors.Is(err, admission.ErrOwnShare) {
		return tooMany(err.Error())
	}
	for _, m := range []struct {
		is     error
		status int
		code   string
		retry  time.Duration
	}{
		{query.ErrQuestion, http.StatusBadRequest, "bad-request", 0},
		{lookup.ErrNotFound, http.StatusNotFound, "not-found", 0},
		{lookup.ErrNotReady, http.StatusServiceUnavailable, "not-ready", time.Second},
		{store.ErrPruned, http.StatusGone, "pruned", 0},
		{admission.ErrFull, http.StatusServiceUnavailable, "busy", time.Second},
	} {
		if errors.Is(err, m.is) {
			return &apiError{status: m.status, code: m.code, message: err.Error(), retry: m.retry}
		}
	}
	return &apiError{status: http.StatusInternalServerError, code: "internal", message: "the node could not answer; its log says why"}
}

func writeError(w http.ResponseWriter, e *apiError) {
	if e.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(e.retry.Seconds())))
	}
	writeMessage(w, e.status, "application/json", &proto.ErrorResponse{Code: e.code, Message: e.message, LedgerCode: uint32(e.ledgerCode)})
}

// tooMany tells a client that the limits of one address are reached.
func tooMany(message string) *apiError {
	return &apiError{status: http.StatusTooManyRequests, code: "busy", retry: time.Second, message: message + "; ask again, or ask another node"}
}

func writeMessage(w http.ResponseWriter, status int, mediaType string, m protobuf.Message) {
	b, err := encodeMessage(m)
	if err != nil {
		http.Error(w, "couldn't encode the answer", http.StatusInternalServerError)
		return
	}
	writeBytes(w, status, mediaType, b)
}

func encodeMessage(m protobuf.Message) ([]byte, error) {
	b, err := proto.MarshalJSON(m)
	return append(b, '\n'), err
}

func writeText(w http.ResponseWriter, status int, text string) {
	writeBytes(w, status, "text/plain; charset=utf-8", []byte(text))
}

func writeBytes(w http.ResponseWriter, status int, mediaType string, b []byte) {
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = admission.WriteAnswer(w, b, time.Now) // the client has gone; there is nobody to tell
}

// refuse answers with an error, and logs it when it is the node's own.
func refuse(log *slog.Logger, w http.ResponseWriter, r *http.Request, err error) {
	e := toAPIError(err)
	if e.status == http.StatusInternalServerError {
		log.Error("request failed", "path", r.URL.Path, "err", err)
	}
	writeError(w, e)
}

func (n *Node) refuse(w http.ResponseWriter, r *http.Request, err error) { refuse(n.log, w, r, err) }

func badRequest(message string) error {
	return &apiError{status: http.StatusBadRequest, code: "bad-request", message: message}
}
