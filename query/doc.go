// Package query is what clients and nodes have in common of a question.
package query
