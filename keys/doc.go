// Package keys defines the public keys that Hullmark accepts, their
// identifiers, and the one function that verifies a signature.
//
// Three kinds of key exist, each with exactly one signature algorithm:
//
//	keytype  scheme               public                     signature
//	ed25519  ed25519              64 lower-case hex digits   64 bytes, RFC 8032
//	ecdsa    ecdsa-sha2-nistp256  PEM PKIX, curve P-256      strict DER, low S, over SHA-256
//	rsa      rsassa-pss-sha256    PEM PKIX, 2048..4096 bits  PSS, SHA-256, salt of 32 bytes
//
// The three text fields are those of The Update Framework (TUF). A key id is
// the SHA-256 of the canonical JSON of the TUF key object.
//
// # Trust model
//
// Every node of the ledger must come to the same verdict about every
// signature, for ever. So the algorithm follows from the key and never from
// the signature, each key has one encoding, signatures are not verified in
// batches, and whatever implementations are known to judge differently is
// refused beforehand: Ed25519 keys that are not canonical or not of prime
// order, ECDSA signatures in lax DER or with a high S, RSA signatures with
// another salt length.
//
// A parsed key is only well formed. Whether it may sign anything is decided by
// the metadata that lists it.
package keys
