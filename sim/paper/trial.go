package paper

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// Trial is what one seed gave.
type Trial struct {
	Seed uint64
	// Grids are in the order of the setting's placements; those that are only
	// compared may be left out.
	Grids []Grid
}

// Grid is what one placement gave in one trial. Cells are [images][servers], in
// the order of the setting.
type Grid struct {
	// Factor is the load factor of each cell; infinite when a server got nothing.
	Factor [][]float64
	// Departed is the share of keys that are not on their first server in rendezvous
	// order.
	Departed [][]float64
	// Loads are those of the servers in the smallest number of servers, with all
	// images.
	Loads []int
	// Moved is how keys move when a server joins.
	Moved []Movement
}

// Movement is what the last of so many servers changes when it joins, or when it
// leaves: both compare the same two placements of all keys.
type Movement struct {
	Servers int
	// Share of the keys whose server is another one. At least about 1/Servers must
	// move.
	Share float64
}

// checkEvery is how many keys are placed between looks at the context.
const checkEvery = 4096

// Run runs all trials of a setting on all processors. It calls done, from several
// goroutines, after each. Errors wrap ErrSetting or are those of the context.
func Run(ctx context.Context, s Setting, done func()) ([]Trial, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't run evaluation: %w", err)
	}
	trials := make([]Trial, s.Trials)
	errs := make([]error, s.Trials)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), s.Trials) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < s.Trials; i = int(next.Add(1)) - 1 {
				trials[i], errs[i] = s.trial(ctx, i)
				done()
			}
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("couldn't run evaluation: %w", err)
		}
	}
	return trials, nil
}

// trial runs one trial, counted from zero.
func (s Setting) trial(ctx context.Context, number int) (Trial, error) {
	seed, chosen := s.Seed+uint64(number), s.placements(number)
	numbers, moves := s.numbers()
	names := serverNames(seed, numbers[len(numbers)-1])
	placers := make([]placer, len(chosen))
	tallies := make([]*tally, len(chosen))
	for i, p := range chosen {
		placers[i], tallies[i] = newPlacer(p, names, numbers), newTally(numbers, moves)
	}
	stream := newKeys(seed)
	first, winners := make([]int, len(numbers)), make([]int, len(numbers))
	var k key
	placed := 0
	for row, images := range s.Images {
		for ; placed < images; placed++ {
			if placed%checkEvery == 0 && ctx.Err() != nil {
				return Trial{}, ctx.Err()
			}
			stream.read(&k)
			placers[0].place(&k, nil, first)
			tallies[0].add(first, first)
			for i, p := range placers[1:] {
				p.place(&k, first, winners)
				tallies[1+i].add(winners, first)
			}
		}
		for _, t := range tallies {
			t.closeRow(row, images, s.Servers)
		}
	}
	out := Trial{Seed: seed}
	for _, t := range tallies {
		out.Grids = append(out.Grids, t.finish(placed, s.Servers[0]))
	}
	return out, nil
}

// numbers returns all numbers of servers to place keys on: those of the setting,
// and for each movement the one before; and where the movements' are.
func (s Setting) numbers() (numbers, moves []int) {
	ends := []int{s.Servers[0], s.Servers[len(s.Servers)-1]}
	numbers = slices.Clone(s.Servers)
	for _, n := range ends {
		if n > 1 {
			numbers = append(numbers, n-1)
		}
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	for _, n := range slices.Compact(ends) {
		if n > 1 {
			moves = append(moves, slices.Index(numbers, n))
		}
	}
	return numbers, moves
}

// tally counts what one placement does in one trial.
type tally struct {
	numbers  []int
	moves    []int   // indexes into numbers of which the one before has a server less
	loads    [][]int // [number][server]
	departed []int   // [number]
	moved    []int   // [move]
	grid     Grid
}

func newTally(numbers, moves []int) *tally {
	t := &tally{numbers: numbers, moves: moves, departed: make([]int, len(numbers)), moved: make([]int, len(moves))}
	for _, n := range numbers {
		t.loads = append(t.loads, make([]int, n))
	}
	return t
}

// add counts a key: its servers, and those it would have in rendezvous order.
func (t *tally) add(winners, first []int) {
	for i, w := range winners {
		t.loads[i][w]++
		if w != first[i] {
			t.departed[i]++
		}
	}
	for i, at := range t.moves {
		if winners[at] != winners[at-1] {
			t.moved[i]++
		}
	}
}

// closeRow writes a row of the grid, of the loads so far.
func (t *tally) closeRow(row, images int, servers []int) {
	t.grid.Factor = append(t.grid.Factor, nil)
	t.grid.Departed = append(t.grid.Departed, nil)
	for _, n := range servers {
		i := slices.Index(t.numbers, n)
		t.grid.Factor[row] = append(t.grid.Factor[row], LoadFactor(t.loads[i]))
		t.grid.Departed[row] = append(t.grid.Departed[row], float64(t.departed[i])/float64(images))
	}
}

func (t *tally) finish(images, servers int) Grid {
	t.grid.Loads = t.loads[slices.Index(t.numbers, servers)]
	for i, at := range t.moves {
		t.grid.Moved = append(t.grid.Moved, Movement{Servers: t.numbers[at], Share: float64(t.moved[i]) / float64(images)})
	}
	return t.grid
}

// LoadFactor returns the largest load divided by the smallest: infinite when that
// is zero, and 1 of no servers.
func LoadFactor(loads []int) float64 {
	if len(loads) == 0 {
		return 1
	}
	return float64(slices.Max(loads)) / float64(slices.Min(loads))
}
