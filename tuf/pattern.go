package tuf

import (
	"math/bits"
	"slices"

	"hullmark/reference"
)

// matchAny reports whether a tag matches one of the patterns.
func matchAny(patterns []string, tag reference.Tag) bool {
	m := newMatcher(tag.String())
	return slices.ContainsFunc(patterns, m.matches)
}

// matcher compares one tag with patterns, in which '*' stands for any characters and '?'
// for one. It reads a pattern once, from left to right, and keeps the set of all prefixes
// of the tag that what it has read matches, as a set of bits: bit i stands for the prefix
// of i+1 characters. So a comparison takes a few operations for each character of the
// pattern, whatever the two strings are. Going back to the last '*' instead takes the
// product of both lengths, which a publisher can choose.
type matcher struct {
	positions [128]set128 // for each character, where the tag has it
	all       set128      // every position of the tag
}

// newMatcher prepares a tag of at most reference.MaxTagLength characters, all ASCII.
func newMatcher(tag string) *matcher {
	m := new(matcher)
	for i := range min(len(tag), reference.MaxTagLength) {
		m.positions[tag[i]&127].add(i)
		m.all.add(i)
	}
	return m
}

// matches reports whether the tag matches a pattern.
func (m *matcher) matches(pattern string) bool {
	empty := true // the empty prefix is in the set
	var set set128
	for i := range len(pattern) {
		switch c := pattern[i]; {
		case c == '*':
			// Whatever comes after a prefix in the set is in it too.
			set = set.upwards()
			if empty {
				set = m.all
			}
			set = set.and(m.all)
			continue
		case c == '?':
			set = set.next(empty).and(m.all)
		case c < 128:
			set = set.next(empty).and(m.positions[c])
		default:
			return false
		}
		empty = false
		if set == (set128{}) {
			return false
		}
	}
	if m.all == (set128{}) {
		return empty
	}
	return set.largest() == m.all.largest()
}

// set128 is a set of numbers from 0 to 127.
type set128 struct{ low, high uint64 }

func (s *set128) add(i int) {
	if i < 64 {
		s.low |= 1 << i
	} else {
		s.high |= 1 << (i - 64)
	}
}

func (s set128) and(t set128) set128 { return set128{s.low & t.low, s.high & t.high} }

// next adds one to each number, and has 0 if zero is set.
func (s set128) next(zero bool) set128 {
	out := set128{s.low << 1, s.high<<1 | s.low>>63}
	if zero {
		out.low |= 1
	}
	return out
}

// upwards adds every number that is greater than one in the set.
func (s set128) upwards() set128 {
	if s.low != 0 {
		return set128{s.low | -s.low, ^uint64(0)}
	}
	return set128{0, s.high | -s.high}
}

// largest returns the largest number in the set, or -1.
func (s set128) largest() int {
	if s.high != 0 {
		return 63 + bits.Len64(s.high)
	}
	return bits.Len64(s.low) - 1
}
