package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/internal/vectortest"
	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// The vectors are for other implementations. Tests make them from fixed keys and times,
// and compare them with the files; with -vectors they write the files first.
var writeVectors = flag.Bool("vectors", false, "write the test vectors anew")

func checkVectors[T any](t *testing.T, name, description string, made []T) {
	t.Helper()
	vectortest.Check(t, *writeVectors, "ledger/"+name+".json.gz", description, made)
}

// codeOf returns the name of the code of an error, accept for none.
func codeOf(err error) string {
	if err == nil {
		return "accept"
	}
	for code := record.Code(1); code < 100; code++ {
		if errors.Is(err, code) {
			return code.Name()
		}
	}
	return "unexpected: " + err.Error()
}

// grants returns the delegations of a file, by the text of each: "ci+ v*,w" is
// terminating and has two patterns. Keys are those of the role; "ci/2" has two, both of
// which must sign, "ci/other" that of another role.
func grants(t *testing.T, texts ...string) *tuf.Delegations {
	t.Helper()
	var list []fixture.Delegation
	for _, text := range texts {
		name, paths, _ := strings.Cut(text, " ")
		name, terminating := strings.CutSuffix(name, "+")
		name, variant, _ := strings.Cut(name, "/")
		d := fixture.Delegation{Role: "targets/" + name, Keys: roleKeys(t, name), Paths: strings.Split(paths, ","), Terminating: terminating}
		switch variant {
		case "":
		case "2":
			d.Keys, d.Threshold = append(d.Keys, fixture.NewKey(t, keys.KeytypeEd25519, "second of "+name)), 2
		default:
			d.Keys = roleKeys(t, variant)
		}
		list = append(list, d)
	}
	return fixture.Delegate(list...)
}

func roleKeys(t *testing.T, name string) []*fixture.Key {
	t.Helper()
	return []*fixture.Key{fixture.NewKey(t, keys.KeytypeEd25519, "role "+name)}
}

// transition is what the file of a delegator does to the entries of the roles below.
type transition struct {
	Name      string `json:"name"`
	Before    string `json:"before"`
	Delegator string `json:"delegator"`
	// Old and New are the delegations of its file before and of the new one.
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
	Want  string `json:"want"`
	After string `json:"after,omitempty"`
}

// world is a repository value whose role files are known.
type world struct {
	t    *testing.T
	p    *fixture.Publisher
	repo *record.Repository
	// given are the delegations of the current file of each role.
	given map[string]*tuf.Delegations
	made  []transition
}

func newWorld(t *testing.T) *world {
	t.Helper()
	p := fixture.NewConsortium(t, 4).NewPublisher("registry.example.com/app")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &world{t: t, p: p, given: make(map[string]*tuf.Delegations), repo: &record.Repository{
		Profile: record.ProfileTUF, Registrant: "op-0", Revision: 2, LastIndex: 1, LastHeight: 2, LastTime: at,
	}}
	root := p.Root(1)
	w.repo.SetRole(record.RoleState{
		Name: record.RoleRoot, Version: 1, SignedDigest: root.SignedDigest(), FileDigest: root.FileDigest(), FileSize: uint32(len(root.Bytes())),
		Expires: root.Expires, MeetsKeys: true, Signers: root.Signers(),
	})
	recountTargets(w.repo, root)
	w.repo.SetRole(record.RoleState{Name: record.RoleTargets, Parent: record.RoleRoot, Expires: time.Unix(0, 0).UTC()})
	w.publish("", record.RoleTargets, nil)
	return w
}

