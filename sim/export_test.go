package sim

// RunNext runs one event, for benchmarks.
func (s *Simulation) RunNext() { s.step(Forever) }
