package archtest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestDecisions checks that no two decisions have one number, and that the heading of
// each says its number: documents and comments name decisions by it.
func TestDecisions(t *testing.T) {
	paths, err := filepath.Glob("../../docs/adr/*.md")
	if err != nil || len(paths) < 40 {
		t.Fatalf("%d decisions, %v", len(paths), err)
	}
	names := make(map[int]string)
	for _, path := range paths {
		name := filepath.Base(path)
		digits, _, _ := strings.Cut(name, "-")
		number, err := strconv.Atoi(digits)
		if err != nil || len(digits) != 4 {
			t.Errorf("%s: the name does not begin with a number of four digits", name)
			continue
		}
		if other, taken := names[number]; taken {
			t.Errorf("%s and %s have the same number", other, name)
		}
		names[number] = name
		heading, err := firstLine(path)
		if want := fmt.Sprintf("# %d. ", number); err != nil || !strings.HasPrefix(heading, want) {
			t.Errorf("%s begins with %q, want %q, %v", name, heading, want, err)
		}
	}
}

func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Scan()
	return s.Text(), s.Err()
}
