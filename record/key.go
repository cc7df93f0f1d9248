package record

import (
	"encoding/binary"

	"hullmark/reference"
)

// Namespaces of map keys: the first byte of a key. Numbers are never reused.
const (
	nsRepository = 0x01
	nsRoot       = 0x02
	nsTag        = 0x03
	nsImage      = 0x04
	nsVoucher    = 0x05
	nsOperator   = 0x06
	nsNamespace  = 0x07
	nsProposal   = 0x08
	nsParams     = 0x09
	nsNotary     = 0x0a
)

// mapKey is one namespace byte and fields, each behind its 16-bit length, so
// that no two lists of fields share a key (docs/spec.md, "Map keys").
func mapKey(namespace byte, fields ...[]byte) []byte {
	k := []byte{namespace}
	for _, f := range fields {
		k = binary.BigEndian.AppendUint16(k, uint16(len(f)))
		k = append(k, f...)
	}
	return k
}

// EncodeDigest returns the encoding of a digest, as keys and transaction bodies
// carry it (docs/spec.md, "Digests").
func EncodeDigest(d reference.Digest) []byte {
	return append([]byte{byte(d.Algorithm())}, d.Bytes()...)
}

// DecodeDigest is the inverse of EncodeDigest.
func DecodeDigest(b []byte) (reference.Digest, error) {
	d := decoder{b: b}
	digest := d.digest()
	if err := d.end("digest"); err != nil {
		return reference.Digest{}, err
	}
	return digest, nil
}

// RepositoryKey is the map key of a repository's value (Repository).
func RepositoryKey(r reference.Repository) []byte {
	return mapKey(nsRepository, []byte(r.String()))
}

// RootKey is the map key of one version of a repository's root (RootFile).
func RootKey(r reference.Repository, version uint64) []byte {
	return mapKey(nsRoot, []byte(r.String()), binary.BigEndian.AppendUint64(nil, version))
}

// TagKey is the map key of a tag (ImageTag).
func TagKey(r reference.Repository, t reference.Tag) []byte {
	return mapKey(nsTag, []byte(r.String()), []byte(t.String()))
}

// ImageKey is the map key of an image in all repositories (Image).
func ImageKey(d reference.Digest) []byte {
	return mapKey(nsImage, EncodeDigest(d))
}

// VoucherKey is the map key of an image in one repository (Voucher).
func VoucherKey(d reference.Digest, r reference.Repository) []byte {
	return mapKey(nsVoucher, EncodeDigest(d), []byte(r.String()))
}

// OperatorKey is the map key of an operator (Operator).
func OperatorKey(id string) []byte {
	return mapKey(nsOperator, []byte(id))
}

// NamespaceKey is the map key of a granted namespace (NamespaceGrant).
func NamespaceKey(n reference.Namespace) []byte {
	return mapKey(nsNamespace, []byte(n.String()))
}

// ProposalKey is the map key of a governance proposal; reserved.
func ProposalKey(number uint64) []byte {
	return mapKey(nsProposal, binary.BigEndian.AppendUint64(nil, number))
}

// ParamsKey is the map key of the parameters (Params). It is written at genesis
// and never removed, so the map is never empty.
func ParamsKey() []byte { return mapKey(nsParams) }

// NotaryKey is the map key of the lists of notary keys (NotaryLists).
func NotaryKey() []byte { return mapKey(nsNotary) }
