package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ofCompiler are the flags that choose what is compiled: a build with one of them
// shares nothing with a build without.
var ofCompiler = regexp.MustCompile(`(?:^|[^-\w])-(trimpath|tags|gcflags|asmflags|msan|asan|cover)\b`)

// TestOneSetOfFlags: the Makefile gives flags of the compiler in one place, which all
// its targets inherit, and no test that builds a program adds any. `make demo` compiled
// everything twice.
func TestOneSetOfFlags(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	const inherited = "export GOFLAGS := "
	if got := strings.Count(string(makefile), "\n"+inherited); got != 1 {
		t.Fatalf("the Makefile has %q %d times, not once", inherited, got)
	}
	for number, line := range strings.Split(string(makefile), "\n") {
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, inherited) {
			continue
		}
		if flag := ofCompiler.FindString(line); flag != "" {
			t.Errorf("Makefile:%d gives %s to one target alone: %s", number+1, flag, strings.TrimSpace(line))
		}
	}
	build := regexp.MustCompile(`"go", "(build|run|install|test)"[^)]*\)`)
	for _, p := range mustPackages(t) {
		files, err := filepath.Glob(filepath.Join(p.Dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, command := range build.FindAllString(string(source), -1) {
				if flag := ofCompiler.FindString(command); flag != "" {
					t.Errorf("%s builds with %s, which what was built before has not: %s", file, flag, command)
				}
			}
		}
	}
}
