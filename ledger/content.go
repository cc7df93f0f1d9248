package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"google.golang.org/protobuf/proto"

	"hullmark/keys"
	wire "hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// verdict is what judging the content of a transaction came to: what it does, or why
// not. It is a function of the transaction, of what the repositories concerned have,
// of the parameters and the notary lists, all of which its key names; and of block
// time, within the span of which it holds. Nobody changes it.
type verdict struct {
	refusal *record.Rejection
	span    span
	effects []effect // one per repository, in the order of the scopes
}

// span is a range of block times, from inclusive, in nanoseconds since 1970.
type span struct{ from, until int64 }

func (s span) holds(t time.Time) bool { return s.from <= t.UnixNano() && t.UnixNano() < s.until }

// effect is what new files or a statement do to one repository, as far as they alone
// decide it.
type effect struct {
	roles                 []record.RoleState
	rootKeys, targetsKeys []keyID
	removedVersion        uint64
	// changed are the files as the log names them, ascending by role.
	changed    []record.RoleChange
	roots      []newRoot
	contents   []newContent
	superseded [][32]byte
	files      []*newFile
	// signers of all files, and those root keys that signed the current root.
	signers, offline []keyID
	statement        *record.SignedStatement
}

// hold takes over what the files make of a repository.
func (e *effect) hold(r *record.Repository) {
	e.roles, e.rootKeys, e.targetsKeys, e.removedVersion = r.Roles, r.RootKeys, r.TargetsKeys, r.RemovedVersion
}

// sinceNow stands for the log index of the record that an effect leads to, which
// content does not know.
const sinceNow = record.NoRecord

// newRoot is one more version of the root.
type newRoot struct {
	version uint64
	digest  [32]byte
}

// newContent is a content that a transaction brings: a part of its body, or what a
// delta makes of a stored file.
type newContent struct {
	digest [32]byte
	blob   blob
}

// The weight of a verdict in memory, in bytes: more than the fields take.
const (
	verdictWeight = 1024
	roleWeight    = 400
	rowWeight     = 160
	keyWeight     = 32
)

func (v *verdict) weight() int {
	w := verdictWeight
	for _, e := range v.effects {
		w += verdictWeight
		for _, r := range e.roles {
			w += roleWeight + keyWeight*(len(r.Signers)+len(r.Keys))
		}
		for _, f := range e.files {
			w += rowWeight * (len(f.put) + len(f.remove))
		}
		for _, c := range e.contents {
			w += roleWeight + len(c.blob.bytes)
			if c.blob.delta != nil {
				w += rowWeight * (len(c.blob.delta.Put) + len(c.blob.delta.Remove))
			}
		}
		if e.statement != nil {
			w += rowWeight * (len(e.statement.Digests) + len(e.statement.Signatures))
		}
	}
	return w
}

// verdictKey names everything but block time that the content is judged by.
func (t *transaction) verdictKey() ([32]byte, error) {
	h := sha256.New()
	h.Write(t.env.Hash[:])
	h.Write(t.paramsHash[:])
	part := func(b []byte) {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(b)))
		h.Write(size[:])
		h.Write(b)
	}
	if t.bringsRoot() {
		notary, _, err := t.Get(record.NotaryKey())
		if err != nil {
			return [32]byte{}, err
		}
		part(notary)
	}
	for _, s := range t.subjects {
		counts, files := s.stored.Parts()
		part(counts)
		part(files)
	}
	return [32]byte(h.Sum(nil)), nil
}

// bringsRoot reports whether the scopes name a root file.
func (t *transaction) bringsRoot() bool {
	for _, c := range t.env.Header.Scopes {
		if c.Kind == record.ScopeRole && c.Role == record.RoleRoot {
			return true
		}
	}
	return false
}

// judgeContent returns the verdict on the content, from memory if it is there.
func (t *transaction) judgeContent() (*verdict, error) {
	return t.ledger.verdicts.get(t.key, func(v *verdict) bool { return v.span.holds(t.block.Time) }, func() (*verdict, int, error) {
		v, err := t.examine()
		if err != nil {
			return nil, 0, err
		}
		return v, v.weight(), nil
	})
}

// examine judges the content.
func (t *transaction) examine() (*verdict, error) {
	x := &examiner{
		files: t.files(), ledger: t.ledger.id, params: t.params, header: &t.env.Header, body: t.env.Body,
		verifier: t.verifier, now: t.block.Time, span: span{0, 1<<63 - 1},
	}
	if t.bringsRoot() {
		lists, ok, err := load(t, record.NotaryKey(), record.DecodeNotaryLists)
		if err != nil {
			return nil, err
		}
		if ok {
			x.notary = lists
		}
	}
	var subjects []*subject
	for _, s := range t.subjects {
		c, err := s.decoded()
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, c)
	}
	err := t.kind.content(x, subjects)
	v := &verdict{span: x.span, effects: x.effects}
	if err == nil {
		return v, nil
	}
	if v.refusal = asRejection(err); v.refusal == nil {
		return nil, err
	}
	v.effects = nil
	return v, nil
}

// examiner judges the content of one transaction. It sees nothing of the state but
// what the key of the verdict names, and files, which are named by their digests.
type examiner struct {
	files    files
	ledger   string
	params   *record.Params
	notary   *record.NotaryLists // nil for none
	header   *record.Header
	body     []byte
	verifier keys.Verifier
	now      time.Time
	// span is where now can be without any comparison so far coming out otherwise.
	span    span
	effects []effect
}

// passes notes that the verdict depends on whether block time is before t.
func (x *examiner) passes(t time.Time) {
	switch n := unixNano(t); {
	case x.now.Before(t):
		x.span.until = min(x.span.until, n)
	default:
		x.span.from = max(x.span.from, n)
	}
}

// unixNano is the time in nanoseconds, within what 64 bits hold. No block has a time
// outside.
func unixNano(t time.Time) int64 {
	switch {
	case t.Before(time.Unix(0, 0)):
		return 0
	case !t.Before(time.Unix(0, record.MaxTime)):
		return record.MaxTime
	}
	return t.UnixNano()
}

// watch notes all times on which it can depend how files of a repository are judged.
func (x *examiner) watch(s *subject) {
	for _, r := range s.repo.Roles {
		x.passes(r.Expires)
	}
}

// watchFile notes the times of a new file.
func (x *examiner) watchFile(m *tuf.Metadata, horizon time.Duration) {
	x.passes(m.Expires)
	x.passes(m.Expires.Add(-horizon))
}

// binding is what a file must say it was signed for.
func (x *examiner) binding(s *subject, role string) tuf.Binding {
	return tuf.Binding{Ledger: x.ledger, Repository: s.name, Role: role}
}

// decode reads the body.
func (x *examiner) decode(m proto.Message) error {
	if err := wire.Unmarshal(x.body, m); err != nil {
		return record.Reject(record.CodeMalformed, "%v", err)
	}
	return nil
}
