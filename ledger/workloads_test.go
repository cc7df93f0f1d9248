package ledger_test

import (
	crand "crypto/rand"
	"crypto/rsa"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// workload is one kind of transactions, for what they cost.
type workload struct {
	name string
	// least is which part of 50 us a unit takes at least, 1/2 if it is 0. It is less where
	// a file has to be read to know what it costs, and the most that its size allows is
	// charged: rows with the shortest tags, keys that take longest to check.
	least float64
	// prepare brings a ledger to where the transactions are valid and returns them,
	// to be applied in one block.
	prepare func(ch *chain, c *fixture.Consortium) [][]byte
}

// rows returns tags of a file, each of the given size.
func rows(n, size int) fixture.Tags {
	tags := fixture.Tags{}
	for i := range n {
		tags[fmt.Sprintf("%0*d", size, i)] = "image"
	}
	return tags
}

// grow publishes a targets file of some rows, in steps that a transaction can carry.
func grow(ch *chain, p *fixture.Publisher, tags fixture.Tags) *tuf.Targets {
	have := fixture.Tags{}
	file := p.Targets(1, have)
	ch.commit(ch.c.Publish(p.TaggingKeys[0], targets(file)))
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range tags {
			if !yield(name) {
				return
			}
		}
	})
	for len(names) > 0 {
		n := min(len(names), record.MaxChanges)
		for _, name := range names[:n] {
			have[name] = tags[name]
		}
		names = names[n:]
		next := p.Targets(file.Version+1, have)
		ch.commit(ch.c.Publish(p.TaggingKeys[0], fixture.Update{Targets: next, Bases: []*tuf.Targets{file}}))
		file = next
	}
	return file
}

// deltas returns transactions in a row, each of which changes a file by some rows.
func deltas(ch *chain, p *fixture.Publisher, file *tuf.Targets, tags fixture.Tags, count, changes int, signers ...*fixture.Key) [][]byte {
	var txs [][]byte
	if len(signers) == 0 {
		signers = p.TaggingKeys
	}
	for i := range count {
		for j := range changes {
			tags[fmt.Sprintf("new-%d-%d", i, j)] = fmt.Sprint("image", i, j)
		}
		next := p.SignTargets(p.TargetsSpec(file.Version+1, tags), signers...)
		txs = append(txs, ch.c.Publish(p.TaggingKeys[0], fixture.Update{Targets: next, Bases: []*tuf.Targets{file}}))
		file = next
	}
	return txs
}

func registered(ch *chain, name string, change func(*fixture.Publisher)) *fixture.Publisher {
	p := ch.c.NewPublisher("registry.example.com/" + name)
	if change != nil {
		change(p)
	}
	ch.commit(p.Register(ch.c.Operators[0]))
	return p
}

