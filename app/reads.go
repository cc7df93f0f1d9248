package app

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/app/admission"
	"hullmark/bundle"
	"hullmark/lookup"
	"hullmark/printable"
	"hullmark/query"
)

// minStateWait is how long a look-up waits for the height its client asks for.
const minStateWait = 10 * time.Second

// reads serves what can be asked of a ledger. It needs no running engine.
type reads struct {
	lookup *lookup.Reader
	blocks lookup.Blocks
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

// lookIn answers with what find finds. It holds the place while it works, and room for a
// large answer while somebody takes it: who reads slowly keeps nobody from the places.
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
	for _, path := range query.Routes() {
		route("GET", path, s.ask)
	}
}

// ask answers a question.
func (s *reads) ask(w http.ResponseWriter, r *http.Request) {
	q, k, err := parse(r.URL)
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	place, err := s.placeFor(r, q, k)
	if err != nil {
		refuse(s.log, w, r, err)
		return
	}
	s.lookIn(place, w, r, func() (*found, error) { return s.find(q, k) })
}

// parse reads the question that a URL asks. No path of a question has a character that
// would have to be encoded.
func parse(u *url.URL) (query.Question, query.Known, error) {
	if u.RawPath != "" {
		return nil, query.Known{}, badRequest("the path is encoded; write " + printable.Quote(u.Path))
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, query.Known{}, badRequest("the parameters are not well encoded")
	}
	return query.Parse(u.Path, values)
}

// find looks up the answer to a question.
func (s *reads) find(q query.Question, k query.Known) (*found, error) {
	switch q := q.(type) {
	case query.Metadata:
		b, err := s.lookup.Metadata(q)
		return foundBytes("application/json", b), err
	case query.Content:
		b, err := s.lookup.Content(q)
		f := foundBytes("application/octet-stream", b)
		f.immutable = true
		return f, err
	case query.LightBlock:
		m, err := s.lookup.LightBlock(q)
		return foundMessage("application/json", m), err
	case query.Resolve:
		m, err := s.lookup.Resolve(q, k)
		return foundMessage(bundle.MediaType, m), err
	default:
		m, err := s.lookup.Answer(q, k)
		return foundMessage("application/json", m), err
	}
}

// placeFor returns a place for a question once the state that it is to be answered from
// can be proven. Who waits holds an entry of a table of those who do, and no place.
func (s *reads) placeFor(r *http.Request, q query.Question, k query.Known) (*admission.Held, error) {
	client := admission.ClientOf(r)
	minState := k.MinStateHeight
	switch q := q.(type) {
	case query.Metadata, query.Content, query.LightBlock:
		return s.gate.Lookups.Take(client, 1)
	case query.Receipt:
		// The log of a block is proven by the next one.
		minState = max(minState, q.Height)
	}
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
