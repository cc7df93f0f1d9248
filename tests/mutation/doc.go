// Package mutation tests the tests of the core rules: it breaks one rule at a time
// and expects a test to notice.
//
// A mutation is data: a name, a file, a piece of its text that occurs once, what
// stands there instead, and the package whose tests must fail. They are kept in
// mutations.txt. On each change it is only checked that they still fit the source;
// "make mutation" (part of make nightly) builds and tries every one, in an overlay, so
// that no file is touched.
package mutation
