package main

import (
	"os"
	"strings"
	"testing"
)

// TestNoHome runs commands where the user's home is not known. No directory of the
// working directory stands in for it, be it there or not.
func TestNoHome(t *testing.T) {
	t.Chdir(t.TempDir())
	check(t, exitOK, "init", "--home", ".hullmarkd")
	for _, home := range []string{"", ".", "checkout"} {
		t.Setenv("HOME", home)
		t.Setenv("HULLMARKD_HOME", "")
		for _, command := range []string{"init", "start", "status", "trust-anchor", "fsck", "resync", "genesis show", "devnet",
			"operator-card --id acme --address a.example:1 --url http://a.example --notary-key n.pub --key a.key"} {
			if _, stderr := check(t, exitError, strings.Fields(command)...); !strings.Contains(stderr, "home directory of the user is not known") ||
				!strings.Contains(stderr, "hint: set HOME") {
				t.Errorf("HOME=%q hullmarkd %s: %s", home, command, stderr)
			}
		}
		check(t, exitOK, "version")
	}
	for _, args := range [][]string{{"fsck", "--home", ""}, {"devnet", "--dir", ""}} {
		check(t, exitUsage, args...)
	}
	if got, err := os.ReadDir("."); err != nil || len(got) != 1 {
		t.Errorf("made %v, %v", got, err)
	}
}
