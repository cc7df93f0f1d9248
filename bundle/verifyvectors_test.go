package bundle_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/query"
	"hullmark/reference"
)

// verifyVector is one verification (docs/spec.md, "Vectors of verifications").
type verifyVector struct {
	Name     string          `json:"name"`
	Question questionVector  `json:"question"`
	Policy   policyVector    `json:"policy"`
	Now      string          `json:"now"`
	Memory   json.RawMessage `json:"memory"`
	Seen     json.RawMessage `json:"seen"`
	Bundle   json.RawMessage `json:"bundle"`
	Want     outcomeVector   `json:"want"`
}

type questionVector struct {
	Repository string `json:"repository"`
	Tag        string `json:"tag,omitempty"`
	Digest     string `json:"digest,omitempty"`
	Role       string `json:"role,omitempty"`
	Assurance  string `json:"assurance"`
}

type policyVector struct {
	MaxAge       int64             `json:"maxAge"`
	Offline      bool              `json:"offline,omitempty"`
	AllowExpired bool              `json:"allowExpired,omitempty"`
	PinnedRoots  map[string]string `json:"pinnedRoots,omitempty"`
}

type outcomeVector struct {
	Outcome string        `json:"outcome"`
	Why     string        `json:"why,omitempty"`
	Result  *resultVector `json:"result,omitempty"`
	// Seen is what is known of the repository afterwards, when the memory is a new one.
	Seen          json.RawMessage `json:"seen,omitempty"`
	TrustedHeight string          `json:"trustedHeight,omitempty"`
}

type resultVector struct {
	StateHeight string   `json:"stateHeight"`
	BlockTime   string   `json:"blockTime"`
	Revision    string   `json:"revision"`
	Digest      string   `json:"digest,omitempty"`
	Size        string   `json:"size,omitempty"`
	Role        string   `json:"role,omitempty"`
	RootKeys    []string `json:"rootKeys,omitempty"`
	TaggingKeys []string `json:"taggingKeys,omitempty"`
}

// maxVector bounds the bundle of a vector in bytes; cases about limits are larger and
// stand in the tests only.
const maxVector = 200_000

func (a *asked) question() questionVector {
	q := questionVector{Repository: a.req.Repository.String(), Role: a.req.Role, Assurance: a.req.Assurance.String()}
	if !a.req.Tag.IsZero() {
		q.Tag = a.req.Tag.String()
	}
	if !a.req.Digest.IsZero() {
		q.Digest = a.req.Digest.String()
	}
	return q
}

func (q questionVector) request(t *testing.T) query.Resolve {
	t.Helper()
	req := query.Resolve{Repository: reference.MustParseRepository(q.Repository), Role: q.Role}
	var err error
	if req.Assurance, err = query.ParseAssurance(q.Assurance); err != nil {
		t.Fatal(err)
	}
	if q.Tag != "" {
		req.Tag = reference.MustParseTag(q.Tag)
	}
	if q.Digest != "" {
		if req.Digest, err = reference.ParseDigest(q.Digest); err != nil {
			t.Fatal(err)
		}
	}
	return req
}

func policyOf(p bundle.Policy) policyVector {
	out := policyVector{MaxAge: int64(p.MaxAge / time.Second), Offline: p.Offline, AllowExpired: p.AllowExpired}
	for r, digest := range p.PinnedRoots {
		if out.PinnedRoots == nil {
			out.PinnedRoots = make(map[string]string)
		}
		out.PinnedRoots[r.String()] = hex.EncodeToString(digest[:])
	}
	return out
}

func (v policyVector) policy(t *testing.T) bundle.Policy {
	t.Helper()
	p := bundle.DefaultPolicy()
	p.MaxAge, p.Offline, p.AllowExpired = time.Duration(v.MaxAge)*time.Second, v.Offline, v.AllowExpired
	for name, digest := range v.PinnedRoots {
		if p.PinnedRoots == nil {
			p.PinnedRoots = make(map[reference.Repository][32]byte)
		}
		p.PinnedRoots[reference.MustParseRepository(name)] = [32]byte(unhex(t, digest))
	}
	return p
}

