package bundle

import (
	"time"

	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// ProvenRecord is a record that is in the log.
type ProvenRecord struct {
	Proven
	Index uint64
	*record.LogRecord
}

// VerifyInclusion verifies that the record an answer carries stands at an index of
// the log of a proven state. Size is the size that log must have; zero is any.
func VerifyInclusion(a *proto.InclusionAnswer, index, size uint64, mem *Memory, now time.Time, p Policy, before ...*Trace) (*ProvenRecord, *Memory, error) {
	proven, next, err := verifyState(a.GetState(), mem, now, p, before)
	if err != nil {
		return nil, nil, err
	}
	if size != 0 && proven.Log.Size != size {
		return nil, nil, fail(ErrLog, "the log of height %d has %d records, not %d", proven.StateHeight, proven.Log.Size, size)
	}
	if a.GetEntry().GetIndex() != index {
		return nil, nil, fail(ErrLog, "it is about record %d, not %d", a.GetEntry().GetIndex(), index)
	}
	r, err := proven.readEntry(a.GetEntry())
	if err != nil {
		return nil, nil, err
	}
	return &ProvenRecord{Proven: *proven, Index: index, LogRecord: r}, next, nil
}

// readEntry verifies an entry of the log and decodes it.
func (p *Proven) readEntry(e *proto.LogEntry) (*record.LogRecord, error) {
	if err := p.verifyEntry(e); err != nil {
		return nil, err
	}
	r, err := record.DecodeLogRecord(e.GetRecord())
	if err != nil {
		return nil, fail(ErrMismatch, "log record %d: %w", e.GetIndex(), err)
	}
	if r.Height > p.StateHeight {
		return nil, fail(ErrMismatch, "record %d is of height %d, at height %d", e.GetIndex(), r.Height, p.StateHeight)
	}
	return r, nil
}

// Growth is two states of the log of which the second extends the first.
type Growth struct{ First, Second Proven }

// VerifyConsistency verifies that the log only grew between two proven states.
// Sizes are those the logs must have; zero is any. Neither state need be young:
// the policy's greatest age is for answers about the present, of which the caller
// judges Second.
func VerifyConsistency(a *proto.ConsistencyAnswer, first, second uint64, mem *Memory, now time.Time, p Policy, before ...*Trace) (*Growth, *Memory, error) {
	p.Offline = true
	older, next, err := verifyState(a.GetFirst(), mem, now, p, before)
	if err != nil {
		return nil, nil, err
	}
	newer, next, err := verifyState(a.GetSecond(), next, now, p, before)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range []struct {
		proven *Proven
		want   uint64
	}{{older, first}, {newer, second}} {
		if l.want != 0 && l.proven.Log.Size != l.want {
			return nil, nil, fail(ErrLog, "the log of height %d has %d records, not %d", l.proven.StateHeight, l.proven.Log.Size, l.want)
		}
	}
	proof, err := readHashes(a.GetProof())
	if err != nil {
		return nil, nil, err
	}
	if err := merkle.VerifyConsistency(older.Log, newer.Log, proof); err != nil {
		return nil, nil, fail(ErrLog, "%w", err)
	}
	if older.HeaderHeight > newer.HeaderHeight {
		return nil, nil, fail(ErrLog, "the first state is of height %d, the second of %d", older.StateHeight, newer.StateHeight)
	}
	return &Growth{First: *older, Second: *newer}, next, nil
}

// Vouchers is who vouches for an image in all repositories. It informs: whether
// to trust the image in one repository is another question.
type Vouchers struct {
	Proven
	Digest reference.Digest
	// Count is how many repositories ever published the digest; zero when none
	// did, which is proven too.
	Count uint32
	// Repositories are the first of them, at most record.MaxVouchers.
	Repositories []reference.Repository
}

// VerifyVouchers verifies which repositories vouch for a digest.
func VerifyVouchers(a *proto.ImageAnswer, d reference.Digest, mem *Memory, now time.Time, p Policy, before ...*Trace) (*Vouchers, *Memory, error) {
	if d.IsZero() {
		return nil, nil, fail(ErrRequest, "no digest")
	}
	proven, next, err := verifyState(a.GetState(), mem, now, p, before)
	if err != nil {
		return nil, nil, err
	}
	out := &Vouchers{Proven: *proven, Digest: d}
	value, err := prove(proven.mapRoot, "the image", record.ImageKey(d), a.GetImage())
	if err != nil {
		return nil, nil, err
	}
	if value == nil {
		return out, next, nil
	}
	image, err := decode("image", value, record.DecodeImage)
	if err != nil {
		return nil, nil, err
	}
	out.Count, out.Repositories = image.Count, image.Repositories
	return out, next, nil
}
