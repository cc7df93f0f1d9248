package lookup

import (
	"errors"
	"fmt"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// Errors of look-ups.
var (
	// ErrNotReady means that no state can be proven yet: the app hash of a height
	// is in the header of the next.
	ErrNotReady = errors.New("no state can be proven yet")
	// ErrNotFound means that there is no such thing in the state.
	ErrNotFound = errors.New("not found")
)

// LightBlocks gives headers with the commits that signed them, and what is in the
// blocks.
type LightBlocks interface {
	// Tip returns the newest height that has a commit, zero before the first.
	Tip() uint64
	// LightBlock returns the light block of a height the node has
	// (ErrNotFound otherwise).
	LightBlock(height uint64) (*cmttypes.LightBlock, error)
	// Transactions returns those of a block the node has (ErrNotFound otherwise).
	Transactions(height uint64) (cmttypes.Txs, error)
}

// Lookup answers questions from committed state, each with its proof. It is safe
// for concurrent use.
type Lookup struct {
	ledger  *ledger.Ledger
	blocks  LightBlocks
	metrics *Metrics
}

// params returns the parameters in force at a view's height.
func params(v *store.View) (*record.Params, error) {
	b, ok, err := v.Get(record.ParamsKey())
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: parameters", ErrNotFound)
	}
	return record.DecodeParams(b)
}

// NewLookup returns look-ups over a ledger and the blocks that prove it.
func NewLookup(l *ledger.Ledger, blocks LightBlocks, m *Metrics) *Lookup {
	if m == nil {
		m = NewMetrics(nil)
	}
	return &Lookup{ledger: l, blocks: blocks, metrics: m}
}

// Question is what a client asks.
type Question struct {
	Repository reference.Repository
	Tag        reference.Tag    // zero for none
	Digest     reference.Digest // zero for none
	// Role asks for the files that lead to a delegated role; empty for none.
	Role string
	// LedgerAssurance leaves out the publishers' files.
	LedgerAssurance bool
	// RootVersion is the newest root the client holds; zero for none.
	RootVersion uint64
	// TrustedHeight is the height of a light block the client trusts; zero when it
	// does not say, and gets no bridge.
	TrustedHeight uint64
	// ForFile asks for a bridge over the whole trusting period.
	ForFile bool
	// Held are the digests of targets files that the client holds.
	Held [][32]byte
}

// StateHeight returns the newest height whose state can be proven, and false if
// there is none.
func (l *Lookup) StateHeight() (uint64, bool) {
	for {
		// Header H carries the app hash of H-1.
		tip := l.blocks.Tip()
		if tip == 0 {
			return 0, false
		}
		if oldest := l.ledger.Oldest(); oldest > 0 && oldest <= tip-1 && tip-1 <= l.ledger.Height() {
			return tip - 1, true
		}
		// The tip and the ledger are read one after the other: a reader that pauses
		// between them finds the state of the tip it read pruned.
		if l.blocks.Tip() == tip {
			return 0, false
		}
	}
}

// Answer makes the bundle that answers a question at the newest provable height,
// which it returns too. What is not there is proven absent.
func (l *Lookup) Answer(q Question) (*proto.Bundle, uint64, error) {
	v, block, err := l.Proven(0)
	if err != nil {
		return nil, 0, err
	}
	defer v.Close()
	b, err := l.bundle(v, block, q)
	if err != nil {
		return nil, 0, fmt.Errorf("couldn't answer at height %d: %w", v.Version(), err)
	}
	return b, v.Version(), nil
}

