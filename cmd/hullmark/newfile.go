package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// errExists says that a file to write is there already. It may be the only copy of what
// somebody has signed, so that nothing is ever written over it.
var errExists = errors.New("the file exists already, and is not overwritten")

// newFileKey is the annotation of flags that name a file to be made.
const newFileKey = "new-file"

// newFileFlag marks a flag that names a file to be made.
func newFileFlag(f *pflag.FlagSet, name string) {
	// It fails only for a flag that is not there.
	_ = f.SetAnnotation(name, newFileKey, nil)
}

// checkNewFiles refuses files to be made that are there already, before anything is signed
// or sent for them.
func checkNewFiles(cmd *cobra.Command) error {
	var found error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, marked := f.Annotations[newFileKey]; !marked || found != nil || f.Value.String() == "-" {
			return
		}
		if info, err := os.Stat(f.Value.String()); err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			found = fmt.Errorf("couldn't write %s: %w", f.Value, errExists)
		}
	})
	return found
}

// checkNew refuses to write over a file, unless it is empty or has the same content. What is
// no regular file, such as a pipe, is written to.
func checkNew(path string, content []byte) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (!info.Mode().IsRegular() || info.Size() == 0) {
		return nil
	}
	if err != nil {
		return fileError("write "+path, err)
	}
	if have, err := os.ReadFile(path); info.Size() == int64(len(content)) && err == nil && bytes.Equal(have, content) {
		return nil
	}
	return fmt.Errorf("couldn't write %s: %w", path, errExists)
}
