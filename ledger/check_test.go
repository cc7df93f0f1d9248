package ledger_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Test that Check finds whatever a wrong program could have written, though all
// hashes are right, and says where.
func TestCheckDamage(t *testing.T) {
	base := newStage(t)
	p, c := base.p, base.c
	tagKey := record.TagKey(p.Repository, reference.MustParseTag("1.0"))
	digest := fixture.Digest("one")

	// change decodes a value, changes it and writes it.
	repository := func(change func(*record.Repository)) func(*stage, *ledger.State) {
		return func(s *stage, state *ledger.State) {
			r := s.repository(s.p)
			change(r)
			state.Set(record.RepositoryKey(p.Repository), r.Encode())
		}
	}
	role := func(name string, change func(*record.RoleState)) func(*stage, *ledger.State) {
		return repository(func(r *record.Repository) {
			role, _ := r.Role(name)
			change(&role)
			r.SetRole(role)
		})
	}
	tag := func(change func(*record.ImageTag)) func(*stage, *ledger.State) {
		return func(s *stage, state *ledger.State) {
			v, _ := get(s.chain, tagKey, record.DecodeImageTag)
			change(v)
			state.Set(tagKey, v.Encode())
		}
	}
	voucher := func(change func(*record.Voucher)) func(*stage, *ledger.State) {
		return func(s *stage, state *ledger.State) {
			key := record.VoucherKey(digest, p.Repository)
			v, _ := get(s.chain, key, record.DecodeVoucher)
			change(v)
			state.Set(key, v.Encode())
		}
	}
	// entry appends a record to the log, by default a good publication of
	// targets 2 with its file, as far as the log is concerned.
	entry := func(change func(*record.LogRecord, *ledger.State)) func(*stage, *ledger.State) {
		return func(s *stage, state *ledger.State) {
			file := s.p.Targets(2, fixture.Tags{"1.0": "one"})
			list := record.EncodeChanges([]record.TagChange{{
				Op: record.ChangeWithdraw, Tag: reference.MustParseTag("1.1"), Digest: fixture.Digest("two"), Size: 3, Role: record.RoleTargets,
			}})
			state.AddContent(file.Bytes())
			state.AddContent(list)
			r := &record.LogRecord{
				Kind: record.KindPublish, Profile: record.ProfileTUF, Height: state.Block().Height, Time: state.Block().Time,
				Repository: p.Repository, Revision: 3, Previous: s.repository(s.p).LastIndex,
				Roles:   []record.RoleChange{ledger.RoleChange(record.RoleTargets, &file.Metadata, file.Delegations)},
				Changes: 1, ChangesHash: sum(list), KeyIDs: fixture.IDs(s.p.TaggingKeys),
			}
			change(r, state)
			state.AddRecord(r)
		}
	}
	none := func(state *ledger.State) [32]byte {
		empty := record.EncodeChanges(nil)
		state.AddContent(empty)
		return sum(empty)
	}
	withFile := func(file *tuf.Targets) func(*stage, *ledger.State) {
		return entry(func(r *record.LogRecord, state *ledger.State) {
			state.AddContent(file.Bytes())
			r.Roles[0] = ledger.RoleChange(record.RoleTargets, &file.Metadata, file.Delegations)
			r.KeyIDs = file.Signers()
		})
	}

	for _, tt := range []struct {
		name   string
		want   string // in the error
		damage func(*stage, *ledger.State)
	}{
		{"tag means another digest", "tag 1.0", tag(func(v *record.ImageTag) { v.Digest = fixture.Digest("evil") })},
		{"tag has another size", "tag 1.0", tag(func(v *record.ImageTag) { v.Size++ })},
		{"tag withdrawn by nobody", "tag 1.0", tag(func(v *record.ImageTag) { v.State = record.TagWithdrawn })},
		{"tag of another role", "tag 1.0", tag(func(v *record.ImageTag) { v.Role = "targets/ci" })},
		{"tag of another record", "tag 1.0", tag(func(v *record.ImageTag) { v.Index-- })},
		{"tag immutable", "tag 1.0", tag(func(v *record.ImageTag) { v.Immutable = true })},
		{"tag of another height", "tag 1.0", tag(func(v *record.ImageTag) { v.Height++ })},
		{"tag from nowhere", "nothing accounts", func(_ *stage, state *ledger.State) {
			v := record.ImageTag{State: record.TagLive, Digest: digest, Size: 3, Role: record.RoleTargets}
			state.Set(record.TagKey(p.Repository, reference.MustParseTag("evil")), v.Encode())
		}},
		{"unknown key", "nothing accounts", func(_ *stage, state *ledger.State) { state.Set([]byte{0x77}, []byte{1}) }},
		{"proposal", "nothing accounts", func(_ *stage, state *ledger.State) { state.Set(record.ProposalKey(1), []byte{1}) }},
		{"repository without records", "nothing accounts", func(s *stage, state *ledger.State) {
			state.Set(record.RepositoryKey(reference.MustParseRepository("registry.example.com/ghost")), s.repository(s.p).Encode())
		}},
		{"voucher revoked", "voucher", voucher(func(v *record.Voucher) {
			v.Revocation = &record.Ruling{Role: "root", Reason: 1, Sequence: 1, RootVersion: 1, Time: c.Time}
		})},
		{"voucher first published earlier", "voucher", voucher(func(v *record.Voucher) { v.First.Index = 0 })},
		{"voucher last published later", "voucher", voucher(func(v *record.Voucher) { v.Last.Height++ })},
		{"voucher by other tagging keys", "voucher", voucher(func(v *record.Voucher) { v.TaggingKeys = v.RootKeys })},
		{"voucher by other root keys", "voucher", voucher(func(v *record.Voucher) { v.RootKeys = nil })},
		{"voucher of a repository that never published", "nothing accounts", func(_ *stage, state *ledger.State) {
			state.Set(record.VoucherKey(digest, base.q.Repository), new(record.Voucher).Encode())
		}},
		{"image counted twice", "image value", func(_ *stage, state *ledger.State) {
			i := record.Image{Count: 2, Repositories: []reference.Repository{p.Repository, base.q.Repository}}
			state.Set(record.ImageKey(digest), i.Encode())
		}},
		{"revision", "repository value", repository(func(r *record.Repository) { r.Revision++ })},
		{"last index", "repository value", repository(func(r *record.Repository) { r.LastIndex-- })},
		{"last height", "repository value", repository(func(r *record.Repository) { r.LastHeight-- })},
		{"recovery count", "repository value", repository(func(r *record.Repository) { r.RecoveryCount++ })},
		{"registrant", "repository value", repository(func(r *record.Repository) { r.Registrant = "op-3" })},
		{"tokens", "bucket", repository(func(r *record.Repository) { r.Quotas[1].Tokens = 9 })},
		{"role that nobody signed", "repository value", repository(func(r *record.Repository) {
			r.SetRole(record.RoleState{Name: "targets/ci", Parent: record.RoleTargets, Version: 1})
		})},
		{"flag of targets", "repository value", role(record.RoleTargets, func(r *record.RoleState) { r.MeetsKeys = false })},
		{"flag of root", "repository value", role(record.RoleRoot, func(r *record.RoleState) { r.MeetsKeys = false })},
		{"version of removed roles", "repository value", repository(func(r *record.Repository) { r.RemovedVersion = 1 })},
		{"targets of a later version", "repository value", role(record.RoleTargets, func(r *record.RoleState) { r.Version++ })},
		{"targets of a later version, current ones missing", "log ends with targets 1", func(s *stage, state *ledger.State) {
			r := s.repository(s.p)
			targets, _ := r.Role(record.RoleTargets)
			if err := s.db.Delete(slices.Concat([]byte{'b'}, targets.FileDigest[:])); err != nil {
				t.Fatal(err)
			}
			targets.Version++
			r.SetRole(targets)
			state.Set(record.RepositoryKey(p.Repository), r.Encode())
		}},
		{"targets expire later", "repository value", role(record.RoleTargets, func(r *record.RoleState) { r.Expires = r.Expires.AddDate(1, 0, 0) })},
		{"root value of another file", "root 1", func(_ *stage, state *ledger.State) {
			other := p.Root(2)
			state.AddContent(other.Bytes())
			state.Set(record.RootKey(p.Repository, 1), record.RootFile{FileDigest: other.FileDigest()}.Encode())
		}},
		{"root value of a missing file", "root 1", func(_ *stage, state *ledger.State) {
			state.Set(record.RootKey(p.Repository, 1), record.RootFile{}.Encode())
		}},
		{"root that no record names", "nothing accounts", func(_ *stage, state *ledger.State) {
			other := p.Root(2)
			state.AddContent(other.Bytes())
			state.Set(record.RootKey(p.Repository, 2), record.RootFile{FileDigest: other.FileDigest()}.Encode())
		}},
		{"operator's key", "genesis value", func(s *stage, state *ledger.State) {
			op, _ := get(s.chain, record.OperatorKey("op-0"), record.DecodeOperator)
			op.GovernanceKey = newKeys(t, "stranger")[0].PublicKey()
			state.Set(record.OperatorKey("op-0"), op.Encode())
		}},
		{"operator's tokens", "operator \"op-0\"", func(s *stage, state *ledger.State) {
			op, _ := get(s.chain, record.OperatorKey("op-0"), record.DecodeOperator)
			op.Quota.Height = 1000
			state.Set(record.OperatorKey("op-0"), op.Encode())
		}},
		{"operator from nowhere", "nothing accounts", func(s *stage, state *ledger.State) {
			op, _ := get(s.chain, record.OperatorKey("op-0"), record.DecodeOperator)
			state.Set(record.OperatorKey("op-9"), op.Encode())
		}},
		{"namespace moved", "genesis value", func(_ *stage, state *ledger.State) {
			g := record.NamespaceGrant{Operator: "op-3", Since: 1}
			state.Set(record.NamespaceKey(c.Operators[0].Namespaces[0]), g.Encode())
		}},
		{"parameters", "genesis value", func(_ *stage, state *ledger.State) {
			other := record.DefaultParams()
			other.MaxBlockWork++
			state.Set(record.ParamsKey(), other.Encode())
		}},
		{"value that does not decode", "repository value", func(_ *stage, state *ledger.State) {
			state.Set(record.RepositoryKey(p.Repository), []byte("nonsense"))
		}},

		{"record without effect", "", entry(func(*record.LogRecord, *ledger.State) {})},
		{"record of a later revision", "log record", entry(func(r *record.LogRecord, _ *ledger.State) { r.Revision++ })},
		{"record behind another one", "log record", entry(func(r *record.LogRecord, _ *ledger.State) { r.Previous-- })},
		{"record of an earlier height", "log record", entry(func(r *record.LogRecord, _ *ledger.State) { r.Height = 1 })},
		{"record of a later height", "log record", entry(func(r *record.LogRecord, _ *ledger.State) { r.Height++ })},
		{"record of another time", "log record", entry(func(r *record.LogRecord, _ *ledger.State) { r.Time = r.Time.Add(1) })},
		{"record of an earlier time", "after height", entry(func(r *record.LogRecord, _ *ledger.State) { r.Time = r.Time.Add(-time.Hour) })},
		{"record of another kind", "log record", entry(func(r *record.LogRecord, _ *ledger.State) { r.Kind = record.KindRevoke })},
		{"record of a second registration", "comes next", entry(func(r *record.LogRecord, _ *ledger.State) { r.Kind = record.KindRegisterRepository })},
		{"record of a reserved kind", "comes next", entry(func(r *record.LogRecord, _ *ledger.State) { r.Kind = record.KindGovernance })},
		{"record without roles", "log record", entry(func(r *record.LogRecord, s *ledger.State) { r.Roles, r.Changes, r.ChangesHash = nil, 0, none(s) })},
		{"record of a delegated role", "log record", entry(func(r *record.LogRecord, _ *ledger.State) { r.Roles[0].Name = "targets/ci" })},
		{"record with other key ids", "key ids", entry(func(r *record.LogRecord, _ *ledger.State) { r.KeyIDs = nil })},
		{"record with another signed digest", "record names", entry(func(r *record.LogRecord, _ *ledger.State) { r.Roles[0].SignedDigest[0] ^= 1 })},
		{"record with another version", "targets 3 after", entry(func(r *record.LogRecord, _ *ledger.State) { r.Roles[0].Version++ })},
		{"record with a missing change list", "change list", entry(func(r *record.LogRecord, _ *ledger.State) { r.ChangesHash[0] ^= 1 })},
		{"record with another count of changes", "change list", entry(func(r *record.LogRecord, _ *ledger.State) { r.Changes++ })},
		{"record with an empty change list", "change list", entry(func(r *record.LogRecord, s *ledger.State) { r.Changes, r.ChangesHash = 0, none(s) })},
		{"record with a file that is no change list", "change list", entry(func(r *record.LogRecord, _ *ledger.State) { r.ChangesHash = r.Roles[0].FileDigest })},
		{"record with a missing file", "targets 2", entry(func(r *record.LogRecord, _ *ledger.State) { r.Roles[0].FileDigest[0] ^= 1 })},
		{"file of a stranger", "targets 2", withFile(p.SignTargets(p.TargetsSpec(2, fixture.Tags{"1.0": "one"}), newKeys(t, "stranger")...))},
		{"file without signatures", "targets 2", withFile(p.SignTargets(p.TargetsSpec(2, fixture.Tags{"1.0": "one"})))},
		{"file for another repository", "targets 2", withFile(base.q.SignTargets(base.q.TargetsSpec(2, fixture.Tags{"1.0": "one"}), p.TaggingKeys...))},
		{"record with a root that has no value", "root 2", entry(func(r *record.LogRecord, _ *ledger.State) {
			r.Roles = append([]record.RoleChange{ledger.RoleChange(record.RoleRoot, &p.Root(2).Metadata, nil)}, r.Roles...)
		})},
		{"record of an unknown repository", "no repository value", entry(func(r *record.LogRecord, _ *ledger.State) {
			r.Repository = reference.MustParseRepository("registry.example.com/ghost")
		})},
		{"registration twice", "log record", entry(func(r *record.LogRecord, s *ledger.State) {
			r.Kind, r.Changes, r.ChangesHash = record.KindRegisterRepository, 0, none(s)
			r.Roles[0] = ledger.RoleChange(record.RoleRoot, &p.Root(1).Metadata, nil)
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.check()
			state := s.begin()
			tt.damage(s, state)
			s.end(state)
			err := ledger.Check(s.l)
			if err == nil {
				t.Fatal("nothing found")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v: does not name %q", err, tt.want)
			}
		})
	}
}

// Test which contents may be missing: files that are no longer current, as on a
// node restored from a snapshot.
func TestCheckMissingContents(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher("registry.example.com/app")
	first, second := p.Root(1), p.RotateRoot(2, newKeys(t, "root 2"), nil)
	files := []*tuf.Targets{
		p.Targets(1, fixture.Tags{"1.0": "one", "1.1": "two"}),
		p.Targets(2, fixture.Tags{"1.0": "three"}),
		p.Targets(3, fixture.Tags{"1.0": "four"}),
	}
	root := c.NewPublisher("registry.example.com/app").RootKeys[0]
	build := func() *chain {
		ch := newChain(t, c)
		ch.commit(c.Register(c.Operators[0], first), c.Publish(root, targets(files[0])))
		ch.commit(c.Publish(root, fixture.Update{Roots: []*tuf.Root{second}, Targets: files[1]}))
		ch.commit(c.Publish(p.RootKeys[0], targets(files[2])))
		ch.check()
		return ch
	}
	change := sum(record.EncodeChanges([]record.TagChange{{
		Op: record.ChangeSet, Tag: reference.MustParseTag("1.0"), Digest: fixture.Digest("four"), Size: 4, Role: record.RoleTargets,
	}}))
	for _, tt := range []struct {
		name    string
		missing [][32]byte
		want    string
	}{
		{"old targets", [][32]byte{files[0].FileDigest()}, ""},
		{"targets sent with a root", [][32]byte{files[1].FileDigest()}, ""},
		{"all old targets", [][32]byte{files[0].FileDigest(), files[1].FileDigest()}, ""},
		{"current targets", [][32]byte{files[2].FileDigest()}, "targets 3"},
		{"first root", [][32]byte{first.FileDigest()}, "root 1"},
		{"current root", [][32]byte{second.FileDigest()}, "root 2"},
		{"change list", [][32]byte{change}, "change list"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ch := build()
			for _, digest := range tt.missing {
				if err := ch.db.Delete(slices.Concat([]byte{'b'}, digest[:])); err != nil {
					t.Fatal(err)
				}
			}
			err := ledger.Check(ch.l)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (!errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one about %s", err, tt.want)
			}
		})
	}
}

