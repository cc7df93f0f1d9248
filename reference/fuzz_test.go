package reference_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"

	"hullmark/reference"
)

// The grammar of the package comment as one regular expression: slow, obvious,
// and written from the comment instead of from the code.
var (
	repositoryGrammar = regexp.MustCompile(`^(localhost|[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[1-9][0-9]{0,4})?)` +
		`(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)+$`)
	tagGrammar    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
	digestGrammar = regexp.MustCompile(`^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$`)
)

func addSeeds(f *testing.F, files ...string) {
	f.Helper()
	for _, file := range files {
		for _, v := range loadVectors(f, file) {
			if v.Repeat <= 4096 {
				f.Add(v.text())
			}
		}
	}
}

// registryName is the name that go-containerregistry gives an accepted text, with
// its spelling of Docker Hub replaced by the canonical one.
func registryName(r name.Repository) string {
	host := r.RegistryStr()
	if host == name.DefaultRegistry {
		host = reference.DockerHub
	}
	return host + "/" + r.RepositoryStr()
}

// checkRepository holds for whatever ParseRepository says about any text.
func checkRepository(t *testing.T, text string) {
	t.Helper()
	r, err := reference.ParseRepository(text)
	if err != nil {
		if class(err) != "repository" {
			t.Fatalf("%q: class %s", text, class(err))
		}
		if _, err := reference.ParseCanonicalRepository(text); err == nil {
			t.Fatalf("%q is canonical but not valid", text)
		}
		return
	}
	canonical := r.String()
	if len(canonical) > reference.MaxRepositoryLength || !repositoryGrammar.MatchString(canonical) {
		t.Fatalf("%q became %q, which is outside the grammar", text, canonical)
	}
	if again, err := reference.ParseCanonicalRepository(canonical); err != nil || again != r {
		t.Fatalf("%q became %q, which became %q (%v)", text, canonical, again, err)
	}
	if again, err := reference.ParseRepository(r.Familiar()); err != nil || again != r {
		t.Fatalf("%q is displayed as %q, which is %q (%v)", text, r.Familiar(), again, err)
	}
	if len(r.Familiar()) > len(canonical) {
		t.Fatalf("%q is displayed as %q", canonical, r.Familiar())
	}
	other, err := name.NewRepository(text)
	if err == nil && registryName(other) != canonical {
		t.Fatalf("%q is %q here and %q to go-containerregistry", text, canonical, registryName(other))
	}
	if other, err := name.NewRepository(canonical); err != nil || registryName(other) != canonical {
		t.Fatalf("go-containerregistry reads %q as %q (%v)", canonical, registryName(other), err)
	}
}

func checkReference(t *testing.T, text string) {
	t.Helper()
	r, err := reference.ParseReference(text)
	if err != nil {
		if strings.HasPrefix(class(err), "unclassified") {
			t.Fatalf("%q: %v", text, err)
		}
		return
	}
	tag, hasTag := r.Tag()
	digest, hasDigest := r.Digest()
	if !hasTag && !hasDigest {
		t.Fatalf("%q has neither tag nor digest", text)
	}
	if hasTag && !tagGrammar.MatchString(tag.String()) {
		t.Fatalf("%q has the tag %q", text, tag)
	}
	if hasDigest && !digestGrammar.MatchString(digest.String()) {
		t.Fatalf("%q has the digest %q", text, digest)
	}
	for _, form := range []string{r.String(), r.Familiar()} {
		if again, err := reference.ParseReference(form); err != nil || again != r {
			t.Fatalf("%q became %q, which became %q (%v)", text, form, again, err)
		}
	}
	other, err := name.ParseReference(text)
	if err != nil {
		return
	}
	if got := registryName(other.Context()); got != r.Repository().String() {
		t.Fatalf("%q is in %q here and in %q to go-containerregistry", text, r.Repository(), got)
	}
	// go-containerregistry forgets the tag of a reference that has a digest.
	want := tag.String()
	if hasDigest {
		want = digest.String()
	}
	if other.Identifier() != want {
		t.Fatalf("%q means %q here and %q to go-containerregistry", text, want, other.Identifier())
	}
}

// TestRegistryLibraryAgrees runs the vectors through go-containerregistry, so
// that whatever both accept means the same to both.
func TestRegistryLibraryAgrees(t *testing.T) {
	for _, v := range loadVectors(t, "repositories.json") {
		checkRepository(t, v.text())
	}
	for _, v := range loadVectors(t, "references.json") {
		checkReference(t, v.text())
	}
}

func FuzzParseRepository(f *testing.F) {
	addSeeds(f, "repositories.json", "canonical-repositories.json")
	f.Fuzz(checkRepository)
}

func FuzzParseReference(f *testing.F) {
	addSeeds(f, "references.json", "digests.json", "tags.json")
	f.Fuzz(checkReference)
}

func FuzzParseNamespace(f *testing.F) {
	addSeeds(f, "namespaces.json", "canonical-repositories.json")
	f.Fuzz(func(t *testing.T, text string) {
		n, err := reference.ParseNamespace(text)
		if err != nil {
			if class(err) != "namespace" {
				t.Fatalf("%q: class %s", text, class(err))
			}
			return
		}
		if n.String() != text {
			t.Fatalf("%q became %q", text, n)
		}
		// Two more components make a repository name, and one in the namespace.
		if r, err := reference.ParseCanonicalRepository(text + "/a/b"); err == nil && !n.Contains(r) {
			t.Fatalf("%s does not contain %s", n, r)
		} else if err != nil && len(text)+len("/a/b") <= reference.MaxRepositoryLength {
			t.Fatalf("%q is a namespace but %q is no repository: %v", text, text+"/a/b", err)
		}
		if parent, ok := n.Parent(); ok {
			if !parent.Covers(n) || n.Covers(parent) {
				t.Fatalf("%s and its parent %s", n, parent)
			}
			if _, err := reference.ParseNamespace(parent.String()); err != nil {
				t.Fatalf("the parent of %s: %v", n, err)
			}
		}
	})
}

func FuzzParseDigest(f *testing.F) {
	addSeeds(f, "digests.json")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := reference.ParseDigest(text)
		if (err == nil) != digestGrammar.MatchString(text) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && d.String() != text {
			t.Fatalf("%q became %q", text, d)
		}
	})
}

func FuzzParseTag(f *testing.F) {
	addSeeds(f, "tags.json")
	f.Fuzz(func(t *testing.T, text string) {
		tag, err := reference.ParseTag(text)
		if (err == nil) != tagGrammar.MatchString(text) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && tag.String() != text {
			t.Fatalf("%q became %q", text, tag)
		}
	})
}
