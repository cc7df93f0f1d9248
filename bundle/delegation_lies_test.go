package bundle_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// family is a repository of four files, published through the real state machine:
// targets hands "v9*" to lts, at which searches for it end, and "v*" to release,
// which hands "v*-rc" to deep. release holds v1, deep v2-rc and lts v9. The answer is
// about v2-rc, with all files.
type family struct {
	*asked
	key map[string]*fixture.Key
	// files are the current ones by role; older is the one of targets before.
	files map[string]*tuf.Targets
	older *tuf.Targets
	to    []fixture.Delegation // by targets
}

const (
	roleLTS     = "targets/lts"
	roleRelease = "targets/release"
	roleDeep    = "targets/deep"
)

// newFamily returns a family whose file of release expires at a time, a year ahead
// if it is zero.
func newFamily(t testing.TB, expires time.Time) *family {
	t.Helper()
	a := newStory(t).asked()
	f := &family{asked: a, key: map[string]*fixture.Key{}, files: map[string]*tuf.Targets{}}
	for _, role := range []string{roleLTS, roleRelease, roleDeep} {
		f.key[role] = fixture.NewKey(t, keys.KeytypeEd25519, role)
	}
	f.to = []fixture.Delegation{f.grant(roleLTS, "v9*"), f.grant(roleRelease, "v*")}
	f.to[0].Terminating = true
	tags := fixture.Tags{"1.0": "one", "latest": "two"}
	f.older = a.app.RoleFile(tuf.RoleTargets, 3, tags, fixture.Delegate(f.to...), a.app.TaggingKeys...)
	a.Commit(a.Relay(a.Operators[1], fixture.Update{Targets: f.older}))
	release := a.app.TargetsSpec(1, fixture.Tags{"v1": "three"})
	release.Binding, release.Delegations = a.app.Binding(roleRelease), fixture.Delegate(f.grant(roleDeep, "v*-rc"))
	if !expires.IsZero() {
		release.Expires = expires
	}
	f.publish(
		a.app.RoleFile(tuf.RoleTargets, 4, tags, fixture.Delegate(f.to...), a.app.TaggingKeys...),
		a.app.RoleFile(roleLTS, 1, fixture.Tags{"v9": "nine"}, nil, f.key[roleLTS]),
		a.app.SignTargets(release, f.key[roleRelease]),
		a.app.RoleFile(roleDeep, 1, fixture.Tags{"v2-rc": "four"}, nil, f.key[roleDeep]),
	)
	a.req = ref(app + ":v2-rc")
	f.answer()
	return f
}

func (f *family) grant(role string, paths ...string) fixture.Delegation {
	return fixture.Delegation{Role: role, Keys: []*fixture.Key{f.key[role]}, Paths: paths}
}

// publish commits files, and a block that proves them.
func (f *family) publish(files ...*tuf.Targets) {
	var u fixture.Update
	for _, file := range files {
		if f.files[file.Binding.Role] = file; file.Binding.Role == tuf.RoleTargets {
			u.Targets = file
		} else {
			u.Delegated = append(u.Delegated, file)
		}
	}
	f.Commit(f.Relay(f.Operators[1], u))
	f.Commit()
	f.now = f.Now()
}

// answer answers the question honestly, from the newest state.
func (f *family) answer() {
	f.from(f.Newest())
	f.send()
}

// send puts the files into the answer, delegators first.
func (f *family) send() {
	f.bundle.Targets = nil
	for _, role := range []string{tuf.RoleTargets, roleLTS, roleRelease, roleDeep} {
		f.bundle.Targets = append(f.bundle.Targets, f.files[role].Bytes())
	}
}

// agree lets all validators describe roles otherwise, and hold a tag by another
// role if one is named.
func (f *family) agree(t *testing.T, change func(*record.Repository), more ...merkle.Change) {
	t.Helper()
	height := f.Height() - 1
	key := record.RepositoryKey(repository(app))
	r, err := record.DecodeRepository(f.Source(height).Value(key))
	if err != nil {
		t.Fatal(err)
	}
	change(r)
	var contents [][]byte
	for _, file := range f.files { // stored by content
		contents = append(contents, file.Bytes())
	}
	f.from(f.Doctored(height, contents, append(more, merkle.Change{Key: key, Value: r.Encode()})...))
	f.send()
}

