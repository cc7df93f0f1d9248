package bundle

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"hullmark/keys"
	"hullmark/printable"
	"hullmark/proto"
)

// anchorTag begins what operators sign of an anchor.
const anchorTag = "hullmark/trust-anchor/v1\n"

// AnchorSignature is by an operator's governance key.
type AnchorSignature struct {
	KeyID keys.ID
	// Signature is in fixed width (keys.VerifyFixed), over Anchor.Message.
	Signature []byte
}

// Message returns what operators sign of an anchor: all of it but the signatures
// (docs/spec.md, "Trust anchor").
func (a *Anchor) Message() ([]byte, error) {
	block, err := a.block()
	if err != nil {
		return nil, err
	}
	b, err := proto.Marshal(a.message(block))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnchor, err)
	}
	return append([]byte(anchorTag), b...), nil
}

// Digest returns the SHA-256 of Message: what people compare.
func (a *Anchor) Digest() ([32]byte, error) {
	b, err := a.Message()
	return sha256.Sum256(b), err
}

// AddSignature adds a signature, or replaces that of the same key. Whether it verifies
// shows for those who know the key.
func (a *Anchor) AddSignature(s AnchorSignature) {
	i, ok := slices.BinarySearchFunc(a.Signatures, s, func(a, b AnchorSignature) int { return a.KeyID.Compare(b.KeyID) })
	if ok {
		a.Signatures[i] = s
		return
	}
	a.Signatures = slices.Insert(a.Signatures, i, s)
}

// Endorsers returns the operators of a known anchor whose signatures another one
// carries.
func (a *Anchor) Endorsers(next *Anchor) ([]string, error) {
	message, err := next.Message()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, o := range a.Operators {
		id := o.Key.ID()
		i := slices.IndexFunc(next.Signatures, func(s AnchorSignature) bool { return s.KeyID == id })
		if i >= 0 && keys.VerifyFixed(keys.Direct{}, o.Key, message, next.Signatures[i].Signature) == nil {
			out = append(out, o.ID)
		}
	}
	return out, nil
}

// Expired reports whether the block of an anchor is older than its trusting period.
func (a *Anchor) Expired(now time.Time) bool { return !a.Block.Time.Add(a.TrustingPeriod).After(now) }

// Differences says for people in what another anchor of the ledger differs from this
// one; nothing if in its block only by the height.
func (a *Anchor) Differences(next *Anchor) []string {
	var out []string
	if a.Ledger != next.Ledger {
		out = append(out, fmt.Sprintf("ledger %s instead of %s", next.Ledger, a.Ledger))
	}
	if !bytes.Equal(a.Block.Hash(), next.Block.Hash()) {
		out = append(out, fmt.Sprintf("block %d of %s instead of block %d of %s",
			next.Block.Height, stamp(next.Block.Time), a.Block.Height, stamp(a.Block.Time)))
	}
	if !bytes.Equal(a.Block.ValidatorsHash, next.Block.ValidatorsHash) {
		out = append(out, "other validators")
	}
	if a.TrustingPeriod != next.TrustingPeriod {
		out = append(out, fmt.Sprintf("a trusting period of %s instead of %s", next.TrustingPeriod, a.TrustingPeriod))
	}
	find := func(list []AnchorOperator, id string) *AnchorOperator {
		if i := slices.IndexFunc(list, func(o AnchorOperator) bool { return o.ID == id }); i >= 0 {
			return &list[i]
		}
		return nil
	}
	for _, o := range a.Operators {
		switch n := find(next.Operators, o.ID); {
		case n == nil:
			out = append(out, fmt.Sprintf("without operator %s", o.ID))
		case !n.Key.Equal(o.Key) || !n.NotaryKey.Equal(o.NotaryKey) || n.Since != o.Since:
			out = append(out, fmt.Sprintf("other keys of operator %s", o.ID))
		}
	}
	for _, o := range next.Operators {
		if find(a.Operators, o.ID) == nil {
			out = append(out, fmt.Sprintf("with operator %s, key %s", o.ID, o.Key.ID()))
		}
	}
	return out
}

// sameTerms reports whether two anchors name the same operators and the same period.
func (a *Anchor) sameTerms(b *Anchor) bool {
	return a.TrustingPeriod == b.TrustingPeriod && slices.EqualFunc(a.Operators, b.Operators, func(x, y AnchorOperator) bool {
		return x.ID == y.ID && x.Since == y.Since && x.Key.Equal(y.Key) && x.NotaryKey.Equal(y.NotaryKey)
	})
}

// CheckNewer judges whether another anchor, to which this one leads, may take its place:
// its block must be of a greater height. Whoever went back would believe the keys that
// operators had then, and so whoever has taken them since. The anchor may take its own
// place. Errors wrap ErrNotNewer.
func (a *Anchor) CheckNewer(next *Anchor) error {
	switch h, known := next.Block.Height, a.Block.Height; {
	case h > known:
		return nil
	case h < known:
		return fail(ErrNotNewer, "its block has height %d, that of the known one %d", h, known)
	case !bytes.Equal(a.Block.Hash(), next.Block.Hash()) || !a.sameTerms(next):
		return fail(ErrNotNewer, "both have height %d, and it says something else", h)
	}
	return nil
}

// Succession says why a client comes to trust another anchor than the one it knows.
type Succession int

// The reasons.
const (
	// NotLed is none of them.
	NotLed Succession = iota
	// LedByValidators means that known validators signed what leads to its block, and
	// that the anchor says nothing else they did not sign.
	LedByValidators
	// LedByOperators means that more than two thirds of the known operators signed it.
	LedByOperators
)

// Succeeds judges whether what a client knows leads to another anchor: the memory, and
// the known anchor, nil for none. The validators vouch for blocks only, so they lead to
// an anchor with the known operators and trusting period. The keys of operators do not
// expire as light blocks do. Whether the anchor may take the place of the known one is
// for CheckNewer. Errors wrap ErrUnrelated; ErrWrongLedger, or as in
// WithAnchor when the block contradicts a known one.
func (m *Memory) Succeeds(known, a *Anchor, now time.Time) (Succession, error) {
	if a.Ledger != m.ledger {
		return NotLed, fail(ErrWrongLedger, "the trust anchor is of %s, the memory of %q", printable.Quote(a.Ledger), m.ledger)
	}
	block := m.block(a.Block.Height)
	if block != nil && !bytes.Equal(block.Hash(), a.Block.Hash()) {
		return NotLed, contradict(block, a.Block, m.trustingPeriod, now)
	}
	var operators, signed int
	if known != nil {
		names, err := known.Endorsers(a)
		if err != nil {
			return NotLed, err
		}
		if operators, signed = len(known.Operators), len(names); 3*signed > 2*operators {
			return LedByOperators, nil
		}
		if !known.sameTerms(a) {
			return NotLed, fail(ErrUnrelated, "it names other operators or another trusting period, and %d of %d known operators signed it", signed, operators)
		}
	}
	if known == nil {
		return NotLed, fail(ErrUnrelated, "the known trust anchor, which names the operators, is gone")
	}
	if block == nil {
		if err := m.leadsTo(a.Block, now); err != nil {
			return NotLed, fail(ErrUnrelated, "%d of %d known operators signed it, and its block does not follow from a known one: %v", signed, operators, err)
		}
	}
	return LedByValidators, nil
}
