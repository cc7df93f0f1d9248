// Package workload has what is measured: a ledger that answers one question, and networks
// of validators with something to do. The benchmarks in tests/bench and the calibration of
// the simulator both measure these, so that nothing is measured in two ways.
package workload
