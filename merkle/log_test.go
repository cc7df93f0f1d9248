package merkle_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	cmtmerkle "github.com/cometbft/cometbft/crypto/merkle"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"hullmark/merkle"
	"hullmark/merkle/internal/reference"
)

// allSizes is the largest log for which the tests try every index and every older
// size.
const allSizes = 300

// tlogHashes keeps what golang.org/x/mod/sumdb/tlog stores.
type tlogHashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (s tlogHashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, i := range indexes {
		out = append(out, s[i])
	}
	return out, nil
}

func newTlog(t *testing.T, n int) tlogHashes {
	var s tlogHashes
	for i := range n {
		hashes, err := tlog.StoredHashes(int64(i), numberedRecord(i), s)
		if err != nil {
			t.Fatal(err)
		}
		s = append(s, hashes...)
	}
	return s
}

func slicesOf(hs []merkle.Hash) [][]byte {
	out := make([][]byte, 0, len(hs))
	for _, h := range hs {
		out = append(out, h[:])
	}
	return out
}

func hashesOf(p []tlog.Hash) []merkle.Hash {
	var out []merkle.Hash
	for _, h := range p {
		out = append(out, merkle.Hash(h))
	}
	return out
}

func TestLogRoots(t *testing.T) {
	log, stored := numberedLog(allSizes), newTlog(t, allSizes)
	var (
		r       merkle.CompactRange
		records [][]byte
		other   = (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	)
	for size := range allSizes + 1 {
		head := log.head(t, uint64(size))
		if r.Head() != head {
			t.Fatalf("size %d: root of compact range is %v, of nodes %v", size, r.Root(), head.Root)
		}
		if want := merkle.Hash(reference.LogRoot(plain(log.leaves(size)))); head.Root != want {
			t.Fatalf("size %d: root is %v, reference %v", size, head.Root, want)
		}
		if want := merkle.Hash(cmtmerkle.HashFromByteSlices(records)); head.Root != want {
			t.Fatalf("size %d: root is %v, cometbft %v", size, head.Root, want)
		}
		if size > 0 {
			want, err := tlog.TreeHash(int64(size), stored)
			if err != nil || head.Root != merkle.Hash(want) {
				t.Fatalf("size %d: root is %v, tlog %v, %v", size, head.Root, want, err)
			}
		}
		if diff := cmp.Diff(other.Hashes(), slicesOf(r.Hashes()), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("size %d: compact range (-transparency-dev +own):\n%s", size, diff)
		}
		again, err := merkle.NewCompactRange(r.Size(), r.Hashes())
		if err != nil || again.Head() != head {
			t.Fatalf("size %d: compact range from its hashes has %v, %v", size, again.Head(), err)
		}
		if got, err := merkle.DecodeLogHead(head.Encode()); err != nil || got != head {
			t.Fatalf("size %d: head comes back as %v, %v", size, got, err)
		}

		records = append(records, numberedRecord(size))
		leaf := merkle.LeafHash(numberedRecord(size))
		before := r
		if err := r.Append(leaf); err != nil {
			t.Fatal(err)
		}
		if before.Head() != head {
			t.Fatalf("size %d: appending to a copy changed the original", size)
		}
		if err := other.Append(leaf[:], nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInclusionProofs(t *testing.T) {
	log, stored := numberedLog(allSizes), newTlog(t, allSizes)
	for size := range uint64(allSizes + 1) {
		head := log.head(t, size)
		for index := range size {
			p := log.inclusion(t, index, size)
			leaf := log[0][index]
			if err := merkle.VerifyInclusion(leaf, index, head, p); err != nil {
				t.Fatalf("index %d, size %d: %v", index, size, err)
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf[:], slicesOf(p), head.Root[:]); err != nil {
				t.Fatalf("index %d, size %d: transparency-dev: %v", index, size, err)
			}
			want, err := tlog.ProveRecord(int64(size), int64(index), stored)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(hashesOf(want), p) {
				t.Fatalf("index %d, size %d: proof is %v, tlog %v", index, size, p, want)
			}
			if size <= 40 {
				if ref := reference.LogInclusion(int(index), plain(log.leaves(int(size)))); !slices.Equal(ref, plain(p)) {
					t.Fatalf("index %d, size %d: proof is %v, reference %x", index, size, p, ref)
				}
				refuseMutants(t, p, func(bad []merkle.Hash) error {
					return merkle.VerifyInclusion(leaf, index, head, bad)
				})
				for other := range size {
					if other != index && merkle.VerifyInclusion(leaf, other, head, p) == nil {
						t.Fatalf("index %d, size %d: proof verifies for index %d", index, size, other)
					}
				}
			}
		}
	}
}

func TestConsistencyProofs(t *testing.T) {
	log, stored := numberedLog(allSizes), newTlog(t, allSizes)
	heads := make([]merkle.LogHead, allSizes+1)
	for size := range heads {
		heads[size] = log.head(t, uint64(size))
	}
	for n := range uint64(allSizes + 1) {
		for m := range n + 1 {
			p := log.consistency(t, m, n)
			if err := merkle.VerifyConsistency(heads[m], heads[n], p); err != nil {
				t.Fatalf("sizes %d and %d: %v", m, n, err)
			}
			if m == 0 || m == n {
				if len(p) != 0 {
					t.Fatalf("sizes %d and %d: proof of %d hashes", m, n, len(p))
				}
			} else {
				if err := proof.VerifyConsistency(rfc6962.DefaultHasher, m, n, slicesOf(p), heads[m].Root[:], heads[n].Root[:]); err != nil {
					t.Fatalf("sizes %d and %d: transparency-dev: %v", m, n, err)
				}
				want, err := tlog.ProveTree(int64(n), int64(m), stored)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(hashesOf(want), p) {
					t.Fatalf("sizes %d and %d: proof is %v, tlog %v", m, n, p, want)
				}
			}
			if n > 40 {
				continue
			}
			if ref := reference.LogConsistency(int(m), plain(log.leaves(int(n)))); !slices.Equal(ref, plain(p)) {
				t.Fatalf("sizes %d and %d: proof is %v, reference %x", m, n, p, ref)
			}
			refuseMutants(t, p, func(bad []merkle.Hash) error {
				return merkle.VerifyConsistency(heads[m], heads[n], bad)
			})
			if m != n {
				if err := merkle.VerifyConsistency(heads[n], heads[m], p); !errors.Is(err, merkle.ErrRange) {
					t.Fatalf("sizes %d and %d: the other way round: %v", m, n, err)
				}
			}
			forged := heads[m]
			forged.Root[0] ^= 1
			if err := merkle.VerifyConsistency(forged, heads[n], p); err == nil {
				t.Fatalf("sizes %d and %d: another old root verifies", m, n)
			}
			forged = heads[n]
			forged.Root[31] ^= 1
			if err := merkle.VerifyConsistency(heads[m], forged, p); err == nil && m != 0 {
				t.Fatalf("sizes %d and %d: another new root verifies", m, n)
			}
		}
	}
}

// refuseMutants breaks a valid proof in every small way.
func refuseMutants(t *testing.T, p []merkle.Hash, verify func([]merkle.Hash) error) {
	t.Helper()
	refuse := func(name string, bad []merkle.Hash, want ...error) {
		t.Helper()
		if err := verify(bad); !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
			t.Fatalf("%s: error is %v, want one of %v", name, err, want)
		}
	}
	refuse("hash appended", append(slices.Clone(p), merkle.Hash{}), merkle.ErrMalformed)
	refuse("hash prepended", append([]merkle.Hash{{}}, p...), merkle.ErrMalformed)
	for i := range p {
		bad := slices.Clone(p)
		bad[i][i%32] ^= 1 << (i % 8)
		refuse(fmt.Sprintf("bit of hash %d flipped", i), bad, merkle.ErrMismatch)
		refuse(fmt.Sprintf("hash %d removed", i), slices.Delete(slices.Clone(p), i, i+1), merkle.ErrMalformed)
		refuse(fmt.Sprintf("hash %d doubled", i), slices.Insert(slices.Clone(p), i, p[i]), merkle.ErrMalformed)
		if i > 0 {
			bad = slices.Clone(p)
			bad[i-1], bad[i] = bad[i], bad[i-1]
			refuse(fmt.Sprintf("hashes %d and %d swapped", i-1, i), bad, merkle.ErrMismatch)
		}
	}
}

func TestLargeLogProofs(t *testing.T) {
	log := numberedLog(65_537)
	heads := make(map[uint64]merkle.LogHead)
	sizes := []uint64{65_535, 65_536, 65_537}
	points := []uint64{0, 1, 255, 256, 257, 32_767, 32_768, 65_279, 65_280, 65_534, 65_535, 65_536, 65_537}
	for _, size := range append(points, sizes...) {
		heads[size] = log.head(t, size)
	}
	for _, size := range sizes {
		for _, p := range points {
			if p < size {
				leaf, got := log[0][p], log.inclusion(t, p, size)
				if err := merkle.VerifyInclusion(leaf, p, heads[size], got); err != nil {
					t.Errorf("index %d, size %d: %v", p, size, err)
				}
				root := heads[size].Root
				if err := proof.VerifyInclusion(rfc6962.DefaultHasher, p, size, leaf[:], slicesOf(got), root[:]); err != nil {
					t.Errorf("index %d, size %d: transparency-dev: %v", p, size, err)
				}
			}
			if p <= size {
				if err := merkle.VerifyConsistency(heads[p], heads[size], log.consistency(t, p, size)); err != nil {
					t.Errorf("sizes %d and %d: %v", p, size, err)
				}
			}
		}
	}
}

// TestHugeLogPlans compares plans with transparency-dev where no log exists.
func TestHugeLogPlans(t *testing.T) {
	sizes := []uint64{1, 2, 3, 1 << 31, 1<<31 + 1, 1<<53 - 1, 1<<61 + 12345, merkle.MaxLogSize - 1, merkle.MaxLogSize}
	for _, size := range sizes {
		for _, at := range []uint64{0, 1, size / 3, size / 2, size - 2, size - 1} {
			if at >= size {
				continue
			}
			own, err := merkle.PlanInclusion(at, size)
			if err != nil {
				t.Fatal(err)
			}
			want, err := proof.Inclusion(at, size)
			if err != nil {
				t.Fatal(err)
			}
			comparePlans(t, fmt.Sprintf("index %d, size %d", at, size), own, want)
			if at == 0 {
				continue
			}
			if own, err = merkle.PlanConsistency(at, size); err != nil {
				t.Fatal(err)
			}
			if want, err = proof.Consistency(at, size); err != nil {
				t.Fatal(err)
			}
			comparePlans(t, fmt.Sprintf("sizes %d and %d", at, size), own, want)
		}
	}
}

// comparePlans checks that two plans read the same nodes and make the same proof
// of them. The order within a folded hash differs.
func comparePlans(t *testing.T, name string, own merkle.LogPlan, want proof.Nodes) {
	t.Helper()
	fake := func(level uint, index uint64) merkle.Hash {
		return merkle.LeafHash(fmt.Appendf(nil, "%d/%d", level, index))
	}
	var ownHashes []merkle.Hash
	for _, n := range own.Nodes {
		ownHashes = append(ownHashes, fake(uint(n.Level), n.Index))
	}
	got, err := own.Assemble(ownHashes)
	if err != nil {
		t.Fatal(err)
	}
	var theirHashes [][]byte
	for _, n := range want.IDs {
		h := fake(n.Level, n.Index)
		theirHashes = append(theirHashes, h[:])
	}
	their, err := want.Rehash(theirHashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(their, slicesOf(got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-transparency-dev +own):\n%s", name, diff)
	}
	if len(got) > merkle.MaxLogProof {
		t.Errorf("%s: proof of %d hashes", name, len(got))
	}
}

func TestLogRefuses(t *testing.T) {
	log := numberedLog(8)
	head := log.head(t, 8)
	huge := merkle.LogHead{Size: merkle.MaxLogSize + 1}
	fakeEmpty := merkle.LogHead{Root: head.Root}
	long := make([]merkle.Hash, merkle.MaxLogProof+1)
	full := make([]merkle.Hash, 1)
	fullRange, err := merkle.NewCompactRange(merkle.MaxLogSize, full)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := merkle.PlanInclusion(3, 8)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		want error
		do   func() error
	}{
		{"inclusion: index is the size", merkle.ErrRange, func() error { return merkle.VerifyInclusion(log[0][0], 8, head, nil) }},
		{"inclusion: largest index", merkle.ErrRange, func() error { return merkle.VerifyInclusion(log[0][0], 1<<64-1, head, nil) }},
		{"inclusion: empty log", merkle.ErrRange, func() error { return merkle.VerifyInclusion(log[0][0], 0, merkle.EmptyLogHead(), nil) }},
		{"inclusion: log too large", merkle.ErrMalformed, func() error { return merkle.VerifyInclusion(log[0][0], 0, huge, nil) }},
		{"inclusion: proof too long", merkle.ErrMalformed, func() error { return merkle.VerifyInclusion(log[0][0], 0, head, long) }},
		{"inclusion: no proof", merkle.ErrMalformed, func() error { return merkle.VerifyInclusion(log[0][0], 0, head, nil) }},
		{"consistency: new log too large", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(head, huge, nil) }},
		{"consistency: old log too large", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(huge, huge, nil) }},
		{"consistency: empty old log with a root", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(fakeEmpty, head, nil) }},
		{"consistency: empty new log with a root", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(merkle.EmptyLogHead(), fakeEmpty, nil) }},
		{"consistency: proof too long", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(log.head(t, 3), head, long) }},
		{"consistency: no proof", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(log.head(t, 3), head, nil) }},
		{"consistency: from empty with a proof", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(merkle.EmptyLogHead(), head, long[:1]) }},
		{"consistency: equal with a proof", merkle.ErrMalformed, func() error { return merkle.VerifyConsistency(head, head, long[:1]) }},
		{"consistency: equal sizes, other root", merkle.ErrMismatch, func() error {
			return merkle.VerifyConsistency(merkle.LogHead{Size: 8}, head, nil)
		}},
		{"head: too short", merkle.ErrMalformed, func() error { _, err := merkle.DecodeLogHead(head.Encode()[1:]); return err }},
		{"head: too long", merkle.ErrMalformed, func() error { _, err := merkle.DecodeLogHead(append(head.Encode(), 0)); return err }},
		{"head: too large", merkle.ErrMalformed, func() error { _, err := merkle.DecodeLogHead(huge.Encode()); return err }},
		{"head: empty with a root", merkle.ErrMalformed, func() error { _, err := merkle.DecodeLogHead(fakeEmpty.Encode()); return err }},
		{"range: too many hashes", merkle.ErrMalformed, func() error { _, err := merkle.NewCompactRange(3, long[:3]); return err }},
		{"range: too few hashes", merkle.ErrMalformed, func() error { _, err := merkle.NewCompactRange(3, long[:1]); return err }},
		{"range: too large", merkle.ErrRange, func() error {
			_, err := merkle.NewCompactRange(huge.Size, long[:bits.OnesCount64(huge.Size)])
			return err
		}},
		{"range: append to a full log", merkle.ErrRange, func() error { return fullRange.Append(merkle.Hash{}) }},
		{"plan: root of a log too large", merkle.ErrRange, func() error { _, err := merkle.PlanRoot(huge.Size); return err }},
		{"plan: index is the size", merkle.ErrRange, func() error { _, err := merkle.PlanInclusion(8, 8); return err }},
		{"plan: inclusion in a log too large", merkle.ErrRange, func() error { _, err := merkle.PlanInclusion(8, huge.Size); return err }},
		{"plan: old log is larger", merkle.ErrRange, func() error { _, err := merkle.PlanConsistency(9, 8); return err }},
		{"plan: consistency of a log too large", merkle.ErrRange, func() error { _, err := merkle.PlanConsistency(8, huge.Size); return err }},
		{"plan: a hash too few", merkle.ErrMalformed, func() error { _, err := plan.Assemble(long[:len(plan.Nodes)-1]); return err }},
		{"plan: a hash too many", merkle.ErrMalformed, func() error { _, err := plan.Assemble(long[:len(plan.Nodes)+1]); return err }},
		{"plan: reader fails", errRead, func() error { _, err := plan.Fetch(memLog{}); return err }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.do(); !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
}

