package main

import (
	"slices"

	"hullmark/placement"
)

// simulate returns how many look-ups of images come to each node when every client
// asks in the order of placement and goes on to the next node after each that gives
// no good answer, those of bad.
func simulate(c catalogue, images []int, urls, bad []string) map[string]int {
	var nodes []placement.Node
	for _, url := range urls {
		nodes = append(nodes, placement.NewNode(url))
	}
	asked := make(map[string]int)
	for _, image := range images {
		for _, n := range placement.Order([]byte(c.question(image).String()), nodes) {
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
