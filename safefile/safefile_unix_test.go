//go:build unix

package safefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// file is a file of anybody.
type file struct {
	mode        fs.FileMode
	user, group uint32
}

func (file) Name() string        { return "file" }
func (file) Size() int64         { return 0 }
func (f file) Mode() fs.FileMode { return f.mode }
func (file) ModTime() time.Time  { return time.Time{} }
func (f file) IsDir() bool       { return f.mode.IsDir() }
func (f file) Sys() any          { return &syscall.Stat_t{Uid: f.user, Gid: f.group} }

// TestRules judges files of everybody as everybody.
func TestRules(t *testing.T) {
	const me, other, namespaced = 1000, 1001, overflowUser
	const dir, sticky = fs.ModeDir, fs.ModeDir | fs.ModeSticky
	user := rules{user: me}
	root := rules{user: 0}
	inside := rules{user: me, unmapped: namespaced, isUnmapped: true}
	nobody := rules{user: me, unmapped: namespaced, isUnmapped: true, isAmbiguous: true}
	for _, tc := range []struct {
		name string
		as   rules
		kind Kind
		file file
		want string // "", "doubt" or part of the refusal
	}{
		{"own file", user, Trusted, file{0o644, me, 50}, ""},
		{"own file, group may write", user, Trusted, file{0o664, me, 50}, "by others"},
		{"own file, own group may write", user, Trusted, file{0o664, me, me}, ""},
		{"own file, root's group may write", user, Trusted, file{0o664, me, 0}, ""},
		{"own file, all may write", user, Trusted, file{0o646, me, me}, "by others"},
		{"own folder, all may write", user, Trusted, file{dir | 0o777, me, me}, "by others"},
		{"own folder, group may write", user, Trusted, file{dir | 0o775, me, 50}, "by others"},
		{"like /tmp", user, Trusted, file{sticky | 0o777, 0, 0}, ""},
		{"file with the sticky bit", user, Trusted, file{fs.ModeSticky | 0o666, me, me}, "by others"},
		{"another's sticky folder", user, Trusted, file{sticky | 0o777, other, 0}, "belongs to user 1001"},
		{"root's file", user, Trusted, file{0o644, 0, 0}, ""},
		{"another's file", user, Trusted, file{0o600, other, me}, "belongs to user 1001"},
		{"another's file, for root", root, Trusted, file{0o644, other, other}, "doubt"},
		{"another's folder, for root", root, Trusted, file{dir | 0o755, other, other}, "doubt"},
		{"another's file that all may write, for root", root, Trusted, file{0o666, other, other}, "by others"},
		{"another's file that its group may write, for root", root, Trusted, file{0o664, other, other}, "by others"},
		{"nobody's file", user, Trusted, file{0o644, namespaced, namespaced}, "belongs to user 65534"},
		{"file from outside of the namespace", inside, Trusted, file{0o644, namespaced, namespaced}, ""},
		{"file of nobody inside, or from outside", nobody, Trusted, file{0o644, namespaced, namespaced}, "doubt"},
		{"the same that its group may write", nobody, Trusted, file{0o664, namespaced, namespaced}, "by others"},
		{"own file where nobody is inside", nobody, Trusted, file{0o644, me, me}, ""},
		{"another's file where nobody is inside", nobody, Trusted, file{0o644, other, me}, "belongs to user 1001"},
		{"own link", user, Trusted, file{fs.ModeSymlink | 0o777, me, me}, ""},
		{"another's link", user, Trusted, file{fs.ModeSymlink | 0o777, other, me}, "belongs to user 1001"},
		{"socket", user, Trusted, file{fs.ModeSocket | 0o600, me, me}, "not a regular file"},

		{"own secret", user, Private, file{0o600, me, me}, ""},
		{"own secret, for reading", user, Private, file{0o400, me, me}, ""},
		{"own secret, group may read", user, Private, file{0o640, me, me}, "open to others"},
		{"own secret, group may run", user, Private, file{0o610, me, me}, "open to others"},
		{"own secret, all may read", user, Private, file{0o604, me, me}, "open to others"},
		{"own secret, group may write", user, Private, file{0o620, me, 50}, "open to others"},
		{"root's secret, group may read", user, Private, file{0o440, 0, me}, ""},
		{"root's secret, all may read", user, Private, file{0o444, 0, 0}, "doubt"},
		{"root's secret, all may write", user, Private, file{0o666, 0, 0}, "by others"},
		{"root's secret for root, group may read", root, Private, file{0o440, 0, 0}, "open to others"},
		{"root's secret for root, all may read", root, Private, file{0o644, 0, 0}, "open to others"},
		{"another's secret", user, Private, file{0o604, other, me}, "belongs to user 1001"},
		{"another's secret, for root", root, Private, file{0o600, other, other}, "doubt"},
		{"another's secret that all may read, for root", root, Private, file{0o644, other, other}, "open to others"},
		{"secret from outside of the namespace", inside, Private, file{0o440, namespaced, me}, ""},
		{"secret of nobody inside, or from outside", nobody, Private, file{0o440, namespaced, me}, "open to others"},
		{"the same, closed", nobody, Private, file{0o400, namespaced, me}, "doubt"},
		{"root's secret where nobody is inside", nobody, Private, file{0o440, 0, me}, ""},
		{"pipe", user, Private, file{fs.ModeNamedPipe | 0o644, me, me}, ""},
		{"terminal", user, Private, file{fs.ModeDevice | fs.ModeCharDevice | 0o666, other, me}, ""},
		{"folder", user, Private, file{dir | 0o700, me, me}, "not a regular file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := walk{rules: tc.as, kind: tc.kind}
			err := w.judge("/x/file", tc.file, tc.kind)
			got := ""
			switch {
			case err != nil:
				got = err.Error()
			case len(w.doubts) > 0:
				got = "doubt"
			}
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) || err != nil && !errors.Is(err, ErrUnsafe) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestReadMap(t *testing.T) {
	for text, want := range map[string][2]bool{ // users are left out, 65534 is one inside
		"         0          0 4294967295\n":                                  {false, false},
		"         0          0      1000\n      1000       1000 4294966295\n": {false, false},
		"         0          0 4294967294\n":                                  {true, true},
		"         0       1000          1\n":                                  {true, false},
		"      1000       1000          1\n":                                  {true, false},
		"         0       1000          1\n   1     100000      65536\n":      {true, true},
		"         0     100000      65535\n":                                  {true, true},
		"         0     100000      65534\n":                                  {true, false},
		"     65534       1000          1\n":                                  {true, true},
		"     65535       1000          1\n":                                  {true, false},
		"     65534       1000          0\n":                                  {true, false},
		"         0       1000\n":                                             {true, true},
		"":                                                                    {true, false},
	} {
		leavesOut, isAmbiguous := readMap(text)
		if got := [2]bool{leavesOut, isAmbiguous}; got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestCheck walks real paths, in a folder as safe as the machine's temporary one.
func TestCheck(t *testing.T) {
	at := func(dir string, parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	// elsewhere has a link to a folder below one that all may write.
	elsewhere := func(t *testing.T, dir string) {
		must(t, os.MkdirAll(at(dir, "open/sub"), 0o700), os.Chmod(at(dir, "open"), 0o777), os.WriteFile(at(dir, "open/file"), nil, 0o600), os.Symlink("../../open/sub", at(dir, "a/b/link")))
	}
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, dir string)
		path   string
		kind   Kind
		want   error
		text   string // path that the error names
	}{
		{"plain", nil, "a/b/file", Trusted, nil, ""},
		{"private", nil, "a/b/file", Private, nil, ""},
		{"folder", nil, "a/b", Trusted, nil, ""},
		{"nothing there", nil, "a/b/none", Trusted, fs.ErrNotExist, ""},
		{"no folder there", nil, "a/none/file", Trusted, fs.ErrNotExist, ""},
		{"all may write it", func(t *testing.T, dir string) { must(t, os.Chmod(at(dir, "a/b/file"), 0o666)) }, "a/b/file", Trusted, ErrUnsafe, "a/b/file"},
		{"all may read it", func(t *testing.T, dir string) { must(t, os.Chmod(at(dir, "a/b/file"), 0o644)) }, "a/b/file", Private, ErrUnsafe, "a/b/file"},
		{"all may write its folder", func(t *testing.T, dir string) { must(t, os.Chmod(at(dir, "a/b"), 0o777)) }, "a/b/file", Trusted, ErrUnsafe, "a/b"},
		{"all may write a folder above", func(t *testing.T, dir string) { must(t, os.Chmod(at(dir, "a"), 0o777)) }, "a/b/file", Private, ErrUnsafe, "a"},
		{"sticky folder above", func(t *testing.T, dir string) { must(t, os.Chmod(at(dir, "a"), 0o777|os.ModeSticky)) }, "a/b/file", Private, nil, ""},
		{"link to it", func(t *testing.T, dir string) { must(t, os.Symlink("b/file", at(dir, "a/link"))) }, "a/link", Trusted, nil, ""},
		{"link to what all may write", func(t *testing.T, dir string) {
			must(t, os.Symlink("../a/b/file", at(dir, "a/link")), os.Chmod(at(dir, "a/b/file"), 0o666))
		}, "a/link", Trusted, ErrUnsafe, "a/b/file"},
		{"link in a folder that all may write", func(t *testing.T, dir string) {
			must(t, os.Mkdir(at(dir, "open"), 0o700), os.Chmod(at(dir, "open"), 0o777), os.Symlink("../a/b", at(dir, "open/b")))
		}, "open/b/file", Trusted, ErrUnsafe, "open"},
		{"link to a folder by its whole path", func(t *testing.T, dir string) { must(t, os.Symlink(at(dir, "a"), at(dir, "c"))) }, "c/b/file", Private, nil, ""},
		{"link through a folder that all may write", func(t *testing.T, dir string) {
			must(t, os.Symlink("a/b", at(dir, "c")), os.Chmod(at(dir, "a"), 0o777))
		}, "c/file", Trusted, ErrUnsafe, "a"},
		{"links in a circle", func(t *testing.T, dir string) {
			must(t, os.Symlink("y", at(dir, "x")), os.Symlink("x", at(dir, "y")))
		}, "x", Trusted, ErrUnsafe, ""},
		{"up behind a link", func(t *testing.T, dir string) {
			elsewhere(t, dir)
			must(t, os.Symlink("link/../file", at(dir, "a/b/x")))
		}, "a/b/x", Trusted, ErrUnsafe, "open"},
		{"up behind a link, in the path", elsewhere, "a/b/link/../file", Trusted, ErrUnsafe, "open"},
		{"up behind a link, by the whole path", func(t *testing.T, dir string) {
			elsewhere(t, dir)
			must(t, os.Symlink(dir+"/a/b/link/../file", at(dir, "a/b/x")))
		}, "a/b/x", Trusted, ErrUnsafe, "open"},
		{"up behind a link that ends in it", func(t *testing.T, dir string) {
			elsewhere(t, dir)
			must(t, os.Symlink("link/..", at(dir, "a/b/x")))
		}, "a/b/x/file", Trusted, ErrUnsafe, "open"},
		{"up behind a link, to what is safe", func(t *testing.T, dir string) {
			must(t, os.MkdirAll(at(dir, "c/sub"), 0o700), os.WriteFile(at(dir, "c/other"), nil, 0o600), os.Symlink("../../c/sub", at(dir, "a/b/link")))
		}, "a/b/link/../other", Private, nil, ""},
		{"up from a folder", nil, "a/b/../b/.//file", Private, nil, ""},
		{"up from a folder that all may write", func(t *testing.T, dir string) {
			must(t, os.Mkdir(at(dir, "open"), 0o700), os.Chmod(at(dir, "open"), 0o777))
		}, "open/../a/b/file", Trusted, ErrUnsafe, "open"},
		{"folder that is a secret, up", nil, "a/b/..", Private, ErrUnsafe, "a"},
		{"folder with a slash", nil, "a/b/", Trusted, nil, ""},
		{"link to nothing", func(t *testing.T, dir string) { must(t, os.Symlink("none", at(dir, "x"))) }, "x", Trusted, fs.ErrNotExist, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.MkdirAll(at(dir, "a/b"), 0o700), os.WriteFile(at(dir, "a/b/file"), nil, 0o600))
			if tc.change != nil {
				tc.change(t, dir)
			}
			// Not joined, which would take each ".." away.
			_, err := Check(dir+"/"+tc.path, tc.kind)
			if !errors.Is(err, tc.want) || tc.text != "" && !strings.Contains(err.Error(), at(dir, tc.text)+" ") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestCheckRelativeUp goes through a link before it goes up.
func TestCheckRelativeUp(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.MkdirAll("open/sub", 0o700), os.Chmod("open", 0o777), os.Symlink("open/sub", "link"),
		os.WriteFile("file", nil, 0o600), os.WriteFile("open/file", nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Check("link/../file", Trusted); !errors.Is(err, ErrUnsafe) {
		t.Errorf("%v", err)
	}
}

// TestCheckRelative judges the way to a relative path too.
func TestCheckRelative(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.WriteFile("file", nil, 0o600), os.Mkdir("sub", 0o700), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"file", "./file", "sub/../file"} {
		if _, err := Check(path, Trusted); !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
