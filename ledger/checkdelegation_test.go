package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// newGrove returns a tree with roles of every kind: lts, which ends searches, ci
// with deep below it, late, which has not published, and gone, which was removed. ci
// holds v1, deep v2 and lts lts-1. The digest is that of a file that is not current
// any more.
func newGrove(t testing.TB) (*tree, [32]byte) {
	t.Helper()
	tr := newTree(t)
	tr.publish(append(tr.grove(tr.to("gone", "g*")), tr.file("gone", fixture.Tags{"g1": "gone"}))...)
	old := tr.files[record.RoleTargets].FileDigest()
	tr.publish(tr.grove()...)
	return tr, old
}

// grove makes the next files of a grove's roles.
func (tr *tree) grove(more ...fixture.Delegation) []*tuf.Targets {
	to := append([]fixture.Delegation{terminating(tr.to("lts", "lts-*", "v9")), tr.to("ci", "*"), tr.to("late", "l*")}, more...)
	return []*tuf.Targets{
		tr.file("", fixture.Tags{"top": "top"}, to...),
		tr.file("lts", fixture.Tags{"lts-1": "lts"}),
		tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("deep", "v*")),
		tr.file("deep", fixture.Tags{"v2": "two"}),
	}
}

// damage writes what no transaction leads to, in a block of its own.
func (tr *tree) damage(do func(*ledger.State)) {
	tr.t.Helper()
	s := tr.begin()
	do(s)
	tr.end(s)
}

// lose deletes a content.
func (tr *tree) lose(digest [32]byte) {
	tr.t.Helper()
	if err := tr.db.Delete(slices.Concat([]byte{'b'}, digest[:])); err != nil {
		tr.t.Fatal(err)
	}
}

// entry changes the entry of a role.
func (tr *tree) entry(short string, change func(*record.RoleState)) {
	tr.t.Helper()
	repo := tr.repository(tr.p)
	r, ok := repo.Role(role(short))
	if !ok {
		tr.t.Fatalf("no role %s", role(short))
	}
	change(&r)
	repo.SetRole(r)
	tr.damage(func(s *ledger.State) { s.Set(record.RepositoryKey(tr.p.Repository), repo.Encode()) })
}

// value changes the value of the repository.
func (tr *tree) value(change func(*record.Repository)) {
	tr.t.Helper()
	repo := tr.repository(tr.p)
	change(repo)
	tr.damage(func(s *ledger.State) { s.Set(record.RepositoryKey(tr.p.Repository), repo.Encode()) })
}

// force enters files nobody judged with a change list, as one record, and changes
// nothing else.
func (tr *tree) force(changes []record.TagChange, files ...*tuf.Targets) {
	tr.t.Helper()
	tr.damage(func(s *ledger.State) {
		list := record.EncodeChanges(changes)
		s.AddContent(list)
		repo := tr.repository(tr.p)
		r := &record.LogRecord{
			Kind: record.KindPublish, Profile: record.ProfileTUF, Height: s.Block().Height, Time: s.Block().Time,
			Repository: tr.p.Repository, Revision: repo.Revision + 1, Previous: repo.LastIndex,
			Changes: uint32(len(changes)), ChangesHash: sum(list),
		}
		for _, f := range files {
			s.AddContent(f.Bytes())
			if f.Delegations != nil {
				s.AddContent(f.Delegations.Bytes())
			}
			r.Roles = append(r.Roles, ledger.RoleChange(f.Binding.Role, &f.Metadata, f.Delegations))
			r.KeyIDs = append(r.KeyIDs, f.Signers()...)
		}
		slices.SortFunc(r.Roles, func(a, b record.RoleChange) int { return strings.Compare(a.Name, b.Name) })
		r.KeyIDs = record.SortKeyIDs(r.KeyIDs)
		s.AddRecord(r)
	})
}

// set is a change list of one tag.
func set(short, tag, manifest string) []record.TagChange {
	return []record.TagChange{{
		Op: record.ChangeSet, Tag: reference.MustParseTag(tag), Digest: fixture.Digest(manifest), Size: uint64(len(manifest)), Role: role(short),
	}}
}

