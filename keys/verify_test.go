package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"testing"
)

var message = []byte("the message")

func mustSign(t testing.TB, signer crypto.Signer) []byte {
	t.Helper()
	signature, err := Sign(signer, message)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// TestRegr_R05 pairs every key with every other key's signature: the algorithm
// follows from the key.
func TestRegr_R05(t *testing.T) {
	ring := signers(t)
	for keytype, signer := range ring {
		for other, by := range ring {
			err := (Direct{}).Verify(mustNew(t, signer.Public()), message, mustSign(t, by))
			if keytype == other && err != nil {
				t.Errorf("%s: %v", keytype, err)
			}
			if keytype != other && !errors.Is(err, ErrSignature) {
				t.Errorf("%s key, %s signature: %v", keytype, other, err)
			}
		}
	}
	spare := signers(t)
	for keytype, signer := range ring {
		err := (Direct{}).Verify(mustNew(t, signer.Public()), message, mustSign(t, spare[keytype]))
		if !errors.Is(err, ErrSignature) {
			t.Errorf("%s, signature of another key: %v", keytype, err)
		}
	}
}

func TestVerifyRefusesChanges(t *testing.T) {
	for keytype, signer := range signers(t) {
		t.Run(keytype, func(t *testing.T) {
			key := mustNew(t, signer.Public())
			good := mustSign(t, signer)
			if len(good) > MaxSignatureSize {
				t.Errorf("signature of %d bytes", len(good))
			}
			bad := map[string][]byte{"nil": nil, "empty": {}, "short": good[:len(good)-1],
				"long": append(bytes.Clone(good), 0), "zeros": make([]byte, len(good))}
			for name, signature := range bad {
				if err := (Direct{}).Verify(key, message, signature); !errors.Is(err, ErrSignature) {
					t.Errorf("%s: %v", name, err)
				}
			}
			for i := range len(good) * 8 {
				flipped := bytes.Clone(good)
				flipped[i/8] ^= 1 << (i % 8)
				if err := (Direct{}).Verify(key, message, flipped); !errors.Is(err, ErrSignature) {
					t.Errorf("bit %d flipped: %v", i, err)
				}
			}
			if err := (Direct{}).Verify(key, append(bytes.Clone(message), 0), good); !errors.Is(err, ErrSignature) {
				t.Errorf("other message: %v", err)
			}
		})
	}
}

func TestEd25519RefusesLargeScalar(t *testing.T) {
	signer := signers(t)[KeytypeEd25519]
	key, signature := mustNew(t, signer.Public()), mustSign(t, signer)
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := bytes.Clone(signature[32:])
	reverse(s)
	sum := new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(make([]byte, 32))
	reverse(sum)
	if err := (Direct{}).Verify(key, message, append(signature[:32:32], sum...)); !errors.Is(err, ErrSignature) {
		t.Errorf("S + L: %v", err)
	}
}

func reverse(b []byte) {
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
}

func TestECDSARefusesHighS(t *testing.T) {
	signer := signers(t)[KeytypeECDSA]
	key, low := mustNew(t, signer.Public()), mustSign(t, signer)
	pair, ok := parseDER(low)
	if !ok {
		t.Fatal("own signature does not parse")
	}
	order := p256Bytes(p256OrderHex)
	s := new(big.Int).SetBytes(pair[32:])
	s.Sub(new(big.Int).SetBytes(order[:]), s).FillBytes(pair[32:])
	high := pair.der()

	digest := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(key.Std().(*ecdsa.PublicKey), digest[:], high) {
		t.Fatal("the twin does not satisfy the equation: the test is wrong")
	}
	if err := (Direct{}).Verify(key, message, high); !errors.Is(err, ErrSignature) {
		t.Errorf("Verify: %v", err)
	}
	if err := VerifyFixed(Direct{}, key, message, pair[:]); !errors.Is(err, ErrSignature) {
		t.Errorf("VerifyFixed: %v", err)
	}
	if _, err := ToFixed(key, high); !errors.Is(err, ErrSignature) {
		t.Errorf("ToFixed: %v", err)
	}
	if back, err := lowerS(high); err != nil || !bytes.Equal(back, low) {
		t.Errorf("lowerS gives %x, %v", back, err)
	}
}

func TestP256Constants(t *testing.T) {
	ec := signers(t)[KeytypeECDSA].(*ecdsa.PrivateKey)
	n := ec.Curve.Params().N
	order, half := p256Bytes(p256OrderHex), p256Bytes(p256HalfOrderHex)
	if new(big.Int).SetBytes(order[:]).Cmp(n) != 0 || new(big.Int).SetBytes(half[:]).Cmp(new(big.Int).Rsh(n, 1)) != 0 {
		t.Error("wrong constant")
	}
}

func TestRSARefusesOtherPadding(t *testing.T) {
	private := signers(t)[KeytypeRSA].(*rsa.PrivateKey)
	key := mustNew(t, private.Public())
	digest := sha256.Sum256(message)
	for _, salt := range []int{0, 20, SaltSize - 1, SaltSize + 1, rsa.PSSSaltLengthAuto} {
		options := rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256}
		signature, err := rsa.SignPSS(rand.Reader, private, crypto.SHA256, digest[:], &options)
		if err != nil {
			t.Fatal(err)
		}
		if err := (Direct{}).Verify(key, message, signature); !errors.Is(err, ErrSignature) {
			t.Errorf("salt %d: %v", salt, err)
		}
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, private, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if err := (Direct{}).Verify(key, message, signature); !errors.Is(err, ErrSignature) {
		t.Errorf("PKCS 1 v1.5: %v", err)
	}
}

func TestFixed(t *testing.T) {
	ring := signers(t)
	for _, keytype := range []string{KeytypeEd25519, KeytypeECDSA} {
		key := mustNew(t, ring[keytype].Public())
		for range 200 { // often enough to meet short r and s
			fixed, err := SignFixed(ring[keytype], message)
			if err != nil {
				t.Fatal(err)
			}
			if len(fixed) != FixedSize {
				t.Fatalf("%s: %d bytes", keytype, len(fixed))
			}
			if err := VerifyFixed(Direct{}, key, message, fixed); err != nil {
				t.Fatalf("%s: %v", keytype, err)
			}
			fixed[17] ^= 1
			if err := VerifyFixed(Direct{}, key, message, fixed); !errors.Is(err, ErrSignature) {
				t.Fatalf("%s, changed: %v", keytype, err)
			}
		}
		for _, size := range []int{0, 32, 63, 65, 72} {
			if err := VerifyFixed(Direct{}, key, message, make([]byte, size)); !errors.Is(err, ErrSignature) {
				t.Errorf("%s, %d bytes: %v", keytype, size, err)
			}
		}
		if err := VerifyFixed(Direct{}, key, message, make([]byte, FixedSize)); !errors.Is(err, ErrSignature) {
			t.Errorf("%s, zeros: %v", keytype, err)
		}
		if err := VerifyFixed(Direct{}, key, message, bytes.Repeat([]byte{0xff}, FixedSize)); !errors.Is(err, ErrSignature) {
			t.Errorf("%s, ones: %v", keytype, err)
		}
	}
	if _, err := SignFixed(ring[KeytypeRSA], message); !errors.Is(err, ErrNoFixedForm) {
		t.Errorf("SignFixed with RSA: %v", err)
	}
	if err := VerifyFixed(Direct{}, mustNew(t, ring[KeytypeRSA].Public()), message, make([]byte, FixedSize)); !errors.Is(err, ErrNoFixedForm) {
		t.Errorf("VerifyFixed with RSA: %v", err)
	}
}

// brokenSigner signs something else than it is asked to.
type brokenSigner struct{ crypto.Signer }

func (b brokenSigner) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	other := bytes.Clone(digest)
	other[0] ^= 1
	return b.Signer.Sign(random, other, opts)
}

