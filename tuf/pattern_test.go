package tuf

import (
	"math/rand/v2"
	"strings"
	"testing"

	"hullmark/reference"
)

// matchPath is a matcher as textbooks have it, which goes back to the last '*'.
func matchPath(pattern, tag string) bool {
	star, retry := -1, 0 // the last star met, and where its text may end
	p, s := 0, 0
	for s < len(tag) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, retry = p, s
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == tag[s]):
			p++
			s++
		case star >= 0:
			retry++
			p, s = star+1, retry
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// word draws a word of up to limit characters of an alphabet.
func word(random *rand.Rand, alphabet string, limit int) string {
	b := make([]byte, random.IntN(limit+1))
	for i := range b {
		b[i] = alphabet[random.IntN(len(alphabet))]
	}
	return string(b)
}

// TestMatcherAgrees compares matchers with the one that goes back, for short and for
// long words: the set of positions is two machine words.
func TestMatcherAgrees(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 0))
	matches := 0
	for _, limit := range []int{4, 10, 70, reference.MaxTagLength} {
		for range 50_000 {
			tag := word(random, "ab", limit)
			pattern := word(random, "ab?**", limit)
			if random.IntN(2) == 0 { // one that is close to the tag
				b := []byte(tag)
				for range 1 + random.IntN(4) {
					if len(b) > 0 {
						i := random.IntN(len(b))
						b[i] = "ab?*"[random.IntN(4)]
						if b[i] == '*' {
							b = append(b[:i+1], b[i+random.IntN(len(b)-i):]...)
						}
					}
				}
				pattern = string(b)
			}
			got, want := newMatcher(tag).matches(pattern), matchPath(pattern, tag)
			if got != want {
				t.Fatalf("%q against %q: got %v, want %v", pattern, tag, got, want)
			}
			if got {
				matches++
			}
		}
	}
	if matches < 20_000 {
		t.Errorf("only %d matches", matches)
	}
}

// TestMatcherEdges has what lies at the ends of words and of the set of positions.
func TestMatcherEdges(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		pattern, tag string
		want         bool
	}{
		{"", "", true}, {"*", "", true}, {"**", "", true}, {"?", "", false}, {"a", "", false},
		{"", "a", false}, {"*", "a", true}, {"?", "a", true}, {"??", "a", false}, {"*?", "a", true}, {"?*", "a", true},
		{a(64), a(64), true}, {a(64), a(65), false}, {a(65), a(64), false}, {a(63) + "*", a(64), true}, {"*" + a(64), a(65), true},
		{a(128), a(128), true}, {a(127), a(128), false}, {a(128) + "*", a(128), true}, {a(127) + "?", a(128), true}, {a(128) + "?", a(128), false},
		{"*b", a(127) + "b", true}, {"*b", a(128), false}, {"*b*", a(63) + "b" + a(64), true}, {"*b*", a(64) + "b" + a(63), true},
		{"a\xe1", "aa", false}, // 0xe1 is 'a' with its highest bit set
	} {
		if got := newMatcher(c.tag).matches(c.pattern); got != c.want {
			t.Errorf("%q against %q: got %v", c.pattern, c.tag, got)
		}
	}
}

// FuzzMatcher lets the fuzzer pick both words.
func FuzzMatcher(f *testing.F) {
	f.Add("*a?b*", "xxayb")
	f.Add(strings.Repeat("*a", 60)+"b", strings.Repeat("a", 128))
	f.Fuzz(func(t *testing.T, pattern, tag string) {
		if len(tag) > reference.MaxTagLength || !onlyHolds(tag, func(c byte) bool { return c < 128 && c != '*' && c != '?' }) {
			return
		}
		if got, want := newMatcher(tag).matches(pattern), matchPath(pattern, tag); got != want {
			t.Errorf("%q against %q: got %v, want %v", pattern, tag, got, want)
		}
	})
}

// BenchmarkMatcher compares the slowest tag for a matcher that goes back with as many
// patterns as there can be.
func BenchmarkMatcher(b *testing.B) {
	tag := strings.Repeat("a", reference.MaxTagLength)
	pattern := strings.Repeat("*a", MaxPathSize/2-1) + "*b"
	patterns := make([]string, MaxDelegations*MaxPaths)
	for i := range patterns {
		patterns[i] = pattern
	}
	b.Run("sets", func(b *testing.B) {
		for b.Loop() {
			m := newMatcher(tag)
			for _, p := range patterns {
				m.matches(p)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(patterns)), "ns/pattern")
	})
	b.Run("going back", func(b *testing.B) {
		for b.Loop() {
			for _, p := range patterns {
				matchPath(p, tag)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(patterns)), "ns/pattern")
	})
}
