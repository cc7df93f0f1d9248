// Package crash tests what a node and a client keep when they end without a word:
// killed at every step of a block and at moments nobody chose, without power, on a
// full disk, on a disk that changes bits. What was acknowledged must be provable
// afterwards, and what is on disk must be the state of one height, whole.
//
// Nodes that die at a chosen step are this test binary itself, started again as a
// node whose databases and connections end the process there (app.Hooks). Nothing
// of it is in hullmarkd.
package crash
