package client

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hullmark/reference"
)

// TestFileNames: what a repository is called never shows in the name of a file. Windows has
// no colons in names and keeps some of them for devices, case and composed letters are one
// on some file systems, and all have a limit.
func TestFileNames(t *testing.T) {
	portable := regexp.MustCompile(`^[a-z]{1,16}$|^[0-9a-f]{64}(\.json)?$`)
	h := &Home{dir: "home"}
	seen := make(map[string]string)
	for _, name := range []string{
		"localhost:5000/demo/app", "localhost:5001/demo/app", "registry.example.com/con", "registry.example.com/aux/nul",
		"registry.example.com/com1.txt", "con.example:443/prn", "registry.example.com/" + strings.Repeat("a/", 100) + "b",
	} {
		r, err := reference.ParseRepository(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, path := range []string{h.repositoryPath(r), h.filesPath(r)} {
			if other, ok := seen[path]; ok {
				t.Errorf("%s and %s share %s", name, other, path)
			}
			seen[path] = name
			for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
				if !portable.MatchString(part) {
					t.Errorf("%s is in %s: no system's rules for names of files need be known for it", name, path)
				}
			}
		}
	}
}