// Test that Check finds whatever a wrong program could have written about delegated
// roles, though all hashes are right. Where old files are missing, as on a node that
// was restored from a snapshot, the log does not lead to the roles any more; then the
// files that are there must tell.
func TestCheckDelegationDamage(t *testing.T) {
	base, old := newGrove(t)
	flip := func(b *[32]byte) { b[0] ^= 1 }
	stranger := newKeys(t, "stranger")
	for _, tt := range []struct {
		name string
		want string // in the error
		// alone is what is in the error when old files are missing; empty if the
		// damage cannot be told then.
		alone  string
		damage func(*tree)
	}{
		{"role meets no keys", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.MeetsKeys = false }) }},
		{"role that never published meets keys", "repository value", "role {", func(tr *tree) { tr.entry("late", func(r *record.RoleState) { r.MeetsKeys = true }) }},
		{"role narrowed", "repository value", "", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.Narrowed = true }) }},
		{"role removed", "repository value", "not in the repository value", func(tr *tree) {
			tr.value(func(r *record.Repository) { r.RemoveRole(role("ci")) })
		}},
		{"role removed, with those below it", "repository value", "not in the repository value", func(tr *tree) {
			tr.value(func(r *record.Repository) { r.RemoveRole(role("deep")); r.RemoveRole(role("ci")) })
		}},
		{"role back", "repository value", "does not delegate", func(tr *tree) {
			tr.value(func(r *record.Repository) {
				s, _ := r.Role(role("late"))
				s.Name, s.Keys = role("gone"), fixture.IDs([]*fixture.Key{tr.key("gone")})
				r.SetRole(s)
			})
		}},
		{"since when a role is there", "repository value", "", func(tr *tree) { tr.entry("late", func(r *record.RoleState) { r.Since++ }) }},
		{"versions of removed roles", "repository value", "forgets it", func(tr *tree) { tr.value(func(r *record.Repository) { r.RemovedVersion = 0 }) }},
		{"version of no removed role", "repository value", "", func(tr *tree) { tr.value(func(r *record.Repository) { r.RemovedVersion = 9 }) }},
		{"role below another", "repository value", "does not delegate", func(tr *tree) { tr.entry("deep", func(r *record.RoleState) { r.Parent = role("lts") }) }},
		{"roles below each other", "repository value", "hangs on nothing", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.Parent = role("deep") }) }},
		{"keys of a role", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.Keys = fixture.IDs(stranger) }) }},
		{"keys of a role that never published", "repository value", "role {", func(tr *tree) { tr.entry("late", func(r *record.RoleState) { r.Keys = nil }) }},
		{"signers of a role", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.Signers = fixture.IDs(stranger) }) }},
		{"expiry of a role", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.Expires = r.Expires.Add(time.Hour) }) }},
		{"expiry of a role that never published", "repository value", "role {", func(tr *tree) { tr.entry("late", func(r *record.RoleState) { r.Expires = r.Expires.Add(time.Hour) }) }},
		{"size of a file", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.FileSize++ }) }},
		{"signed digest of a file", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { flip(&r.SignedDigest) }) }},
		{"digest of a file", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { flip(&r.FileDigest) }) }},
		{"digest of delegations", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { flip(&r.DelegationsDigest) }) }},
		{"size of delegations", "repository value", "role {", func(tr *tree) { tr.entry("ci", func(r *record.RoleState) { r.DelegationsSize++ }) }},
		{"version of a role", "repository value", "log ends with targets/deep 2", func(tr *tree) { tr.entry("deep", func(r *record.RoleState) { r.Version = 1 }) }},
		{"version of a role that never published", "repository value", "log ends with targets/late 0", func(tr *tree) { tr.entry("late", func(r *record.RoleState) { r.Version = 1 }) }},
		{"tag of another role", "value of tag v1", "value of tag v1", func(tr *tree) {
			key := record.TagKey(tr.p.Repository, reference.MustParseTag("v1"))
			v, _ := get(tr.chain, key, record.DecodeImageTag)
			v.Role = role("deep")
			tr.damage(func(s *ledger.State) { s.Set(key, v.Encode()) })
		}},
		{"voucher by another role's key", "voucher", "voucher", func(tr *tree) {
			key := record.VoucherKey(fixture.Digest("one"), tr.p.Repository)
			v, _ := get(tr.chain, key, record.DecodeVoucher)
			v.TaggingKeys = fixture.IDs(stranger)
			tr.damage(func(s *ledger.State) { s.Set(key, v.Encode()) })
		}},
		{"current file lost", "targets/deep 2", "targets/deep 2", func(tr *tree) { tr.lose(tr.files[role("deep")].FileDigest()) }},
		{"delegations lost", "delegations of targets/ci", "delegations of targets/ci", func(tr *tree) {
			tr.lose(sum(tr.files[role("ci")].Delegations.Bytes()))
		}},

		{"file of a stranger", "targets/ci 3", "", func(tr *tree) {
			tr.force(nil, tr.p.RoleFile(role("ci"), 3, fixture.Tags{"v1": "one"}, fixture.Delegate(tr.to("deep", "v*")), stranger...))
		}},
		{"file of a removed role", "no role delegates to targets/gone", "", func(tr *tree) { tr.force(nil, tr.file("gone", fixture.Tags{"g1": "gone"})) }},
		{"file of a role nobody knows", "no role delegates to targets/new", "", func(tr *tree) { tr.force(nil, tr.file("new", nil)) }},
		{"file outside the paths", "targets/deep 3", "", func(tr *tree) {
			tr.force(set("deep", "w1", "new"), tr.file("deep", fixture.Tags{"v2": "two", "w1": "new"}))
		}},
		{"file behind a terminating role", "targets/ci lists tag lts-2", "", func(tr *tree) {
			tr.force(set("ci", "lts-2", "new"), tr.file("ci", fixture.Tags{"v1": "one", "lts-2": "new"}, tr.to("deep", "v*")))
		}},
		{"file behind a terminating role above", "targets/deep lists tag v9", "", func(tr *tree) {
			tr.force(set("deep", "v9", "new"), tr.file("deep", fixture.Tags{"v2": "two", "v9": "new"}))
		}},
		{"role taken from another", "delegates to targets/late", "", func(tr *tree) {
			tr.force(nil, tr.file("ci", fixture.Tags{"v1": "one"}, tr.to("deep", "v*"), tr.to("late", "*")))
		}},
		{"tag taken from another", "which another role holds", "", func(tr *tree) {
			tr.force(set("deep", "v1", "new"), tr.file("deep", fixture.Tags{"v1": "new", "v2": "two"}))
		}},
		{"tag set by two", "which another role holds", "", func(tr *tree) {
			tr.force(set("ci", "v3", "new"), tr.file("ci", fixture.Tags{"v1": "one", "v3": "new"}, tr.to("deep", "v*")),
				tr.file("deep", fixture.Tags{"v2": "two", "v3": "new"}))
		}},
		{"change that no file has", "not what the files lead to", "", func(tr *tree) {
			tr.force(set("deep", "v3", "new"), tr.file("deep", fixture.Tags{"v2": "two"}))
		}},
		{"change left out", "change list of 0 tags, the files change 1", "", func(tr *tree) {
			tr.force(nil, tr.file("deep", fixture.Tags{"v2": "two", "v3": "new"}))
		}},
		{"change by a role without a file", "of which the record has no file", "of which the record has no file", func(tr *tree) {
			// Whether files lead to it cannot be asked once one is missing.
			old := tr.file("deep", fixture.Tags{"v2": "two"})
			tr.force(set("ci", "v3", "new"), old)
			next := tr.p.RoleFile(role("deep"), 4, fixture.Tags{"v2": "two"}, nil, tr.key("deep"))
			tr.entry("deep", func(r *record.RoleState) { r.Version, r.FileDigest = 4, next.FileDigest() })
			tr.lose(old.FileDigest())
		}},
		{"file bound to another role", "bound elsewhere", "", func(tr *tree) {
			tr.damage(func(s *ledger.State) {
				f := tr.file("deep", nil)
				s.AddContent(f.Bytes())
				change := ledger.RoleChange(role("ci"), &f.Metadata, f.Delegations)
				none := record.EncodeChanges(nil)
				s.AddContent(none)
				repo := tr.repository(tr.p)
				s.AddRecord(&record.LogRecord{
					Kind: record.KindPublish, Profile: record.ProfileTUF, Height: s.Block().Height, Time: s.Block().Time,
					Repository: tr.p.Repository, Revision: repo.Revision + 1, Previous: repo.LastIndex,
					Roles: []record.RoleChange{change}, ChangesHash: sum(none), KeyIDs: f.Signers(),
				})
			})
		}},
		{"file of a role below one that is switched off", "while targets/ci was not effective", "", func(tr *tree) {
			to := []fixture.Delegation{terminating(tr.to("lts", "lts-*", "v9")), tr.to("ci", "*"), tr.to("late", "l*")}
			to[1].Keys = stranger
			tr.force(nil, tr.file("", fixture.Tags{"top": "top"}, to...), tr.file("deep", fixture.Tags{"v2": "two"}))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, restored := range []bool{false, true} {
				want := tt.want
				tr := &tree{
					chain: &chain{t: t, c: base.c, db: copyOf(t, base.db)}, p: base.p, keys: base.keys, files: base.files,
				}
				tr.reopen()
				if restored {
					if want = tt.alone; want == "" {
						continue
					}
					tr.lose(old)
					tr.check()
				}
				tt.damage(tr)
				err := ledger.Check(tr.l)
				if err == nil {
					t.Errorf("restored %v: nothing found", restored)
				} else if !strings.Contains(err.Error(), want) {
					t.Errorf("restored %v: %v: does not name %q", restored, err, want)
				}
			}
		})
	}
}
