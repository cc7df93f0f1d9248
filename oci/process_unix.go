//go:build unix

package oci

import (
	"os/exec"
	"syscall"
)

// asGroup has a program run in a process group of its own, which is killed whole when
// the program's context ends: helpers are often scripts, and what hangs is their child.
func asGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
