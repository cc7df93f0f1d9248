package tuf

import (
	"fmt"
	"slices"

	"hullmark/keys"
)

// Signer holds a private key.
type Signer interface {
	PublicKey() keys.PublicKey
	// Sign returns a signature over the message that package keys verifies.
	Sign(message []byte) ([]byte, error)
}

// Sign returns the file with signatures of the signers added; a signature by
// the same key is replaced.
func (r *Root) Sign(signers ...Signer) (*Root, error) {
	added, err := r.sign(signers)
	if err != nil {
		return nil, fmt.Errorf("couldn't sign root metadata: %w", err)
	}
	return r.AddSignatures(added...)
}

// Sign returns the file with signatures of the signers added; a signature by
// the same key is replaced.
func (t *Targets) Sign(signers ...Signer) (*Targets, error) {
	added, err := t.sign(signers)
	if err != nil {
		return nil, fmt.Errorf("couldn't sign %s metadata: %w", t.Binding.Role, err)
	}
	return t.AddSignatures(added...)
}

// AddSignatures returns the file with signatures added that were made
// elsewhere over SignedBytes; a signature by the same key is replaced. They are
// not verified here.
func (r *Root) AddSignatures(added ...Signature) (*Root, error) {
	next := *r
	next.Signatures = mergeSignatures(r.Signatures, added)
	signed, err := next.build()
	if err != nil {
		return nil, fmt.Errorf("couldn't add signatures to root metadata: %w", err)
	}
	return signed, nil
}

// AddSignatures returns the file with signatures added that were made
// elsewhere over SignedBytes; a signature by the same key is replaced. They are
// not verified here.
func (t *Targets) AddSignatures(added ...Signature) (*Targets, error) {
	next := *t
	next.Signatures = mergeSignatures(t.Signatures, added)
	signed, err := next.build()
	if err != nil {
		return nil, fmt.Errorf("couldn't add signatures to %s metadata: %w", t.Binding.Role, err)
	}
	return signed, nil
}

// sign makes and checks one signature per signer.
func (m *Metadata) sign(signers []Signer) ([]Signature, error) {
	var list []Signature
	for _, signer := range signers {
		key := signer.PublicKey()
		sig, err := signer.Sign(m.signed)
		if err != nil {
			return nil, fmt.Errorf("key %s: %w", key.ID(), err)
		}
		if err := (keys.Direct{}).Verify(key, m.signed, sig); err != nil {
			return nil, fmt.Errorf("%w: key %s: %w", ErrBadSignature, key.ID(), err)
		}
		list = append(list, Signature{KeyID: key.ID(), Sig: sig})
	}
	return list, nil
}

// mergeSignatures returns one signature per key, sorted; later ones win.
func mergeSignatures(old, added []Signature) []Signature {
	merged := slices.Clone(old)
	for _, s := range added {
		i, found := slices.BinarySearchFunc(merged, s.KeyID, func(s Signature, id keys.ID) int {
			return s.KeyID.Compare(id)
		})
		if found {
			merged[i] = s
		} else {
			merged = slices.Insert(merged, i, s)
		}
	}
	return merged
}
