// Package change is the write side of a ledger as values: it makes what publishers and
// operators sign, shows it, signs it, and seals it into a transaction.
//
// A change begins with what the ledger has (Current), of which a draft makes the next
// files of a repository, without signatures (DraftTags, NextDelegator, FirstRoot, Rotate,
// NextStatement). Drafts go into a Request, the form in which they travel to whoever holds the keys, offline too.
// Request.Duties says who has to sign what, Request.Inherited what a signer would take over
// from keys that hold their role no more, and Request.Sign adds signatures. What is
// complete is sealed by a Submitter (Request.Seal). Request.Review is what a signer is
// shown, and Request.MaySubmit says whose key may be the Submitter.
//
// Nothing here knows a node, a clock or a file: times are arguments, and keys are
// tuf.Signers and a Submitter. It is for package client, which sends, and for programs
// that only sign. It vouches for nothing either: the ledger judges what is sent.
package change