// workloads are the kinds of work that a block can be full of.
var workloads = []workload{
	{"routine delta, 100 tags", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", nil)
		tags := rows(100, 10)
		return deltas(ch, p, grow(ch, p, tags), tags, 50, 1)
	}},
	{"routine delta, largest file", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		var txs [][]byte
		for i := range 4 { // of two files of a block that follow each other one is written
			p := registered(ch, fmt.Sprint("app-", i), nil)
			tags := rows(8300, 10)
			txs = append(txs, deltas(ch, p, grow(ch, p, tags), tags, 1, 1)...)
		}
		return txs
	}},
	{"sixteen signatures, largest file", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", func(p *fixture.Publisher) {
			p.TaggingKeys, p.TaggingThreshold = fixture.NewKeys(ch.t, keys.KeytypeEd25519, "tagging", 16), 1
		})
		tags := rows(8300, 10)
		return deltas(ch, p, grow(ch, p, tags), tags, 4, 1)
	}},
	{"sixteen P-256 signatures", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", func(p *fixture.Publisher) {
			p.TaggingKeys, p.TaggingThreshold = fixture.NewKeys(ch.t, keys.KeytypeECDSA, "tagging", 16), 1
		})
		tags := rows(10, 10)
		return deltas(ch, p, grow(ch, p, tags), tags, 20, 1)
	}},
	{"sixteen RSA signatures", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", func(p *fixture.Publisher) {
			p.TaggingKeys, p.TaggingThreshold = largestRSA(ch.t), 1
		})
		tags, file := rows(10, 10), p.Targets(1, fixture.Tags{})
		ch.commit(ch.c.Publish(p.RootKeys[0], targets(file)))
		var txs [][]byte
		for i := range 8 {
			tags["new"] = fmt.Sprint("image", i)
			next := p.Targets(file.Version+1, tags)
			txs = append(txs, ch.c.Publish(p.RootKeys[0], fixture.Update{Targets: next, Bases: []*tuf.Targets{file}}))
			file = next
		}
		return txs
	}},
	{"revocations by sixteen RSA keys", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		var txs [][]byte
		p := registered(ch, "app", func(p *fixture.Publisher) { p.TaggingKeys, p.TaggingThreshold = largestRSA(ch.t), 1 })
		for i := range uint64(8) {
			st := p.Revocation("targets", i+1)
			st.Digests = []reference.Digest{fixture.Digest(fmt.Sprint(i))}
			txs = append(txs, ch.c.State(p.RootKeys[0], p.SignStatement(st, p.TaggingKeys...)))
		}
		return txs
	}},
	{"thousand rows", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", nil)
		tags := fixture.Tags{}
		return deltas(ch, p, grow(ch, p, tags), tags, 3, 1000)
	}},
	{"whole file, thousand rows", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		var txs [][]byte
		for i := range 3 {
			p := registered(ch, fmt.Sprint("app-", i), nil)
			tags := rows(record.MaxChanges, 100)
			for name := range tags {
				tags[name] = "image " + name
			}
			txs = append(txs, p.Publish(1, tags))
		}
		return txs
	}},
	{"rotation, largest root", 0.4, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", func(p *fixture.Publisher) {
			p.RootKeys, p.RootThreshold = fixture.NewKeys(ch.t, keys.KeytypeECDSA, "root", 16), 8
			p.TaggingKeys = fixture.NewKeys(ch.t, keys.KeytypeECDSA, "tagging", 16)
		})
		var txs [][]byte
		for i := range uint64(5) {
			txs = append(txs, ch.c.Publish(p.RootKeys[0], roots(p.Root(2+i))))
		}
		return txs
	}},
	{"sixteen rotations", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", func(p *fixture.Publisher) {
			p.RootKeys, p.RootThreshold = fixture.NewKeys(ch.t, keys.KeytypeEd25519, "root", 16), 8
		})
		var list []*tuf.Root
		for i := range uint64(16) {
			list = append(list, p.Root(2+i))
		}
		return [][]byte{ch.c.Publish(p.RootKeys[0], roots(list...))}
	}},
	{"rotations to new keys", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", func(p *fixture.Publisher) { p.RootKeys = fixture.NewKeys(ch.t, keys.KeytypeEd25519, "root", 1) })
		var list []*tuf.Root
		for i := range uint64(16) {
			p.TaggingKeys = fixture.NewKeys(ch.t, keys.KeytypeEd25519, fmt.Sprint("tagging ", i), 16)
			list = append(list, p.Root(2+i))
		}
		return [][]byte{ch.c.Publish(p.RootKeys[0], roots(list...))}
	}},
	{"delegations to new keys", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		return redelegations(ch, func(v uint64) *tuf.Delegations {
			set := fixture.NewKeys(ch.t, keys.KeytypeEd25519, fmt.Sprint("ci ", v), 60)
			return delegateEach(set, func(int) []string { return []string{"*"} })
		})
	}},
	{"registration", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		var txs [][]byte
		for i := range 30 {
			txs = append(txs, ch.c.NewPublisher(fmt.Sprint("registry.example.com/app-", i)).Register(ch.c.Operators[0]))
		}
		return txs
	}},
	{"sixteen repositories", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		var updates, next []fixture.Update
		for i := range 16 {
			p := registered(ch, fmt.Sprint("app-", i), nil)
			file := p.Targets(1, fixture.Tags{"1.0": "one"})
			updates = append(updates, targets(file))
			next = append(next, fixture.Update{Targets: p.Targets(2, fixture.Tags{"1.0": fmt.Sprint("two", i)}), Bases: []*tuf.Targets{file}})
		}
		ch.commit(ch.c.Relay(ch.c.Operators[1], updates...))
		return [][]byte{ch.c.Relay(ch.c.Operators[1], next...)}
	}},
	{"revocation of 256 digests", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		var txs [][]byte
		p := registered(ch, "app", nil)
		for i := range uint64(4) {
			st := p.Revocation("root", i+1)
			for j := range record.MaxStatementDigests {
				st.Digests = append(st.Digests, fixture.Digest(fmt.Sprint(i, j)))
			}
			st.Digests = record.SortDigests(st.Digests)
			txs = append(txs, ch.c.State(p.RootKeys[0], p.SignStatement(st, p.RootKeys...)))
		}
		return txs
	}},
	{"sixty delegations", 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		return redelegations(ch, func(v uint64) *tuf.Delegations { return manyRoles(ch.t, 60, int(v)) })
	}},
	{"delta below sixty delegations", 0.25, func(ch *chain, c *fixture.Consortium) [][]byte {
		p := registered(ch, "app", nil)
		ci := fixture.NewKeys(ch.t, keys.KeytypeEd25519, "ci", 60)
		spec := p.TargetsSpec(1, nil)
		spec.Delegations = new(tuf.Delegations)
		for i, k := range ci {
			spec.Delegations.Keys = append(spec.Delegations.Keys, k.PublicKey())
			role := tuf.DelegatedRole{Role: tuf.Role{KeyIDs: fixture.IDs(ci[i : i+1]), Threshold: 1}, Name: fmt.Sprintf("targets/r%d", i), Terminating: true}
			for j := range tuf.MaxPaths {
				role.Paths = append(role.Paths, slowPattern(i, j))
			}
			if i == len(ci)-1 {
				role.Paths = []string{"*"}
			}
			spec.Delegations.Roles = append(spec.Delegations.Roles, role)
		}
		ch.commit(ch.c.Publish(p.TaggingKeys[0], targets(p.SignTargets(spec, p.TaggingKeys...))))
		var txs [][]byte
		var before *tuf.Targets
		for v := range uint64(3) {
			tags := fixture.Tags{}
			for i := range v*50 + 1 {
				tags[strings.Repeat("a", reference.MaxTagLength-int(i))] = "image"
			}
			s := p.TargetsSpec(v+1, tags)
			s.Binding.Role = "targets/r59"
			file := p.SignTargets(s, ci[59])
			if before != nil {
				txs = append(txs, ch.c.Publish(ci[59], fixture.Update{Delegated: []*tuf.Targets{file}, Bases: []*tuf.Targets{before}}))
			} else {
				ch.commit(ch.c.Publish(ci[59], fixture.Update{Delegated: []*tuf.Targets{file}}))
			}
			before = file
		}
		return txs
	}},
	{"a role that enters with its file", 0.25, func(ch *chain, c *fixture.Consortium) [][]byte {
		var txs [][]byte
		for i := range 2 {
			w := newWideRepository(ch, fmt.Sprint("app-", i))
			txs = append(txs, ch.c.Publish(w.p.TaggingKeys[0], fixture.Update{
				Targets: w.top(1, true), Delegated: []*tuf.Targets{w.file(1, longTags(100))},
			}))
		}
		return txs
	}},
	{"a role narrowed and signed at once", 0.25, func(ch *chain, c *fixture.Consortium) [][]byte {
		var txs [][]byte
		for i := range 2 {
			w := newWideRepository(ch, fmt.Sprint("app-", i))
			tags := longTags(100)
			top, file := w.top(1, false), w.file(1, tags)
			ch.commit(ch.c.Publish(w.p.TaggingKeys[0], targets(top)))
			ch.commit(ch.c.Publish(w.p.TaggingKeys[0], fixture.Update{Delegated: []*tuf.Targets{file}}))
			tags["b"] = "image"
			txs = append(txs, ch.c.Publish(w.p.TaggingKeys[0], fixture.Update{
				Targets: w.top(2, true), Delegated: []*tuf.Targets{w.file(2, tags)}, Bases: []*tuf.Targets{top, file},
			}))
		}
		return txs
	}},
}

