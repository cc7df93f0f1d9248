package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/google/go-cmp/cmp"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Test the life of a repository: register, publish, update, withdraw.
func TestLifecycle(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisherOf("localhost:5000/app", keys.KeytypeECDSA, keys.KeytypeECDSA)

	ch.commit(p.Register(c.Operators[1]))
	repo := ch.repository(p)
	if repo.Registrant != "op-1" || repo.Revision != 1 || repo.LastIndex != 0 || len(repo.Roles) != 1 {
		t.Errorf("after registration: %+v", repo)
	}
	ch.means(p, "1.0", "none")

	ch.commit(p.Publish(1, fixture.Tags{"1.0": "one", "latest": "one"}))
	ch.means(p, "1.0", is("one"))
	ch.means(p, "latest", is("one"))

	ch.commit() // an empty block changes nothing
	ch.commit(p.Publish(2, fixture.Tags{"1.0": "one", "1.1": "two", "latest": "two"}))
	ch.means(p, "1.0", is("one"))
	ch.means(p, "1.1", is("two"))
	ch.means(p, "latest", is("two"))

	ch.commit(p.Publish(3, fixture.Tags{"1.1": "two"}))
	ch.means(p, "1.0", "withdrawn")
	ch.means(p, "1.1", is("two"))
	ch.means(p, "latest", "withdrawn")

	ch.commit(p.Publish(4, fixture.Tags{"1.0": "three", "1.1": "two"}))
	ch.means(p, "1.0", is("three"))
	ch.means(p, "latest", "withdrawn")

	repo = ch.repository(p)
	if repo.Revision != 5 || repo.LastIndex != 4 || repo.LastHeight != 6 || !repo.LastTime.Equal(c.BlockTime(6)) {
		t.Errorf("after five records: %+v", repo)
	}
	if targets, _ := repo.Role(record.RoleTargets); targets.Version != 4 || targets.Parent != record.RoleRoot || !targets.MeetsKeys {
		t.Errorf("targets %+v", targets)
	}
	ch.check()
}

// Test the values and the record one publication leaves.
func TestPublicationRecord(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]))
	file := p.Targets(1, fixture.Tags{"b": "two", "a": "one"})

	s := ch.begin()
	tx := c.Publish(p.RootKeys[0], targets(file)) // any key of the stored root submits
	outcome, err := s.Apply(tx, keys.Direct{})
	if err != nil {
		t.Fatal(err)
	}
	ch.end(s)

	now := record.Publication{Height: 2, Time: c.BlockTime(2), Index: 1}
	changes := []record.TagChange{
		{Op: record.ChangeSet, Tag: file.Targets[0].Tag, Digest: fixture.Digest("one"), Size: 3, Role: record.RoleTargets},
		{Op: record.ChangeSet, Tag: file.Targets[1].Tag, Digest: fixture.Digest("two"), Size: 3, Role: record.RoleTargets},
	}
	want := &record.LogRecord{
		Kind: record.KindPublish, Profile: record.ProfileTUF, Height: now.Height, Time: now.Time,
		Repository: p.Repository, Revision: 2, Previous: 0,
		Roles: []record.RoleChange{{
			Name: record.RoleTargets, Version: 1, SignedDigest: file.SignedDigest(), FileDigest: file.FileDigest(),
		}},
		Changes: 2, ChangesHash: sum(record.EncodeChanges(changes)), KeyIDs: fixture.IDs(p.TaggingKeys),
	}
	opaque := cmp.Comparer(func(a, b record.LogRecord) bool { return string(a.Encode()) == string(b.Encode()) })
	if diff := cmp.Diff([]*record.LogRecord{want}, outcome.Records, opaque); diff != "" {
		t.Error(diff)
	}
	if outcome.Work < 4 || outcome.Envelope == nil || outcome.Envelope.Hash != sum(tx) {
		t.Errorf("outcome %+v", outcome)
	}
	v := ch.l.Latest()
	defer v.Close()
	if b, err := v.Record(1); err != nil || string(b) != string(want.Encode()) {
		t.Errorf("stored record %x, %v", b, err)
	}
	if b, err := v.Content(want.ChangesHash); err != nil || string(b) != string(record.EncodeChanges(changes)) {
		t.Errorf("stored change list %x, %v", b, err)
	}

	voucher, _ := get(ch, record.VoucherKey(fixture.Digest("one"), p.Repository), record.DecodeVoucher)
	wantVoucher := &record.Voucher{First: now, Last: now, TaggingKeys: fixture.IDs(p.TaggingKeys), RootKeys: fixture.IDs(p.RootKeys)}
	if string(voucher.Encode()) != string(wantVoucher.Encode()) {
		t.Errorf("voucher %+v, want %+v", voucher, wantVoucher)
	}
}

