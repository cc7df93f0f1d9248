package bundle_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// leftOut returns a bundle once for each of its parts, without that part, and once
// for each pair of its targets files.
func leftOut(b *proto.Bundle) map[string]*proto.Bundle {
	out := make(map[string]*proto.Bundle)
	without := func(name string, change func(*proto.Bundle)) {
		b, ok := protobuf.Clone(b).(*proto.Bundle)
		if !ok {
			panic("a clone is of its own type")
		}
		change(b)
		out[name] = b
	}
	without("light block", func(b *proto.Bundle) { b.State.LightBlock = nil })
	without("state", func(b *proto.Bundle) { b.State = nil })
	without("app state", func(b *proto.Bundle) { b.State.AppState = nil })
	for name, field := range map[string]func(*proto.Bundle) **proto.MapEntry{
		"repository": func(b *proto.Bundle) **proto.MapEntry { return &b.Repository },
		"tag":        func(b *proto.Bundle) **proto.MapEntry { return &b.Tag },
		"image":      func(b *proto.Bundle) **proto.MapEntry { return &b.Image },
		"last root":  func(b *proto.Bundle) **proto.MapEntry { return &b.LastRoot },
	} {
		if *field(b) == nil {
			continue
		}
		without(name, func(b *proto.Bundle) { *field(b) = nil })
		without(name+" value", func(b *proto.Bundle) { (*field(b)).Value = nil })
		without(name+" proof", func(b *proto.Bundle) { (*field(b)).Proof = nil })
	}
	lists := map[string]func(*proto.Bundle) *[][]byte{
		"intermediate block": func(b *proto.Bundle) *[][]byte { return &b.State.IntermediateBlocks },
		"root":               func(b *proto.Bundle) *[][]byte { return &b.Roots },
		"file":               func(b *proto.Bundle) *[][]byte { return &b.Targets },
		"statement":          func(b *proto.Bundle) *[][]byte { return &b.Statements },
	}
	for name, list := range lists {
		for i := range *list(b) {
			without(fmt.Sprintf("%s %d", name, i), func(b *proto.Bundle) { *list(b) = slices.Delete(*list(b), i, i+1) })
			for j := range i {
				without(fmt.Sprintf("%s %d and %d", name, j, i), func(b *proto.Bundle) {
					*list(b) = slices.Delete(slices.Delete(*list(b), i, i+1), j, j+1)
				})
			}
		}
		without("every "+name, func(b *proto.Bundle) { *list(b) = nil })
	}
	without("statement root", func(b *proto.Bundle) { b.StatementRoot = nil })
	return out
}

