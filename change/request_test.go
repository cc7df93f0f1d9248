package change_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

const (
	app   = "registry.example.com/app"
	other = "registry.example.com/other"
)

// submitter lets a key sign envelopes.
type submitter struct{ *fixture.Key }

// SignFixed implements change.Submitter.
func (s submitter) SignFixed(message []byte) ([]byte, error) {
	return keys.SignFixed(s.Private(), message)
}

// registration returns a publisher's first root and the request to register it.
func registration(tb testing.TB) (*fixture.Publisher, *tuf.Root, []byte) {
	tb.Helper()
	p := fixture.NewConsortium(tb, 4).NewPublisher(app)
	root := p.Root(1)
	r, err := change.NewRegisterRequest(root)
	if err != nil {
		tb.Fatal(err)
	}
	return p, root, encode(tb, r)
}

func encode(tb testing.TB, r *change.Request) []byte {
	tb.Helper()
	b, err := r.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestRequestRoundTrip(t *testing.T) {
	_, root, b := registration(t)
	var compact, wide bytes.Buffer
	if err := errors.Join(json.Compact(&compact, b), json.Indent(&wide, b, "\r\n", "\t")); err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string][]byte{"as written": b, "compact": compact.Bytes(), "indented by a mailer": wide.Bytes()} {
		r, err := change.DecodeRequest(form)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := r.Encode()
		if err != nil || !bytes.Equal(again, b) || r.Kind != change.RequestRegister || r.Parts[0].Repository.String() != app ||
			r.Ledger != root.Binding.Ledger || !bytes.Equal(r.Parts[0].NewRoots[0].Bytes(), root.Bytes()) {
			t.Errorf("%s: %s, %v", name, cmp.Diff(string(b), string(again)), err)
		}
	}
}

