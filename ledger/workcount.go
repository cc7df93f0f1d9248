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

// counter counts what a body carries, without decoding it, so that the work of a
// transaction is known before its sender is.
type counter struct{ left int }

// newCounter returns a counter that ends after maxFields.
func newCounter() *counter { return &counter{left: maxFields} }

// maxFields is how many fields of all messages of a body are counted. What is accepted has
// fewer: for each of 16 scopes 1,000 changes, 16 signatures and some more. A body of 256 KiB
// can have eight times as many, which nobody has paid for.
const maxFields = 20_000

// fields calls f for the fields of a protobuf message that have bytes. It ends where
// the message does or is none: that is for decoding to refuse.
func (n *counter) fields(b []byte, f func(number protowire.Number, value []byte)) {
	for len(b) > 0 && n.left > 0 {
		n.left--
		if len(b) > 1 && b[0]&0x87 == byte(protowire.BytesType) && b[0] > 7 && b[1] < 0x80 && int(b[1]) <= len(b)-2 {
			// What nearly all are: a number below 16 and less than 128 bytes.
			end := 2 + int(b[1])
			f(protowire.Number(b[0]>>3), b[2:end])
			b = b[end:]
			continue
		}
		number, kind, size := protowire.ConsumeTag(b)
		if size < 0 {
			return
		}
		b = b[size:]
		var value []byte
		if kind == protowire.BytesType {
			value, size = protowire.ConsumeBytes(b)
		} else {
			size = protowire.ConsumeFieldValue(number, kind, b)
		}
		if size < 0 {
			return
		}
		if b = b[size:]; kind == protowire.BytesType {
			f(number, value)
		}
	}
}

// updates counts what a Publish carries, for as many updates as there are scopes at most:
// the rest has none and counts nothing.
func (n *counter) updates(body []byte) []updateCounts {
	var out []updateCounts
	n.fields(body, func(_ protowire.Number, b []byte) {
		if len(out) == record.MaxScopes {
			n.left = 0
			return
		}
		var u updateCounts
		n.fields(b, func(number protowire.Number, b []byte) {
			switch {
			case number == 2 && len(u.roots) < record.MaxRotations:
				u.roots = append(u.roots, b)
			case number == 3 && len(u.roles) < record.MaxScopes:
				u.roles = append(u.roles, n.role(b))
			}
		})
		out = append(out, u)
	})
	return out
}

func (n *counter) role(b []byte) roleCounts {
	c := roleCounts{whole: true}
	n.fields(b, func(number protowire.Number, b []byte) {
		switch number {
		case 2:
			c.size, c.signatures, c.rows, c.delegations = len(b), countSignatures(b), countRows(b), countDelegations(b)
		case 3:
			c.size, c.whole = len(b), false
			n.fields(b, func(number protowire.Number, b []byte) {
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

// statements counts what the statements of a body carry, likewise.
func (n *counter) statements(body []byte) []statementCounts {
	var out []statementCounts
	n.fields(body, func(_ protowire.Number, b []byte) {
		if len(out) == record.MaxScopes {
			n.left = 0
			return
		}
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

// countRows returns how many rows a whole file has, at most record.MaxChanges. Nothing but
// a row has such a field behind its hashes.
func countRows(file []byte) int {
	rows := 0
	for rows < record.MaxChanges {
		_, rest, ok := bytes.Cut(file, []byte(`"},"length":`))
		if !ok {
			break
		}
		rows++
		file = rest
	}
	return rows
}

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
