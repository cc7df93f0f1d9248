package app

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/abci"
	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// minStateWait is how long a look-up waits for the height its client asks for.
const minStateWait = 10 * time.Second

// reads serves what can be asked of a ledger. It needs no running engine.
type reads struct {
	lookup *abci.Lookup
	blocks abci.LightBlocks
	log    *slog.Logger
}

// register adds the routes of all questions.
func (s *reads) register(route func(method, path string, h http.HandlerFunc)) {
	for _, r := range []struct {
		path   string
		handle http.HandlerFunc
	}{
		{"/v1/resolve", s.ask},
		{"/v1/image", s.ask},
		{"/v1/repository", s.ask},
		{"/v1/history", s.ask},
		{"/v1/receipt/{hash}", s.ask},
		{"/v1/log/inclusion", s.ask},
		{"/v1/log/consistency", s.ask},
		{"/v1/metadata", s.metadata},
		{"/v1/metadata/{digest}", s.content},
		{"/v1/light-block", s.lightBlock},
	} {
		route("GET", r.path, atMost(maxLookups, r.handle))
	}
}

// ask answers a question that the ledger proves the answer to.
func (s *reads) ask(w http.ResponseWriter, r *http.Request) {
	m, err := func() (protobuf.Message, error) {
		values := r.URL.Query()
		minState, err := abci.ParseHeight(values.Get("min_state_height"))
		if err != nil {
			return nil, badRequest("min_state_height: " + err.Error())
		}
		kind := strings.TrimPrefix(r.URL.Path, "/v1/")
		if strings.HasPrefix(kind, "receipt/") {
			// The log of a block is proven by the next one.
			height, err := abci.ParseHeight(values.Get("height"))
			if err != nil {
				return nil, badRequest("height: " + err.Error())
			}
			minState = max(minState, height)
		}
		if err := s.waitForState(r.Context(), minState); err != nil {
			return nil, err
		}
		return s.lookup.Ask(kind, values)
	}()
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	mediaType := "application/json"
	if _, ok := m.(*proto.Bundle); ok {
		mediaType = bundle.MediaType
	}
	writeMessage(w, http.StatusOK, mediaType, m)
}

// waitForState waits until the state of a height can be proven.
func (s *reads) waitForState(ctx context.Context, height uint64) error {
	ctx, cancel := context.WithTimeout(ctx, minStateWait)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		have, ok := s.lookup.StateHeight()
		if ok && have >= height {
			return nil
		}
		if height == 0 || height > s.blocks.Tip()+maxWaitAhead {
			return abci.ErrNotReady
		}
		select {
		case <-ctx.Done():
			return abci.ErrNotReady
		case <-tick.C:
		}
	}
}

// maxWaitAhead bounds what a look-up waits for: a client that has just published
// knows a height at most a few blocks ahead of another node's.
const maxWaitAhead = 16

// metadata answers with a role's file.
func (s *reads) metadata(w http.ResponseWriter, r *http.Request) {
	b, err := func() ([]byte, error) {
		values := r.URL.Query()
		name, err := reference.ParseRepository(values.Get("repository"))
		if err != nil {
			return nil, badRequest(err.Error())
		}
		version, err := abci.ParseHeight(values.Get("version"))
		if err != nil {
			return nil, badRequest("version: " + err.Error())
		}
		if !record.ValidRole(values.Get("role")) {
			return nil, badRequest("role: use root or targets")
		}
		return s.lookup.Metadata(name, values.Get("role"), version)
	}()
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	writeBytes(w, http.StatusOK, "application/json", b)
}

// content answers with a file named by its SHA-256.
func (s *reads) content(w http.ResponseWriter, r *http.Request) {
	digest, err := hex.DecodeString(r.PathValue("digest"))
	if err != nil || len(digest) != 32 {
		writeError(w, toAPIError(badRequest("the digest is 64 hex digits")))
		return
	}
	b, err := s.lookup.Content([32]byte(digest))
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	writeBytes(w, http.StatusOK, "application/octet-stream", b)
}

// lightBlock answers with a header and the commit that signed it.
func (s *reads) lightBlock(w http.ResponseWriter, r *http.Request) {
	m, err := func() (*proto.LightBlockResponse, error) {
		height, err := abci.ParseHeight(r.URL.Query().Get("height"))
		if err != nil {
			return nil, badRequest("height: " + err.Error())
		}
		if height == 0 {
			if height = s.blocks.Tip(); height == 0 {
				return nil, abci.ErrNotReady
			}
		}
		lb, err := s.blocks.LightBlock(height)
		if err != nil {
			return nil, err
		}
		b, err := bundle.EncodeLightBlock(lb)
		return &proto.LightBlockResponse{Height: height, LightBlock: b}, err
	}()
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	writeMessage(w, http.StatusOK, "application/json", m)
}
