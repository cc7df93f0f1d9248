package tuf

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"

	"hullmark/reference"
)

// ErrStored is returned for bytes that are not a targets file although they were
// stored as one.
var ErrStored = errors.New("stored file is damaged")

// Stored is a targets file that was accepted before, as it is stored. It knows where
// things stand in the file and nothing more, so that a file of any size follows it at
// the cost of copying and hashing. It trusts the bytes: they came from ParseTargets
// or from Apply, whose hash names them. A Stored is immutable and safe to share.
type Stored struct {
	spec    string
	binding Binding

	file        []byte
	signed      int    // where the signed part begins
	delegations []byte // the object, nil without one
	rows        []byte // what stands between the braces of targets
	trailer     []byte // from the field x-hullmark to the end of the signed part
}

// What stands around the parts of a file. Within the signatures, the delegations and
// the trailer no string can hold a quote, so that none of these can be in one.
const (
	beginSigned      = `],"signed":{"_type":"targets",`
	beginDelegations = `"delegations":`
	beginExpires     = `"expires":"`
	beginSpec        = `","spec_version":"`
	beginTargets     = `","targets":{`
	beginVersion     = `},"version":`
	beginBinding     = `,"` + bindingField + `":{`
)

// OpenStored finds the parts of a stored file (ErrStored).
func OpenStored(b []byte) (*Stored, error) {
	damaged := fmt.Errorf("couldn't open stored targets metadata: %w", ErrStored)
	s := &Stored{file: b}
	at := bytes.Index(b, []byte(beginSigned))
	if at < 0 {
		return nil, damaged
	}
	s.signed = at + len(`],"signed":`)
	rest := b[at+len(beginSigned):]
	if bytes.HasPrefix(rest, []byte(beginDelegations)) {
		rest = rest[len(beginDelegations):]
		end := bytes.Index(rest, []byte(`,`+beginExpires))
		if end < 0 {
			return nil, damaged
		}
		s.delegations, rest = rest[:end], rest[end+1:]
	}
	spec, targets := bytes.Index(rest, []byte(beginSpec)), bytes.Index(rest, []byte(beginTargets))
	binding := bytes.LastIndex(rest, []byte(beginBinding))
	if !bytes.HasPrefix(rest, []byte(beginExpires)) || spec < 0 || targets < spec || binding < targets+len(beginTargets) {
		return nil, damaged
	}
	s.spec = string(rest[spec+len(beginSpec) : targets])
	s.rows = rest[targets+len(beginTargets) : binding]
	version := bytes.LastIndex(s.rows, []byte(beginVersion))
	// Without rows nothing stands before the brace that ends them.
	if version < 0 || len(rest) < binding+len(beginBinding)+2 {
		return nil, damaged
	}
	s.rows, s.trailer = s.rows[:version], rest[binding+1:len(rest)-1]
	d := &decoder{b: rest, pos: binding + len(beginBinding) - 1}
	var err error
	if s.binding, err = d.binding(); err != nil {
		return nil, fmt.Errorf("%w: %w", damaged, err)
	}
	return s, nil
}

// Bytes returns the file. The caller must not modify it.
func (s *Stored) Bytes() []byte { return s.file }

// Rows goes through all rows, ascending by tag.
func (s *Stored) Rows() iter.Seq[Target] {
	return func(yield func(Target) bool) {
		for at := 0; at < len(s.rows); {
			row, end, err := s.row(at)
			if err != nil || !yield(row) {
				return
			}
			at = end + 1
		}
	}
}

// row reads the row that begins at an offset of the rows, and returns where it ends.
func (s *Stored) row(at int) (Target, int, error) {
	rest := s.rows[at:]
	fields := [4]string{} // tag, algorithm, hash, length
	pos := 0
	for i, before := range []string{`"`, `":{"hashes":{"`, `":"`, `"},"length":`} {
		if !bytes.HasPrefix(rest[pos:], []byte(before)) {
			return Target{}, 0, ErrStored
		}
		pos += len(before)
		end := bytes.IndexByte(rest[pos:], "\"\"\"}"[i])
		if end < 0 {
			return Target{}, 0, ErrStored
		}
		fields[i], pos = string(rest[pos:pos+end]), pos+end
	}
	tag, err := reference.ParseTag(fields[0])
	if err != nil {
		return Target{}, 0, fmt.Errorf("%w: %w", ErrStored, err)
	}
	digest, err := reference.ParseDigest(fields[1] + ":" + fields[2])
	if err != nil {
		return Target{}, 0, fmt.Errorf("%w: %w", ErrStored, err)
	}
	length, err := strconv.ParseUint(fields[3], 10, 64)
	if err != nil {
		return Target{}, 0, fmt.Errorf("%w: %w", ErrStored, err)
	}
	return Target{Tag: tag, Digest: digest, Length: length}, at + pos + 1, nil
}

