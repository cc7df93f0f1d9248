package client_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/reference"
)

// fileNames returns the names below files/ in a home, without those of repositories.
func fileNames(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "files", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

func keptPath(dir, repository string, content []byte) string {
	return filepath.Join(dir, "files", fmt.Sprintf("%x", sha256.Sum256([]byte(repository))), fmt.Sprintf("%x.json", sha256.Sum256(content)))
}

// TestHeldFiles: a client names to nodes the targets files that an earlier process
// kept; one that the disk has changed is as good as absent, with a warning, and comes
// back.
func TestHeldFiles(t *testing.T) {
	n := newNetwork(t, 1)
	dir := t.TempDir()
	resolve := func() (held bool, warnings []client.Warning) {
		t.Helper()
		c := n.client(func(o *client.Options) { o.Store = n.home(dir) })
		before := len(n.nodes[0].seen())
		result, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
		if err != nil || result.Targets == nil {
			t.Fatalf("result %v, error %v", result, err)
		}
		for _, call := range n.nodes[0].seen()[before:] {
			held = held || strings.Contains(call, "held=")
		}
		return held, warnings
	}
	if held, warnings := resolve(); held || len(warnings) > 0 {
		t.Errorf("first: held %v, warnings %v", held, warnings)
	}
	file := n.chain.Newest().Bundle(ref(app + ":latest")).Targets[0]
	path := keptPath(dir, app, file)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", info, err)
	}
	if held, warnings := resolve(); !held || len(warnings) > 0 {
		t.Errorf("second: held %v, warnings %v", held, warnings)
	}
	for _, damage := range []struct {
		name string
		do   func()
	}{
		{"a flipped bit", func() { flip(t, path) }},
		{"emptied", func() { write(t, path, "") }},
		{"too large", func() { write(t, path, strings.Repeat(" ", 5_000_001)) }},
	} {
		t.Run(damage.name, func(t *testing.T) {
			damage.do()
			held, warnings := resolve()
			if held || len(warnings) != 1 || warnings[0].Node != "" || !errors.Is(warnings[0].Err, client.ErrDamaged) {
				t.Errorf("held %v, warnings %v", held, warnings)
			}
			if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, file) {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			if held, warnings := resolve(); !held || len(warnings) > 0 {
				t.Errorf("afterwards: held %v, warnings %v", held, warnings)
			}
		})
	}
	// A directory that can't be written costs the files, not the verdict.
	if err := os.RemoveAll(filepath.Join(dir, "files")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "files"), "in the way")
	if held, warnings := resolve(); held || len(warnings) == 0 || warnings[0].Node != "" {
		t.Errorf("without a directory: held %v, warnings %v", held, warnings)
	}
}

// TestHeldFilesTraffic: asked again, a repository of a thousand tags costs a small part
// of the first answer, also in a new process.
func TestHeldFilesTraffic(t *testing.T) {
	n := newNetwork(t, 1)
	tags := fixture.Tags{"latest": "two"}
	for i := range 999 {
		tags[fmt.Sprintf("1.%d", i)] = fmt.Sprintf("image %d", i)
	}
	n.commit(n.app.Publish(3, tags))
	n.commit()
	sent := 0
	n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		q, k, ok := question(r)
		if !ok {
			return false
		}
		n.do(func(c *bundletest.Chain) {
			b := c.Newest().BundleFor(q, k)
			answer, err := bundle.Encode(b)
			if err != nil {
				t.Error(err)
			}
			sent = len(answer)
			_, _ = w.Write(answer)
		})
		return true
	})
	dir := t.TempDir()
	var sizes []int
	for range 3 {
		c := n.client(func(o *client.Options) { o.Store = n.home(dir) })
		if _, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil || len(warnings) > 0 {
			t.Fatalf("error %v, warnings %v", err, warnings)
		}
		sizes = append(sizes, sent)
	}
	t.Logf("bytes of three answers: %d", sizes)
	if sizes[1]*10 > sizes[0] || sizes[2] > sizes[1] {
		t.Errorf("answers of %d bytes", sizes)
	}
}

