package client_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

// home returns a client home with the network's trust anchor.
func (n *network) home(dir string) *client.Home {
	n.tb.Helper()
	h, err := client.OpenHome(dir)
	if err != nil {
		n.tb.Fatal(err)
	}
	b, err := n.anchor().Encode()
	if err != nil {
		n.tb.Fatal(err)
	}
	if _, err := h.ImportAnchor(n.tb.Context(), b, n.now()); err != nil {
		n.tb.Fatal(err)
	}
	return h
}

// repositoryHash is the name of a repository in a home.
func repositoryHash(name string) string { return hexOf(sum([]byte(name))) }

// repositoryFile is where a home keeps what it knows of a repository.
func repositoryFile(name string) string {
	return "memory/repositories/" + repositoryHash(name) + ".json"
}

// modes returns what is in a directory, with permissions.
func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	out := make(map[string]fs.FileMode)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == "." {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[path] = info.Mode().Perm()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Test that a client remembers from one process to the next.
func TestHomeRemembers(t *testing.T) {
	n := newNetwork(t, 1)
	dir := filepath.Join(t.TempDir(), "home")
	c := n.client(func(o *client.Options) { o.Store = n.home(dir) })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	again, err := client.OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := again.Load(t.Context(), ref(app).Repository)
	if err != nil {
		t.Fatal(err)
	}
	if seen, ok := m.Repository(ref(app).Repository); !ok || seen.Revision != 3 || m.TrustedHeight() != 4 {
		t.Errorf("remembered %+v", seen)
	}
	// The same anchor again changes nothing.
	n.home(dir)
	if m, err := again.Load(t.Context(), ref(app).Repository); err != nil || m.TrustedHeight() != 4 {
		t.Errorf("error %v", err)
	}
	want := map[string]fs.FileMode{
		"trust.json": 0o600, "lock": 0o600, "stamp": 0o600, "memory": 0o700, "memory/chain.json": 0o600,
		"memory/repositories": 0o700, repositoryFile(app): 0o600,
		"files": 0o700, "files/" + repositoryHash(app): 0o700,
		"files/" + repositoryHash(app) + "/" + hexOf(sum(n.chain.Newest().Bundle(ref(app + ":latest")).Targets[0])) + ".json": 0o600,
	}
	if diff := cmp.Diff(want, modes(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	// An answer from before is refused by the next process too.
	n.nodes[0].lie(n.answersFrom(2))
	c = n.client(func(o *client.Options) { o.Store = again })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); !errors.Is(err, bundle.ErrBehind) {
		t.Errorf("error %v", err)
	}
}

// Test that a renewed anchor keeps what is known, and one of another ledger is
// refused while anything is.
func TestImportAnchor(t *testing.T) {
	n := newNetwork(t, 1)
	dir := t.TempDir()
	h := n.home(dir)
	c := n.client(func(o *client.Options) { o.Store = h })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	n.commit()
	renewed, err := n.chain.Anchor(5).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ImportAnchor(t.Context(), renewed, n.now()); err != nil {
		t.Fatal(err)
	}
	m, err := h.Load(t.Context(), ref(app).Repository)
	if err != nil {
		t.Fatal(err)
	}
	if seen, ok := m.Repository(ref(app).Repository); !ok || seen.Revision != 3 || m.Blocks()[0].Height != 1 || !m.StartsFrom(n.chain.Anchor(5)) {
		t.Errorf("remembered %+v", seen)
	}
	consortium := fixture.NewConsortium(t, 4)
	consortium.Name = "elsewhere"
	foreign := bundletest.NewChain(t, consortium)
	foreign.Commit()
	b, err := foreign.Anchor(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ImportAnchor(t.Context(), b, n.now()); !errors.Is(err, bundle.ErrWrongLedger) {
		t.Errorf("error %v", err)
	}
	if _, err := h.ImportAnchor(t.Context(), []byte("{}"), n.now()); !errors.Is(err, bundle.ErrAnchor) {
		t.Errorf("error %v", err)
	}
	if a, err := h.Anchor(); err != nil || a.Block.Height != 5 {
		t.Errorf("anchor %v, error %v", a, err)
	}
}

// Test that a home that cannot be read or written means no verdict, and no other
// node is bothered.
func TestHomeFails(t *testing.T) {
	n := newNetwork(t, 2)
	requests := func() int { return len(n.nodes[0].seen()) + len(n.nodes[1].seen()) }
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, dir string)
		err   error
	}{
		{"no anchor", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "trust.json")) }, client.ErrNoAnchor},
		{"garbage anchor", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "trust.json"), "{}") }, bundle.ErrAnchor},
		{"garbage light blocks", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "memory/chain.json"), "{}") }, bundle.ErrMemory},
		{"empty light blocks", func(t *testing.T, dir string) { write(t, filepath.Join(dir, "memory/chain.json"), "") }, bundle.ErrMemory},
		{"light blocks are a directory", func(t *testing.T, dir string) { replaceByDirectory(t, filepath.Join(dir, "memory/chain.json")) }, client.ErrStore},
		{"garbage repository", func(t *testing.T, dir string) { write(t, filepath.Join(dir, repositoryFile(app)), "{}") }, bundle.ErrMemory},
		{"empty repository", func(t *testing.T, dir string) { write(t, filepath.Join(dir, repositoryFile(app)), "") }, bundle.ErrMemory},
		{"large repository", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, repositoryFile(app)), strings.Repeat(" ", bundle.MaxSeenSize+1))
		}, bundle.ErrMemory},
		{"flipped bit", func(t *testing.T, dir string) { flip(t, filepath.Join(dir, repositoryFile(app))) }, bundle.ErrMemory},
		{"repository is a directory", func(t *testing.T, dir string) { replaceByDirectory(t, filepath.Join(dir, repositoryFile(app))) }, client.ErrStore},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			h := n.home(dir)
			cl := n.client(func(o *client.Options) { o.Store = h })
			if _, _, _, err := cl.Resolve(t.Context(), ref(app+":latest")); err != nil {
				t.Fatal(err)
			}
			before := requests()
			c.spoil(t, dir)
			result, _, _, err := cl.Resolve(t.Context(), ref(app+":latest"))
			if result != nil || !errors.Is(err, c.err) || client.ClassOf(err) != bundle.Other {
				t.Errorf("result %v, error %v", result, err)
			}
			if requests() != before {
				t.Error("nodes were asked")
			}
		})
	}
}