// Test that a tag is set anew when only the size of its manifest changes.
func TestSizeChange(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"1.0": "image"}))
	spec := p.TargetsSpec(2, fixture.Tags{"1.0": "image"})
	spec.Targets[0].Length = 99
	ch.commit(c.Publish(p.TaggingKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
	if tag, _ := get(ch, record.TagKey(p.Repository, spec.Targets[0].Tag), record.DecodeImageTag); tag.Size != 99 || tag.Height != 2 {
		t.Errorf("tag %+v", tag)
	}
	ch.check()
}

// Test that a digest keeps its first publication, gets its newest, and lists the
// repositories that published it in the order they came.
func TestVouchers(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	a, b := c.NewPublisher("registry.example.com/a"), c.NewPublisher("registry.example.com/b")
	ch.commit(b.Register(c.Operators[0]), a.Register(c.Operators[0]))
	ch.commit(b.Publish(1, fixture.Tags{"x": "image"}))
	ch.commit(a.Publish(1, fixture.Tags{"y": "image"}), b.Publish(2, fixture.Tags{}))
	ch.commit(b.Publish(3, fixture.Tags{"z": "image"}))

	image, _ := get(ch, record.ImageKey(fixture.Digest("image")), record.DecodeImage)
	if image.Count != 2 || len(image.Repositories) != 2 || image.Repositories[0] != b.Repository || image.Repositories[1] != a.Repository {
		t.Errorf("image %+v", image)
	}
	v, _ := get(ch, record.VoucherKey(fixture.Digest("image"), b.Repository), record.DecodeVoucher)
	if v.First.Height != 2 || v.First.Index != 2 || v.Last.Height != 4 || v.Last.Index != 5 {
		t.Errorf("voucher %+v", v)
	}
	ch.check()
}

// Test that more repositories than an image value lists are still counted.
func TestManyVouchers(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	for i := range record.MaxVouchers + 2 {
		p := c.NewPublisher("registry.example.com/app" + string(rune('a'+i)))
		ch.commit(p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"x": "image"}))
	}
	image, _ := get(ch, record.ImageKey(fixture.Digest("image")), record.DecodeImage)
	if image.Count != record.MaxVouchers+2 || len(image.Repositories) != record.MaxVouchers {
		t.Errorf("image %+v", image)
	}
	ch.check()
}

// Test that a rotation of the root switches off what a stolen tagging key
// signed, at once, and that the new key switches tags on again by version + 1.
func TestStolenTaggingKey(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"1.0": "good", "2.0": "good"}))
	stolen := p.TaggingKeys
	ch.commit(p.Publish(2, fixture.Tags{"1.0": "evil", "2.0": "good"}))
	ch.means(p, "1.0", is("evil"))

	rotation := p.RotateRoot(2, nil, newKeys(t, "fresh"))
	s := ch.begin()
	if _, err := s.Apply(c.Publish(p.RootKeys[0], roots(rotation)), keys.Direct{}); err != nil {
		t.Fatal(err)
	}
	// Within the block of the rotation already, the stolen key is nobody's.
	next := p.SignTargets(p.TargetsSpec(3, fixture.Tags{"1.0": "evil"}), stolen...)
	ch.rejectsIn(s, record.CodeUnknownSubmitter, c.Publish(stolen[0], targets(next)))
	ch.rejectsIn(s, record.CodeUnknownKey, c.Relay(c.Operators[3], targets(next)))
	ch.end(s)
	ch.means(p, "1.0", "dead")
	ch.means(p, "2.0", "dead")
	ch.check()

	ch.commit(p.Publish(3, fixture.Tags{"1.0": "good", "2.0": "good"}))
	ch.means(p, "1.0", is("good"))
	ch.means(p, "2.0", is("good"))
	v, _ := get(ch, record.VoucherKey(fixture.Digest("evil"), p.Repository), record.DecodeVoucher)
	if v.TaggingKeys[0] != stolen[0].ID() {
		t.Error("the voucher of the stolen key's image names another key")
	}
	ch.check()
}

