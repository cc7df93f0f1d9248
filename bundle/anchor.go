package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/keys"
	"hullmark/printable"
	"hullmark/proto"
	"hullmark/record"
)

// Anchor is what a client must be given out of band before it can verify
// anything: the content of trust.json (docs/spec.md, "Trust anchor").
type Anchor struct {
	Ledger string
	// Block is a light block the client takes as true.
	Block *types.LightBlock
	// TrustingPeriod is how long a light block may be trusted, in whole seconds.
	TrustingPeriod time.Duration
	// Operators are the members of the consortium, ascending by id.
	Operators []AnchorOperator
	// Signatures are those of operators that clients know from an anchor before.
	Signatures []AnchorSignature
}

// AnchorOperator is one operator's public keys.
type AnchorOperator struct {
	ID string
	// Key is the governance key, and Since the height from which it holds.
	Key   keys.PublicKey
	Since uint64
	// NotaryKey is what a publisher's root lists for this operator in its
	// snapshot and timestamp roles.
	NotaryKey keys.PublicKey
}

// NotaryKeys returns the operators' notary keys, which a publisher's root lists.
func (a *Anchor) NotaryKeys() []keys.PublicKey {
	var out []keys.PublicKey
	for _, o := range a.Operators {
		out = append(out, o.NotaryKey)
	}
	return out
}

// Encode returns the indented ProtoJSON form of an anchor that DecodeAnchor
// accepts. Errors wrap ErrAnchor.
func (a *Anchor) Encode() ([]byte, error) {
	block, err := a.block()
	if err != nil {
		return nil, err
	}
	m := a.message(block)
	for _, s := range a.Signatures {
		m.Signatures = append(m.Signatures, &proto.AnchorSignature{KeyId: s.KeyID[:], Signature: s.Signature})
	}
	b, err := proto.MarshalJSON(m)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode trust anchor: %w", err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		return nil, fmt.Errorf("couldn't encode trust anchor: %w", err)
	}
	out.WriteByte('\n')
	if _, err := DecodeAnchor(out.Bytes()); err != nil {
		return nil, fmt.Errorf("couldn't encode trust anchor: %w", err)
	}
	return out.Bytes(), nil
}

// block returns the encoding of the light block.
func (a *Anchor) block() ([]byte, error) {
	if a.Block == nil {
		return nil, fmt.Errorf("%w: no light block", ErrAnchor)
	}
	b, err := EncodeLightBlock(a.Block)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnchor, err)
	}
	return b, nil
}

// message returns all of an anchor but its signatures.
func (a *Anchor) message(block []byte) *proto.TrustAnchor {
	m := &proto.TrustAnchor{
		Version: FormatVersion, Ledger: a.Ledger, LightBlock: block,
		TrustingPeriod: uint64(a.TrustingPeriod / time.Second),
	}
	for _, o := range a.Operators {
		m.Operators = append(m.Operators, &proto.AnchorOperator{
			Id: o.ID, Key: o.Key.PKIX(), Since: o.Since, NotaryKey: o.NotaryKey.PKIX(),
		})
	}
	slices.SortFunc(m.Operators, func(a, b *proto.AnchorOperator) int { return strings.Compare(a.GetId(), b.GetId()) })
	return m
}

// DecodeAnchor reads and checks a trust anchor. Errors wrap ErrAnchor, or
// record.ErrNewer for one of a newer format.
func DecodeAnchor(data []byte) (*Anchor, error) {
	a, err := decodeAnchor(data)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode trust anchor: %w", err)
	}
	return a, nil
}

func decodeAnchor(data []byte) (*Anchor, error) {
	bad := func(format string, args ...any) (*Anchor, error) {
		return nil, fmt.Errorf("%w: %w", ErrAnchor, fmt.Errorf(format, args...))
	}
	if len(data) > MaxAnchorSize {
		return bad("%d bytes, at most %d", len(data), MaxAnchorSize)
	}
	var m proto.TrustAnchor
	if err := proto.UnmarshalJSON(data, &m); err != nil {
		return bad("%w", err)
	}
	if v := m.GetVersion(); v > FormatVersion {
		return nil, fmt.Errorf("%w: version %d", record.ErrNewer, v)
	} else if v != FormatVersion {
		return bad("version %d", v)
	}
	if l := m.GetLedger(); l == "" || len(l) > record.MaxChainID {
		return bad("ledger id %s", printable.Quote(l))
	}
	seconds := m.GetTrustingPeriod()
	if seconds == 0 || seconds > uint64(MaxTrustingPeriod/time.Second) {
		return bad("trusting period of %d seconds", seconds)
	}
	if n := len(m.GetOperators()); n > MaxValidators {
		return bad("%d operators, at most %d", n, MaxValidators)
	}
	block, err := DecodeLightBlock(m.GetLedger(), m.GetLightBlock())
	if err != nil {
		return bad("%w", err)
	}
	// What a client is told to trust is nothing to judge, but a block that its own
	// validators did not sign was damaged on the way, and would fail later.
	if err := block.ValidatorSet.VerifyCommitLight(block.ChainID, block.Commit.BlockID, block.Height, block.Commit); err != nil {
		return bad("light block: %w", err)
	}
	a := &Anchor{Ledger: m.GetLedger(), Block: block, TrustingPeriod: time.Duration(seconds) * time.Second}
	seen := make(map[keys.ID]bool)
	for i, o := range m.GetOperators() {
		key, err := record.ParseKey(o.GetKey())
		if err != nil {
			return bad("governance key of operator %s: %w", printable.Quote(o.GetId()), err)
		}
		notary, err := record.ParseKey(o.GetNotaryKey())
		if err != nil {
			return bad("notary key of operator %s: %w", printable.Quote(o.GetId()), err)
		}
		// As in the genesis and in operator values: no other keys can sign for an operator.
		if k := key.Keytype(); k != keys.KeytypeEd25519 && k != keys.KeytypeECDSA {
			return bad("governance key of operator %s is of type %s", printable.Quote(o.GetId()), k)
		}
		if k := notary.Keytype(); k != keys.KeytypeEd25519 {
			return bad("notary key of operator %s is of type %s", printable.Quote(o.GetId()), k)
		}
		if !record.ValidName(o.GetId()) || i > 0 && a.Operators[i-1].ID >= o.GetId() {
			return bad("operators are not ascending by id, or %s is none", printable.Quote(o.GetId()))
		}
		for _, k := range []keys.PublicKey{key, notary} {
			if seen[k.ID()] {
				return bad("a key of operator %q is listed twice", o.GetId())
			}
			seen[k.ID()] = true
		}
		a.Operators = append(a.Operators, AnchorOperator{ID: o.GetId(), Key: key, Since: o.GetSince(), NotaryKey: notary})
	}
	if n := len(m.GetSignatures()); n > MaxValidators {
		return bad("%d signatures, at most %d", n, MaxValidators)
	}
	for i, sig := range m.GetSignatures() {
		if len(sig.GetKeyId()) != len(keys.ID{}) || len(sig.GetSignature()) != keys.FixedSize {
			return bad("signature %d is malformed", i+1)
		}
		next := AnchorSignature{KeyID: keys.ID(sig.GetKeyId()), Signature: sig.GetSignature()}
		if i > 0 && a.Signatures[i-1].KeyID.Compare(next.KeyID) >= 0 {
			return bad("signatures are not ascending by key id")
		}
		a.Signatures = append(a.Signatures, next)
	}
	return a, nil
}
