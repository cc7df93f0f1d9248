package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// notOurs advises who must not read or write a file of his node.
func (h Home) notOurs(path string, err error) error {
	uid, name := ownerOf(path)
	err = fmt.Errorf("couldn't use home %s: %s belongs to %s: %w", h, path, name, err)
	if uid == os.Geteuid() {
		return advise(err, "let yourself use your files again: `chmod -R u+rwX %s`", h)
	}
	return advise(err, "files of a node belong to the user that runs it; after a run with sudo give them back: `sudo chown -R \"$(id -un):\" %s`", h)
}

// ownerOf returns a file's owner, by number and name.
func ownerOf(path string) (int, string) {
	info, err := os.Lstat(path)
	if err != nil {
		return -1, "another user"
	}
	number, ok := userOf(info)
	if !ok {
		return -1, "another user"
	}
	uid := strconv.Itoa(number)
	if u, err := user.LookupId(uid); err == nil {
		return number, u.Username
	}
	return number, "user " + uid
}

// The kinds of access that access(2) is asked for.
const (
	mayRead  = 4
	mayWrite = 2
)

// checkAccess refuses a home with files that this process may not use, as one run by
// another user leaves them behind: each would stop the node at another moment, some
// after its start. may says whether a file may be used, as mayUse does.
func (h Home) checkAccess(may func(path string, how uint32) error) error {
	check := func(path string, how uint32) error {
		// What is missing is looked for by those who need it, and temporary files go.
		if err := may(path, how); errors.Is(err, fs.ErrPermission) {
			return h.notOurs(path, fs.ErrPermission)
		}
		return nil
	}
	for _, path := range []string{string(h), h.lockFile()} {
		if err := check(path, mayRead|mayWrite); err != nil {
			return err
		}
	}
	// Configuration and keys are only read: they may lie on a read-only file system.
	for _, path := range []string{h.configDir(), h.configFile(), h.engineConfigFile(), h.genesisFile(), h.cardFile(), h.nodeKeyFile(), h.validatorKeyFile()} {
		if err := check(path, mayRead); err != nil {
			return err
		}
	}
	return filepath.WalkDir(h.dataDir(), func(path string, _ fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrPermission):
			return h.notOurs(path, fs.ErrPermission)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("couldn't look through home: %w", err)
		}
		return check(path, mayRead|mayWrite)
	})
}
