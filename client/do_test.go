package client_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"hullmark/bundle/bundletest"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// ring is client.Keys that sign whatever they may, and submit by the first.
type ring []*fixture.Key

// Sign implements client.Keys.
func (k ring) Sign(_ context.Context, r *change.Request) (*change.Request, error) {
	var signers []tuf.Signer
	for _, key := range k {
		if r.MaySign(key.ID()) {
			signers = append(signers, key)
		}
	}
	return r.Sign(signers...)
}

// Submitter implements client.Keys.
func (k ring) Submitter(context.Context, *change.Request) (change.Submitter, string, error) {
	return submitter{k[0]}, "", nil
}

// ways are a change of each kind that is drafted on what there is, by app's keys; with what
// somebody else does first, and what must be true in the end.
func ways(n *network) map[string]struct {
	kind  change.RequestKind
	order client.Order
	first []byte
	check func(t *testing.T, current *change.Current)
} {
	expires := n.now().Add(time.Hour)
	statement := func(action record.Action, role, manifest string) client.Order {
		return client.StatementOrder(n.app.Repository, change.StatementChange{
			Action: action, Role: role, Digests: fixture.Digests(manifest), Reason: record.ReasonMistake,
		})
	}
	fresh, ci := fixture.NewKey(n.tb, keys.KeytypeEd25519, "fresh"), fixture.NewKey(n.tb, keys.KeytypeEd25519, "ci")
	type way = struct {
		kind  change.RequestKind
		order client.Order
		first []byte
		check func(t *testing.T, current *change.Current)
	}
	return map[string]way{
		"rotate": {change.RequestRotate, client.Order{Repository: n.app.Repository, Draft: func(current *change.Current, _ *change.RequestPart) (*change.RequestPart, error) {
			root, err := change.NextRoot(current.Root, change.RootChange{Targets: change.Holders{Keys: publicKeys(fresh)}, Expires: expires})
			if err != nil {
				return nil, err
			}
			return &change.RequestPart{Repository: current.Repository, Root: current.Root, NewRoots: []*tuf.Root{root}}, nil
		}}, n.chain.Publish(n.app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{n.app.Root(2)}}), func(t *testing.T, current *change.Current) {
			if current.Root.Version != 3 || !current.Root.Roles.Targets.Has(fresh.ID()) {
				t.Errorf("root version %d", current.Root.Version)
			}
		}},
		"delegate": {change.RequestPublish, client.Order{Repository: n.app.Repository, Draft: func(current *change.Current, _ *change.RequestPart) (*change.RequestPart, error) {
			next, err := change.NextDelegator(current, tuf.RoleTargets, delegation("targets/ci", ci, "ci-*"), change.Adoption{}, expires)
			if err != nil {
				return nil, err
			}
			part := change.NewRolePart(current, next)
			return &part, nil
		}}, n.app.Publish(3, fixture.Tags{"1.0": "one", "somebody": "else"}), func(t *testing.T, current *change.Current) {
			targets := current.Files[tuf.RoleTargets]
			if _, ok := targets.Delegation("targets/ci"); !ok || targets.Version != 4 || len(targets.Targets) != 2 {
				t.Errorf("targets version %d with %d tags", targets.Version, len(targets.Targets))
			}
		}},
		"revoke": {change.RequestRevoke, statement(record.ActionRevoke, tuf.RoleTargets, "two"),
			n.chain.State(n.app.RootKeys[0], n.app.Revoke(tuf.RoleTargets, 1, "one")), func(t *testing.T, current *change.Current) {
				if current.Revocations != 2 {
					t.Errorf("%d revocations", current.Revocations)
				}
			}},
	}
}

func publicKeys(set ...*fixture.Key) []keys.PublicKey {
	var out []keys.PublicKey
	for _, k := range set {
		out = append(out, k.PublicKey())
	}
	return out
}

// Test that changes of all kinds are drafted anew when somebody else is first.
func TestDoAfterConflict(t *testing.T) {
	for _, name := range []string{"rotate", "delegate", "revoke"} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 1)
			way := ways(n)[name]
			n.somebodyFirst(1, func(uint64) []byte { return way.first })
			pauses := new(pauses)
			c := n.client(pauses.of)
			done, err := c.Do(t.Context(), way.kind, ring{n.app.RootKeys[0], n.app.TaggingKeys[0]}, way.order)
			if err != nil {
				t.Fatal(err)
			}
			if len(pauses.taken) != 1 || done.Transaction == nil || done.Request == nil || len(done.Parts) != 1 {
				t.Errorf("%d pauses, %+v", len(pauses.taken), done)
			}
			result, _, err := c.Repository(t.Context(), n.app.Repository)
			if err != nil {
				t.Fatal(err)
			}
			way.check(t, client.CurrentOf(result))
		})
	}
}

// Test that an answer that is lost on the way is no conflict: what was sent is there once.
func TestDoAfterLostAnswer(t *testing.T) {
	for _, name := range []string{"rotate", "delegate", "revoke"} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 2)
			way := ways(n)[name]
			n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
				return times(1, func(w http.ResponseWriter, r *http.Request) bool {
					n.take(r)
					fail(w, 422, "stale-scope", "stale", uint32(record.CodeStaleScope))
					return true
				})
			})
			c := n.client()
			done, err := c.Do(t.Context(), way.kind, ring{n.app.RootKeys[0], n.app.TaggingKeys[0]}, way.order)
			if err != nil {
				t.Fatal(err)
			}
			if done.Transaction != nil || done.Parts[0] == nil {
				t.Errorf("%+v", done)
			}
			result, _, err := c.Repository(t.Context(), n.app.Repository)
			if err != nil {
				t.Fatal(err)
			}
			if got := client.CurrentOf(result); got.Root.Version > 2 || got.Files[tuf.RoleTargets].Version > 3 || got.Revocations > 1 {
				t.Error("it was done twice")
			}
		})
	}
}

