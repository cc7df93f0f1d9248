// Package calibrate measures what the real code takes: the times and sizes that the
// simulator (package sim) reads from a file, on the workloads that are measured by the
// benchmarks in tests/bench too, and the networks that its results are held against.
//
// Work is measured as CPU time of the process, which other processes of a busy
// machine lengthen less than they do the time on the clock; what waits for a disk
// is measured on the clock and says so. Every number is a median of several
// repetitions with its lowest and highest.
package calibrate