// tagAt returns the tag of the row that begins at an offset.
func (s *Stored) tagAt(at int) []byte {
	rest := s.rows[at+1:]
	return rest[:max(0, bytes.IndexByte(rest, '"'))]
}

// next returns where the first row at or behind an offset begins, or the end.
func (s *Stored) next(at int) int {
	for at < len(s.rows) {
		i := bytes.Index(s.rows[at:], []byte(`},"`))
		if i < 0 {
			return len(s.rows)
		}
		at += i + len(`},`)
		// What follows the hashes of a row is a number.
		name := bytes.IndexByte(s.rows[at+1:], '"')
		if end := at + 1 + name + 2; name >= 0 && end < len(s.rows) && s.rows[end] == '{' {
			return at
		}
	}
	return len(s.rows)
}

// fewRows is a number of bytes that is searched row by row: several times what the
// longest row takes.
const fewRows = 4096

// find returns where the first row begins whose tag is not below the given one, and
// whether it is that tag's. It looks behind an offset where a row begins.
func (s *Stored) find(from int, tag string) (at int, found bool) {
	low, high := from, len(s.rows)
	for high-low > fewRows {
		middle := s.next(low + (high-low)/2)
		if middle >= high {
			break
		}
		if string(s.tagAt(middle)) < tag {
			low = middle
		} else {
			high = middle
		}
	}
	for low < len(s.rows) {
		if t := string(s.tagAt(low)); t >= tag {
			return low, t == tag
		}
		low = s.next(low + 1)
	}
	return low, false
}

// Successor is a targets file that follows a stored one, with what differs.
type Successor struct {
	Metadata
	// Put are the rows that are new or otherwise, Remove those that are gone, as they
	// were; both ascending by tag.
	Put, Remove []Target
	// Delegations are those of the file if Redelegate is set, nil for none. Else it
	// delegates as the stored file does.
	Redelegate  bool
	Delegations *Delegations
}

// Follow returns a parsed file as what follows a stored one, or the first of its
// role for nil.
func (s *Stored) Follow(next *Targets) *Successor {
	f := &Successor{Metadata: next.Metadata, Redelegate: true, Delegations: next.Delegations}
	if s == nil {
		f.Put = next.Targets
		return f
	}
	rest := next.Targets
	for row := range s.Rows() {
		for len(rest) > 0 && compareTag(rest[0], row.Tag.String()) < 0 {
			f.Put, rest = append(f.Put, rest[0]), rest[1:]
		}
		switch {
		case len(rest) == 0 || rest[0].Tag != row.Tag:
			f.Remove = append(f.Remove, row)
		case rest[0] != row:
			f.Put, rest = append(f.Put, rest[0]), rest[1:]
		default:
			rest = rest[1:]
		}
	}
	f.Put = append(f.Put, rest...)
	return f
}

// Apply rebuilds the file that a delta stands for, as Targets.Apply does: the same
// bytes, or an error for the same deltas. signedDigest is that of the stored file.
func (s *Stored) Apply(delta Delta, signedDigest [32]byte) (*Successor, error) {
	next, err := s.apply(delta, signedDigest)
	if err != nil {
		return nil, fmt.Errorf("couldn't apply delta to %s: %w", s.binding.Role, err)
	}
	return next, nil
}

func (s *Stored) apply(delta Delta, signedDigest [32]byte) (*Successor, error) {
	if delta.Base != signedDigest {
		return nil, ErrStaleBase
	}
	if err := checkRows(delta.Put, delta.Remove); err != nil {
		return nil, err
	}
	f := &Successor{Put: delta.Put, Redelegate: delta.Redelegate, Delegations: delta.Delegations}
	f.Metadata = Metadata{
		Version: delta.Version, Expires: delta.Expires, SpecVersion: s.spec, Binding: s.binding,
		Signatures: cloneSignatures(delta.Signatures),
	}
	changes, err := s.locate(delta)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if c.put == nil {
			row, _, err := s.row(c.at)
			if err != nil {
				return nil, err
			}
			f.Remove = append(f.Remove, row)
		}
	}
	if err := f.checkCommon(); err != nil {
		return nil, err
	}
	delegations := s.delegations
	if delta.Redelegate {
		delegations = nil
		if delta.Delegations != nil {
			delegations = delta.Delegations.Bytes()
			if err := delta.Delegations.check(s.binding.Role); err != nil {
				return nil, err
			}
		}
		if bytes.Equal(delegations, s.delegations) {
			return nil, fmt.Errorf("%w: delegations are these already", ErrDelta)
		}
	}
	f.splice(s, changes, delegations)
	if len(f.file) > MaxTargetsSize {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(f.file), MaxTargetsSize)
	}
	f.fileDigest, f.signedDigest = sha256.Sum256(f.file), sha256.Sum256(f.signed)
	return f, nil
}