// TestKeepFiles: only the newest files of a repository are kept, what others are
// writing stays, and what they gave up goes.
func TestKeepFiles(t *testing.T) {
	dir := t.TempDir()
	h, err := client.OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := reference.MustParseRepository(app)
	keep := func(files ...string) {
		t.Helper()
		var content [][]byte
		for _, f := range files {
			content = append(content, []byte(f))
		}
		if err := h.KeepFiles(r, content); err != nil {
			t.Fatal(err)
		}
	}
	keep("one", "two")
	parent := filepath.Dir(keptPath(dir, app, nil))
	young, old := filepath.Join(parent, ".tmp-1"), filepath.Join(parent, ".tmp-2")
	write(t, young, "half")
	write(t, old, "half")
	long := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	keep("two", "three")
	got, err := h.HeldFiles(r)
	if err != nil || len(got) != 2 {
		t.Fatalf("%q, %v", got, err)
	}
	for _, path := range []string{keptPath(dir, app, []byte("two")), keptPath(dir, app, []byte("three")), young} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
	if names := fileNames(t, dir); len(names) != 3 {
		t.Errorf("kept %q", names)
	}
}

// TestKeepFilesBounded: the files of the repositories that were used the longest time
// ago give way.
func TestKeepFilesBounded(t *testing.T) {
	dir := t.TempDir()
	h, err := client.OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	const size, room = 1000, 3
	name := func(i int) string { return fmt.Sprintf("%s-%d", app, i) }
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, size) }
	use := func(i int, at int) {
		t.Helper()
		if err := client.KeepFilesWithin(h, reference.MustParseRepository(name(i)), [][]byte{content(i)}, size*room); err != nil {
			t.Fatal(err)
		}
		moment := time.Unix(int64(1_700_000_000+at), 0)
		if err := os.Chtimes(filepath.Dir(keptPath(dir, name(i), nil)), moment, moment); err != nil {
			t.Fatal(err)
		}
	}
	var kept []int
	for at, i := range []int{0, 1, 2, 0, 3, 4} {
		use(i, at)
	}
	for i := range 5 {
		if _, err := os.Stat(keptPath(dir, name(i), content(i))); err == nil {
			kept = append(kept, i)
		}
	}
	if diff := cmp.Diff([]int{0, 3, 4}, kept); diff != "" {
		t.Error(diff)
	}
	// More than there is room for is not kept at all.
	big := [][]byte{bytes.Repeat([]byte("x"), size*room+1)}
	if err := client.KeepFilesWithin(h, reference.MustParseRepository(name(0)), big, size*room); err != nil {
		t.Fatal(err)
	}
	if got, err := h.HeldFiles(reference.MustParseRepository(name(0))); err != nil || len(got) != 0 {
		t.Errorf("%d files, %v", len(got), err)
	}
}

// TestKeepFilesTogether: processes that keep, read and evict at the same time see
// whole files or none.
func TestKeepFilesTogether(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			h, err := client.OpenHome(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 50 {
				r := reference.MustParseRepository(fmt.Sprintf("%s-%d", app, i%3))
				files := [][]byte{bytes.Repeat([]byte{byte(worker)}, 5000), bytes.Repeat([]byte{byte(i)}, 5000)}
				// Another one may evict the directory in the middle, which is an error
				// about a cache and nothing more.
				_ = client.KeepFilesWithin(h, r, files, 25_000)
				if _, err := h.HeldFiles(r); errors.Is(err, client.ErrDamaged) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkKeepFiles keeps files of new repositories in a home that has those of many.
func BenchmarkKeepFiles(b *testing.B) {
	h, err := client.OpenHome(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	file := bytes.Repeat([]byte("x"), 20<<10)
	keep := func(i int) {
		if err := h.KeepFiles(reference.MustParseRepository(fmt.Sprint("registry.example.com/app-", i)), [][]byte{file}); err != nil {
			b.Fatal(err)
		}
	}
	const many = 3000
	for i := range many {
		keep(i)
	}
	for i := many; b.Loop(); i++ {
		keep(i)
	}
}
