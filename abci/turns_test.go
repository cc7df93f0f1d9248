package abci

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/internal/fixture"
	"hullmark/record"
	"hullmark/reference"
)

// TestTurns: each round takes the next transaction about each repository, in the order
// in which they came, and what is about several keeps its place in all of them.
func TestTurns(t *testing.T) {
	repo := func(name string) record.Scope {
		return record.RoleScope(reference.MustParseRepository("localhost:5000/"+name), "targets", 1)
	}
	operator := func(id string) record.Scope {
		return record.Scope{Kind: record.ScopeOperator, Operator: id, Number: 1}
	}
	type tx struct {
		name   string
		scopes []record.Scope
	}
	one := func(name, about string) tx { return tx{name, []record.Scope{repo(about)}} }
	for _, tc := range []struct {
		name string
		txs  []tx
		want []string
	}{
		{"none", nil, nil},
		{"one repository", []tx{one("1", "a"), one("2", "a"), one("3", "a")}, []string{"1", "2", "3"}},
		{"late comers", []tx{one("a1", "a"), one("a2", "a"), one("a3", "a"), one("b1", "b"), one("c1", "c"), one("b2", "b")},
			[]string{"a1", "b1", "c1", "a2", "b2", "a3"}},
		{"of two repositories", []tx{one("a1", "a"), one("a2", "a"), {"ab", []record.Scope{repo("a"), repo("b")}}, one("b1", "b"), one("c1", "c")},
			[]string{"a1", "c1", "a2", "ab", "b1"}},
		{"roles of one repository", []tx{{"a1", []record.Scope{repo("a"), record.RoleScope(repo("a").Repository, "targets/ci", 1)}}, one("a2", "a"), one("b1", "b")},
			[]string{"a1", "b1", "a2"}},
		{"operators", []tx{{"x1", []record.Scope{operator("x")}}, {"x2", []record.Scope{operator("x")}}, {"y1", []record.Scope{operator("y")}}},
			[]string{"x1", "y1", "x2"}},
		{"recoveries", []tx{{"r1", []record.Scope{{Kind: record.ScopeRecovery, Number: 1}}}, {"r2", []record.Scope{{Kind: record.ScopeRecovery, Number: 2}}}, one("a1", "a")},
			[]string{"r1", "a1", "r2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var q turns
			for _, tx := range tc.txs {
				q.add(&record.Header{Scopes: tx.scopes}, []byte(tx.name))
			}
			var got []string
			for _, tx := range q.order() {
				got = append(got, string(tx))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if q.len() != len(tc.txs) {
				t.Errorf("%d wait", q.len())
			}
		})
	}
}

// TestOrdinaryInTurn: a publisher whose transactions fill the front of the mempool
// does not keep others out of the next block, and the order of each is kept.
func TestOrdinaryInTurn(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas, c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	n := newNode(t, c)
	flooder := c.NewPublisher(appName)
	register := [][]byte{flooder.Register(c.Operators[0])}
	var honest []*fixture.Publisher
	for i := range 3 {
		p := c.NewPublisher(fmt.Sprintf("localhost:5000/honest-%d", i))
		honest = append(honest, p)
		register = append(register, p.Register(c.Operators[1]))
	}
	n.next(register...)
	var flood [][]byte
	for v := range uint64(30) {
		tx := flooder.Publish(v+1, fixture.Tags{"latest": fmt.Sprint(v)})
		n.expectCheck(tx, 0)
		flood = append(flood, tx)
	}
	var theirs [][]byte
	for v := range uint64(2) {
		for _, p := range honest {
			tx := p.Publish(v+1, fixture.Tags{"latest": fmt.Sprint(v)})
			n.expectCheck(tx, 0)
			theirs = append(theirs, tx)
		}
	}
	want := slices.Concat(flood[:1], theirs[:3], flood[1:2], theirs[3:])
	room := int64(0)
	for _, tx := range want {
		room += int64(len(tx)) + 8
	}
	// The mempool offers what has waited longest, which is the flood alone.
	block := n.prepare(room, flood[:10]...)
	if len(block) < len(want) || !slices.EqualFunc(block[:len(want)], want, bytes.Equal) {
		t.Fatalf("%d transactions, not those of everybody in turn", len(block))
	}
	if !n.process(block...) {
		t.Fatal("the block is refused")
	}
	// With room for all, all go in, once.
	all := n.prepare(plenty, flood...)
	if len(all) != len(flood)+len(theirs) || !n.process(all...) {
		t.Errorf("%d of %d transactions", len(all), len(flood)+len(theirs))
	}
}