// role changes the entry of one role.
func role(name string, change func(*record.RoleState)) func(*record.Repository) {
	return func(r *record.Repository) {
		s, _ := r.Role(name)
		change(&s)
		r.SetRole(s)
	}
}

// stored makes an entry that of a file.
func stored(file *tuf.Targets) func(*record.RoleState) {
	return func(s *record.RoleState) {
		s.Version, s.Expires, s.Signers = file.Version, file.Expires, file.Signers()
		s.FileDigest, s.SignedDigest, s.FileSize = file.FileDigest(), file.SignedDigest(), uint32(len(file.Bytes()))
		s.DelegationsSize, s.DelegationsDigest = 0, [32]byte{}
		if file.Delegations != nil {
			b := file.Delegations.Bytes()
			s.DelegationsSize, s.DelegationsDigest = uint32(len(b)), sha256.Sum256(b)
		}
	}
}

// holds makes a role the holder of a tag.
func (f *family) holds(tag, manifest, role string) []merkle.Change {
	height := f.Height() - 1
	last := record.Publication{Height: height, Time: f.BlockTime(height), Index: f.lastIndex()}
	return []merkle.Change{
		{Key: record.TagKey(repository(app), reference.MustParseTag(tag)), Value: (&record.ImageTag{
			State: record.TagLive, Digest: fixture.Digest(manifest), Size: uint64(len(manifest)), Role: role,
			Index: last.Index, Height: last.Height, Time: last.Time,
		}).Encode()},
		{Key: record.VoucherKey(fixture.Digest(manifest), repository(app)), Value: (&record.Voucher{
			First: last, Last: last, TaggingKeys: fixture.IDs([]*fixture.Key{f.key[role]}), RootKeys: fixture.IDs(f.app.RootKeys),
		}).Encode()},
	}
}

func (f *family) lastIndex() uint64 {
	r, err := record.DecodeRepository(f.Newest().Value(record.RepositoryKey(repository(app))))
	if err != nil {
		return 0
	}
	return r.LastIndex
}

