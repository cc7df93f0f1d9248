package client_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
)

// strange returns an anchor with a block that only strangers signed.
func (n *network) strange(height uint64) *bundle.Anchor {
	n.tb.Helper()
	a := n.chain.Anchor(height)
	set := fixture.NewKeys(n.tb, keys.KeytypeEd25519, "stranger", 4)
	header := *a.Block.Header
	header.Height += 100
	header.ValidatorsHash = bundletest.ValidatorSet(set).Hash()
	header.NextValidatorsHash = header.ValidatorsHash
	a.Block = n.chain.Sign(&header, set, set...)
	return a
}

// sign adds signatures by governance keys.
func sign(tb testing.TB, a *bundle.Anchor, by ...*fixture.Key) {
	tb.Helper()
	message, err := a.Message()
	if err != nil {
		tb.Fatal(err)
	}
	for _, k := range by {
		sig, err := keys.SignFixed(k.Private(), message)
		if err != nil {
			tb.Fatal(err)
		}
		a.AddSignature(bundle.AnchorSignature{KeyID: k.PublicKey().ID(), Signature: sig})
	}
}

// TestImportOverKnownTrust: over known trust only an anchor is taken that the known
// validators or more than two thirds of the known operators lead to.
func TestImportOverKnownTrust(t *testing.T) {
	n := newNetwork(t, 1)
	for range 4 {
		n.commit()
	}
	op := n.chain.Operators
	governance := func(some ...int) (out []*fixture.Key) {
		for _, i := range some {
			out = append(out, op[i].Governance)
		}
		return out
	}
	const at = 6
	for _, tt := range []struct {
		name string
		make func() *bundle.Anchor
		by   bundle.Succession
	}{
		{"later block", func() *bundle.Anchor { return n.chain.Anchor(at) }, bundle.LedByValidators},
		{"the known one", func() *bundle.Anchor { return n.chain.Anchor(1) }, bundle.LedByValidators},
		{"later block, signed by all", func() *bundle.Anchor {
			a := n.chain.Anchor(at)
			sign(t, a, governance(0, 1, 2, 3)...)
			return a
		}, bundle.LedByOperators},
		{"without an operator", func() *bundle.Anchor {
			a := n.chain.Anchor(at)
			a.Operators = a.Operators[:3]
			return a
		}, bundle.NotLed},
		{"another operator's key", func() *bundle.Anchor {
			a := n.chain.Anchor(at)
			a.Operators[0].Key = fixture.NewKey(t, keys.KeytypeEd25519, "thief").PublicKey()
			return a
		}, bundle.NotLed},
		{"another operator's key, signed by two of four", func() *bundle.Anchor {
			a := n.chain.Anchor(at)
			a.Operators[0].Key = fixture.NewKey(t, keys.KeytypeEd25519, "new").PublicKey()
			sign(t, a, governance(1, 2)...)
			return a
		}, bundle.NotLed},
		{"another operator's key, signed by three of four", func() *bundle.Anchor {
			a := n.chain.Anchor(at)
			a.Operators[0].Key = fixture.NewKey(t, keys.KeytypeEd25519, "new").PublicKey()
			sign(t, a, governance(0, 1, 2)...)
			return a
		}, bundle.LedByOperators},
		{"another operator's key, signed by it and two of four", func() *bundle.Anchor {
			thief := fixture.NewKey(t, keys.KeytypeEd25519, "thief")
			a := n.chain.Anchor(at)
			a.Operators[0].Key = thief.PublicKey()
			sign(t, a, append(governance(1, 2), thief)...)
			return a
		}, bundle.NotLed},
		{"changed after it was signed", func() *bundle.Anchor {
			a := n.chain.Anchor(at)
			sign(t, a, governance(0, 1, 2, 3)...)
			a.TrustingPeriod += time.Second
			return a
		}, bundle.NotLed},
		{"longer trusting period", func() *bundle.Anchor {
			a := n.chain.Anchor(at)
			a.TrustingPeriod += time.Second
			return a
		}, bundle.NotLed},
		{"unknown validators", func() *bundle.Anchor { return n.strange(at) }, bundle.NotLed},
		{"unknown validators, signed by two of four", func() *bundle.Anchor {
			a := n.strange(at)
			sign(t, a, governance(0, 3)...)
			return a
		}, bundle.NotLed},
		{"unknown validators, signed by three of four", func() *bundle.Anchor {
			a := n.strange(at)
			sign(t, a, governance(0, 2, 3)...)
			return a
		}, bundle.LedByOperators},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			h := n.home(dir)
			c := n.client(func(o *client.Options) { o.Store = h })
			if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
				t.Fatal(err)
			}
			before, err := h.Load(t.Context(), ref(app).Repository)
			if err != nil {
				t.Fatal(err)
			}
			a := tt.make()
			data, err := a.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := h.ImportAnchor(t.Context(), data, n.now())
			if got == nil || got.First || got.By != tt.by || errors.Is(err, bundle.ErrUnrelated) != (tt.by == bundle.NotLed) {
				t.Fatalf("import %+v, %v", got, err)
			}
			if known, err := h.Anchor(); err != nil || known.Block.Height == a.Block.Height != (tt.by != bundle.NotLed || a.Block.Height == 1) {
				t.Errorf("anchor of height %d, %v", known.Block.Height, err)
			}
			if tt.by == bundle.NotLed {
				if len(got.Differences) == 0 || client.ClassOf(err) != bundle.Other {
					t.Errorf("differences %q, class %s", got.Differences, client.ClassOf(err))
				}
				if got, err = h.ReplaceAnchor(t.Context(), data, n.now()); err != nil || got.By != bundle.NotLed || got.Dropped != len(before.Blocks()) && got.Dropped != len(before.Blocks())-1 {
					t.Fatalf("replaced: %+v, %v; %d blocks were known", got, err, len(before.Blocks()))
				}
			}
			after, err := h.Load(t.Context(), ref(app).Repository)
			if err != nil || !after.StartsFrom(a) {
				t.Fatal(err)
			}
			// What is known of the repository stays, and so do known blocks unless the
			// trust that they rest on was replaced.
			if seen, ok := after.Repository(ref(app).Repository); !ok || seen.Revision != 3 {
				t.Errorf("remembered %+v", seen)
			}
			want := before.Blocks()
			if tt.by == bundle.NotLed {
				want = nil
			}
			for _, lb := range want {
				if !slices.ContainsFunc(after.Blocks(), func(b *types.LightBlock) bool { return b.Height == lb.Height }) {
					t.Errorf("block %d is forgotten", lb.Height)
				}
			}
		})
	}
}

