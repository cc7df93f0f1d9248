// Package lookup is the read side of a node: it answers the questions of package query
// from a ledger's committed state and the blocks that prove it.
//
// A Reader finds the state that a question is answered from. A State is one version of the
// ledger with the block that proves it; its methods make the answers and have no other
// input. Whoever serves answers (HTTP in package app, ABCI in package abci) turns paths and
// parameters into questions with query.Parse, and errors into codes.
//
// Every answer carries its proof. What is not there is proven absent, which is an answer
// and no error. Package bundle verifies answers.
package lookup