func TestSignChecksItsResult(t *testing.T) {
	for keytype, signer := range signers(t) {
		if _, err := Sign(brokenSigner{signer}, message); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", keytype, err)
		}
	}
}

func TestDERRefused(t *testing.T) {
	for name, der := range map[string]string{
		"empty":               "",
		"tag only":            "30",
		"set":                 "3106020101020101",
		"no integers":         "3000",
		"one integer":         "3003020101",
		"three integers":      "3009020101020101020101",
		"trailing byte":       "300602010102010100",
		"trailing inside":     "300702010102010100",
		"length too small":    "3005020101020101",
		"length too large":    "3007020101020101",
		"long form of length": "308106020101020101",
		"indefinite length":   "30800201010201010000",
		"empty integer":       "30050200020101",
		"leading zero in r":   "300702020001020101",
		"leading zero in s":   "300702010102020001",
		"negative r":          "3006020181020101",
		"octet string":        "3006040101020101",
		"r of 34 bytes":       "3027022201" + zeros(33) + "020101",
		"r of 33 bytes":       "3026022101" + zeros(32) + "020101",
	} {
		t.Run(name, func(t *testing.T) {
			if pair, ok := parseDER(unhex(t, der)); ok {
				t.Errorf("accepted as %x", pair)
			}
		})
	}
	for name, der := range map[string]string{
		"one and one":     "3006020101020101",
		"padded high bit": "3007020200ff020101",
		"zero is encoded": "3006020100020101",
	} {
		if _, ok := parseDER(unhex(t, der)); !ok {
			t.Errorf("%s: refused", name)
		}
	}
}