// Test that a memory that can't be written, as on a full disk, costs no verdict: it
// is given with a warning, and remembered as soon as that is possible again.
func TestNotRemembered(t *testing.T) {
	for _, file := range []string{"memory/chain.json", repositoryFile(app)} {
		t.Run(file, func(t *testing.T) {
			n := newNetwork(t, 2)
			dir := t.TempDir()
			h := n.home(dir)
			// A directory with something in it can't be replaced by a file; reading
			// comes first, so it appears under the lock.
			obstacle := filepath.Join(dir, file, "obstacle")
			o := obstructed{h, func() {
				if err := os.MkdirAll(obstacle, 0o700); err != nil {
					t.Fatal(err)
				}
			}, func() {
				if err := os.RemoveAll(filepath.Join(dir, file)); err != nil {
					t.Fatal(err)
				}
			}}
			c := n.client(func(opt *client.Options) { opt.Store = o })
			warned := func(what string, warnings []client.Warning, err error) {
				t.Helper()
				if err != nil || len(warnings) != 1 || !errors.Is(warnings[0].Err, client.ErrNotRemembered) ||
					warnings[0].Class != bundle.Other || warnings[0].Node != "" || strings.HasPrefix(warnings[0].String(), "node") {
					t.Errorf("%s: error %v, warnings %v", what, err, warnings)
				}
			}
			result, proof, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
			warned("look-up", warnings, err)
			if result.Digest != fixture.Digest("two") {
				t.Errorf("result %+v", result)
			}
			data, err := bundle.Encode(proof)
			if err != nil {
				t.Fatal(err)
			}
			result, warnings, err = c.VerifyBundle(t.Context(), data, ref(app+":latest"), bundle.OfflinePolicy())
			warned("bundle", warnings, err)
			if result.Digest != fixture.Digest("two") {
				t.Errorf("result %+v", result)
			}
			// A no stays a no.
			_, _, _, err = c.Resolve(t.Context(), ref(app+":missing"))
			if !errors.Is(err, bundle.ErrAbsentTag) || !errors.Is(err, client.ErrNotRemembered) || client.ClassOf(err) != bundle.NotTrusted {
				t.Errorf("error %v", err)
			}
			// With room again, everything is remembered.
			c = n.client(func(opt *client.Options) { opt.Store = h })
			if _, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil || len(warnings) != 0 {
				t.Errorf("error %v, warnings %v", err, warnings)
			}
			m, err := h.Load(t.Context(), ref(app).Repository)
			if err != nil {
				t.Fatal(err)
			}
			if seen, ok := m.Repository(ref(app).Repository); !ok || seen.Revision != 3 || m.TrustedHeight() != 4 {
				t.Errorf("remembered %+v, block %d", seen, m.TrustedHeight())
			}
			if got := len(modes(t, dir)); got != 10 { // three of them below files/
				t.Errorf("%d files are left: %v", got, modes(t, dir))
			}
		})
	}
}

