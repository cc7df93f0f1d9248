package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/oasisprotocol/curve25519-voi/curve"
)

// smallOrderPoints are the eight points of small order in canonical encoding,
// as in "Taming the many EdDSAs" (Chalkias et al., 2020), appendix B.
var smallOrderPoints = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
}

// nonCanonicalPoints encode a point with y >= p, or x = 0 with the sign bit.
var nonCanonicalPoints = []string{
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func TestEd25519PointsRefused(t *testing.T) {
	for _, point := range smallOrderPoints {
		if _, err := Parse(KeytypeEd25519, SchemeEd25519, point); !errors.Is(err, ErrWeakKey) {
			t.Errorf("small order %s: %v", point, err)
		}
	}
	for _, point := range nonCanonicalPoints {
		if _, err := Parse(KeytypeEd25519, SchemeEd25519, point); !errors.Is(err, ErrEncoding) {
			t.Errorf("not canonical %s: %v", point, err)
		}
	}
	// A good point plus each point of small order but the identity is of mixed
	// order.
	good, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, point := range smallOrderPoints[1:] {
		mixed := addPoints(t, good, unhex(t, point))
		if _, err := New(ed25519.PublicKey(mixed)); !errors.Is(err, ErrWeakKey) {
			t.Errorf("mixed order, with %s: %v", point, err)
		}
	}
	off := unhex(t, "0200000000000000000000000000000000000000000000000000000000000000")
	if _, err := New(ed25519.PublicKey(off)); !errors.Is(err, ErrEncoding) {
		t.Errorf("not on the curve: %v", err)
	}
}

func addPoints(t *testing.T, a, b []byte) []byte {
	t.Helper()
	var points [2]*curve.EdwardsPoint
	for i, raw := range [][]byte{a, b} {
		compressed, err := curve.NewCompressedEdwardsYFromBytes(raw)
		if err != nil {
			t.Fatal(err)
		}
		if points[i], err = curve.NewEdwardsPoint().SetCompressedY(compressed); err != nil {
			t.Fatal(err)
		}
	}
	sum := curve.NewEdwardsPoint().Add(points[0], points[1])
	return curve.NewCompressedEdwardsY().SetEdwardsPoint(sum)[:]
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseRefuses(t *testing.T) {
	ring := signers(t)
	ed := mustNew(t, ring[KeytypeEd25519].Public()).Public()
	ec := mustNew(t, ring[KeytypeECDSA].Public())
	rs := mustNew(t, ring[KeytypeRSA].Public())
	withType := func(typ string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	pkix := func(pub crypto.PublicKey) string {
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			t.Fatal(err)
		}
		return withType(pemType, der)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	std := ring[KeytypeRSA].Public().(*rsa.PublicKey)
	sized := func(bits, exponent int) *rsa.PublicKey {
		n := new(big.Int).SetBit(new(big.Int), bits-1, 1)
		return &rsa.PublicKey{N: n.SetBit(n, 0, 1), E: exponent}
	}
	offCurve := ec.PKIX()
	offCurve[len(offCurve)-1] ^= 1
	compressed := append([]byte(nil), ec.PKIX()...)
	headers := string(pem.EncodeToMemory(&pem.Block{
		Type: pemType, Headers: map[string]string{"A": "b"}, Bytes: ec.PKIX()}))

	for name, test := range map[string]struct {
		keytype, scheme, public string
		want                    error
	}{
		"no type":                   {"", SchemeEd25519, ed, ErrKeyType},
		"type in capitals":          {"ED25519", SchemeEd25519, ed, ErrKeyType},
		"old ecdsa type":            {"ecdsa-sha2-nistp256", SchemeECDSA, ec.Public(), ErrKeyType},
		"scheme unknown":            {KeytypeEd25519, "foo", ed, ErrScheme},
		"scheme of P-384":           {KeytypeECDSA, "ecdsa-sha2-nistp384", ec.Public(), ErrScheme},
		"scheme of another type":    {KeytypeRSA, SchemeECDSA, rs.Public(), ErrScheme},
		"scheme PKCS 1":             {KeytypeRSA, "rsa-pkcs1v15-sha256", rs.Public(), ErrScheme},
		"ed25519 empty":             {KeytypeEd25519, SchemeEd25519, "", ErrEncoding},
		"ed25519 short":             {KeytypeEd25519, SchemeEd25519, ed[:62], ErrEncoding},
		"ed25519 long":              {KeytypeEd25519, SchemeEd25519, ed + "00", ErrEncoding},
		"ed25519 in capitals":       {KeytypeEd25519, SchemeEd25519, "A" + strings.Repeat("0", 63), ErrEncoding},
		"ed25519 not hex":           {KeytypeEd25519, SchemeEd25519, strings.Repeat("g", 64), ErrEncoding},
		"ed25519 in PEM":            {KeytypeEd25519, SchemeEd25519, pkix(ring[KeytypeEd25519].Public()), ErrEncoding},
		"ecdsa empty":               {KeytypeECDSA, SchemeECDSA, "", ErrEncoding},
		"ecdsa holds rsa":           {KeytypeECDSA, SchemeECDSA, rs.Public(), ErrEncoding},
		"ecdsa holds ed25519":       {KeytypeECDSA, SchemeECDSA, pkix(ring[KeytypeEd25519].Public()), ErrEncoding},
		"ecdsa P-384":               {KeytypeECDSA, SchemeECDSA, pkix(p384.Public()), ErrKeyType},
		"ecdsa off the curve":       {KeytypeECDSA, SchemeECDSA, withType(pemType, offCurve), ErrEncoding},
		"ecdsa truncated":           {KeytypeECDSA, SchemeECDSA, withType(pemType, compressed[:60]), ErrEncoding},
		"PEM without last newline":  {KeytypeECDSA, SchemeECDSA, strings.TrimSuffix(ec.Public(), "\n"), ErrEncoding},
		"PEM with another newline":  {KeytypeECDSA, SchemeECDSA, ec.Public() + "\n", ErrEncoding},
		"PEM with leading text":     {KeytypeECDSA, SchemeECDSA, "x\n" + ec.Public(), ErrEncoding},
		"PEM with CR LF":            {KeytypeECDSA, SchemeECDSA, strings.ReplaceAll(ec.Public(), "\n", "\r\n"), ErrEncoding},
		"PEM with headers":          {KeytypeECDSA, SchemeECDSA, headers, ErrEncoding},
		"PEM of another type":       {KeytypeECDSA, SchemeECDSA, withType("EC PUBLIC KEY", ec.PKIX()), ErrEncoding},
		"PEM twice":                 {KeytypeECDSA, SchemeECDSA, ec.Public() + ec.Public(), ErrEncoding},
		"PEM with trailing DER":     {KeytypeECDSA, SchemeECDSA, withType(pemType, append(ec.PKIX(), 0)), ErrEncoding},
		"PEM too long":              {KeytypeRSA, SchemeRSA, rs.Public() + strings.Repeat("\n", MaxPublicSize), ErrEncoding},
		"rsa holds ecdsa":           {KeytypeRSA, SchemeRSA, ec.Public(), ErrEncoding},
		"rsa PKCS 1":                {KeytypeRSA, SchemeRSA, withType("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(std)), ErrEncoding},
		"rsa one bit too small":     {KeytypeRSA, SchemeRSA, pkix(sized(MinRSABits-1, RSAExponent)), ErrWeakKey},
		"rsa one bit too large":     {KeytypeRSA, SchemeRSA, pkix(sized(MaxRSABits+1, RSAExponent)), ErrWeakKey},
		"rsa exponent 3":            {KeytypeRSA, SchemeRSA, pkix(sized(MinRSABits, 3)), ErrWeakKey},
		"rsa exponent even":         {KeytypeRSA, SchemeRSA, pkix(sized(MinRSABits, 65536)), ErrWeakKey},
		"rsa exponent one too high": {KeytypeRSA, SchemeRSA, pkix(sized(MinRSABits, 65538)), ErrWeakKey},
		"rsa modulus even": {KeytypeRSA, SchemeRSA, pkix(&rsa.PublicKey{
			N: new(big.Int).Lsh(big.NewInt(3), 2046), E: RSAExponent}), ErrWeakKey},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := Parse(test.keytype, test.scheme, test.public)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if !key.IsZero() {
				t.Error("got a key")
			}
		})
	}
}

func TestRSASizesAccepted(t *testing.T) {
	for _, bits := range []int{MinRSABits, 3072, MaxRSABits} {
		n := new(big.Int).SetBit(new(big.Int), bits-1, 1)
		key, err := New(&rsa.PublicKey{N: n.SetBit(n, 0, 1), E: RSAExponent})
		if err != nil {
			t.Errorf("%d bits: %v", bits, err)
		}
		if len(key.Public()) > MaxPublicSize {
			t.Errorf("%d bits: text of %d bytes", bits, len(key.Public()))
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, pub := range map[string]crypto.PublicKey{
		"nil":           nil,
		"text":          "key",
		"private":       ed25519.NewKeyFromSeed(make([]byte, 32)),
		"ed25519 nil":   ed25519.PublicKey(nil),
		"ed25519 short": make(ed25519.PublicKey, 31),
		"ecdsa nil":     (*ecdsa.PublicKey)(nil),
		"ecdsa zero":    &ecdsa.PublicKey{},
		"ecdsa no point": &ecdsa.PublicKey{
			Curve: elliptic.P256()},
		"ecdsa infinity": &ecdsa.PublicKey{
			Curve: elliptic.P256(), X: new(big.Int), Y: new(big.Int)}, //nolint:staticcheck // no constructor makes such a key
		"ecdsa negative": &ecdsa.PublicKey{
			Curve: elliptic.P256(), X: big.NewInt(-1), Y: big.NewInt(-1)}, //nolint:staticcheck // no constructor makes such a key
		"rsa nil":      (*rsa.PublicKey)(nil),
		"rsa zero":     &rsa.PublicKey{},
		"rsa negative": &rsa.PublicKey{N: big.NewInt(-5), E: RSAExponent},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(pub); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestParseIDRefuses(t *testing.T) {
	good := strings.Repeat("0123456789abcdef", 4)
	if id, err := ParseID(good); err != nil || id.String() != good {
		t.Fatalf("got %v, %v", id, err)
	}
	for _, text := range []string{"", good[1:], good + "0", "A" + good[1:], "g" + good[1:], " " + good[1:], good[:63] + "\n"} {
		if _, err := ParseID(text); !errors.Is(err, ErrKeyID) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestZeroKey(t *testing.T) {
	var zero PublicKey
	if err := (Direct{}).Verify(zero, nil, nil); !errors.Is(err, ErrNoKey) {
		t.Errorf("Verify: %v", err)
	}
	if err := VerifyFixed(Direct{}, zero, nil, make([]byte, FixedSize)); !errors.Is(err, ErrNoKey) {
		t.Errorf("VerifyFixed: %v", err)
	}
	if _, err := ToFixed(zero, make([]byte, FixedSize)); !errors.Is(err, ErrNoKey) {
		t.Errorf("ToFixed: %v", err)
	}
	if !zero.IsZero() || zero.ID() != (ID{}) || zero.Public() != "" || zero.PKIX() != nil || zero.Std() != nil {
		t.Error("the zero key has content")
	}
	key := mustNew(t, signers(t)[KeytypeEd25519].Public())
	if zero.Equal(key) || key.Equal(zero) || !zero.Equal(PublicKey{}) {
		t.Error("Equal mistakes the zero key")
	}
}
