package keystore

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math"
	"testing"
)

func mustIdentify(t testing.TB, oid asn1.ObjectIdentifier, params any) pkix.AlgorithmIdentifier {
	t.Helper()
	id, err := identify(oid, params)
	if err != nil {
		t.Fatal(err)
	}
	return id
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
	der, err := asn1.Marshal(encryptedPrivateKeyInfo{
		Algorithm: mustIdentify(t, f.scheme, pbes2Params{
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

func scryptForm(t testing.TB, params scryptParams) form {
	t.Helper()
	return form{
		scheme:     oidPBES2(),
		derivation: mustIdentify(t, oidScrypt(), params),
		cipher:     oidAES256CBC(),
		iv:         make([]byte, 16),
		data:       make([]byte, 32),
	}
}

func pbkdf2Form(t testing.TB, params pbkdf2Params) form {
	f := scryptForm(t, goodScrypt())
	f.derivation = mustIdentify(t, oidPBKDF2(), params)
	return f
}

func goodScrypt() scryptParams { return scryptParams{Salt: make([]byte, 16), N: 4, R: 8, P: 1} }

func goodPBKDF2() pbkdf2Params {
	return pbkdf2Params{
		Salt: make([]byte, 8), Iterations: 2048,
		PRF: pkix.AlgorithmIdentifier{Algorithm: oidHMACSHA256(), Parameters: asn1.NullRawValue},
	}
}

// TestParseSealed also proves that an expensive file is refused before the
// expense: the whole table takes no time.
func TestParseSealed(t *testing.T) {
	withScrypt := func(change func(*scryptParams)) form {
		p := goodScrypt()
		change(&p)
		return scryptForm(t, p)
	}
	withPBKDF2 := func(change func(*pbkdf2Params)) form {
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
		{"scrypt, key length given", withScrypt(func(p *scryptParams) { p.KeyLength = 32 }), nil},
		{"scrypt, costs of new files", withScrypt(func(p *scryptParams) { p.N, p.R, p.P = 1<<defaultLogN, scryptR, scryptP }), nil},
		{"scrypt, at the bound of memory", withScrypt(func(p *scryptParams) { p.N = maxScryptMemory / 8 }), nil},
		{"scrypt, at the bound of work", withScrypt(func(p *scryptParams) { p.N, p.P = maxScryptMemory/8, maxScryptWork/maxScryptMemory }), nil},
		{"scrypt, too much memory", withScrypt(func(p *scryptParams) { p.N = maxScryptMemory / 4 }), ErrCost},
		{"scrypt, too much work", withScrypt(func(p *scryptParams) { p.N, p.P = maxScryptMemory/8, maxScryptWork/maxScryptMemory+1 }), ErrCost},
		{"scrypt, huge N", withScrypt(func(p *scryptParams) { p.N = 1 << 62 }), ErrCost},
		{"scrypt, huge r", withScrypt(func(p *scryptParams) { p.R = math.MaxInt }), ErrCost},
		{"scrypt, huge p", withScrypt(func(p *scryptParams) { p.P = math.MaxInt }), ErrCost},
		{"scrypt, everything huge", withScrypt(func(p *scryptParams) { p.N, p.R, p.P = 1<<62, math.MaxInt, math.MaxInt }), ErrCost},
		{"scrypt, N is one", withScrypt(func(p *scryptParams) { p.N = 1 }), ErrFormat},
		{"scrypt, N is zero", withScrypt(func(p *scryptParams) { p.N = 0 }), ErrFormat},
		{"scrypt, N is negative", withScrypt(func(p *scryptParams) { p.N = math.MinInt }), ErrFormat},
		{"scrypt, N is no power of two", withScrypt(func(p *scryptParams) { p.N = 12 }), ErrFormat},
		{"scrypt, r is zero", withScrypt(func(p *scryptParams) { p.R = 0 }), ErrFormat},
		{"scrypt, p is zero", withScrypt(func(p *scryptParams) { p.P = 0 }), ErrFormat},
		{"scrypt, p is negative", withScrypt(func(p *scryptParams) { p.P = -1 }), ErrFormat},
		{"scrypt, no salt", withScrypt(func(p *scryptParams) { p.Salt = nil }), ErrFormat},
		{"scrypt, long salt", withScrypt(func(p *scryptParams) { p.Salt = make([]byte, 65) }), ErrFormat},
		{"scrypt, another key length", withScrypt(func(p *scryptParams) { p.KeyLength = 16 }), ErrFormat},
		{"PBKDF2", withPBKDF2(func(*pbkdf2Params) {}), nil},
		{"PBKDF2, function without parameters", withPBKDF2(func(p *pbkdf2Params) { p.PRF.Parameters = asn1.RawValue{} }), nil},
		{"PBKDF2, at the bound", withPBKDF2(func(p *pbkdf2Params) { p.Iterations = maxPBKDF2Iterations }), nil},
		{"PBKDF2, too many iterations", withPBKDF2(func(p *pbkdf2Params) { p.Iterations = maxPBKDF2Iterations + 1 }), ErrCost},
		{"PBKDF2, no iterations", withPBKDF2(func(p *pbkdf2Params) { p.Iterations = 0 }), ErrFormat},
		{"PBKDF2, SHA-1 by name", withPBKDF2(func(p *pbkdf2Params) { p.PRF.Algorithm = oidHMACSHA1() }), ErrFormat},
		{"PBKDF2, SHA-1 by default", withPBKDF2(func(p *pbkdf2Params) { p.PRF = pkix.AlgorithmIdentifier{} }), ErrFormat},
		{"PBKDF2, another function", withPBKDF2(func(p *pbkdf2Params) { p.PRF.Algorithm = oidScrypt() }), ErrFormat},
		{"PBKDF2, function with parameters", withPBKDF2(func(p *pbkdf2Params) { p.PRF = mustIdentify(t, oidHMACSHA256(), 1) }), ErrFormat},
		{"PBKDF2, short salt", withPBKDF2(func(p *pbkdf2Params) { p.Salt = p.Salt[:7] }), ErrFormat},
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
		{"good", withPBKDF2(func(*pbkdf2Params) {}), nil},
		{"SHA-1 by default", withPBKDF2(func(p *pbkdf2Params) { p.PRF = pkix.AlgorithmIdentifier{} }), nil},
		{"SHA-1 by name", withPBKDF2(func(p *pbkdf2Params) { p.PRF.Algorithm = oidHMACSHA1() }), nil},
		{"SHA-1 with parameters", withPBKDF2(func(p *pbkdf2Params) { p.PRF = mustIdentify(t, oidHMACSHA1(), 1) }), ErrFormat},
		{"SHA-1, at the bound", withPBKDF2(func(p *pbkdf2Params) {
			p.PRF, p.Iterations = pkix.AlgorithmIdentifier{}, maxPBKDF2Iterations
		}), nil},
		{"SHA-1, too many iterations", withPBKDF2(func(p *pbkdf2Params) {
			p.PRF, p.Iterations = pkix.AlgorithmIdentifier{}, maxPBKDF2Iterations+1
		}), ErrCost},
		{"SHA-1, short salt", withPBKDF2(func(p *pbkdf2Params) {
			p.PRF, p.Salt = pkix.AlgorithmIdentifier{}, p.Salt[:7]
		}), ErrFormat},
		{"SHA-1, long salt", withPBKDF2(func(p *pbkdf2Params) {
			p.PRF, p.Salt = pkix.AlgorithmIdentifier{}, make([]byte, 65)
		}), ErrFormat},
		{"another function", withPBKDF2(func(p *pbkdf2Params) { p.PRF.Algorithm = oidScrypt() }), ErrFormat},
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
		switch p := s.kdf.(type) {
		case scryptParams:
			if p.N*p.R > maxScryptMemory || p.N*p.R*p.P > maxScryptWork {
				t.Fatalf("accepted scrypt with N=%d, r=%d, p=%d", p.N, p.R, p.P)
			}
			if p.N*p.R*p.P > 1<<8 {
				return
			}
		case pbkdf2KDF:
			if p.Iterations > maxPBKDF2Iterations {
				t.Fatalf("accepted %d iterations", p.Iterations)
			}
			if p.Iterations > 1<<12 {
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
