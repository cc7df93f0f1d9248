package record_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
)

// The samples are made from names, so that vectors never change by themselves.

func hashOf(name string) [32]byte { return sha256.Sum256([]byte(name)) }

func edSigner(name string) ed25519.PrivateKey {
	seed := hashOf(name)
	return ed25519.NewKeyFromSeed(seed[:])
}

func edKey(t testing.TB, name string) keys.PublicKey {
	t.Helper()
	return newKey(t, edSigner(name).Public())
}

func p256Key(t testing.TB, name string) keys.PublicKey {
	t.Helper()
	secret := hashOf(name)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), secret[:])
	if err != nil {
		t.Fatal(err)
	}
	return newKey(t, private.Public())
}

// rsaKey is well formed; nobody knows its factors.
func rsaKey(t testing.TB) keys.PublicKey {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), 2047)
	return newKey(t, &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537})
}

func newKey(t testing.TB, std any) keys.PublicKey {
	t.Helper()
	key, err := keys.New(std)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func validatorKey(name string) [32]byte {
	return [32]byte(edSigner(name).Public().(ed25519.PublicKey))
}

// keyIDs returns n ids, ascending.
func keyIDs(n int) []keys.ID {
	var ids []keys.ID
	for i := range n {
		ids = append(ids, keys.ID(hashOf("key "+strconv.Itoa(i))))
	}
	return record.SortKeyIDs(ids)
}

func digestOf(t testing.TB, a reference.Algorithm, name string) reference.Digest {
	t.Helper()
	sum := hashOf(name)
	long := append(sum[:], sum[:]...)
	d, err := reference.NewDigest(a, long[:a.Size()])
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var (
	nginx  = reference.MustParseRepository("nginx")
	app    = reference.MustParseRepository("registry.example.com:5000/team/app")
	latest = reference.MustParseTag("latest")
)

// longestRepository has the greatest length a name may have.
func longestRepository() reference.Repository {
	const host = "registry.example.com/"
	return reference.MustParseRepository(host + strings.Repeat("a", reference.MaxRepositoryLength-len(host)))
}

func at(seconds int64, nanoseconds int64) time.Time {
	return time.Unix(1_800_000_000+seconds, nanoseconds).UTC()
}

// fields returns a value as readable JSON: structs as objects with the names of
// their fields in snake case, bytes in hex, 64-bit integers as text, times in
// RFC 3339, durations in seconds, keys as SubjectPublicKeyInfo in hex.
func fields(v any) any {
	return readable(reflect.ValueOf(v))
}

func readable(v reflect.Value) any {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return readable(v.Elem())
	}
	switch x := v.Interface().(type) {
	case time.Time:
		return x.Format(time.RFC3339Nano)
	case time.Duration:
		return strconv.FormatInt(int64(x/time.Second), 10)
	case keys.PublicKey:
		return hex.EncodeToString(x.PKIX())
	case interface{ MarshalText() ([]byte, error) }:
		text, err := x.MarshalText()
		if err != nil {
			panic(err)
		}
		return string(text)
	}
	switch v.Kind() {
	case reflect.Struct:
		out := make(map[string]any)
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				out[snakeCase(f.Name)] = readable(v.Field(i))
			}
		}
		return out
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			b := make([]byte, v.Len())
			for i := range b {
				b[i] = byte(v.Index(i).Uint())
			}
			return hex.EncodeToString(b)
		}
		out := make([]any, v.Len())
		for i := range out {
			out[i] = readable(v.Index(i))
		}
		return out
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return float64(v.Uint())
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	}
	panic("no readable form of " + v.Type().String())
}

func snakeCase(s string) string {
	var b strings.Builder
	for i, r := range s {
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(rune(s[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// hand assembles bytes the way docs/spec.md writes them, without the package's
// own encoder: integers are given with their width, text gets its length.
type hand []byte

func (h hand) text(s string) hand { return h.u16(uint16(len(s))).raw(s) }
func (h hand) raw(s string) hand  { return append(h, s...) }
func (h hand) u8(v uint8) hand    { return append(h, v) }
func (h hand) u16(v uint16) hand  { return binary.BigEndian.AppendUint16(h, v) }
func (h hand) u32(v uint32) hand  { return binary.BigEndian.AppendUint32(h, v) }
func (h hand) u64(v uint64) hand  { return binary.BigEndian.AppendUint64(h, v) }
func (h hand) hash(name string) hand {
	sum := hashOf(name)
	return append(h, sum[:]...)
}