// TestLeftOut: whoever answers can leave things out. Nothing that is left out makes a
// yes of a no, a no of a yes, or one no of another: the answer does not verify, or
// says what it said before.
func TestLeftOut(t *testing.T) {
	digest := func(manifest string) query.Resolve { return at(bundletest.RepositoryRequest(app), manifest) }
	ask := func(req query.Resolve) func(*testing.T) *asked {
		return func(t *testing.T) *asked { a := newStory(t).asked(); a.about(req); return a }
	}
	family := func(req query.Resolve) func(*testing.T) *asked {
		return func(t *testing.T) *asked {
			f := newFamily(t, time.Time{})
			f.about(req)
			return f.asked
		}
	}
	story := func(happens func(*testing.T, *asked)) func(*testing.T) *asked {
		return func(t *testing.T) *asked { a := newStory(t).asked(); happens(t, a); return a }
	}
	for _, c := range []struct {
		name string
		ask  func(*testing.T) *asked
		want error
	}{
		{"tag", ask(ref(app + ":latest")), nil},
		{"tag and digest", ask(at(ref(app+":1.0"), "one")), nil},
		{"tag and another digest", ask(at(ref(app+":latest"), "one")), bundle.ErrDifferentDigest},
		{"absent tag", ask(ref(app + ":none")), bundle.ErrAbsentTag},
		{"withdrawn tag", ask(ref(app + ":old")), bundle.ErrWithdrawn},
		{"unknown repository", ask(ref("registry.example.com/none:1.0")), bundle.ErrUnknownRepository},
		{"digest", ask(digest("two")), nil},
		{"absent digest", ask(digest("none")), bundle.ErrAbsentImage},
		{"digest not listed", ask(digest("gone")), bundle.ErrNotListed},
		{"repository", ask(bundletest.RepositoryRequest(app)), nil},

		{"tag by the ledger", ask(byLedger(ref(app + ":latest"))), nil},
		{"absent tag by the ledger", ask(byLedger(ref(app + ":none"))), bundle.ErrAbsentTag},
		{"digest by the ledger", ask(byLedger(digest("gone"))), nil},
		{"absent digest by the ledger", ask(byLedger(digest("none"))), bundle.ErrAbsentImage},
		{"repository by the ledger", ask(byLedger(bundletest.RepositoryRequest(app))), nil},

		{"tag of a delegated role", family(ref(app + ":v2-rc")), nil},
		{"digest of a delegated role", family(digest("nine")), nil},
		{"digest of a role below", family(digest("four")), nil},
		{"digest no role lists", family(digest("gone")), bundle.ErrNotListed},
		{"digest of a delegated role by the ledger", family(byLedger(digest("four"))), nil},
		{"delegated role", family(query.Resolve{Repository: repository(app), Role: roleDeep}), nil},

		{"rotated", story(func(t *testing.T, a *asked) { a.rotated(t, true) }), nil},
		{"rotated, not signed anew", story(func(t *testing.T, a *asked) { a.rotated(t, false) }), bundle.ErrNotEffective},
		{"revoked", story(func(_ *testing.T, a *asked) { a.revoked() }), bundle.ErrRevoked},
		{"revoked, by the ledger", story(func(_ *testing.T, a *asked) { a.req = byLedger(a.req); a.revoked() }), bundle.ErrRevoked},
		{"lifted", story(func(_ *testing.T, a *asked) { a.lifted() }), nil},
		{"lifted before a rotation", story(func(t *testing.T, a *asked) { a.lifted(); a.rotated(t, true) }), nil},
		{"lifted, by the ledger", story(func(_ *testing.T, a *asked) { a.req = byLedger(a.req); a.lifted() }), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := c.ask(t)
			honest := a.bundle
			if _, _, err := a.verify(); !errors.Is(err, c.want) {
				t.Fatalf("whole: error %v, want %v", err, c.want)
			}
			for name, b := range leftOut(honest) {
				a.bundle = b
				_, _, err := a.verify()
				if class := bundle.ClassOf(err); class != bundle.Attack && class != bundle.Stale && !errors.Is(err, c.want) {
					t.Errorf("without %s: error %v of class %s, want %v or an attack", name, err, class, c.want)
				}
			}
		})
	}
}

// TestNotListedTakesAllFiles: the smallest lie of the kind. A node leaves out the file
// of the one role that lists a digest, and all that is left is true.
func TestNotListedTakesAllFiles(t *testing.T) {
	f := newFamily(t, time.Time{})
	f.req = at(query.Resolve{Repository: repository(app)}, "nine")
	f.answer()
	if r, _, err := f.verify(); err != nil || r.Role != roleLTS {
		t.Fatalf("%+v, %v", r, err)
	}
	f.bundle.Targets = slices.Delete(f.bundle.Targets, 1, 2)
	if _, m, err := f.verify(); !errors.Is(err, bundle.ErrTargets) || m != nil {
		t.Errorf("without the file that lists it: %v", err)
	}
	// Its chain is all that a yes takes.
	f.about(f.req)
	if n := len(f.bundle.Targets); n != 2 {
		t.Errorf("%d files for a yes, want 2", n)
	}
	// A no takes those of every effective role, and of no other.
	f.about(at(query.Resolve{Repository: repository(app)}, "gone"))
	if n := len(f.bundle.Targets); n != 4 {
		t.Errorf("%d files for a no, want 4", n)
	}
	f.publish(f.app.RoleFile(tuf.RoleTargets, 5, fixture.Tags{"1.0": "one", "latest": "two"}, fixture.Delegate(f.to[0]), f.app.TaggingKeys...))
	f.about(f.req)
	if _, _, err := f.verify(); !errors.Is(err, bundle.ErrNotListed) || len(f.bundle.Targets) != 2 {
		t.Errorf("%d files, %v", len(f.bundle.Targets), err)
	}
	f.bundle.Targets = f.bundle.Targets[:1]
	if _, _, err := f.verify(); !errors.Is(err, bundle.ErrTargets) {
		t.Errorf("without the other role's file: %v", err)
	}
}

