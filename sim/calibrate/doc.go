// Package calibrate measures what the real code takes: the times and sizes that the
// simulator (package sim) reads from a file. It measures the workloads that the benchmarks
// in tests/bench measure too, and holds a simulated network against a real one. It is a
// test, since it runs the product on test data:
//
//	make calibrate          measures, and writes a file of costs
//	make calibrate-check    measures, and compares a simulated network with a real one
//
// Work is measured as CPU time of the process, which other processes of a busy
// machine lengthen less than they do the time on the clock; what waits for a disk
// is measured on the clock and says so. Every number is a median of several
// repetitions with its lowest and highest.
package calibrate
