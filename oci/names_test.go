package oci_test

import (
	"errors"
	"strings"
	"testing"

	"hullmark/oci"
)

// TestAmbiguous has a registry serve what programs read in different ways.
func TestAmbiguous(t *testing.T) {
	configure(t, "", "", "")
	fields := strings.Trim(someDescriptor, "{}")
	image := `"config":{` + fields + `},"layers":[{` + fields + `}]`
	manifests := `"manifests":[{` + fields + `}]`
	whole := func(more string) string { return `{"schemaVersion":2,` + image + more + `}` }
	layer := func(more string) string {
		return `{"schemaVersion":2,"config":{` + fields + `},"layers":[{` + fields + more + `}]}`
	}
	for _, tc := range []struct {
		name, mediaType, body string
		refused               bool
	}{
		{"image", ociManifest, whole(""), false},
		{"fields of others", ociManifest, whole(`,"extra":{"A":1,"a":2}`), false},
		{"annotations in other letters", ociManifest, whole(`,"annotations":{"mediatype":"x","Layers":"y","layers":"z"}`), false},
		{"names of another object", ociManifest, whole(`,"size":1,"Digest":"x"`), false},
		{"one name in two objects", ociManifest, layer(`,"annotations":{"size":"1"}`), false},

		{"index, then null", ociManifest, whole(`,` + manifests + `,"manifests":null`), true},
		{"index, then null in other letters", ociManifest, whole(`,` + manifests + `,"Manifests":null`), true},
		{"index in other letters", ociManifest, whole(`,"MANIFESTS":null`), true},
		{"type in other letters", ociManifest, whole(`,"MediaType":"` + ociManifest + `"`), true},
		{"letter that folds", ociManifest, whole(`,"manife\u017fts":null`), true},
		{"escaped twin", ociManifest, whole(`,"l\u0061yers":[]`), true},
		{"layers twice", ociManifest, whole(`,"layers":[]`), true},
		{"old form, then null", dockerImage, whole(`,"fsLayers":[1],"fsLayers":null`), true},
		{"old form in other letters", dockerImage, whole(`,"fslayers":null`), true},
		{"digest twice", ociManifest, layer(`,"digest":"x"`), true},
		{"digest in other letters", ociManifest, layer(`,"Digest":"x"`), true},
		{"size in other letters, of the config", ociManifest, `{"schemaVersion":2,"config":{` + fields + `,"SIZE":1},"layers":[]}`, true},
		{"manifest's digest twice", ociIndex, `{"schemaVersion":2,"manifests":[{"digest":"x",` + fields + `}]}`, true},
		{"platform in other letters", ociIndex, `{"schemaVersion":2,"manifests":[{` + fields + `,"platform":{"os":"linux","OS":"windows"}}]}`, true},
		{"annotation twice", ociManifest, whole(`,"annotations":{"a":"1","a":"2"}`), true},
		{"twice in an unknown field", ociManifest, whole(`,"extra":[[{"a":1,"a":2}]]`), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			host, _ := newRegistry(t, served{mediaType: tc.mediaType, body: tc.body})
			_, err := ask(t.Context(), host)
			if errors.Is(err, oci.ErrManifest) != tc.refused || !tc.refused && err != nil {
				t.Errorf("%v", err)
			}
		})
	}
}
