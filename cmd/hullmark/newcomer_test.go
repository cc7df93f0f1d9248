package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/keys"
	"hullmark/oci"
	"hullmark/record"
	"hullmark/tuf"
)

// TestInterruption: who presses Ctrl-C is told what that leaves behind.
func TestInterruption(t *testing.T) {
	canceled := fmt.Errorf("couldn't publish x: %w", context.Canceled)
	for _, tt := range []struct {
		name         string
		err          error
		writes, sent bool
		want         string
	}{
		{"reading", canceled, false, false, "interrupted"},
		{"before anything was sent", canceled, true, false, "interrupted; nothing was sent"},
		{"whatever failed first", client.ErrUnreachable, true, false, "interrupted; nothing was sent"},
		{"after others were first", fmt.Errorf("%w: %w", canceled, record.Reject(record.CodeStaleScope, "x")), true, false, "interrupted; nothing was published"},
		{"while an earlier one waits", fmt.Errorf("couldn't publish x: %w; newest is 5: %w", client.ErrTakenBefore, context.Canceled), true, false, "interrupted; nothing was published: couldn't publish x: an earlier transaction"},
		{"sent, fate unknown", &client.UncertainError{Err: context.Canceled}, true, false, "interrupted: it was sent and may be in the ledger"},
		{"after it was sent", fmt.Errorf("couldn't save receipt of what is in block 5: %w", context.Canceled), true, true, "interrupted: couldn't save receipt of what is in block 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			var stderr bytes.Buffer
			s := &session{stdout: &bytes.Buffer{}, stderr: &stderr, writes: tt.writes, sent: tt.sent}
			if code := s.fail(ctx, tt.err); code != exitInterrupted {
				t.Errorf("exit status %d", code)
			}
			got, _, _ := strings.Cut(stderr.String(), "\n")
			if want := "hullmark: error: " + tt.want; got != want && !strings.HasPrefix(got, want+":") && !strings.HasPrefix(got, want+" ") && !strings.HasPrefix(got, want+",") {
				t.Errorf("it says %q, want %q", got, want)
			}
		})
	}
}

