package tuf

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"hullmark/keys"
	"hullmark/printable"
	"hullmark/reference"
)

const (
	// SpecVersion is the specification version of the files built here, the
	// one that stock go-tuf writes.
	SpecVersion = "1.0.31"

	// expiresLayout is the one form of an expiry, in UTC.
	expiresLayout = "2006-01-02T15:04:05Z"

	// maxExpires is 9999-12-31T23:59:59Z, the last expiry the layout can write.
	maxExpires = 253402300799

	// bindingField is the field that TUF does not know and its canonical form
	// covers nevertheless. It sorts behind all others.
	bindingField = "x-hullmark"
)

// Binding names the one place where a signed part may be used.
type Binding struct {
	Ledger     string // ledger id
	Repository reference.Repository
	Role       string // RoleRoot, RoleTargets, or the name of a delegated role
}

// Metadata is what root and targets files have in common. Like everything that
// a Parse function returns it must not be modified.
type Metadata struct {
	Version     uint64    // 1 to MaxInteger
	Expires     time.Time // UTC, whole seconds
	SpecVersion string
	Binding     Binding
	Signatures  []Signature // sorted by key id; may be empty

	file         []byte
	signed       []byte // signing form
	fileDigest   [32]byte
	signedDigest [32]byte
}

// Signature is the signature of one key over the signing form.
type Signature struct {
	KeyID keys.ID
	Sig   []byte
}

// Bytes returns the file. The caller must not modify it.
func (m *Metadata) Bytes() []byte { return m.file }

// SignedBytes returns the signing form of the signed part, which is the message
// of every signature. It is not always valid JSON and not always a part of
// Bytes. The caller must not modify it.
func (m *Metadata) SignedBytes() []byte { return m.signed }

// SignedDigest returns the SHA-256 of SignedBytes. It identifies what was
// signed, whoever signed it: replays, forks and the bases of deltas are judged
// by it, since a key holder can make any number of files with equal content.
func (m *Metadata) SignedDigest() [32]byte { return m.signedDigest }

// FileDigest returns the SHA-256 of Bytes. Files are stored and proven by it.
func (m *Metadata) FileDigest() [32]byte { return m.fileDigest }

// Signers returns the key ids of the signatures, sorted.
func (m *Metadata) Signers() []keys.ID {
	ids := make([]keys.ID, len(m.Signatures))
	for i, s := range m.Signatures {
		ids[i] = s.KeyID
	}
	return ids
}

// Expired reports whether the metadata is expired at the given time. It is at
// the very second of its expiry.
func (m *Metadata) Expired(now time.Time) bool { return !m.Expires.After(now) }

// finish checks a decoded file against its bytes and derives the rest. The
// function writes the signed part.
func (m *Metadata) finish(b []byte, writeSigned func(*writer)) error {
	m.encode(len(b), writeSigned)
	if !bytes.Equal(m.file, b) {
		return fmt.Errorf("%w: differs from its own re-encoding", ErrNotCanonical)
	}
	return nil
}

// encode writes the file of about the given size, and what derives from it.
func (m *Metadata) encode(size int, writeSigned func(*writer)) {
	w := writer{b: make([]byte, 0, size), form: fileForm}
	m.writeSignatures(&w)
	start := len(w.b)
	writeSigned(&w)
	end := len(w.b)
	w.raw(`}`)

	m.file, m.signed = w.b, w.b[start:end:end]
	if bytes.IndexByte(m.signed, '\\') >= 0 { // the forms differ
		signing := writer{b: make([]byte, 0, end-start), form: signingForm}
		writeSigned(&signing)
		m.signed = signing.b
	}
	m.fileDigest, m.signedDigest = sha256.Sum256(m.file), sha256.Sum256(m.signed)
}

// writeSignatures writes all that stands before the signed part.
func (m *Metadata) writeSignatures(w *writer) {
	w.raw(`{"signatures":[`)
	for i, s := range m.Signatures {
		w.comma(i)
		w.raw(`{"keyid":`)
		w.hex(s.KeyID[:])
		w.raw(`,"sig":`)
		w.hex(s.Sig)
		w.raw(`}`)
	}
	w.raw(`],"signed":`)
}

// checkCommon applies the rules of the common fields to values that were not decoded
// from a file.
func (m *Metadata) checkCommon() error {
	if m.Version < 1 || m.Version > MaxInteger {
		return fmt.Errorf("%w: %d", ErrVersion, m.Version)
	}
	if err := checkExpires(m.Expires); err != nil {
		return err
	}
	if err := checkSpecVersion(m.SpecVersion); err != nil {
		return err
	}
	if len(m.Signatures) > MaxSignatures {
		return fmt.Errorf("%w: more than %d signatures", ErrLimit, MaxSignatures)
	}
	for i, s := range m.Signatures {
		if len(s.Sig) == 0 || len(s.Sig) > keys.MaxSignatureSize {
			return fmt.Errorf("%w: %d bytes", ErrSignature, len(s.Sig))
		}
		if i > 0 {
			if err := checkSignatureOrder(m.Signatures[i-1].KeyID, s.KeyID); err != nil {
				return err
			}
		}
	}
	return m.Binding.check()
}

