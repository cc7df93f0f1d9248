package abci

import (
	"fmt"

	"hullmark/record"
)

// turns are waiting transactions in the order in which a block takes them: in every
// round the next one about each repository. So however many wait about one, those
// about another stand behind no more than one of them. The zero turns is ready for
// use; it is not safe for concurrent use.
type turns struct {
	// rounds of the newest transaction about each subject, counted from one.
	rounds map[string]int
	txs    []turn // in the order they came
	last   int    // the highest round
}

// turn is a transaction and its round.
type turn struct {
	tx    []byte
	round int
}

// add puts a transaction behind all that are about the same subjects. One about
// several has the latest of their rounds, so that the order in each of them is kept.
func (t *turns) add(h *record.Header, tx []byte) {
	if t.rounds == nil {
		t.rounds = make(map[string]int)
	}
	round := 0
	for _, s := range h.Scopes {
		round = max(round, t.rounds[subject(s)])
	}
	round++
	for _, s := range h.Scopes {
		t.rounds[subject(s)] = round
	}
	t.last = max(t.last, round)
	t.txs = append(t.txs, turn{tx, round})
}

// subject names what a scope takes turns by.
func subject(s record.Scope) string {
	switch {
	case !s.Repository.IsZero():
		return s.Repository.String()
	case s.Operator != "":
		return "operator " + s.Operator
	default:
		return fmt.Sprintf("kind %d", s.Kind)
	}
}

// len returns how many wait.
func (t *turns) len() int { return len(t.txs) }

// order returns the transactions round by round, those of one round in the order
// they came. It takes time proportional to their number.
func (t *turns) order() [][]byte {
	next := make([]int, t.last+1) // where the next one of each round goes
	for _, e := range t.txs {
		next[e.round]++
	}
	at := 0
	for round, count := range next {
		next[round] = at
		at += count
	}
	out := make([][]byte, len(t.txs))
	for _, e := range t.txs {
		out[next[e.round]] = e.tx
		next[e.round]++
	}
	return out
}
