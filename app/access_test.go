package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAccess: a file of the node that this process may not use stops the start, with its
// name, its owner and the command that gives it back; what is somebody else's does not.
func TestAccess(t *testing.T) {
	h, _ := newHome(t, 1)
	n := openHome(t, h, nil)
	if err := n.close(); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]string{"tls.pem": h.configDir(), "backup.tar": string(h)} {
		replaceFile(t, filepath.Join(other, name), nil)
	}
	for _, tc := range []struct {
		name    string
		path    string
		how     uint32 // what is not allowed
		refused bool
	}{
		{"nothing", "none", mayRead | mayWrite, false},
		{"home", string(h), mayWrite, true},
		{"lock", h.lockFile(), mayWrite, true},
		{"configuration", h.configFile(), mayRead, true},
		{"configuration is only read", h.configFile(), mayWrite, false},
		{"engine configuration", h.engineConfigFile(), mayRead, true},
		{"node key", h.nodeKeyFile(), mayRead, true},
		{"validator key", h.validatorKeyFile(), mayRead, true},
		{"state of the validator", h.validatorStateFile(), mayWrite, true},
		{"data", h.dataDir(), mayWrite, true},
		{"a table", filepath.Join(h.dataDir(), "ledger.db", "LOCK"), mayWrite, true},
		{"another file of the configuration", filepath.Join(h.configDir(), "tls.pem"), mayRead, false},
		{"another file", filepath.Join(string(h), "backup.tar"), mayRead, false},
	} {
		err := h.checkAccess(func(path string, how uint32) error {
			if _, err := os.Lstat(path); err != nil {
				return err
			}
			if path == tc.path && how&tc.how != 0 {
				return syscall.EACCES
			}
			return nil
		})
		var advised *Advised
		if tc.refused != (errors.Is(err, fs.ErrPermission) && errors.As(err, &advised)) {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if tc.refused && (!strings.Contains(err.Error(), tc.path+" belongs to ") || !strings.Contains(advised.Advice, "`ch") || !strings.Contains(advised.Advice, string(h))) {
			t.Errorf("%s: %v; %s", tc.name, err, advised.Advice)
		}
	}
	if err := Home(filepath.Join(string(h), "none")).checkAccess(mayUse); err != nil {
		t.Errorf("no home: %v", err)
	}
}

// TestOwnerOf: a stranger's file is given back with chown, one's own with chmod.
func TestOwnerOf(t *testing.T) {
	h := Home(t.TempDir())
	var own, strange *Advised
	if err := h.notOurs(string(h), fs.ErrPermission); !errors.As(err, &own) || !strings.Contains(own.Advice, "chmod -R u+rwX") {
		t.Errorf("one's own: %v", err)
	}
	if err := h.notOurs("/nonexistent/file", fs.ErrPermission); !errors.As(err, &strange) || !strings.Contains(strange.Advice, "sudo chown -R \"$(id -un):\" "+string(h)) {
		t.Errorf("a stranger's: %v", err)
	}
}
