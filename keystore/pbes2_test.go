package keystore

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math"
	"testing"
)

// The structures as encoding/asn1 reads and writes them, which parseSealed and seal are
// compared with.

type encryptedPrivateKeyDER struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2DER struct {
	KeyDerivation pkix.AlgorithmIdentifier
	Encryption    pkix.AlgorithmIdentifier
}

type scryptDER struct {
	Salt      []byte
	N, R, P   int
	KeyLength int `asn1:"optional"`
}

type pbkdf2DER struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

func mustIdentify(t testing.TB, oid asn1.ObjectIdentifier, params any) pkix.AlgorithmIdentifier {
	t.Helper()
	der, err := asn1.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: der}}
}

// form is an encrypted key taken apart, so that a test can change one thing.
type form struct {
	scheme     asn1.ObjectIdentifier
	derivation pkix.AlgorithmIdentifier
	cipher     asn1.ObjectIdentifier
	iv, data   []byte
}

func (f form) der(t testing.TB) []byte {
	t.Helper()
	der, err := asn1.Marshal(encryptedPrivateKeyDER{
		Algorithm: mustIdentify(t, f.scheme, pbes2DER{
			KeyDerivation: f.derivation,
			Encryption:    mustIdentify(t, f.cipher, f.iv),
		}),
		Data: f.data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func scryptForm(t testing.TB, params scryptDER) form {
	t.Helper()
	return form{
		scheme:     oidPBES2(),
		derivation: mustIdentify(t, oidScrypt(), params),
		cipher:     oidAES256CBC(),
		iv:         make([]byte, 16),
		data:       make([]byte, 32),
	}
}

func pbkdf2Form(t testing.TB, params pbkdf2DER) form {
	f := scryptForm(t, goodScrypt())
	f.derivation = mustIdentify(t, oidPBKDF2(), params)
	return f
}

func goodScrypt() scryptDER { return scryptDER{Salt: make([]byte, 16), N: 4, R: 8, P: 1} }

func goodPBKDF2() pbkdf2DER {
	return pbkdf2DER{
		Salt: make([]byte, 8), Iterations: 2048,
		PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA256(), Parameters: asn1.NullRawValue},
	}
}

// TestParseSealed also proves that an expensive file is refused before the
// expense: the whole table takes no time.
func TestParseSealed(t *testing.T) {
	withScrypt := func(change func(*scryptDER)) form {
		p := goodScrypt()
		change(&p)
		return scryptForm(t, p)
	}
	withPBKDF2 := func(change func(*pbkdf2DER)) form {
		p := goodPBKDF2()
		change(&p)
		return pbkdf2Form(t, p)
	}
	with := func(change func(*form)) form {
		f := scryptForm(t, goodScrypt())
		change(&f)
		return f
	}
	tests := []struct {
		name string
		form form
		want error
	}{
		{"scrypt", with(func(*form) {}), nil},
		{"scrypt, key length given", withScrypt(func(p *scryptDER) { p.KeyLength = 32 }), nil},
		{"scrypt, costs of new files", withScrypt(func(p *scryptDER) { p.N, p.R, p.P = 1<<defaultLogN, scryptR, scryptP }), nil},
		{"scrypt, at the bound of memory", withScrypt(func(p *scryptDER) { p.N = maxScryptMemory / 8 }), nil},
		{"scrypt, at the bound of work", withScrypt(func(p *scryptDER) { p.N, p.P = maxScryptMemory/8, maxScryptWork/maxScryptMemory }), nil},
		{"scrypt, too much memory", withScrypt(func(p *scryptDER) { p.N = maxScryptMemory / 4 }), ErrCost},
		{"scrypt, too much work", withScrypt(func(p *scryptDER) { p.N, p.P = maxScryptMemory/8, maxScryptWork/maxScryptMemory+1 }), ErrCost},
		{"scrypt, huge N", withScrypt(func(p *scryptDER) { p.N = 1 << 62 }), ErrCost},
		{"scrypt, huge r", withScrypt(func(p *scryptDER) { p.R = math.MaxInt }), ErrCost},
		{"scrypt, huge p", withScrypt(func(p *scryptDER) { p.P = math.MaxInt }), ErrCost},
		{"scrypt, everything huge", withScrypt(func(p *scryptDER) { p.N, p.R, p.P = 1<<62, math.MaxInt, math.MaxInt }), ErrCost},
		{"scrypt, N is one", withScrypt(func(p *scryptDER) { p.N = 1 }), ErrFormat},
		{"scrypt, N is zero", withScrypt(func(p *scryptDER) { p.N = 0 }), ErrFormat},
		{"scrypt, N is negative", withScrypt(func(p *scryptDER) { p.N = math.MinInt }), ErrFormat},
		{"scrypt, N is no power of two", withScrypt(func(p *scryptDER) { p.N = 12 }), ErrFormat},
		{"scrypt, r is zero", withScrypt(func(p *scryptDER) { p.R = 0 }), ErrFormat},
		{"scrypt, p is zero", withScrypt(func(p *scryptDER) { p.P = 0 }), ErrFormat},
		{"scrypt, p is negative", withScrypt(func(p *scryptDER) { p.P = -1 }), ErrFormat},
		{"scrypt, no salt", withScrypt(func(p *scryptDER) { p.Salt = nil }), ErrFormat},
		{"scrypt, long salt", withScrypt(func(p *scryptDER) { p.Salt = make([]byte, 65) }), ErrFormat},
		{"scrypt, another key length", withScrypt(func(p *scryptDER) { p.KeyLength = 16 }), ErrFormat},
		{"PBKDF2", withPBKDF2(func(*pbkdf2DER) {}), nil},
		{"PBKDF2, function without parameters", withPBKDF2(func(p *pbkdf2DER) { p.PRF.Parameters = asn1.RawValue{} }), nil},
		{"PBKDF2, at the bound", withPBKDF2(func(p *pbkdf2DER) { p.Iterations = maxPBKDF2Iterations }), nil},
		{"PBKDF2, too many iterations", withPBKDF2(func(p *pbkdf2DER) { p.Iterations = maxPBKDF2Iterations + 1 }), ErrCost},
		{"PBKDF2, no iterations", withPBKDF2(func(p *pbkdf2DER) { p.Iterations = 0 }), ErrFormat},
		{"PBKDF2, SHA-1 by name", withPBKDF2(func(p *pbkdf2DER) { p.PRF.Algorithm = oidHMACSHA1() }), ErrFormat},
		{"PBKDF2, SHA-1 by default", withPBKDF2(func(p *pbkdf2DER) { p.PRF = pkix.AlgorithmIdentifier{} }), ErrFormat},
		{"PBKDF2, another function", withPBKDF2(func(p *pbkdf2DER) { p.PRF.Algorithm = oidScrypt() }), ErrFormat},
		{"PBKDF2, function with parameters", withPBKDF2(func(p *pbkdf2DER) { p.PRF = mustIdentify(t, oidHMACSHA256(), 1) }), ErrFormat},
		{"PBKDF2, short salt", withPBKDF2(func(p *pbkdf2DER) { p.Salt = p.Salt[:7] }), ErrFormat},
		{"another scheme", with(func(f *form) { f.scheme = oidPBKDF2() }), ErrFormat},
		{"another key derivation", with(func(f *form) { f.derivation.Algorithm = oidPBES2() }), ErrFormat},
		{"key derivation without parameters", with(func(f *form) { f.derivation.Parameters = asn1.RawValue{} }), ErrFormat},
		{"another cipher", with(func(f *form) { f.cipher = oidScrypt() }), ErrFormat},
		{"short initialisation vector", with(func(f *form) { f.iv = make([]byte, 15) }), ErrFormat},
		{"no initialisation vector", with(func(f *form) { f.iv = []byte{} }), ErrFormat},
		{"no data", with(func(f *form) { f.data = nil }), ErrFormat},
		{"half a block", with(func(f *form) { f.data = make([]byte, 24) }), ErrFormat},
	}
	// What the old files of Notary have is read from elsewhere, within the same bounds.
	for _, tc := range []struct {
		name string
		form form
		want error
	}{
		{"good", withPBKDF2(func(*pbkdf2DER) {}), nil},
		{"SHA-1 by default", withPBKDF2(func(p *pbkdf2DER) { p.PRF = pkix.AlgorithmIdentifier{} }), nil},
		{"SHA-1 by name", withPBKDF2(func(p *pbkdf2DER) { p.PRF.Algorithm = oidHMACSHA1() }), nil},
		{"SHA-1 with parameters", withPBKDF2(func(p *pbkdf2DER) { p.PRF = mustIdentify(t, oidHMACSHA1(), 1) }), ErrFormat},
		{"SHA-1, at the bound", withPBKDF2(func(p *pbkdf2DER) {
			p.PRF, p.Iterations = pkix.AlgorithmIdentifier{}, maxPBKDF2Iterations
		}), nil},
		{"SHA-1, too many iterations", withPBKDF2(func(p *pbkdf2DER) {
			p.PRF, p.Iterations = pkix.AlgorithmIdentifier{}, maxPBKDF2Iterations+1
		}), ErrCost},
		{"SHA-1, short salt", withPBKDF2(func(p *pbkdf2DER) {
			p.PRF, p.Salt = pkix.AlgorithmIdentifier{}, p.Salt[:7]
		}), ErrFormat},
		{"SHA-1, long salt", withPBKDF2(func(p *pbkdf2DER) {
			p.PRF, p.Salt = pkix.AlgorithmIdentifier{}, make([]byte, 65)
		}), ErrFormat},
		{"another function", withPBKDF2(func(p *pbkdf2DER) { p.PRF.Algorithm = oidScrypt() }), ErrFormat},
	} {
		t.Run("imported, "+tc.name, func(t *testing.T) {
			if _, err := parseSealed(tc.form.der(t), imported); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
	// parseSealed takes no passphrase, so it cannot derive keys at any cost.
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := parseSealed(tc.form.der(t), ours); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestSealRoundTrip(t *testing.T) {
	for size := range 50 {
		plaintext := bytes.Repeat([]byte{7}, size)
		der, err := seal(plaintext, []byte("p"), 1)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseSealed(der, imported)
		if err != nil {
			t.Fatal(err)
		}
		compareSealed(t, der, s)
		got, err := s.open([]byte("p"))
		if err != nil || !bytes.Equal(got, plaintext) {
			t.Fatalf("%d bytes became %x (%v)", size, got, err)
		}
		again, err := seal(plaintext, []byte("p"), 1)
		if err != nil || bytes.Equal(der, again) {
			t.Fatalf("sealing twice gave the same bytes (%v)", err)
		}
	}
}

// compareSealed reads what was accepted with encoding/asn1, which must find the same.
func compareSealed(t *testing.T, der []byte, s sealed) {
	t.Helper()
	read := func(der []byte, value any) {
		if rest, err := asn1.Unmarshal(der, value); err != nil || len(rest) != 0 {
			t.Fatalf("%x: %d bytes are left, %v", der, len(rest), err)
		}
	}
	var outer encryptedPrivateKeyDER
	var scheme pbes2DER
	var iv []byte
	read(der, &outer)
	read(outer.Algorithm.Parameters.FullBytes, &scheme)
	read(scheme.Encryption.Parameters.FullBytes, &iv)
	if !bytes.Equal(outer.Data, s.data) || !bytes.Equal(iv, s.iv) {
		t.Fatalf("data %x and vector %x, want %x and %x", s.data, s.iv, outer.Data, iv)
	}
	switch p := s.kdf.(type) {
	case scryptParams:
		var want scryptDER
		read(scheme.KeyDerivation.Parameters.FullBytes, &want)
		if !bytes.Equal(p.salt, want.Salt) || p.n != want.N || p.r != want.R || p.p != want.P {
			t.Fatalf("%+v, want %+v", p, want)
		}
	case pbkdf2Params:
		var want pbkdf2DER
		read(scheme.KeyDerivation.Parameters.FullBytes, &want)
		isSHA1 := len(want.PRF.Algorithm) == 0 || want.PRF.Algorithm.Equal(oidHMACSHA1())
		if !bytes.Equal(p.salt, want.Salt) || p.iterations != want.Iterations || isSHA1 != (p.hash().Size() == sha1.Size) {
			t.Fatalf("%+v, want %+v", p, want)
		}
	}
}

// TestParseSealedStrict: nothing may follow in any part, which encoding/asn1 lets pass.
func TestParseSealedStrict(t *testing.T) {
	type extended struct {
		A, B any
		More int
	}
	scrypt := mustIdentify(t, oidScrypt(), goodScrypt())
	aes := mustIdentify(t, oidAES256CBC(), make([]byte, 16))
	scheme := mustIdentify(t, oidPBES2(), pbes2DER{scrypt, aes})
	data := make([]byte, 32)
	inScheme := func(params any) any {
		return encryptedPrivateKeyDER{mustIdentify(t, oidPBES2(), params), data}
	}
	for _, tc := range []struct {
		name  string
		value any
		want  error
	}{
		{"good", encryptedPrivateKeyDER{scheme, data}, nil},
		{"behind the data", extended{scheme, data, 1}, ErrFormat},
		{"behind the parameters of the scheme", struct {
			A extended
			B []byte
		}{extended{oidPBES2(), pbes2DER{scrypt, aes}, 1}, data}, ErrFormat},
		{"behind the cipher", inScheme(extended{scrypt, aes, 1}), ErrFormat},
		{"behind the parameters of the cipher", inScheme(struct {
			A any
			B extended
		}{scrypt, extended{oidAES256CBC(), make([]byte, 16), 1}}), ErrFormat},
		{"behind the parameters of scrypt", inScheme(pbes2DER{mustIdentify(t, oidScrypt(), struct {
			Salt             []byte
			N, R, P, L, More int
		}{make([]byte, 16), 4, 8, 1, 32, 1}), aes}), ErrFormat},
		{"behind the function of PBKDF2", inScheme(pbes2DER{mustIdentify(t, oidPBKDF2(), struct {
			Salt       []byte
			Iterations int
			PRF        pkix.AlgorithmIdentifier
			More       int
		}{make([]byte, 8), 2048, pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA256()}, 1}), aes}), ErrFormat},
		{"a length of zero", inScheme(pbes2DER{mustIdentify(t, oidScrypt(), struct {
			Salt       []byte
			N, R, P, L int
		}{make([]byte, 16), 4, 8, 1, 0}), aes}), ErrFormat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			der, err := asn1.Marshal(tc.value)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseSealed(der, ours); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func FuzzParseSealed(f *testing.F) {
	f.Add(scryptForm(f, goodScrypt()).der(f))
	f.Add(pbkdf2Form(f, goodPBKDF2()).der(f))
	if der, err := seal([]byte("key"), []byte("p"), 1); err != nil {
		f.Fatal(err)
	} else {
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		s, err := parseSealed(der, imported)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCost) {
				t.Fatal(err)
			}
			return
		}
		compareSealed(t, der, s)
		switch p := s.kdf.(type) {
		case scryptParams:
			if p.n*p.r > maxScryptMemory || p.n*p.r*p.p > maxScryptWork {
				t.Fatalf("accepted scrypt with N=%d, r=%d, p=%d", p.n, p.r, p.p)
			}
			if p.n*p.r*p.p > 1<<8 {
				return
			}
		case pbkdf2Params:
			if p.iterations > maxPBKDF2Iterations {
				t.Fatalf("accepted %d iterations", p.iterations)
			}
			if p.iterations > 1<<12 {
				return
			}
		}
		if _, err := s.open([]byte("p")); err != nil && !errors.Is(err, ErrPassphrase) {
			t.Fatal(err)
		}
	})
}

func FuzzDecodePublic(f *testing.F) {
	signer, err := generate(TypeECDSAP256)
	if err != nil {
		f.Fatal(err)
	}
	text, err := encodePublic(signer)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		public, err := decodePublic(text)
		if err == nil && typeOf(public) == "" {
			t.Fatal("a key without type")
		}
		if err != nil && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrType) {
			t.Fatal(err)
		}
	})
}
