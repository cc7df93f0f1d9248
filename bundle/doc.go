// Package bundle verifies answers about images: it holds the proof object, the
// trust a client starts from, what a client remembers, and the pure function
// that turns a question, a bundle and a memory into a verdict.
//
// # Terms
//
// A bundle (proto.Bundle) proves the state of one repository, tag or image at
// one height. Its target is the light block whose header commits to that state:
// the app hash of state height H is in the header of height H+1, so a Result
// names both, StateHeight and HeaderHeight. Intermediate blocks are the light blocks that
// lead from a block the client trusts to the target.
//
// An Anchor is what a client is given out of band: a ledger id and one light
// block to take as true. A Memory is what a client has learnt since: light
// blocks it has verified, and per repository the newest root and revision it
// has seen. The bundle does not say which question (query.Resolve) it
// answers, every key is derived from the question.
//
// # Trust model
//
// Validators are trusted, while fewer than a third of them are faulty, for
// freshness, naming, revocation and for which file is current. They are not
// trusted for signatures: at publisher assurance, which is the default, the
// publisher's root files and targets files are verified end to end, from the
// newest root the client has seen, and a root once known is never replaced but
// by a successor that it signed for itself. At ledger assurance the publisher's
// files are left out and everything rests on the validators.
//
// The node that sends a bundle is trusted for nothing. No bundle makes this
// package panic, read a clock, or allocate in proportion to a number it has not
// checked.
//
// # Verdicts
//
// Verify returns a Result, or an error of one Class: a Denial, which is itself
// proven (the tag is absent, withdrawn, revoked, ...); an attack, when something
// does not verify; or stale, when the answer may be true and is too old to
// rely on.
package bundle