// obstructed is a home in which something is in the way while it is written.
type obstructed struct {
	*client.Home
	block, unblock func()
}

func (o obstructed) Update(ctx context.Context, loaded *bundle.Memory, change func(*bundle.Memory) (*bundle.Memory, error), r ...reference.Repository) error {
	defer o.unblock()
	return o.Home.Update(ctx, loaded, func(m *bundle.Memory) (*bundle.Memory, error) {
		o.block()
		return change(m)
	}, r...)
}

// Test that a verification reads and writes what it is about and nothing else: a
// damaged file costs the verdicts on its own repository only, and no file is
// touched without need.
func TestFilePerRepository(t *testing.T) {
	n := newNetwork(t, 1)
	const other = "registry.example.com/second"
	p := n.chain.NewPublisher(other)
	n.commit(p.Register(n.chain.Operators[0]))
	n.commit(p.Publish(1, fixture.Tags{"latest": "x"}))
	n.commit()
	dir := t.TempDir()
	h := n.home(dir)
	c := n.client(func(o *client.Options) { o.Store = h })
	ask := func(text string) error {
		_, _, _, err := c.Resolve(t.Context(), ref(text))
		return err
	}
	for _, name := range []string{app, other} {
		if err := ask(name + ":latest"); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, repositoryFile(other)), "{}")
	before, err := os.Stat(filepath.Join(dir, repositoryFile(app)))
	if err != nil {
		t.Fatal(err)
	}
	if err := ask(app + ":latest"); err != nil {
		t.Errorf("beside a damaged file: %v", err)
	}
	if after, err := os.Stat(filepath.Join(dir, repositoryFile(app))); err != nil || !os.SameFile(before, after) {
		t.Errorf("a file that says the same was replaced: %v", err)
	}
	err = ask(other + ":latest")
	if !errors.Is(err, bundle.ErrMemory) || !strings.Contains(err.Error(), filepath.Join(dir, repositoryFile(other))) || !strings.Contains(err.Error(), "rollback") {
		t.Errorf("error %v", err)
	}
	// Without it, only this repository starts anew.
	remove(t, filepath.Join(dir, repositoryFile(other)))
	if err := ask(other + ":latest"); err != nil {
		t.Error(err)
	}
	// The files of one repository are no good for another.
	b, err := os.ReadFile(filepath.Join(dir, repositoryFile(app)))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, repositoryFile(other)), string(b))
	if err := ask(other + ":latest"); !errors.Is(err, bundle.ErrMemory) {
		t.Errorf("error %v", err)
	}
}

// Test that what is known of repositories protects against rollback also when the
// light blocks were lost.
func TestLightBlocksLost(t *testing.T) {
	n := newNetwork(t, 1)
	dir := t.TempDir()
	h := n.home(dir)
	c := n.client(func(o *client.Options) { o.Store = h })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(dir, "memory/chain.json"))
	n.nodes[0].lie(n.answersFrom(2))
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); !errors.Is(err, bundle.ErrBehind) {
		t.Errorf("error %v", err)
	}
	n.nodes[0].lie(nil)
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Error(err)
	}
}

// Test that whoever is interrupted between the files of a memory, at any of them,
// finds a memory that works and has lost nothing that it had.
func TestInterruptedUpdate(t *testing.T) {
	n := newNetwork(t, 1)
	dir := t.TempDir()
	h := n.home(dir)
	c := n.client(func(o *client.Options) { o.Store = h })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	files := []string{repositoryFile(app), "memory/chain.json"}
	read := func() map[string]string {
		out := make(map[string]string)
		for _, name := range files {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			out[name] = string(b)
		}
		return out
	}
	before := read()
	n.commit()
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	after := read()
	for done := range len(files) + 1 {
		for i, name := range files {
			text := before[name]
			if i < done {
				text = after[name]
			}
			write(t, filepath.Join(dir, name), text)
		}
		if _, err := os.CreateTemp(filepath.Join(dir, "memory"), ".tmp-*"); err != nil {
			t.Fatal(err)
		}
		if _, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil || len(warnings) != 0 {
			t.Errorf("after %d of %d files: %v %v", done, len(files), err, warnings)
		}
		m, err := h.Load(t.Context(), ref(app).Repository)
		if err != nil {
			t.Fatal(err)
		}
		if seen, ok := m.Repository(ref(app).Repository); !ok || seen.Revision != 3 || m.TrustedHeight() != 5 {
			t.Errorf("after %d of %d files: %+v, block %d", done, len(files), seen, m.TrustedHeight())
		}
	}
}

