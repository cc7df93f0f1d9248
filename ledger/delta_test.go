package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// deltas is an update with its files as deltas against the newest.
func (tr *tree) deltas(files ...*tuf.Targets) fixture.Update {
	u := tr.update(files...)
	for _, f := range files {
		u.Bases = append(u.Bases, tr.files[f.Binding.Role])
	}
	return u
}

// Test that a history by deltas and the same history by whole files lead to the
// same state, digests and records, whatever the edits.
func TestDeltaEqualsWholeFile(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			whole, small := newTree(t), newTree(t)
			to := []fixture.Delegation{whole.to("ci", "*"), whole.to("docs", "d*")}
			small.to("ci")
			first := []*tuf.Targets{whole.file("", nil, to...), whole.file("ci", nil)}
			whole.publish(first...)
			small.publish(first...)
			tags := map[string]fixture.Tags{"": {}, "ci": {}}
			for range 25 {
				var files []*tuf.Targets
				for _, short := range []string{"", "ci"} {
					if rng.IntN(2) == 0 {
						continue
					}
					next := maps.Clone(tags[short])
					for range rng.IntN(30) {
						tag := fmt.Sprintf("%s%c%d", short, "abcz"[rng.IntN(4)], rng.IntN(20))
						if next[tag] = fmt.Sprint("manifest ", rng.IntN(5)); rng.IntN(3) == 0 {
							delete(next, tag)
						}
					}
					spec := whole.p.TargetsSpec(whole.version(short)+1, next)
					spec.Binding = whole.p.Binding(role(short))
					spec.Expires = spec.Expires.Add(time.Duration(rng.IntN(1000)) * time.Second)
					signer := whole.key("ci")
					if short == "" {
						signer = whole.p.TaggingKeys[0]
						// Delegations that stay, change and go.
						if spec.Delegations = fixture.Delegate(to...); rng.IntN(3) == 0 {
							spec.Delegations = fixture.Delegate(to[:1]...)
						}
					} else if rng.IntN(3) == 0 {
						spec.Delegations = fixture.Delegate(whole.to("deep", "*"))
					}
					files = append(files, whole.p.SignTargets(spec, signer))
					tags[short] = next
				}
				if len(files) == 0 {
					continue
				}
				op := whole.c.Operators[3]
				a, b := whole.commit(whole.c.Relay(op, whole.update(files...))), small.commit(small.c.Relay(op, small.deltas(files...)))
				if a != b {
					t.Fatalf("app hash %s by whole files, %s by deltas", a, b)
				}
				for _, f := range files {
					small.files[f.Binding.Role] = f
					r, _ := small.repository(small.p).Role(f.Binding.Role)
					if r.FileDigest != f.FileDigest() || r.SignedDigest != f.SignedDigest() || !slices.Equal(r.Signers, f.Signers()) {
						t.Fatalf("role %+v, want that of %x", r, f.FileDigest())
					}
				}
			}
			whole.check()
			small.check()
		})
	}
}

// Test that a delta without rows renews what a rotation or time switched off.
func TestRenewingDelta(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", fixture.Tags{"x": "one"}))
	tr.commit(tr.c.Publish(tr.p.RootKeys[0], roots(tr.p.RotateRoot(2, nil, newKeys(t, "fresh")))))
	tr.means(tr.p, "x", "dead")
	tr.commit(tr.c.Publish(tr.p.RootKeys[0], tr.deltas(tr.file("", fixture.Tags{"x": "one"}))))
	tr.means(tr.p, "x", is("one"))

	tr.check()
}

