package record

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"hullmark/keys"
	"hullmark/reference"
)

// magic begins every transaction.
const magic = "HMTX"

// signatureTag separates a submitter's signature from everything else the same
// key may sign.
const signatureTag = "hullmark/transaction/v1\n"

// MaxChainID is the longest chain id in bytes: CometBFT's own limit.
const MaxChainID = 50

// Errors of DecodeEnvelope beyond ErrEncoding.
var (
	// ErrBodyHash is returned for a body that is not the one the header names.
	ErrBodyHash = errors.New("body does not match its header")
)

// Header is what a transaction says of itself. It is judged before anything in
// the body is parsed (docs/spec.md, "Transaction envelope").
type Header struct {
	ChainID string
	Kind    Kind
	Profile Profile
	// Submitter is the Ed25519 or P-256 key that signed the header. It stands here
	// itself, since its id alone would have to be looked up in files.
	Submitter keys.PublicKey
	// Payer is the operator whose quota pays, the submitter's own, or empty.
	Payer      string
	BodyLength uint32
	BodyHash   [32]byte
	// Scopes, 1 to 16, ascending by what they are about.
	Scopes []Scope
}

// Envelope is a whole transaction.
type Envelope struct {
	Header    Header
	Body      []byte
	Signature [keys.FixedSize]byte
	// Hash is the SHA-256 of the whole transaction, by which CometBFT names it.
	Hash [32]byte

	headerBytes []byte
}

// Size returns the size of the whole transaction in bytes.
func (e *Envelope) Size() int { return len(e.headerBytes) + len(e.Body) + len(e.Signature) }

// SignedMessage returns what the submitter signs. The body is covered by the
// hash in the header.
func (h *Header) SignedMessage() []byte {
	return append([]byte(signatureTag), h.encode()...)
}

// SignedMessage returns what the submitter signed.
func (e *Envelope) SignedMessage() []byte {
	return append([]byte(signatureTag), e.headerBytes...)
}

// Repositories returns those that the scopes name: each gets one record of the transaction.
func (h *Header) Repositories() map[reference.Repository]bool {
	out := make(map[reference.Repository]bool)
	for _, s := range h.Scopes {
		if !s.Repository.IsZero() {
			out[s.Repository] = true
		}
	}
	return out
}

func (h *Header) encode() []byte {
	var e encoder
	e.raw([]byte(magic))
	e.u8(FormatVersion)
	e.str(h.ChainID)
	e.u8(uint8(h.Kind))
	e.u8(uint8(h.Profile))
	e.key(h.Submitter)
	e.str(h.Payer)
	e.u32(h.BodyLength)
	e.raw(h.BodyHash[:])
	e.u8(uint8(len(h.Scopes)))
	for _, s := range h.Scopes {
		e.raw(s.encode())
	}
	return e
}

// NewHeader fills in the header of a transaction with the given body and sorts
// the scopes.
func NewHeader(chainID string, kind Kind, submitter keys.PublicKey, payer string, body []byte, scopes ...Scope) Header {
	scopes = slices.Clone(scopes)
	slices.SortFunc(scopes, compareScopes)
	return Header{
		ChainID: chainID, Kind: kind, Profile: ProfileTUF,
		Submitter: submitter, Payer: payer,
		BodyLength: uint32(len(body)), BodyHash: sha256.Sum256(body),
		Scopes: scopes,
	}
}

// EncodeEnvelope returns the bytes of a transaction: header, body, signature.
func EncodeEnvelope(h Header, body []byte, signature [keys.FixedSize]byte) []byte {
	b := h.encode()
	b = append(b, body...)
	return append(b, signature[:]...)
}

// ReadEnvelope is DecodeEnvelope for the ledger and for those in front of it: its errors
// are the ledger's (*Rejection).
func ReadEnvelope(tx []byte) (*Envelope, error) {
	if len(tx) > MaxTransactionSize {
		return nil, Reject(CodeTooLarge, "%d bytes, at most %d", len(tx), MaxTransactionSize)
	}
	env, err := DecodeEnvelope(tx)
	if err != nil {
		return nil, Reject(CodeMalformed, "%v", err)
	}
	return env, nil
}

// DecodeEnvelope reads a transaction. Nothing is verified but the form and the
// hash of the body.
func DecodeEnvelope(b []byte) (*Envelope, error) {
	if len(b) > MaxTransactionSize {
		return nil, fmt.Errorf("couldn't decode transaction: %w: %d bytes, at most %d", ErrEncoding, len(b), MaxTransactionSize)
	}
	d := decoder{b: b}
	h := d.header()
	if d.err != nil {
		return nil, fmt.Errorf("couldn't decode transaction: %w", d.err)
	}
	env := &Envelope{Header: h, Hash: sha256.Sum256(b), headerBytes: b[:len(b)-len(d.b)]}
	if want := uint64(h.BodyLength) + keys.FixedSize; uint64(len(d.b)) != want {
		return nil, fmt.Errorf("couldn't decode transaction: %w: %d bytes after the header instead of %d", ErrEncoding, len(d.b), want)
	}
	env.Body = d.b[:h.BodyLength]
	env.Signature = [keys.FixedSize]byte(d.b[h.BodyLength:])
	if sha256.Sum256(env.Body) != h.BodyHash {
		return nil, fmt.Errorf("couldn't decode transaction: %w", ErrBodyHash)
	}
	return env, nil
}

func (d *decoder) header() Header {
	var h Header
	d.tag(magic)
	d.version()
	h.ChainID = d.str(MaxChainID)
	h.Kind = Kind(d.u8())
	if d.err == nil && !h.Kind.known() {
		d.fail("unknown kind %d", h.Kind)
	}
	h.Profile = d.profile()
	h.Submitter = d.someKey(MaxSubmitterKey)
	h.Payer = d.str(MaxNameLength)
	if d.err == nil && h.Payer != "" && !ValidName(h.Payer) {
		d.fail("bad paying operator")
	}
	h.BodyLength = d.u32()
	h.BodyHash = d.hash()
	n := int(d.u8())
	if d.err == nil && (n < 1 || n > MaxScopes) {
		d.fail("%d scopes", n)
	}
	for range n {
		s := d.scope()
		if d.err != nil {
			break
		}
		if k := len(h.Scopes); k > 0 && compareScopes(h.Scopes[k-1], s) >= 0 {
			d.fail("scopes not ascending")
			break
		}
		h.Scopes = append(h.Scopes, s)
	}
	return h
}
