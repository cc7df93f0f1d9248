// Package fuzz tests the script that runs all fuzz targets: what it takes for a finding
// decides whether a finding is ever seen.
package fuzz

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A run is what a target prints and how it ends.
type run struct {
	output string
	status int
}

const progress = "fuzz: elapsed: 0s, gathering baseline coverage: 25/25 completed, now fuzzing with 2 workers\n" +
	"fuzz: elapsed: 2s, execs: 53678 (26505/sec), new interesting: 98 (total: 123)\n"

// deadline is the output of golang/go#75804, word for word but for the package.
const deadline = progress + "--- FAIL: TARGET (2.03s)\n    context deadline exceeded\nFAIL\nexit status 1\nFAIL\texample\t2.040s\n"

var (
	passes    = run{output: progress + "PASS\nok  \texample\t2.058s\n"}
	tooLate   = run{output: deadline, status: 1}
	finds     = run{output: progress + "--- FAIL: TARGET (0.03s)\n    --- FAIL: TARGET (0.00s)\n        a_test.go:9: wrong\n\n    Failing input written to testdata/fuzz/TARGET/1\nFAIL\n", status: 1}
	panics    = run{output: progress + "panic: context deadline exceeded\n\ngoroutine 1 [running]:\nFAIL\texample\t2.040s\n", status: 1}
	saysSo    = run{output: progress + "--- FAIL: TARGET (0.03s)\n    --- FAIL: TARGET (0.00s)\n        a_test.go:9: context deadline exceeded\nFAIL\n", status: 1}
	isBroken  = run{output: "# example\n./a_test.go:9:2: undefined: x\nFAIL\texample [build failed]\n", status: 1}
	isSilent  = run{status: 1}
	saysOther = run{output: strings.Replace(deadline, "TARGET", "FuzzOther", 1), status: 1}
)

func TestRun(t *testing.T) {
	for _, test := range []struct {
		name string
		runs []run // of the first target; all others pass
		fail bool
		want int // runs of the first target
	}{
		{name: "passes", runs: []run{passes}, want: 1},
		{name: "deadline once", runs: []run{tooLate, passes}, want: 2},
		{name: "deadline twice", runs: []run{tooLate, tooLate}, fail: true, want: 2},
		{name: "deadline, then a finding", runs: []run{tooLate, finds}, fail: true, want: 2},
		{name: "finding", runs: []run{finds}, fail: true, want: 1},
		{name: "panic with the same words", runs: []run{panics}, fail: true, want: 1},
		{name: "finding with the same words", runs: []run{saysSo}, fail: true, want: 1},
		{name: "build failed", runs: []run{isBroken}, fail: true, want: 1},
		{name: "no output", runs: []run{isSilent}, fail: true, want: 1},
		{name: "another target's deadline", runs: []run{saysOther}, fail: true, want: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "tests", "fuzz", "run.sh"), readFile(t, "run.sh"))
			write(t, filepath.Join(dir, "a", "a_test.go"), "package a\nfunc FuzzFirst(f *testing.F) {\n}\n")
			write(t, filepath.Join(dir, "b", "b_test.go"), "package b\nfunc FuzzSecond(f *testing.F) {\n}\n")
			for i, run := range test.runs {
				write(t, filepath.Join(dir, "runs", "out"+string(rune('1'+i))), strings.ReplaceAll(run.output, "TARGET", "FuzzFirst"))
				if run.status != 0 {
					write(t, filepath.Join(dir, "runs", "fails"+string(rune('1'+i))), "")
				}
			}
			// In place of go: the first target plays back its runs, the second passes.
			write(t, filepath.Join(dir, "play.sh"), `cd runs
case "$*" in *FuzzSecond*) touch second; echo PASS; exit 0 ;; esac
echo >>count
n=$(wc -l <count)
cat "out$n"
[ ! -e "fails$n" ]
`)
			command := exec.CommandContext(t.Context(), "bash", "-c",
				`go() { bash play.sh "$@"; }; export -f go; exec bash tests/fuzz/run.sh 4`)
			command.Dir = dir
			output, err := command.CombinedOutput()
			if (err != nil) != test.fail {
				t.Errorf("error = %v, want one: %v; output:\n%s", err, test.fail, output)
			}
			if got := strings.Count(readFile(t, filepath.Join(dir, "runs", "count")), "\n"); got != test.want {
				t.Errorf("the first target ran %d times, want %d", got, test.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "runs", "second")); (err == nil) == test.fail {
				t.Errorf("the second target ran: %v", err == nil)
			}
		})
	}
}

// TestModules: a target of a nested module runs there, which go refuses from outside.
func TestModules(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tests", "fuzz", "run.sh"), readFile(t, "run.sh"))
	write(t, filepath.Join(dir, "go.mod"), "module outer\n")
	write(t, filepath.Join(dir, "a", "a_test.go"), fuzzTest("a", "FuzzOuter"))
	write(t, filepath.Join(dir, "nested", "go.mod"), "module nested\n")
	write(t, filepath.Join(dir, "nested", "b", "b_test.go"), fuzzTest("b", "FuzzNested"))
	command := exec.CommandContext(t.Context(), "bash", "tests/fuzz/run.sh", "4")
	command.Dir = dir
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, want := range []string{"2 targets, 2 s each\n", "== ./a FuzzOuter\n", "== ./nested/b FuzzNested\n"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("no %q in\n%s", want, output)
		}
	}
	if got := strings.Count(string(output), "\nPASS\n"); got != 2 {
		t.Errorf("%d targets were fuzzed, want 2:\n%s", got, output)
	}
}

// fuzzTest returns the source of a package with a target that finds nothing.
func fuzzTest(pkg, target string) string {
	return "package " + pkg + "\n\nimport \"testing\"\n\nfunc " + target + "(f *testing.F) {\n\tf.Fuzz(func(*testing.T, []byte) {})\n}\n"
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
