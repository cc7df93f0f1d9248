package ledger

import (
	"slices"

	"hullmark/merkle"
	"hullmark/record"
)

// apply carries out what the content does, and refuses what it meets in the ledger.
func (t *transaction) apply() error {
	for i := range t.verdict.effects {
		if err := t.kind.apply(t, t.subjects[i], &t.verdict.effects[i]); err != nil {
			return err
		}
	}
	return nil
}

// applyFiles makes new files of a repository current, and changes its tags.
func (t *transaction) applyFiles(s *subject, e *effect) error {
	if s.repo == nil { // keys and roles are the effect's
		s.repo = s.stored.Head()
	}
	s.repo.Roles, s.repo.RootKeys, s.repo.TargetsKeys = slices.Clone(e.roles), e.rootKeys, e.targetsKeys
	s.repo.RemovedVersion = e.removedVersion
	for i := range s.repo.Roles {
		if s.repo.Roles[i].Since == sinceNow {
			s.repo.Roles[i].Since = t.nextIndex()
		}
	}
	for _, r := range e.roots {
		t.set(record.RootKey(s.name, r.version), record.RootFile{FileDigest: r.digest}.Encode())
	}
	for _, c := range e.contents {
		t.addBlob(c.digest, c.blob)
	}
	for _, d := range e.superseded {
		t.supersede(d)
	}
	changes, err := t.changeTags(s, e)
	if err != nil {
		return err
	}
	return t.commitRecord(s, &record.LogRecord{
		Roles: e.changed, Changes: uint32(len(changes)), ChangesHash: t.addContent(record.EncodeChanges(changes)), KeyIDs: e.signers,
	})
}

// commitRecord ends the work on one repository: it counts a revision, completes and
// appends the log record, and stores the repository's value.
func (t *transaction) commitRecord(s *subject, r *record.LogRecord) error {
	name, repo := s.name, s.repo
	repo.Quotas = s.quotas
	r.Kind, r.Profile = t.env.Header.Kind, repo.Profile
	r.Height, r.Time = t.block.Height, t.block.Time
	r.Repository, r.Revision, r.Previous = name, repo.Revision+1, record.NoRecord
	if repo.Revision > 0 {
		r.Previous = repo.LastIndex
	}
	encoded := r.Encode()
	if len(encoded) > record.MaxRecordSize || len(encoded) < merkle.MinRecordSize {
		return record.Reject(record.CodeMalformed, "log record of %d bytes", len(encoded))
	}
	repo.Revision = r.Revision
	repo.LastIndex = t.nextIndex()
	repo.LastHeight = t.block.Height
	repo.LastTime = t.block.Time
	t.records = append(t.records, encoded)
	t.set(record.RepositoryKey(name), repo.Encode())
	t.outcome.Records = append(t.outcome.Records, r)
	return nil
}
