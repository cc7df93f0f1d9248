package reference_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/reference"
)

const vectorDir = "../tests/vectors/reference"

// vector is one case of the shared test vectors. Want is "ok" or the class of
// the refusal.
type vector struct {
	Name      string `json:"name"`
	Input     string `json:"input"`
	Repeat    int    `json:"repeat,omitempty"`
	Want      string `json:"want"`
	Canonical string `json:"canonical,omitempty"`
	Familiar  string `json:"familiar,omitempty"`
}

// text is the input, or the input with its last byte repeated until it is
// Repeat bytes long, so that long cases stay readable.
func (v vector) text() string {
	if v.Repeat == 0 {
		return v.Input
	}
	return v.Input + strings.Repeat(v.Input[len(v.Input)-1:], v.Repeat-len(v.Input))
}

func loadVectors(t testing.TB, file string) []vector {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(vectorDir, file))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatalf("couldn't read %s: %v", file, err)
	}
	if len(vectors) == 0 {
		t.Fatalf("%s has no vectors", file)
	}
	return vectors
}

func class(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, reference.ErrInvalidRepository):
		return "repository"
	case errors.Is(err, reference.ErrInvalidNamespace):
		return "namespace"
	case errors.Is(err, reference.ErrInvalidTag):
		return "tag"
	case errors.Is(err, reference.ErrInvalidDigest):
		return "digest"
	case errors.Is(err, reference.ErrInvalidReference):
		return "reference"
	default:
		return "unclassified: " + err.Error()
	}
}