// Test that no new trust anchor replaces a memory that cannot be read: that would
// drop the protection against rollback without a word. The error names the file.
func TestImportAnchorOverGarbage(t *testing.T) {
	n := newNetwork(t, 1)
	n.commit()
	renewed, err := n.chain.Anchor(5).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"garbage":   "{}",
		"truncated": "",
		"too large": strings.Repeat(" ", bundle.MaxMemorySize+1),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := n.home(dir)
			path := filepath.Join(dir, "memory/chain.json")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, path, text)
			_, err := h.ImportAnchor(t.Context(), renewed, n.now())
			if !errors.Is(err, bundle.ErrMemory) || errors.Is(err, bundle.ErrAnchor) || client.ClassOf(err) != bundle.Other ||
				!strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "rollback") {
				t.Errorf("error %v", err)
			}
			if a, err := h.Anchor(); err != nil || a.Block.Height != 1 {
				t.Errorf("anchor %v, error %v", a, err)
			}
			if info, err := os.Stat(path); err != nil || info.Size() != int64(len(text)) {
				t.Errorf("the memory was touched: %v", err)
			}
			remove(t, path)
			if _, err := h.ImportAnchor(t.Context(), renewed, n.now()); err != nil {
				t.Errorf("without memory: %v", err)
			}
		})
	}
}

// Test that an anchor with another block of a known height is refused, and that a
// fork leaves its evidence.
func TestImportAnchorConflict(t *testing.T) {
	n := newNetwork(t, 1)
	dir := t.TempDir()
	h := n.home(dir)
	c := n.client(func(o *client.Options) { o.Store = h })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	other := n.chain.Anchor(4)
	var err error
	if other.Block, err = bundle.DecodeLightBlock(n.chain.Ledger(), n.fork(4, 4)); err != nil {
		t.Fatal(err)
	}
	b, err := other.Encode()
	if err != nil {
		t.Fatal(err)
	}
	// The keys of validators that are no longer trusted may be anybody's, and stop nobody.
	expires := n.chain.Block(4).Time.Add(other.TrustingPeriod)
	for name, take := range map[string]func(context.Context, []byte, time.Time) (*client.Import, error){
		"import": h.ImportAnchor, "replace": h.ReplaceAnchor, "add": h.AddAnchor,
	} {
		if _, err := take(t.Context(), b, expires); !errors.Is(err, bundle.ErrHeader) || errors.Is(err, bundle.ErrFork) {
			t.Errorf("%s after the trusting period: %v", name, err)
		}
	}
	if _, err := h.Load(t.Context()); err != nil {
		t.Errorf("the home is stopped: %v", err)
	}
	if _, err := h.ImportAnchor(t.Context(), b, expires.Add(-time.Nanosecond)); !errors.Is(err, bundle.ErrFork) {
		t.Errorf("error %v", err)
	}
	evidence(t, filepath.Join(dir, "fork-4.json"), n.chain.Ledger())
	if a, err := h.Anchor(); err != nil || a.Block.Height != 1 {
		t.Errorf("anchor %v, error %v", a, err)
	}
}

