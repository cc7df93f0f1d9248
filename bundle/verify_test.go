package bundle_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// Test the answers to honest questions.
func TestVerify(t *testing.T) {
	s := newStory(t)
	for _, c := range []struct {
		name   string
		req    query.Resolve
		digest string // manifest of the image, empty for none
		err    error
	}{
		{"tag", ref(app + ":latest"), "two", nil},
		{"other tag", ref(app + ":1.0"), "one", nil},
		{"tag and its digest", at(ref(app+":1.0"), "one"), "one", nil},
		{"digest", at(bundletest.RepositoryRequest(app), "two"), "two", nil},
		{"repository", bundletest.RepositoryRequest(app), "", nil},
		{"tag by the ledger", byLedger(ref(app + ":latest")), "two", nil},
		{"digest by the ledger", byLedger(at(bundletest.RepositoryRequest(app), "gone")), "gone", nil},
		{"repository by the ledger", byLedger(bundletest.RepositoryRequest(app)), "", nil},

		{"unknown repository", ref("registry.example.com/none:1.0"), "", bundle.ErrUnknownRepository},
		{"unknown repository by the ledger", byLedger(ref("registry.example.com/none:1.0")), "", bundle.ErrUnknownRepository},
		{"unknown repository, no tag", bundletest.RepositoryRequest("registry.example.com/none"), "", bundle.ErrUnknownRepository},
		{"absent tag", ref(app + ":none"), "", bundle.ErrAbsentTag},
		{"absent tag by the ledger", byLedger(ref(app + ":none")), "", bundle.ErrAbsentTag},
		{"withdrawn", ref(app + ":old"), "gone", bundle.ErrWithdrawn},
		{"tag and another digest", at(ref(app+":latest"), "one"), "two", bundle.ErrDifferentDigest},
		{"absent digest", at(bundletest.RepositoryRequest(app), "none"), "none", bundle.ErrAbsentImage},
		{"digest of another repository", at(bundletest.RepositoryRequest(app), "foreign"), "foreign", bundle.ErrAbsentImage},
		{"digest that is no longer listed", at(bundletest.RepositoryRequest(app), "gone"), "gone", bundle.ErrNotListed},
	} {
		t.Run(c.name, func(t *testing.T) {
			result, memory, err := s.ask(s.Newest(), c.req)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if memory == nil || memory.TrustedHeight() != 5 || memory.StateHeight() != 4 {
				t.Errorf("nothing was learnt")
			}
			var denial *bundle.Denial
			if errors.As(err, &denial) {
				if result != nil || bundle.ClassOf(err) != bundle.NotTrusted {
					t.Errorf("denial of class %v with result %v", bundle.ClassOf(err), result)
				}
				result = denial.Result
			}
			if c.digest == "" {
				if !result.Digest.IsZero() {
					t.Errorf("digest %s", result.Digest)
				}
			} else if result.Digest != fixture.Digest(c.digest) {
				t.Errorf("digest %s, want that of %q", result.Digest, c.digest)
			}
		})
	}
}

// Test every field of a result.
func TestResult(t *testing.T) {
	s := newStory(t)
	result, memory, err := s.ask(s.Newest(), ref(app+":1.0"))
	if err != nil {
		t.Fatal(err)
	}
	published := record.Publication{Height: 2, Time: s.BlockTime(2), Index: 2}
	want := &bundle.Result{
		Repository: repository(app), Tag: ref(app + ":1.0").Tag,
		Digest: fixture.Digest("one"), Size: 3,
		StateHeight: 4, HeaderHeight: 5, BlockTime: s.BlockTime(5), Age: s.Now().Sub(s.BlockTime(5)),
		Registrant: "op-0", Revision: 3,
		Roles: []bundle.RoleStatus{
			{Name: "root", Version: 1, After: 1, Expires: s.app.Expires, MeetsKeys: true, Effective: true},
			{Name: "targets", Parent: "root", Version: 2, After: 2, Expires: s.app.Expires, MeetsKeys: true, Effective: true},
		},
		Role: "targets", RootVersion: 1, TargetsVersion: 2,
		TaggingKeys: fixture.IDs(s.app.TaggingKeys), RootKeys: fixture.IDs(s.app.RootKeys),
		Published: published, First: published, Last: published,
	}
	if string(result.Root.Bytes()) != string(s.app.Root(1).Bytes()) ||
		string(result.Targets.Bytes()) != string(s.app.Targets(2, fixture.Tags{"1.0": "one", "latest": "two"}).Bytes()) {
		t.Error("other files than those published")
	}
	if len(result.Files) != 1 || result.Files["targets"] != result.Targets {
		t.Errorf("files %v", result.Files)
	}
	result.Root, result.Targets, result.Files = nil, nil, nil
	names := cmpopts.EquateComparable(reference.Repository{}, reference.Tag{}, reference.Digest{})
	if diff := cmp.Diff(want, result, names); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	seen, _ := memory.Repository(repository(app))
	wantSeen := bundle.Seen{
		Height: 4, Revision: 3, Changed: 3,
		Roots: [][32]byte{s.app.Root(1).FileDigest()}, Root: s.app.Root(1).Bytes(),
	}
	if diff := cmp.Diff(wantSeen, seen); diff != "" {
		t.Errorf("memory (-want +got):\n%s", diff)
	}
}