// TestNewFiles: nothing is written over a file that is there, and that is said before
// anything is done.
func TestNewFiles(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string]string{"full": "old", "empty": ""} {
		if err := os.WriteFile(path(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		path, content string
		early, late   bool // refused
	}{
		"new":              {path("new"), "x", false, false},
		"empty":            {path("empty"), "x", false, false},
		"another content":  {path("full"), "new", true, true},
		"another length":   {path("full"), "longer", true, true},
		"the same content": {path("full"), "old", true, false},
		"standard output":  {"-", "x", false, false},
		"no file":          {"/dev/null", "x", false, false},
		"a directory":      {dir, "x", false, false}, // which writing it says
	} {
		cmd := &cobra.Command{Use: "x"}
		var file string
		requestFlag(cmd.Flags(), &file)
		if err := cmd.ParseFlags([]string{"-o", tt.path}); err != nil {
			t.Fatal(err)
		}
		if err := checkNewFiles(cmd); errors.Is(err, errExists) != tt.early {
			t.Errorf("%s, at first: %v", name, err)
		}
		if tt.path == "-" {
			continue
		}
		if err := checkNew(tt.path, []byte(tt.content)); errors.Is(err, errExists) != tt.late {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := &session{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	if err := s.writeOutput(path("full"), []byte("new"), publicMode); !errors.Is(err, errExists) {
		t.Errorf("error %v", err)
	}
	if b, err := os.ReadFile(path("full")); err != nil || string(b) != "old" {
		t.Errorf("it holds %q, %v", b, err)
	}
	if err := s.replaceOutput(path("full"), []byte("new"), publicMode); err != nil {
		t.Error(err)
	}
	// Flags that name a file to be made are marked, all of them.
	var walk func(c *cobra.Command)
	marked := 0
	walk = func(c *cobra.Command) {
		for _, name := range []string{"file", "receipt"} {
			f := c.LocalFlags().Lookup(name)
			if f == nil {
				continue
			}
			_, is := f.Annotations[newFileKey]
			over := strings.Contains(f.Usage, "instead of over the old one") || strings.Contains(f.Usage, "the one that is signed") || c.Name() == "export" || strings.HasPrefix(f.Usage, "file with")
			if is == over {
				t.Errorf("%s --%s (%s): marked %t", c.CommandPath(), name, f.Usage, is)
			}
			if is {
				marked++
			}
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(newRoot(new(session)))
	if marked < 8 {
		t.Errorf("%d flags are marked", marked)
	}
}

// TestHintOfRegistry: who verifies is told nothing about publishing.
func TestHintOfRegistry(t *testing.T) {
	for _, err := range []error{oci.ErrRegistry, oci.ErrNotFound, oci.ErrManifest} {
		if _, hint := explain(err); !strings.HasSuffix(hint, withoutRegistry) {
			t.Errorf("publishing, %v: %s", err, hint)
		}
		_, hint := explain(fmt.Errorf("%w: %w", errNotCompared, err))
		if strings.Contains(hint, "publish") || !strings.Contains(hint, "--registry") {
			t.Errorf("verifying, %v: %s", err, hint)
		}
	}
}

// TestHintOfFile: what is wrong with a file is no reason to ask another node.
func TestHintOfFile(t *testing.T) {
	for err, code := range map[error]string{
		bundle.ErrBehind: "behind", bundle.ErrStale: "behind", bundle.ErrProof: "verification-failed", bundle.ErrRollback: "verification-failed",
		bundle.ErrMalformed: "malformed-answer", bundle.ErrWrongLedger: "wrong-ledger", bundle.ErrFork: "fork", bundle.ErrNotInFile: "not-in-file",
	} {
		marked := ofFile(fmt.Errorf("couldn't verify x: %w", err))
		got, hint := explain(marked)
		if got != code || !errors.Is(err, bundle.ErrMalformed) && strings.Contains(hint, "another node") || strings.Contains(hint, "--node") {
			t.Errorf("%v: %s: %s", err, got, hint)
		}
		want := exitCode(err)
		if exitCode(marked) != want {
			t.Errorf("%v: exit status %d, want %d", err, exitCode(marked), want)
		}
	}
	if ofFile(nil) != nil || !errors.Is(ofFile(fs.ErrNotExist), fs.ErrNotExist) {
		t.Error("other errors are changed")
	}
}

// TestKeysHere: how many keys are here is said in words that fit.
func TestKeysHere(t *testing.T) {
	for n, want := range []string{"none is here", "1 is here", "2 are here"} {
		if got := here(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
		if _, few := tooFew(n), n > 0; errors.Is(tooFew(n), errFewKeys) != few || exitCode(tooFew(n)) != exitError {
			t.Errorf("%d: %v", n, tooFew(n))
		}
		if code, _ := explain(tooFew(n)); code != "no-key" {
			t.Errorf("%d: code %s", n, code)
		}
	}
}

// TestOneKey: a root whose tagging keys can change it is warned of.
func TestOneKey(t *testing.T) {
	root, tagging := keys.ID{1}, keys.ID{2}
	for name, tt := range map[string]struct {
		root, targets []keys.ID
		want          int
	}{
		"apart":       {[]keys.ID{root}, []keys.ID{tagging}, 0},
		"one for all": {[]keys.ID{root}, []keys.ID{root}, 1},
		"one of both": {[]keys.ID{root, tagging}, []keys.ID{tagging}, 1},
	} {
		var stderr bytes.Buffer
		s := &session{stderr: &stderr}
		s.warnOneKey(tuf.Roles{Root: tuf.Role{KeyIDs: tt.root}, Targets: tuf.Role{KeyIDs: tt.targets}})
		if got := strings.Count(stderr.String(), "is a root key and a tagging key"); got != tt.want {
			t.Errorf("%s: %q", name, &stderr)
		}
	}
}
