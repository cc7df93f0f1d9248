package sim

import (
	"fmt"
	"slices"
	"time"
)

// Region is a place on Earth, by a number below [Regions].
type Region int

// The regions, from west to east around each ocean.
const (
	USEast Region = iota
	USWest
	SouthAmerica
	EuropeWest
	EuropeCentral
	Africa
	India
	SoutheastAsia
	Japan
	Australia
	// Regions is how many there are.
	Regions
)

var regionNames = [Regions]string{
	"us-east", "us-west", "south-america", "europe-west", "europe-central",
	"africa", "india", "southeast-asia", "japan", "australia",
}

// String returns the name of the region.
func (r Region) String() string {
	if r < 0 || r >= Regions {
		return fmt.Sprintf("region-%d", int(r))
	}
	return regionNames[r]
}

// ParseRegion returns the region with a name.
func ParseRegion(name string) (Region, error) {
	if i := slices.Index(regionNames[:], name); i >= 0 {
		return Region(i), nil
	}
	return 0, fmt.Errorf("unknown region %q", name)
}

// roundTrips is the upper half of the table of round trips, in milliseconds.
//
// They are rounded values of our own choosing, in the range that public monitors of
// the inter-region latency of large cloud providers show for data centres in these
// parts of the world: roughly 1 ms for each 70 to 100 km of great circle, more
// where cables take a detour (Africa, South America). They are medians on a good
// day between data centres; homes and offices add their own access.
var roundTrips = [Regions][Regions]int{
	//               USE USW  SA  EUW  EUC  AF   IN  SEA   JP   AU
	USEast:        {1, 62, 114, 70, 90, 225, 190, 215, 150, 200},
	USWest:        {0, 1, 172, 130, 148, 285, 222, 165, 98, 140},
	SouthAmerica:  {0, 0, 1, 178, 202, 335, 300, 325, 256, 310},
	EuropeWest:    {0, 0, 0, 1, 24, 155, 122, 172, 205, 255},
	EuropeCentral: {0, 0, 0, 0, 1, 152, 110, 160, 225, 250},
	Africa:        {0, 0, 0, 0, 0, 1, 260, 320, 365, 405},
	India:         {0, 0, 0, 0, 0, 0, 1, 60, 125, 150},
	SoutheastAsia: {0, 0, 0, 0, 0, 0, 0, 1, 70, 93},
	Japan:         {0, 0, 0, 0, 0, 0, 0, 0, 1, 105},
	Australia:     {0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
}

// RoundTrip returns the median round trip between two regions; within one, between
// two of its data centres.
func RoundTrip(a, b Region) time.Duration {
	return time.Duration(roundTrips[min(a, b)][max(a, b)]) * time.Millisecond
}
