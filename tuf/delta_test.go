package tuf

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/keys"
	"hullmark/reference"
)

// diff makes the delta that leads from one list of targets to another.
func diff(base *Targets, next []Target) (put []Target, remove []reference.Tag) {
	var kept []reference.Tag
	for _, target := range next {
		kept = append(kept, target.Tag)
		if old, ok := base.Target(target.Tag); !ok || old != target {
			put = append(put, target)
		}
	}
	for _, target := range base.Targets {
		if !slices.Contains(kept, target.Tag) {
			remove = append(remove, target.Tag)
		}
	}
	slices.SortFunc(put, func(a, b Target) int { return compareTag(a, b.Tag.String()) })
	return put, remove
}

// TestDeltaEqualsWholeFile walks a history of random edits both ways.
func TestDeltaEqualsWholeFile(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 0))
	root := mustRoot(t, rootSpec(), rootKey)
	for _, start := range []TargetsSpec{targetsSpec(0), targetsSpec(5), delegate(targetsSpec(20))} {
		current := mustTargets(t, start, targetsKey)
		for step := range 40 {
			spec := current.Spec()
			spec.Version++
			spec.Expires = spec.Expires.Add(time.Hour)
			for range random.IntN(4) {
				tag := reference.MustParseTag(fmt.Sprintf("v%d", random.IntN(30)))
				i := slices.IndexFunc(spec.Targets, func(target Target) bool { return target.Tag == tag })
				target := Target{Tag: tag, Digest: reference.SumSHA256(fmt.Append(nil, step, tag)), Length: uint64(step + 1)}
				switch {
				case i < 0:
					spec.Targets = append(spec.Targets, target)
				case random.IntN(2) == 0:
					spec.Targets[i] = target
				default:
					spec.Targets = slices.Delete(spec.Targets, i, i+1)
				}
			}
			whole := mustTargets(t, spec, targetsKey)

			delta := Delta{Base: current.SignedDigest(), Version: spec.Version, Expires: spec.Expires}
			delta.Put, delta.Remove = diff(current, spec.Targets)
			unsigned, err := current.Apply(delta)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := unsigned.Sign(targetsKey)
			if err != nil {
				t.Fatal(err)
			}
			delta.Signatures = signed.Signatures
			rebuilt, err := current.Apply(delta)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(whole.Bytes()), string(rebuilt.Bytes())); diff != "" {
				t.Fatal(diff)
			}
			followsAlike(t, current, delta)
			// Not only the bytes: everything a caller can see.
			reparsed, err := ParseTargets(rebuilt.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(reparsed, rebuilt, cmp.AllowUnexported(Metadata{}), cmp.Comparer(sameTarget),
				cmp.Comparer(func(a, b reference.Repository) bool { return a == b })); diff != "" {
				t.Fatal(diff)
			}
			if err := VerifyTargets(keys.Direct{}, root, rebuilt, bindingFor(RoleTargets), testNow); err != nil {
				t.Fatal(err)
			}
			current = rebuilt
		}
	}
}

func sameTarget(a, b Target) bool { return a == b }

func TestDeltaKeepsSpecVersion(t *testing.T) {
	file := edit(mustTargets(t, targetsSpec(1)).Bytes(), func(s object) { s["spec_version"] = "1.0.7" }, targetsKey)
	base, err := ParseTargets(file)
	if err != nil {
		t.Fatal(err)
	}
	next, err := base.Apply(Delta{Base: base.SignedDigest(), Version: 2, Expires: testExpires})
	if err != nil || next.SpecVersion != "1.0.7" {
		t.Errorf("got %v, %v", next, err)
	}
}