// Test the deltas that are refused.
func TestBadDeltas(t *testing.T) {
	tr := newTree(t)
	base := tr.file("", fixture.Tags{"a": "one", "b": "two"}, tr.to("ci", "*"))
	tr.publish(base)
	good := func() (*fixture.Transaction, *proto.Delta) {
		u := tr.deltas(tr.file("", fixture.Tags{"b": "two", "c": "three", "d": "four"}, tr.to("ci", "*")))
		tx := tr.c.NewPublish(tr.p.TaggingKeys[0], u)
		return tx, body(tx).Updates[0].Roles[0].GetDelta()
	}
	same := base.Delegations
	for _, tt := range []struct {
		name   string
		code   record.Code
		change func(*proto.Delta)
	}{
		{"another base", record.CodeStaleBase, func(d *proto.Delta) { d.Base = make([]byte, 32) }},
		{"base is the file's digest", record.CodeStaleBase, func(d *proto.Delta) { digest := base.FileDigest(); d.Base = digest[:] }},
		{"no base", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Base = nil }},
		{"base too long", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Base = append(d.Base, 0) }},
		{"another version", record.CodeWrongVersion, func(d *proto.Delta) { d.Version++ }},
		{"version 0", record.CodeWrongVersion, func(d *proto.Delta) { d.Version = 0 }},
		{"version past 2^53", record.CodeWrongVersion, func(d *proto.Delta) { d.Version = 1<<53 + 1 }},
		{"row that is there", record.CodeInvalidMetadata, func(d *proto.Delta) {
			d.Put = append([]*proto.TargetRow{{Tag: "b", Digest: record.EncodeDigest(fixture.Digest("two")), Length: 3}}, d.Put...)
		}},
		{"rows descending", record.CodeInvalidMetadata, func(d *proto.Delta) { slices.Reverse(d.Put) }},
		{"row twice", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Put = append(d.Put, d.Put[1]) }},
		{"removes what is not there", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Remove = []string{"aa"} }},
		{"removes twice", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Remove = []string{"a", "a"} }},
		{"removes what it puts", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Remove = []string{"a", "c"} }},
		{"removes no tag", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Remove = []string{".a"} }},
		{"puts no tag", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Put[0].Tag = "" }},
		{"puts no digest", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Put[0].Digest = nil }},
		{"unknown algorithm", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Put[0].Digest[0] = 9 }},
		{"digest cut short", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Put[0].Digest = d.Put[0].Digest[:32] }},
		{"length 0", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Put[0].Length = 0 }},
		{"length past 2^53", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Put[0].Length = 1<<53 + 1 }},
		{"expires before 1970", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Expires = -1 }},
		{"expires past 9999", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Expires = 1 << 60 }},
		{"expires with the highest number", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Expires = 1<<63 - 1 }},
		{"expired", record.CodeExpired, func(d *proto.Delta) { d.Expires = 1 }},
		{"other expiry than signed", record.CodeBadSignature, func(d *proto.Delta) { d.Expires++ }},
		{"other row than signed", record.CodeBadSignature, func(d *proto.Delta) { d.Put[0].Length++ }},
		{"row left out", record.CodeBadSignature, func(d *proto.Delta) { d.Put = d.Put[1:] }},
		{"signature changed", record.CodeBadSignature, func(d *proto.Delta) { d.Signatures[0].Signature[9] ^= 1 }},
		{"signature of another size", record.CodeBadSignature, func(d *proto.Delta) { d.Signatures[0].Signature = []byte{1} }},
		{"empty signature", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Signatures[0].Signature = nil }},
		{"key id cut short", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Signatures[0].KeyId = d.Signatures[0].KeyId[1:] }},
		{"signature twice", record.CodeInvalidMetadata, func(d *proto.Delta) { d.Signatures = append(d.Signatures, d.Signatures[0]) }},
		{"no signature", record.CodeThreshold, func(d *proto.Delta) { d.Signatures = nil }},
		{"delegations that are there", record.CodeInvalidMetadata, func(d *proto.Delta) {
			d.Redelegation = &proto.Delta_Delegations{Delegations: same.Bytes()}
		}},
		{"delegations with a space", record.CodeNotCanonical, func(d *proto.Delta) {
			d.Redelegation = &proto.Delta_Delegations{Delegations: append(same.Bytes(), ' ')}
		}},
		{"delegations that are none", record.CodeNotCanonical, func(d *proto.Delta) {
			d.Redelegation = &proto.Delta_Delegations{Delegations: []byte(`{"keys":{},"roles":[]}`)}
		}},
		{"delegations that nobody signed", record.CodeBadSignature, func(d *proto.Delta) { d.Redelegation = &proto.Delta_Delegations{} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr.t = t
			tx, delta := good()
			tt.change(delta)
			tr.rejects(tt.code, tx.Bytes())
		})
	}
	tr.t = t
	// A first file is whole.
	first := tr.update(tr.file("ci", nil))
	first.Bases = first.Delegated
	tx := tr.c.NewPublish(tr.key("ci"), first)
	body(tx).Updates[0].Roles[0].GetDelta().Version = 1
	tr.rejects(record.CodeStaleBase, tx.Bytes())

	tx, _ = good()
	tr.commit(tx.Bytes())
	tr.rejects(record.CodeStaleScope, tx.Bytes())
	tr.means(tr.p, "a", "withdrawn")
	tr.means(tr.p, "d", is("four"))
	tr.check()
}

