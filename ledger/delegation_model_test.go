package ledger_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// grant is a delegation as a publisher thinks of it: keys by their names.
type grant struct {
	role        string // short: "" is targets
	keys        []string
	threshold   int
	paths       []string
	terminating bool
}

// paper is the content of a role file.
type paper struct {
	tags    fixture.Tags
	grants  []grant // in order of precedence
	by      []string
	expires time.Time
}

func (f *paper) grant(role string) (grant, bool) {
	if f == nil {
		return grant{}, false
	}
	i := slices.IndexFunc(f.grants, func(g grant) bool { return g.role == role })
	if i < 0 {
		return grant{}, false
	}
	return f.grants[i], true
}

// barred lists the patterns of terminating roles before one.
func (f *paper) barred(role string) []string {
	var out []string
	for _, g := range f.grants {
		if g.role == role {
			break
		}
		if g.terminating {
			out = append(out, g.paths...)
		}
	}
	return out
}

// matches compares a tag with patterns by the standard library's matcher, which
// agrees as long as there are no classes and no slashes.
func matches(patterns []string, tag string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, tag)
		return ok && err == nil
	})
}

// allows reports whether a file lets a role below it set a tag.
func (f *paper) allows(role, tag string) bool {
	g, ok := f.grant(role)
	return ok && matches(g.paths, tag) && !matches(f.barred(role), tag)
}

// narrows reports whether a role may set less by a file than by the one before it,
// as far as the texts of the patterns tell.
func narrows(before, after *paper, role string) bool {
	lacks := func(some, list []string) bool {
		return slices.ContainsFunc(some, func(p string) bool { return !slices.Contains(list, p) })
	}
	old, _ := before.grant(role)
	next, _ := after.grant(role)
	return lacks(old.paths, next.paths) || lacks(after.barred(role), before.barred(role))
}

// seat is one role: what it published, and its place.
type seat struct {
	parent  string // short; "root" above targets
	version uint64
	file    *paper
	stale   bool // must sign anew, since what it was accepted for became narrower
}

type holding struct {
	role, manifest string
	live           bool
	// lost says that the role was removed since.
	lost bool
}

// forest is a repository with delegations, told without a ledger. Whatever can be
// derived is derived each time: which keys count, who is whose ancestor, what is
// effective.
type forest struct {
	rootVersion uint64
	rootExpires time.Time
	tagging     string // key of targets by the current root
	seats       map[string]*seat
	tags        map[string]holding
	revision    uint64
	// gone is the highest version of a role that was removed.
	gone uint64
}

func (m *forest) clone() *forest {
	c := *m
	c.tags, c.seats = maps.Clone(m.tags), make(map[string]*seat, len(m.seats))
	for name, s := range m.seats {
		copied := *s
		c.seats[name] = &copied
	}
	return &c
}

// rule returns the keys and the threshold of a live role.
func (m *forest) rule(role string) grant {
	if role == "" {
		return grant{keys: []string{m.tagging}, threshold: 1}
	}
	g, _ := m.seats[m.seats[role].parent].file.grant(role)
	return g
}

func (m *forest) met(role string) bool {
	s, g, n := m.seats[role], m.rule(role), 0
	if s.file == nil {
		return false
	}
	for _, k := range s.file.by {
		if slices.Contains(g.keys, k) {
			n++
		}
	}
	return n >= g.threshold
}

func (m *forest) effective(role string, now time.Time) bool {
	if role == record.RoleRoot {
		return now.Before(m.rootExpires)
	}
	s := m.seats[role]
	return s != nil && !s.stale && m.met(role) && now.Before(s.file.expires) && m.effective(s.parent, now)
}

// above reports whether one live role stands above another.
func (m *forest) above(high, low string) bool {
	for low != "" {
		if low = m.seats[low].parent; low == high {
			return true
		}
	}
	return false
}

// subtree returns a live role and those below it.
func (m *forest) subtree(role string) []string {
	var out []string
	for name := range m.seats { // in no order, as for all that is done with it
		if name == role || m.above(role, name) {
			out = append(out, name)
		}
	}
	return out
}

// draft is a file offered for a role.
type draft struct {
	role string
	file *paper
}

// rotation is a root offered.
type rotation struct {
	tagging string
	expires time.Time
}

