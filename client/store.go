package client

import (
	"context"
	"sync"

	"hullmark/bundle"
	"hullmark/reference"
)

// Store keeps a client's memory between verifications. It may be used by several
// goroutines.
type Store interface {
	// Load returns the memory as last updated, as far as it is about the given
	// repositories. Verifying anything about another one with it is refused.
	Load(ctx context.Context, repositories ...reference.Repository) (*bundle.Memory, error)

	// Update calls change with the memory as last updated, as Load returns it. Loaded is
	// what Load returned for the same look-up, or nil: a store that can tell that it was
	// not updated since need not read it again. Update
	// keeps what change returns. No other Update of the same memory, in whatever
	// process, runs meanwhile. When change returns an error beside a memory, the
	// memory is kept and the error returned; beside nil, nothing is kept. When
	// everything could be read and the memory could not be kept, the error wraps
	// ErrNotRemembered beside the one of change.
	Update(ctx context.Context, loaded *bundle.Memory, change func(*bundle.Memory) (*bundle.Memory, error), repositories ...reference.Repository) error
}

// ForkKeeper is a Store that also keeps evidence of forks.
type ForkKeeper interface {
	Store

	// KeepFork keeps both blocks of a fork and returns the name of the file, if it
	// is one. Of several forks at one height the first is kept: it convicts the
	// validators already. From then on Load and Update return a *bundle.Fork that
	// is kept, until a person has decided which history holds and removes it.
	KeepFork(f *bundle.Fork) (string, error)
}

// MemoryStore is a ForkKeeper that lasts as long as the process.
type MemoryStore struct {
	mu     sync.Mutex
	memory *bundle.Memory
	fork   *bundle.Fork
}

// NewMemoryStore returns a store that starts from a memory.
func NewMemoryStore(m *bundle.Memory) *MemoryStore { return &MemoryStore{memory: m} }

// Load implements Store.
func (s *MemoryStore) Load(context.Context, ...reference.Repository) (*bundle.Memory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fork != nil {
		return nil, s.fork
	}
	return s.memory, nil
}

// Update implements Store.
func (s *MemoryStore) Update(_ context.Context, _ *bundle.Memory, change func(*bundle.Memory) (*bundle.Memory, error), _ ...reference.Repository) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fork != nil {
		return s.fork
	}
	next, err := change(s.memory)
	if next != nil {
		s.memory = next
	}
	return err
}

// KeepFork implements ForkKeeper.
func (s *MemoryStore) KeepFork(f *bundle.Fork) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fork == nil {
		s.fork = f
	}
	return "", nil
}
