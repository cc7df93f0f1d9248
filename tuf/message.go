package tuf

import "hullmark/keys"

// What the keys of a role may sign besides metadata files: messages of other
// packages, which begin with a tag that no file begins with.

// SignMessage returns the signatures of the signers over a message, sorted by key
// id, each checked.
func SignMessage(message []byte, signers ...Signer) ([]Signature, error) {
	m := Metadata{signed: message}
	list, err := m.sign(signers)
	if err != nil {
		return nil, err
	}
	return MergeSignatures(nil, list), nil
}

// MergeSignatures returns the signatures of both lists, one per key, sorted by key
// id; those added win.
func MergeSignatures(old, added []Signature) []Signature { return mergeSignatures(old, added) }

// VerifyMessage judges the signatures over a message by a role as its delegator
// gives it. The rules are those for files: every signature is by a key of the role
// and verifies, and the threshold counts distinct keys.
func VerifyMessage(v keys.Verifier, by Delegator, role string, message []byte, signatures []Signature) error {
	r, ok := by.Delegated(role)
	if !ok {
		return ErrRole
	}
	m := Metadata{signed: message, Signatures: signatures}
	return m.verifySignatures(v, authority{role: r, key: by.Key})
}