// cutHashes makes a proof of fuzzed bytes.
func cutHashes(b []byte) []merkle.Hash {
	var out []merkle.Hash
	for ; len(b) >= merkle.HashSize && len(out) <= merkle.MaxLogProof; b = b[merkle.HashSize:] {
		out = append(out, merkle.Hash(b))
	}
	return out
}

func FuzzVerifyInclusion(f *testing.F) {
	log := numberedLog(300)
	for _, at := range [][2]uint64{{0, 1}, {0, 7}, {6, 7}, {255, 256}, {256, 257}, {299, 300}} {
		head := log.head(f, at[1])
		leaf := log[0][at[0]]
		f.Add(leaf[:], at[0], at[1], head.Root[:], bytes.Join(slicesOf(log.inclusion(f, at[0], at[1])), nil))
	}
	f.Fuzz(func(t *testing.T, leafBytes []byte, index, size uint64, rootBytes, proofBytes []byte) {
		var leaf merkle.Hash
		head := merkle.LogHead{Size: size}
		copy(leaf[:], leafBytes)
		copy(head.Root[:], rootBytes)
		p := cutHashes(proofBytes)
		own := merkle.VerifyInclusion(leaf, index, head, p)
		if size > merkle.MaxLogSize {
			if own == nil {
				t.Fatal("log above the limit verifies")
			}
			return
		}
		other := proof.VerifyInclusion(rfc6962.DefaultHasher, index, size, leaf[:], slicesOf(p), head.Root[:])
		if (own == nil) != (other == nil) {
			t.Fatalf("index %d, size %d, %d hashes: own %v, transparency-dev %v", index, size, len(p), own, other)
		}
	})
}