// largestRSA returns as many keys as a role may have, of the size that takes longest to
// verify. Making them takes seconds each, so there are few.
var largestRSA = func() func(t testing.TB) []*fixture.Key {
	var made []*fixture.Key
	return func(t testing.TB) []*fixture.Key {
		for len(made) < tuf.MaxSignatures {
			key, err := rsa.GenerateKey(crand.Reader, keys.MaxRSABits)
			if err != nil {
				t.Fatal(err)
			}
			made = append(made, fixture.KeyOf(t, key))
		}
		return made
	}
}()

// wideRepository is one whose targets files delegate to the role r61, behind 61
// terminating roles of 16 patterns each, or to r61 alone.
type wideRepository struct {
	p  *fixture.Publisher
	ci []*fixture.Key
}

func newWideRepository(ch *chain, name string) *wideRepository {
	return &wideRepository{registered(ch, name, nil), fixture.NewKeys(ch.t, keys.KeytypeEd25519, "ci", 62)}
}

// top is a targets file, wide with all the roles.
func (w *wideRepository) top(version uint64, wide bool) *tuf.Targets {
	spec := w.p.TargetsSpec(version, nil)
	spec.Delegations = new(tuf.Delegations)
	for i, k := range w.ci {
		last := i == len(w.ci)-1
		if !wide && !last {
			continue
		}
		spec.Delegations.Keys = append(spec.Delegations.Keys, k.PublicKey())
		role := tuf.DelegatedRole{Role: tuf.Role{KeyIDs: fixture.IDs(w.ci[i : i+1]), Threshold: 1}, Name: fmt.Sprintf("targets/r%d", i), Terminating: true}
		for j := range tuf.MaxPaths {
			role.Paths = append(role.Paths, slowPattern(i, j))
		}
		if last {
			role.Paths = []string{"*"}
		}
		spec.Delegations.Roles = append(spec.Delegations.Roles, role)
	}
	return w.p.SignTargets(spec, w.p.TaggingKeys...)
}

