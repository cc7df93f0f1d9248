// Package tools says what its module is for: it pins the development tools, in a module of
// their own so that nothing they need enters the product's dependency graph. Nothing
// imports it; it makes go vet ./... work in every module alike.
package tools
