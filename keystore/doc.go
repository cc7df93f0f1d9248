// Package keystore keeps signing keys in encrypted files and signs with them.
//
// # Files
//
// A store is a directory, made with mode 0700. The key NAME is two files:
//
//	NAME.key   the private key: PEM "ENCRYPTED PRIVATE KEY", PKCS#8, mode 0600
//	NAME.pub   the public key: PEM "PUBLIC KEY", PKIX
//
// The encryption is PBES2 (RFC 8018) with scrypt (RFC 7914) and AES-256-CBC,
// with costs that OpenSSL reads: a publisher's root key must stay usable with
// common tools when this program is long gone. The public key is kept beside
// the private one so that keys can be listed, and named in metadata, without a
// passphrase.
//
// # Trust model
//
// The directory belongs to its user: one that others may write is refused, and so are
// private files that they may read; package safefile has the rule. Who has a copy of a key file still needs the passphrase, at about
// half a second of one processor core per guess. Who can write into the
// directory can destroy keys or put other keys in their place; a key that does
// not fit its public file is noticed, a replaced pair is not, and would sign
// nothing that any metadata accepts. CBC has no authentication tag, so a damaged
// file and a wrong passphrase cannot be told apart.
//
// Keys and passphrases are overwritten after use as far as Go allows it: the
// runtime may have made copies.
//
// Key satisfies the signer interface that package tuf declares; neither package
// imports the other.
package keystore
