package tuf

import (
	"bytes"
	"testing"
	"time"

	"hullmark/reference"
)

// FuzzApply applies any delta to files with and without delegations. What is
// rebuilt must be a file that its own decoder takes, byte for byte, and whose delta
// rebuilds it again.
func FuzzApply(f *testing.F) {
	bases := []*Targets{
		mustTargets(f, targetsSpec(0), targetsKey), mustTargets(f, targetsSpec(5), targetsKey), mustTargets(f, delegate(targetsSpec(3)), targetsKey),
	}
	delegations := delegate(targetsSpec(0)).Delegations.Bytes()
	f.Add(uint8(0), uint64(2), int64(1_800_000_000), "v1", uint64(7), "", false, []byte(nil))
	f.Add(uint8(1), uint64(2), int64(1_800_000_000), "v9", uint64(1), "v2", true, delegations)
	f.Add(uint8(2), uint64(3), int64(1_800_000_000), "v1", uint64(1), "v3", true, []byte(nil))
	f.Add(uint8(2), uint64(1<<53), int64(253402300799), "", uint64(1<<53), "v1", false, delegations)
	f.Add(uint8(2), uint64(0), int64(-1), "v1", uint64(0), "v1", true, []byte(`{"keys":{},"roles":[]}`))
	f.Fuzz(func(t *testing.T, which uint8, version uint64, expires int64, put string, length uint64, remove string, redelegate bool, list []byte) {
		base := bases[int(which)%len(bases)]
		d := Delta{Base: base.SignedDigest(), Version: version, Expires: time.Unix(expires, 0).UTC(), Redelegate: redelegate}
		if tag, err := reference.ParseTag(put); err == nil {
			d.Put = []Target{{Tag: tag, Digest: reference.SumSHA256([]byte(put)), Length: length}}
		}
		if tag, err := reference.ParseTag(remove); err == nil {
			d.Remove = []reference.Tag{tag}
		}
		if len(list) > 0 {
			l, err := ParseDelegations(list, RoleTargets)
			if err != nil {
				return
			}
			d.Delegations = l
		}
		followsAlike(t, base, d)
		next, err := base.Apply(d)
		if err != nil {
			return
		}
		parsed, err := ParseTargets(next.Bytes())
		if err != nil {
			t.Fatalf("%v\n%s", err, next.Bytes())
		}
		if parsed.Version != version || parsed.Expires.Unix() != expires || parsed.SignedDigest() != next.SignedDigest() {
			t.Fatalf("read as %+v", parsed.Metadata)
		}
		back, err := base.Delta(parsed)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := base.Apply(back); err != nil || !bytes.Equal(again.Bytes(), next.Bytes()) {
			t.Fatalf("rebuilt once more: %v", err)
		}
	})
}
