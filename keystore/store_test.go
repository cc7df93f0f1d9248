package keystore_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/youmark/pkcs8"

	"hullmark/keys"
	"hullmark/keystore"
	"hullmark/safefile"
)

// cheap is the cost of scrypt in tests.
const cheap = 2

var passphrase = []byte("correct horse battery staple")

func newStore(t testing.TB) (*keystore.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "hullmark", "keys")
	return keystore.New(dir, keystore.WithScryptLogN(cheap)), dir
}

func mustGenerate(t testing.TB, s *keystore.Store, name string, keyType keystore.Type) keystore.Info {
	t.Helper()
	info, err := s.Generate(name, keyType, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// checkSigns proves that an opened key signs for its public key in both forms.
func checkSigns(t testing.TB, key *keystore.Key) {
	t.Helper()
	message := []byte("message")
	signature, err := key.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	if err := (keys.Direct{}).Verify(key.PublicKey(), message, signature); err != nil {
		t.Error(err)
	}
	if key.Type() == keystore.TypeRSA {
		return
	}
	fixed, err := key.SignFixed(message)
	if err != nil {
		t.Fatal(err)
	}
	if len(fixed) != keys.FixedSize {
		t.Errorf("the fixed form has %d bytes", len(fixed))
	}
	if err := keys.VerifyFixed(keys.Direct{}, key.PublicKey(), message, fixed); err != nil {
		t.Error(err)
	}
}

func TestGenerateAndOpen(t *testing.T) {
	for _, keyType := range []keystore.Type{keystore.TypeEd25519, keystore.TypeECDSAP256} {
		t.Run(string(keyType), func(t *testing.T) {
			s, _ := newStore(t)
			info := mustGenerate(t, s, "tagging", keyType)
			given := bytes.Clone(passphrase)
			key, err := s.Open("tagging", given)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(given, passphrase) {
				t.Error("Open changed the caller's passphrase")
			}
			if key.Name() != "tagging" || key.Type() != keyType || info.Type != keyType {
				t.Errorf("got name %q, types %q and %q", key.Name(), key.Type(), info.Type)
			}
			if key.PublicKey().ID() != info.PublicKey.ID() {
				t.Error("the opened key is another one")
			}
			checkSigns(t, key)

			key.Close()
			if _, err := key.Sign(nil); !errors.Is(err, keystore.ErrClosed) {
				t.Errorf("signing after Close: %v", err)
			}
			if _, err := key.SignFixed(nil); !errors.Is(err, keystore.ErrClosed) {
				t.Errorf("signing after Close: %v", err)
			}
			if key.PublicKey().ID() != info.PublicKey.ID() {
				t.Error("Close lost the public key")
			}
		})
	}
}

// TestDefaultCost uses the cost that users get.
func TestDefaultCost(t *testing.T) {
	s := keystore.New(filepath.Join(t.TempDir(), "keys"))
	if _, err := s.Generate("root", keystore.TypeEd25519, passphrase); err != nil {
		t.Fatal(err)
	}
	key, err := s.Open("root", passphrase)
	if err != nil {
		t.Fatal(err)
	}
	checkSigns(t, key)
}

func TestFilesAreClosedToOthers(t *testing.T) {
	s, dir := newStore(t)
	mustGenerate(t, s, "root", keystore.TypeEd25519)
	want := map[string]fs.FileMode{".": fs.ModeDir | 0o700, "root.key": 0o600, "root.pub": 0o600}
	got := make(map[string]fs.FileMode)
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		got[path] = info.Mode()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files and modes (-want +got):\n%s", diff)
	}
}

func TestPrivateFileHidesKey(t *testing.T) {
	s, dir := newStore(t)
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := pkcs8.MarshalPrivateKey(private, passphrase, scryptOpts(1<<cheap))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import("k", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), passphrase); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "k.key"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil || bytes.Contains(block.Bytes, private.Primes[0].Bytes()) {
		t.Fatal("the file is no PEM, or holds the key in the clear")
	}
}