// TestRemovedAndBack: what a role set before it was removed is not its own when it
// returns, at either assurance, until it sets it again.
func TestRemovedAndBack(t *testing.T) {
	f := newFamily(t, time.Time{})
	f.req = ref(app + ":v9")
	tags := fixture.Tags{"1.0": "one", "latest": "two"}
	f.publish(f.app.RoleFile(tuf.RoleTargets, 5, tags, fixture.Delegate(f.to[1]), f.app.TaggingKeys...))
	f.publish(f.app.RoleFile(tuf.RoleTargets, 6, tags, fixture.Delegate(f.to...), f.app.TaggingKeys...),
		f.app.RoleFile(roleLTS, 2, fixture.Tags{"v9-1": "other"}, nil, f.key[roleLTS]))
	for _, req := range []query.Resolve{ref(app + ":v9"), byLedger(ref(app + ":v9"))} {
		f.about(req)
		if _, _, err := f.verify(); !errors.Is(err, bundle.ErrNotEffective) {
			t.Errorf("%s assurance, not set again: %v", req.Assurance, err)
		}
	}
	f.publish(f.app.RoleFile(roleLTS, 3, fixture.Tags{"v9": "nine"}, nil, f.key[roleLTS]))
	for _, req := range []query.Resolve{ref(app + ":v9"), byLedger(ref(app + ":v9"))} {
		f.about(req)
		if r, _, err := f.verify(); err != nil || r.Role != roleLTS {
			t.Errorf("%s assurance, set again: %v", req.Assurance, err)
		}
	}
}

// TestListedByRoleExpiredSince: at block time one file was enough for a yes. Now its
// role is expired, and whether another lists the digest is not shown.
func TestListedByRoleExpiredSince(t *testing.T) {
	expires := newStory(t).BlockTime(8).Add(time.Second)
	f := newFamily(t, expires)
	f.policy = bundle.OfflinePolicy()
	f.about(at(query.Resolve{Repository: repository(app)}, "four"))
	f.now = expires
	whole := f.bundle.Targets
	if _, m, err := f.verify(); !errors.Is(err, bundle.ErrStale) || m != nil {
		t.Errorf("without the others' files: %v", err)
	}
	f.policy.AllowExpired = true
	if _, _, err := f.verify(); err != nil {
		t.Errorf("as of block time: %v", err)
	}
	f.policy.AllowExpired = false
	f.send()
	if _, _, err := f.verify(); !errors.Is(err, bundle.ErrNotEffective) {
		t.Errorf("with all files: %v", err)
	}
	f.bundle.Targets = whole
	f.now = expires.Add(-time.Second)
	if _, _, err := f.verify(); err != nil {
		t.Errorf("before: %v", err)
	}
}

// TestFilesWithoutRoom: files that together are larger than a bundle has room for come
// in portions; those that are not, and are missing, were left out.
func TestFilesWithoutRoom(t *testing.T) {
	for _, c := range []struct {
		size uint32 // of each of the three delegated roles' files, as the ledger has it
		want error
	}{
		{bundle.MaxTargetsBytes / 4, bundle.ErrTargets},
		{bundle.MaxTargetsBytes / 3, bundle.ErrMoreFiles},
	} {
		f := newFamily(t, time.Time{})
		f.req = at(query.Resolve{Repository: repository(app)}, "gone")
		f.agree(t, func(r *record.Repository) {
			for i := range r.Roles {
				if !r.Roles[i].TopLevel() {
					r.Roles[i].FileSize = c.size
				}
			}
		})
		f.bundle.Targets = f.bundle.Targets[:2]
		if _, m, err := f.verify(); !errors.Is(err, c.want) || (m != nil) != errors.Is(c.want, bundle.ErrMoreFiles) {
			t.Errorf("%d bytes each: %v, want %v", c.size, err, c.want)
		}
	}
}

