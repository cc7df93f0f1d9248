package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"hullmark/bundle"
	"hullmark/durable"
	"hullmark/reference"
	"hullmark/safefile"
)

// The files of a Home.
const (
	anchorFile      = "trust.json"
	memoryDir       = "memory"
	chainFile       = memoryDir + "/chain.json"
	repositoriesDir = memoryDir + "/repositories"
	configFile      = "client.toml"
	lockName        = "lock"
	stampFile       = "stamp"
	forkPattern     = "fork-%d.json"
)

// Home is a directory that holds a client's trust; see the package comment. It is
// a ForkKeeper.
type Home struct {
	dir  string
	lock func(ctx context.Context, path string) (release func(), err error)
	read func(path string, limit int64) ([]byte, error)

	mu    sync.Mutex
	loads []*kept // what Load has returned lately, the newest last
}

// OpenHome returns the home in a directory. It makes the directory if it is not
// there, and refuses one that others may write with safefile.ErrUnsafe.
func OpenHome(dir string) (*Home, error) {
	if err := durable.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("couldn't open client home: %w: %w", ErrStore, err)
	}
	if _, err := safefile.Check(dir, safefile.Trusted); err != nil {
		return nil, fmt.Errorf("couldn't open client home: %w", err)
	}
	return &Home{dir: dir, lock: lockFile, read: readFile}, nil
}

// Dir returns the directory.
func (h *Home) Dir() string { return h.dir }

func (h *Home) path(name string) string { return filepath.Join(h.dir, name) }

// Anchor returns the imported trust anchor. It returns ErrNoAnchor when there is
// none.
func (h *Home) Anchor() (*bundle.Anchor, error) {
	b, err := h.read(h.path(anchorFile), bundle.MaxAnchorSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("couldn't read trust anchor: %w", ErrNoAnchor)
	}
	if errors.Is(err, errTooLarge) {
		return nil, fmt.Errorf("couldn't read trust anchor: %w: %w", bundle.ErrAnchor, err)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read trust anchor: %w: %w", ErrStore, err)
	}
	a, err := bundle.DecodeAnchor(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.path(anchorFile), err)
	}
	return a, nil
}

// Load implements Store. While the evidence of a fork lies in the home, it returns
// the fork.
func (h *Home) Load(_ context.Context, repositories ...reference.Repository) (*bundle.Memory, error) {
	if err := h.undecided(); err != nil {
		return nil, err
	}
	k, err := h.load(repositories)
	if err != nil {
		return nil, err
	}
	h.remember(k)
	return k.memory, nil
}

// kept is a memory and the files it was read from, by path.
type kept struct {
	memory       *bundle.Memory
	files        map[string][]byte
	repositories []reference.Repository
	stamp        string // of the home, before it was read
}

// load reads the memory that belongs to the anchor, as far as it is about the
// given repositories.
func (h *Home) load(repositories []reference.Repository) (*kept, error) {
	stamp := h.readStamp()
	a, err := h.Anchor()
	if err != nil {
		return nil, err
	}
	k, err := h.loadChain()
	if err != nil {
		return nil, err
	}
	if k.memory == nil {
		k.memory = bundle.NewPartialMemory(a)
	}
	if !k.memory.StartsFrom(a) {
		if k.memory, err = k.memory.WithAnchor(a, time.Now()); err != nil {
			return nil, fmt.Errorf("%s: %w", h.chainPath(), err)
		}
	}
	k.repositories, k.stamp = slices.Clone(repositories), stamp
	for _, r := range repositories {
		path := h.repositoryPath(r)
		b, err := h.readInto(k, path, bundle.MaxSeenSize)
		if err != nil {
			return nil, err
		}
		if k.memory, err = k.memory.Recall(r, b); err != nil {
			return nil, unreadable(path, err)
		}
	}
	return k, nil
}

// loadChain reads the memory without repositories; it is nil when there is none.
func (h *Home) loadChain() (*kept, error) {
	k := &kept{files: make(map[string][]byte)}
	path := h.chainPath()
	b, err := h.readInto(k, path, bundle.MaxMemorySize)
	if err != nil || b == nil {
		return k, err
	}
	if k.memory, err = bundle.DecodeMemory(b); err != nil {
		return nil, unreadable(path, err)
	}
	return k, nil
}

// readInto reads one file of the memory; nil if there is none. An empty one is not nil:
// it is a damaged one.
func (h *Home) readInto(k *kept, path string, limit int64) ([]byte, error) {
	b, err := h.read(path, limit)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errTooLarge):
		return nil, unreadable(path, fmt.Errorf("couldn't read memory: %w: %w", bundle.ErrMemory, err))
	case err != nil:
		return nil, fmt.Errorf("couldn't read memory: %w: %w", ErrStore, err)
	}
	k.files[path] = b
	return b, nil
}

// unreadable says which file it is that cannot be read, and what it would cost to
// go on without it. A memory of a newer program is a reason to upgrade only.
func unreadable(path string, err error) error {
	if !errors.Is(err, bundle.ErrMemory) {
		return fmt.Errorf("%s: %w", path, err)
	}
	return fmt.Errorf("%s: %w; removing it gives up protection against rollback since the trust anchor", path, err)
}