// Test that Check looks at the store too.
func TestCheckCorruptStore(t *testing.T) {
	s := newStage(t)
	if err := s.db.Set([]byte("x"), []byte("y")); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Check(s.l); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("error %v", err)
	}
}

// forged is a targets file that gets into the log past the state machine.
type forged struct {
	file    *tuf.Targets
	changes []record.TagChange
	missing bool // the file is not stored
}

// forge writes records of targets files of p, and the repository value that goes
// with them, but neither tags nor vouchers.
func forge(s *stage, state *ledger.State, files ...forged) {
	s.t.Helper()
	repo := s.repository(s.p)
	v := s.l.Latest()
	defer v.Close()
	for i, f := range files {
		list := record.EncodeChanges(f.changes)
		state.AddContent(list)
		if !f.missing {
			state.AddContent(f.file.Bytes())
		}
		state.AddRecord(&record.LogRecord{
			Kind: record.KindPublish, Profile: record.ProfileTUF, Height: state.Block().Height, Time: state.Block().Time,
			Repository: s.p.Repository, Revision: repo.Revision + 1, Previous: repo.LastIndex,
			Roles:   []record.RoleChange{ledger.RoleChange(record.RoleTargets, &f.file.Metadata, f.file.Delegations)},
			Changes: uint32(len(f.changes)), ChangesHash: sum(list), KeyIDs: f.file.Signers(),
		})
		repo.Revision++
		repo.LastIndex, repo.LastHeight, repo.LastTime = v.State().Log.Size+uint64(i), state.Block().Height, state.Block().Time
		repo.SetRole(record.RoleState{
			Name: record.RoleTargets, Parent: record.RoleRoot, Version: f.file.Version, MeetsKeys: true,
			SignedDigest: f.file.SignedDigest(), FileDigest: f.file.FileDigest(), FileSize: uint32(len(f.file.Bytes())),
			Expires: f.file.Expires, Signers: f.file.Signers(),
		})
	}
	state.Set(record.RepositoryKey(s.p.Repository), repo.Encode())
}

