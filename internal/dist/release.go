package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"hullmark/internal/cli"
)

// texts are the files of the repository that every archive has.
var texts = []string{"CHANGELOG.md", "LICENSE", "README.md"}

// checksumsName is the file that sha256sum -c reads.
const checksumsName = "checksums.txt"

// release is what archives are made of.
type release struct {
	version                        string
	programs, share, texts, output string
	// made is the time of every file in an archive.
	made time.Time
}

// write writes one archive per platform, and their checksums.
func (r release) write(platforms []string) error {
	switch {
	case r.version == "":
		return cli.Usage("there is no version; outside of a git checkout say make dist VERSION=...")
	case r.made.IsZero():
		return cli.Usage("there is no date; outside of a git checkout set SOURCE_DATE_EPOCH")
	case len(platforms) == 0:
		return cli.Usage("there are no platforms")
	}
	if err := os.MkdirAll(r.output, 0o755); err != nil {
		return fmt.Errorf("couldn't write archives: %w", err)
	}
	var sums strings.Builder
	for _, platform := range slices.Sorted(slices.Values(platforms)) {
		name, sum, err := r.pack(platform)
		if err != nil {
			return fmt.Errorf("couldn't pack %s: %w", platform, err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sum, name)
	}
	if err := cli.WriteFile(filepath.Join(r.output, checksumsName), []byte(sums.String()), 0o644); err != nil {
		return fmt.Errorf("couldn't write checksums: %w", err)
	}
	return nil
}

// pack writes the archive of one platform and returns its name and SHA-256.
func (r release) pack(platform string) (name string, sum [sha256.Size]byte, err error) {
	name = "hullmark-" + strings.ReplaceAll(r.version, "/", "-") + "-" + platform
	files, err := r.files(platform, name)
	if err != nil {
		return "", sum, err
	}
	pack, extension := packTar, ".tar.gz"
	if strings.HasPrefix(platform, "windows-") {
		pack, extension = packZip, ".zip"
	}
	var archive bytes.Buffer
	if err := pack(&archive, files, r.made); err != nil {
		return "", sum, err
	}
	name += extension
	return name, sha256.Sum256(archive.Bytes()), cli.WriteFile(filepath.Join(r.output, name), archive.Bytes(), 0o644)
}

// files returns what the archive of a platform has, below one folder, in the order in which
// it is packed. Programs, pages and scripts lie as make install puts them below its PREFIX.
func (r release) files(platform, folder string) ([]file, error) {
	var out []file
	add := func(name, source string, executable bool) {
		out = append(out, file{name: path.Join(folder, name), source: source, executable: executable})
	}
	programs, err := os.ReadDir(filepath.Join(r.programs, platform))
	if err != nil {
		return nil, err
	}
	has := make(map[string]bool)
	for _, p := range programs {
		has[programOf(p.Name())] = true
		add(path.Join("bin", p.Name()), filepath.Join(r.programs, platform, p.Name()), true)
	}
	if len(has) == 0 {
		return nil, errors.New("no program was built for it")
	}
	for _, name := range texts {
		add(name, filepath.Join(r.texts, name), false)
	}
	err = fs.WalkDir(os.DirFS(r.share), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && has[programOf(d.Name())] {
			add(path.Join("share", name), filepath.Join(r.share, filepath.FromSlash(name)), false)
		}
		return err
	})
	slices.SortFunc(out, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return out, err
}

// programOf returns the program that a file belongs to by its name: the program itself, a
// page of its manual, or a completion script of it.
func programOf(name string) string {
	name = strings.TrimPrefix(name, "_")
	if i := strings.IndexAny(name, "-."); i >= 0 {
		name = name[:i]
	}
	return name
}

// file is a file of an archive.
type file struct {
	name       string // in the archive
	source     string // on disk
	executable bool
}

// mode returns the permissions of a file, whatever they are on disk.
func (f file) mode() fs.FileMode {
	if f.executable {
		return 0o755
	}
	return 0o644
}

// copyTo writes the content of a file.
func (f file) copyTo(w io.Writer) error {
	content, err := os.ReadFile(f.source)
	if err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}
