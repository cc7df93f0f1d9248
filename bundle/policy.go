package bundle

import (
	"fmt"
	"time"

	"hullmark/reference"
)

// Policy is what a client demands of an answer beyond that it verifies. The zero
// Policy is invalid, so that no bound is ever left out by accident; start from
// DefaultPolicy.
type Policy struct {
	// MaxAge is the greatest age of the target header. It must be positive
	// unless Offline is set.
	MaxAge time.Duration
	// MaxClockDrift is how far headers may be ahead of the clock.
	MaxClockDrift time.Duration
	// Offline accepts an answer of any age, as of its block time: for bundles in
	// files.
	Offline bool
	// AllowExpired judges roles at block time only, and not also now, and answers from a
	// file that is older than what the client knows of the repository. It needs Offline.
	AllowExpired bool
	// PinnedRoots names, per repository, the file digest (SHA-256) of a root file
	// that must be in the chain of its roots.
	PinnedRoots map[reference.Repository][32]byte
}

// DefaultPolicy is the policy of a client that is online.
func DefaultPolicy() Policy {
	return Policy{MaxAge: DefaultMaxAge, MaxClockDrift: DefaultMaxClockDrift}
}

// OfflinePolicy is the policy for bundles in files: they are judged as of their
// block time.
func OfflinePolicy() Policy {
	return Policy{MaxClockDrift: DefaultMaxClockDrift, Offline: true}
}

func (p Policy) check() error {
	switch {
	case p.MaxAge < 0, p.MaxAge == 0 && !p.Offline:
		return fmt.Errorf("%w: policy without a maximal age", ErrRequest)
	case p.MaxClockDrift < 0:
		return fmt.Errorf("%w: negative clock drift", ErrRequest)
	case p.AllowExpired && !p.Offline:
		return fmt.Errorf("%w: expired metadata may be allowed offline only", ErrRequest)
	}
	return nil
}
