package cli

import (
	"io/fs"
	"os"

	"hullmark/durable"
)

// WriteFile writes a file that the user named, whole or not at all. What is there and no
// regular file, such as a pipe or a terminal, has no old content to keep and is written to.
func WriteFile(path string, content []byte, mode fs.FileMode) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, content, mode)
	}
	return durable.Write(path, content, mode)
}
