package oci

import (
	"encoding/json"
	"fmt"
	"mime"

	"hullmark/printable"
	"hullmark/reference"
)

// The media types of what a tag can mean.
const (
	mediaTypeManifest       = "application/vnd.oci.image.manifest.v1+json"
	mediaTypeIndex          = "application/vnd.oci.image.index.v1+json"
	mediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	mediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// descriptor is what must stand in a reference from one manifest to what it needs.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      *int64 `json:"size"`
}

func (d *descriptor) check(what string) error {
	switch {
	case d == nil:
		return fmt.Errorf("%w: there is no %s", ErrManifest, what)
	case d.MediaType == "":
		return fmt.Errorf("%w: the %s has no media type", ErrManifest, what)
	case d.Size == nil || *d.Size < 0:
		return fmt.Errorf("%w: the %s has no size", ErrManifest, what)
	}
	if _, err := reference.ParseDigest(d.Digest); err != nil {
		return fmt.Errorf("%w: the %s has no digest: %w", ErrManifest, what, err)
	}
	return nil
}

// checkManifest reports what is no manifest or index of a known media type with the
// fields it must have. The type is that of the answer; if the content names one too they
// must agree, and nothing may be both or read in two ways, or two programs would run two
// different images. Errors wrap ErrManifest.
func checkManifest(contentType string, b []byte) error {
	var m struct {
		SchemaVersion int            `json:"schemaVersion"`
		MediaType     string         `json:"mediaType"`
		Config        *descriptor    `json:"config"`
		Layers        *[]*descriptor `json:"layers"`
		Manifests     *[]*descriptor `json:"manifests"`
		FSLayers      any            `json:"fsLayers"`
	}
	answered, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		answered = contentType
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("%w: it is no JSON object of that form (media type %s): %w", ErrManifest, printable.Quote(answered), err)
	}
	if err := checkNames(b); err != nil {
		return err
	}
	kind := answered
	if !isKnown(answered) {
		// Some registries call everything application/json; the content says what it is.
		kind = m.MediaType
	}
	switch {
	case !isKnown(kind):
		return fmt.Errorf("%w: media type %s is none of an image", ErrManifest, printable.Quote(answered))
	case m.MediaType != "" && m.MediaType != kind:
		return fmt.Errorf("%w: the answer calls it %s and it calls itself %s", ErrManifest, printable.Quote(kind), printable.Quote(m.MediaType))
	case m.SchemaVersion != 2:
		return fmt.Errorf("%w: its schema version is %d, not 2", ErrManifest, m.SchemaVersion)
	case m.FSLayers != nil:
		return fmt.Errorf("%w: it mixes two forms", ErrManifest)
	}
	list, what := m.Layers, "layer"
	if kind == mediaTypeIndex || kind == mediaTypeDockerList {
		if m.Config != nil || m.Layers != nil {
			return fmt.Errorf("%w: it is an index and has layers", ErrManifest)
		}
		list, what = m.Manifests, "manifest"
	} else {
		if m.Manifests != nil {
			return fmt.Errorf("%w: it is an image and lists manifests", ErrManifest)
		}
		if err := m.Config.check("config"); err != nil {
			return err
		}
	}
	switch {
	case list == nil:
		return fmt.Errorf("%w: it has no list of its %ss", ErrManifest, what)
	case len(*list) > maxDescriptors:
		return fmt.Errorf("%w: it lists %d %ss, at most %d are read", ErrManifest, len(*list), what, maxDescriptors)
	}
	for _, d := range *list {
		if err := d.check(what); err != nil {
			return err
		}
	}
	return nil
}

func isKnown(mediaType string) bool {
	switch mediaType {
	case mediaTypeManifest, mediaTypeIndex, mediaTypeDockerManifest, mediaTypeDockerList:
		return true
	default:
		return false
	}
}