// publish judges an offer at a time and returns the forest after it, or the code it
// must be refused with.
func (m *forest) publish(now time.Time, root *rotation, drafts []draft) (*forest, record.Code) {
	m = m.clone()
	if root != nil {
		m.rootVersion++
		m.tagging, m.rootExpires = root.tagging, root.expires
	}
	before := make(map[string]fixture.Tags)
	var judged []draft
	for left := slices.Clone(drafts); len(left) > 0; {
		i := slices.IndexFunc(left, func(d draft) bool {
			s := m.seats[d.role]
			return s != nil && !slices.ContainsFunc(left, func(other draft) bool { return m.above(other.role, d.role) })
		})
		if i < 0 {
			return nil, record.CodeWrongRole
		}
		d := left[i]
		left = slices.Delete(left, i, i+1)
		if s := m.seats[d.role]; s.file != nil {
			before[d.role] = s.file.tags
		}
		if code := m.accept(now, d); code != 0 {
			return nil, code
		}
		judged = append(judged, d)
	}
	m.revision++
	return m, m.move(now, before, judged)
}

// accept judges one file and makes it the role's.
func (m *forest) accept(now time.Time, d draft) record.Code {
	s, g := m.seats[d.role], m.rule(d.role)
	switch {
	case !m.effective(s.parent, now):
		return record.CodeRoleNotEffective
	case !now.Before(d.file.expires):
		return record.CodeExpired
	case slices.ContainsFunc(d.file.by, func(k string) bool { return !slices.Contains(g.keys, k) }):
		return record.CodeUnknownKey
	case len(d.file.by) < g.threshold:
		return record.CodeThreshold
	}
	for tag, manifest := range d.file.tags { // one refusal is as good as another
		if s.file != nil && s.file.tags[tag] == manifest && !s.stale {
			continue // accepted before
		}
		for role := d.role; role != ""; role = m.seats[role].parent {
			if !m.seats[m.seats[role].parent].file.allows(role, tag) {
				return record.CodeTagNotDelegated
			}
		}
	}
	old := s.file
	s.version = m.next(d.role)
	s.file, s.stale = d.file, false
	for _, name := range forestRoles { // subtrees of different children do not meet
		below := m.seats[name]
		if _, named := d.file.grant(name); below != nil && below.parent == d.role && !named {
			m.drop(name)
		}
	}
	for _, g := range d.file.grants {
		below, known := m.seats[g.role]
		_, named := old.grant(g.role)
		switch {
		case !known:
			m.seats[g.role] = &seat{parent: d.role}
		case below.parent == d.role && (old == nil || !narrows(old, d.file, g.role)):
		case below.parent == d.role, m.above(d.role, g.role):
			below.parent = d.role
			for _, name := range m.subtree(g.role) {
				m.seats[name].stale = m.seats[name].version > 0
			}
		case named: // taken by a role above since
		default:
			return record.CodeRoleConflict
		}
	}
	return 0
}

// drop takes a role and those below it out of the forest.
func (m *forest) drop(role string) {
	for _, name := range m.subtree(role) {
		m.gone = max(m.gone, m.seats[name].version)
		delete(m.seats, name)
		for tag, h := range m.tags {
			if h.role == name {
				h.lost = true
				m.tags[tag] = h
			}
		}
	}
}

// next is the version of a role's next file.
func (m *forest) next(role string) uint64 {
	if s := m.seats[role]; s != nil && s.version > 0 {
		return s.version + 1
	}
	if role == "" {
		return 1
	}
	return m.gone + 1
}

// move gives tags to the roles that set them and takes them from those that drop
// them.
func (m *forest) move(now time.Time, before map[string]fixture.Tags, judged []draft) record.Code {
	next := maps.Clone(m.tags)
	set, freed := make(map[string]bool), make(map[string]bool)
	for _, d := range judged {
		for tag := range before[d.role] {
			if h := m.tags[tag]; d.file.tags[tag] == "" && h.live && !h.lost && h.role == d.role {
				next[tag] = holding{role: d.role, manifest: h.manifest}
				freed[tag] = true
			}
		}
	}
	for _, d := range judged {
		for tag, manifest := range d.file.tags {
			if before[d.role][tag] == manifest {
				continue
			}
			h := m.tags[tag]
			held := h.live && !h.lost && h.role != d.role && !freed[tag] && m.effective(h.role, now) && !m.above(d.role, h.role)
			if held || set[tag] {
				return record.CodeTagHeld
			}
			next[tag], set[tag] = holding{role: d.role, manifest: manifest, live: true}, true
		}
	}
	m.tags = next
	return 0
}

