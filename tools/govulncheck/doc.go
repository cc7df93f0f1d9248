// Package govulncheck says what its module is for: it pins govulncheck, apart from the
// other tools because their dependencies change more often. Nothing imports it.
package govulncheck