// Rebuild returns the bytes of the file that a delta stands for which Apply has
// accepted before. It checks and hashes nothing.
func (s *Stored) Rebuild(delta Delta) ([]byte, error) {
	changes, err := s.locate(delta)
	if err != nil {
		return nil, err
	}
	delegations := s.delegations
	if delta.Redelegate {
		if delegations = nil; delta.Delegations != nil {
			delegations = delta.Delegations.Bytes()
		}
	}
	m := Metadata{
		Version: delta.Version, Expires: delta.Expires, SpecVersion: s.spec, Binding: s.binding, Signatures: delta.Signatures,
	}
	m.splice(s, changes, delegations)
	return m.file, nil
}

// rowChange is one row that differs, and where: it replaces what stands there to end,
// which are the same for a row that is new.
type rowChange struct {
	at, end int
	put     *Target // nil to remove
}

// locate finds the places of what a delta changes, in order.
func (s *Stored) locate(delta Delta) ([]rowChange, error) {
	changes := make([]rowChange, 0, len(delta.Put)+len(delta.Remove))
	put, remove := delta.Put, delta.Remove
	at := 0
	for len(put) > 0 || len(remove) > 0 {
		if len(remove) == 0 || len(put) > 0 && compareTag(put[0], remove[0].String()) < 0 {
			var found bool
			at, found = s.find(at, put[0].Tag.String())
			c := rowChange{at: at, end: at, put: &put[0]}
			if found {
				row, end, err := s.row(at)
				if err != nil {
					return nil, err
				}
				if row == put[0] {
					return nil, fmt.Errorf("%w: tag %s has that meaning already", ErrDelta, row.Tag)
				}
				c.end = end
			}
			changes, put = append(changes, c), put[1:]
		} else {
			var found bool
			if at, found = s.find(at, remove[0].String()); !found {
				return nil, fmt.Errorf("%w: tag %s to remove is absent", ErrDelta, remove[0])
			}
			_, end, err := s.row(at)
			if err != nil {
				return nil, err
			}
			changes, remove = append(changes, rowChange{at: at, end: end}), remove[1:]
		}
	}
	return changes, nil
}

// splice writes a file that differs from a stored one in its common fields, in some
// rows and in its delegations.
func (m *Metadata) splice(s *Stored, changes []rowChange, delegations []byte) {
	const perSignature, perRow, fields = 160, 512, 512
	size := fields + len(delegations) + len(s.rows) + len(s.trailer) + perRow*len(changes)
	for _, sig := range m.Signatures {
		size += perSignature + 2*len(sig.Sig)
	}
	w := writer{b: make([]byte, 0, size), form: fileForm}
	m.writeSignatures(&w)
	start := len(w.b)
	w.raw(`{"_type":"targets",`)
	if delegations != nil {
		w.raw(beginDelegations)
		w.b = append(w.b, delegations...)
		w.raw(`,`)
	}
	m.writeExpires(&w)
	w.raw(`,`)
	m.writeSpecVersion(&w)
	w.raw(`,"targets":{`)
	rows := len(w.b)
	// Every row is written with the comma behind it; the last one is taken back.
	from := 0
	for _, c := range changes {
		w.b = append(w.b, s.rows[from:c.at]...)
		if c.at == len(s.rows) && from < c.at {
			w.raw(`,`)
		}
		if c.put != nil {
			c.put.write(&w)
			w.raw(`,`)
		}
		from = c.end
		if c.end > c.at && c.end < len(s.rows) {
			from++ // the comma behind what was there
		}
	}
	if from < len(s.rows) {
		w.b = append(w.b, s.rows[from:]...)
	} else if len(w.b) > rows {
		w.b = w.b[:len(w.b)-1]
	}
	w.raw(`},`)
	m.writeVersion(&w)
	w.raw(`,`)
	w.b = append(w.b, s.trailer...)
	end := len(w.b)
	w.raw(`}`)
	m.file, m.signed = w.b, w.b[start:end:end]
	if bytes.IndexByte(delegations, '\\') >= 0 { // the forms differ in PEM keys
		m.signed = bytes.ReplaceAll(m.signed, []byte(`\n`), []byte("\n"))
	}
}

// checkRows checks what of a delta can be known without the base.
func checkRows(put []Target, remove []reference.Tag) error {
	for i, target := range put {
		if err := target.check(); err != nil {
			return err
		}
		if i > 0 && compareTag(put[i-1], target.Tag.String()) >= 0 {
			return fmt.Errorf("%w: tags to put are not sorted", ErrDelta)
		}
	}
	for i, tag := range remove {
		if i > 0 && remove[i-1].String() >= tag.String() {
			return fmt.Errorf("%w: tags to remove are not sorted", ErrDelta)
		}
		if _, found := slices.BinarySearchFunc(put, tag.String(), compareTag); found {
			return fmt.Errorf("%w: tag %s is put and removed", ErrDelta, tag)
		}
	}
	return nil
}
