package query_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/query"
	"hullmark/reference"
)

var (
	app    = reference.MustParseRepository("registry.example.com/app")
	digest = reference.SumSHA256([]byte("image"))
)

func of(text string) query.Resolve { return query.Of(reference.MustParseReference(text)) }

func hash(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// equal compares questions and what is known.
func equal(a, b any) string {
	return cmp.Diff(a, b, cmp.Comparer(func(a, b reference.Repository) bool { return a == b }),
		cmp.Comparer(func(a, b reference.Tag) bool { return a == b }), cmp.Comparer(func(a, b reference.Digest) bool { return a == b }))
}

// TestEncode shows how every question is written.
func TestEncode(t *testing.T) {
	held := [][32]byte{{1}, {2}}
	all := query.Known{TrustedHeight: 4, MinStateHeight: 3, RootVersion: 2, Held: held, ForFile: true}
	stateful := query.Known{TrustedHeight: 4, MinStateHeight: 3}
	const hex = "%064x"
	shown := make(map[string]bool)
	image := url.QueryEscape(digest.String())
	for _, tt := range []struct {
		q      query.Question
		k      query.Known
		kind   query.Kind
		about  string
		want   string
		parsed query.Known
	}{
		{of(app.String() + ":1.0"), query.Known{}, query.KindTag, "registry.example.com/app:1.0", "/v1/resolve?ref=registry.example.com%2Fapp%3A1.0", query.Known{}},
		{of(app.String() + ":1.0@" + digest.String()), query.Known{}, query.KindTag, "registry.example.com/app:1.0@" + digest.String(),
			"/v1/resolve?ref=registry.example.com%2Fapp%3A1.0%40" + image, query.Known{}},
		{query.Resolve{Repository: app, Tag: reference.Latest(), Assurance: query.LedgerAssurance}, all, query.KindTag, "registry.example.com/app:latest",
			"/v1/resolve?assurance=ledger&file=1&min_state_height=3&ref=registry.example.com%2Fapp%3Alatest",
			query.Known{MinStateHeight: 3, ForFile: true}},
		{of(app.String() + ":latest"), all, query.KindTag, "registry.example.com/app:latest",
			"/v1/resolve?file=1&held=01" + strings.Repeat("0", 62) + "&held=02" + strings.Repeat("0", 62) +
				"&min_state_height=3&ref=registry.example.com%2Fapp%3Alatest&root_version=2",
			query.Known{MinStateHeight: 3, RootVersion: 2, Held: held, ForFile: true}},
		{of(app.String() + "@" + digest.String()), query.Known{TrustedHeight: 4}, query.KindImage, "registry.example.com/app@" + digest.String(),
			"/v1/image?digest=" + image + "&repository=registry.example.com%2Fapp&trusted_height=4", query.Known{TrustedHeight: 4}},
		{query.Resolve{Repository: app}, query.Known{RootVersion: 1 << 62}, query.KindRepository, "registry.example.com/app",
			"/v1/repository?name=registry.example.com%2Fapp&root_version=4611686018427387904", query.Known{RootVersion: 1 << 62}},
		{query.Resolve{Repository: app, Role: "targets/ci"}, query.Known{}, query.KindRepository, "registry.example.com/app",
			"/v1/repository?name=registry.example.com%2Fapp&role=targets%2Fci", query.Known{}},
		{query.Vouchers{Digest: digest}, all, query.KindVouchers, digest.String(), "/v1/image?digest=" + image + "&min_state_height=3&trusted_height=4", stateful},
		{query.History{Repository: app}, all, query.KindHistory, "registry.example.com/app", "/v1/history?min_state_height=3&repository=registry.example.com%2Fapp&trusted_height=4", stateful},
		{query.History{Repository: app, Before: 7, Index: 0, Indexed: true, Limit: 99}, query.Known{}, query.KindHistory, "registry.example.com/app",
			"/v1/history?before=7&index=0&limit=99&repository=registry.example.com%2Fapp", query.Known{}},
		{query.Receipt{Hash: [32]byte{31: 9}, Height: 5}, all, query.KindReceipt, fmt.Sprintf(hex, 9), "/v1/receipt/" + fmt.Sprintf(hex, 9) + "?height=5&min_state_height=3&trusted_height=4", stateful},
		{query.Inclusion{}, query.Known{}, query.KindInclusion, "log/0", "/v1/log/inclusion?index=0", query.Known{}},
		{query.Inclusion{Index: 3, Size: 4}, query.Known{}, query.KindInclusion, "log/3", "/v1/log/inclusion?index=3&size=4", query.Known{}},
		{query.Consistency{First: 3}, all, query.KindConsistency, "log/3", "/v1/log/consistency?first=3&min_state_height=3&trusted_height=4", stateful},
		{query.Consistency{First: 3, Second: 4}, query.Known{}, query.KindConsistency, "log/3", "/v1/log/consistency?first=3&second=4", query.Known{}},
		{query.Metadata{Repository: app, Role: "root"}, all, query.KindMetadata, "registry.example.com/app/root/0", "/v1/metadata?repository=registry.example.com%2Fapp&role=root", query.Known{}},
		{query.Metadata{Repository: app, Role: "targets/ci", Version: 2}, all, query.KindMetadata, "registry.example.com/app/targets/ci/2",
			"/v1/metadata?repository=registry.example.com%2Fapp&role=targets%2Fci&version=2", query.Known{}},
		{query.Content{Digest: [32]byte{31: 1}}, all, query.KindContent, fmt.Sprintf(hex, 1), "/v1/metadata/" + fmt.Sprintf(hex, 1), query.Known{}},
		{query.LightBlock{}, all, query.KindLightBlock, "light-block/0", "/v1/light-block", query.Known{}},
		{query.LightBlock{Height: 1<<63 - 1}, all, query.KindLightBlock, "light-block/9223372036854775807", "/v1/light-block?height=9223372036854775807", query.Known{}},
	} {
		t.Run(tt.want, func(t *testing.T) {
			path, values := query.Encode(tt.q, tt.k)
			for _, route := range query.Routes() {
				prefix, _, variable := strings.Cut(route, "{")
				if path == route || variable && strings.HasPrefix(path, prefix) {
					shown[route] = true
				}
			}
			got := path
			if len(values) > 0 {
				got += "?" + values.Encode()
			}
			if got != tt.want {
				t.Errorf("encoded as\n%s, want\n%s", got, tt.want)
			}
			q, k, err := query.Parse(path, values)
			if err != nil {
				t.Fatal(err)
			}
			if diff := equal(q, tt.q) + equal(k, tt.parsed); diff != "" {
				t.Errorf("parsed otherwise: %s", diff)
			}
			if q.Kind() != tt.kind || q.String() != tt.about {
				t.Errorf("it is of kind %s and about %s", q.Kind(), q)
			}
		})
	}
	for _, route := range query.Routes() {
		if !shown[route] {
			t.Errorf("no question is shown for %s", route)
		}
	}
}

// TestRefused: each question has one form, and everything else is refused with what is
// wrong.
func TestRefused(t *testing.T) {
	const ref = "ref=registry.example.com/app:1.0"
	zero := strings.Repeat("0", 64)
	for _, tt := range []struct{ name, path, query, says string }{
		{"no path", "", "", "nothing is asked"},
		{"unknown path", "/v1/unknown", ref, "nothing is asked"},
		{"path of another version", "/v2/resolve", ref, "nothing is asked"},
		{"path with more", "/v1/resolve/", ref, "nothing is asked"},
		{"path with too many elements", "/v1/metadata/" + zero + "/x", "", "nothing is asked"},
		{"receipt of nothing", "/v1/receipt/", "", "nothing is asked"},
		{"a pattern", "/v1/receipt/{hash}", "", "64 hex digits"},
		{"no parameters", "/v1/resolve", "", "ref:"},
		{"bad reference", "/v1/resolve", "ref=UPPER/case:1", "ref:"},
		{"reference without a tag", "/v1/resolve", "ref=localhost:5000/a@" + digest.String(), "no tag"},
		{"short name", "/v1/resolve", "ref=alpine:3", `ref: write "docker.io/library/alpine:3"`},
		{"tag left to guess", "/v1/resolve", "ref=localhost:5000/a", `ref: write "localhost:5000/a:latest"`},
		{"repeated parameter", "/v1/resolve", ref + "&" + ref, "ref: write"},
		{"unknown parameter", "/v1/resolve", ref + "&x=1", `"x": leave it out`},
		{"parameter of another question", "/v1/resolve", ref + "&role=targets/ci", `"role": leave it out`},
		{"default assurance", "/v1/resolve", ref + "&assurance=publisher", `"assurance": leave it out`},
		{"unknown assurance", "/v1/resolve", ref + "&assurance=none", "assurance:"},
		{"empty assurance", "/v1/resolve", ref + "&assurance=", "assurance:"},
		{"not a number", "/v1/resolve", ref + "&trusted_height=x", "trusted_height: not a number"},
		{"negative number", "/v1/resolve", ref + "&root_version=-1", "root_version: not a number"},
		{"number too large", "/v1/resolve", ref + "&min_state_height=9223372036854775808", "min_state_height: not a number"},
		{"zero", "/v1/resolve", ref + "&root_version=0", `"root_version": leave it out`},
		{"empty number", "/v1/resolve", ref + "&root_version=", `"root_version": leave it out`},
		{"leading zero", "/v1/resolve", ref + "&root_version=01", `root_version: write "1"`},
		{"plus sign", "/v1/resolve", ref + "&root_version=%2B1", "root_version: not a number"},
		{"file in words", "/v1/resolve", ref + "&file=yes", "file: write 1"},
		{"trusted height for a file", "/v1/resolve", ref + "&file=1&trusted_height=4", `"trusted_height": leave it out`},
		{"root at ledger assurance", "/v1/resolve", ref + "&assurance=ledger&root_version=1", `"root_version": leave it out`},
		{"files at ledger assurance", "/v1/resolve", ref + "&assurance=ledger&held=" + zero, `"held": leave it out`},
		{"file zero", "/v1/resolve", ref + "&file=0", "file: write 1"},
		{"held in capitals", "/v1/resolve", ref + "&held=" + strings.Repeat("A", 64), "held: write"},
		{"held too short", "/v1/resolve", ref + "&held=00", "held: not 64 hex digits"},
		{"held in another order", "/v1/resolve", ref + "&held=" + strings.Repeat("1", 64) + "&held=" + zero, "ascending"},
		{"held twice", "/v1/resolve", ref + "&held=" + zero + "&held=" + zero, "ascending"},
		{"too many held", "/v1/resolve", ref + strings.Repeat("&held="+zero, query.MaxHeld+1), "65 of them, at most 64"},
		{"image without digest", "/v1/image", "", "digest:"},
		{"bad digest", "/v1/image", "repository=localhost:5000/a&digest=sha256:12", "digest:"},
		{"empty repository", "/v1/image", "repository=&digest=" + digest.String(), "repository:"},
		{"vouchers with a root", "/v1/image", "root_version=1&digest=" + digest.String(), `"root_version": leave it out`},
		{"repository of no name", "/v1/repository", "", "name:"},
		{"role of no repository", "/v1/repository", "name=localhost:5000/a&role=root", "role"},
		{"empty role", "/v1/repository", "name=localhost:5000/a&role=", `"role": leave it out`},
		{"history of nothing", "/v1/history", "", "repository:"},
		{"history with an index alone", "/v1/history", "repository=localhost:5000/a&index=1", "index without before"},
		{"history of too much", "/v1/history", "repository=localhost:5000/a&limit=101", "1 to 99"},
		{"history of as much as there is room for", "/v1/history", "repository=localhost:5000/a&limit=100", "1 to 99, or leave it out"},
		{"history of far too much", "/v1/history", "repository=localhost:5000/a&limit=9223372036854775807", "1 to 99"},
		{"history of none", "/v1/history", "repository=localhost:5000/a&limit=0", `"limit": leave it out`},
		{"history with files", "/v1/history", "repository=localhost:5000/a&held=" + zero, `"held": leave it out`},
		{"receipt in capitals", "/v1/receipt/" + strings.Repeat("A", 64), "", "it is asked at"},
		{"receipt of a short hash", "/v1/receipt/00", "", "64 hex digits"},
		{"receipt of an unknown block", "/v1/receipt/" + zero, "height=0", `"height": leave it out`},
		{"record without index", "/v1/log/inclusion", "", "index: it is missing"},
		{"record with an empty index", "/v1/log/inclusion", "index=", "index: write"},
		{"growth from nothing", "/v1/log/consistency", "", "first: it is missing"},
		{"growth from zero", "/v1/log/consistency", "first=0", "first: it is missing"},
		{"metadata of no role", "/v1/metadata", "repository=localhost:5000/a", "role"},
		{"metadata of another role", "/v1/metadata", "repository=localhost:5000/a&role=snapshot", "role"},
		{"metadata by a wrong path", "/v1/metadata", "repository=localhost:5000/a&role=../root", "role"},
		{"content with a parameter", "/v1/metadata/" + zero, "a=b", `"a": leave it out`},
		{"content that trusts", "/v1/metadata/" + zero, "trusted_height=1", `"trusted_height": leave it out`},
		{"block that waits", "/v1/light-block", "min_state_height=1", `"min_state_height": leave it out`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			values, err := url.ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			q, _, err := query.Parse(tt.path, values)
			if q != nil || !errors.Is(err, query.ErrQuestion) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("question %v, error %v; want %q", q, err, tt.says)
			}
		})
	}
}

