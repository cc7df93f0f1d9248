// Package admission bounds what one address, and all addresses together, take of an
// HTTP server that strangers reach: connections, requests a second, requests that are
// worked on, requests that wait, and bytes that are held for those who send or read
// slowly (docs/design.md, "Limits of one address"). It knows nothing of what is served.
package admission
