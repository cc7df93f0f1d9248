package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

// ErrNoUserDir says that the user's home directory is not known, so that there is no
// default for what lies in it. The working directory never stands in for it: it may
// be somebody else's checkout, and what it carries would be believed.
var ErrNoUserDir = errors.New("the home directory of the user is not known")

// HomeVariable returns the variable that holds the user's home directory on a system, by
// its GOOS.
func HomeVariable(goos string) string {
	if goos == "windows" {
		return "USERPROFILE"
	}
	return "HOME"
}

// userDir returns the user's home directory. Errors wrap ErrNoUserDir.
func userDir() (string, error) {
	dir, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoUserDir, err)
	}
	if !filepath.IsAbs(dir) {
		return "", fmt.Errorf("%w: it is %q, and no path from the root", ErrNoUserDir, dir)
	}
	return dir, nil
}

// Dir is the value of a flag that names a directory, which lies in the user's home
// unless it is named.
type Dir struct {
	path string
	flag string
	name string // in the user's home
	// named says that the user chose the directory, with the flag or the variable.
	named bool
	// none is why there is no default.
	none error
}

// Var defines the flag of a directory. Without it the directory is that of the
// environment variable, if there is one for it, and else name in the user's home.
func (d *Dir) Var(flags *pflag.FlagSet, flag, variable, name, usage string) {
	d.flag, d.name = flag, name
	if variable != "" {
		d.path = os.Getenv(variable)
		d.named = d.path != ""
	}
	if !d.named {
		home, err := userDir()
		if d.none = err; err == nil {
			d.path = filepath.Join(home, name)
		}
	}
	flags.Var(d, flag, usage)
}

// Path returns the directory. It fails with ErrNoUserDir when nobody named one and
// there is no default, and with a usage error when its name is empty.
func (d *Dir) Path() (string, error) {
	switch {
	case d.path != "":
		return d.path, nil
	case d.named:
		return "", Usage("--%s names no directory", d.flag)
	default:
		return "", fmt.Errorf("couldn't choose --%s: %w", d.flag, d.none)
	}
}

// String returns the path that was chosen.
func (d *Dir) String() string { return d.path }

// Set is what the flag does.
func (d *Dir) Set(path string) error {
	d.path, d.named = path, true
	return nil
}

// Type is the kind of value that help shows.
func (d *Dir) Type() string { return "string" }