// Test that change lists are checked against tags when the files they lead to
// are missing, and that nothing is signed under an expired root.
func TestCheckForgedRecords(t *testing.T) {
	tags := fixture.Tags{"1.0": "one", "1.1": "two"} // of the stage's targets 1
	plus := fixture.Tags{"1.0": "one", "1.1": "two", "2.0": "three"}
	changed := fixture.Tags{"1.0": "evil", "1.1": "two"}
	change := func(op record.ChangeOp, manifest string) []record.TagChange {
		return []record.TagChange{{Op: op, Tag: reference.MustParseTag("1.0"), Digest: fixture.Digest(manifest), Size: uint64(len(manifest)), Role: record.RoleTargets}}
	}
	for _, tt := range []struct {
		name  string
		want  string // in the error, empty if there is none
		late  time.Duration
		files func(*fixture.Publisher) []forged
	}{
		{"good", "", 0, func(p *fixture.Publisher) []forged {
			return []forged{{file: p.Targets(2, tags), missing: true}, {file: p.Targets(3, tags)}}
		}},
		{"set to what it means", "set to what it means", 0, func(p *fixture.Publisher) []forged {
			return []forged{{p.Targets(2, tags), change(record.ChangeSet, "one"), true}, {file: p.Targets(3, tags)}}
		}},
		{"withdrawn from another digest", "did not mean", 0, func(p *fixture.Publisher) []forged {
			return []forged{{p.Targets(2, tags), change(record.ChangeWithdraw, "evil"), true}, {file: p.Targets(3, tags)}}
		}},
		{"tag in the file only", "which nobody set", 0, func(p *fixture.Publisher) []forged {
			return []forged{{file: p.Targets(2, plus), missing: true}, {file: p.Targets(3, plus)}}
		}},
		{"other digest in the file", "not in targets 3", 0, func(p *fixture.Publisher) []forged {
			return []forged{{file: p.Targets(2, changed), missing: true}, {file: p.Targets(3, changed)}}
		}},
		{"expired root", "root was not effective", 366 * 24 * time.Hour, func(p *fixture.Publisher) []forged {
			spec := p.TargetsSpec(2, tags)
			spec.Expires = spec.Expires.AddDate(2, 0, 0)
			return []forged{{file: p.SignTargets(spec, p.TaggingKeys...)}}
		}},
		{"expired targets", "is expired", time.Hour, func(p *fixture.Publisher) []forged {
			spec := p.TargetsSpec(2, tags)
			spec.Expires = p.Consortium.Time.Add(30 * time.Minute)
			return []forged{{file: p.SignTargets(spec, p.TaggingKeys...)}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			s.late = tt.late
			state := s.begin()
			forge(s, state, tt.files(s.p)...)
			s.end(state)
			err := ledger.Check(s.l)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (!errors.Is(err, ledger.ErrInconsistent) || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one about %q", err, tt.want)
			}
		})
	}
}