// cleared returns a message once for each field in it, at any depth, without that
// field, and once for each element of a list without that element.
func cleared(m protobuf.Message) map[string]protobuf.Message {
	out := make(map[string]protobuf.Message)
	var walk func(path string, at func(protoreflect.Message) protoreflect.Message)
	walk = func(path string, at func(protoreflect.Message) protoreflect.Message) {
		at(m.ProtoReflect()).Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			name := path + string(f.Name())
			without := func(name string, change func(protoreflect.Message)) {
				c := protobuf.Clone(m)
				change(at(c.ProtoReflect()))
				out[name] = c
			}
			without(name, func(m protoreflect.Message) { m.Clear(f) })
			if !f.IsList() {
				if f.Kind() == protoreflect.MessageKind {
					walk(name+".", func(m protoreflect.Message) protoreflect.Message { return at(m).Get(f).Message() })
				}
				return true
			}
			for i := range v.List().Len() {
				name := fmt.Sprintf("%s %d", name, i)
				without(name, func(m protoreflect.Message) {
					l := m.Mutable(f).List()
					for j := i; j < l.Len()-1; j++ {
						l.Set(j, l.Get(j+1))
					}
					l.Truncate(l.Len() - 1)
				})
				if f.Kind() == protoreflect.MessageKind {
					walk(name+".", func(m protoreflect.Message) protoreflect.Message { return at(m).Get(f).List().Get(i).Message() })
				}
			}
			return true
		})
	}
	walk("", func(m protoreflect.Message) protoreflect.Message { return m })
	return out
}

// TestLeftOutOfAnswers is TestLeftOut for the answers that are no bundles.
func TestLeftOutOfAnswers(t *testing.T) {
	s := newServed(t)
	statement := s.RelayStatements(s.Operators[1], s.app.Revoke("targets", 1, "two"))
	s.Commit(statement)
	s.Commit()
	now, p := s.Now(), bundle.DefaultPolicy()
	judge := func(m protobuf.Message) (string, error) {
		switch m := m.(type) {
		case *proto.HistoryAnswer:
			page, _, err := bundle.VerifyHistory(m, repository(app), bundle.Cursor{}, s.memory(), now, p)
			if err != nil {
				return "", err
			}
			// A page may be shorter, and says where the next begins.
			for i, r := range page.Records {
				if r.Revision != page.Revision-uint64(i) {
					t.Errorf("revision %d behind %d others of %d", r.Revision, i, page.Revision)
				}
			}
			if uint64(len(page.Records))+page.Next.Revision != page.Revision {
				t.Errorf("%d records of %d, the next is %d", len(page.Records), page.Revision, page.Next.Revision)
			}
			return "", nil
		case *proto.ImageAnswer:
			v, _, err := bundle.VerifyVouchers(m, fixture.Digest("two"), s.memory(), now, p)
			if err != nil {
				return "", err
			}
			return fmt.Sprint(v.Count, v.Repositories), nil
		case *proto.InclusionAnswer:
			r, _, err := bundle.VerifyInclusion(m, 4, 0, s.memory(), now, p)
			if err != nil {
				return "", err
			}
			return fmt.Sprint(r.Index, r.Revision, r.Repository), nil
		case *proto.ConsistencyAnswer:
			g, _, err := bundle.VerifyConsistency(m, 4, 0, s.memory(), now, p)
			if err != nil {
				return "", err
			}
			return fmt.Sprint(g.First.Log, g.Second.Log), nil
		case *proto.ReceiptAnswer:
			tx := s.tx
			if len(m.GetTransaction().GetHash()) > 0 && [32]byte(m.GetTransaction().GetHash()) != sha256.Sum256(tx) {
				tx = statement
			}
			r, _, err := bundle.VerifyReceipt(m, tx, s.memory(), now, p)
			if err != nil {
				return "", err
			}
			return fmt.Sprint(r.Height, r.Index, len(r.Records)), nil
		}
		t.Fatalf("no verifier of %T", m)
		return "", nil
	}
	for name, m := range map[string]protobuf.Message{
		"history":     s.history(t, app, ""),
		"vouchers":    ask[*proto.ImageAnswer](t, s, "image", "digest="+fixture.Digest("two").String()),
		"inclusion":   ask[*proto.InclusionAnswer](t, s, "log/inclusion", "index=4"),
		"consistency": ask[*proto.ConsistencyAnswer](t, s, "log/consistency", "first=4"),
		"receipt":     s.receipt(t, s.tx),
		"statement":   s.receipt(t, statement),
	} {
		t.Run(name, func(t *testing.T) {
			want, err := judge(m)
			if err != nil {
				t.Fatal(err)
			}
			for part, m := range cleared(m) {
				got, err := judge(m)
				if class := bundle.ClassOf(err); class != bundle.Attack && class != bundle.Stale && (err != nil || got != want) {
					t.Errorf("without %s: %s, error %v; want %s or an attack", part, got, err, want)
				}
			}
		})
	}
}
