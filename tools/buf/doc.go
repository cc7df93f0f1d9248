// Package buf says what its module is for: it pins buf, apart from the other tools because
// their dependencies disagree. Nothing imports it.
package buf