// Test that a rotation that keeps enough of the tagging keys leaves tags on.
func TestThresholdRecount(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	three := fixture.NewKeys(t, keys.KeytypeEd25519, "tagging", 3)
	p.TaggingKeys, p.TaggingThreshold = three, 2
	ch.commit(p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"1.0": "image"}))

	ch.commit(c.Publish(p.RootKeys[0], roots(p.RotateRoot(2, nil, three[:2]))))
	ch.means(p, "1.0", is("image"))
	p.TaggingThreshold = 3
	ch.commit(c.Publish(p.RootKeys[0], roots(p.RotateRoot(3, nil, append(newKeys(t, "other"), three[:2]...)))))
	ch.means(p, "1.0", "dead")
	p.TaggingThreshold = 1
	ch.commit(c.Publish(p.RootKeys[0], roots(p.RotateRoot(4, nil, three[:1]))))
	ch.means(p, "1.0", is("image"))
	ch.check()
}

// Test that rotation and new targets in one transaction leave no gap.
func TestRotateAndPublish(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"1.0": "image"}))
	old := p.RootKeys[0]
	u := roots(p.RotateRoot(2, newKeys(t, "root 2"), newKeys(t, "tagging 2")))
	u.Targets = p.Targets(2, fixture.Tags{"1.0": "image"})
	// The keys that only the new root names submit from the next transaction on.
	ch.rejects(record.CodeUnknownSubmitter, c.Publish(p.TaggingKeys[0], u))
	ch.commit(c.Publish(old, u), p.Publish(3, fixture.Tags{"1.0": "next"}))
	ch.means(p, "1.0", is("next"))
	ch.check()
}

// Test that a transaction may carry up to 16 rotations, one after the other.
func TestRotations(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"1.0": "image"}))
	submitter := p.RootKeys[0]
	var list []*tuf.Root
	for i := range record.MaxRotations + 1 {
		list = append(list, p.RotateRoot(uint64(2+i), newKeys(t, string(rune('a'+i))), nil))
	}
	ch.rejects(record.CodeScopeMismatch, c.Publish(submitter, roots(list...)))
	ch.rejects(record.CodeWrongVersion, c.Publish(submitter, roots(list[0], list[2])))
	ch.commit(c.Publish(submitter, roots(list[:record.MaxRotations]...)))
	repo := ch.repository(p)
	if root, _ := repo.Role(record.RoleRoot); root.Version != 17 || repo.Revision != 3 {
		t.Errorf("repository %+v", repo)
	}
	for version := range uint64(17) {
		if _, ok := get(ch, record.RootKey(p.Repository, version+1), record.DecodeRootFile); !ok {
			t.Errorf("no value of root %d", version+1)
		}
	}
	ch.means(p, "1.0", is("image"))
	ch.check()
}

// Test that the record of many rotations names every key that signed.
func TestManySigners(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]))
	submitter := p.RootKeys[0]
	p.RootThreshold = 8
	var list []*tuf.Root
	for i := range record.MaxRotations {
		list = append(list, p.RotateRoot(uint64(2+i), fixture.NewKeys(t, keys.KeytypeEd25519, string(rune('a'+i)), 8), nil))
	}
	s := ch.begin()
	outcome, err := s.Apply(c.Publish(submitter, roots(list...)), keys.Direct{})
	if err != nil {
		t.Fatal(err)
	}
	ch.end(s)
	if n := len(outcome.Records[0].KeyIDs); n != 1+8*record.MaxRotations {
		t.Errorf("%d key ids", n)
	}
	ch.check()
}

