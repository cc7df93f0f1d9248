package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/keystore"
	"hullmark/record"
	"hullmark/tuf"
)

// Test that emergencies are submitted with a root key where there is one, and that whoever
// has only the tagging key's passphrase can submit them too.
func TestSubmitterOf(t *testing.T) {
	const passphrase, other = "correct horse", "battery staple"
	dir := t.TempDir()
	file := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := keystore.New(filepath.Join(dir, "keys"), keystore.WithScryptLogN(4))
	public := make(map[string]keys.PublicKey)
	for name, secret := range map[string]string{"a-tagging": passphrase, "b-root": passphrase, "c-sealed": other, "d-stranger": passphrase} {
		info, err := store.Generate(name, keystore.TypeEd25519, []byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		public[name] = info.PublicKey
	}
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher("registry.example.com/team/app")
	rootOf := func(names ...string) *tuf.Root {
		spec := p.RootSpec(1)
		spec.Roles.Root.KeyIDs, spec.Roles.Targets.KeyIDs = nil, []keys.ID{public["a-tagging"].ID()}
		spec.Keys = append(c.NotaryKeys(), public["a-tagging"])
		for _, n := range names {
			spec.Keys = append(spec.Keys, public[n])
			spec.Roles.Root.KeyIDs = append(spec.Roles.Root.KeyIDs, public[n].ID())
		}
		root, err := tuf.NewRoot(spec)
		if err != nil {
			t.Fatal(err)
		}
		return root
	}
	ordinary := change.RequestPart{NewRoles: []*tuf.Targets{p.Targets(1, nil)}}
	next := change.RequestPart{NewRoots: []*tuf.Root{p.SignRoot(p.RootSpec(2))}}
	revoked := change.RequestPart{Statement: &record.SignedStatement{Statement: p.Revocation(tuf.RoleTargets, 1, "one")}}
	lifted := change.RequestPart{Statement: &record.SignedStatement{Statement: p.Lifting(1, 1, "one")}}
	for _, tc := range []struct {
		name  string
		kind  change.RequestKind
		part  change.RequestPart
		root  *tuf.Root
		open  []string
		named []string
		want  string
		err   error
	}{
		{"publication", change.RequestPublish, ordinary, rootOf("b-root"), nil, nil, "a-tagging", nil},
		{"publication with an open root key", change.RequestPublish, ordinary, rootOf("b-root"), []string{"b-root"}, nil, "b-root", nil},
		{"rotation", change.RequestRotate, next, rootOf("b-root"), nil, nil, "b-root", nil},
		{"rotation with an open tagging key", change.RequestRotate, next, rootOf("b-root"), []string{"a-tagging"}, nil, "b-root", nil},
		{"revocation", change.RequestRevoke, revoked, rootOf("b-root"), nil, nil, "b-root", nil},
		{"revocation that the tagging key signed", change.RequestRevoke, revoked, rootOf("b-root"), []string{"a-tagging"}, nil, "b-root", nil},
		{"lift", change.RequestLift, lifted, rootOf("b-root"), nil, nil, "b-root", nil},
		{"revocation, the root key's passphrase is unknown", change.RequestRevoke, revoked, rootOf("c-sealed"), []string{"a-tagging"}, nil, "a-tagging", nil},
		{"revocation, nothing is open", change.RequestRevoke, revoked, rootOf("c-sealed"), nil, nil, "", keystore.ErrPassphrase},
		{"revocation, an open root key of two", change.RequestRevoke, revoked, rootOf("b-root", "c-sealed"), []string{"a-tagging", "b-root"}, nil, "b-root", nil},
		{"revocation by a key that is named", change.RequestRevoke, revoked, rootOf("b-root"), nil, []string{"a-tagging"}, "a-tagging", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &session{dir: dir, passphraseFile: file, stderr: io.Discard}
			defer s.close()
			if _, err := s.openKeys(t.Context(), tc.open); err != nil {
				t.Fatal(err)
			}
			part := tc.part
			part.Repository, part.Root = p.Repository, tc.root
			got, err := s.submitterOf(t.Context(), &change.Request{Kind: tc.kind, Ledger: c.Ledger(), Parts: []change.RequestPart{part}}, tc.named)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && !got.PublicKey().Equal(public[tc.want]) {
				t.Errorf("another key than %s", tc.want)
			}
		})
	}
}