// TestCheck: what cannot be asked is never parsed.
func TestCheck(t *testing.T) {
	const huge = 1 << 63
	for _, q := range []query.Question{
		query.Resolve{}, query.Resolve{Repository: app, Role: "root"}, query.Resolve{Repository: app, Tag: reference.Latest(), Role: "targets/ci"},
		query.Resolve{Repository: app, Digest: digest, Role: "targets/ci"}, query.Resolve{Repository: app, Assurance: 2}, query.Vouchers{},
		query.History{}, query.History{Repository: app, Before: huge}, query.History{Repository: app, Index: 1}, query.History{Repository: app, Indexed: true},
		query.History{Repository: app, Limit: -1}, query.History{Repository: app, Limit: query.MaxHistoryPage},
		query.Receipt{Height: huge}, query.Inclusion{Index: huge}, query.Inclusion{Size: huge}, query.Consistency{}, query.Consistency{First: huge},
		query.Metadata{Role: "root"}, query.Metadata{Repository: app}, query.Metadata{Repository: app, Role: "root", Version: huge}, query.LightBlock{Height: huge},
	} {
		if err := q.Check(); !errors.Is(err, query.ErrQuestion) {
			t.Errorf("%T %+v: error %v", q, q, err)
		}
		if parsed, _, err := query.Parse(query.Encode(q, query.Known{})); err == nil && equal(parsed, q) == "" {
			t.Errorf("%T %+v is parsed", q, q)
		}
	}
}

// TestRoutes: every path is served once.
func TestRoutes(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range query.Routes() {
		if seen[r] || !strings.HasPrefix(r, "/v1/") {
			t.Errorf("route %q", r)
		}
		seen[r] = true
	}
	for _, path := range []string{query.PathSubmit, query.PathStatus, query.PathHealth, query.PathReady} {
		if seen[path] {
			t.Errorf("%s is the path of a question too", path)
		}
	}
}