// TestAnchorsOnlyAdvance: no signed anchor takes the place of a newer one, so none brings
// back the keys of operators that were replaced. Each can be one more to start from.
func TestAnchorsOnlyAdvance(t *testing.T) {
	n := newNetwork(t, 1)
	for range 8 {
		n.commit()
	}
	const at = 6
	var old, current []*fixture.Key
	for i, o := range n.chain.Operators {
		old = append(old, o.Governance)
		current = append(current, fixture.NewKey(t, keys.KeytypeEd25519, "replaced "+string(rune('a'+i))))
	}
	// anchor is one with some keys of operators.
	anchor := func(height uint64, governance []*fixture.Key) *bundle.Anchor {
		a := n.chain.Anchor(height)
		for i, k := range governance {
			a.Operators[i].Key = k.PublicKey()
		}
		return a
	}
	encode := func(t *testing.T, a *bundle.Anchor, by []*fixture.Key) []byte {
		sign(t, a, by...)
		data, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, tt := range []struct {
		name   string
		anchor *bundle.Anchor
		by     []*fixture.Key
		err    error
	}{
		{"higher, with the known operators", anchor(at+1, current), current, nil},
		{"higher, with the known operators, unsigned", anchor(at+1, current), nil, nil},
		{"higher, with other operators", anchor(at+1, old), current, nil},
		{"the known one", anchor(at, current), current, nil},
		{"the known one, unsigned", anchor(at, current), nil, nil},
		{"equal height, with the operators of then", anchor(at, old), current, bundle.ErrNotNewer},
		{"equal height, with one key of then", anchor(at, old[:1]), old, bundle.ErrUnrelated},
		{"lower, with the operators of then", anchor(at-1, old), current, bundle.ErrNotNewer},
		{"lower, with the operators of then, signed by them", anchor(at-1, old), old, bundle.ErrUnrelated},
		{"lower, with the known operators", anchor(at-1, current), current, bundle.ErrNotNewer},
		{"lower and known, with the known operators, unsigned", anchor(1, current), nil, bundle.ErrNotNewer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := n.home(t.TempDir())
			if _, err := h.ImportAnchor(t.Context(), encode(t, anchor(at, current), old), n.now()); err != nil {
				t.Fatal(err)
			}
			known, err := h.Anchor()
			if err != nil {
				t.Fatal(err)
			}
			data := encode(t, tt.anchor, tt.by)
			got, err := h.ImportAnchor(t.Context(), data, n.now())
			if !errors.Is(err, tt.err) {
				t.Fatalf("import %+v, %v", got, err)
			}
			stays, load := h.Anchor()
			if load != nil {
				t.Fatal(load)
			}
			if tt.err == nil {
				if len(tt.anchor.Differences(stays)) != 0 {
					t.Error("the new anchor was not taken")
				}
				return
			}
			if len(known.Differences(stays)) != 0 {
				t.Errorf("the anchor became another one: %q", known.Differences(stays))
			}
			if len(got.Differences) == 0 || client.ClassOf(err) != bundle.Other {
				t.Errorf("differences %q, class %s", got.Differences, client.ClassOf(err))
			}
			if !errors.Is(tt.err, bundle.ErrNotNewer) {
				return
			}
			// Its block is true, and its operators are not those of now.
			if _, err := h.AddAnchor(t.Context(), data, n.now()); err != nil {
				t.Error(err)
			}
			if stays, err := h.Anchor(); err != nil || len(known.Differences(stays)) != 0 {
				t.Errorf("added, the anchor became another one: %v", err)
			}
			stolen := encode(t, anchor(at+1, nil), old)
			if _, err := h.ImportAnchor(t.Context(), stolen, n.now()); !errors.Is(err, bundle.ErrUnrelated) {
				t.Errorf("the keys that were replaced lead on: %v", err)
			}
			// Only a person goes back, and gives up the blocks known since.
			if got, err := h.ReplaceAnchor(t.Context(), data, n.now()); err != nil || got.By != bundle.NotLed || got.Dropped == 0 {
				t.Errorf("replaced: %+v, %v", got, err)
			}
		})
	}
}

