package determinism

import (
	"fmt"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// storyteller writes the blocks of the recorded run.
type storyteller struct {
	c      *fixture.Consortium
	blocks []block
}

func (s *storyteller) block(txs ...[]byte) {
	height := s.c.InitialHeight + uint64(len(s.blocks))
	s.blocks = append(s.blocks, block{Height: height, Time: s.c.BlockTime(height), Txs: txs})
}

// story uses every kind of transaction the ledger knows, in blocks that an honest
// proposer makes and in blocks that only a faulty one does: a node that replays
// the latter must come to the same verdicts all the same.
func story(t testing.TB) (*fixture.Consortium, []block) {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	c.Name, c.InitialHeight = "recorded", 5
	c.Params.Quotas = [3]record.Quota{{Capacity: 6, Refill: 3}, {Capacity: 2, Refill: 5}, {Capacity: 3, Refill: 7}}
	c.Params.OperatorQuota = record.Quota{Capacity: 5, Refill: 2}
	s := &storyteller{c: c}
	op := c.Operators
	app := c.NewPublisherOf("registry.example.com/app", keys.KeytypeECDSA, keys.KeytypeEd25519)
	tool := c.NewPublisherOf("localhost:5000/team/tool", keys.KeytypeEd25519, keys.KeytypeECDSA)
	tags := fixture.Tags{}
	for i := range 40 {
		tags[fmt.Sprintf("v%d", i)] = fmt.Sprint(i % 9)
	}
	files := func(p *fixture.Publisher, version uint64, tags fixture.Tags) fixture.Update {
		return fixture.Update{Targets: p.Targets(version, tags)}
	}

	s.block()
	s.block(app.Register(op[0]), tool.Register(op[1]))
	// Not the owner of the name, registered already, not registered.
	s.block(c.NewPublisher("localhost:5000/mine").Register(op[0]), app.Register(op[0]), c.NewPublisher("registry.example.com/none").Publish(1, nil))
	s.block(app.Publish(1, fixture.Tags{"1.0": "one", "latest": "one"}), tool.Publish(1, tags))
	// Versions in a row in one block; then one again, and one left out.
	s.block(app.Publish(2, fixture.Tags{"1.0": "one", "1.1": "two", "latest": "two"}), app.Publish(3, fixture.Tags{"1.1": "two", "latest": "two"}))
	s.block(app.Publish(3, nil), app.Publish(5, nil))
	// Two repositories in one transaction, carried by an operator.
	tags["v1"], tags["new"] = "changed", "fresh"
	s.block(c.Relay(op[2], files(app, 4, fixture.Tags{"latest": "two"}), files(tool, 2, tags)))
	// Noise, bytes left out, a byte changed, another chain.
	good := app.Publish(5, fixture.Tags{"latest": "two"})
	forged := append([]byte(nil), good...)
	forged[len(forged)-1] ^= 1
	abroad := c.NewPublish(app.TaggingKeys[0], files(app, 5, nil))
	abroad.ChainID = "other-0123456789abcdef"
	s.block([]byte("noise"), good[:len(good)-1], forged, abroad.Bytes(), nil)
	// A good one between bad ones.
	thief := *tool
	thief.TaggingKeys = fixture.NewKeys(t, keys.KeytypeEd25519, "thief", 1)
	s.block(forged, good, thief.Publish(3, nil), c.Relay(op[3], files(&thief, 3, nil)), good)

	// Revocations by either role, of what is there and what never was; a lift.
	s.block(c.State(app.TaggingKeys[0], app.Revoke(record.RoleTargets, 1, "one", "never")))
	s.block(app.Publish(6, fixture.Tags{"1.0": "one", "latest": "two"}), c.RelayStatements(op[1], app.Revoke(record.RoleRoot, 2, "two"), tool.Revoke(record.RoleRoot, 1, "changed")))
	s.block(c.State(app.TaggingKeys[0], app.Revoke(record.RoleTargets, 2, "one")), c.State(tool.TaggingKeys[0], app.Revoke(record.RoleTargets, 3, "three")))
	s.block(c.State(app.RootKeys[0], app.Lift(1, 2, "one", "two")), c.State(app.RootKeys[0], app.Lift(1, 2, "never")))

	// Rotations: of the tagging keys, which switches their file off; of the root
	// keys twice in one transaction; by who may not.
	oldTags, oldRoot := app.TaggingKeys, app.RootKeys
	second := app.RotateRoot(2, nil, fixture.NewKeys(t, keys.KeytypeECDSA, "second tagging", 1))
	s.block(c.Publish(oldRoot[0], fixture.Update{Roots: []*tuf.Root{second}}))
	stolen := *app
	stolen.TaggingKeys = oldTags
	s.block(stolen.Publish(6, fixture.Tags{"latest": "evil"}), c.Relay(op[0], files(&stolen, 6, fixture.Tags{"latest": "evil"})))
	for range 15 { // rotations and relays have their quotas too
		s.block()
	}
	third := app.RotateRoot(3, fixture.NewKeys(t, keys.KeytypeEd25519, "third root", 2), nil)
	app.RootThreshold = 2
	fourth := app.Root(4)
	s.block(c.Relay(op[2], fixture.Update{Roots: []*tuf.Root{third, fourth}, Targets: app.Targets(6, fixture.Tags{"latest": "three"})}))
	half := app.SignRoot(app.RootSpec(5), app.RootKeys[0])
	s.block(c.Relay(op[2], fixture.Update{Roots: []*tuf.Root{half}}), c.Relay(op[2], fixture.Update{Roots: []*tuf.Root{app.Root(6)}}))

	// More than the quota, then time for it to fill again.
	var many [][]byte
	for v := range uint64(8) {
		many = append(many, tool.Publish(3+v, tags))
	}
	s.block(many...)
	for range 6 {
		s.block()
	}
	s.block(many[6:]...)
	s.delegations(t)
	return c, s.blocks
}

// delegations are files of delegated roles, whole and as deltas.
func (s *storyteller) delegations(t testing.TB) {
	c := s.c
	p := c.NewPublisher("registry.example.com/large")
	s.block(p.Register(c.Operators[0]))
	ci, docs := fixture.NewKey(t, keys.KeytypeECDSA, "ci"), fixture.NewKey(t, keys.KeytypeEd25519, "docs")
	toCI := fixture.Delegation{Role: "targets/ci", Keys: []*fixture.Key{ci}, Paths: []string{"v*"}}
	toDocs := fixture.Delegation{Role: "targets/docs", Keys: []*fixture.Key{docs, ci}, Paths: []string{"docs-?", "v1"}, Terminating: true}
	top := func(version uint64, tags fixture.Tags, to ...fixture.Delegation) *tuf.Targets {
		return p.RoleFile(record.RoleTargets, version, tags, fixture.Delegate(to...), p.TaggingKeys...)
	}
	build := func(version uint64, tags fixture.Tags) *tuf.Targets {
		return p.RoleFile("targets/ci", version, tags, nil, ci)
	}
	first, ci1 := top(1, fixture.Tags{"latest": "one", "a": "x", "b": "y"}, toCI, toDocs), build(1, fixture.Tags{"v1": "one", "v2": "two"})
	s.block(c.Publish(p.TaggingKeys[0], fixture.Update{Targets: first, Delegated: []*tuf.Targets{ci1}}))
	// A tag another role holds, one outside the paths, one by a role's own key.
	s.block(
		c.Publish(docs, fixture.Update{Delegated: []*tuf.Targets{p.RoleFile("targets/docs", 1, fixture.Tags{"v1": "evil"}, nil, docs)}}),
		c.Publish(ci, fixture.Update{Delegated: []*tuf.Targets{build(2, fixture.Tags{"latest": "evil"})}}),
		c.Publish(docs, fixture.Update{Delegated: []*tuf.Targets{p.RoleFile("targets/docs", 1, fixture.Tags{"docs-1": "d"}, nil, docs)}}),
	)
	// Deltas: of a row put and one removed, of nothing, against another base.
	second := top(2, fixture.Tags{"latest": "two", "a": "x"}, toCI, toDocs)
	ci2 := build(2, fixture.Tags{"v1": "one", "v2": "two", "v3": "three"})
	s.block(c.Publish(p.TaggingKeys[0], fixture.Update{Targets: second, Delegated: []*tuf.Targets{ci2}, Bases: []*tuf.Targets{first, ci1}}))
	third := top(3, fixture.Tags{"latest": "three", "a": "x"}, toCI, toDocs)
	s.block(
		c.Publish(p.TaggingKeys[0], fixture.Update{Targets: third, Bases: []*tuf.Targets{first}}),
		c.Publish(p.TaggingKeys[0], fixture.Update{Targets: third, Bases: []*tuf.Targets{second}}),
	)
	for range 8 {
		s.block()
	}
	// A role that is removed, then one that has its keys changed.
	other := toCI
	other.Keys = []*fixture.Key{docs}
	fourth := top(4, fixture.Tags{"latest": "three"}, other)
	s.block(c.Publish(p.TaggingKeys[0], fixture.Update{Targets: fourth, Bases: []*tuf.Targets{third}}))
	ci3 := fixture.Tags{"v1": "one", "v4": "four"}
	s.block(
		c.Publish(docs, fixture.Update{Delegated: []*tuf.Targets{p.RoleFile("targets/docs", 2, fixture.Tags{"docs-2": "d"}, nil, docs)}}),
		c.Publish(ci, fixture.Update{Delegated: []*tuf.Targets{build(3, ci3)}}),
		c.Publish(docs, fixture.Update{Delegated: []*tuf.Targets{p.RoleFile("targets/ci", 3, ci3, nil, docs)}}),
	)
}
