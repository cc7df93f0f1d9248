//go:build !unix

package oci

import "os/exec"

// asGroup leaves a program as it is: it is killed by itself when its context ends.
func asGroup(*exec.Cmd) {}