// Update implements Store. The pieces of the memory are replaced one by one, each
// whole; the verdict is given after the last, so whoever is interrupted in between
// was told nothing that is forgotten. In a home that cannot be written, such as on a
// read-only file system, nothing new is remembered. While the evidence of a fork lies in
// the home, it returns the fork and changes nothing.
func (h *Home) Update(ctx context.Context, loaded *bundle.Memory, change func(*bundle.Memory) (*bundle.Memory, error), repositories ...reference.Repository) error {
	// Where nothing can be written, nobody else writes either, and the verdict is as true.
	release, unwritable := h.lock(ctx, h.path(lockName))
	switch {
	case unwritable == nil:
		defer release()
	case !durable.IsUnwritable(unwritable):
		return fmt.Errorf("couldn't lock client home: %w: %w", ErrStore, unwritable)
	}
	if err := h.undecided(); err != nil {
		return err
	}
	k := h.unchanged(loaded, repositories)
	if k == nil {
		var err error
		if k, err = h.load(repositories); err != nil {
			return err
		}
	}
	next, verdict := change(k.memory)
	if next == nil {
		return verdict
	}
	pieces, err := h.encode(next)
	if err != nil {
		return err
	}
	pieces = slices.DeleteFunc(pieces, func(p piece) bool { return bytes.Equal(p.content, k.files[p.path]) })
	if len(pieces) == 0 {
		return verdict
	}
	if err = unwritable; err == nil {
		err = h.replace(pieces)
	}
	if err != nil {
		return errors.Join(verdict, fmt.Errorf("%w: %w", ErrNotRemembered, err))
	}
	return verdict
}

// replace replaces files of the home. The lock must be held.
func (h *Home) replace(pieces []piece) error {
	if err := h.beginChange(); err != nil {
		return err
	}
	for _, p := range pieces {
		if err := h.write(p.path, p.content); err != nil {
			return err
		}
	}
	h.endChange()
	return nil
}

// piece is one file of a home.
type piece struct {
	path    string
	content []byte
}

// encode returns the files of a memory, those of repositories first.
func (h *Home) encode(m *bundle.Memory) ([]piece, error) {
	var out []piece
	for _, r := range m.Repositories() {
		b, err := m.EncodeRepository(r)
		if err != nil {
			return nil, unreadable(h.repositoryPath(r), fmt.Errorf("couldn't save memory: %w", err))
		}
		out = append(out, piece{h.repositoryPath(r), b})
	}
	b, err := m.Encode()
	if err != nil {
		return nil, unreadable(h.chainPath(), fmt.Errorf("couldn't save memory: %w", err))
	}
	return append(out, piece{h.chainPath(), b}), nil
}

// write replaces a file of the memory, whose directory it makes if need be.
func (h *Home) write(path string, content []byte) error {
	err := writeFile(path, content)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := durable.MkdirAll(h.path(repositoriesDir), 0o700); err != nil {
		return err
	}
	return writeFile(path, content)
}

func (h *Home) chainPath() string { return h.path(chainFile) }

// repositoryPath names the file of a repository by the hash of its name: names may
// be longer than a file name, and may differ in letters that a file system does
// not tell apart.
func (h *Home) repositoryPath(r reference.Repository) string {
	name := sha256.Sum256([]byte(r.String()))
	return h.path(filepath.Join(repositoriesDir, hex.EncodeToString(name[:])+".json"))
}

// KeepFork implements ForkKeeper.
func (h *Home) KeepFork(f *bundle.Fork) (string, error) {
	path := h.path(fmt.Sprintf(forkPattern, f.Known.Height))
	if _, err := os.Lstat(path); err == nil {
		return path, nil
	}
	b, err := f.Encode()
	if err != nil {
		return "", err
	}
	if err := writeFile(path, b); err != nil {
		return "", fmt.Errorf("couldn't save fork: %w: %w", ErrStore, err)
	}
	return path, nil
}

// undecided returns the fork whose evidence lies in the home, nil for none. What is
// there and cannot be read stops verdicts too: only a person takes it away.
func (h *Home) undecided() error {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return fmt.Errorf("couldn't look for forks: %w: %w", ErrStore, err)
	}
	for _, e := range entries {
		var height int64
		if n, err := fmt.Sscanf(e.Name(), forkPattern, &height); n != 1 || err != nil || e.Name() != fmt.Sprintf(forkPattern, height) {
			continue
		}
		path := h.path(e.Name())
		b, err := readFile(path, bundle.MaxForkSize)
		if err != nil {
			return keptFork{fmt.Errorf("%w: %w", bundle.ErrFork, err), path}
		}
		fork, err := bundle.DecodeFork(b)
		if err != nil {
			return keptFork{fmt.Errorf("%w: %w", bundle.ErrFork, err), path}
		}
		return keptFork{fork, path}
	}
	return nil
}
