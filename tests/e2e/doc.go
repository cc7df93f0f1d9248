// Package e2e tests whole networks: four validators, clients, and what may happen
// to them. The nodes run in the process of the test, where a test can look into
// them, or as processes of their own, where it can kill them. Nothing here asserts
// how long anything takes.
package e2e
