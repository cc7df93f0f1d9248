package query_test

import (
	"maps"
	"net/url"
	"slices"
	"testing"

	"hullmark/query"
	"hullmark/reference"
)

// FuzzRoundTrip: whatever can be asked is parsed as it was meant.
func FuzzRoundTrip(f *testing.F) {
	for kind := range byte(9) {
		f.Add(kind, "registry.example.com/app:1.0", "targets/ci", uint64(kind), uint64(2), uint64(3), uint64(4), "held", byte(0xff))
		f.Add(kind, "registry.example.com/app@"+digest.String(), "", uint64(0), uint64(0), uint64(0), uint64(0), "", byte(0))
		f.Add(kind, "localhost:5000/a", "root", uint64(1)<<63, uint64(1)<<63, uint64(7), uint64(9), "held", byte(5))
	}
	f.Fuzz(func(t *testing.T, kind byte, text, role string, a, b, c, d uint64, files string, flags byte) {
		ref, err := reference.ParseReference(text)
		if err != nil {
			return
		}
		named := query.Of(ref)
		if flags&1 != 0 {
			named.Tag = reference.Tag{}
		}
		var q query.Question
		switch kind % 9 {
		case 0:
			named.Role, named.Assurance = role, query.Assurance(flags>>6)
			q = named
		case 1:
			q = query.Vouchers{Digest: named.Digest}
		case 2:
			q = query.History{Repository: named.Repository, Before: a, Index: b, Indexed: flags&2 != 0, Limit: int(int8(flags))}
		case 3:
			q = query.Receipt{Hash: hash(text), Height: a}
		case 4:
			q = query.Inclusion{Index: a, Size: b}
		case 5:
			q = query.Consistency{First: a, Second: b}
		case 6:
			q = query.Metadata{Repository: named.Repository, Role: role, Version: a}
		case 7:
			q = query.Content{Digest: hash(text)}
		default:
			q = query.LightBlock{Height: a}
		}
		k := query.Known{TrustedHeight: b, MinStateHeight: c, RootVersion: d, ForFile: flags&4 != 0}
		for _, r := range []byte(files) {
			k.Held = append(k.Held, [32]byte{r})
		}
		slices.SortFunc(k.Held, func(a, b [32]byte) int { return slices.Compare(a[:], b[:]) })
		k.Held = slices.Compact(k.Held)

		path, values := query.Encode(q, k)
		got, known, err := query.Parse(path, values)
		if err != nil {
			if valid := q.Check() == nil && len(k.Held) <= query.MaxHeld && max(b, c, d) < 1<<63; valid {
				t.Fatalf("%T %+v is refused: %v", q, q, err)
			}
			return
		}
		if q.Check() != nil {
			if equal(got, q) == "" {
				t.Fatalf("%T %+v is accepted", q, q)
			}
			return
		}
		if diff := equal(got, q); diff != "" {
			t.Fatalf("another question: %s", diff)
		}
		// What has no place in a question is left out, and nothing is added.
		want := k
		switch q := q.(type) {
		case query.Resolve:
			if q.Assurance == query.LedgerAssurance {
				want.RootVersion, want.Held = 0, nil
			}
			if k.ForFile {
				want.TrustedHeight = 0
			}
		case query.Metadata, query.Content, query.LightBlock:
			want = query.Known{}
		default:
			want = query.Known{TrustedHeight: b, MinStateHeight: c}
		}
		if diff := equal(known, want); diff != "" {
			t.Fatalf("something else is known: %s", diff)
		}
	})
}

// FuzzParse: a question that is accepted is written as Encode writes it.
func FuzzParse(f *testing.F) {
	f.Add("/v1/resolve", "ref=registry.example.com%2Fapp%3A1.0&root_version=1&file=1")
	f.Add("/v1/image", "digest="+digest.String()+"&repository=registry.example.com%2Fapp")
	f.Add("/v1/image", "digest="+digest.String()+"&trusted_height=4&min_state_height=3")
	f.Add("/v1/repository", "name=localhost:5000/a&role=targets/ci&held=0000000000000000000000000000000000000000000000000000000000000000")
	f.Add("/v1/history", "repository=localhost:5000/a&before=4&index=3&limit=2")
	f.Add("/v1/receipt/0000000000000000000000000000000000000000000000000000000000000000", "height=4")
	f.Add("/v1/log/inclusion", "index=0&size=4")
	f.Add("/v1/log/consistency", "first=1&second=4")
	f.Add("/v1/metadata", "repository=localhost:5000/a&role=root&version=1")
	f.Add("/v1/metadata/0000000000000000000000000000000000000000000000000000000000000000", "")
	f.Add("/v1/light-block", "height=4")
	f.Fuzz(func(t *testing.T, path, data string) {
		values, err := url.ParseQuery(data)
		if err != nil {
			return
		}
		q, k, err := query.Parse(path, values)
		if err != nil {
			return
		}
		if err := q.Check(); err != nil {
			t.Fatalf("accepted: %v", err)
		}
		again, encoded := query.Encode(q, k)
		if again != path || !maps.EqualFunc(encoded, values, slices.Equal[[]string]) {
			t.Fatalf("%s?%s is taken for %s?%s", path, data, again, encoded.Encode())
		}
	})
}