// checkVectors runs a parser over a file of vectors. The parser returns the
// canonical and the familiar text of what it read.
func checkVectors(t *testing.T, file string, parse func(string) (canonical, familiar string, err error)) {
	for _, v := range loadVectors(t, file) {
		t.Run(v.Name, func(t *testing.T) {
			canonical, familiar, err := parse(v.text())
			if got := class(err); got != v.Want {
				t.Fatalf("parsing %q: got %s (%v), want %s", v.text(), got, err, v.Want)
			}
			if v.Want != "ok" {
				if len(err.Error()) > 500 {
					t.Errorf("the error repeats %d bytes of the input", len(err.Error()))
				}
				return
			}
			want := v.Canonical
			if want == "" {
				want = v.text()
			}
			if diff := cmp.Diff(want, canonical); diff != "" {
				t.Errorf("canonical text (-want +got):\n%s", diff)
			}
			if v.Familiar != "" {
				if diff := cmp.Diff(v.Familiar, familiar); diff != "" {
					t.Errorf("familiar text (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestRepositoryVectors(t *testing.T) {
	checkVectors(t, "repositories.json", func(text string) (string, string, error) {
		r, err := reference.ParseRepository(text)
		return r.String(), r.Familiar(), err
	})
}

func TestCanonicalRepositoryVectors(t *testing.T) {
	checkVectors(t, "canonical-repositories.json", func(text string) (string, string, error) {
		r, err := reference.ParseCanonicalRepository(text)
		return r.String(), r.Familiar(), err
	})
}

func TestReferenceVectors(t *testing.T) {
	checkVectors(t, "references.json", func(text string) (string, string, error) {
		r, err := reference.ParseReference(text)
		return r.String(), r.Familiar(), err
	})
}

func TestTagVectors(t *testing.T) {
	checkVectors(t, "tags.json", func(text string) (string, string, error) {
		tag, err := reference.ParseTag(text)
		return tag.String(), tag.String(), err
	})
}

func TestDigestVectors(t *testing.T) {
	checkVectors(t, "digests.json", func(text string) (string, string, error) {
		d, err := reference.ParseDigest(text)
		return d.String(), d.String(), err
	})
}

func TestNamespaceVectors(t *testing.T) {
	checkVectors(t, "namespaces.json", func(text string) (string, string, error) {
		n, err := reference.ParseNamespace(text)
		return n.String(), n.String(), err
	})
}

// TestCanonicalAcceptsOnlyItself: for every name the lenient parser accepts, the
// strict one accepts the canonical text and nothing else.
func TestCanonicalAcceptsOnlyItself(t *testing.T) {
	for _, v := range loadVectors(t, "repositories.json") {
		r, err := reference.ParseRepository(v.text())
		if err != nil {
			continue
		}
		_, err = reference.ParseCanonicalRepository(v.text())
		if canonical := r.String() == v.text(); canonical != (err == nil) {
			t.Errorf("%q: canonical is %v but the strict parser said %v", v.text(), canonical, err)
		}
	}
}

func TestNamespaceContains(t *testing.T) {
	tests := []struct {
		name       string
		namespace  string
		repository string
		want       bool
	}{
		{"host", "registry.example.com", "registry.example.com/team/app", true},
		{"host and one component", "registry.example.com/team", "registry.example.com/team/app", true},
		{"the repository itself", "registry.example.com/team/app", "registry.example.com/team/app", true},
		{"official images", "docker.io/library", "nginx", true},
		{"a whole registry", "docker.io", "user/app", true},
		{"half a component", "docker.io/lib", "nginx", false},
		{"half a host", "registry.example.co", "registry.example.com/app", false},
		{"another port", "registry.example.com", "registry.example.com:5000/app", false},
		{"the same port", "registry.example.com:5000", "registry.example.com:5000/app", true},
		{"half a port", "registry.example.com:500", "registry.example.com:5000/app", false},
		{"subdomain", "example.com", "registry.example.com/app", false},
		{"longer than the repository", "registry.example.com/team/app/x", "registry.example.com/team/app", false},
		{"sibling with the same beginning", "registry.example.com/team", "registry.example.com/team-two/app", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			n := reference.MustParseNamespace(tc.namespace)
			r := reference.MustParseRepository(tc.repository)
			if got := n.Contains(r); got != tc.want {
				t.Errorf("%s contains %s: got %v, want %v", n, r, got, tc.want)
			}
		})
	}
	if (reference.Namespace{}).Contains(reference.MustParseRepository("nginx")) {
		t.Error("the zero namespace contains something")
	}
	if (reference.Namespace{}).Contains(reference.Repository{}) {
		t.Error("the zero namespace contains the zero repository")
	}
}

// TestNamespaceWalk: the chain of parents is every namespace that contains the
// repository, longest first, and each of them parses.
func TestNamespaceWalk(t *testing.T) {
	r := reference.MustParseRepository("registry.example.com:5000/a/b/c")
	var got []string
	for n, ok := r.Namespace(), true; ok; n, ok = n.Parent() {
		if !n.Contains(r) {
			t.Errorf("%s does not contain %s", n, r)
		}
		if parsed, err := reference.ParseNamespace(n.String()); err != nil || parsed != n {
			t.Errorf("%s does not parse back: %v", n, err)
		}
		got = append(got, n.String())
	}
	want := []string{
		"registry.example.com:5000/a/b/c",
		"registry.example.com:5000/a/b",
		"registry.example.com:5000/a",
		"registry.example.com:5000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("walk (-want +got):\n%s", diff)
	}
	if _, ok := (reference.Namespace{}).Parent(); ok {
		t.Error("the zero namespace has a parent")
	}
}

func TestReferenceParts(t *testing.T) {
	digest := reference.SumSHA256([]byte("manifest"))
	r := reference.MustParseReference("nginx:1.27@" + digest.String())
	tag, hasTag := r.Tag()
	d, hasDigest := r.Digest()
	if !hasTag || tag != reference.MustParseTag("1.27") || !hasDigest || d != digest {
		t.Errorf("got tag %q (%v) and digest %q (%v)", tag, hasTag, d, hasDigest)
	}
	byDigest := reference.MustParseReference("nginx@" + digest.String())
	if _, hasTag := byDigest.Tag(); hasTag {
		t.Error("a reference by digest has a tag")
	}
	repository := reference.MustParseRepository("nginx")
	if got := repository.WithDigest(digest); got != byDigest {
		t.Errorf("got %s, want %s", got, byDigest)
	}
	if got := repository.WithTag(tag).WithDigest(digest); got != r {
		t.Errorf("got %s, want %s", got, r)
	}
}

func TestDigestMatches(t *testing.T) {
	content := []byte("manifest")
	// The output of sha256sum, sha384sum and sha512sum for the eight bytes above.
	tests := []struct {
		algorithm reference.Algorithm
		text      string
	}{
		{reference.SHA256, "sha256:05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f"},
		{reference.SHA384, "sha384:d6d15c3b2f43a5324b25aff9b1ad9a534d890f8e0ffece7e4308ff64e69465674b59cda506274d9faa497dd53afa17e3"},
		{reference.SHA512, "sha512:4f7acd5c168dd90855125893706174eeebbf75932e9f58011ecfd630470028d2c232fcc8798673b7029d0bfab0d8ca22375ebd5e7a08ee495be903288b096d2a"},
	}
	for _, tc := range tests {
		t.Run(tc.algorithm.String(), func(t *testing.T) {
			d := reference.MustParseDigest(tc.text)
			if d.Algorithm() != tc.algorithm || d.String() != tc.text {
				t.Errorf("got %s by algorithm %d", d, d.Algorithm())
			}
			if !d.Matches(content) {
				t.Error("the digest does not match its content")
			}
			if d.Matches(append(content, 0)) {
				t.Error("the digest matches other content")
			}
			b := d.Bytes()
			if again, err := reference.NewDigest(tc.algorithm, b); err != nil || again != d {
				t.Errorf("got %s, %v from the bytes of %s", again, err, d)
			}
			b[0] ^= 1
			if d.Bytes()[0] == b[0] {
				t.Error("Bytes shares memory with the digest")
			}
			for _, size := range []int{0, len(b) - 1, len(b) + 1} {
				if _, err := reference.NewDigest(tc.algorithm, make([]byte, size)); !errors.Is(err, reference.ErrInvalidDigest) {
					t.Errorf("%d bytes: got %v, want ErrInvalidDigest", size, err)
				}
			}
		})
	}
	if got := reference.SumSHA256(content); got.String() != tests[0].text {
		t.Errorf("got %s, want %s", got, tests[0].text)
	}
	for _, algorithm := range []reference.Algorithm{0, 4, 255} {
		if _, err := reference.NewDigest(algorithm, nil); !errors.Is(err, reference.ErrInvalidDigest) {
			t.Errorf("algorithm %d: got %v", algorithm, err)
		}
	}
	if (reference.Digest{}).Matches(nil) {
		t.Error("the zero digest matches nothing at all")
	}
}

// TestZeroValues: a forgotten field never looks like a name.
func TestZeroValues(t *testing.T) {
	zeros := []interface {
		String() string
		IsZero() bool
	}{
		reference.Repository{}, reference.Namespace{}, reference.Tag{}, reference.Digest{}, reference.Reference{},
	}
	for _, zero := range zeros {
		if got := zero.String(); got != "" || !zero.IsZero() {
			t.Errorf("%T prints %q, IsZero is %v", zero, got, zero.IsZero())
		}
	}
}

func TestText(t *testing.T) {
	type document struct {
		Repository reference.Repository
		Namespace  reference.Namespace
		Tag        reference.Tag
		Digest     reference.Digest
		Reference  reference.Reference
		ByName     map[reference.Repository]int
	}
	want := document{
		Repository: reference.MustParseRepository("nginx"),
		Namespace:  reference.MustParseNamespace("docker.io/library"),
		Tag:        reference.Latest(),
		Digest:     reference.SumSHA256(nil),
		Reference:  reference.MustParseReference("nginx:1@" + reference.SumSHA256(nil).String()),
		ByName:     map[reference.Repository]int{reference.MustParseRepository("user/app"): 1},
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got document
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b reference.Repository) bool { return a == b }),
		cmp.Comparer(func(a, b reference.Namespace) bool { return a == b }),
		cmp.Comparer(func(a, b reference.Tag) bool { return a == b }),
		cmp.Comparer(func(a, b reference.Digest) bool { return a == b }),
		cmp.Comparer(func(a, b reference.Reference) bool { return a == b })); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
	refused := map[string]string{
		"repository": `{"Repository":"nginx"}`,
		"namespace":  `{"Namespace":"library"}`,
		"tag":        `{"Tag":""}`,
		"digest":     `{"Digest":"sha256:00"}`,
		"reference":  `{"Reference":""}`,
	}
	for want, raw := range refused {
		if err := json.Unmarshal([]byte(raw), &document{}); class(err) != want {
			t.Errorf("%s: got %v, want class %s", raw, err, want)
		}
	}
}