// outcomeOf says what came of a verification, in the words of the specification.
func outcomeOf(t *testing.T, repository reference.Repository, result *bundle.Result, memory *bundle.Memory, err error) outcomeVector {
	t.Helper()
	out := outcomeVector{Outcome: outcomeName(err)}
	var denial *bundle.Denial
	if errors.As(err, &denial) {
		out.Why = denial.Reason.Error()
	}
	if result != nil {
		out.Result = &resultVector{
			StateHeight: strconv.FormatUint(result.StateHeight, 10), BlockTime: result.BlockTime.Format(time.RFC3339Nano),
			Revision: strconv.FormatUint(result.Revision, 10), Role: result.Role,
		}
		if !result.Digest.IsZero() {
			out.Result.Digest = result.Digest.String()
		}
		if result.Size > 0 {
			out.Result.Size = strconv.FormatUint(result.Size, 10)
		}
		for _, id := range result.RootKeys {
			out.Result.RootKeys = append(out.Result.RootKeys, id.String())
		}
		for _, id := range result.TaggingKeys {
			out.Result.TaggingKeys = append(out.Result.TaggingKeys, id.String())
		}
	}
	if memory != nil {
		out.Seen, out.TrustedHeight = seenOf(t, memory, repository), strconv.FormatUint(memory.TrustedHeight(), 10)
	}
	return out
}

func seenOf(t *testing.T, m *bundle.Memory, r reference.Repository) json.RawMessage {
	t.Helper()
	b, err := m.EncodeRepository(r)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b)
}

// vector runs a verification and returns it as a vector, false if it is too large, has
// no bundle, or asks what cannot be asked.
func (a *asked) vector(t *testing.T, name string) (verifyVector, bool) {
	t.Helper()
	if a.bundle == nil {
		return verifyVector{}, false
	}
	encoded, err := bundle.Encode(a.bundle)
	if err != nil {
		t.Fatal(err)
	}
	result, after, err := a.verify()
	if len(encoded) > maxVector || errors.Is(err, bundle.ErrRequest) {
		return verifyVector{}, false
	}
	want := outcomeOf(t, a.req.Repository, result, after, err)
	memory, err := a.mem.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return verifyVector{
		Name: name, Question: a.question(), Policy: policyOf(a.policy), Now: a.now.UTC().Format(time.RFC3339Nano),
		Memory: bytes.TrimSpace(memory), Seen: seenOf(t, a.mem, a.req.Repository), Bundle: encoded, Want: want,
	}, true
}

// replay runs a vector as a stranger would, from nothing but what it says.
func (v verifyVector) replay(t *testing.T) outcomeVector {
	t.Helper()
	memory, err := bundle.DecodeMemory(append(slices.Clone(v.Memory), '\n'))
	if err != nil {
		t.Fatal(err)
	}
	req := v.Question.request(t)
	var seen []byte
	if len(v.Seen) > 0 && string(v.Seen) != "null" {
		seen = append(slices.Clone(v.Seen), '\n')
	}
	if memory, err = memory.Recall(req.Repository, seen); err != nil {
		t.Fatal(err)
	}
	now, err := time.Parse(time.RFC3339Nano, v.Now)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.Decode(v.Bundle)
	if err != nil {
		return outcomeOf(t, req.Repository, nil, nil, err)
	}
	result, after, err := bundle.Verify(b, req, memory, now, v.Policy.policy(t))
	return outcomeOf(t, req.Repository, result, after, err)
}

