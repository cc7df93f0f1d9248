package record_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/keys"
	"hullmark/record"
)

// checkStoredRepository compares what is read of a value where it stands with what
// decoding it gives. It may accept what does not decode, but not the other way round.
func checkStoredRepository(t *testing.T, value []byte) {
	t.Helper()
	want, err := record.DecodeRepository(value)
	s, openErr := record.OpenRepository(value)
	if err != nil {
		return
	}
	if openErr != nil {
		t.Fatal(openErr)
	}
	again, err := s.Decode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, again); diff != "" {
		t.Error(diff)
	}
	head := *want
	head.RootKeys, head.TargetsKeys, head.RemovedVersion, head.Roles = nil, nil, 0, nil
	if diff := cmp.Diff(&head, s.Head()); diff != "" {
		t.Errorf("head: %s", diff)
	}
	if s.RevocationSequence() != want.RevocationSequence || s.LiftSequence() != want.LiftSequence || s.Quotas() != want.Quotas {
		t.Error("counts or buckets differ")
	}
	known := make(map[keys.ID]bool)
	for _, list := range [][]keys.ID{want.RootKeys, want.TargetsKeys} {
		for _, id := range list {
			known[id] = true
		}
	}
	for _, r := range want.Roles {
		for _, id := range r.Keys {
			known[id] = true
		}
	}
	asked := append(keyIDs(8), want.RootKeys...)
	for _, r := range want.Roles {
		asked = append(append(asked, r.Keys...), r.Signers...) // who signed a file need not have a role any more
	}
	for _, id := range asked {
		if s.HasKey(id) != known[id] {
			t.Errorf("key %s: %v", id, s.HasKey(id))
		}
		root := false
		for _, k := range want.RootKeys {
			root = root || k == id
		}
		if s.HasRootKey(id) != root {
			t.Errorf("root key %s: %v", id, s.HasRootKey(id))
		}
	}
	for _, name := range append([]string{"root", "targets", "targets/nobody", "", "x"}, roleNames(want)...) {
		if got := s.After(name); got != want.After(name) {
			t.Errorf("the file after %s %d", name, got)
		}
		w, wok := want.Role(name)
		r, ok := s.Role(name)
		if ok != wok {
			t.Fatalf("role %s: %v", name, ok)
		}
		if !ok {
			continue
		}
		if r.Version != w.Version || r.FileSize != w.FileSize || r.DelegationsSize != w.DelegationsSize ||
			r.Patterns != w.Patterns || r.Narrowed != w.Narrowed || r.TopLevel() != w.TopLevel() {
			t.Errorf("role %s is %+v, want %+v", name, r, w)
		}
		if got, want := s.Lineage(name), lineage(want, w); got != want {
			t.Errorf("lineage of %s is %+v, want %+v", name, got, want)
		}
	}
	if got := s.Lineage("targets/nobody"); got != (record.Lineage{}) {
		t.Errorf("lineage of a role without an entry: %+v", got)
	}
}

// lineage is what Lineage must return, one step after the other.
func lineage(repo *record.Repository, r record.RoleState) record.Lineage {
	var out record.Lineage
	s, ok := r, true
	for n := 0; n < record.MaxRoles && ok && !s.TopLevel(); n++ { // what decodes need not be a tree
		out.Patterns += int(s.Patterns)
		s, ok = repo.Role(s.Parent)
	}
	for n := 1; n < record.MaxRoles; n++ {
		above, ok := repo.Role(r.Parent)
		if !ok {
			break
		}
		out.DelegationsSize += int(above.DelegationsSize)
		r = above
	}
	return out
}

func roleNames(r *record.Repository) []string {
	var out []string
	for _, role := range r.Roles {
		out = append(out, role.Name)
	}
	return out
}

func TestStoredRepository(t *testing.T) {
	f := repositoryFormat()
	for _, s := range f.good {
		value := f.encode(s.value)
		checkStoredRepository(t, value)
		for n := range value {
			if _, err := record.OpenRepository(value[:n]); err == nil {
				t.Errorf("%s: the first %d bytes are a value", s.name, n)
			}
		}
		if _, err := record.OpenRepository(append(value, 0)); err == nil {
			t.Errorf("%s: a byte more is a value", s.name)
		}
	}
	var none record.StoredRepository
	if _, ok := none.Role("root"); ok || none.HasKey(keys.ID{}) || none.After("targets/x") != 0 {
		t.Error("something is known of nothing")
	}
}

func FuzzStoredRepository(f *testing.F) {
	format := repositoryFormat()
	for _, s := range format.good {
		f.Add(format.encode(s.value))
	}
	for _, bad := range format.bad {
		if len(bad.b) <= maxVector {
			f.Add(bad.b)
		}
	}
	f.Fuzz(checkStoredRepository)
}

func checkStoredOperator(t *testing.T, value []byte) {
	t.Helper()
	want, err := record.DecodeOperator(value)
	s, openErr := record.OpenOperator(value)
	if err != nil {
		return
	}
	if openErr != nil {
		t.Fatal(openErr)
	}
	if s.Quota() != want.Quota || !s.HasGovernanceKey(want.GovernanceKey) {
		t.Errorf("quota %+v, want %+v", s.Quota(), want.Quota)
	}
	if s.HasGovernanceKey(keys.PublicKey{}) || s.HasGovernanceKey(want.NotaryKey) != want.NotaryKey.Equal(want.GovernanceKey) {
		t.Error("another key is taken for the governance key")
	}
	want.Quota = record.Bucket{Tokens: 7, Height: 1 << 40}
	if diff := cmp.Diff(want.Encode(), s.WithQuota(want.Quota)); diff != "" {
		t.Error(diff)
	}
}

func TestStoredOperator(t *testing.T) {
	f := operatorFormat(t)
	for _, s := range f.good {
		value := f.encode(s.value)
		checkStoredOperator(t, value)
		for n := range value {
			if _, err := record.OpenOperator(value[:n]); err == nil {
				t.Errorf("%s: the first %d bytes are a value", s.name, n)
			}
		}
		if _, err := record.OpenOperator(append(value, 0)); err == nil {
			t.Errorf("%s: a byte more is a value", s.name)
		}
	}
}

func FuzzStoredOperator(f *testing.F) {
	format := operatorFormat(f)
	for _, s := range format.good {
		f.Add(format.encode(s.value))
	}
	for _, bad := range format.bad {
		f.Add(bad.b)
	}
	f.Fuzz(checkStoredOperator)
}
