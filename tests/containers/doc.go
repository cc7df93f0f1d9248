// Package containers tries the network of networks/compose on a real Docker Engine:
// the image built from scratch, four validators, and one of them killed, paused and
// cut off while the others go on.
//
// The environment variable HULLMARK_DOCKER says what to do where it cannot run:
// required makes the test fail, off skips it; without it the test runs if there is
// an Engine and says why it does not otherwise.
package containers