func (l *Lookup) bundle(v *store.View, block *cmttypes.LightBlock, q Question) (*proto.Bundle, error) {
	began := time.Now()
	encoded, err := bundle.EncodeLightBlock(block)
	if err != nil {
		return nil, err
	}
	s := v.State()
	b := &proto.Bundle{
		Version: bundle.FormatVersion, Profile: uint32(record.ProfileTUF), Ledger: l.ledger.ID(), LightBlock: encoded,
		State: &proto.AppState{LogSize: s.Log.Size, LogRoot: s.Log.Root[:], MapRoot: s.Map[:], Meta: s.Meta},
	}
	from := q.TrustedHeight
	if q.ForFile {
		if from, err = l.fileStart(v, block); err != nil {
			return nil, err
		}
	}
	if b.Bridge, err = l.bridge(v, block, from); err != nil {
		return nil, err
	}
	if b.Repository, err = prove(v, record.RepositoryKey(q.Repository)); err != nil {
		return nil, err
	}
	known := len(b.GetRepository().GetValue()) > 0
	if known {
		if err := addEntries(v, b, q); err != nil {
			return nil, err
		}
	}
	if known && !q.LedgerAssurance {
		if err := addFiles(v, b, q, block.Time); err != nil {
			return nil, err
		}
		bundle.LeaveOut(b, q.Held)
		if err := addStatement(v, b, q.Repository); err != nil {
			return nil, err
		}
	}
	l.metrics.lookup(q.kind(), began)
	return b, nil
}

// kind names what a question is about, for metrics.
func (q *Question) kind() string {
	switch {
	case !q.Tag.IsZero():
		return "tag"
	case !q.Digest.IsZero():
		return "image"
	default:
		return "repository"
	}
}

// addEntries adds what the state says of the tag and of the image in question: of the
// tag's image, if there is a tag. Where the tag is absent there is no image to speak of.
func addEntries(v *store.View, b *proto.Bundle, q Question) (err error) {
	digest := q.Digest
	if !q.Tag.IsZero() {
		if b.Tag, err = prove(v, record.TagKey(q.Repository, q.Tag)); err != nil || len(b.GetTag().GetValue()) == 0 {
			return err
		}
		tag, err := record.DecodeImageTag(b.GetTag().GetValue())
		if err != nil {
			return err
		}
		digest = tag.Digest
	}
	if !digest.IsZero() {
		b.Image, err = prove(v, record.VoucherKey(digest, q.Repository))
	}
	return err
}

// addFiles adds the publishers' files: the roots the client does not hold yet,
// the targets file, and those that the answer rests on, as of the header's time.
func addFiles(v *store.View, b *proto.Bundle, q Question, at time.Time) error {
	repo, err := record.DecodeRepository(b.GetRepository().GetValue())
	if err != nil {
		return err
	}
	root, _ := repo.Role(record.RoleRoot)
	if err := addRoots(v, b, q, root.Version); err != nil {
		return err
	}
	return addTargets(v, b, q, repo, at)
}

// addStatement adds the statement that the image's value names, and the root it was
// judged by if that is not the current one: a client knows the old ones by digest.
func addStatement(v *store.View, b *proto.Bundle, name reference.Repository) error {
	if len(b.GetImage().GetValue()) == 0 {
		return nil
	}
	voucher, err := record.DecodeVoucher(b.GetImage().GetValue())
	if err != nil {
		return err
	}
	ruling := voucher.Ruling()
	if ruling == nil {
		return nil
	}
	statement, err := v.Content(ruling.Statement)
	if err != nil {
		return err
	}
	b.Statements = [][]byte{statement}
	repo, err := record.DecodeRepository(b.GetRepository().GetValue())
	if err != nil {
		return err
	}
	if root, _ := repo.Role(record.RoleRoot); root.Version != ruling.RootVersion {
		b.StatementRoot, err = rootFile(v, name, ruling.RootVersion)
	}
	return err
}

// maxRootBytes bounds the root files of one answer, in bytes: a fraction of
// bundle.MaxSize, so that targets files have room whatever a publisher's roots
// weigh.
const maxRootBytes = 4 << 20

// addRoots adds the roots after the one the client holds, oldest first. Where
// there is no room for all it proves the last of them, so that the client can
// remember what it got and ask for the rest.
func addRoots(v *store.View, b *proto.Bundle, q Question, current uint64) error {
	size := 0
	for version := q.RootVersion + 1; version <= current; version++ {
		file, err := rootFile(v, q.Repository, version)
		if err != nil {
			return err
		}
		if size += len(file); len(b.GetRoots()) == bundle.MaxRoots || len(b.GetRoots()) > 0 && size > maxRootBytes {
			b.LastRoot, err = prove(v, record.RootKey(q.Repository, version-1))
			return err
		}
		b.Roots = append(b.Roots, file)
	}
	return nil
}