// publish replaces the file of a role by one with other delegations, and returns
// whether that is allowed. With a name it becomes a vector.
func (w *world) publish(name, role string, d *tuf.Delegations) bool {
	w.t.Helper()
	state, ok := w.repo.Role(role)
	if !ok {
		w.t.Fatalf("no role %s", role)
	}
	signers := w.p.TaggingKeys
	if role != record.RoleTargets {
		signers = roleKeys(w.t, strings.TrimPrefix(role, "targets/"))
	}
	file := w.p.RoleFile(role, w.repo.After(role)+1, fixture.Tags{}, d, signers...)
	next := clone(w.t, w.repo)
	entry := replaced(state, &file.Metadata)
	entry.DelegationsSize, entry.DelegationsDigest = 0, [32]byte{}
	if file.Delegations != nil {
		b := file.Delegations.Bytes()
		entry.DelegationsSize, entry.DelegationsDigest = uint32(len(b)), sha256.Sum256(b)
	}
	next.SetRole(entry)
	v := transition{Name: name, Before: hex.EncodeToString(next.Encode()), Delegator: role}
	old := w.given[role]
	if old != nil {
		v.Old = string(old.Bytes())
	}
	if file.Delegations != nil {
		v.New = string(file.Delegations.Bytes())
	}
	_, err := redelegate(next, role, old, file.Delegations, next.LastIndex+1)
	if v.Want = codeOf(err); err == nil {
		v.After = hex.EncodeToString(next.Encode())
		w.repo, w.given[role] = next, file.Delegations
	}
	if name != "" {
		w.made = append(w.made, v)
	}
	return err == nil
}

func clone(t *testing.T, r *record.Repository) *record.Repository {
	t.Helper()
	out, err := record.DecodeRepository(r.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRoleVectors: how entries of roles change (docs/spec.md, "Roles of a repository").
func TestRoleVectors(t *testing.T) {
	w := newWorld(t)
	step := func(name, role string, texts ...string) { t.Helper(); w.publish(name, role, grants(t, texts...)) }
	const top = record.RoleTargets
	step("first delegation", top, "ci v*", "docs d*")
	step("nothing changes, no file yet", top, "ci v*", "docs d*")
	step("", "targets/ci")
	step("", "targets/docs")
	step("nothing changes", top, "ci v*", "docs d*")
	step("wider", top, "ci v*,w*", "docs d*")
	step("narrower", top, "ci w*", "docs d*")
	step("", "targets/ci")
	step("as wide in other words", top, "ci w?*,w", "docs d*")
	step("", "targets/ci")
	step("a terminating role comes before", top, "docs+ d*", "ci w?*,w")
	step("", "targets/ci")
	step("it ends searches no more", top, "docs d*", "ci w?*,w")
	step("a role behind becomes terminating", top, "ci w?*,w", "docs+ d*")
	step("other keys", top, "ci/docs w?*,w", "docs d*")
	step("its keys again", top, "ci w?*,w", "docs d*")
	step("a higher threshold", top, "ci/2 w?*,w", "docs d*")
	step("one key again", top, "ci w?*,w", "docs d*")
	step("removed", top, "docs d*")
	step("removed stays removed", top, "docs d*")
	step("returns", top, "docs d*", "ci *")
	step("", "targets/ci")
	step("all removed", top)
	step("all return", top, "docs d*", "ci *")
	step("", "targets/ci")
	step("", "targets/docs")

	step("a role below", "targets/ci", "deep v*")
	step("", "targets/deep")
	step("a role below that", "targets/deep", "deepest v1*")
	step("", "targets/deepest")
	step("narrower above", top, "docs d*", "ci x*")
	step("", "targets/ci", "deep v*")
	step("the same above", top, "docs d*", "ci x*")
	step("a stranger delegates to it", "targets/docs", "deep *")
	step("its delegator's delegator takes it", top, "docs d*", "ci x*", "deep v*")
	step("who had it names it still", "targets/ci", "deep v*")
	step("who had it gives it up", "targets/ci")
	step("who had it wants it back", "targets/ci", "deep v*")
	step("its new delegator gives it up", top, "docs d*", "ci x*")
	step("who had it takes it again", "targets/ci", "deep v*")
	step("", "targets/deep", "deepest v1*")
	step("a branch is removed", top, "docs d*")
	step("a role of a removed branch is given to another", "targets/docs", "deepest d1*")
	step("the branch returns", top, "docs d*", "ci *")
	step("and wants the role that is gone", "targets/ci", "deep v*")
	step("", "targets/deep", "deepest v1*")

	// Too many roles at once: root, targets and 62 others are allowed.
	w = newWorldWith(w)
	many := func(n int) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf("r%02d *", i))
		}
		return out
	}
	step("62 roles", top, many(62)...)
	step("63 roles", top, many(63)...)

	// What chance makes of it.
	chance := rand.New(rand.NewPCG(3, 4))
	w = newWorldWith(w)
	names := []string{"a", "b", "c", "d"}
	for n := range 60 {
		var live []string
		for _, r := range w.repo.Roles {
			if r.Name != record.RoleRoot {
				live = append(live, r.Name)
			}
		}
		role := live[chance.IntN(len(live))]
		var texts []string
		for _, i := range chance.Perm(len(names))[:chance.IntN(4)] {
			if "targets/"+names[i] == role {
				continue
			}
			plus := []string{"", "+"}[chance.IntN(2)]
			texts = append(texts, names[i]+plus+" "+[]string{"*", "v*", "v1,v2", "v1"}[chance.IntN(4)])
		}
		step(fmt.Sprintf("by chance %d", n+1), role, texts...)
	}
	wants := make(map[string]int)
	for _, v := range w.made {
		wants[v.Want]++
	}
	if wants["accept"] < 60 || wants["role-conflict"] < 3 {
		t.Errorf("outcomes %v", wants)
	}
	checkVectors(t, "roles", "What the new delegations of a delegator do to the entries of a repository value; before has the delegator's own entry replaced already, and the record's log index is its last index + 1.", w.made)
}

