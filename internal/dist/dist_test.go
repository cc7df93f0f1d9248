package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/internal/cli"
)

// built is what a build leaves in a folder.
var built = []string{
	"CHANGELOG.md", "LICENSE", "README.md", "Makefile",
	"bin/cross/linux-arm64/hullmark", "bin/cross/linux-arm64/hullmarkd", "bin/cross/windows-amd64/hullmark.exe",
	"bin/share/bash-completion/completions/hullmark", "bin/share/bash-completion/completions/hullmarkd",
	"bin/share/hullmark/hullmark.ps1", "bin/share/man/man1/hullmark-verify.1", "bin/share/man/man1/hullmark.1",
	"bin/share/man/man1/hullmarkd-start.1", "bin/share/zsh/site-functions/_hullmark", "bin/share/zsh/site-functions/_hullmarkd",
}

// build makes the files of a build with permissions and times of its own.
func build(t *testing.T, mode fs.FileMode, at time.Time) release {
	t.Helper()
	dir := t.TempDir()
	for _, name := range built {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(filepath.Base(name)), mode), os.Chtimes(name, at, at)); err != nil {
			t.Fatal(err)
		}
	}
	return release{
		version: "v1.2.3", programs: filepath.Join(dir, "bin/cross"), share: filepath.Join(dir, "bin/share"), texts: dir,
		output: filepath.Join(dir, "bin/dist"), made: time.Unix(1700000000, 0).UTC(),
	}
}

// wantUnix and wantWindows are the archives' files: mode, name and content.
var (
	wantUnix = []string{
		"0644 CHANGELOG.md", "0644 LICENSE", "0644 README.md", "0755 bin/hullmark", "0755 bin/hullmarkd",
		"0644 share/bash-completion/completions/hullmark", "0644 share/bash-completion/completions/hullmarkd",
		"0644 share/hullmark/hullmark.ps1", "0644 share/man/man1/hullmark-verify.1", "0644 share/man/man1/hullmark.1",
		"0644 share/man/man1/hullmarkd-start.1", "0644 share/zsh/site-functions/_hullmark", "0644 share/zsh/site-functions/_hullmarkd",
	}
	wantWindows = []string{
		"0644 CHANGELOG.md", "0644 LICENSE", "0644 README.md", "0755 bin/hullmark.exe",
		"0644 share/bash-completion/completions/hullmark", "0644 share/hullmark/hullmark.ps1",
		"0644 share/man/man1/hullmark-verify.1", "0644 share/man/man1/hullmark.1", "0644 share/zsh/site-functions/_hullmark",
	}
)

// describe says what an archive tells of a file; its content is its name on disk.
func describe(t *testing.T, folder, name string, mode fs.FileMode, at time.Time, content io.Reader) string {
	t.Helper()
	name, found := strings.CutPrefix(name, folder+"/")
	b, err := io.ReadAll(content)
	if !found || err != nil || string(b) != filepath.Base(name) || at.Unix() != 1700000000 {
		t.Errorf("%s: %v, %q, %v", name, err, b, at)
	}
	return fmt.Sprintf("%#o %s", mode, name)
}

func TestTar(t *testing.T) {
	r := build(t, 0o600, time.Now())
	if err := r.write([]string{"linux-arm64"}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(r.output, "hullmark-v1.2.3-linux-arm64.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	compressed, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil || compressed.Name != "" || !compressed.ModTime.IsZero() {
		t.Fatalf("%v, %+v", err, compressed.Header)
	}
	var got []string
	archive := tar.NewReader(compressed)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || len(h.PAXRecords) > 0 {
			t.Fatalf("%v, %+v", err, h)
		}
		got = append(got, describe(t, "hullmark-v1.2.3-linux-arm64", h.Name, fs.FileMode(h.Mode), h.ModTime, archive))
	}
	if d := cmp.Diff(wantUnix, got); d != "" {
		t.Error(d)
	}
}

func TestZip(t *testing.T) {
	r := build(t, 0o600, time.Now())
	if err := r.write([]string{"windows-amd64"}); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(filepath.Join(r.output, "hullmark-v1.2.3-windows-amd64.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	var got []string
	for _, f := range archive.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, describe(t, "hullmark-v1.2.3-windows-amd64", f.Name, f.Mode(), f.Modified, content))
	}
	if d := cmp.Diff(wantWindows, got); d != "" {
		t.Error(d)
	}
}

// TestSameBytes packs two builds that differ in what archives do not tell, and in the order
// of the platforms.
func TestSameBytes(t *testing.T) {
	platforms := []string{"linux-arm64", "windows-amd64"}
	one, two := build(t, 0o600, time.Now()), build(t, 0o777, time.Unix(0, 0))
	if err := one.write(platforms); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(platforms)
	if err := two.write(platforms); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(one.output, checksumsName))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, name := range []string{"hullmark-v1.2.3-linux-arm64.tar.gz", "hullmark-v1.2.3-windows-amd64.zip", checksumsName} {
		a, errA := os.ReadFile(filepath.Join(one.output, name))
		b, errB := os.ReadFile(filepath.Join(two.output, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v, %v", name, errA, errB)
		}
		if name != checksumsName {
			fmt.Fprintf(&want, "%x  %s\n", sha256.Sum256(a), name)
		}
	}
	if d := cmp.Diff(want.String(), string(sums)); d != "" {
		t.Error(d)
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name      string
		change    func(r *release)
		platforms []string
		usage     bool
	}{
		{"no version", func(r *release) { r.version = "" }, []string{"linux-arm64"}, true},
		{"no date", func(r *release) { r.made = time.Time{} }, []string{"linux-arm64"}, true},
		{"no platform", func(*release) {}, nil, true},
		{"a platform that was not built", func(*release) {}, []string{"darwin-arm64"}, false},
		{"no licence", func(r *release) { r.texts = r.share }, []string{"linux-arm64"}, false},
		{"no manual", func(r *release) { r.share += "x" }, []string{"linux-arm64"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := build(t, 0o600, time.Now())
			tc.change(&r)
			err := r.write(tc.platforms)
			if err == nil || cli.IsUsage(err) != tc.usage {
				t.Errorf("%v", err)
			}
			if _, err := os.Stat(filepath.Join(r.output, checksumsName)); err == nil {
				t.Error("there are checksums")
			}
		})
	}
}

func TestProgramOf(t *testing.T) {
	for name, want := range map[string]string{
		"hullmark": "hullmark", "hullmark.exe": "hullmark", "hullmark.1": "hullmark", "hullmark-key-list.1": "hullmark",
		"hullmarkd": "hullmarkd", "hullmarkd-start.1": "hullmarkd", "_hullmarkd": "hullmarkd", "hullmark.fish": "hullmark",
	} {
		if got := programOf(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
