package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hullmark-sim": main})
}

// TestScripts runs the scripts in testdata. Each finds the sample of a trace that is
// in the repository as sample.csv.
func TestScripts(t *testing.T) {
	sample, err := os.ReadFile("../../trace/testdata/sample.csv")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			return os.WriteFile(filepath.Join(env.WorkDir, "sample.csv"), sample, 0o600)
		},
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits runs hullmark-sim and checks its exit status: "exits 2 paper".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	err := ts.Exec("hullmark-sim", args[1:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("couldn't run hullmark-sim: %v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d instead of %s", got, args[0])
	}
	if got != 0 && !strings.Contains(ts.ReadFile("stderr"), "hullmark-sim: error: ") {
		ts.Fatalf("no error on standard error")
	}
}
