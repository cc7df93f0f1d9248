// Package sim is a discrete-event simulator for networks of nodes and clients.
//
// A [Simulation] has a virtual clock and a queue of events. An event is a
// function that runs at a moment of virtual time, takes none itself, and may
// schedule others. Nothing runs beside it, so nothing in a simulation needs a
// lock, and a simulation may not be used by two goroutines; many simulations may
// run beside each other.
//
// What is simulated is put together from
//
//   - [Distribution]: service times, latencies, time between failures;
//   - [Server]: cores and a bounded queue, which can crash, hang and lie;
//   - [Link] and [Network]: latency, bandwidth, loss and partition;
//   - [Alternate] and [Arrivals]: processes that go on by themselves;
//   - [Choice]: popularity, such as [Zipf]'s law;
//   - [Histogram]: what is measured, in bounded memory;
//   - [Costs]: what the real code takes, measured and read from a file.
//
// # Determinism
//
// The same seed gives the same results to the last bit, on any machine and
// with any number of threads. Events of one time run in the order in which they
// were scheduled. Random numbers come from streams that have names
// ([Simulation.Stream]): a component draws from its own, so adding one does not
// shift the numbers of another. Nothing may depend on the order of a map, on the
// clock of the machine or on goroutines.
//
// Scenarios are packages below this one. The simulator links nothing that it
// simulates but placement, which it shares with the client.
package sim
