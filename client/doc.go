// Package client talks to the nodes of a ledger: it looks up and verifies
// images, submits transactions and publishes.
//
// New makes a Client. Verify answers what a tag means, Publish changes it, and Do makes
// all other changes; docs/client.md shows them one after the other.
//
// # Trust model
//
// Nodes are trusted for nothing. Every answer is verified by package bundle
// against the client's own memory before anybody sees it, and a transaction
// counts as committed only when it is proven to be in a verified block. A node
// can refuse to answer or answer late; it cannot make this package say yes.
//
// Nodes are asked in rendezvous order of the name that is looked up, so that
// load spreads without coordination. The next node is asked when one fails,
// answers badly, or stays silent for a moment. A good answer beside bad ones
// comes with warnings that say who was bad.
//
// # Forks
//
// Two blocks of one height that the validators signed mean that no history can be
// believed. A client that meets them, in an answer or when it compares headers with
// another node (CompareHeaders, or Options.Witnesses in programs that run for long),
// keeps both and gives no verdict any more: which history holds, a person decides
// with the operators, and then takes the evidence away.
//
// # Home
//
// A Home is the directory in which a client keeps what it trusts:
//
//	trust.json    the trust anchor, imported once (bundle.Anchor)
//	memory/       what the client has learnt since (bundle.Memory): chain.json has
//	              the light blocks, repositories/ a file for each repository,
//	              named by the SHA-256 of its name
//	files/        targets files that nodes need not send again (FileKeeper); it may be
//	              removed at any time
//	client.toml   the nodes to ask (Config)
//	fork-N.json   two signed blocks of height N, if there ever are (bundle.Fork); no
//	              verdict is given while it is there
//	lock          held while the memory is read and replaced
//	stamp         another text after each change, so that a look-up which finds the same
//	              before and after it asked need not read again
//
// Files are replaced by renaming, so a reader sees the old or the new one whole,
// and answers are verified and remembered under the lock: of two concurrent
// verifications neither forgets what the other has seen. A file that cannot be
// read means no verdict; one that cannot be written, such as on a full disk, means
// a verdict with a warning.
package client
