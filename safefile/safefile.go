// Package safefile decides whether a file may be believed, or holds a secret well, by
// who may write and read it. It is the one rule for everything that Hullmark keeps on
// disk: keys, passphrases, trust anchors, memory and configuration.
//
// The rule is that of OpenSSH's StrictModes, with what containers need:
//
//   - Whatever is believed, and each directory and symbolic link on the way to it,
//     belongs to the user or to root, and nobody else may write it. In a directory
//     with the sticky bit, such as /tmp, others may make files of their own.
//   - A group may write only if it is root's, or the user's own group, whose number is
//     the user's.
//   - A secret of the user's own is closed to everybody else. One that belongs to root
//     may be readable by a group of the user, as orchestrators mount secrets.
//   - For root, what belongs to somebody else is a doubt that is told and no reason to
//     refuse: a home that is mounted into a container, or looked at with sudo.
//   - Owners that a user namespace does not map count as root: nothing inside can act
//     as them. Where a user inside has the number that is shown for them, nobody can
//     tell: that is a doubt, and such a secret is none that root has mounted.
//
// Access control lists are not looked at. On Windows, where a file's mode says nothing
// of them, nothing is checked.
package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrUnsafe says that others may change what is to be believed, or read what is to be
// kept secret.
var ErrUnsafe = errors.New("unsafe permissions")

// Kind is what a file is for.
type Kind int

// The kinds of files.
const (
	// Trusted is what is believed: others must not write it.
	Trusted Kind = iota
	// Private is a secret: others must not read it either.
	Private
)

// Check judges what lies at a path and the way to it. Doubts are what a user should be
// told and is no reason to refuse. Errors wrap ErrUnsafe, or are those of package os:
// fs.ErrNotExist when nothing is there.
func Check(path string, kind Kind) (doubts []string, err error) {
	abs, err := absolute(path)
	if err != nil {
		return nil, err
	}
	w := walk{rules: rulesHere(), kind: kind}
	if err := w.follow(abs); err != nil {
		return nil, err
	}
	return w.doubts, nil
}

// CheckInfo judges a file by itself: one that is open, or whose directory has been
// checked. What is a pipe or a device holds nothing that could be read again later.
func CheckInfo(path string, info fs.FileInfo, kind Kind) (doubts []string, err error) {
	w := walk{rules: rulesHere(), kind: kind}
	if err := w.judge(path, info, kind); err != nil {
		return nil, err
	}
	return w.doubts, nil
}

// maxLinks bounds the symbolic links on the way to a file, as Linux does.
const maxLinks = 40

// walk judges one file after another.
type walk struct {
	rules
	kind   Kind
	links  int
	doubts []string
}

// follow judges every directory and link on the way to an absolute path, and what lies
// there. It goes as the system does: a ".." leads out of the directory that has been
// reached, which behind a link is not the one that stands before it in the path.
func (w *walk) follow(path string) error {
	const separator = string(filepath.Separator)
	root := filepath.VolumeName(path) + separator
	at := root // without links
	rest := strings.TrimPrefix(path, root)
	for {
		rest = strings.TrimLeft(rest, separator)
		info, err := os.Lstat(at)
		if err != nil {
			return err
		}
		kind := Trusted
		if rest == "" {
			kind = w.kind
		}
		if err := w.judge(at, info, kind); err != nil {
			return err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if w.links++; w.links > maxLinks {
				return fmt.Errorf("%w: too many symbolic links on the way to %s", ErrUnsafe, at)
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			at = filepath.Dir(at)
			if filepath.IsAbs(target) {
				at = filepath.VolumeName(target) + separator
				target = strings.TrimPrefix(target, at)
			}
			rest = target + separator + rest
			continue
		case rest == "":
			return nil
		}
		name, after, _ := strings.Cut(rest, separator)
		rest = after
		switch name {
		case ".":
		case "..":
			at = filepath.Dir(at)
		default:
			at = filepath.Join(at, name)
		}
	}
}

// judge applies the rules to one file, directory or link.
func (w *walk) judge(path string, info fs.FileInfo, kind Kind) error {
	mode := info.Mode()
	o, known := ownerOf(info)
	if !known || mode&(fs.ModeNamedPipe|fs.ModeCharDevice) != 0 {
		return nil
	}
	if mode&fs.ModeSocket != 0 || kind == Private && mode.IsDir() {
		return fmt.Errorf("%w: %s is not a regular file", ErrUnsafe, path)
	}
	switch {
	case w.mine(o.user) || w.root(o.user):
	case w.perhapsNobody(o.user):
		w.doubt("%s belongs to user %d: to somebody outside of this container, or to a user inside who can change it", path, o.user)
	case w.user == 0:
		w.doubt("%s belongs to user %d, who can change it", path, o.user)
	default:
		return fmt.Errorf("%w: %s belongs to user %d, neither to you nor to root", ErrUnsafe, path, o.user)
	}
	if mode&fs.ModeSymlink != 0 {
		return nil // a link's mode says nothing; who may replace it, its directory's does
	}
	perm := mode.Perm()
	mounted := w.root(o.user) && !w.mine(o.user)
	if kind == Private && !mounted && perm&0o077 != 0 {
		return fmt.Errorf("%w: %s is open to others (mode %04o); run chmod 600 %s", ErrUnsafe, path, perm, path)
	}
	if w.othersWrite(perm, o.group) && (!mode.IsDir() || mode&fs.ModeSticky == 0) {
		return fmt.Errorf("%w: %s may be written by others (mode %04o); run chmod go-w %s", ErrUnsafe, path, perm, path)
	}
	if kind == Private && perm&0o004 != 0 {
		w.doubt("everybody may read %s (mode %04o)", path, perm)
	}
	return nil
}

func (w *walk) doubt(format string, args ...any) {
	w.doubts = append(w.doubts, fmt.Sprintf(format, args...))
}

// rules are what the judgement depends on beside the file.
type rules struct {
	// user is the number of the user that this process acts as.
	user uint32
	// unmapped is the number that stands for all users that the user namespace of
	// this process does not know, if it does not know all.
	unmapped   uint32
	isUnmapped bool
	// isAmbiguous says that a user inside has that number as well.
	isAmbiguous bool
}

func (r rules) mine(user uint32) bool { return user == r.user }

// root reports whether a user is root, or cannot be anybody in here.
func (r rules) root(user uint32) bool {
	return user == 0 || r.isUnmapped && !r.isAmbiguous && user == r.unmapped
}

// perhapsNobody reports whether a user cannot be told from those that the namespace does
// not know.
func (r rules) perhapsNobody(user uint32) bool { return r.isAmbiguous && user == r.unmapped }

// othersWrite reports whether anybody but the user and root may write.
func (r rules) othersWrite(perm fs.FileMode, group uint32) bool {
	return perm&0o002 != 0 || perm&0o020 != 0 && group != 0 && group != r.user
}

// owner is whom a file belongs to.
type owner struct{ user, group uint32 }