// forestWorld is a forest beside two real ledgers: one is told of it by whole
// files, the other by deltas.
type forestWorld struct {
	t            *testing.T
	rng          *rand.Rand
	c            *fixture.Consortium
	p            *fixture.Publisher
	whole, small *chain
	m            *forest
	files        map[string]*tuf.Targets // stored, by short name
	made         map[string]*fixture.Key
	// done counts verdicts, by code.
	done map[record.Code]int
}

var (
	forestRoles    = []string{"a", "b", "c", "d", "e"}
	forestTags     = []string{"a1", "a2", "b1", "b2", "c1", "c2"}
	forestPatterns = []string{"*", "*", "a*", "b*", "?1", "*2", "c1"}
)

func newForestWorld(t *testing.T, seed uint64) *forestWorld {
	c := fixture.NewConsortium(t, 4)
	w := &forestWorld{
		t: t, rng: rand.New(rand.NewPCG(seed, 3)), c: c, p: c.NewPublisher("registry.example.com/app"),
		whole: newChainOf(t, c, memories[seed%3]), small: newChainOf(t, c, memories[(seed+1)%3]), files: map[string]*tuf.Targets{},
		made: map[string]*fixture.Key{}, done: map[record.Code]int{},
	}
	w.p.TaggingKeys = w.keys("tagging 0")
	w.m = &forest{
		rootVersion: 1, rootExpires: w.p.Expires, tagging: "tagging 0", revision: 1,
		seats: map[string]*seat{"": {parent: record.RoleRoot}}, tags: map[string]holding{},
	}
	w.both(func(ch *chain) { ch.commit(w.p.Register(c.Operators[0])) })
	return w
}

func (w *forestWorld) both(do func(*chain)) {
	do(w.whole)
	do(w.small)
}

func (w *forestWorld) keys(names ...string) []*fixture.Key {
	var out []*fixture.Key
	for _, name := range names {
		if w.made[name] == nil {
			w.made[name] = newKeys(w.t, name)[0]
		}
		out = append(out, w.made[name])
	}
	return out
}

// pick returns one of a list.
func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// one reports true once in n.
func (w *forestWorld) one(n int) bool { return w.rng.IntN(n) == 0 }

// someKeys returns one or two of the three keys a role ever has.
func (w *forestWorld) someKeys(role string) []string {
	first := w.rng.IntN(3)
	out := []string{fmt.Sprintf("key %s %d", role, first)}
	if w.one(3) {
		out = append(out, fmt.Sprintf("key %s %d", role, (first+1)%3))
	}
	return out
}

func (w *forestWorld) grant(role string) grant {
	g := grant{role: role, keys: w.someKeys(role), threshold: 1, terminating: w.one(5)}
	g.threshold = 1 + w.rng.IntN(len(g.keys))
	for range 1 + w.rng.IntN(2) {
		if p := pick(w.rng, forestPatterns); !slices.Contains(g.paths, p) {
			g.paths = append(g.paths, p)
		}
	}
	return g
}

// regrant changes delegations at random.
func (w *forestWorld) regrant(delegator string, grants []grant) []grant {
	grants = slices.Clone(grants)
	if i := w.rng.IntN(len(grants) + 1); i == len(grants) || w.one(3) {
		role := pick(w.rng, forestRoles)
		if role != delegator && !slices.ContainsFunc(grants, func(g grant) bool { return g.role == role }) {
			grants = slices.Insert(grants, i, w.grant(role))
		}
	} else {
		switch w.rng.IntN(5) {
		case 0:
			grants = slices.Delete(grants, i, i+1)
		case 1: // a stolen key
			grants[i].keys = w.someKeys(grants[i].role)
			grants[i].threshold = 1 + w.rng.IntN(len(grants[i].keys))
		case 2:
			grants[i].paths = w.grant("").paths
		case 3:
			grants[i].terminating = !grants[i].terminating
		case 4:
			j := w.rng.IntN(len(grants))
			grants[i], grants[j] = grants[j], grants[i]
		}
	}
	return grants
}

