// Package app is one running node: its home directory and configuration, the
// CometBFT engine with the application inside, the HTTP API, and the watchdog
// that ends the process when consensus has failed.
//
// A node holds its consensus key and its peer-to-peer key. The operator's
// governance key never lies on a node.
package app
