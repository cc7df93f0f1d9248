package keystore

import (
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// privateKind says what kind of key a decrypted PKCS#8 file holds (RFC 5958, section 2);
// empty if it is no such file, as after a wrong passphrase.
func privateKind(der []byte) string {
	var info cryptobyte.String
	var version int
	var a algorithm
	var key []byte
	// Attributes and the public key may follow; they say nothing of the kind.
	if !readSequence(der, &info) || !info.ReadASN1Integer(&version) || version < 0 || version > 1 ||
		!readAlgorithm(&info, &a) || !readOctets(&info, &key) {
		return ""
	}
	return kindOf(a)
}

// publicKind says what kind of key a PKIX public key is (RFC 5280, section 4.1); empty if
// it is none.
func publicKind(der []byte) string {
	var info cryptobyte.String
	var a algorithm
	var key asn1.BitString
	if !readSequence(der, &info) || !readAlgorithm(&info, &a) || !info.ReadASN1BitString(&key) || !info.Empty() {
		return ""
	}
	return kindOf(a)
}

// kindOf names an algorithm of keys.
func kindOf(a algorithm) string {
	switch oid := a.oid.String(); oid {
	case "1.2.840.10045.2.1":
		var curve asn1.ObjectIdentifier
		if !a.parameters.ReadASN1ObjectIdentifier(&curve) {
			return "an EC key with explicit curve parameters, not a named curve"
		}
		return "an EC key on " + curveName(curve)
	case "1.2.840.113549.1.1.1":
		return "an RSA key that is damaged or of a size nobody uses"
	case "1.2.840.113549.1.1.10":
		return "an RSA key that is bound to PSS (RSASSA-PSS); plain RSA keys can be used"
	case "1.3.101.110":
		return "an X25519 key, which cannot sign"
	case "1.3.101.111":
		return "an X448 key, which cannot sign"
	case "1.3.101.112":
		return "an Ed25519 key that is damaged"
	case "1.3.101.113":
		return "an Ed448 key"
	case "1.2.840.10040.4.1":
		return "a DSA key"
	default:
		return fmt.Sprintf("a key of an unknown kind (%s)", oid)
	}
}

func curveName(oid asn1.ObjectIdentifier) string {
	switch text := oid.String(); text {
	case "1.2.840.10045.3.1.7":
		return "P-256 that is damaged"
	case "1.3.132.0.10":
		return "secp256k1"
	case "1.3.132.0.33":
		return "P-224"
	case "1.3.132.0.34":
		return "P-384"
	case "1.3.132.0.35":
		return "P-521"
	default:
		return "the curve " + text
	}
}
