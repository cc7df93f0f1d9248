// Package simtest compares the simulator with the product it mirrors and does not
// link.
package simtest
