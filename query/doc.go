// Package query is the vocabulary that clients and nodes share: what can be asked,
// what whoever asks holds already, and how both are written in a request.
//
// A Question is one of a closed set of types, one file each. A Known goes with it and
// says what the asker holds, so that an answer need not repeat it. Encode writes them as
// a path and parameters, and Parse reads them; each question has one form, and Parse
// takes no other. HTTP carries the two as the path and the query string of a URL, and
// CometBFT's abci_query as path and data (docs/spec.md, "HTTP API").
//
// A question of a new kind is one new file here, with its type, its check, its encoder
// and its parser, and a row in routes. Its answer is made in package lookup and verified in
// package bundle.
package query