// file is one of r61.
func (w *wideRepository) file(version uint64, tags fixture.Tags) *tuf.Targets {
	spec := w.p.TargetsSpec(version, tags)
	spec.Binding.Role = "targets/r61"
	return w.p.SignTargets(spec, w.ci[61])
}

// longTags are the longest tags, all of which match slow patterns but for the end.
func longTags(n int) fixture.Tags {
	tags := fixture.Tags{}
	for i := range n {
		tags[strings.Repeat("a", reference.MaxTagLength-3)+fmt.Sprintf("%03d", i)] = "image"
	}
	return tags
}

// slowPattern is a pattern of which every character has to be looked at for a long tag.
func slowPattern(i, j int) string {
	return strings.Repeat("*a", (tuf.MaxPathSize-6)/2) + fmt.Sprintf("*x%02d%02d", i, j)
}

// random draws a kind of transactions: of one or more repositories, with files, keys and
// delegations of any number and size.
func random(seed uint64) workload {
	rng := rand.New(rand.NewPCG(seed, 9))
	pick := func(of ...int) int { return of[rng.IntN(len(of))] }
	repositories, size, length := pick(1, 1, 4, 16), pick(0, 20, 300, 2000), pick(8, 128)
	signers, changes, count := pick(1, 3, 16), pick(1, 20, 300), pick(4, 16)
	delegations, keytype := pick(0, 0, 8, 60), []string{keys.KeytypeEd25519, keys.KeytypeECDSA}[rng.IntN(2)]
	if repositories > 1 {
		size, changes, delegations = min(size, 20), min(changes, 20), min(delegations, 8)
	}
	if changes == 300 {
		count = 4 // the file has an end
	}
	name := fmt.Sprintf("%d: %d repositories, %d tags of %d, %d %s signatures, %d changes, %d delegations, %d in a row",
		seed, repositories, size, length, signers, keytype, changes, delegations, count)
	return workload{name, 0, func(ch *chain, c *fixture.Consortium) [][]byte {
		updates := make([][]fixture.Update, count)
		var submitter *fixture.Key
		for i := range repositories {
			p := registered(ch, fmt.Sprint("app-", i), func(p *fixture.Publisher) {
				p.TaggingKeys = fixture.NewKeys(ch.t, keytype, "tagging", signers)
			})
			submitter = p.TaggingKeys[0]
			tags := rows(size, length)
			file := grow(ch, p, tags)
			for j := range count {
				for k := range changes {
					tags[fmt.Sprintf("new-%d-%0*d", j, length/2, k)] = fmt.Sprint(i, j, k)
				}
				spec := p.TargetsSpec(file.Version+1, tags)
				if delegations > 0 {
					spec.Delegations = manyRoles(ch.t, delegations, j)
				}
				next := p.SignTargets(spec, p.TaggingKeys...)
				updates[j] = append(updates[j], fixture.Update{Targets: next, Bases: []*tuf.Targets{file}})
				file = next
			}
		}
		var txs [][]byte
		for _, u := range updates {
			txs = append(txs, ch.c.Publish(submitter, u...))
		}
		return txs
	}}
}

