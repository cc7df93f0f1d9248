package record_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

func TestEffective(t *testing.T) {
	now := at(0, 0)
	role := func(name, parent string, change ...func(*record.RoleState)) record.RoleState {
		s := record.RoleState{Name: name, Parent: parent, Version: 1, Expires: at(10, 0), MeetsKeys: true}
		for _, c := range change {
			c(&s)
		}
		return s
	}
	expires := func(at time.Time) func(*record.RoleState) { return func(s *record.RoleState) { s.Expires = at } }
	unmet := func(s *record.RoleState) { s.MeetsKeys = false }
	root, targets, ci := role("root", ""), role("targets", "root"), role("targets/ci", "targets")
	chain := func(n int) []record.RoleState {
		roles := []record.RoleState{root, targets}
		for i := range n - 2 {
			parent := "targets"
			if i > 0 {
				parent = fmt.Sprintf("targets/%03d", i-1)
			}
			roles = append(roles, role(fmt.Sprintf("targets/%03d", i), parent))
		}
		return roles
	}
	cases := []struct {
		name  string
		ask   string
		roles []record.RoleState
		want  bool
	}{
		{"root", "root", []record.RoleState{root}, true},
		{"targets", "targets", []record.RoleState{root, targets}, true},
		{"delegated", "targets/ci", []record.RoleState{root, targets, ci}, true},
		{"never was", "targets", []record.RoleState{root}, false},
		{"no roles at all", "root", nil, false},
		{"expired", "targets", []record.RoleState{root, role("targets", "root", expires(at(-1, 0)))}, false},
		{"expires this very moment", "targets", []record.RoleState{root, role("targets", "root", expires(now))}, false},
		{"expires a moment later", "targets", []record.RoleState{root, role("targets", "root", expires(now.Add(1)))}, true},
		{"does not meet its keys", "targets", []record.RoleState{root, role("targets", "root", unmet)}, false},
		{"removed", "targets/ci", []record.RoleState{root, targets}, false},
		{"expired root", "root", []record.RoleState{role("root", "", expires(at(-1, 0)))}, false},
		{"below an expired root", "targets", []record.RoleState{role("root", "", expires(at(-1, 0))), targets}, false},
		{"below expired targets", "targets/ci", []record.RoleState{root, role("targets", "root", expires(at(-1, 0))), ci}, false},
		{"below targets that do not meet their keys", "targets/ci", []record.RoleState{root, role("targets", "root", unmet), ci}, false},
		{"two levels down", "targets/a", []record.RoleState{root, targets, role("targets/a", "targets/b"), role("targets/b", "targets")}, true},
		{"missing parent", "targets/a", []record.RoleState{root, targets, role("targets/a", "targets/b")}, false},
		{"missing root", "targets", []record.RoleState{targets}, false},
		{"its own parent", "targets/ci", []record.RoleState{root, targets, role("targets/ci", "targets/ci")}, false},
		{"cycle", "targets/a", []record.RoleState{root, targets, role("targets/a", "targets/b"), role("targets/b", "targets/a")}, false},
		{"longest chain", fmt.Sprintf("targets/%03d", record.MaxRoles-3), chain(record.MaxRoles), true},
		{"chain too long", fmt.Sprintf("targets/%03d", record.MaxRoles-2), chain(record.MaxRoles + 1), false},
		{"a sibling does not matter", "targets", []record.RoleState{root, targets, role("targets/ci", "targets", unmet)}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := record.Repository{Roles: c.roles}
			if got := r.Effective(c.ask, now); got != c.want {
				t.Errorf("effective: %v, want %v", got, c.want)
			}
		})
	}
}

func TestSetRole(t *testing.T) {
	var r record.Repository
	for i, name := range []string{"targets/b", "root", "targets", "targets/a", "targets/b"} {
		r.SetRole(record.RoleState{Name: name, Version: uint64(i)})
	}
	want := []record.RoleState{
		{Name: "root", Version: 1}, {Name: "targets", Version: 2}, {Name: "targets/a", Version: 3}, {Name: "targets/b", Version: 4},
	}
	if d := cmp.Diff(want, r.Roles); d != "" {
		t.Error(d)
	}
	if s, ok := r.Role("targets/b"); !ok || s.Version != 4 {
		t.Errorf("found %v, %v", s, ok)
	}
	for _, name := range []string{"", "a", "targets/", "targets/aa", "z"} {
		if _, ok := r.Role(name); ok {
			t.Errorf("found role %q", name)
		}
	}
}

