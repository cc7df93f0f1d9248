package query

import (
	"net/url"
	"strconv"
)

// What is asked about the log.
const (
	KindInclusion   Kind = "inclusion"
	KindConsistency Kind = "consistency"
)

const (
	pathInclusion   = "/v1/log/inclusion"
	pathConsistency = "/v1/log/consistency"
)

// Inclusion asks for the proof that a record is in the log.
type Inclusion struct {
	// Index is the place of the record in the log, from 0.
	Index uint64
	// Size is how many records the log must have; zero for the newest log.
	Size uint64
}

// Kind implements Question.
func (q Inclusion) Kind() Kind { return KindInclusion }

// String implements Question.
func (q Inclusion) String() string { return "log/" + strconv.FormatUint(q.Index, 10) }

// Check implements Question.
func (q Inclusion) Check() error { return checkNumbers(q.Index, q.Size) }

func (q Inclusion) rests() foundation { return onState }

func (q Inclusion) encode(v url.Values) string {
	v.Set("index", strconv.FormatUint(q.Index, 10))
	setNumber(v, "size", q.Size)
	return pathInclusion
}

func parseInclusion(p *parameters) Question {
	return Inclusion{Index: p.required("index"), Size: p.number("size")}
}

// Consistency asks for the proof that the log of one size begins that of another.
type Consistency struct {
	// First is how many records the older log has; not zero.
	First uint64
	// Second is how many the newer one has; zero for the newest log.
	Second uint64
}

// Kind implements Question.
func (q Consistency) Kind() Kind { return KindConsistency }

// String implements Question.
func (q Consistency) String() string { return "log/" + strconv.FormatUint(q.First, 10) }

// Check implements Question.
func (q Consistency) Check() error {
	if q.First == 0 {
		return fail("first: it is missing")
	}
	return checkNumbers(q.First, q.Second)
}

func (q Consistency) rests() foundation { return onState }

func (q Consistency) encode(v url.Values) string {
	setNumber(v, "first", q.First)
	setNumber(v, "second", q.Second)
	return pathConsistency
}

func parseConsistency(p *parameters) Question {
	return Consistency{First: p.number("first"), Second: p.number("second")}
}