// Test that files of several repositories are published together or not at all.
func TestAtomicPublish(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	shared := newKeys(t, "release")
	var list []*fixture.Publisher
	var good, bad []fixture.Update
	for i, name := range []string{"localhost:5000/b", "localhost:5000/with-a-longer-name", "registry.example.com/a"} {
		p := c.NewPublisher(name)
		p.TaggingKeys = shared
		list = append(list, p)
		ch.commit(p.Register(c.Operators[1-i/2]))
		good = append(good, targets(p.Targets(1, fixture.Tags{"1.0": name})))
		bad = append(bad, good[i])
	}
	bad[2] = targets(list[2].Targets(2, fixture.Tags{"1.0": "late"})) // not its turn
	ch.rejects(record.CodeFutureScope, c.Publish(shared[0], bad...))
	bad[2] = targets(list[2].SignTargets(list[2].TargetsSpec(1, nil), newKeys(t, "stranger")...))
	ch.rejects(record.CodeUnknownKey, c.Publish(shared[0], bad...))

	s := ch.begin()
	outcome, err := s.Apply(c.Publish(shared[0], good...), keys.Direct{})
	if err != nil {
		t.Fatal(err)
	}
	ch.end(s)
	if len(outcome.Records) != 3 {
		t.Errorf("%d records", len(outcome.Records))
	}
	for i, p := range list {
		ch.means(p, "1.0", is(p.Repository.String()))
		if repo := ch.repository(p); repo.Revision != 2 || repo.LastIndex != uint64(3+i) {
			t.Errorf("%s: %+v", p.Repository, repo)
		}
	}
	ch.check()
}

// Test that versions may follow each other within a block, in order only.
func TestPipelining(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	two := p.Publish(2, fixture.Tags{"x": "two"})
	s := ch.begin()
	apply := func(tx []byte) {
		t.Helper()
		if _, err := s.Apply(tx, keys.Direct{}); err != nil {
			t.Fatal(err)
		}
	}
	ch.rejectsIn(s, record.CodeUnknownRepository, two)
	apply(p.Register(c.Operators[0]))
	ch.rejectsIn(s, record.CodeFutureScope, two)
	apply(p.Publish(1, fixture.Tags{"x": "one"}))
	apply(two)
	ch.rejectsIn(s, record.CodeStaleScope, two)
	ch.end(s)
	ch.means(p, "x", is("two"))
	if repo := ch.repository(p); repo.Revision != 3 || repo.LastHeight != 1 {
		t.Errorf("repository %+v", repo)
	}
	ch.check()
}

// Test that an expired root signs for nothing but its successor.
func TestExpiredRoot(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	expires := c.Time.Add(time.Hour)
	spec := p.RootSpec(1)
	spec.Expires = expires
	ch.commit(c.Register(c.Operators[0], p.SignRoot(spec, p.RootKeys...)), p.Publish(1, fixture.Tags{"x": "one"}))
	ch.means(p, "x", is("one"))

	ch.late = expires.Sub(ch.next().Time) // at the very second
	ch.means(p, "x", "dead")
	ch.rejects(record.CodeRoleNotEffective, p.Publish(2, fixture.Tags{"x": "two"}))
	ch.commit(c.Publish(p.RootKeys[0], roots(p.Root(2))))
	ch.means(p, "x", is("one"))
	ch.commit(p.Publish(2, fixture.Tags{"x": "two"}))
	ch.means(p, "x", is("two"))
	ch.check()
}

