package app

import (
	"context"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/app/admission"
	"hullmark/bundle"
	"hullmark/lookup"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// minStateWait is how long a look-up waits for the height its client asks for.
const minStateWait = 10 * time.Second

// reads serves what can be asked of a ledger. It needs no running engine.
type reads struct {
	lookup *lookup.Lookup
	blocks lookup.LightBlocks
	log    *slog.Logger
	gate   *admission.Gate
}

// found is what a look-up has found and its answer is made of.
type found struct {
	mediaType string
	size      int // about, in bytes, of the answer
	encode    func() ([]byte, error)
	immutable bool // for ever the same, for everybody
}

func foundBytes(mediaType string, b []byte) *found {
	return &found{mediaType: mediaType, size: len(b), encode: func() ([]byte, error) { return b, nil }}
}

// foundMessage is a message, whose files and proofs are half as long again in JSON.
func foundMessage(mediaType string, m protobuf.Message) *found {
	return &found{mediaType: mediaType, size: protobuf.Size(m) * 3 / 2, encode: func() ([]byte, error) { return encodeMessage(m) }}
}

// look answers with what find finds. It holds a place while it works, and room for a
// large answer while somebody takes it: who reads slowly keeps nobody from the places.
func (s *reads) look(w http.ResponseWriter, r *http.Request, find func() (*found, error)) {
	client := admission.ClientOf(r)
	place, err := s.gate.Lookups.Take(client, 1)
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	s.lookIn(place, w, r, find)
}

// lookIn is look for who has a place already, which it gives back.
func (s *reads) lookIn(place *admission.Held, w http.ResponseWriter, r *http.Request, find func() (*found, error)) {
	defer place.Release()
	f, err := find()
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	room, err := s.gate.Answers.Room(admission.ClientOf(r), f.size)
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	defer room.Release()
	b, err := f.encode()
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	place.Release()
	if f.immutable {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	writeBytes(w, http.StatusOK, f.mediaType, b)
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
		route("GET", r.path, r.handle)
	}
}

// ask answers a question that the ledger proves the answer to.
func (s *reads) ask(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	kind := strings.TrimPrefix(r.URL.Path, "/v1/")
	place, err := s.placeAt(r, kind, values)
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	s.lookIn(place, w, r, func() (*found, error) {
		m, err := s.lookup.Ask(kind, values)
		if err != nil {
			return nil, err
		}
		if _, ok := m.(*proto.Bundle); ok {
			return foundMessage(bundle.MediaType, m), nil
		}
		return foundMessage("application/json", m), nil
	})
}

// placeAt returns a place for a question once the state it asks for can be proven. Who
// waits holds an entry of a table of those who do, and no place.
func (s *reads) placeAt(r *http.Request, kind string, values url.Values) (*admission.Held, error) {
	minState, err := lookup.ParseHeight(values.Get("min_state_height"))
	if err != nil {
		return nil, badRequest("min_state_height: " + err.Error())
	}
	if strings.HasPrefix(kind, "receipt/") {
		// The log of a block is proven by the next one.
		height, err := lookup.ParseHeight(values.Get("height"))
		if err != nil {
			return nil, badRequest("height: " + err.Error())
		}
		minState = max(minState, height)
	}
	client := admission.ClientOf(r)
	switch there, err := s.reached(minState); {
	case err != nil:
		return nil, err
	case there:
		return s.gate.Lookups.Take(client, 1)
	}
	entry, err := s.gate.LookupWaits.Take(client, 1)
	if err != nil {
		return nil, err
	}
	defer entry.Release()
	ctx, cancel := context.WithTimeout(r.Context(), minStateWait)
	defer cancel()
	if err := s.waitForState(ctx, minState); err != nil {
		return nil, err
	}
	// Those who have waited for one height wake together.
	return s.gate.Lookups.Wait(ctx, client, 1)
}

// reached reports whether the state of a height can be proven now, or that it is not
// worth waiting for (lookup.ErrNotReady).
func (s *reads) reached(height uint64) (bool, error) {
	if have, ok := s.lookup.StateHeight(); ok && have >= height {
		return true, nil
	}
	if height == 0 || height > s.blocks.Tip()+maxWaitAhead {
		return false, lookup.ErrNotReady
	}
	return false, nil
}

// statePoll is how often a waiting look-up sees whether its height has come.
const statePoll = 50 * time.Millisecond

// waitForState waits until the state of a height can be proven, or ctx is done.
func (s *reads) waitForState(ctx context.Context, height uint64) error {
	tick := time.NewTicker(statePoll)
	defer tick.Stop()
	for {
		if there, err := s.reached(height); there || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return lookup.ErrNotReady
		case <-tick.C:
		}
	}
}

// maxWaitAhead bounds what a look-up waits for: a client that has just published
// knows a height at most a few blocks ahead of another node's.
const maxWaitAhead = 16

// metadata answers with a role's file.
func (s *reads) metadata(w http.ResponseWriter, r *http.Request) {
	s.look(w, r, func() (*found, error) {
		values := r.URL.Query()
		name, err := reference.ParseRepository(values.Get("repository"))
		if err != nil {
			return nil, badRequest(err.Error())
		}
		version, err := lookup.ParseHeight(values.Get("version"))
		if err != nil {
			return nil, badRequest("version: " + err.Error())
		}
		if !record.ValidRole(values.Get("role")) {
			return nil, badRequest("role: use root or targets")
		}
		b, err := s.lookup.Metadata(name, values.Get("role"), version)
		return foundBytes("application/json", b), err
	})
}

// content answers with a file named by its SHA-256.
func (s *reads) content(w http.ResponseWriter, r *http.Request) {
	s.look(w, r, func() (*found, error) {
		digest, err := hex.DecodeString(r.PathValue("digest"))
		if err != nil || len(digest) != 32 {
			return nil, badRequest("the digest is 64 hex digits")
		}
		b, err := s.lookup.Content([32]byte(digest))
		f := foundBytes("application/octet-stream", b)
		f.immutable = true
		return f, err
	})
}

// lightBlock answers with a header and the commit that signed it.
func (s *reads) lightBlock(w http.ResponseWriter, r *http.Request) {
	s.look(w, r, func() (*found, error) {
		height, err := lookup.ParseHeight(r.URL.Query().Get("height"))
		if err != nil {
			return nil, badRequest("height: " + err.Error())
		}
		if height == 0 {
			if height = s.blocks.Tip(); height == 0 {
				return nil, lookup.ErrNotReady
			}
		}
		lb, err := s.blocks.LightBlock(height)
		if err != nil {
			return nil, err
		}
		b, err := bundle.EncodeLightBlock(lb)
		return foundMessage("application/json", &proto.LightBlockResponse{Height: height, LightBlock: b}), err
	})
}
