package client_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"hullmark/bundle"
	"hullmark/client"
)

// TestVerifyInReadOnlyHome: a verdict takes no write. What cannot be remembered is said
// beside it.
func TestVerifyInReadOnlyHome(t *testing.T) {
	n := newNetwork(t, 1)
	file, err := bundle.Encode(n.chain.Newest().Bundle(ref(app + ":latest")))
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		err  error
		want error // nil: a verdict
	}{
		"read-only file system": {&os.PathError{Op: "open", Path: "lock", Err: syscall.EROFS}, nil},
		"somebody else's":       {&os.PathError{Op: "open", Path: "lock", Err: syscall.EACCES}, nil},
		"full disk":             {&os.PathError{Op: "open", Path: "lock", Err: syscall.ENOSPC}, nil},
		"used-up quota":         {&os.PathError{Op: "open", Path: "lock", Err: syscall.EDQUOT}, nil},
		"broken disk":           {&os.PathError{Op: "open", Path: "lock", Err: syscall.EIO}, client.ErrStore},
		"no lock at all":        {errors.ErrUnsupported, client.ErrStore},
		"too many files":        {&os.PathError{Op: "open", Path: "lock", Err: syscall.EMFILE}, client.ErrStore},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			h := n.home(dir)
			client.FailLock(h, tt.err)
			c := n.client(func(o *client.Options) { o.Store = h })
			result, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
			if !errors.Is(err, tt.want) || (result == nil) != (tt.want != nil) {
				t.Fatalf("result %v, error %v", result, err)
			}
			if tt.want != nil {
				return
			}
			if len(warnings) == 0 || !errors.Is(warnings[len(warnings)-1].Err, client.ErrNotRemembered) && !errors.Is(warnings[0].Err, client.ErrNotRemembered) {
				t.Errorf("warnings %v", warnings)
			}
			if _, warnings, err = c.VerifyBundle(t.Context(), file, ref(app+":latest"), bundle.OfflinePolicy()); err != nil || len(warnings) != 1 {
				t.Errorf("from a file: %v, %v", warnings, err)
			}
			if _, err := os.Stat(dir + "/memory"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("memory: %v", err)
			}
			// A proven no is one there too.
			if _, _, _, err := c.Resolve(t.Context(), ref(app+":none")); client.ClassOf(err) != bundle.NotTrusted {
				t.Errorf("absent tag: %v", err)
			}
		})
	}
}

// TestForkIsReportedOnce: the file with the evidence is named once, however often the
// fork is met.
func TestForkIsReportedOnce(t *testing.T) {
	n := newNetwork(t, 1)
	h := n.home(t.TempDir())
	c := n.client(func(o *client.Options) { o.Store = h })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	other := n.chain.Newest().Bundle(ref(app + ":latest"))
	other.State.LightBlock = n.fork(4, 4)
	file, err := bundle.Encode(other)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, _, err := c.VerifyBundle(t.Context(), file, ref(app+":latest"), bundle.OfflinePolicy())
		if !errors.Is(err, bundle.ErrFork) || strings.Count(err.Error(), "both blocks are kept in") != 1 {
			t.Errorf("error %v", err)
		}
	}
}
