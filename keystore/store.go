package keystore

import (
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"hullmark/keys"
	"hullmark/printable"
	"hullmark/safefile"
)

const (
	privateSuffix = ".key"
	publicSuffix  = ".pub"
)

// Store is a directory of keys. Its methods may be used concurrently, also by
// several processes.
type Store struct {
	dir  string
	logN int
}

// Option changes how a store works.
type Option func(*Store)

// WithScryptLogN sets the binary logarithm of scrypt's N for keys written from
// now on, between 1 and 17. It is for tests: low values make guessing cheap, and
// above 14 OpenSSL cannot read the files.
func WithScryptLogN(logN int) Option {
	return func(s *Store) { s.logN = min(max(logN, 1), 17) }
}

// New returns the store in a directory, which is created when the first key is
// written.
func New(dir string, options ...Option) *Store {
	s := &Store{dir: dir, logN: defaultLogN}
	for _, option := range options {
		option(s)
	}
	return s
}

// Info is what is known of a key without its passphrase.
type Info struct {
	// Name is the key's name in the store.
	Name string
	// Type is empty when the public file is missing.
	Type Type
	// PublicKey is the zero value when the public file is missing.
	PublicKey keys.PublicKey
}

// CheckName reports a name that no key can have as ErrName.
func CheckName(name string) error {
	ok := len(name) >= 1 && len(name) <= maxNameLength
	for i := range len(name) {
		c := name[i]
		alnum := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		ok = ok && (alnum || i > 0 && (c == '.' || c == '_' || c == '-'))
	}
	if !ok {
		return fmt.Errorf("%w %s: use 1 to %d of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit",
			ErrName, printable.Quote(name), maxNameLength)
	}
	if isDevice(name) {
		return fmt.Errorf("%w %s: Windows takes it for a device", ErrName, printable.Quote(name))
	}
	return nil
}

// isDevice reports a name that is a device on Windows, whatever follows its first dot. No
// key has one anywhere, since keys are carried from one machine to another.
func isDevice(name string) bool {
	name, _, _ = strings.Cut(name, ".")
	switch name {
	case "con", "prn", "aux", "nul":
		return true
	}
	port := strings.TrimRight(name, "0123456789")
	return len(name) == len(port)+1 && (port == "com" || port == "lpt")
}

// Files returns the paths of a key's two files, which need not be there: the encrypted
// private key and the public one.
func (s *Store) Files(name string) (private, public string) {
	return filepath.Join(s.dir, name+privateSuffix), filepath.Join(s.dir, name+publicSuffix)
}

// CheckPassphrase reports a passphrase that no key can have as ErrNoPassphrase.
func CheckPassphrase(passphrase []byte) error {
	if len(passphrase) == 0 {
		return fmt.Errorf("%w: it is empty", ErrNoPassphrase)
	}
	if len(passphrase) > maxPassphrase {
		return fmt.Errorf("%w: it is longer than %d bytes", ErrNoPassphrase, maxPassphrase)
	}
	return nil
}

// Generate makes a new key and returns what is public of it. The key is on disk,
// durably, when Generate returns. It wraps ErrExists when the name is taken.
func (s *Store) Generate(name string, keyType Type, passphrase []byte) (Info, error) {
	if err := errors.Join(CheckName(name), CheckPassphrase(passphrase)); err != nil {
		return Info{}, fmt.Errorf("couldn't generate key: %w", err)
	}
	signer, err := generate(keyType)
	if err != nil {
		return Info{}, fmt.Errorf("couldn't generate key: %w", err)
	}
	defer wipe(signer)
	info, err := s.save(name, signer, passphrase)
	if err != nil {
		return Info{}, fmt.Errorf("couldn't generate key %s: %w", name, err)
	}
	return info, nil
}

// Import takes over a key from an encrypted file, made by this program, by OpenSSL, or
// by Docker Content Trust or Notary, and encrypts it anew under the same passphrase. It
// reads PKCS#8 with PBES2, AES-256-CBC and scrypt or PBKDF2 with HMAC-SHA-256 or
// HMAC-SHA-1, and the PEM encryption of old Notary files. A kind of key that cannot be
// used is ErrType.
func (s *Store) Import(name string, text, passphrase []byte) (Info, error) {
	if err := errors.Join(CheckName(name), CheckPassphrase(passphrase)); err != nil {
		return Info{}, fmt.Errorf("couldn't import key: %w", err)
	}
	signer, err := decodeImported(text, passphrase)
	if err != nil {
		return Info{}, fmt.Errorf("couldn't import key %s: %w", name, err)
	}
	defer wipe(signer)
	info, err := s.save(name, signer, passphrase)
	if err != nil {
		return Info{}, fmt.Errorf("couldn't import key %s: %w", name, err)
	}
	return info, nil
}

// Export returns the key file as it is: PEM, encrypted.
func (s *Store) Export(name string) ([]byte, error) {
	text, err := s.load(name, privateSuffix)
	if err != nil {
		return nil, fmt.Errorf("couldn't export key: %w", err)
	}
	der, err := decodePEM(text, privateBlock)
	if err == nil {
		_, err = parseSealed(der, ours)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't export key %s: %w", name, err)
	}
	return text, nil
}

