// Package paper repeats the evaluation in section 5 of "Decentralized Content
// Trust for Docker Images" (2018): how evenly images spread over servers.
//
// # Setting
//
// Table 1 of the paper: 10^5, 2*10^5, ..., 10^6 images, 10, 20, ..., 100 servers,
// keys of 384 bits. A key is the SHA-384 hash of an image's name; the load of a
// server is the number of keys placed on it; the load factor is the largest load
// divided by the smallest. The paper does not say how it places keys. Here the
// product's own package placement does, and other placements are run on the same
// keys for comparison.
//
// # Method
//
// One Trial is one seed. It makes 10^6 image names and 100 server names of its
// own, and places the keys one after the other on the first 10, 20, ... servers
// at once; the loads after 10^5, 2*10^5, ... keys are the cells of its grid. So
// the cells of one trial share keys and servers and are correlated; different
// trials share nothing. Medians over many trials are what is compared.
//
// A seed gives the same numbers on every machine, however many trials run at once.
package paper

import (
	"errors"
	"fmt"
	"slices"
)

// ErrSetting is the class of errors of settings that cannot be run.
var ErrSetting = errors.New("setting cannot be run")

// The bounds of a setting: more would not fit the memory and time this is made for.
const (
	maxImages  = 100_000_000
	maxServers = 1000
	maxSizes   = 100
	maxTrials  = 10_000
)

// Setting is what is tried.
type Setting struct {
	// Images are the numbers of images, rising.
	Images []int
	// Servers are the numbers of servers, rising. In the smallest and the largest
	// number, a server also joins: see Movement.
	Servers []int
	// Placements are those to run: rendezvous, then bounded, then those that are
	// only compared. The first must be there.
	Placements []Placement
	// Compared is in how many of the trials, the first ones, those run that are only
	// compared; zero is in all.
	Compared int
	// Trials is how many seeds are tried, from Seed on.
	Trials int
	Seed   uint64
}

// DefaultTrials is how many seeds the evaluation tries. An odd number has a median.
const DefaultTrials = 31

// DefaultCompared is in how many of them placements are compared: these differ by
// factors, which a few seeds show.
const DefaultCompared = 7

// TableOne is the paper's setting with all placements.
func TableOne() Setting {
	s := Setting{Placements: Placements(), Compared: DefaultCompared, Trials: DefaultTrials, Seed: 1}
	for i := 1; i <= 10; i++ {
		s.Images = append(s.Images, i*100_000)
		s.Servers = append(s.Servers, i*10)
	}
	return s
}

// Validate reports a setting that cannot be run. Errors wrap ErrSetting.
func (s Setting) Validate() error {
	for _, list := range []struct {
		name    string
		numbers []int
		most    int
	}{{"images", s.Images, maxImages}, {"servers", s.Servers, maxServers}} {
		if len(list.numbers) == 0 || len(list.numbers) > maxSizes {
			return fmt.Errorf("%w: %d numbers of %s", ErrSetting, len(list.numbers), list.name)
		}
		last := 0
		for _, n := range list.numbers {
			if n <= last || n > list.most {
				return fmt.Errorf("%w: %v %s; use rising numbers up to %d", ErrSetting, list.numbers, list.name, list.most)
			}
			last = n
		}
	}
	if s.Trials < 1 || s.Trials > maxTrials {
		return fmt.Errorf("%w: %d seeds; use 1 to %d", ErrSetting, s.Trials, maxTrials)
	}
	if len(s.Placements) == 0 || s.Placements[0] != Rendezvous {
		return fmt.Errorf("%w: %v does not begin with %s", ErrSetting, s.Placements, Rendezvous)
	}
	for i, p := range s.Placements {
		if !slices.Contains(Placements(), p) || slices.Contains(s.Placements[:i], p) {
			return fmt.Errorf("%w: placement %q is unknown or listed twice", ErrSetting, p)
		}
	}
	if at := slices.Index(s.Placements, Bounded); at > 1 || s.Compared < 0 {
		return fmt.Errorf("%w: %v in %d trials; what is compared comes last", ErrSetting, s.Placements, s.Compared)
	}
	return nil
}

// placements returns those that run in a trial, counted from zero.
func (s Setting) placements(trial int) []Placement {
	if s.Compared == 0 || trial < s.Compared {
		return s.Placements
	}
	own := 1
	if slices.Contains(s.Placements, Bounded) {
		own = 2
	}
	return s.Placements[:own]
}

// Published is a load factor that the paper states.
type Published struct {
	Images, Servers int
	Factor          float64
}

// PublishedFactors are the load factors that the text of section 5 states. It
// states two averages besides, see the constants; of the other points of its
// figures there are no numbers.
func PublishedFactors() []Published {
	return []Published{
		{Images: 100_000, Servers: 10, Factor: 1.06},   // the maximum of figure 2
		{Images: 1_000_000, Servers: 10, Factor: 1.04}, // its minimum, and figure 3
		{Images: 1_000_000, Servers: 20, Factor: 1.03}, // the minimum of figure 4
		{Images: 1_000_000, Servers: 70, Factor: 1.08}, // its maximum
	}
}

// published returns what the paper states of a cell, or false.
func published(images, servers int) (float64, bool) {
	for _, f := range PublishedFactors() {
		if f.Images == images && f.Servers == servers {
			return f.Factor, true
		}
	}
	return 0, false
}

// The averages that the paper states over the points of figures 2 and 4.
const (
	PublishedAverage2 = 1.05
	PublishedAverage4 = 1.06
)
