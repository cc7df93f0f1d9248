package keystore

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// privateKeyInfo is the beginning of a PKCS#8 private key (RFC 5958, section 2).
type privateKeyInfo struct {
	Version   int
	Algorithm pkix.AlgorithmIdentifier
	Key       []byte
}

// subjectPublicKeyInfo is a public key (RFC 5280, section 4.1).
type subjectPublicKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

// privateKind says what kind of key a decrypted PKCS#8 file holds; empty if it is no
// such file, as after a wrong passphrase.
func privateKind(der []byte) string {
	// Attributes and the public key may follow; they say nothing of the kind.
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) != 0 || outer.Tag != asn1.TagSequence || !outer.IsCompound {
		return ""
	}
	var info privateKeyInfo
	rest, err := asn1.Unmarshal(outer.Bytes, &info.Version)
	if err != nil || info.Version < 0 || info.Version > 1 {
		return ""
	}
	if rest, err = asn1.Unmarshal(rest, &info.Algorithm); err != nil {
		return ""
	}
	if _, err = asn1.Unmarshal(rest, &info.Key); err != nil {
		return ""
	}
	return kindOf(info.Algorithm)
}

// publicKind says what kind of key a PKIX public key is; empty if it is none.
func publicKind(der []byte) string {
	var info subjectPublicKeyInfo
	if rest, err := asn1.Unmarshal(der, &info); err != nil || len(rest) != 0 {
		return ""
	}
	return kindOf(info.Algorithm)
}

// kindOf names an algorithm of keys.
func kindOf(a pkix.AlgorithmIdentifier) string {
	switch oid := a.Algorithm.String(); oid {
	case "1.2.840.10045.2.1":
		var curve asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(a.Parameters.FullBytes, &curve); err != nil {
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