// Test that of two deltas on one base the second loses, and that a delta on top of
// another waits for it.
func TestPipelinedDeltas(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", fixture.Tags{"a": "one"}))
	two, other := tr.file("", fixture.Tags{"a": "two"}), tr.file("", fixture.Tags{"a": "other"})
	three := tr.p.Targets(3, fixture.Tags{"a": "two", "b": "three"})
	deltaOf := func(base, next *tuf.Targets) []byte {
		return tr.c.Publish(tr.p.TaggingKeys[0], fixture.Update{Targets: next, Bases: []*tuf.Targets{base}})
	}
	s := tr.begin()
	tr.rejectsIn(s, record.CodeFutureScope, deltaOf(two, three))
	for i, tx := range [][]byte{deltaOf(tr.files["targets"], two), deltaOf(two, three)} {
		tr.rejectsIn(s, [...]record.Code{record.CodeFutureScope, record.CodeStaleBase}[i], deltaOf(other, three))
		if _, err := s.Apply(tx, keys.Direct{}); err != nil {
			t.Fatal(err)
		}
	}
	tr.rejectsIn(s, record.CodeStaleScope, deltaOf(tr.files["targets"], other))
	tr.end(s)
	tr.means(tr.p, "b", is("three"))
	tr.check()
}

// Test that a role file grows to its limit by deltas, delegations and all, and
// what that is counted as.
func TestLargeRole(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 5 MB")
	}
	tr := newTree(t)
	tags := fixture.Tags{}
	file := tr.file("", tags)
	tr.publish(file)
	for len(file.Bytes()) < tuf.MaxTargetsSize-30_000 {
		rows := record.MaxChanges
		if len(file.Bytes()) > tuf.MaxTargetsSize-280_000 {
			rows /= 10
		}
		for range rows {
			tags[fmt.Sprintf("%0128d", len(tags))] = "image"
		}
		file = tr.file("", tags)
		tr.commit(tr.c.Publish(tr.p.TaggingKeys[0], tr.deltas(file)))
		tr.files["targets"] = file
	}
	// One row and a delegation more: what it costs is the file, not the delta.
	s := tr.begin()
	tags["last"] = "image"
	file = tr.file("", tags, tr.to("ci", "v*"))
	tx := tr.c.Publish(tr.p.TaggingKeys[0], tr.deltas(file))
	outcome, err := s.Apply(tx, keys.Direct{})
	if err != nil {
		t.Fatal(err)
	}
	tr.end(s)
	tr.files["targets"] = file
	if len(tx) > 2000 || outcome.Work < 970_000/4096 || outcome.Work > 1_000_000/4096+100 {
		t.Errorf("delta of %d bytes is %d units of work", len(tx), outcome.Work)
	}
	// A role below costs what it carries itself.
	s = tr.begin()
	if outcome, err = s.Apply(tr.tx(tr.file("ci", fixture.Tags{"v1": "one"})), keys.Direct{}); err != nil {
		t.Fatal(err)
	}
	if outcome.Work > 40 {
		t.Errorf("a file below is %d units of work", outcome.Work)
	}
	tr.end(s)

	put, _ := tuf.DiffTargets(nil, tr.p.Targets(1, fixture.Tags{"zz": "x"}))
	delta := tuf.Delta{Base: file.SignedDigest(), Version: file.Version + 1, Expires: file.Expires, Put: put}
	for i := range record.MaxChanges - 1 {
		row := put[0]
		row.Tag = reference.MustParseTag(fmt.Sprintf("zz%0126d", i))
		delta.Put = append(delta.Put, row)
	}
	tx2 := tr.c.NewPublish(tr.p.TaggingKeys[0], tr.deltas(tr.p.Targets(file.Version+1, nil)))
	body(tx2).Updates[0].Roles[0].Content = &proto.RoleUpdate_Delta{Delta: change.EncodeDelta(delta)}
	tr.rejects(record.CodeMetadataTooLarge, tx2.Bytes())
	if err := ledger.Check(tr.l); err != nil {
		t.Error(err)
	}
}