// questions are honest answers to all kinds of questions.
func questions() []struct {
	name string
	ask  func(*testing.T, *asked)
} {
	digest := func(manifest string) query.Resolve { return at(bundletest.RepositoryRequest(app), manifest) }
	about := func(req query.Resolve) func(*testing.T, *asked) {
		return func(_ *testing.T, a *asked) { a.about(req) }
	}
	family := func(req query.Resolve) func(*testing.T, *asked) {
		return func(t *testing.T, a *asked) { a.family(t, func(f *family) { f.about(req) }) }
	}
	return []struct {
		name string
		ask  func(*testing.T, *asked)
	}{
		{"tag", about(ref(app + ":latest"))},
		{"tag and digest", about(at(ref(app+":1.0"), "one"))},
		{"tag and another digest", about(at(ref(app+":latest"), "one"))},
		{"absent tag", about(ref(app + ":none"))},
		{"absent tag and digest", about(at(ref(app+":none"), "one"))},
		{"withdrawn tag", about(ref(app + ":old"))},
		{"withdrawn tag and digest", about(at(ref(app+":old"), "gone"))},
		{"unknown repository", about(ref("registry.example.com/none:1.0"))},
		{"digest", about(digest("two"))},
		{"digest of two tags", about(digest("one"))},
		{"absent digest", about(digest("none"))},
		{"digest not listed", about(digest("gone"))},
		{"repository", about(bundletest.RepositoryRequest(app))},
		{"tag by the ledger", about(byLedger(ref(app + ":latest")))},
		{"withdrawn tag by the ledger", about(byLedger(ref(app + ":old")))},
		{"absent tag by the ledger", about(byLedger(ref(app + ":none")))},
		{"digest by the ledger", about(byLedger(digest("gone")))},
		{"absent digest by the ledger", about(byLedger(digest("none")))},
		{"repository by the ledger", about(byLedger(bundletest.RepositoryRequest(app)))},
		{"tag of a delegated role", family(ref(app + ":v2-rc"))},
		{"digest of a delegated role", family(digest("nine"))},
		{"digest no role lists", family(digest("gone"))},
		{"digest of a delegated role by the ledger", family(byLedger(digest("four")))},
		{"delegated role", family(query.Resolve{Repository: repository(app), Role: roleDeep})},
		{"rotated", func(t *testing.T, a *asked) { a.rotated(t, true) }},
		{"rotated, not signed anew", func(t *testing.T, a *asked) { a.rotated(t, false) }},
		{"revoked", func(_ *testing.T, a *asked) { a.revoked() }},
		{"revoked, by digest", func(_ *testing.T, a *asked) { a.req = digest("two"); a.revoked() }},
		{"lifted", func(_ *testing.T, a *asked) { a.lifted() }},
		{"lifted before a rotation", func(t *testing.T, a *asked) { a.lifted(); a.rotated(t, true) }},
	}
}

// TestVerifyVectors: every lie and every honest answer of the tests, as vectors. Each is
// run once more from what the vector says.
func TestVerifyVectors(t *testing.T) {
	var made []verifyVector
	add := func(name string, a *asked) {
		t.Helper()
		v, ok := a.vector(t, name)
		if !ok {
			return
		}
		if diff := cmp.Diff(v.Want, v.replay(t)); diff != "" {
			t.Errorf("%s: what the vector says gives another outcome (-code +vector):\n%s", name, diff)
		}
		made = append(made, v)
	}
	for _, q := range questions() {
		a := newStory(t).asked()
		q.ask(t, a)
		add("honest: "+q.name, a)
		honest := a.bundle
		left := leftOut(honest)
		for _, what := range slices.Sorted(maps.Keys(left)) {
			a.bundle = left[what]
			add("honest: "+q.name+", without "+what, a)
		}
		// The client asks once more, and knows all that it may.
		a.bundle = honest
		if _, memory, _ := a.verify(); memory != nil {
			a.mem = memory
			add("known: "+q.name, a)
		}
	}
	for _, c := range lies {
		a := newStory(t).asked()
		c.lie(t, a)
		add("lie: "+c.name, a)
	}
	for _, c := range familyLies {
		f := newFamily(t, time.Time{})
		c.lie(t, f)
		add("delegation: "+c.name, f.asked)
	}
	for _, c := range statementLies {
		a := newStory(t).asked()
		c.lie(t, a)
		add("statement: "+c.name, a)
	}
	for _, c := range behindLies {
		a := newStory(t).asked()
		c.lie(t, a)
		add("behind: "+c.name, a)
	}
	for _, c := range named {
		a := newStory(t).asked()
		c.lie(t, a)
		add("named: "+c.name, a)
	}
	// A client that sleeps and wakes: what it knows grows, and nothing goes back.
	a := newStory(t).asked()
	for i, req := range []query.Resolve{ref(app + ":1.0"), ref(app + ":none"), at(bundletest.RepositoryRequest(app), "two"), byLedger(ref(app + ":latest"))} {
		a.req = req
		a.refresh()
		add("in turn: "+strconv.Itoa(i+1), a)
		_, a.mem, _ = a.verify()
	}
	a.Commit(a.app.Publish(3, fixture.Tags{"1.0": "one"}))
	old := a.bundle
	a.refresh()
	add("in turn: after a change", a)
	_, a.mem, _ = a.verify()
	a.bundle = old
	add("in turn: the answer before it", a)

	if len(made) < 400 {
		t.Errorf("%d vectors", len(made))
	}
	checkVectors(t, "verify", "Verifications: a bundle, the question, the policy, the time, and what the client knows give an outcome.", made)
}
