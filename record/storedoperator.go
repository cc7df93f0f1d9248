package record

import (
	"bytes"
	"encoding/binary"
	"slices"

	"hullmark/keys"
)

// StoredOperator reads an encoded operator value where it stands: what a transaction is
// asked for which an operator pays. Decoding parses the keys, each of which takes longer
// than everything that is asked. Like StoredRepository it trusts the bytes.
type StoredOperator struct {
	value         []byte
	governanceKey []byte
	quota         int // where the bucket stands
}

// OpenOperator finds the parts of an encoded operator value (ErrEncoding).
func OpenOperator(value []byte) (*StoredOperator, error) {
	d := decoder{b: value}
	s := &StoredOperator{value: value}
	d.version()
	d.take(8 + 8) // sequence, since
	s.governanceKey = d.take(int(d.u16()))
	d.take(int(d.u16())) // notary key
	d.take(32)           // validator key
	s.quota = len(value) - len(d.b)
	d.take(4 + 8)
	if err := d.end("operator value"); err != nil {
		return nil, err
	}
	return s, nil
}

// HasGovernanceKey reports whether a key is the operator's governance key.
func (s *StoredOperator) HasGovernanceKey(k keys.PublicKey) bool {
	return bytes.Equal(s.governanceKey, k.PKIX())
}

// Quota is the token bucket of what the operator pays for.
func (s *StoredOperator) Quota() Bucket {
	b := s.value[s.quota:]
	return Bucket{Tokens: binary.BigEndian.Uint32(b), Height: binary.BigEndian.Uint64(b[4:])}
}

// WithQuota returns the value with another bucket.
func (s *StoredOperator) WithQuota(b Bucket) []byte {
	e := encoder(slices.Clone(s.value[:s.quota]))
	e.u32(b.Tokens)
	e.u64(b.Height)
	return append(e, s.value[s.quota+4+8:]...)
}