// redelegations returns six deltas in a row, each of which replaces the delegations of a file.
func redelegations(ch *chain, delegations func(version uint64) *tuf.Delegations) [][]byte {
	p := registered(ch, "app", nil)
	var txs [][]byte
	var before *tuf.Targets
	for v := range uint64(7) {
		spec := p.TargetsSpec(v+1, nil)
		spec.Delegations = delegations(v)
		file := p.SignTargets(spec, p.TaggingKeys...)
		if before == nil {
			ch.commit(ch.c.Publish(p.TaggingKeys[0], targets(file)))
		} else {
			txs = append(txs, ch.c.Publish(p.TaggingKeys[0], fixture.Update{Targets: file, Bases: []*tuf.Targets{before}}))
		}
		before = file
	}
	return txs
}

// manyRoles delegates to some roles, with other patterns each time.
func manyRoles(t testing.TB, n, time int) *tuf.Delegations {
	return delegateEach(fixture.NewKeys(t, keys.KeytypeEd25519, "delegated", n), func(i int) []string {
		var paths []string
		for j := range tuf.MaxPaths {
			paths = append(paths, fmt.Sprintf("r%d-%d-%d-*", i, j, time))
		}
		return paths
	})
}

// delegateEach delegates to a role for each key, with the paths for its number.
func delegateEach(set []*fixture.Key, paths func(i int) []string) *tuf.Delegations {
	d := new(tuf.Delegations)
	for i, k := range set {
		d.Keys = append(d.Keys, k.PublicKey())
		d.Roles = append(d.Roles, tuf.DelegatedRole{
			Role: tuf.Role{KeyIDs: fixture.IDs(set[i : i+1]), Threshold: 1}, Name: fmt.Sprintf("targets/r%d", i), Paths: paths(i),
		})
	}
	return d
}
