// Package regressions is an index of what went wrong in systems like this one:
// published advisories, audits and incidents, each with the tests here that would
// notice the same. Tests that belong to no other package stand here too.
package regressions