// draft makes a role's next file: mostly a good one, given the files above it.
func (w *forestWorld) draft(role string, root *rotation, others []draft, now time.Time) draft {
	f := &paper{tags: fixture.Tags{}, expires: w.p.Expires}
	s := w.m.seats[role]
	rule := grant{keys: []string{w.m.tagging}, threshold: 1}
	if role == "" && root != nil {
		rule.keys[0] = root.tagging
	}
	var parent *paper
	if s != nil && role != "" {
		parent = w.m.seats[s.parent].file
	}
	for _, other := range others {
		if _, ok := other.file.grant(role); ok {
			parent = other.file
		}
	}
	if role != "" {
		rule, _ = parent.grant(role)
	}
	if s != nil && s.file != nil {
		maps.Copy(f.tags, s.file.tags)
		f.grants = s.file.grants
	}
	for range w.rng.IntN(4) {
		if tag := pick(w.rng, forestTags); w.one(3) {
			delete(f.tags, tag)
		} else {
			f.tags[tag] = fmt.Sprintf("manifest %d", w.rng.IntN(6))
		}
	}
	if role != "" && parent != nil && !w.one(6) {
		maps.DeleteFunc(f.tags, func(tag, _ string) bool { return !parent.allows(role, tag) })
	}
	if w.one(3) {
		f.grants = w.regrant(role, f.grants)
	}
	if w.one(6) {
		f.expires = now.Add(time.Duration(w.rng.IntN(60)-5) * time.Second)
	}
	f.by = slices.Clone(rule.keys)
	switch w.rng.IntN(12) {
	case 0:
		f.by = w.someKeys(role)
	case 1:
		f.by = f.by[:len(f.by)-min(1, len(f.by))]
	}
	return draft{role, f}
}

// sign makes the file of a draft.
func (w *forestWorld) sign(d draft) *tuf.Targets {
	spec := w.p.TargetsSpec(w.m.next(d.role), d.file.tags)
	spec.Binding, spec.Expires = w.p.Binding(role(d.role)), d.file.expires
	var list []fixture.Delegation
	for _, g := range d.file.grants {
		list = append(list, fixture.Delegation{
			Role: role(g.role), Keys: w.keys(g.keys...), Threshold: g.threshold, Paths: g.paths, Terminating: g.terminating,
		})
	}
	spec.Delegations = uniqueKeys(fixture.Delegate(list...))
	return w.p.SignTargets(spec, w.keys(d.file.by...)...)
}

// uniqueKeys drops what several roles bring twice.
func uniqueKeys(l *tuf.Delegations) *tuf.Delegations {
	if l == nil {
		return nil
	}
	slices.SortFunc(l.Keys, func(a, b keys.PublicKey) int { return a.ID().Compare(b.ID()) })
	l.Keys = slices.CompactFunc(l.Keys, func(a, b keys.PublicKey) bool { return a.ID() == b.ID() })
	return l
}

// step offers something at random to the model and to both ledgers.
func (w *forestWorld) step(whole, small judging, now time.Time) {
	w.t.Helper()
	before := *w.p
	var root *rotation
	var u fixture.Update
	if w.one(12) {
		root = &rotation{tagging: fmt.Sprintf("tagging %d", w.rng.IntN(3)), expires: before.Expires}
		if w.one(3) {
			root.expires = now.Add(time.Duration(5+w.rng.IntN(60)) * time.Second)
		}
		w.p.Expires = root.expires
		u.Roots = []*tuf.Root{w.p.RotateRoot(w.m.rootVersion+1, w.keys(fmt.Sprint("root ", w.rng.IntN(3))), w.keys(root.tagging))}
		w.p.Expires = before.Expires
	}
	names := append([]string{""}, forestRoles...)
	w.rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	if w.one(3) {
		slices.Sort(names) // the top
	}
	names = names[:1+w.rng.IntN(3)]
	slices.Sort(names)
	if root != nil && !w.one(3) {
		names = nil
	}
	var drafts []draft
	for _, name := range names {
		// What has no seat is offered seldom: the answer is always the same.
		if w.m.seats[name] == nil && !w.one(8) &&
			!slices.ContainsFunc(drafts, func(d draft) bool { _, ok := d.file.grant(name); return ok }) {
			continue
		}
		drafts = append(drafts, w.draft(name, root, drafts, now))
	}
	if root == nil && len(drafts) == 0 {
		return
	}
	next, want := w.m.publish(now, root, drafts)
	files := make(map[string]*tuf.Targets)
	for _, d := range drafts {
		f := w.sign(d)
		if files[d.role] = f; d.role == "" {
			u.Targets = f
		} else {
			u.Delegated = append(u.Delegated, f)
		}
	}
	op := w.c.Operators[3]
	deltas := u
	for name := range files { // looked up by role
		if stored := w.files[name]; stored != nil {
			deltas.Bases = append(deltas.Bases, stored)
		}
	}
	for i, s := range []judging{whole, small} {
		_, err := s.Apply(w.c.Relay(op, []fixture.Update{u, deltas}[i]), keys.Direct{})
		if code, _ := record.CodeOf(err); code != want || (err == nil) != (want == 0) {
			w.t.Fatalf("ledger %d: %v, want code %d, for %s", i, err, want, describe(root, drafts))
		}
	}
	w.done[want]++
	if want != 0 {
		*w.p = before
		return
	}
	w.m = next
	maps.Copy(w.files, files)
	maps.DeleteFunc(w.files, func(name string, _ *tuf.Targets) bool {
		return w.m.seats[name] == nil || w.m.seats[name].file == nil
	})
}