func zeros(n int) string { return string(bytes.Repeat([]byte("00"), n)) }

// referenceDER reads a signature with encoding/asn1, which must write it back as it was,
// and the numbers must fit.
func referenceDER(der []byte) (scalarPair, bool) {
	var pair scalarPair
	var both struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &both)
	if err != nil || len(rest) != 0 {
		return pair, false
	}
	if again, err := asn1.Marshal(both); err != nil || !bytes.Equal(again, der) {
		return pair, false
	}
	if both.R.Sign() < 0 || both.S.Sign() < 0 || both.R.BitLen() > 256 || both.S.BitLen() > 256 {
		return pair, false
	}
	both.R.FillBytes(pair[:32])
	both.S.FillBytes(pair[32:])
	return pair, true
}

func FuzzDER(f *testing.F) {
	signer := signers(f)[KeytypeECDSA]
	for range 8 {
		f.Add(mustSign(f, signer))
	}
	f.Add(unhex(f, "3006020100020101"))
	f.Add(unhex(f, "3007020200ff020101"))
	f.Fuzz(func(t *testing.T, der []byte) {
		got, ok := parseDER(der)
		want, wantOK := referenceDER(der)
		if ok != wantOK || ok && got != want {
			t.Fatalf("%x: got %x, %v, want %x, %v", der, got, ok, want, wantOK)
		}
		if ok && !bytes.Equal(got.der(), der) {
			t.Fatalf("%x is written as %x", der, got.der())
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, signer := range signers(f) {
		key := mustNew(f, signer.Public())
		f.Add(key.Keytype(), key.Scheme(), key.Public())
	}
	f.Add(KeytypeEd25519, SchemeEd25519, smallOrderPoints[4])
	f.Fuzz(func(t *testing.T, keytype, scheme, public string) {
		key, err := Parse(keytype, scheme, public)
		if err != nil {
			if !key.IsZero() {
				t.Fatal("got a key and an error")
			}
			return
		}
		if key.Keytype() != keytype || key.Scheme() != scheme || key.Public() != public {
			t.Fatal("fields changed")
		}
		again, err := New(key.Std())
		if err != nil || !again.Equal(key) || again.ID() != key.ID() {
			t.Fatalf("New of the same key: %v", err)
		}
		if (Direct{}).Verify(key, message, []byte(public)) == nil {
			t.Fatal("verified nonsense")
		}
	})
}

// BenchmarkVerify measures a verification by each algorithm. The ledger charges
// signatureTime for a signature whatever its algorithm is: which one it is stands in a
// file that is not read before its work is known.
func BenchmarkVerify(b *testing.B) {
	set := signers(b)
	set["rsa-4096"] = newRSA(b, MaxRSABits)
	for name, signer := range set {
		b.Run(name, func(b *testing.B) {
			key, signature := mustNew(b, signer.Public()), mustSign(b, signer)
			for b.Loop() {
				if err := (Direct{}).Verify(key, message, signature); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