func TestDeltaRefused(t *testing.T) {
	base := mustTargets(t, targetsSpec(3), targetsKey)
	row := func(tag string) Target {
		return Target{Tag: reference.MustParseTag(tag), Digest: reference.SumSHA256(nil), Length: 1}
	}
	tag := reference.MustParseTag
	signature := func(first byte) Signature { return Signature{KeyID: keys.ID{first}, Sig: []byte{1}} }
	for name, test := range map[string]struct {
		change func(*Delta)
		want   error
	}{
		"other base":            {func(d *Delta) { d.Base[0] ^= 1 }, ErrStaleBase},
		"file digest as base":   {func(d *Delta) { d.Base = base.FileDigest() }, ErrStaleBase},
		"no base":               {func(d *Delta) { d.Base = [32]byte{} }, ErrStaleBase},
		"version 0":             {func(d *Delta) { d.Version = 0 }, ErrVersion},
		"version too high":      {func(d *Delta) { d.Version = MaxInteger + 1 }, ErrVersion},
		"expires in local time": {func(d *Delta) { d.Expires = testExpires.In(time.FixedZone("", 3600)) }, ErrExpires},
		"expires with fraction": {func(d *Delta) { d.Expires = testExpires.Add(1) }, ErrExpires},
		"expires before 1970":   {func(d *Delta) { d.Expires = time.Unix(-1, 0).UTC() }, ErrExpires},
		"expires after 9999":    {func(d *Delta) { d.Expires = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, ErrExpires},
		"no expiry":             {func(d *Delta) { d.Expires = time.Time{} }, ErrExpires},
		"put unsorted":          {func(d *Delta) { d.Put = []Target{row("b"), row("a")} }, ErrDelta},
		"put twice":             {func(d *Delta) { d.Put = []Target{row("a"), row("a")} }, ErrDelta},
		"put what is there":     {func(d *Delta) { d.Put = base.Targets[1:2] }, ErrDelta},
		"put nothing":           {func(d *Delta) { d.Put = []Target{{}} }, ErrTarget},
		"put without length":    {func(d *Delta) { d.Put = []Target{{Tag: tag("a"), Digest: reference.SumSHA256(nil)}} }, ErrTarget},
		"put with too much length": {func(d *Delta) {
			d.Put = []Target{{Tag: tag("a"), Digest: reference.SumSHA256(nil), Length: MaxInteger + 1}}
		}, ErrTarget},
		"put without digest":       {func(d *Delta) { d.Put = []Target{{Tag: tag("a"), Length: 1}} }, ErrTarget},
		"remove absent":            {func(d *Delta) { d.Remove = []reference.Tag{tag("a")} }, ErrDelta},
		"remove absent at the end": {func(d *Delta) { d.Remove = []reference.Tag{tag("v1"), tag("z")} }, ErrDelta},
		"remove unsorted":          {func(d *Delta) { d.Remove = []reference.Tag{tag("v2"), tag("v1")} }, ErrDelta},
		"remove twice":             {func(d *Delta) { d.Remove = []reference.Tag{tag("v1"), tag("v1")} }, ErrDelta},
		"remove no tag":            {func(d *Delta) { d.Remove = []reference.Tag{{}} }, ErrDelta},
		"put and remove":           {func(d *Delta) { d.Put, d.Remove = []Target{row("v1")}, []reference.Tag{tag("v1")} }, ErrDelta},
		"signatures unsorted":      {func(d *Delta) { d.Signatures = []Signature{signature(2), signature(1)} }, ErrNotCanonical},
		"signatures of one key":    {func(d *Delta) { d.Signatures = []Signature{signature(1), signature(1)} }, ErrSignature},
		"signature empty":          {func(d *Delta) { d.Signatures = []Signature{{KeyID: keys.ID{1}}} }, ErrSignature},
		"signature too long":       {func(d *Delta) { d.Signatures = []Signature{{Sig: make([]byte, keys.MaxSignatureSize+1)}} }, ErrSignature},
		"too many signatures":      {func(d *Delta) { d.Signatures = make([]Signature, MaxSignatures+1) }, ErrLimit},
	} {
		t.Run(name, func(t *testing.T) {
			delta := Delta{Base: base.SignedDigest(), Version: 2, Expires: testExpires}
			if _, err := base.Apply(delta); err != nil {
				t.Fatalf("without the change: %v", err)
			}
			test.change(&delta)
			if _, err := base.Apply(delta); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if _, err := stored(t, base).Apply(delta, base.SignedDigest()); !errors.Is(err, test.want) {
				t.Errorf("from the stored bytes: got %v, want %v", err, test.want)
			}
		})
	}
}
