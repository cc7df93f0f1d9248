package keystore

import (
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// algorithm is an AlgorithmIdentifier (RFC 5280, section 4.1.1.2).
type algorithm struct {
	oid asn1.ObjectIdentifier
	// parameters is the whole element, empty if there is none.
	parameters cryptobyte.String
}

// readAlgorithm reads an AlgorithmIdentifier and nothing behind its parameters.
func readAlgorithm(s *cryptobyte.String, a *algorithm) bool {
	var inner cryptobyte.String
	if !s.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1ObjectIdentifier(&a.oid) {
		return false
	}
	a.parameters = nil
	return inner.Empty() || inner.ReadAnyASN1Element(&a.parameters, new(cbasn1.Tag)) && inner.Empty()
}

// addAlgorithm writes an AlgorithmIdentifier with parameters.
func addAlgorithm(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, parameters func(*cryptobyte.Builder)) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		parameters(b)
	})
}

// readSequence reads a SEQUENCE that fills all of its input.
func readSequence(der cryptobyte.String, out *cryptobyte.String) bool {
	return der.ReadASN1(out, cbasn1.SEQUENCE) && der.Empty()
}

// readOctets reads an OCTET STRING.
func readOctets(s *cryptobyte.String, out *[]byte) bool {
	return s.ReadASN1Bytes(out, cbasn1.OCTET_STRING)
}