// TestFirstImport: nothing is known that could lead anywhere. The digest is that of all
// that operators sign.
func TestFirstImport(t *testing.T) {
	n := newNetwork(t, 1)
	h, err := client.OpenHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := n.chain.Anchor(2)
	sign(t, a, n.chain.Operators[1].Governance)
	data, err := a.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.AddAnchor(t.Context(), data, n.now()); !errors.Is(err, client.ErrNoAnchor) {
		t.Errorf("an older one before any: %v", err)
	}
	got, err := h.ImportAnchor(t.Context(), data, n.now())
	if err != nil || !got.First || len(got.Anchor.Signatures) != 1 {
		t.Fatalf("import %+v, %v", got, err)
	}
	message, err := got.Anchor.Message()
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := got.Anchor.Digest(); err != nil || digest != sha256.Sum256(message) {
		t.Errorf("digest %x, %v", digest, err)
	}
	unsigned := *got.Anchor
	unsigned.Signatures = nil
	if again, err := unsigned.Message(); err != nil || string(again) != string(message) {
		t.Error("signatures are part of what is signed")
	}
}

// TestOlderThanTheAnchor: what was made before the known anchor verifies from a block
// that is still known, or from an older anchor that operators signed.
func TestOlderThanTheAnchor(t *testing.T) {
	n := newNetwork(t, 1)
	early := n.chain.Newest().Bundle(ref(app + ":latest"))
	file, err := bundle.Encode(early)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		n.commit()
	}
	later, err := n.chain.Anchor(7).Encode()
	if err != nil {
		t.Fatal(err)
	}
	verify := func(h *client.Home) error {
		c, err := client.NewOffline(client.Options{Store: h, Now: n.now})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.VerifyBundle(t.Context(), file, ref(app+":latest"), bundle.OfflinePolicy())
		return err
	}
	// The client that renews its anchor has the old one still.
	h := n.home(t.TempDir())
	if _, err := h.ImportAnchor(t.Context(), later, n.now()); err != nil {
		t.Fatal(err)
	}
	if err := verify(h); err != nil {
		t.Errorf("after a renewal: %v", err)
	}
	// A client that begins with the later one needs an older one beside it.
	if h, err = client.OpenHome(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.ImportAnchor(t.Context(), later, n.now()); err != nil {
		t.Fatal(err)
	}
	if err := verify(h); !errors.Is(err, bundle.ErrBelowTrusted) {
		t.Errorf("error %v", err)
	}
	older := n.chain.Anchor(2)
	add := func() error {
		data, err := older.Encode()
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.AddAnchor(t.Context(), data, n.now())
		return err
	}
	if err := add(); !errors.Is(err, bundle.ErrUnrelated) {
		t.Errorf("unsigned: %v", err)
	}
	sign(t, older, n.chain.Operators[0].Governance, n.chain.Operators[1].Governance, n.chain.Operators[2].Governance)
	if err := add(); err != nil {
		t.Fatal(err)
	}
	if err := verify(h); err != nil {
		t.Errorf("with the older one: %v", err)
	}
	if a, err := h.Anchor(); err != nil || a.Block.Height != 7 {
		t.Errorf("anchor %v, %v", a, err)
	}
}