// newWorldWith returns a new world that goes on with the vectors of another.
func newWorldWith(old *world) *world {
	w := newWorld(old.t)
	w.made = old.made
	return w
}

// deltaVector is a delta against a stored file.
type deltaVector struct {
	Name   string `json:"name"`
	Stored string `json:"stored"`
	Delta  string `json:"delta"` // canonical protobuf
	Want   string `json:"want"`
	// Of a delta that is accepted.
	Rebuilt      string `json:"rebuilt,omitempty"`
	SignedDigest string `json:"signedDigest,omitempty"`
}

// TestDeltaVectors: which file a delta stands for, before anybody asks who signed it.
func TestDeltaVectors(t *testing.T) {
	p := fixture.NewConsortium(t, 4).NewPublisher("registry.example.com/app")
	tags := fixture.Tags{"1.0": "one", "1.1": "two", "latest": "two"}
	stored := p.RoleFile(record.RoleTargets, 3, tags, grants(t, "ci v*"), p.TaggingKeys...)
	bare := p.RoleFile(record.RoleTargets, 3, tags, nil, p.TaggingKeys...)
	digest := func(text string) []byte { return record.EncodeDigest(fixture.Digest(text)) }
	row := func(tag, text string) *proto.TargetRow {
		return &proto.TargetRow{Tag: tag, Digest: digest(text), Length: uint64(len(text))}
	}
	base := func(f *tuf.Targets) []byte { d := f.SignedDigest(); return d[:] }
	signature := &proto.FileSignature{KeyId: bytes.Repeat([]byte{1}, 32), Signature: []byte{1, 2}}
	delegations := func(texts ...string) *proto.Delta_Delegations {
		if len(texts) == 0 {
			return &proto.Delta_Delegations{}
		}
		return &proto.Delta_Delegations{Delegations: p.RoleFile(record.RoleTargets, 1, nil, grants(t, texts...)).Delegations.Bytes()}
	}
	var made []deltaVector
	for _, c := range []struct {
		name   string
		stored *tuf.Targets
		change func(d *proto.Delta)
		want   string
	}{
		{"nothing but version and expiry", stored, func(*proto.Delta) {}, "accept"},
		{"signatures", stored, func(d *proto.Delta) { d.Signatures = []*proto.FileSignature{signature} }, "accept"},
		{"new tag", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{row("2.0", "new")} }, "accept"},
		{"new tags before and behind", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{row("0", "new"), row("z", "new")} }, "accept"},
		{"tag moves", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{row("latest", "new")} }, "accept"},
		{"other size only", stored, func(d *proto.Delta) {
			d.Put = []*proto.TargetRow{{Tag: "latest", Digest: digest("two"), Length: 99}}
		}, "accept"},
		{"tag goes", stored, func(d *proto.Delta) { d.Remove = []string{"1.0"} }, "accept"},
		{"all tags go", stored, func(d *proto.Delta) { d.Remove = []string{"1.0", "1.1", "latest"} }, "accept"},
		{"put and remove", stored, func(d *proto.Delta) { d.Put, d.Remove = []*proto.TargetRow{row("2.0", "new")}, []string{"1.0"} }, "accept"},
		{"other delegations", stored, func(d *proto.Delta) { d.Redelegation = delegations("ci v*", "docs d*") }, "accept"},
		{"no delegations any more", stored, func(d *proto.Delta) { d.Redelegation = delegations() }, "accept"},
		{"first delegations", bare, func(d *proto.Delta) { d.Redelegation = delegations("ci v*") }, "accept"},
		{"version of the stored file", stored, func(d *proto.Delta) { d.Version = 3 }, "accept"}, // judged like that of a whole file, later
		{"sha512", stored, func(d *proto.Delta) {
			d.Put = []*proto.TargetRow{{Tag: "big", Digest: append([]byte{3}, bytes.Repeat([]byte{7}, 64)...), Length: 1}}
		}, "accept"},

		{"base of another file", stored, func(d *proto.Delta) { d.Base = base(bare) }, "stale-base"},
		{"base of 31 bytes", stored, func(d *proto.Delta) { d.Base = d.Base[:31] }, "invalid-metadata"},
		{"no base", stored, func(d *proto.Delta) { d.Base = nil }, "invalid-metadata"},
		{"rows descending", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{row("b", "new"), row("a", "new")} }, "invalid-metadata"},
		{"row twice", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{row("a", "new"), row("a", "new")} }, "invalid-metadata"},
		{"removed tags descending", stored, func(d *proto.Delta) { d.Remove = []string{"1.1", "1.0"} }, "invalid-metadata"},
		{"removed twice", stored, func(d *proto.Delta) { d.Remove = []string{"1.0", "1.0"} }, "invalid-metadata"},
		{"put and removed", stored, func(d *proto.Delta) { d.Put, d.Remove = []*proto.TargetRow{row("1.0", "new")}, []string{"1.0"} }, "invalid-metadata"},
		{"row that stands there just so", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{row("1.0", "one")} }, "invalid-metadata"},
		{"removed tag that does not stand there", stored, func(d *proto.Delta) { d.Remove = []string{"3.0"} }, "invalid-metadata"},
		{"delegations of the stored file", stored, func(d *proto.Delta) { d.Redelegation = delegations("ci v*") }, "invalid-metadata"},
		{"no delegations where there are none", bare, func(d *proto.Delta) { d.Redelegation = delegations() }, "invalid-metadata"},
		{"bad tag", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{row("-", "new")} }, "invalid-metadata"},
		{"bad removed tag", stored, func(d *proto.Delta) { d.Remove = []string{"-"} }, "invalid-metadata"},
		{"bad digest", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{{Tag: "a", Digest: []byte{9}, Length: 1}} }, "invalid-metadata"},
		{"size 0", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{{Tag: "a", Digest: digest("a")}} }, "invalid-metadata"},
		{"size above 2^53", stored, func(d *proto.Delta) { d.Put = []*proto.TargetRow{{Tag: "a", Digest: digest("a"), Length: 1<<53 + 1}} }, "invalid-metadata"},
		{"key id of 31 bytes", stored, func(d *proto.Delta) {
			d.Signatures = []*proto.FileSignature{{KeyId: make([]byte, 31), Signature: []byte{1}}}
		}, "invalid-metadata"},
		{"empty signature", stored, func(d *proto.Delta) { d.Signatures = []*proto.FileSignature{{KeyId: make([]byte, 32)}} }, "invalid-metadata"},
		{"signature twice", stored, func(d *proto.Delta) { d.Signatures = []*proto.FileSignature{signature, signature} }, "invalid-metadata"},
		{"version 0", stored, func(d *proto.Delta) { d.Version = 0 }, "wrong-metadata-version"},
		{"expires in the year 10000", stored, func(d *proto.Delta) { d.Expires = 253402300800 }, "invalid-metadata"},
		{"expires before 1970", stored, func(d *proto.Delta) { d.Expires = -1 }, "invalid-metadata"},
		{"delegations with white space", stored, func(d *proto.Delta) {
			d.Redelegation = &proto.Delta_Delegations{Delegations: append([]byte(" "), delegations("docs d*").Delegations...)}
		}, "metadata-not-canonical"},
		{"delegations to oneself", stored, func(d *proto.Delta) {
			d.Redelegation = &proto.Delta_Delegations{Delegations: bytes.ReplaceAll(delegations("docs d*").Delegations, []byte("targets/docs"), []byte("targets"))}
		}, "wrong-role"},
	} {
		d := &proto.Delta{Base: base(c.stored), Version: 4, Expires: 1798761600}
		c.change(d)
		encoded, err := proto.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		v := deltaVector{Name: c.name, Stored: string(c.stored.Bytes()), Delta: hex.EncodeToString(encoded), Want: c.want}
		delta, err := readDelta(d, record.RoleTargets)
		var rebuilt *tuf.Targets
		if err == nil {
			if rebuilt, err = c.stored.Apply(delta); err != nil {
				err = rejectMetadata(err)
			}
		}
		if got := codeOf(err); got != c.want {
			t.Errorf("%s: %s, want %s (%v)", c.name, got, c.want, err)
		}
		if err == nil {
			v.Rebuilt = string(rebuilt.Bytes())
			signed := rebuilt.SignedDigest()
			v.SignedDigest = hex.EncodeToString(signed[:])
		}
		made = append(made, v)
	}
	checkVectors(t, "deltas", "Deltas in canonical protobuf against a stored file: the file that is rebuilt, before anybody asks who signed it, or the code of the refusal.", made)
}

