package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"hullmark/printable"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// A memory is kept in pieces: the light blocks and what goes with them, and each
// repository by itself, so that a verification reads and writes what it is about
// and not all that was ever seen.

// The JSON forms of the pieces. Byte strings are base64, digests hex. The checksum
// is the SHA-256 of the same bytes with an empty checksum: a memory is believed as
// it stands, and a number that the disk changed would look like an attack.
type (
	memoryJSON struct {
		Version        int      `json:"version"`
		Ledger         string   `json:"ledger"`
		TrustingPeriod int64    `json:"trusting_period_seconds"`
		Anchor         int64    `json:"anchor_height"`
		Blocks         [][]byte `json:"light_blocks"`
		StateHeight    uint64   `json:"state_height"`
		Checksum       string   `json:"checksum"`
	}
	seenJSON struct {
		Version  int      `json:"version"`
		Ledger   string   `json:"ledger"`
		Name     string   `json:"name"`
		Height   uint64   `json:"height"`
		Revision uint64   `json:"revision"`
		Changed  uint64   `json:"changed"`
		Roots    []string `json:"roots"`
		Root     []byte   `json:"root"`
		// Revoked is left out when empty.
		Revoked  []revokedJSON `json:"revoked,omitempty"`
		Checksum string        `json:"checksum"`
	}
	revokedJSON struct {
		Digest   string `json:"digest"`
		Sequence uint64 `json:"sequence"`
	}
)

// seal returns the encoding of a piece, whose checksum field is given.
func seal(piece any, checksum *string) ([]byte, error) {
	*checksum = ""
	b, err := json.Marshal(piece)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	*checksum = hex.EncodeToString(sum[:])
	if b, err = json.Marshal(piece); err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

// Encode returns the memory without its repositories, in the one form that
// DecodeMemory accepts. It returns ErrMemory for more than DecodeMemory reads.
func (m *Memory) Encode() ([]byte, error) {
	j := memoryJSON{
		Version: FormatVersion, Ledger: m.ledger, TrustingPeriod: int64(m.trustingPeriod / time.Second),
		StateHeight: m.stateHeight, Anchor: m.anchor,
	}
	for _, lb := range m.blocks {
		b, err := EncodeLightBlock(lb)
		if err != nil {
			return nil, fmt.Errorf("couldn't encode memory: %w", err)
		}
		j.Blocks = append(j.Blocks, b)
	}
	b, err := seal(&j, &j.Checksum)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode memory: %w", err)
	}
	if len(b) > MaxMemorySize {
		return nil, fmt.Errorf("couldn't encode memory: %w: %d bytes, at most %d", ErrMemory, len(b), MaxMemorySize)
	}
	return b, nil
}

// DecodeMemory is the inverse of Memory.Encode. Repositories are to be recalled
// one by one; verifying anything about another one is refused with ErrMemory. What
// it returns is trusted as it stands, so the bytes must come from a place only the
// client writes to. Errors wrap ErrMemory, or record.ErrNewer for a memory of a
// newer format.
func DecodeMemory(data []byte) (*Memory, error) {
	m, err := decodeMemory(data)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode memory: %w", err)
	}
	return m, nil
}

func decodeMemory(data []byte) (*Memory, error) {
	var j memoryJSON
	if err := decodePiece(data, MaxMemorySize, &j); err != nil {
		return nil, err
	}
	period := time.Duration(j.TrustingPeriod) * time.Second
	switch {
	case j.Ledger == "" || len(j.Ledger) > record.MaxChainID:
		return nil, badMemory("ledger id %s", printable.Quote(j.Ledger))
	case j.TrustingPeriod <= 0 || j.TrustingPeriod > int64(MaxTrustingPeriod/time.Second):
		return nil, badMemory("trusting period of %d seconds", j.TrustingPeriod)
	case len(j.Blocks) == 0 || len(j.Blocks) > MaxKeptBlocks:
		return nil, badMemory("%d light blocks", len(j.Blocks))
	}
	m := &Memory{
		ledger: j.Ledger, trustingPeriod: period, stateHeight: j.StateHeight, anchor: j.Anchor,
		recalled: make(map[reference.Repository]bool),
	}
	for i, b := range j.Blocks {
		lb, err := DecodeLightBlock(j.Ledger, b)
		if err != nil {
			return nil, badMemory("%w", err)
		}
		if i > 0 && m.blocks[i-1].Height >= lb.Height {
			return nil, badMemory("light blocks are not ascending")
		}
		m.blocks = append(m.blocks, lb)
	}
	if m.block(m.anchor) == nil {
		return nil, badMemory("no light block of the trust anchor")
	}
	if again, err := m.Encode(); err != nil || !bytes.Equal(again, data) {
		return nil, badMemory("not in canonical form, or damaged")
	}
	return m, nil
}

