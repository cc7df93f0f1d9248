package bundle

import "hullmark/reference"

// WithSeen exports what a verification teaches a memory of a repository.
func (m *Memory) WithSeen(r reference.Repository, s Seen) *Memory { return m.withRepository(r, s) }

// WithRevoked is what is seen once a digest is known to be revoked.
func WithRevoked(s Seen, d reference.Digest, sequence uint64) Seen { return s.withRevoked(d, sequence) }

// The steps of the verification of light blocks, for the comparison with CometBFT's.
var (
	CheckLightBlock = checkLightBlock
	CheckTrusted    = checkTrusted
	VerifyFrom      = verifyFrom
	CheckDrift      = checkDrift
)