// describe says what was offered, for whoever looks for the reason of a failure.
func describe(root *rotation, drafts []draft) string {
	var b strings.Builder
	if root != nil {
		fmt.Fprintf(&b, "root %+v", *root)
	}
	for _, d := range drafts {
		fmt.Fprintf(&b, "\n%q: %+v", d.role, *d.file)
	}
	return b.String()
}

// compare checks every role and every tag at the latest height.
func (w *forestWorld) compare() {
	w.t.Helper()
	now := w.whole.next().Time
	repo := w.whole.repository(w.p)
	if root, _ := repo.Role(record.RoleRoot); root.Version != w.m.rootVersion || repo.Revision != w.m.revision {
		w.t.Fatalf("root %d, revision %d; want %d, %d", root.Version, repo.Revision, w.m.rootVersion, w.m.revision)
	}
	published := 0
	for _, short := range append([]string{""}, forestRoles...) {
		r, ok := repo.Role(role(short))
		s := w.m.seats[short]
		if s == nil || short == "" && s.version == 0 {
			if ok {
				w.t.Errorf("%s is there: %+v", role(short), r)
			}
			continue
		}
		published++
		parent := record.RoleRoot
		if short != "" {
			parent = role(s.parent)
		}
		want := fmt.Sprintf("version %d, narrowed %v, below %s, meets its keys %v, effective %v",
			s.version, s.stale, parent, w.m.met(short), w.m.effective(short, now))
		got := fmt.Sprintf("version %d, narrowed %v, below %s, meets its keys %v, effective %v",
			r.Version, r.Narrowed, r.Parent, r.MeetsKeys, repo.Effective(r.Name, now))
		if got != want {
			w.t.Errorf("%s: %s; want %s", role(short), got, want)
		}
	}
	if len(repo.Roles) != published+1 {
		w.t.Errorf("%d roles, want %d and the root", len(repo.Roles), published)
	}
	for _, name := range forestTags {
		h, known := w.m.tags[name]
		want := "none"
		switch {
		case known && !h.live:
			want = "withdrawn"
		case known && !h.lost && w.m.effective(h.role, now):
			want = is(h.manifest)
		case known:
			want = "dead"
		}
		w.whole.means(w.p, name, want)
		v, ok := get(w.whole, record.TagKey(w.p.Repository, reference.MustParseTag(name)), record.DecodeImageTag)
		if ok && v.Role != role(h.role) {
			w.t.Errorf("%s is held by %s, want %s", name, v.Role, role(h.role))
		}
	}
}

// Test random delegations, publications and rotations against the model, told to
// one ledger by whole files and to another by deltas.
func TestDelegationModel(t *testing.T) {
	seeds, blocks := uint64(4), 120
	if testing.Short() {
		seeds = 2
	}
	if os.Getenv("HULLMARK_LONG") != "" {
		seeds, blocks = 60, 400
	}
	done := make(map[record.Code]int)
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newForestWorld(t, seed)
			for block := range blocks {
				whole, small := w.whole.begin(), w.small.begin()
				for range w.rng.IntN(12) {
					w.step(whole, small, whole.Block().Time)
				}
				if a, b := w.whole.end(whole), w.small.end(small); a != b {
					t.Fatalf("app hash %s by whole files, %s by deltas", a, b)
				}
				if w.compare(); t.Failed() {
					t.Fatalf("in block %d", block)
				}
				if block%60 == 59 {
					w.both((*chain).reopen)
					w.both((*chain).check)
				}
			}
			w.both((*chain).check)
			for code, n := range w.done {
				done[code] += n
			}
		})
	}
	for _, code := range []record.Code{
		0, record.CodeExpired, record.CodeThreshold, record.CodeUnknownKey, record.CodeWrongRole, record.CodeRoleNotEffective,
		record.CodeTagHeld, record.CodeTagNotDelegated, record.CodeRoleConflict,
	} {
		if done[code] < int(min(20, 5*seeds)) {
			t.Errorf("code %d: %d times only; the history means little", code, done[code])
		}
	}
}
