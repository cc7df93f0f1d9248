package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"time"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
)

// What follows is docs/spec.md, "Light blocks", written down a second time from the
// text, to hold the text against what the engine does. Bytes are put together by hand.

func sum(b ...[]byte) []byte {
	h := sha256.Sum256(bytes.Join(b, nil))
	return h[:]
}

// varint returns the shortest varint of v.
func varint(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// field returns a field with a length.
func field(tag byte, content []byte) []byte {
	return append(append([]byte{tag}, varint(uint64(len(content)))...), content...)
}

// number returns a field with a varint, nothing for zero.
func number(tag byte, v uint64) []byte {
	if v == 0 {
		return nil
	}
	return append([]byte{tag}, varint(v)...)
}

// filled returns a field with a length, nothing when it is empty.
func filled(tag byte, content []byte) []byte {
	if len(content) == 0 {
		return nil
	}
	return field(tag, content)
}

func simpleRoot(items [][]byte) []byte {
	if len(items) == 1 {
		return sum([]byte{0}, items[0])
	}
	left := 1
	for left*2 < len(items) {
		left *= 2
	}
	return sum([]byte{1}, simpleRoot(items[:left]), simpleRoot(items[left:]))
}

func timestamp(t time.Time) []byte {
	return append(number(0x08, uint64(t.Unix())), number(0x10, uint64(t.Nanosecond()))...)
}

func specParts(p cmtproto.PartSetHeader) []byte {
	return append(number(0x08, uint64(p.Total)), filled(0x12, p.Hash)...)
}

func specBlockID(id cmtproto.BlockID) []byte {
	return append(filled(0x0a, id.Hash), field(0x12, specParts(id.PartSetHeader))...)
}

func specHeaderHash(h *cmtproto.Header) []byte {
	return simpleRoot([][]byte{
		append(number(0x08, h.Version.Block), number(0x10, h.Version.App)...),
		filled(0x0a, []byte(h.ChainID)),
		number(0x08, uint64(h.Height)),
		timestamp(h.Time),
		specBlockID(h.LastBlockId),
		filled(0x0a, h.LastCommitHash),
		filled(0x0a, h.DataHash),
		filled(0x0a, h.ValidatorsHash),
		filled(0x0a, h.NextValidatorsHash),
		filled(0x0a, h.ConsensusHash),
		filled(0x0a, h.AppHash),
		filled(0x0a, h.LastResultsHash),
		filled(0x0a, h.EvidenceHash),
		filled(0x0a, h.ProposerAddress),
	})
}

func specValidatorsHash(set *cmtproto.ValidatorSet) []byte {
	var items [][]byte
	for _, v := range set.Validators {
		item := append([]byte{0x0a, 0x22, 0x0a, 0x20}, v.PubKey.GetEd25519()...)
		items = append(items, append(item, number(0x10, uint64(v.VotingPower))...))
	}
	return simpleRoot(items)
}

// specSignBytes returns what the signature at a place in a commit is over.
func specSignBytes(ledger string, c *cmtproto.Commit, place int) []byte {
	fixed := func(tag byte, v int64) []byte { return binary.LittleEndian.AppendUint64([]byte{tag}, uint64(v)) }
	message := append([]byte{0x08, 0x02}, fixed(0x11, c.Height)...)
	if c.Round != 0 {
		message = append(message, fixed(0x19, int64(c.Round))...)
	}
	message = append(message, field(0x22, specBlockID(c.BlockID))...)
	message = append(message, field(0x2a, timestamp(c.Signatures[place].Timestamp))...)
	message = append(message, field(0x32, []byte(ledger))...)
	return append(varint(uint64(len(message))), message...)
}

// zip215 reports whether a validator's signature verifies.
func zip215(key, message, signature []byte) bool {
	point := func(b []byte) *curve.EdwardsPoint {
		var compressed curve.CompressedEdwardsY
		if _, err := compressed.SetBytes(b); err != nil {
			return nil
		}
		p, err := new(curve.EdwardsPoint).SetCompressedY(&compressed)
		if err != nil {
			return nil
		}
		return p
	}
	r, a := point(signature[:32]), point(key)
	s, err := scalar.NewFromCanonicalBytes(signature[32:])
	if r == nil || a == nil || err != nil {
		return false
	}
	h := sha512.Sum512(bytes.Join([][]byte{signature[:32], key, message}, nil))
	k, err := scalar.NewFromBytesModOrderWide(h[:])
	if err != nil {
		return false
	}
	// [8]([S]B - [k]A - R) is the neutral element.
	left := new(curve.EdwardsPoint).MulBasepoint(curve.ED25519_BASEPOINT_TABLE, s)
	left.Sub(left, new(curve.EdwardsPoint).Mul(a, k))
	left.Sub(left, r)
	return left.MulByCofactor(left).IsIdentity()
}

var (
	errTooFew  = errors.New("too few have signed")
	errRefused = errors.New("refused")
)

// specSigned decides whether more than 2/3 of a set signed a commit.
func specSigned(ledger string, c *cmtproto.Commit, set *cmtproto.ValidatorSet, own bool) error {
	var total, tally int64
	for _, v := range set.Validators {
		total += v.VotingPower
	}
	needed := total * 2 / 3
	type counted struct{ key, message, signature []byte }
	var list []counted
	seen := make(map[string]bool)
	for place, s := range c.Signatures {
		if s.BlockIdFlag != cmtproto.BlockIDFlagCommit {
			continue
		}
		var by *cmtproto.Validator
		if own {
			if by = set.Validators[place]; !bytes.Equal(by.Address, s.ValidatorAddress) {
				return errRefused
			}
		} else {
			for _, v := range set.Validators {
				if by == nil && bytes.Equal(v.Address, s.ValidatorAddress) {
					by = v
				}
			}
			if by == nil {
				continue
			}
			if seen[string(by.Address)] {
				return errRefused
			}
			seen[string(by.Address)] = true
		}
		if len(s.Signature) != 64 {
			return errRefused
		}
		list = append(list, counted{by.PubKey.GetEd25519(), specSignBytes(ledger, c, place), s.Signature})
		if tally += by.VotingPower; tally > needed {
			break
		}
	}
	if tally <= needed {
		return errTooFew
	}
	for _, s := range list {
		if !zip215(s.key, s.message, s.signature) {
			return errRefused
		}
	}
	return nil
}

// The outcomes of following the chain.
const (
	followed = "ok"
	expired  = "expired" // what is trusted is too old
	tooFew   = "too-few" // blocks between the two are missing
	refused  = "refused"
)

// specFollow verifies a well-formed block from a trusted one below it.
func specFollow(ledger string, trusted, next *cmtproto.LightBlock, period time.Duration, now time.Time) string {
	from, to := trusted.SignedHeader.Header, next.SignedHeader.Header
	switch commit := next.SignedHeader.Commit; {
	case !from.Time.Add(period).After(now):
		return expired
	case !to.Time.After(from.Time):
		return refused
	case to.Height == from.Height+1:
		if !bytes.Equal(to.ValidatorsHash, from.NextValidatorsHash) {
			return refused
		}
	default:
		switch err := specSigned(ledger, commit, trusted.ValidatorSet, false); {
		case errors.Is(err, errTooFew):
			return tooFew
		case err != nil:
			return refused
		}
	}
	if specSigned(ledger, next.SignedHeader.Commit, next.ValidatorSet, true) != nil {
		return refused
	}
	return followed
}