func TestRequestRefused(t *testing.T) {
	p, root, b := registration(t)
	text := string(b)
	swap := func(from, to string) string {
		if strings.Count(text, from) != 1 {
			t.Fatalf("%q is not there once", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	file := base64.StdEncoding.EncodeToString(root.Bytes())
	in := func(other []byte) string { return swap(file, base64.StdEncoding.EncodeToString(other)) }
	for _, tc := range []struct {
		name, text string
		err        error
	}{
		{"empty", "", change.ErrRequest},
		{"no object", "[]", change.ErrRequest},
		{"null", "null", change.ErrRequest},
		{"truncated", text[:len(text)/2], change.ErrRequest},
		{"something after", text + "{}", change.ErrRequest},
		{"too large", text + strings.Repeat(" ", change.MaxRequestSize), change.ErrRequest},
		{"newer format", swap(`"format": 1`, `"format": 2`), record.ErrNewer},
		{"newer format with fields", `{"format":2,"other":1}`, record.ErrNewer},
		{"format 0", swap(`"format": 1`, `"format": 0`), change.ErrRequest},
		{"format as text", swap(`"format": 1`, `"format": "1"`), change.ErrRequest},
		{"newer kind", swap(`"register"`, `"bless"`), record.ErrNewer},
		{"newer kind with fields", `{"format":1,"kind":"bless","digests":[]}`, record.ErrNewer},
		{"another kind", swap(`"register"`, `"rotate"`), change.ErrRequest},
		{"about nothing", `{"format":1,"kind":"register","ledger":"l","repositories":[]}`, change.ErrRequest},
		{"an empty list", swap(`"new_roots"`, `"new_roles": [], "new_roots"`), change.ErrRequest},
		{"root in force", swap(`"new_roots": [`, `"root": "`+file+`", "new_roots": [`), change.ErrRequest},
		{"no kind", swap(`"register"`, `""`), change.ErrRequest},
		{"unknown field", swap(`"format": 1,`, `"format": 1, "note": "",`), change.ErrRequest},
		{"field in capitals", swap(`"kind"`, `"Kind"`), change.ErrRequest},
		{"field twice", swap(`"format": 1,`, `"format": 1, "format": 1,`), change.ErrRequest},
		{"other order", strings.TrimSuffix(swap(`"format": 1,`, ``), "}\n") + `, "format": 1}`, change.ErrRequest},
		{"escaped text", swap(`"register"`, `"\u0072egister"`), change.ErrRequest},
		{"other repository", swap(`"`+app+`"`, `"`+other+`"`), change.ErrRequest},
		{"short name", swap(`"`+app+`"`, `"app"`), change.ErrRequest},
		{"other ledger", swap(root.Binding.Ledger+`"`, `other"`), change.ErrRequest},
		{"no root", swap(file, ""), change.ErrRequest},
		{"root in other base64", swap(file, strings.TrimRight(file, "=")+"*"), change.ErrRequest},
		{"targets for a root", in(p.Targets(1, fixture.Tags{"1": "one"}).Bytes()), change.ErrRequest},
		{"second root", in(p.Root(2).Bytes()), change.ErrRequest},
		{"root cut short", in(root.Bytes()[:100]), change.ErrRequest},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := change.DecodeRequest([]byte(tc.text))
			if r != nil || !errors.Is(err, tc.err) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
		})
	}
}

// TestRequestIsBounded: a request from elsewhere takes no more memory than a few times its
// bytes, whatever it consists of.
func TestRequestIsBounded(t *testing.T) {
	const head = `{"format":1,"kind":"publish","ledger":"l","repositories":[`
	fill := func(before, element, after string) []byte {
		return []byte(before + strings.Repeat(element, (change.MaxRequestSize-len(before)-len(after))/len(element)) + after)
	}
	for name, data := range map[string][]byte{
		"repositories": fill(head+`{}`, `,{}`, `]}`),
		"files":        fill(head+`{"repository":"localhost/a","new_roots":[""`, `,""`, `]}]}`),
		"nesting":      fill(head, `[`, ``),
		"fields":       fill(`{"format":1,"kind":"publish"`, `,"a":1`, `}`),
		"one text":     fill(head+`{"repository":"localhost/a","root":"`, `A`, `"}]}`),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := change.DecodeRequest(data)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, change.ErrRequest) {
			t.Errorf("%s: error %v", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8*change.MaxRequestSize {
			t.Errorf("%s: %d bytes are allocated for %d", name, n, len(data))
		}
	}
}

// TestRequestHasScopes: what takes more scopes than a transaction has is not signed in vain.
func TestRequestHasScopes(t *testing.T) {
	p := fixture.NewConsortium(t, 4).NewPublisher(app)
	var to []fixture.Delegation
	var files []*tuf.Targets
	for i := range record.MaxScopes {
		role, key := fmt.Sprintf("targets/r%02d", i), fixture.NewKey(t, keys.KeytypeEd25519, "ci")
		to = append(to, fixture.Delegation{Role: role, Keys: []*fixture.Key{key}, Paths: []string{"*"}})
		files = append(files, p.RoleFile(role, 1, nil, nil, key))
	}
	top := p.RoleFile(tuf.RoleTargets, 1, nil, fixture.Delegate(to...), p.TaggingKeys...)
	part := change.RequestPart{Repository: p.Repository, Root: p.Root(1), Roles: []*tuf.Targets{top}, NewRoles: files}
	if _, err := change.NewRequest(change.RequestPublish, top.Binding.Ledger, part); err != nil {
		t.Errorf("%d files: %v", len(files), err)
	}
	part.Roles, part.NewRoles = nil, append(files, top)
	if _, err := change.NewRequest(change.RequestPublish, top.Binding.Ledger, part); !errors.Is(err, change.ErrRequest) {
		t.Errorf("%d files: error %v", len(part.NewRoles), err)
	}
}

// TestTransactionTooLarge finds before any node what none would take.
func TestTransactionTooLarge(t *testing.T) {
	p, _, _ := registration(t)
	tags := make(fixture.Tags)
	for i := range 3000 {
		tags["tag-"+strings.Repeat("x", 8)+string(rune('a'+i%26))+string(rune('a'+i/26%26))+string(rune('a'+i/676))] = "one"
	}
	_, err := change.NewPublication(p.Consortium.Ledger(), "", submitter{p.TaggingKeys[0]}, change.Update{Roles: []*tuf.Targets{p.Targets(1, tags)}})
	if !errors.Is(err, record.CodeTooLarge) {
		t.Errorf("error %v", err)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	_, _, b := registration(f)
	f.Add(b)
	f.Add([]byte(`{"format":1,"kind":"register","ledger":"l","repositories":[{"repository":"localhost/a","new_roots":[""]}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Add(slices.Concat(b, b))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := change.DecodeRequest(data)
		if err != nil {
			if !errors.Is(err, change.ErrRequest) && !errors.Is(err, record.ErrNewer) {
				t.Errorf("error of no class: %v", err)
			}
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatalf("accepted and not encodable: %v", err)
		}
		var compact, before bytes.Buffer
		if err := errors.Join(json.Compact(&compact, again), json.Compact(&before, data)); err != nil || !bytes.Equal(compact.Bytes(), before.Bytes()) {
			t.Errorf("two forms of one request: %q", data)
		}
	})
}
