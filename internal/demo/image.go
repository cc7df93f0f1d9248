package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// image is a pushed image.
type image struct{ digest, size string }

// pushImage builds an image of the project's own static client and pushes it.
func pushImage(s *stage) error {
	program, err := os.ReadFile(filepath.Join(s.bin, "hullmark"))
	if err != nil {
		return err
	}
	s.genuine, err = s.push("v1", map[string][]byte{"hullmark": program})
	if err != nil {
		return err
	}
	s.first = s.genuine
	s.say("FROM scratch, COPY hullmark /hullmark, ENTRYPOINT [\"/hullmark\"]; push %s:v1", s.repository)
	s.good("pushed %s", s.genuine.digest)
	return nil
}

// push makes an image of some files and pushes it to the registry under a tag.
func (s *stage) push(tag string, files map[string][]byte) (image, error) {
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for path, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: path, Mode: 0o755, Size: int64(len(content))}); err != nil {
			return image{}, err
		}
		if _, err := w.Write(content); err != nil {
			return image{}, err
		}
	}
	if err := w.Close(); err != nil {
		return image{}, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layer.Bytes())), nil
	})
	if err != nil {
		return image{}, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return image{}, err
	}
	img, err = mutate.Config(img, v1.Config{Entrypoint: []string{"/hullmark"}})
	if err != nil {
		return image{}, err
	}
	ref, err := name.ParseReference(s.repository + ":" + tag)
	if err != nil {
		return image{}, err
	}
	if err := remote.Write(ref, img, remote.WithContext(s.ctx)); err != nil {
		return image{}, fmt.Errorf("couldn't push: %w", err)
	}
	digest, err := img.Digest()
	if err != nil {
		return image{}, err
	}
	size, err := img.Size()
	return image{digest.String(), strconv.FormatInt(size, 10)}, err
}

// quietLogger keeps the registry's requests out of the story.
func quietLogger() *log.Logger { return log.New(io.Discard, "", 0) }
