package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"hullmark/printable"
)

// names are the known names of an object, each with those of the object, or of each
// object of the list, that it names.
type names map[string]names

var (
	platformNames = names{"architecture": nil, "os": nil, "os.version": nil, "os.features": nil, "variant": nil, "features": nil}

	descriptorNames = names{
		"mediaType": nil, "digest": nil, "size": nil, "urls": nil, "annotations": nil, "data": nil,
		"artifactType": nil, "platform": platformNames,
	}

	manifestNames = names{
		"schemaVersion": nil, "mediaType": nil, "artifactType": nil, "annotations": nil, "fsLayers": nil,
		"config": descriptorNames, "layers": descriptorNames, "manifests": descriptorNames, "subject": descriptorNames,
	}
)

// checkNames refuses a manifest whose meaning depends on who reads it: with a name that
// occurs twice in an object, of which one program takes the first and another the last,
// or with one that is a known name in other letters, which Go's decoder takes for it.
// It must be JSON. Errors wrap ErrManifest.
func checkNames(b []byte) error {
	return walkNames(json.NewDecoder(bytes.NewReader(b)), manifestNames)
}

// walkNames consumes one value.
func walkNames(d *json.Decoder, known names) error {
	token, err := d.Token()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	if token != json.Delim('{') && token != json.Delim('[') {
		return nil
	}
	seen := make(map[string]bool)
	for d.More() {
		within := known
		if token == json.Delim('{') {
			name, err := d.Token()
			if err != nil {
				return fmt.Errorf("%w: %w", ErrManifest, err)
			}
			text := fmt.Sprint(name)
			if seen[text] {
				return fmt.Errorf("%w: it says %s twice", ErrManifest, printable.Quote(text))
			}
			seen[text] = true
			if !known.unambiguous(text) {
				return fmt.Errorf("%w: it says %s, a known name in other letters", ErrManifest, printable.Quote(text))
			}
			within = known[text]
		}
		if err := walkNames(d, within); err != nil {
			return err
		}
	}
	if _, err = d.Token(); err != nil { // the end of the object or list
		return fmt.Errorf("%w: %w", ErrManifest, err)
	}
	return nil
}

// unambiguous reports whether a name is a known one, or none of them in other letters.
func (n names) unambiguous(name string) bool {
	if _, known := n[name]; known {
		return true
	}
	for k := range n {
		if strings.EqualFold(k, name) {
			return false
		}
	}
	return true
}