func TestValidRole(t *testing.T) {
	for name, want := range map[string]bool{
		"root": true, "targets": true, "targets/a": true, "targets/0": true, "targets/ci.build_1-x": true,
		"targets/" + strings.Repeat("a", 64): true, "targets/" + strings.Repeat("a", 65): false,
		"": false, "snapshot": false, "timestamp": false, "Root": false, "targets/": false, "targets/A": false,
		"targets/.a": false, "targets/-a": false, "targets/_a": false, "targets/a/b": false, "targets/..": false,
		"targets/a b": false, "targets/\u00e4": false, "targetsa": false, "root/a": false, "targets/a\x00": false,
	} {
		if got := record.ValidRole(name); got != want {
			t.Errorf("role %q: %v", name, got)
		}
		if top := name == "root" || name == "targets"; !top && record.ValidRole(name) != tuf.IsDelegatedRole(name) {
			t.Errorf("role %q: metadata and records differ", name)
		}
		if record.ValidRole(name) && len(name) > record.MaxRoleName {
			t.Errorf("role %q is longer than the limit", name)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "0": true, "acme": true, "acme-2": true, "a--b": true, strings.Repeat("a", 32): true,
		"": false, "-": false, "-a": false, "a-": false, "A": false, "a_b": false, "a.b": false, "a b": false,
		"\u00e4": false, "a\x00": false, strings.Repeat("a", 33): false,
	} {
		if got := record.ValidName(name); got != want {
			t.Errorf("name %q: %v", name, got)
		}
	}
}

func TestNamespacesLongestFirst(t *testing.T) {
	var got []string
	for _, n := range record.Namespaces(app) {
		got = append(got, n.String())
		if !n.Contains(app) {
			t.Errorf("%s does not contain %s", n, app)
		}
	}
	want := []string{"registry.example.com:5000/team/app", "registry.example.com:5000/team", "registry.example.com:5000"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestCheckTime(t *testing.T) {
	for _, c := range []struct {
		t    time.Time
		want bool
	}{
		{time.Unix(0, 0), true},
		{time.Unix(0, -1), false},
		{time.Time{}, false},
		{time.Unix(0, record.MaxTime-1), true},
		{time.Unix(0, record.MaxTime).Add(1), false},
		{time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		if got := record.CheckTime(c.t); got != c.want {
			t.Errorf("%v: %v", c.t, got)
		}
		if c.want {
			v := record.ImageTag{State: record.TagLive, Digest: digestOf(t, reference.SHA256, "d"), Role: "targets", Time: c.t}
			got, err := record.DecodeImageTag(v.Encode())
			if err != nil || !got.Time.Equal(c.t) {
				t.Errorf("%v was decoded as %v, %v", c.t, got, err)
			}
		}
	}
}

func TestSortKeyIDs(t *testing.T) {
	ids := keyIDs(3)
	mixed := []keys.ID{ids[2], ids[0], ids[2], ids[1]}
	if d := cmp.Diff(ids, record.SortKeyIDs(mixed)); d != "" {
		t.Error(d)
	}
	if mixed[0] != ids[2] {
		t.Error("the argument was changed")
	}
}

func TestActive(t *testing.T) {
	p := record.Params{Activations: []record.Activation{{Feature: 1, Height: 10}, {Feature: 3, Height: 0}}}
	for _, c := range []struct {
		f      record.Feature
		height uint64
		want   bool
	}{{1, 9, false}, {1, 10, true}, {1, 11, true}, {2, 1 << 40, false}, {3, 0, true}} {
		if got := p.Active(c.f, c.height); got != c.want {
			t.Errorf("feature %d at %d: %v", c.f, c.height, got)
		}
	}
}

func TestDefaultParamsAreValid(t *testing.T) {
	p := record.DefaultParams()
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	p.TrustingPeriod += time.Millisecond
	if err := p.Validate(); err == nil {
		t.Error("a period in milliseconds is valid")
	}
}

func TestMetaFollowsParams(t *testing.T) {
	p := record.DefaultParams()
	before := record.MetaOf(&p)
	p.MaxBlockWork++
	if record.MetaOf(&p) == before {
		t.Error("other parameters, same meta leaf")
	}
}

func TestNotaryThreshold(t *testing.T) {
	for n := 1; n <= record.MaxOperators; n++ {
		k := record.NotaryThreshold(n)
		if 3*k <= 2*n || 3*(k-1) > 2*n || k > n {
			t.Errorf("%d of %d is not just more than two thirds", k, n)
		}
	}
}

func TestNotaryListsAccepts(t *testing.T) {
	a, b, c := keyIDs(4), keyIDs(5), keyIDs(3)
	change := at(1000, 0)
	last := change.Add(100 * time.Second)
	lists := record.NotaryLists{Lists: []record.NotaryList{{Since: at(0, 0), Keys: a}, {Since: change, Keys: b}, {Since: last, Keys: c}}}
	reversed := slices.Clone(c)
	slices.Reverse(reversed)
	for _, tc := range []struct {
		name string
		ids  []keys.ID
		t    time.Time
		want bool
	}{
		{"current", c, last, true},
		{"current in another order", reversed, last, true},
		{"current for ever", c, last.Add(1000 * record.NotaryGrace), true},
		{"former within the grace period", b, last.Add(record.NotaryGrace - 1), true},
		{"former when the grace period ends", b, last.Add(record.NotaryGrace), false},
		{"oldest within its own grace period", a, change.Add(record.NotaryGrace - 1), true},
		{"oldest when its grace period ends", a, change.Add(record.NotaryGrace), false},
		{"none", nil, last, false},
		{"part of the current", c[:2], last, false},
		{"a key twice", append(slices.Clone(c), c[0]), last, false},
		{"others", keyIDs(6), last, false},
	} {
		if got := lists.Accepts(tc.ids, tc.t); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}

// splitKey is the inverse of all map keys: whatever can be split back in one way
// only cannot be the key of two things.
func splitKey(key []byte) (fields []string, ok bool) {
	fields = []string{string(key[:1])}
	for rest := key[1:]; len(rest) > 0; {
		if len(rest) < 2 {
			return nil, false
		}
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+n {
			return nil, false
		}
		fields = append(fields, string(rest[2:2+n]))
		rest = rest[2+n:]
	}
	return fields, true
}

func TestMapKeysAreUnambiguous(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(letters string, most int) string {
		b := make([]byte, 1+random.IntN(most))
		for i := range b {
			b[i] = letters[random.IntN(len(letters))]
		}
		return string(b)
	}
	repository := func() reference.Repository {
		return reference.MustParseRepository("localhost/" + pick("ab", 3))
	}
	owner := make(map[string]string)
	for range 20_000 {
		r, tag := repository(), reference.MustParseTag(pick("ab", 3))
		digest := digestOf(t, reference.Algorithm(1+random.IntN(3)), pick("ab", 2))
		number := random.Uint64N(4)
		name := pick("ab", 3)
		u64 := string(binary.BigEndian.AppendUint64(nil, number))
		digestBytes := string(byte(digest.Algorithm())) + string(digest.Bytes())
		for _, c := range []struct {
			key    []byte
			fields []string
		}{
			{record.RepositoryKey(r), []string{"\x01", r.String()}},
			{record.RootKey(r, number), []string{"\x02", r.String(), u64}},
			{record.TagKey(r, tag), []string{"\x03", r.String(), tag.String()}},
			{record.ImageKey(digest), []string{"\x04", digestBytes}},
			{record.VoucherKey(digest, r), []string{"\x05", digestBytes, r.String()}},
			{record.OperatorKey(name), []string{"\x06", name}},
			{record.NamespaceKey(r.Namespace()), []string{"\x07", r.String()}},
			{record.ProposalKey(number), []string{"\x08", u64}},
			{record.ParamsKey(), []string{"\x09"}},
			{record.NotaryKey(), []string{"\x0a"}},
		} {
			logical := fmt.Sprintf("%q", c.fields)
			if other, ok := owner[string(c.key)]; ok && other != logical {
				t.Fatalf("key %x is that of %s and of %s", c.key, other, logical)
			}
			owner[string(c.key)] = logical
			if got, ok := splitKey(c.key); !ok || !slices.Equal(got, c.fields) {
				t.Fatalf("key %x splits into %q, want %q", c.key, got, c.fields)
			}
		}
	}
}

func TestKindNames(t *testing.T) {
	seen := make(map[string]bool)
	for k := record.KindRegisterRepository; k <= record.KindGovernance; k++ {
		if s := k.String(); s == "unknown" || seen[s] {
			t.Errorf("kind %d is named %q", k, s)
		}
		seen[k.String()] = true
	}
	if record.Kind(0).String() != "unknown" || record.Kind(7).String() != "unknown" {
		t.Error("a kind that does not exist has a name")
	}
}

// Test what a repository remembers of roles that were removed.
func TestRemovedRole(t *testing.T) {
	r := &record.Repository{Roles: []record.RoleState{
		{Name: "root", Version: 9},
		{Name: "targets", Parent: "root", Version: 8},
		{Name: "targets/a", Parent: "targets", Version: 3},
		{Name: "targets/b", Parent: "targets", Version: 2, Since: 5},
		{Name: "targets/c", Parent: "targets"},
	}}
	after := func(want string) {
		t.Helper()
		var got string
		for _, name := range []string{"root", "targets", "targets/a", "targets/b", "targets/c", "targets/d"} {
			got += fmt.Sprint(r.After(name), " ")
		}
		if got != want {
			t.Errorf("next files follow versions %s, want %s", got, want)
		}
	}
	after("9 8 3 2 0 0 ")
	r.RemoveRole("targets/a")
	after("9 8 3 2 3 3 ")
	r.RemoveRole("targets/b")
	r.RemoveRole("targets/c")
	after("9 8 3 3 3 3 ")
	r.SetRole(record.RoleState{Name: "targets/b", Parent: "targets", Since: 7})
	after("9 8 3 3 3 3 ")
	for index, want := range map[uint64]bool{5: false, 6: false, 7: true, 8: true} {
		if got := r.Owns(&record.ImageTag{Role: "targets/b", Index: index}); got != want {
			t.Errorf("a tag of record %d: %v, want %v", index, got, want)
		}
	}
	if r.Owns(&record.ImageTag{Role: "targets/a", Index: 9}) {
		t.Error("a removed role has a tag")
	}
}