func TestPassphrases(t *testing.T) {
	s, _ := newStore(t)
	mustGenerate(t, s, "root", keystore.TypeEd25519)
	tests := []struct {
		name       string
		passphrase string
		want       error
	}{
		{"right", string(passphrase), nil},
		{"wrong", "wrong", keystore.ErrPassphrase},
		{"longer", string(passphrase) + "!", keystore.ErrPassphrase},
		{"with newline", string(passphrase) + "\n", keystore.ErrPassphrase},
		{"shorter", string(passphrase[:5]), keystore.ErrPassphrase},
		{"empty", "", keystore.ErrNoPassphrase},
		{"too long", strings.Repeat("a", 1025), keystore.ErrNoPassphrase},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := s.Open("root", []byte(tc.passphrase)); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	if _, err := s.Generate("other", keystore.TypeEd25519, nil); !errors.Is(err, keystore.ErrNoPassphrase) {
		t.Errorf("generating without passphrase: %v", err)
	}
}

// TestWrongPassphrases tries so many that some decrypt to valid padding.
func TestWrongPassphrases(t *testing.T) {
	s, _ := newStore(t)
	mustGenerate(t, s, "root", keystore.TypeEd25519)
	for i := range 1500 {
		if _, err := s.Open("root", []byte{byte(i), byte(i >> 8), 1}); !errors.Is(err, keystore.ErrPassphrase) {
			t.Fatalf("passphrase %d: %v", i, err)
		}
	}
}

func TestNames(t *testing.T) {
	good := []string{"a", "0", "root", "my-key_2.old", strings.Repeat("a", 64),
		"console", "nul-1", "com", "com10", "lptx", "comb", "x.con", "auxiliary"}
	bad := []string{
		"", ".", "..", ".hidden", "-x", "_x", "Root", "a/b", "../a", "a\\b", "a b", "a\n", "a\x00", "\u0430", "a*",
		strings.Repeat("a", 65), strings.Repeat("a", 1<<20),
		"con", "prn", "aux", "nul", "con.old", "nul.", "com0", "com1", "com9.x", "lpt1", "lpt9", // devices of Windows
	}
	s, dir := newStore(t)
	for _, name := range good {
		mustGenerate(t, s, name, keystore.TypeEd25519)
	}
	for _, name := range bad {
		if _, err := s.Generate(name, keystore.TypeEd25519, passphrase); !errors.Is(err, keystore.ErrName) {
			t.Errorf("generating %.20q: %v", name, err)
		}
		if _, err := s.Open(name, passphrase); !errors.Is(err, keystore.ErrName) {
			t.Errorf("opening %.20q: %v", name, err)
		}
		if _, err := s.Export(name); !errors.Is(err, keystore.ErrName) {
			t.Errorf("exporting %.20q: %v", name, err)
		}
		if _, err := s.Info(name); !errors.Is(err, keystore.ErrName) {
			t.Errorf("looking up %.20q: %v", name, err)
		}
		if _, err := s.Import(name, nil, passphrase); !errors.Is(err, keystore.ErrName) {
			t.Errorf("importing %.20q: %v", name, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2*len(good) {
		t.Errorf("%d files for %d keys", len(entries), len(good))
	}
}

// TestLineEnds opens key files that an editor or Git has given the line ends of Windows.
func TestLineEnds(t *testing.T) {
	s, dir := newStore(t)
	info := mustGenerate(t, s, "root", keystore.TypeEd25519)
	for _, name := range []string{"root.key", "root.pub"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, err := s.Open("root", passphrase)
	if err != nil {
		t.Fatal(err)
	}
	defer key.Close()
	if key.PublicKey().ID() != info.PublicKey.ID() {
		t.Error("another key")
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	s, _ := newStore(t)
	mustGenerate(t, s, "root", keystore.TypeEd25519)
	before, err := s.Export("root")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generate("root", keystore.TypeECDSAP256, passphrase); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("generating again: %v", err)
	}
	if _, err := s.Import("root", before, passphrase); !errors.Is(err, keystore.ErrExists) {
		t.Errorf("importing over it: %v", err)
	}
	after, err := s.Export("root")
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key changed (%v)", err)
	}
	if _, err := s.Generate("x", "rsa", passphrase); !errors.Is(err, keystore.ErrType) {
		t.Errorf("generating an RSA key: %v", err)
	}
}

// TestConcurrentGenerate: of many that want one name, one gets it, and the files
// it leaves belong together.
func TestConcurrentGenerate(t *testing.T) {
	s, dir := newStore(t)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.Generate("root", keystore.TypeEd25519, passphrase) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, keystore.ErrExists) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d keys were made", made)
	}
	if _, err := s.Open("root", passphrase); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestList(t *testing.T) {
	s, dir := newStore(t)
	if list, err := s.List(); err != nil || len(list) != 0 {
		t.Errorf("a directory that does not exist: %v, %v", list, err)
	}
	want := []keystore.Info{
		mustGenerate(t, s, "b", keystore.TypeECDSAP256),
		mustGenerate(t, s, "a", keystore.TypeEd25519),
		{Name: "c"},
	}
	want[0], want[1] = want[1], want[0]
	mustGenerate(t, s, "c", keystore.TypeEd25519)
	if err := os.Remove(filepath.Join(dir, "c.pub")); err != nil {
		t.Fatal(err)
	}
	// What a crash or a person may leave there.
	for _, name := range []string{".d.key.TMP", "notes.txt", "UPPER.key", "orphan.pub"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	same := cmp.Comparer(func(a, b keys.PublicKey) bool { return a.Equal(b) })
	got, err := s.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}

	// Opening the key without public file mends it.
	if _, err := s.Open("c", passphrase); err != nil {
		t.Fatal(err)
	}
	info, err := s.Info("c")
	if err != nil || info.Type != keystore.TypeEd25519 {
		t.Errorf("after opening: %v, %v", info, err)
	}
	if _, err := s.Info("absent"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("looking up an absent key: %v", err)
	}
	// An orphaned public file is no key and stands in nobody's way.
	if _, err := s.Info("orphan"); !errors.Is(err, keystore.ErrNotFound) {
		t.Errorf("looking up an orphan: %v", err)
	}
	mustGenerate(t, s, "orphan", keystore.TypeEd25519)
	if _, err := s.Open("orphan", passphrase); err != nil {
		t.Error(err)
	}
}

// TestUnsafeFiles damages a good store in one way each.
func TestUnsafeFiles(t *testing.T) {
	tests := []struct {
		name   string
		damage func(dir string) error
		want   error
	}{
		{"none", func(string) error { return nil }, nil},
		{"public file readable by all", func(dir string) error { return os.Chmod(dir+"/k.pub", 0o644) }, nil},
		{"key readable by group", func(dir string) error { return os.Chmod(dir+"/k.key", 0o640) }, safefile.ErrUnsafe},
		{"key readable by all", func(dir string) error { return os.Chmod(dir+"/k.key", 0o604) }, safefile.ErrUnsafe},
		{"key writable by all", func(dir string) error { return os.Chmod(dir+"/k.key", 0o602) }, safefile.ErrUnsafe},
		{"public file writable by all", func(dir string) error { return os.Chmod(dir+"/k.pub", 0o646) }, safefile.ErrUnsafe},
		{"directory readable by all", func(dir string) error { return os.Chmod(dir, 0o755) }, nil},
		{"directory writable by all", func(dir string) error { return os.Chmod(dir, 0o703) }, safefile.ErrUnsafe},
		{"directory above writable by all", func(dir string) error { return os.Chmod(filepath.Dir(dir), 0o777) }, safefile.ErrUnsafe},
		{"key is a symbolic link", func(dir string) error {
			return errors.Join(os.Rename(dir+"/k.key", dir+"/x"), os.Symlink("x", dir+"/k.key"))
		}, safefile.ErrUnsafe},
		{"key is a pipe", func(dir string) error {
			return errors.Join(os.Remove(dir+"/k.key"), makePipe(dir+"/k.key"))
		}, safefile.ErrUnsafe},
		{"key is a directory", func(dir string) error {
			return errors.Join(os.Remove(dir+"/k.key"), os.Mkdir(dir+"/k.key", 0o700))
		}, safefile.ErrUnsafe},
		{"key is gone", func(dir string) error { return os.Remove(dir + "/k.key") }, keystore.ErrNotFound},
		{"directory is gone", os.RemoveAll, keystore.ErrNotFound},
		{"key is empty", func(dir string) error { return os.Truncate(dir+"/k.key", 0) }, keystore.ErrFormat},
		{"key is cut off", func(dir string) error { return os.Truncate(dir+"/k.key", 100) }, keystore.ErrFormat},
		{"key is huge", func(dir string) error { return os.Truncate(dir+"/k.key", 1<<30) }, keystore.ErrFormat},
		{"public file is empty", func(dir string) error { return os.Truncate(dir+"/k.pub", 0) }, keystore.ErrFormat},
		{"public file of another key", func(dir string) error { return os.Rename(dir+"/other.pub", dir+"/k.pub") }, keystore.ErrMismatch},
		{"public file instead of key", func(dir string) error { return os.Rename(dir+"/k.pub", dir+"/k.key") }, keystore.ErrFormat},
		{"key instead of public file", func(dir string) error { return os.Rename(dir+"/other.key", dir+"/k.pub") }, keystore.ErrFormat},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, dir := newStore(t)
			mustGenerate(t, s, "k", keystore.TypeEd25519)
			mustGenerate(t, s, "other", keystore.TypeEd25519)
			if err := tc.damage(dir); errors.Is(err, errors.ErrUnsupported) {
				t.Skipf("this system cannot make such a file: %v", err)
			} else if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Open("k", passphrase); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestGenerateRefusesOpenDirectory(t *testing.T) {
	s, dir := newStore(t)
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generate("root", keystore.TypeEd25519, passphrase); !errors.Is(err, safefile.ErrUnsafe) {
		t.Errorf("got %v", err)
	}
	if _, err := s.List(); !errors.Is(err, safefile.ErrUnsafe) {
		t.Errorf("got %v", err)
	}
}

func scryptOpts(n int) *pkcs8.Opts {
	return &pkcs8.Opts{Cipher: pkcs8.AES256CBC, KDFOpts: pkcs8.ScryptOpts{
		SaltSize: 16, CostParameter: n, BlockSize: 8, ParallelizationParameter: 1,
	}}
}

// TestOtherLibrary exchanges files with an independent implementation in both
// directions, for every kind of key.
func TestOtherLibrary(t *testing.T) {
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		private any
		opts    *pkcs8.Opts
		want    error
	}{
		{"ed25519", edKey, scryptOpts(16), nil},
		{"ecdsa", ecKey, scryptOpts(16), nil},
		{"rsa", rsaKey, scryptOpts(16), nil},
		{"PBKDF2", ecKey, nil, nil},
		{"another curve", p384, scryptOpts(16), keystore.ErrType},
		{"another cipher", ecKey, &pkcs8.Opts{Cipher: pkcs8.AES128CBC, KDFOpts: scryptOpts(16).KDFOpts}, keystore.ErrFormat},
		{"short salt", ecKey, &pkcs8.Opts{Cipher: pkcs8.AES256CBC, KDFOpts: pkcs8.ScryptOpts{
			SaltSize: 7, CostParameter: 16, BlockSize: 8, ParallelizationParameter: 1,
		}}, keystore.ErrFormat},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := newStore(t)
			der, err := pkcs8.MarshalPrivateKey(tc.private, passphrase, tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			text := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der})
			info, err := s.Import("k", text, passphrase)
			if !errors.Is(err, tc.want) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			if err != nil {
				return
			}
			key, err := s.Open("k", passphrase)
			if err != nil {
				t.Fatal(err)
			}
			if !key.PublicKey().Equal(info.PublicKey) {
				t.Error("the imported key is another one")
			}
			checkSigns(t, key)

			exported, err := s.Export("k")
			if err != nil {
				t.Fatal(err)
			}
			block, rest := pem.Decode(exported)
			if block == nil || len(rest) != 0 {
				t.Fatalf("exported %q", exported)
			}
			back, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, passphrase)
			if err != nil {
				t.Fatal(err)
			}
			if !tc.private.(interface{ Equal(crypto.PrivateKey) bool }).Equal(back) {
				t.Error("another key came back")
			}
		})
	}
}

