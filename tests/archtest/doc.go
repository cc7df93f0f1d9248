// Package archtest keeps the architecture true. Its tests check on the real
// source and the real module graph which packages may import which, what each
// command links, that the deterministic core stays deterministic, and that no
// dependency is older than the fix of a published defect.
//
// A package that does not exist yet is not checked; a new one must be added to
// the table before it passes.
package archtest