var familyLies = []struct {
	name string
	lie  func(*testing.T, *family)
	want error // nil: no lie
}{
	{"nothing", func(*testing.T, *family) {}, nil},
	{"of the role of highest precedence", func(_ *testing.T, f *family) { f.req = ref(app + ":v9"); f.answer() }, nil},

	// A node alone.
	{"terminating sibling left out", func(_ *testing.T, f *family) { f.files[tuf.RoleTargets] = f.top(f.to[1:]...); f.send() }, bundle.ErrTargets},
	{"delegator's older file", func(_ *testing.T, f *family) { f.files[tuf.RoleTargets] = f.older; f.send() }, bundle.ErrTargets},
	{"delegator's next file", func(_ *testing.T, f *family) {
		f.files[tuf.RoleTargets] = f.app.RoleFile(tuf.RoleTargets, 5, nil, fixture.Delegate(f.to...), f.app.TaggingKeys...)
		f.send()
	}, bundle.ErrTargets},
	{"file of one role for another", func(_ *testing.T, f *family) {
		f.files[roleDeep] = f.app.RoleFile(roleDeep, 1, fixture.Tags{"v2-rc": "four"}, nil, f.key[roleRelease])
		f.send()
	}, bundle.ErrTargets},
	{"file rebuilt from a delta that was not published", func(t *testing.T, f *family) {
		// All tags, the version and the signers are right.
		next, err := f.files[roleDeep].Apply(tuf.Delta{
			Base: f.files[roleDeep].SignedDigest(), Version: 1, Expires: f.files[roleDeep].Expires.Add(-time.Second),
		})
		if err == nil {
			next, err = next.Sign(f.key[roleDeep])
		}
		if err != nil {
			t.Fatal(err)
		}
		f.files[roleDeep] = next
		f.send()
	}, bundle.ErrTargets},
	{"file with a space more", func(_ *testing.T, f *family) {
		f.bundle.Targets[3] = append(bytes.Clone(f.bundle.Targets[3]), ' ')
	}, bundle.ErrTargets},
	{"file between left out", func(_ *testing.T, f *family) { f.bundle.Targets = slices.Delete(f.bundle.Targets, 2, 3) }, bundle.ErrTargets},
	{"file of a role nobody asked for left out", func(_ *testing.T, f *family) { f.bundle.Targets = slices.Delete(f.bundle.Targets, 1, 2) }, nil},
	{"file of a removed role", func(t *testing.T, f *family) {
		f.publish(f.app.RoleFile(tuf.RoleTargets, 5, fixture.Tags{"1.0": "one"}, fixture.Delegate(f.to[1]), f.app.TaggingKeys...))
		f.answer()
	}, bundle.ErrTargets},

	// All validators together.
	{"tag behind a terminating role", func(t *testing.T, f *family) {
		f.files[roleRelease] = f.app.RoleFile(roleRelease, 1, fixture.Tags{"v1": "three", "v9-x": "evil"}, fixture.Delegate(f.grant(roleDeep, "v*-rc")), f.key[roleRelease])
		f.req = ref(app + ":v9-x")
		f.agree(t, role(roleRelease, stored(f.files[roleRelease])), f.holds("v9-x", "evil", roleRelease)...)
	}, bundle.ErrTargets},
	{"tag behind a terminating role, asked by digest", func(t *testing.T, f *family) {
		f.files[roleRelease] = f.app.RoleFile(roleRelease, 1, fixture.Tags{"v9-x": "evil"}, fixture.Delegate(f.grant(roleDeep, "v*-rc")), f.key[roleRelease])
		f.req = at(query.Resolve{Repository: repository(app)}, "evil")
		f.agree(t, role(roleRelease, stored(f.files[roleRelease])), f.holds("v9-x", "evil", roleRelease)...)
	}, bundle.ErrNotListed},
	{"tag outside the paths of the grandparent", func(t *testing.T, f *family) {
		f.files[roleRelease] = f.app.RoleFile(roleRelease, 1, nil, fixture.Delegate(f.grant(roleDeep, "*")), f.key[roleRelease])
		f.files[roleDeep] = f.app.RoleFile(roleDeep, 1, fixture.Tags{"w1": "evil"}, nil, f.key[roleDeep])
		f.req = ref(app + ":w1")
		f.agree(t, func(r *record.Repository) {
			role(roleRelease, stored(f.files[roleRelease]))(r)
			role(roleDeep, stored(f.files[roleDeep]))(r)
		}, f.holds("w1", "evil", roleDeep)...)
	}, bundle.ErrTargets},
	{"role under the wrong delegator", func(t *testing.T, f *family) {
		f.agree(t, role(roleDeep, func(s *record.RoleState) { s.Parent = tuf.RoleTargets }))
	}, bundle.ErrTargets},
	{"role under a sibling of its delegator", func(t *testing.T, f *family) {
		f.agree(t, role(roleDeep, func(s *record.RoleState) { s.Parent = roleLTS }))
	}, bundle.ErrTargets},
	{"role with other keys than its delegator gives it", func(t *testing.T, f *family) {
		f.agree(t, role(roleDeep, func(s *record.RoleState) { s.Keys = fixture.IDs([]*fixture.Key{f.key[roleRelease]}) }))
	}, bundle.ErrMismatch},
	{"role signed by a stranger", func(t *testing.T, f *family) {
		f.files[roleDeep] = f.app.RoleFile(roleDeep, 1, fixture.Tags{"v2-rc": "evil"}, nil, strangers(t, 1)...)
		f.agree(t, role(roleDeep, stored(f.files[roleDeep])), f.holds("v2-rc", "evil", roleDeep)...)
	}, bundle.ErrTargets},
	{"other delegations than the file has", func(t *testing.T, f *family) {
		f.agree(t, role(tuf.RoleTargets, func(s *record.RoleState) { s.DelegationsDigest[0] ^= 1 }))
	}, bundle.ErrMismatch},
	{"no delegations where the file has some", func(t *testing.T, f *family) {
		f.agree(t, role(tuf.RoleTargets, func(s *record.RoleState) { s.DelegationsSize, s.DelegationsDigest = 0, [32]byte{} }))
	}, bundle.ErrMismatch},
	{"delegations where the file has none", func(t *testing.T, f *family) {
		f.agree(t, role(roleDeep, func(s *record.RoleState) { s.DelegationsSize, s.DelegationsDigest = 2, [32]byte{1} }))
	}, bundle.ErrMismatch},
	{"role that expires later than its file", func(t *testing.T, f *family) {
		f.agree(t, role(roleDeep, func(s *record.RoleState) { s.Expires = s.Expires.AddDate(1, 0, 0) }))
	}, bundle.ErrMismatch},
	{"role above not effective", func(t *testing.T, f *family) {
		f.agree(t, role(roleRelease, func(s *record.RoleState) { s.MeetsKeys = false }))
	}, bundle.ErrNotEffective},
	{"role above must sign anew", func(t *testing.T, f *family) {
		f.agree(t, role(roleRelease, func(s *record.RoleState) { s.Narrowed = true }))
	}, bundle.ErrNotEffective},
	{"role above expired, still called effective", func(t *testing.T, f *family) {
		spec := f.files[roleRelease].Spec()
		spec.Expires = f.BlockTime(3)
		f.files[roleRelease] = f.app.SignTargets(spec, f.key[roleRelease])
		f.agree(t, role(roleRelease, stored(f.files[roleRelease])))
	}, bundle.ErrNotEffective},
}

