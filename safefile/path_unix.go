//go:build unix

package safefile

import (
	"os"
	"path/filepath"
)

// absolute returns a path from the root on, with every ".." in it: the system follows a
// link before it goes up, so none may be taken away with the name before it.
func absolute(path string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return dir + string(filepath.Separator) + path, nil
}
