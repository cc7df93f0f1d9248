package keys

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// NotaryID returns the id by which Notary and Docker Content Trust know the key: they
// hash another form of it. It decides nothing here; it is for people who look for a key
// that they know by that name.
func (p PublicKey) NotaryID() ID {
	if p.k == nil {
		return ID{}
	}
	return sha256.Sum256(fmt.Appendf(nil, `{"keytype":%q,"keyval":{"private":null,"public":%q}}`,
		p.k.keytype, base64.StdEncoding.EncodeToString(p.k.notary(p.k.pkix))))
}