// decodePiece reads the JSON of a piece of at most limit bytes. That it is the
// only encoding of what is in it is for the caller to check.
func decodePiece(data []byte, limit int, piece any) error {
	if len(data) > limit {
		return badMemory("%d bytes, at most %d", len(data), limit)
	}
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return badMemory("%w", err)
	}
	if version.Version > FormatVersion {
		return fmt.Errorf("%w: version %d", record.ErrNewer, version.Version)
	}
	if version.Version != FormatVersion {
		return badMemory("version %d", version.Version)
	}
	if err := json.Unmarshal(data, piece); err != nil {
		return badMemory("%w", err)
	}
	return nil
}

func badMemory(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrMemory, fmt.Errorf(format, args...))
}

// EncodeRepository returns what the memory knows of one repository, in the one
// form that Recall accepts, or nil for nothing. It returns ErrMemory for more than
// Recall reads.
func (m *Memory) EncodeRepository(r reference.Repository) ([]byte, error) {
	s, ok, err := m.know(r)
	if err != nil || !ok {
		return nil, err
	}
	b, err := s.encode(m.ledger, r)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode memory of %s: %w", r, err)
	}
	if len(b) > MaxSeenSize {
		return nil, fmt.Errorf("couldn't encode memory of %s: %w: %d bytes, at most %d", r, ErrMemory, len(b), MaxSeenSize)
	}
	return b, nil
}

func (s Seen) encode(ledger string, r reference.Repository) ([]byte, error) {
	j := seenJSON{
		Version: FormatVersion, Ledger: ledger, Name: r.String(),
		Height: s.Height, Revision: s.Revision, Changed: s.Changed, Roots: []string{}, Root: s.Root,
	}
	for _, d := range s.Roots {
		j.Roots = append(j.Roots, hex.EncodeToString(d[:]))
	}
	for _, r := range s.Revoked {
		j.Revoked = append(j.Revoked, revokedJSON{r.Digest.String(), r.Sequence})
	}
	return seal(&j, &j.Checksum)
}

// Recall returns a memory that can also speak for a repository: data is what
// EncodeRepository returned for it, nil for nothing. Errors wrap ErrMemory, or
// record.ErrNewer.
func (m *Memory) Recall(r reference.Repository, data []byte) (*Memory, error) {
	next := *m
	next.recalled = maps.Clone(m.recalled)
	if next.recalled != nil {
		next.recalled[r] = true
	}
	if data == nil {
		return &next, nil
	}
	s, err := decodeSeen(m.ledger, r, data)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode memory of %s: %w", r, err)
	}
	return next.withRepository(r, s), nil
}

func decodeSeen(ledger string, r reference.Repository, data []byte) (Seen, error) {
	var j seenJSON
	if err := decodePiece(data, MaxSeenSize, &j); err != nil {
		return Seen{}, err
	}
	s := Seen{Height: j.Height, Revision: j.Revision, Changed: j.Changed, Root: j.Root}
	for _, text := range j.Roots {
		d, err := hex.DecodeString(text)
		if err != nil || len(d) != 32 {
			return Seen{}, badMemory("root digest %s", printable.Quote(text))
		}
		s.Roots = append(s.Roots, [32]byte(d))
	}
	if err := s.readRevoked(j.Revoked); err != nil {
		return Seen{}, err
	}
	// With the ledger it names, to tell one of another ledger from a damaged one.
	if again, err := s.encode(j.Ledger, r); err != nil || !bytes.Equal(again, data) {
		return Seen{}, badMemory("of another repository, not in canonical form, or damaged")
	}
	if j.Ledger != ledger {
		return Seen{}, badMemory("of ledger %s instead of %q", printable.Quote(j.Ledger), ledger)
	}
	if len(s.Roots) == 0 {
		if len(s.Root) != 0 || len(s.Revoked) != 0 {
			return Seen{}, badMemory("root file or revocations without a root's digest")
		}
		return s, nil
	}
	if _, err := s.parseRoot(ledger, r); err != nil {
		return Seen{}, badMemory("%w", err)
	}
	return s, nil
}

// readRevoked reads the list of revoked digests, which has one order.
func (s *Seen) readRevoked(list []revokedJSON) error {
	if len(list) > MaxKeptRevoked {
		return badMemory("%d revoked digests, at most %d", len(list), MaxKeptRevoked)
	}
	for i, r := range list {
		d, err := reference.ParseDigest(r.Digest)
		if err != nil {
			return badMemory("%w", err)
		}
		added := Revoked{Digest: d, Sequence: r.Sequence}
		if r.Sequence == 0 || s.RevokedThrough(d) > 0 || i > 0 && compareRevoked(s.Revoked[i-1], added) >= 0 {
			return badMemory("revoked digests twice or out of order")
		}
		s.Revoked = append(s.Revoked, added)
	}
	return nil
}

// parseRoot reads the newest root seen, which must be the one the digests name.
func (s Seen) parseRoot(ledger string, name reference.Repository) (*tuf.Root, error) {
	root, err := tuf.ParseRoot(s.Root)
	if err != nil {
		return nil, err
	}
	want := tuf.Binding{Ledger: ledger, Repository: name, Role: tuf.RoleRoot}
	if root.Version != s.RootVersion() || root.FileDigest() != s.Roots[len(s.Roots)-1] || root.Binding != want {
		return nil, fmt.Errorf("root file is not the newest root")
	}
	return root, nil
}