// Test that expired targets are followed by their next version.
func TestExpiredTargets(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	spec := p.TargetsSpec(1, fixture.Tags{"x": "one"})
	spec.Expires = c.Time.Add(time.Hour)
	ch.commit(p.Register(c.Operators[0]), c.Publish(p.TaggingKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
	ch.late = time.Hour
	ch.means(p, "x", "dead")
	spec.Version = 2
	ch.rejects(record.CodeExpired, c.Publish(p.TaggingKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
	ch.commit(p.Publish(2, fixture.Tags{"x": "one"}))
	ch.means(p, "x", is("one"))
	tag, _ := get(ch, record.TagKey(p.Repository, spec.Targets[0].Tag), record.DecodeImageTag)
	if tag.Height != 1 {
		t.Errorf("a tag that did not change was written at height %d", tag.Height)
	}
	ch.check()
}

// Test how far ahead files may expire.
func TestHorizon(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.RootHorizon, c.Params.TargetsHorizon = 100*time.Hour, 50*time.Hour
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	root := func(version uint64, expires time.Time) *tuf.Root {
		spec := p.RootSpec(version)
		spec.Expires = expires
		return p.SignRoot(spec, p.RootKeys...)
	}
	now := ch.next().Time
	ch.rejects(record.CodeExpiresTooLate, c.Register(c.Operators[0], root(1, now.Add(100*time.Hour+time.Second))))
	ch.commit(c.Register(c.Operators[0], root(1, now.Add(100*time.Hour))))

	now = ch.next().Time
	ch.rejects(record.CodeExpiresTooLate, c.Publish(p.RootKeys[0], roots(root(2, now.Add(100*time.Hour+time.Second)))))
	spec := p.TargetsSpec(1, nil)
	spec.Expires = now.Add(50*time.Hour + time.Second)
	ch.rejects(record.CodeExpiresTooLate, c.Publish(p.RootKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
	spec.Expires = now.Add(50 * time.Hour)
	ch.commit(c.Publish(p.RootKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
	ch.check()
}

// Test that time before 1970 and after 2262 opens no block.
func TestBeginTime(t *testing.T) {
	ch := newChain(t, fixture.NewConsortium(t, 1))
	for _, at := range []time.Time{time.Unix(-1, 0), time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC), {}} {
		if _, err := ch.l.Begin(ledger.Block{Height: 1, Time: at}); err == nil {
			t.Errorf("began a block at %s", at)
		}
	}
}

// Test that committed heights are read as they were, until they are pruned.
func TestViews(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := &chain{t: t, c: c, db: dbm.NewMemDB(), options: store.Options{KeepRecent: 2}}
	ch.reopen()
	if _, err := ch.l.GenesisHash(); err != nil { // must not hold back pruning
		t.Fatal(err)
	}
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]))
	for version := uint64(1); version <= 3; version++ {
		ch.commit(p.Publish(version, fixture.Tags{"1.0": fmt.Sprint(version)}))
	}
	for height := uint64(3); height <= 4; height++ {
		v, err := ch.l.View(height)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := v.Get(record.TagKey(p.Repository, reference.MustParseTag("1.0")))
		if err != nil {
			t.Fatal(err)
		}
		tag, err := record.DecodeImageTag(b)
		if err != nil || tag.Digest != fixture.Digest(fmt.Sprint(height-1)) || tag.Height != height {
			t.Errorf("at height %d: %+v, %v", height, tag, err)
		}
		if at := ledger.BlockTime(v); !at.Equal(c.BlockTime(height)) {
			t.Errorf("height %d is of %s", height, at)
		}
		v.Close()
	}
	// A file goes with the last height at which it was in force.
	v, err := ch.l.View(4)
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range []bool{1: false, 2: true, 3: true} {
		if version == 0 {
			continue
		}
		file := p.Targets(uint64(version), fixture.Tags{"1.0": fmt.Sprint(version)})
		if _, err := v.Content(file.FileDigest()); (err == nil) != want {
			t.Errorf("targets %d is kept: %v, want %t", version, err, want)
		}
	}
	v.Close()
	if _, err := ch.l.View(2); !errors.Is(err, store.ErrPruned) || ch.l.Oldest() != 3 {
		t.Errorf("view of height 2: %v, oldest %d", err, ch.l.Oldest())
	}
	if _, err := ch.l.View(5); !errors.Is(err, store.ErrFutureVersion) {
		t.Errorf("view of height 5: %v", err)
	}
	s := ch.begin()
	defer s.Close()
	if string(s.Params().Encode()) != string(c.Params.Encode()) {
		t.Errorf("parameters %+v", s.Params())
	}
	ch.check()
}

// Test that a block is staged at its height only, and committed once.
func TestCommitErrors(t *testing.T) {
	ch := newChain(t, fixture.NewConsortium(t, 1))
	ch.commit()
	first, second := ch.begin(), ch.begin()
	defer first.Close()
	staged, err := first.Stage()
	if err != nil {
		t.Fatal(err)
	}
	ch.end(second)
	if err := ch.l.Commit(staged); !errors.Is(err, store.ErrStaleStage) {
		t.Errorf("committed a block twice: %v", err)
	}
	s, err := ch.l.Begin(ledger.Block{Height: 7, Time: ch.next().Time})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Stage(); !errors.Is(err, store.ErrInvalidChanges) {
		t.Errorf("staged height 7 after 2: %v", err)
	}
	ch.check()
}
