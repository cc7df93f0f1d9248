package ledger

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"

	"hullmark/record"
	"hullmark/tuf"
)

// updateCounts is how much an update carries.
type updateCounts struct {
	roots [][]byte
	roles []roleCounts
}

// roleCounts is how much a role update carries.
type roleCounts struct {
	size                     int // bytes of the file or delta
	whole                    bool
	rows                     int // of a whole file
	put, remove, delegations int
	signatures               signatureCount
}

// signatureCount is how many signatures there are, and how many of them are long: of RSA
// keys of more than 2,048 bits.
type signatureCount struct{ all, long int }

// time is what it takes to verify them over a message of a size. More than a file may have
// are refused before the first is verified.
func (c signatureCount) time(size int) int {
	return min(c.all, tuf.MaxSignatures)*(signatureTime+signedByteTime*size) + min(c.long, tuf.MaxSignatures)*(longSignatureTime-signatureTime)
}

func (c *signatureCount) add(long bool) {
	c.all++
	if long {
		c.long++
	}
}

// fields calls f for the fields of a protobuf message that have bytes. It ends where
// the message does or is none: that is for decoding to refuse.
func fields(b []byte, f func(number protowire.Number, value []byte)) {
	for len(b) > 0 {
		if len(b) > 1 && b[0]&0x87 == byte(protowire.BytesType) && b[0] > 7 && b[1] < 0x80 && int(b[1]) <= len(b)-2 {
			// What nearly all are: a number below 16 and less than 128 bytes.
			end := 2 + int(b[1])
			f(protowire.Number(b[0]>>3), b[2:end])
			b = b[end:]
			continue
		}
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		var value []byte
		if kind == protowire.BytesType {
			value, n = protowire.ConsumeBytes(b)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, b)
		}
		if n < 0 {
			return
		}
		if b = b[n:]; kind == protowire.BytesType {
			f(number, value)
		}
	}
}

// countUpdates counts what a Publish carries.
func countUpdates(body []byte) []updateCounts {
	var out []updateCounts
	fields(body, func(number protowire.Number, b []byte) {
		var u updateCounts
		fields(b, func(number protowire.Number, b []byte) {
			switch number {
			case 2:
				u.roots = append(u.roots, b)
			case 3:
				u.roles = append(u.roles, countRole(b))
			}
		})
		out = append(out, u)
	})
	return out
}

func countRole(b []byte) roleCounts {
	c := roleCounts{whole: true}
	fields(b, func(number protowire.Number, b []byte) {
		switch number {
		case 2:
			c.size, c.signatures, c.rows, c.delegations = len(b), countSignatures(b), countRows(b), countDelegations(b)
		case 3:
			c.size, c.whole = len(b), false
			fields(b, func(number protowire.Number, b []byte) {
				switch number {
				case 4:
					c.put++
				case 5:
					c.remove++
				case 6:
					c.signatures.add(len(b) > maxShortSignatureField)
				case 7:
					c.delegations = len(b)
				}
			})
		}
	})
	return c
}

// statementCounts is how much a statement carries.
type statementCounts struct {
	size       int // bytes that are signed
	signatures signatureCount
}

// countStatements counts what the statements of a body carry.
func countStatements(body []byte) []statementCounts {
	var out []statementCounts
	fields(body, func(_ protowire.Number, b []byte) {
		size, signatures := record.MeasureSignedStatement(b)
		c := statementCounts{size: size}
		for _, n := range signatures {
			c.signatures.add(n > maxShortSignature)
		}
		out = append(out, c)
	})
	return out
}

const (
	// maxShortSignature is the size of the longest signature that is not long, in bytes.
	maxShortSignature = 256
	// maxShortSignatureField is that of a field of a delta with such a signature, and
	// maxShortSignatureText of its text in a file, with two quotation marks; both have some
	// room.
	maxShortSignatureField = 300
	maxShortSignatureText  = 520
)

// countSignatures counts the signatures of a whole file, at most. Nothing but a signature
// has such a field.
func countSignatures(file []byte) signatureCount {
	var c signatureCount
	for c.all < tuf.MaxSignatures {
		_, rest, ok := bytes.Cut(file, []byte(`"sig":`))
		if !ok {
			break
		}
		c.add(bytes.Count(rest[:min(len(rest), maxShortSignatureText)], []byte(`"`)) < 2)
		file = rest
	}
	return c
}

// countRows returns how many rows a whole file has. Nothing but a row has such a field
// behind its hashes.
func countRows(file []byte) int { return bytes.Count(file, []byte(`"},"length":`)) }

// countDelegations returns how many bytes the delegations of a whole file have at most:
// they end where the next field of the file begins. Nothing else in it has such fields.
func countDelegations(file []byte) int {
	_, rest, ok := bytes.Cut(file, []byte(`"delegations":`))
	if !ok {
		return 0
	}
	own, _, _ := bytes.Cut(rest, []byte(`"expires":`))
	return len(own)
}