// replaceByDirectory makes a file one that can't be read.
func replaceByDirectory(t *testing.T, path string) {
	t.Helper()
	remove(t, path)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// flip changes one bit in the middle of a file.
func flip(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	write(t, path, string(b))
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Test that concurrent verifications in one home, by clients that know nothing of
// each other, forget nothing.
func TestConcurrent(t *testing.T) {
	n := newNetwork(t, 2)
	const repositories = 8
	for i := range repositories {
		p := n.chain.NewPublisher(fmt.Sprintf("registry.example.com/many/%d", i))
		n.commit(p.Register(n.chain.Operators[0]))
		n.commit(p.Publish(1, fixture.Tags{"latest": "x"}))
	}
	n.commit()
	dir := t.TempDir()
	n.home(dir)
	var wg sync.WaitGroup
	for i := range repositories {
		for range 2 {
			wg.Go(func() {
				h, err := client.OpenHome(dir)
				if err != nil {
					t.Error(err)
					return
				}
				c := n.client(func(o *client.Options) { o.Store = h })
				if _, _, _, err := c.Resolve(t.Context(), ref(fmt.Sprintf("registry.example.com/many/%d:latest", i))); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	h, err := client.OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []reference.Repository
	for i := range repositories {
		names = append(names, ref(fmt.Sprintf("registry.example.com/many/%d", i)).Repository)
	}
	m, err := h.Load(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range repositories {
		if _, ok := m.Repository(ref(fmt.Sprintf("registry.example.com/many/%d", i)).Repository); !ok {
			t.Errorf("repository %d is forgotten", i)
		}
	}
}

// Test that whoever holds the lock keeps others out, and that they can give up.
func TestLock(t *testing.T) {
	n := newNetwork(t, 1)
	dir := t.TempDir()
	h := n.home(dir)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := h.Update(t.Context(), nil, func(m *bundle.Memory) (*bundle.Memory, error) {
		cancel()
		err := h.Update(ctx, nil, func(m *bundle.Memory) (*bundle.Memory, error) { return m, nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		return m, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Test the configuration file.
func TestConfig(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if c, err := client.LoadConfig(dir); err != nil || len(c.Nodes) != 0 {
		t.Errorf("without a file: %v, %v", c, err)
	}
	want := client.Config{Nodes: []string{"http://127.0.0.1:26680", "https://hullmark.example.com/base/"}}
	if err := client.SaveConfig(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := client.LoadConfig(dir)
	if err != nil || strings.Join(got.Nodes, " ") != "http://127.0.0.1:26680 https://hullmark.example.com/base" {
		t.Errorf("read %v, %v", got, err)
	}
	for _, c := range []struct{ name, text string }{
		{"unknown key", "nodes = []\nunknown = 1\n"},
		{"unknown table", "[nodes]\na = 1\n"},
		{"no TOML", "nodes"},
		{"no scheme", `nodes = ["127.0.0.1:26680"]`},
		{"other scheme", `nodes = ["ftp://127.0.0.1"]`},
		{"no host", `nodes = ["http://"]`},
		{"query", `nodes = ["http://a?b=c"]`},
		{"fragment", `nodes = ["http://a#b"]`},
		{"password", `nodes = ["http://a:b@c"]`},
		{"twice", `nodes = ["http://a", "http://a/"]`},
		{"unknown placement", `placement = "random"`},
		{"placement of another type", `placement = ["bounded"]`},
		{"too many", "nodes = [" + strings.Repeat(`"http://a",`, client.MaxNodes+1) + "]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			write(t, filepath.Join(dir, "client.toml"), c.text)
			if got, err := client.LoadConfig(dir); !errors.Is(err, client.ErrConfig) {
				t.Errorf("read %v, error %v", got, err)
			}
		})
	}
	for _, bad := range []client.Config{{Nodes: []string{"x"}}, {Placement: "random"}} {
		if err := client.SaveConfig(dir, bad); !errors.Is(err, client.ErrConfig) {
			t.Errorf("saving %+v: error %v", bad, err)
		}
	}
}

// Test that the choice of a placement is kept.
func TestConfigPlacement(t *testing.T) {
	dir := t.TempDir()
	for _, p := range []client.Placement{"", client.PlacementRendezvous, client.PlacementBounded} {
		want := client.Config{Nodes: []string{"http://a"}, Placement: p}
		if err := client.SaveConfig(dir, want); err != nil {
			t.Fatal(err)
		}
		if got, err := client.LoadConfig(dir); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%q: read %+v, %v", p, got, err)
		}
	}
}

// Test that a client that cannot work is not made.
func TestNew(t *testing.T) {
	store := client.NewMemoryStore(nil)
	for _, c := range []struct {
		name string
		o    client.Options
		err  error
	}{
		{"no nodes", client.Options{Store: store}, client.ErrNoNodes},
		{"no store", client.Options{Nodes: []string{"http://a"}}, client.ErrConfig},
		{"bad node", client.Options{Nodes: []string{"a"}, Store: store}, client.ErrConfig},
		{"bad placement", client.Options{Nodes: []string{"http://a"}, Store: store, Placement: "x"}, client.ErrConfig},
	} {
		if _, err := client.New(c.o); !errors.Is(err, c.err) {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}