func TestDelegationLies(t *testing.T) {
	for _, c := range familyLies {
		t.Run(c.name, func(t *testing.T) {
			f := newFamily(t, time.Time{})
			c.lie(t, f)
			if _, _, err := f.verify(); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// top is the current file of targets with other delegations.
func (f *family) top(to ...fixture.Delegation) *tuf.Targets {
	return f.app.RoleFile(tuf.RoleTargets, 4, fixture.Tags{"1.0": "one", "latest": "two"}, fixture.Delegate(to...), f.app.TaggingKeys...)
}

// Test a role above that expires between the time of the header and now: who is
// online refuses what it delegated, and so does who reads a file, unless its policy
// says that block time counts.
func TestParentExpiresSince(t *testing.T) {
	const height = 8 // of the header
	expires := newStory(t).BlockTime(height).Add(time.Second)
	for _, tt := range []struct {
		name   string
		policy bundle.Policy
		after  time.Duration // the expiry
		want   error
	}{
		{"online before", bundle.DefaultPolicy(), -time.Second, nil},
		{"online", bundle.DefaultPolicy(), 0, bundle.ErrNotEffective},
		{"offline before", offline(false), -time.Second, nil},
		{"offline", offline(false), 0, bundle.ErrNotEffective},
		{"offline much later", offline(false), day, bundle.ErrNotEffective},
		{"offline, expired allowed", offline(true), day, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFamily(t, expires)
			if got := f.Height(); got != height {
				t.Fatalf("header %d", got)
			}
			f.policy, f.now = tt.policy, expires.Add(tt.after)
			for _, question := range []query.Resolve{ref(app + ":v2-rc"), at(query.Resolve{Repository: repository(app)}, "four")} {
				f.req = question
				f.answer()
				if _, _, err := f.verify(); !errors.Is(err, tt.want) || (tt.want != nil && bundle.ClassOf(err) != bundle.NotTrusted) {
					t.Errorf("%s: %v, want %v", question, err, tt.want)
				}
			}
			// A role beside it is none the worse.
			f.req = ref(app + ":v9")
			f.answer()
			if _, _, err := f.verify(); err != nil {
				t.Errorf("the role beside it: %v", err)
			}
		})
	}
}

// FuzzDelegation gives any bytes as the files of the roles above a tag, and of the
// role that holds it.
func FuzzDelegation(f *testing.F) {
	fam := newFamily(f, time.Time{})
	honest := fam.bundle.Targets
	f.Add(honest[0], honest[2], honest[3])
	f.Add(fam.older.Bytes(), honest[2], honest[3])
	f.Add(honest[0], honest[1], honest[3])
	f.Add(honest[0], honest[3], honest[2])
	f.Add(honest[0], []byte(nil), []byte("{}"))
	f.Fuzz(func(t *testing.T, top, between, holder []byte) {
		fam.bundle.Targets = [][]byte{top, between, holder}
		_, m, err := fam.verify()
		same := bytes.Equal(top, honest[0]) && bytes.Equal(between, honest[2]) && bytes.Equal(holder, honest[3])
		if same != (err == nil) || same != (m != nil) {
			t.Fatalf("honest %v, error %v", same, err)
		}
		if err != nil && bundle.ClassOf(err) != bundle.Attack {
			t.Fatal(err)
		}
	})
}