// Test two orders of which the ledger has one already, by an attempt whose answer was lost. It
// is still reported as done when the other one conflicts and is drafted again, now or later.
func TestDoKeepsWhatIsThere(t *testing.T) {
	for _, again := range []bool{false, true} {
		n := newNetwork(t, 1)
		first := times(1, func(w http.ResponseWriter, r *http.Request) bool {
			n.take(r)
			n.commit(n.other.Publish(3, fixture.Tags{"1.0": "foreign", "somebody": "else"}))
			n.commit()
			fail(w, 422, "stale-scope", "stale", uint32(record.CodeStaleScope))
			return true
		})
		second := times(1, func(http.ResponseWriter, *http.Request) bool {
			n.commit(n.app.Publish(4, fixture.Tags{"latest": "two", "somebody": "else"}))
			n.commit(n.other.Publish(4, fixture.Tags{"1.0": "foreign", "somebody": "new"}))
			n.commit()
			return false
		})
		n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
			return first(w, r) || again && second(w, r)
		})
		op := n.chain.Operators[0]
		ours, theirs := n.order(withdraw("1.0")), n.order(set("mine", "three"))
		ours.Submitter, ours.Payer = submitter{op.Governance}, op.ID
		theirs.Repository, theirs.Signers = n.other.Repository, []tuf.Signer{n.other.TaggingKeys[0]}
		done, err := n.client().Publish(t.Context(), ours, theirs)
		if err != nil {
			t.Errorf("again %t: %v", again, err)
			continue
		}
		// Once it was overtaken it is the other's file that says so.
		if parts := len(done.Request.Parts); again && parts != 1 || !again && parts != 2 {
			t.Errorf("again %t: %d parts of what was signed here are there", again, parts)
		}
	}
}

// Test that a lift which lost to another takes back no revocation that came meanwhile.
func TestLiftAfterConflict(t *testing.T) {
	n := newNetwork(t, 1)
	n.commit(n.chain.State(n.app.RootKeys[0], n.app.Revoke(tuf.RoleTargets, 1, "one")))
	n.commit(n.chain.State(n.app.RootKeys[0], n.app.Revoke(tuf.RoleTargets, 2, "two")))
	n.commit()
	n.nodes[0].lie(times(1, func(http.ResponseWriter, *http.Request) bool {
		n.do(func(c *bundletest.Chain) {
			c.Commit(n.chain.State(n.app.RootKeys[0], n.app.Lift(1, 2, "two")))
			c.Commit(n.chain.State(n.app.RootKeys[0], n.app.Revoke(tuf.RoleTargets, 3, "three")))
			c.Commit()
		})
		return false
	}))
	order := client.StatementOrder(n.app.Repository, change.StatementChange{
		Action: record.ActionLift, Role: tuf.RoleRoot, Digests: fixture.Digests("one"), Reason: record.ReasonMistake,
	})
	done, err := n.client().Do(t.Context(), change.RequestLift, ring{n.app.RootKeys[0]}, order)
	if err != nil {
		t.Fatal(err)
	}
	if st := done.Parts[0].Statement; st.Sequence != 2 || st.Through != 2 {
		t.Errorf("lift %d takes back all through %d", st.Sequence, st.Through)
	}
}

// Test that errors of keys and drafts end it, and come as they are.
func TestDoEnds(t *testing.T) {
	n := newNetwork(t, 1)
	way := ways(n)["rotate"]
	mine := errors.New("mine")
	failing := way.order
	failing.Draft = func(*change.Current, *change.RequestPart) (*change.RequestPart, error) { return nil, mine }
	for name, do := range map[string]func(c *client.Client) error{
		"draft": func(c *client.Client) error {
			_, err := c.Do(t.Context(), way.kind, ring{n.app.RootKeys[0]}, failing)
			return err
		},
		"request": func(c *client.Client) error {
			_, _, err := c.Draft(t.Context(), way.kind, failing)
			return err
		},
		"keys": func(c *client.Client) error {
			_, err := c.Do(t.Context(), way.kind, noKeys{mine}, way.order)
			return err
		},
	} {
		if err := do(n.client()); !errors.Is(err, mine) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := n.client().Do(t.Context(), way.kind, ring{n.app.RootKeys[0]}); err == nil {
		t.Error("nothing was ordered, and done")
	}
	nothing := way.order
	nothing.Draft = func(*change.Current, *change.RequestPart) (*change.RequestPart, error) { return nil, nil }
	done, err := n.client().Do(t.Context(), way.kind, noKeys{mine}, nothing)
	if err != nil || done.Request != nil || done.Transaction != nil || len(done.Current) != 1 {
		t.Errorf("nothing to do: %+v, %v", done, err)
	}
}

// noKeys can neither sign nor submit.
type noKeys struct{ err error }

// Sign implements client.Keys.
func (k noKeys) Sign(context.Context, *change.Request) (*change.Request, error) { return nil, k.err }

// Submitter implements client.Keys.
func (k noKeys) Submitter(context.Context, *change.Request) (change.Submitter, string, error) {
	return nil, "", k.err
}
