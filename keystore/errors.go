package keystore

import "errors"

var (
	// ErrName reports a key name outside [a-z0-9][a-z0-9._-]{0,63}, or that of a device.
	ErrName = errors.New("invalid key name")
	// ErrType reports a type of key that cannot be generated or used.
	ErrType = errors.New("unsupported type of key")
	// ErrExists reports that a key of that name is there already; it is never overwritten.
	ErrExists = errors.New("key exists already")
	// ErrNotFound reports that there is no key of that name.
	ErrNotFound = errors.New("no such key")
	// ErrFormat reports a file that is not an encrypted PKCS#8 key in a supported
	// form. No passphrase will help.
	ErrFormat = errors.New("not a supported key file")
	// ErrCost reports a file whose passphrase would cost too much to check.
	ErrCost = errors.New("key derivation is too expensive")
	// ErrPassphrase reports that the passphrase does not open the key. A damaged
	// file looks the same.
	ErrPassphrase = errors.New("wrong passphrase")
	// ErrNoPassphrase reports that no source had a passphrase, or that it is
	// empty, too long, or was typed differently the second time.
	ErrNoPassphrase = errors.New("no passphrase")
	// ErrMismatch reports that a key's public file belongs to another key.
	ErrMismatch = errors.New("public and private key do not belong together")
	// ErrClosed reports the use of a key after Close.
	ErrClosed = errors.New("key is closed")
)
