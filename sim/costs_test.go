package sim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim"
)

func mustCosts(t *testing.T) sim.Costs {
	t.Helper()
	c, err := sim.DefaultCosts()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCostsRoundTrip(t *testing.T) {
	want := mustCosts(t)
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := sim.DecodeCosts(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
}

func TestDecodeCostsRefuses(t *testing.T) {
	good, err := mustCosts(t).Encode()
	if err != nil {
		t.Fatal(err)
	}
	vote := fmt.Sprintf(`"vote_bytes": %d`, mustCosts(t).Vote)
	judge := fmt.Sprintf(`"judge_ns": %d`, mustCosts(t).Repositories[0].Judge)
	replace := func(old, with string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("no %q in the costs", old)
		}
		return strings.Replace(string(good), old, with, 1)
	}
	tests := []struct{ name, file string }{
		{"nothing", ""},
		{"no object", "[]"},
		{"other version", replace(`"version": 1`, `"version": 2`)},
		{"unknown field", replace(`"source"`, `"sauce": "", "source"`)},
		{"missing field", replace(vote+",", "")},
		{"fraction", replace(vote, `"vote_bytes": 200.5`)},
		{"negative", replace(vote, `"vote_bytes": -200`)},
		{"negative in a repository", replace(judge, `"judge_ns": -1`)},
		{"tags fall", replace(`"tags": 100,`, `"tags": 2000,`)},
		{"something follows", string(good) + "{}"},
		{"too large", string(good) + strings.Repeat(" ", sim.MaxCostsSize)},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := sim.DecodeCosts([]byte(tc.file)); !errors.Is(err, sim.ErrCosts) {
				t.Errorf("error %v, want %v", err, sim.ErrCosts)
			}
		})
	}
}

func TestCostsOfRepository(t *testing.T) {
	c := sim.Costs{Repositories: []sim.RepositoryCosts{
		{Tags: 10, LookUp: 100, Answer: 1000},
		{Tags: 20, LookUp: 200, Answer: 1100},
		{Tags: 40, LookUp: 300, Answer: 1300},
	}}
	for tags, want := range map[int]sim.RepositoryCosts{
		1:  {Tags: 1, LookUp: 100, Answer: 1000},
		10: {Tags: 10, LookUp: 100, Answer: 1000},
		15: {Tags: 15, LookUp: 150, Answer: 1050},
		20: {Tags: 20, LookUp: 200, Answer: 1100},
		30: {Tags: 30, LookUp: 250, Answer: 1200},
		80: {Tags: 80, LookUp: 500, Answer: 1700},
	} {
		if diff := cmp.Diff(want, c.Repository(tags)); diff != "" {
			t.Errorf("%d tags (-want +got):\n%s", tags, diff)
		}
	}
}
