package main

import (
	"slices"

	"hullmark/client"
	"hullmark/placement"
)

// simulate returns how many look-ups of images come to each node when every client
// asks in the order of a placement and goes on to the next node after each that gives
// no good answer, those of bad. Users take turns with the images.
func simulate(c catalogue, images []int, urls, bad []string, p client.Placement, users int) map[string]int {
	var nodes []placement.Node
	for _, url := range urls {
		nodes = append(nodes, placement.NewNode(url))
	}
	bounded := make([]*placement.Bounded, users)
	for i := range bounded {
		bounded[i] = placement.NewBounded(nodes)
	}
	asked := make(map[string]int)
	for i, image := range images {
		name := []byte(c.question(image).String())
		order := placement.Order(name, nodes)
		if p == client.PlacementBounded {
			order = bounded[i%users].Order(placement.NewKey(name))
		}
		for _, n := range order {
			asked[n.ID()]++
			if !slices.Contains(bad, n.ID()) {
				break
			}
		}
	}
	return asked
}

// loadFactor is the paper's: the highest load over the lowest, 0 when that is none.
func loadFactor(loads []int) float64 {
	if len(loads) == 0 || slices.Min(loads) == 0 {
		return 0
	}
	return float64(slices.Max(loads)) / float64(slices.Min(loads))
}