func TestImportRefuses(t *testing.T) {
	s, _ := newStore(t)
	mustGenerate(t, s, "k", keystore.TypeEd25519)
	good, err := s.Export("k")
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(good)
	withHeader := func(name string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: block.Type, Headers: map[string]string{name: "root"}, Bytes: block.Bytes})
	}
	tests := []struct {
		name string
		text []byte
		want error
	}{
		{"good", good, nil},
		{"surrounded by white space", append([]byte("\n \n"), append(good, "\n\n"...)...), nil},
		{"empty", nil, keystore.ErrFormat},
		{"not PEM", []byte("key"), keystore.ErrFormat},
		{"unencrypted", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), keystore.ErrFormat},
		{"unencrypted under the other name", pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), keystore.ErrFormat},
		{"headers of Notary", withHeader("role"), nil},
		{"headers of others", withHeader("Comment"), keystore.ErrFormat},
		{"text before", append([]byte("hello\n"), good...), keystore.ErrFormat},
		{"text after", append(bytes.Clone(good), "hello\n"...), keystore.ErrFormat},
		{"two keys", append(bytes.Clone(good), good...), keystore.ErrFormat},
		{"trailing byte in DER", pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: append(bytes.Clone(block.Bytes), 0)}), keystore.ErrFormat},
		{"cut off", pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:len(block.Bytes)-1]}), keystore.ErrFormat},
		{"too long", bytes.Repeat([]byte("\n"), 1<<20), keystore.ErrFormat},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := newStore(t)
			if _, err := s.Import("new", tc.text, passphrase); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if list, err := s.List(); tc.want != nil && (err != nil || len(list) != 0) {
				t.Errorf("left behind: %v, %v", list, err)
			}
		})
	}
}
