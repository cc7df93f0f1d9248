package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/reference"
)

// ErrInconsistent says that the state is not what the log says it must be. The
// hashes may all be right nevertheless: then the program that wrote it was
// wrong.
var ErrInconsistent = errors.New("ledger is inconsistent")

func inconsistent(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInconsistent, fmt.Sprintf(format, args...))
}

// Check goes through everything at the latest height. It checks the store
// (store.Check), then replays the log: the chain of records of every
// repository, every file that is kept, with its signatures, under the root in
// force at its block, and every change of a tag. What follows from that must be
// the map, key for key and byte for byte; of quotas only the bounds are known.
//
// Files that are no longer current may be missing, since a node that was
// restored from a state snapshot does not have them.
//
// It takes time in proportion to the history and memory in proportion to the
// map. It returns an error for the first thing that is wrong, which wraps
// ErrInconsistent if everything could be read.
func Check(l *Ledger) error {
	if err := l.store.Check(context.Background()); err != nil {
		return fmt.Errorf("couldn't check ledger: %w", err)
	}
	v := l.store.Latest()
	defer v.Close()
	if v.Version() == 0 {
		return nil
	}
	c := &checker{
		ledger:    l,
		view:      v,
		verifier:  keys.Direct{},
		accounted: make(map[merkle.Hash]bool),
		records:   make(map[reference.Repository][]indexedRecord),
		vouchers:  make(map[reference.Digest][]vouch),
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("couldn't check ledger at height %d: %w", v.Version(), err)
	}
	return nil
}

// checker is one run of Check.
type checker struct {
	ledger   *Ledger
	view     *store.View
	verifier keys.Verifier
	params   *record.Params

	// accounted are the paths of the map keys that were found to be right.
	accounted map[merkle.Hash]bool
	// records are the log's, by repository, in order.
	records map[reference.Repository][]indexedRecord
	// vouchers are the repositories that published a digest.
	vouchers map[reference.Digest][]vouch
}

// indexedRecord is a log record and its index.
type indexedRecord struct {
	*record.LogRecord
	index uint64
}

// vouch says that a repository first published a digest in a record.
type vouch struct {
	repository reference.Repository
	index      uint64
}

func (c *checker) check() error {
	if err := c.checkGenesis(); err != nil {
		return err
	}
	if err := c.readLog(); err != nil {
		return err
	}
	for _, name := range sortedKeys(c.records, reference.Repository.String) {
		h := newHistory(c, name)
		if err := h.check(); err != nil {
			return fmt.Errorf("repository %s: %w", name, err)
		}
	}
	for _, digest := range sortedKeys(c.vouchers, reference.Digest.String) {
		if err := c.checkImage(digest); err != nil {
			return err
		}
	}
	// Nothing was found twice, so all that is left is what nothing accounts for.
	return c.view.Walk(func(key, _ []byte) error {
		if !c.accounted[merkle.KeyPath(key)] {
			return inconsistent("nothing accounts for map key %x", key)
		}
		return nil
	})
}

// sortedKeys returns the keys of a map in the order of their text.
func sortedKeys[K comparable, V any](m map[K]V, text func(K) string) []K {
	out := make([]K, 0, len(m))
	for k := range m { // sorted below
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b K) int { return cmp.Compare(text(a), text(b)) })
	return out
}

// expect compares a value of the map with what it must be.
func (c *checker) expect(key, want []byte, noun string, args ...any) error {
	got, ok, err := c.view.Get(key)
	if err != nil {
		return fmt.Errorf("couldn't read "+noun+": %w", append(args, err)...)
	}
	if !ok {
		return inconsistent("there is no "+noun, args...)
	}
	if !bytes.Equal(got, want) {
		return inconsistent(noun+" is %x and must be %x", append(args, got, want)...)
	}
	c.accounted[merkle.KeyPath(key)] = true
	return nil
}

// checkGenesis checks what the genesis put into the map, of which transactions
// change only the quotas of operators.
func (c *checker) checkGenesis() error {
	g := c.ledger.genesis
	s, err := c.ledger.genesisState(Block{Height: g.InitialHeight, Time: g.Time})
	if err != nil {
		return err
	}
	defer s.Close()
	c.params = s.params
	if meta := record.MetaOf(c.params).Encode(); !bytes.Equal(c.view.State().Meta, meta) {
		return inconsistent("meta leaf is %x and must be %x", c.view.State().Meta, meta)
	}
	for _, o := range g.Operators {
		want, _, err := load(s, record.OperatorKey(o.ID), record.DecodeOperator)
		if err != nil {
			return err
		}
		got, ok, err := load(c.view, record.OperatorKey(o.ID), record.DecodeOperator)
		if err != nil {
			return fmt.Errorf("couldn't read operator %q: %w", o.ID, err)
		}
		if !ok {
			return inconsistent("there is no operator %q", o.ID)
		}
		if err := c.checkBucket(got.Quota, c.params.OperatorQuota); err != nil {
			return fmt.Errorf("operator %q: %w", o.ID, err)
		}
		want.Quota = got.Quota
		s.set(record.OperatorKey(o.ID), want.Encode())
	}
	for _, change := range s.changes() {
		if err := c.expect(change.Key, change.Value, "genesis value at %x", change.Key); err != nil {
			return err
		}
	}
	return nil
}

// checkBucket checks the bounds of a token bucket.
func (c *checker) checkBucket(b record.Bucket, q record.Quota) error {
	if b.Tokens > q.Capacity || b.Height > c.view.Version() {
		return inconsistent("bucket of %d tokens at height %d, capacity %d", b.Tokens, b.Height, q.Capacity)
	}
	return nil
}

// readLog decodes every record, checks that blocks and their times do not run
// backwards, and sorts the records by repository.
func (c *checker) readLog() error {
	last := Block{Height: c.ledger.genesis.InitialHeight, Time: time.Unix(0, 0)}
	for i := range c.view.State().Log.Size {
		b, err := c.view.Record(i)
		if err != nil {
			return err
		}
		r, err := record.DecodeLogRecord(b)
		if err != nil {
			return inconsistent("log record %d: %v", i, err)
		}
		sameBlock := i > 0 && r.Height == last.Height
		if r.Height < last.Height || r.Time.Before(last.Time) || sameBlock && !r.Time.Equal(last.Time) {
			return inconsistent("log record %d: height %d at %s after height %d at %s", i, r.Height, r.Time, last.Height, last.Time)
		}
		last = Block{Height: r.Height, Time: r.Time}
		c.records[r.Repository] = append(c.records[r.Repository], indexedRecord{LogRecord: r, index: i})
	}
	latest := Block{Height: c.view.Version(), Time: BlockTime(c.view)}
	if last.Height > latest.Height || last.Time.After(latest.Time) || last.Height == latest.Height &&
		c.view.State().Log.Size > 0 && !last.Time.Equal(latest.Time) {
		return inconsistent("last log record is of height %d at %s, the latest height is %d at %s", last.Height, last.Time, latest.Height, latest.Time)
	}
	return nil
}

// checkImage checks who vouches for a digest over all repositories.
func (c *checker) checkImage(digest reference.Digest) error {
	list := c.vouchers[digest]
	slices.SortFunc(list, func(a, b vouch) int { return cmp.Compare(a.index, b.index) })
	image := &record.Image{Count: uint32(len(list))}
	for _, v := range list[:min(len(list), record.MaxVouchers)] {
		image.Repositories = append(image.Repositories, v.repository)
	}
	return c.expect(record.ImageKey(digest), image.Encode(), "image value of %s", digest)
}