// reachVector says which tags are in the reach of a role, by one file that delegates.
type reachVector struct {
	Name        string   `json:"name"`
	Delegations string   `json:"delegations"`
	Role        string   `json:"role"`
	Covered     []string `json:"covered"`
	NotCovered  []string `json:"notCovered"`
}

// TestReachVectors: patterns, terminating roles and their order.
func TestReachVectors(t *testing.T) {
	p := fixture.NewConsortium(t, 4).NewPublisher("registry.example.com/app")
	all := []string{"a", "ab", "abc", "b", "v", "v1", "v1.0", "v1.0-rc", "v1.0-rc1", "v10", "V1", "v2", "latest", "a.b", "a*b", "a-b"}
	var tags []reference.Tag
	for _, name := range all {
		if tag, err := reference.ParseTag(name); err == nil {
			tags = append(tags, tag)
		}
	}
	var made []reachVector
	for _, texts := range [][]string{
		{"r *"}, {"r a"}, {"r a*"}, {"r *b"}, {"r a?b"}, {"r ?"}, {"r ??"}, {"r v1.0"}, {"r v?"}, {"r v?*"}, {"r *.*"}, {"r v*-rc"}, {"r v*-rc*"},
		{"r **"}, {"r *?*"}, {"r ?*?"}, {"r a,b,v1"}, {"r v1*,v2*"}, {"r a*b"}, {"r V*"}, {"r a.b"},
		{"first *", "r v*"}, {"first+ *", "r v*"}, {"first+ v1*", "r v*"}, {"r v*", "later+ v*"}, {"r+ v*", "later v*"},
		{"first+ v1", "second+ v2", "r v*"}, {"first+ v1", "second v2", "r v*"}, {"first+ a", "r+ *", "later *"}, {"first+ v?", "r v1.*,v10,a"},
	} {
		d := p.RoleFile(record.RoleTargets, 1, nil, grants(t, texts...)).Delegations
		for _, role := range d.Roles {
			if len(d.Roles) > 1 && role.Name != "targets/r" {
				continue
			}
			reach, ok := d.Reach(role.Name)
			if !ok {
				t.Fatal("no such role")
			}
			v := reachVector{Name: strings.Join(texts, "; "), Delegations: string(d.Bytes()), Role: role.Name, Covered: []string{}, NotCovered: []string{}}
			for _, tag := range tags {
				if reach.Covers(tag) {
					v.Covered = append(v.Covered, tag.String())
				} else {
					v.NotCovered = append(v.NotCovered, tag.String())
				}
			}
			made = append(made, v)
		}
	}
	checkVectors(t, "reach", "Which tags are in the reach of a role, by the delegations object of one file.", made)
}

