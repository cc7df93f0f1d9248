package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuide: the code of docs/client.md, which is shortened, is that of examples line by
// line, in their order.
func TestGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/client.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob("../../*/example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var examples []string
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		examples = append(examples, strings.Split(string(b), "\nfunc ")...)
	}
	blocks := strings.Split(string(guide), "```go\n")[1:]
	if len(blocks) < 6 {
		t.Errorf("docs/client.md has only %d pieces of code", len(blocks))
	}
	for _, block := range blocks {
		code, _, _ := strings.Cut(block, "```")
		best, missing := -1, ""
		for _, example := range examples {
			lines, at := strings.Split(strings.TrimSpace(code), "\n"), 0
			for line := range strings.Lines(example) {
				// An example may say more in a comment at the end of the line.
				if at < len(lines) && strings.HasPrefix(strings.TrimSpace(line), strings.TrimSpace(lines[at])) {
					at++
				}
			}
			if at == len(lines) {
				missing = ""
				break
			}
			if at > best {
				best, missing = at, lines[at]
			}
		}
		if missing != "" {
			t.Errorf("no example has this line, after those before it:\n%s\nof\n%s", missing, code)
		}
	}
}
