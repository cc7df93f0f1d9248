package ledger_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// TestCheckWorkOfSeenRepository: what a proposal is summed up to is never more than what
// its transactions are charged in their order, also where one of them brings a root
// together with the file of a role that the sum knows nothing of. Else honest validators
// would refuse an honest proposer's block for ever.
func TestCheckWorkOfSeenRepository(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", nil, tr.to("a", "*")))
	tags := fixture.Tags{}
	for i := range 300 {
		tags[fmt.Sprint("t", i)] = "image"
	}
	rotate := tr.c.Publish(tr.p.RootKeys[0], roots(tr.p.Root(2)))
	both := tr.c.Publish(tr.p.RootKeys[0], fixture.Update{Roots: []*tuf.Root{tr.p.Root(3)}, Delegated: []*tuf.Targets{tr.file("a", tags)}})
	s := tr.begin()
	defer s.Close()
	var envs []*record.Envelope
	for _, tx := range [][]byte{rotate, both} {
		out, err := s.Apply(tx, keys.Direct{})
		if err != nil {
			t.Fatal(err)
		}
		envs = append(envs, out.Envelope)
	}
	again := tr.begin()
	defer again.Close()
	if err := again.CheckWork(envs); err != nil {
		t.Error(err)
	}
}

// TestWorkOfNewReach: each comparison of a tag with a pattern is paid for, in a transaction
// too which itself makes the patterns many or the rows to compare many. A few are
// charged for and accepted.
func TestWorkOfNewReach(t *testing.T) {
	for _, tc := range []struct {
		name       string
		rows       int
		wide, know bool // the file of r61 is stored before
		want       error
	}{
		{"a role that enters, many rows", 450, true, false, record.CodeWork},
		{"a role that enters, few rows", 5, true, false, nil},
		{"a role that enters alone", 450, false, false, nil},
		{"a role narrowed and signed, many rows", 800, true, true, record.CodeWork},
		{"a role narrowed and signed, few rows", 5, true, true, nil},
		{"a role that stays as it is", 800, false, true, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := fixture.NewConsortium(t, 4)
			c.Params.MaxBlockWork = 5_500 // a file of 800 rows alone is 5,100
			ch := newChain(t, c)
			w := newWideRepository(ch, "app")
			tags := longTags(tc.rows)
			update := fixture.Update{Targets: w.top(1, tc.wide), Delegated: []*tuf.Targets{w.file(1, tags)}}
			if tc.know {
				t1, f1 := w.top(1, false), w.file(1, tags)
				ch.commit(ch.c.Publish(w.p.TaggingKeys[0], fixture.Update{Targets: t1}))
				ch.commit(ch.c.Publish(w.p.TaggingKeys[0], fixture.Update{Delegated: []*tuf.Targets{f1}}))
				tags["b"] = "image"
				update = fixture.Update{
					Targets: w.top(2, tc.wide), Delegated: []*tuf.Targets{w.file(2, tags)}, Bases: []*tuf.Targets{t1, f1},
				}
			}
			s := ch.begin()
			defer s.Close()
			out, err := s.Apply(ch.c.Publish(w.p.TaggingKeys[0], update), keys.Direct{})
			if !errors.Is(err, tc.want) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			const comparisonsPerUnit = 50_000 / 200
			if least := uint64(tc.rows * 61 * tuf.MaxPaths / comparisonsPerUnit); err == nil && tc.wide && out.Work < least {
				t.Errorf("%d units, the comparisons alone are %d", out.Work, least)
			}
		})
	}
}