func prove(v *store.View, key []byte) (*proto.MapEntry, error) {
	value, proof, err := v.Prove(key)
	if err != nil {
		return nil, err
	}
	return &proto.MapEntry{Value: value, Proof: proof}, nil
}

func rootFile(v *store.View, name reference.Repository, version uint64) ([]byte, error) {
	value, ok, err := v.Get(record.RootKey(name, version))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: root %d of %s", ErrNotFound, version, name)
	}
	r, err := record.DecodeRootFile(value)
	if err != nil {
		return nil, err
	}
	return v.Content(r.FileDigest)
}

// Metadata returns a role's file: any version of the root, the current one of
// other roles. Version zero is the current one.
func (l *Lookup) Metadata(name reference.Repository, role string, version uint64) ([]byte, error) {
	v := l.ledger.Latest()
	defer v.Close()
	value, ok, err := v.Get(record.RepositoryKey(name))
	if err != nil {
		return nil, fmt.Errorf("couldn't load repository: %w", err)
	}
	if !ok {
		return nil, fmt.Errorf("%w: repository %s", ErrNotFound, name)
	}
	repo, err := record.DecodeRepository(value)
	if err != nil {
		return nil, err
	}
	current, ok := repo.Role(role)
	switch {
	case !ok || version > current.Version:
		return nil, fmt.Errorf("%w: %s of %s has no such version", ErrNotFound, role, name)
	case version == 0 || version == current.Version:
		return v.Content(current.FileDigest)
	case role == record.RoleRoot:
		return rootFile(v, name, version)
	default:
		return nil, fmt.Errorf("%w: only the current version of %s is kept under its number; ask by digest", ErrNotFound, role)
	}
}

// Content returns a file by its SHA-256.
func (l *Lookup) Content(digest [32]byte) ([]byte, error) {
	v := l.ledger.Latest()
	defer v.Close()
	b, err := v.Content(digest)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: no content with this digest", ErrNotFound)
	}
	return b, err
}

// maxHistory bounds how far Committed follows a repository's history back: a
// transaction is sent again soon or never, and anybody can make a node look.
const maxHistory = 256

// Committed returns the height at which the version that a transaction's first
// scope names was recorded, so that a transaction sent again can be found in its
// block; zero if there is none. A transaction the ledger calls stale was committed
// there or never.
func (l *Lookup) Committed(env *record.Envelope) (uint64, error) {
	scope := env.Header.Scopes[0]
	if scope.Kind != record.ScopeRole {
		return 0, nil
	}
	v := l.ledger.Latest()
	defer v.Close()
	value, ok, err := v.Get(record.RepositoryKey(scope.Repository))
	if err != nil || !ok {
		return 0, err
	}
	repo, err := record.DecodeRepository(value)
	if err != nil {
		return 0, err
	}
	var height uint64 // of the oldest record so far that is not before the scope
	for index, n := repo.LastIndex, 0; index != record.NoRecord; n++ {
		if n == maxHistory {
			return 0, nil
		}
		b, err := v.Record(index)
		if err != nil {
			return 0, err
		}
		r, err := record.DecodeLogRecord(b)
		if err != nil {
			return 0, err
		}
		for _, c := range r.Roles {
			if c.Name != scope.Role {
				continue
			}
			if c.Version < scope.Number {
				return height, nil
			}
			height = r.Height
		}
		index = r.Previous
	}
	return height, nil
}

// LogSize returns the number of records in the log.
func (l *Lookup) LogSize() uint64 {
	v := l.ledger.Latest()
	defer v.Close()
	return v.State().Log.Size
}

// LastBlockTime returns the time of the last committed block, by this node's own
// account.
func (l *Lookup) LastBlockTime() time.Time {
	v := l.ledger.Latest()
	defer v.Close()
	return ledger.BlockTime(v)
}