// Open decrypts a key. It wraps ErrPassphrase when the passphrase is wrong. The
// caller keeps the passphrase, and closes the key.
func (s *Store) Open(name string, passphrase []byte) (*Key, error) {
	text, err := s.load(name, privateSuffix)
	if err != nil {
		return nil, fmt.Errorf("couldn't open key: %w", err)
	}
	if err := CheckPassphrase(passphrase); err != nil {
		return nil, fmt.Errorf("couldn't open key %s: %w", name, err)
	}
	signer, public, err := decodePrivate(text, passphrase)
	if err != nil {
		return nil, fmt.Errorf("couldn't open key %s: %w", name, err)
	}
	key := &Key{name: name, public: public, signer: signer}
	if err := s.reconcile(key); err != nil {
		key.Close()
		return nil, fmt.Errorf("couldn't open key %s: %w", name, err)
	}
	return key, nil
}

// Info returns what is known of one key without its passphrase.
func (s *Store) Info(name string) (Info, error) {
	if _, err := s.load(name, privateSuffix); err != nil {
		return Info{}, fmt.Errorf("couldn't look up key: %w", err)
	}
	return s.info(name)
}

// List returns all keys by name. A directory that does not exist has none.
func (s *Store) List() ([]Info, error) {
	root, err := s.openRoot()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't list keys: %w", err)
	}
	defer closeQuietly(root)
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("couldn't list keys: %w", err)
	}
	var list []Info
	for _, entry := range entries {
		name, found := strings.CutSuffix(entry.Name(), privateSuffix)
		if !found || CheckName(name) != nil {
			continue
		}
		info, err := s.info(name)
		if err != nil {
			return nil, err
		}
		list = append(list, info)
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (s *Store) info(name string) (Info, error) {
	text, err := s.load(name, publicSuffix)
	if errors.Is(err, ErrNotFound) {
		return Info{Name: name}, nil
	}
	if err != nil {
		return Info{}, fmt.Errorf("couldn't look up key: %w", err)
	}
	public, err := decodePublic(text)
	if err != nil {
		return Info{}, fmt.Errorf("couldn't read public file of key %s: %w", name, err)
	}
	return Info{Name: name, Type: typeOf(public), PublicKey: public}, nil
}

// save writes both files of a new key.
func (s *Store) save(name string, signer crypto.Signer, passphrase []byte) (Info, error) {
	public, err := keys.New(signer.Public())
	if err != nil {
		return Info{}, fmt.Errorf("%w: %w", ErrType, err)
	}
	publicText, err := encodePublic(signer)
	if err != nil {
		return Info{}, err
	}
	root, err := s.createRoot()
	if err != nil {
		return Info{}, err
	}
	defer closeQuietly(root)
	// For the common case this spares the user the wait for the encryption; the
	// link in writeNew decides.
	if _, err := root.Lstat(name + privateSuffix); err == nil {
		return Info{}, ErrExists
	}
	privateText, err := encodePrivate(signer, passphrase, s.logN)
	if err != nil {
		return Info{}, err
	}
	// The private file first: only who created it may write the public one. A
	// crash in between leaves a key without public file, which Open mends.
	if err := writeNew(root, name+privateSuffix, privateText); err != nil {
		return Info{}, err
	}
	if err := replace(root, name+publicSuffix, publicText); err != nil {
		return Info{}, err
	}
	return Info{Name: name, Type: typeOf(public), PublicKey: public}, nil
}

// reconcile compares an opened key with its public file, and writes the file
// when it is missing.
func (s *Store) reconcile(key *Key) error {
	text, err := s.load(key.name, publicSuffix)
	if errors.Is(err, ErrNotFound) {
		// The key itself is fine. When the file cannot be written, on a read-only
		// medium, nothing is lost but a name in a list.
		_ = s.writePublic(key)
		return nil
	}
	if err != nil {
		return err
	}
	public, err := decodePublic(text)
	if err != nil {
		return err
	}
	if public.ID() != key.public.ID() {
		return ErrMismatch
	}
	return nil
}

func (s *Store) writePublic(key *Key) error {
	text, err := encodePublic(key.signer)
	if err != nil {
		return err
	}
	root, err := s.openRoot()
	if err != nil {
		return err
	}
	defer closeQuietly(root)
	return replace(root, key.name+publicSuffix, text)
}

// load reads one file of a key.
func (s *Store) load(name, suffix string) ([]byte, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	root, err := s.openRoot()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if err != nil {
		return nil, err
	}
	defer closeQuietly(root)
	kind := safefile.Trusted
	if suffix == privateSuffix {
		kind = safefile.Private
	}
	text, err := readFile(root, name+suffix, kind)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	return text, err
}

// openRoot opens the store's directory, which others must not write: a public file put
// there in place of another would be named in metadata.
func (s *Store) openRoot() (*os.Root, error) {
	if _, err := safefile.Check(s.dir, safefile.Trusted); err != nil {
		return nil, fmt.Errorf("couldn't open key directory: %w", err)
	}
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return nil, fmt.Errorf("couldn't open key directory: %w", err)
	}
	return root, nil
}