// checkSignatureOrder compares the key ids of neighbouring signatures.
func checkSignatureOrder(previous, id keys.ID) error {
	switch order := previous.Compare(id); {
	case order == 0:
		return fmt.Errorf("%w: two signatures of key %s", ErrSignature, id)
	case order > 0:
		return fmt.Errorf("%w: signatures are not sorted by key id", ErrNotCanonical)
	}
	return nil
}

// The following four write a field with its name.

func (m *Metadata) writeExpires(w *writer) {
	w.raw(`"expires":`)
	w.text(m.Expires.Format(expiresLayout))
}

func (m *Metadata) writeSpecVersion(w *writer) {
	w.raw(`"spec_version":`)
	w.text(m.SpecVersion)
}

func (m *Metadata) writeVersion(w *writer) {
	w.raw(`"version":`)
	w.integer(m.Version)
}

func (m *Metadata) writeBinding(w *writer) {
	w.raw(`"` + bindingField + `":{"ledger":`)
	w.text(m.Binding.Ledger)
	w.raw(`,"repository":`)
	w.text(m.Binding.Repository.String())
	w.raw(`,"role":`)
	w.text(m.Binding.Role)
	w.raw(`}`)
}

// file reads a whole file. The function reads the signed part.
func (d *decoder) file(m *Metadata, readSigned func() error) error {
	return d.record([]string{"signatures", "signed"}, func(name string) error {
		if name == "signed" {
			return readSigned()
		}
		var err error
		m.Signatures, err = d.signatures()
		return err
	})
}

func (d *decoder) signatures() ([]Signature, error) {
	var list []Signature
	err := d.list(MaxSignatures, func() error {
		var s Signature
		err := d.record([]string{"keyid", "sig"}, func(name string) (err error) {
			if name == "keyid" {
				s.KeyID, err = d.keyID()
				return err
			}
			s.Sig, err = d.hexBytes()
			return err
		})
		if err != nil {
			return err
		}
		if len(list) > 0 {
			if err := checkSignatureOrder(list[len(list)-1].KeyID, s.KeyID); err != nil {
				return err
			}
		}
		list = append(list, s)
		return nil
	})
	return list, err
}

// hexBytes reads the bytes of a signature.
func (d *decoder) hexBytes() ([]byte, error) {
	text, err := d.text()
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, fmt.Errorf("%w: empty", ErrSignature)
	}
	b, ok := decodeHex(text)
	if !ok {
		return nil, fmt.Errorf("%w: want lower-case hex digits", ErrSignature)
	}
	return b, nil
}

// decodeHex decodes lower-case hex.
func decodeHex(s string) ([]byte, bool) {
	const digits = "0123456789abcdef"
	if len(s)%2 != 0 {
		return nil, false
	}
	b := make([]byte, len(s)/2)
	for i := range b {
		high, low := strings.IndexByte(digits, s[2*i]), strings.IndexByte(digits, s[2*i+1])
		if high < 0 || low < 0 {
			return nil, false
		}
		b[i] = byte(high<<4 | low)
	}
	return b, true
}

func (d *decoder) keyID() (keys.ID, error) {
	text, err := d.text()
	if err != nil {
		return keys.ID{}, err
	}
	return parseKeyID(text)
}

func parseKeyID(text string) (keys.ID, error) {
	id, err := keys.ParseID(text)
	if err != nil {
		return keys.ID{}, fmt.Errorf("%w: %w", ErrKeyID, err)
	}
	return id, nil
}

// common reads the field of the given name if it is one of Metadata or _type,
// and reports whether it is.
func (d *decoder) common(m *Metadata, typ, name string) (known bool, err error) {
	switch name {
	case "_type":
		return true, d.typeName(typ)
	case "expires":
		m.Expires, err = d.expires()
	case "spec_version":
		m.SpecVersion, err = d.specVersion()
	case "version":
		m.Version, err = d.version()
	case bindingField:
		m.Binding, err = d.binding()
	default:
		return false, nil
	}
	return true, err
}

func (d *decoder) typeName(want string) error {
	text, err := d.text()
	if err != nil {
		return err
	}
	if text != want {
		return fmt.Errorf("%w: %s, want %q", ErrType, printable.Quote(text), want)
	}
	return nil
}

func (d *decoder) expires() (time.Time, error) {
	text, err := d.text()
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(expiresLayout, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %s", ErrExpires, printable.Quote(text))
	}
	if t.Format(expiresLayout) != text { // time.Parse accepts fractions
		return time.Time{}, fmt.Errorf("%w: %s", ErrExpires, printable.Quote(text))
	}
	return t, checkExpires(t)
}

