package query

import (
	"maps"
	"net/url"
	"slices"

	"hullmark/printable"
)

// Kind is what a question is about. As text it names the question in metrics.
type Kind string

// Question is one of the question types of this package: Resolve, Vouchers, History,
// Receipt, Inclusion, Consistency, Metadata, Content or LightBlock.
type Question interface {
	// Kind says what the question is about.
	Kind() Kind
	// String names what it is about, for people and for the order in which nodes are
	// asked (package placement).
	String() string
	// Check reports a question that cannot be asked. Errors wrap ErrQuestion.
	Check() error

	// encode writes the parameters of the question and returns its path.
	encode(url.Values) string
	// rests says what the answer rests on, and so which parts of a Known go with it.
	rests() foundation
}

// foundation is what an answer rests on. Each includes those before it.
type foundation uint8

const (
	// onItself is an answer that is proven by nothing else: content, a header.
	onItself foundation = iota
	// onState is an answer that a proven state leads to.
	onState
	// onBundle is one that can be made for a file.
	onBundle
	// onFiles is an answer that rests on a repository's files too.
	onFiles
)

// Known is what whoever asks holds already, and what the answer must be fit for. The zero
// Known holds nothing.
type Known struct {
	// TrustedHeight is the height of a light block that the asker trusts; zero when it
	// does not say. The answer leads from there to its header, unless it is for a file.
	TrustedHeight uint64
	// MinStateHeight is the lowest state height the answer may be about.
	MinStateHeight uint64
	// RootVersion is the newest root of the repository that the asker holds; zero for
	// none.
	RootVersion uint64
	// Held are the SHA-256 digests of targets files that the asker holds, ascending, at
	// most MaxHeld.
	Held [][32]byte
	// ForFile asks for what others can verify who hold a trust anchor that has not
	// expired: the answer leads over the whole trusting period.
	ForFile bool
}

// restrict returns the parts of k that go with a question.
func (k Known) restrict(q Question) Known {
	switch q.rests() {
	case onFiles:
	case onBundle:
		k.RootVersion, k.Held = 0, nil
	case onState:
		return Known{TrustedHeight: k.TrustedHeight, MinStateHeight: k.MinStateHeight}
	case onItself:
		return Known{}
	}
	if k.ForFile {
		k.TrustedHeight = 0
	}
	return k
}

func (k Known) check() error {
	if len(k.Held) > MaxHeld {
		return fail("%d held files, at most %d", len(k.Held), MaxHeld)
	}
	for i, d := range k.Held {
		if i > 0 && compareDigests(k.Held[i-1], d) >= 0 {
			return fail("held files are not in ascending order")
		}
	}
	return checkNumbers(k.TrustedHeight, k.MinStateHeight, k.RootVersion)
}

// Encode returns the path and the parameters that ask a question, which must pass Check.
// Parts of k that have no place in the question are left out.
func Encode(q Question, k Known) (path string, values url.Values) {
	values = make(url.Values)
	path = q.encode(values)
	k = k.restrict(q)
	setNumber(values, "trusted_height", k.TrustedHeight)
	setNumber(values, "min_state_height", k.MinStateHeight)
	setNumber(values, "root_version", k.RootVersion)
	for _, d := range k.Held {
		values.Add("held", encodeHash(d))
	}
	if k.ForFile {
		values.Set("file", "1")
	}
	return path, values
}

// Parse is the inverse of Encode and takes nothing else: no unknown parameter, none twice,
// none that says what is meant without it, and names in canonical form only. Errors wrap
// ErrQuestion.
func Parse(path string, values url.Values) (Question, Known, error) {
	parse, argument, ok := match(path)
	if !ok {
		return nil, Known{}, fail("nothing is asked at %s", printable.Quote(path))
	}
	p := &parameters{values: values, argument: argument}
	q := parse(p)
	k := Known{
		TrustedHeight: p.number("trusted_height"), MinStateHeight: p.number("min_state_height"),
		RootVersion: p.number("root_version"), Held: p.hashes("held"), ForFile: p.flag("file"),
	}
	if p.err == nil {
		p.err = q.Check()
	}
	if p.err == nil {
		p.err = k.check()
	}
	if p.err == nil {
		p.err = checkForm(q, k, path, values)
	}
	if p.err != nil {
		return nil, Known{}, p.err
	}
	return q, k, nil
}

// checkForm compares what was read with what it is encoded as.
func checkForm(q Question, k Known, path string, values url.Values) error {
	wantPath, want := Encode(q, k)
	if path != wantPath {
		return fail("it is asked at %s", wantPath)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		switch {
		case slices.Equal(values[name], want[name]):
		case len(want[name]) == 1:
			return fail("%s: write %s", name, printable.Quote(want.Get(name)))
		default:
			return fail("%s: leave it out; it is unknown here, or means the same as nothing", printable.Quote(name))
		}
	}
	for name := range want {
		if !values.Has(name) {
			return fail("%s: write %s", name, printable.Quote(want.Get(name)))
		}
	}
	return nil
}
