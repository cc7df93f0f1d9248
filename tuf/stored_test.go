package tuf

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/reference"
)

func stored(t testing.TB, f *Targets) *Stored {
	t.Helper()
	s, err := OpenStored(f.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// followsAlike checks that a delta leads to the same file, or to none, whether the
// base is parsed or only its bytes are there.
func followsAlike(t testing.TB, base *Targets, d Delta) {
	t.Helper()
	want, wanted := base.Apply(d)
	s := stored(t, base)
	got, err := s.Apply(d, base.SignedDigest())
	if (err == nil) != (wanted == nil) {
		t.Fatalf("from the parsed file %v, from the stored bytes %v", wanted, err)
	}
	if err != nil {
		return
	}
	if diff := cmp.Diff(want.Metadata, got.Metadata, cmp.AllowUnexported(Metadata{}), cmp.Comparer(sameRepository)); diff != "" {
		t.Fatal(diff)
	}
	put, remove := DiffTargets(base, want)
	whole := s.Follow(want)
	for _, f := range []*Successor{got, whole} {
		if !slices.Equal(f.Put, put) || !slices.Equal(f.Remove, remove) {
			t.Fatalf("put %v and removed %v, the files differ by %v and %v", f.Put, f.Remove, put, remove)
		}
	}
	if !whole.Delegations.equal(want.Delegations) || got.Redelegate && !got.Delegations.equal(want.Delegations) {
		t.Fatal("other delegations")
	}
	again, err := s.Rebuild(d)
	if err != nil || !bytes.Equal(again, want.Bytes()) {
		t.Fatalf("rebuilt otherwise: %v", err)
	}
	if rows := slices.Collect(stored(t, want).Rows()); !slices.Equal(rows, want.Targets) {
		t.Fatalf("rows %v, want %v", rows, want.Targets)
	}
}

func sameRepository(a, b reference.Repository) bool { return a == b }

// names are tags that look like fields of the file.
var names = []string{"version", "length", "hashes", "sha256", "targets", "x-hullmark", "delegations", "expires", "signed", "spec_version"}

// TestStored changes files of many rows at random places, so that every row is
// somewhere the first, the last and in the middle.
func TestStored(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 0))
	for _, start := range []TargetsSpec{targetsSpec(0), targetsSpec(3), delegate(targetsSpec(0)), withPEM(delegate(targetsSpec(2)))} {
		for i := range 120 {
			start.Targets = append(start.Targets, Target{
				Tag: reference.MustParseTag(fmt.Sprintf("%s-%d", strings.Repeat("t", 1+i), i)), Digest: reference.SumSHA256(fmt.Append(nil, i)), Length: uint64(i + 1),
			})
		}
		base := mustTargets(t, start, targetsKey)
		for step := range 40 {
			d := Delta{Base: base.SignedDigest(), Version: base.Version + 1, Expires: testExpires.Add(time.Duration(step) * time.Second), Signatures: base.Signatures}
			for range random.IntN(5) {
				name := names[random.IntN(len(names))]
				if random.IntN(2) == 0 && len(base.Targets) > 0 {
					name = base.Targets[random.IntN(len(base.Targets))].Tag.String()
				}
				tag := reference.MustParseTag(name)
				if random.IntN(3) == 0 {
					d.Remove = append(d.Remove, tag)
				} else {
					d.Put = append(d.Put, Target{Tag: tag, Digest: reference.SumSHA256(fmt.Append(nil, step)), Length: 1 + random.Uint64N(1<<40)})
				}
			}
			slices.SortFunc(d.Put, func(a, b Target) int { return compareTag(a, b.Tag.String()) })
			slices.SortFunc(d.Remove, func(a, b reference.Tag) int { return strings.Compare(a.String(), b.String()) })
			followsAlike(t, base, d)
			if next, err := base.Apply(d); err == nil {
				base = next
			}
		}
		// Nothing stays.
		d := Delta{Base: base.SignedDigest(), Version: base.Version + 1, Expires: testExpires}
		for _, row := range base.Targets {
			d.Remove = append(d.Remove, row.Tag)
		}
		followsAlike(t, base, d)
		for _, redelegate := range []*Delegations{nil, delegate(targetsSpec(0)).Delegations, withPEM(delegate(targetsSpec(0))).Delegations} {
			d := Delta{Base: base.SignedDigest(), Version: base.Version + 1, Expires: testExpires, Redelegate: true, Delegations: redelegate}
			followsAlike(t, base, d)
		}
	}
}

// withPEM gives the first delegated role a key whose signing form is not that of the
// file.
func withPEM(spec TargetsSpec) TargetsSpec {
	key := ecSigner(9)
	list := *spec.Delegations
	list.Roles = slices.Clone(list.Roles)
	list.Roles[0].Role = Role{KeyIDs: append(slices.Clone(list.Roles[0].KeyIDs), key.id()), Threshold: 1}
	list.Keys = sortKeys(append(slices.Clone(list.Keys), key.PublicKey()))
	spec.Delegations = &list
	return spec
}

// TestStoredDamaged: what is no file is told from one, and nothing panics.
func TestStoredDamaged(t *testing.T) {
	whole := mustTargets(t, delegate(targetsSpec(3)), targetsKey)
	b := whole.Bytes()
	for n := range len(b) {
		if s, err := OpenStored(b[:n]); err == nil {
			for range s.Rows() {
			}
			_, _ = s.Apply(Delta{Version: 2, Expires: testExpires, Remove: []reference.Tag{reference.MustParseTag("v1")}}, [32]byte{})
		} else if !errors.Is(err, ErrStored) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

// BenchmarkFollow follows a file of the largest size and a usual one with one more
// tag: all that is done before its signature.
func BenchmarkFollow(b *testing.B) {
	for _, rows := range []int{100, 8000} {
		spec := targetsSpec(0)
		for i := range rows {
			spec.Targets = append(spec.Targets, Target{
				Tag: reference.MustParseTag(fmt.Sprintf("release-%06d", i)), Digest: reference.SumSHA256(fmt.Append(nil, i)), Length: 1234,
			})
		}
		base := mustTargets(b, spec, targetsKey)
		d := Delta{Base: base.SignedDigest(), Version: 2, Expires: testExpires, Signatures: base.Signatures, Put: []Target{{
			Tag: reference.MustParseTag("release-0050"), Digest: reference.SumSHA256(nil), Length: 1,
		}}}
		b.Run(fmt.Sprintf("%d tags", rows), func(b *testing.B) {
			b.SetBytes(int64(len(base.Bytes())))
			for b.Loop() {
				s, err := OpenStored(base.Bytes())
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Apply(d, base.SignedDigest()); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%d tags parsed", rows), func(b *testing.B) {
			b.SetBytes(int64(len(base.Bytes())))
			for b.Loop() {
				t, err := ParseTargets(base.Bytes())
				if err != nil {
					b.Fatal(err)
				}
				if _, err := t.Apply(d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