// checkExpires refuses times that the format cannot express.
func checkExpires(t time.Time) error {
	if t.Location() != time.UTC || t.Unix() < 0 || t.Nanosecond() != 0 || t.Unix() > maxExpires {
		return fmt.Errorf("%w: not in UTC, not in whole seconds, or out of range", ErrExpires)
	}
	return nil
}

func (d *decoder) specVersion() (string, error) {
	text, err := d.text()
	if err != nil {
		return "", err
	}
	return text, checkSpecVersion(text)
}

// checkSpecVersion accepts 1.0.N, N being at most 65535.
func checkSpecVersion(text string) error {
	patch, ok := strings.CutPrefix(text, "1.0.")
	n, err := strconv.ParseUint(patch, 10, 16)
	if !ok || err != nil || strconv.FormatUint(n, 10) != patch {
		return fmt.Errorf("%w: %s", ErrSpecVersion, printable.Quote(text))
	}
	return nil
}

func (d *decoder) version() (uint64, error) {
	n, err := d.integer()
	if err != nil {
		return 0, err
	}
	if n < 1 {
		return 0, fmt.Errorf("%w: %d", ErrVersion, n)
	}
	return uint64(n), nil
}

func (d *decoder) binding() (Binding, error) {
	var b Binding
	err := d.record([]string{"ledger", "repository", "role"}, func(name string) error {
		text, err := d.text()
		if err != nil {
			return err
		}
		switch name {
		case "ledger":
			b.Ledger = text
		case "role":
			b.Role = text
		case "repository":
			b.Repository, err = reference.ParseCanonicalRepository(text)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrBinding, err)
			}
		}
		return nil
	})
	if err != nil {
		return Binding{}, err
	}
	return b, b.check()
}

// check tells whether a binding is well formed.
func (b Binding) check() error {
	if len(b.Ledger) == 0 || len(b.Ledger) > MaxLedgerSize || !onlyHolds(b.Ledger, isLedgerByte) {
		return fmt.Errorf("%w: ledger id %s", ErrBinding, printable.Quote(b.Ledger))
	}
	if b.Repository.IsZero() {
		return fmt.Errorf("%w: no repository", ErrBinding)
	}
	if b.Role != RoleRoot && b.Role != RoleTargets && !IsDelegatedRole(b.Role) {
		return fmt.Errorf("%w: role %s", ErrBinding, printable.Quote(b.Role))
	}
	return nil
}

// isLedgerByte accepts the bytes of chain ids.
func isLedgerByte(c byte) bool { return isAlphanumeric(c) || c == '-' || c == '_' || c == '.' }

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// onlyHolds reports whether every byte is accepted.
func onlyHolds(s string, accept func(byte) bool) bool {
	for i := range len(s) {
		if !accept(s[i]) {
			return false
		}
	}
	return true
}

// keySet reads an object of public keys by key id, sorted like the file.
func (d *decoder) keySet(limit int) ([]keys.PublicKey, error) {
	var set []keys.PublicKey
	err := d.object(func(name string) error {
		if len(set) == limit {
			return fmt.Errorf("%w: more than %d keys", ErrLimit, limit)
		}
		id, err := parseKeyID(name)
		if err != nil {
			return err
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		if key.ID() != id {
			return fmt.Errorf("%w: the key has id %s", ErrKeyID, key.ID())
		}
		set = append(set, key)
		return nil
	})
	return set, err
}

// key reads a TUF key object.
func (d *decoder) key() (keys.PublicKey, error) {
	var keytype, scheme, public string
	err := d.record([]string{"keytype", "keyval", "scheme"}, func(name string) (err error) {
		switch name {
		case "keytype":
			keytype, err = d.text()
		case "scheme":
			scheme, err = d.text()
		case "keyval":
			err = d.record([]string{"public"}, func(string) (err error) {
				public, err = d.multiline()
				return err
			})
		}
		return err
	})
	if err != nil {
		return keys.PublicKey{}, err
	}
	key, err := keys.Parse(keytype, scheme, public)
	if err != nil {
		return keys.PublicKey{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return key, nil
}

// writeKeys writes a set of keys that is sorted by id.
func writeKeys(w *writer, set []keys.PublicKey) {
	w.raw(`{`)
	for i, key := range set {
		w.comma(i)
		id := key.ID()
		w.hex(id[:])
		w.raw(`:`)
		if w.form == signingForm {
			w.b = append(w.b, key.CanonicalJSON()...)
		} else {
			w.b = append(w.b, key.FileJSON()...)
		}
	}
	w.raw(`}`)
}

// findKey looks up a key in a set that is sorted by id.
func findKey(set []keys.PublicKey, id keys.ID) (keys.PublicKey, bool) {
	i, found := slices.BinarySearchFunc(set, id, func(key keys.PublicKey, id keys.ID) int {
		return key.ID().Compare(id)
	})
	if !found {
		return keys.PublicKey{}, false
	}
	return set[i], true
}