func FuzzVerifyConsistency(f *testing.F) {
	log := numberedLog(300)
	for _, at := range [][2]uint64{{0, 5}, {1, 2}, {3, 7}, {4, 8}, {255, 256}, {256, 300}, {300, 300}} {
		older, newer := log.head(f, at[0]), log.head(f, at[1])
		f.Add(at[0], at[1], older.Root[:], newer.Root[:], bytes.Join(slicesOf(log.consistency(f, at[0], at[1])), nil))
	}
	f.Fuzz(func(t *testing.T, m, n uint64, oldRoot, newRoot, proofBytes []byte) {
		older, newer := merkle.LogHead{Size: m}, merkle.LogHead{Size: n}
		copy(older.Root[:], oldRoot)
		copy(newer.Root[:], newRoot)
		p := cutHashes(proofBytes)
		own := merkle.VerifyConsistency(older, newer, p)
		if m == 0 || n > merkle.MaxLogSize {
			// Others do not look at roots of empty logs, and know no limit.
			if own == nil && (older != merkle.EmptyLogHead() || n > merkle.MaxLogSize || len(p) > 0) {
				t.Fatalf("sizes %d and %d verify", m, n)
			}
			return
		}
		other := proof.VerifyConsistency(rfc6962.DefaultHasher, m, n, slicesOf(p), older.Root[:], newer.Root[:])
		if (own == nil) != (other == nil) {
			t.Fatalf("sizes %d and %d, %d hashes: own %v, transparency-dev %v", m, n, len(p), own, other)
		}
	})
}
