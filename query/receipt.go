package query

import "net/url"

// KindReceipt is the kind of Receipt.
const KindReceipt Kind = "receipt"

const pathReceipt = "/v1/receipt/"

// Receipt asks which log records a transaction made.
type Receipt struct {
	// Hash is the SHA-256 of the transaction.
	Hash [32]byte
	// Height is that of its block; zero when it is not known.
	Height uint64
}

// Kind implements Question.
func (q Receipt) Kind() Kind { return KindReceipt }

// String implements Question.
func (q Receipt) String() string { return encodeHash(q.Hash) }

// Check implements Question.
func (q Receipt) Check() error { return checkNumbers(q.Height) }

func (q Receipt) rests() foundation { return onState }

func (q Receipt) encode(v url.Values) string {
	setNumber(v, "height", q.Height)
	return pathReceipt + encodeHash(q.Hash)
}

func parseReceipt(p *parameters) Question {
	return Receipt{Hash: p.hash("hash"), Height: p.number("height")}
}