// effectiveVector says which roles of a repository are effective at a time.
type effectiveVector struct {
	Name      string   `json:"name"`
	Value     string   `json:"value"`
	Time      string   `json:"time"`
	Effective []string `json:"effective"`
}

// TestEffectiveVectors: expiry, keys, marks and chains.
func TestEffectiveVectors(t *testing.T) {
	w := newWorld(t)
	w.publish("", record.RoleTargets, grants(t, "ci v*", "docs d*"))
	w.publish("", "targets/ci", grants(t, "deep v1*"))
	w.publish("", "targets/docs", nil)
	w.publish("", "targets/deep", nil)
	noon := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	set := func(role string, change func(s *record.RoleState)) func(r *record.Repository) {
		return func(r *record.Repository) {
			s, ok := r.Role(role)
			if !ok {
				t.Fatalf("no role %s", role)
			}
			change(&s)
			r.SetRole(s)
		}
	}
	for _, role := range []string{"root", "targets", "targets/ci", "targets/docs", "targets/deep"} {
		set(role, func(s *record.RoleState) { s.Expires = noon.AddDate(1, 0, 0) })(w.repo)
	}
	var made []effectiveVector
	add := func(name string, at time.Time, change func(r *record.Repository)) {
		repo := clone(t, w.repo)
		if change != nil {
			change(repo)
		}
		v := effectiveVector{Name: name, Value: hex.EncodeToString(repo.Encode()), Time: at.Format(time.RFC3339Nano), Effective: []string{}}
		for _, r := range repo.Roles {
			if repo.Effective(r.Name, at) {
				v.Effective = append(v.Effective, r.Name)
			}
		}
		slices.Sort(v.Effective)
		made = append(made, v)
	}
	add("all", noon, nil)
	for _, role := range []string{"root", "targets", "targets/ci", "targets/docs", "targets/deep"} {
		soon := set(role, func(s *record.RoleState) { s.Expires = noon.Add(time.Second) })
		add(role+" expires a second later", noon, soon)
		add(role+" a nanosecond before it expires", noon.Add(time.Second-1), soon)
		add(role+" as it expires", noon.Add(time.Second), soon)
		if role == record.RoleRoot {
			continue
		}
		add(role+" lacks signatures", noon, set(role, func(s *record.RoleState) { s.MeetsKeys = false }))
		add(role+" has to sign again", noon, set(role, func(s *record.RoleState) { s.Narrowed = true }))
	}
	add("before any file of targets", noon, func(r *record.Repository) { r.Roles = r.Roles[:1] })
	gone := newWorldWith(w)
	gone.publish("", record.RoleTargets, grants(t, "ci v*"))
	gone.publish("", "targets/ci", nil)
	gone.publish("", record.RoleTargets, nil)
	add("removed role", noon, func(r *record.Repository) { *r = *gone.repo })
	checkVectors(t, "effective", "Which roles of a repository value are effective at a time.", made)
}
