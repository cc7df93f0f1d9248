package workload

import (
	"fmt"

	"hullmark/internal/fixture"
)

// Sizes of the load. A run is long enough to fill some twenty blocks and short
// enough to be repeated.
const (
	LoadRepositories = 200
	LoadVersions     = 10
	SendersPerNode   = 4
)

// Load is the transactions of one run: registrations, then publishes, by sender,
// and the mean size of a publish.
func (nw *Network) Load() (register, publish [][][]byte, size int) {
	senders := SendersPerNode * len(nw.homes)
	register, publish = make([][][]byte, senders), make([][][]byte, senders)
	for i := range LoadRepositories {
		p := nw.C.NewPublisher(fmt.Sprintf("registry.example.com/bench/app-%d", i))
		register[i%senders] = append(register[i%senders], p.Register(nw.C.Operators[0]))
		for v := range uint64(LoadVersions) {
			tx := p.Publish(v+1, fixture.Tags{"latest": fmt.Sprint(v), "stable": "one"})
			publish[i%senders] = append(publish[i%senders], tx)
			size += len(tx)
		}
	}
	return register, publish, size / (LoadRepositories * LoadVersions)
}
