package oci_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hullmark/oci"
	"hullmark/reference"
)

// FuzzManifest lets a registry answer anything, whoever asks for whatever. What comes
// back is what the registry served, and by digest never anything else.
func FuzzManifest(f *testing.F) {
	const manifest = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[]}`
	f.Add(200, "application/vnd.oci.image.manifest.v1+json", "", "", []byte(manifest))
	f.Add(200, "application/vnd.oci.image.manifest.v1+json", "sha256:"+strings.Repeat("0", 64), "", []byte(manifest))
	f.Add(401, "text/plain", "", `Bearer realm="http://127.0.0.1:1/token",service="s",scope="x"`, []byte("no"))
	f.Add(401, "", "", `Basic realm="`, []byte(nil))
	f.Add(404, "application/json", "", "", []byte(`{"errors":[{"code":"MANIFEST_UNKNOWN","detail":[[[]]]}]}`))
	f.Add(200, "application/json", "x", "", []byte("null"))
	f.Add(500, "application/json", "", "", []byte(`{"errors":null}`))

	var status int
	var mediaType, digest, challenge string
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"Content-Type": mediaType, "Docker-Content-Digest": digest, "WWW-Authenticate": challenge} {
			if value != "" {
				w.Header().Set(name, value)
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write(body) // whoever asked has gone
	}))
	f.Cleanup(server.Close)
	name := strings.TrimPrefix(server.URL, "http://") + "/app"
	asked := reference.SumSHA256([]byte(manifest))
	f.Setenv("DOCKER_CONFIG", f.TempDir())
	f.Fuzz(func(t *testing.T, code int, kind, sum, wants string, answer []byte) {
		// Only final answers, and no address but this one: a challenge may name another.
		if code < 200 || code > 599 || code == 204 || code == 304 || code/100 == 3 || code == 408 || code == 429 || code >= 500 && code != 501 ||
			strings.Contains(wants, "://") && !strings.Contains(wants, "127.0.0.1:1/") || strings.Contains(strings.ToLower(wants), "realm") && !strings.Contains(wants, "127.0.0.1:1/") {
			return
		}
		status, mediaType, digest, challenge, body = code, kind, sum, wants, answer
		for _, text := range []string{name + ":v1", name + "@" + asked.String()} {
			ref := reference.MustParseReference(text)
			got, err := oci.Registry{}.Manifest(t.Context(), ref)
			if err != nil {
				if !errors.Is(err, oci.ErrRegistry) {
					t.Fatalf("not the registry's fault: %v", err)
				}
				continue
			}
			if !bytes.Equal(got, answer) {
				t.Fatalf("served %q, got %q", answer, got)
			}
			if d, ok := ref.Digest(); ok && !d.Matches(got) {
				t.Fatalf("got %q for %s", got, d)
			}
		}
	})
}

// FuzzDockerConfig gives any bytes as the Docker configuration. Credentials for this
// registry go to it or nowhere, and nothing else happens.
func FuzzDockerConfig(f *testing.F) {
	var told []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		told = append(told, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNotFound)
	}))
	f.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	auth := base64.StdEncoding.EncodeToString([]byte("user:password"))
	f.Add([]byte(`{"auths":{"HOST":{"auth":"` + auth + `"}}}`))
	f.Add([]byte(`{"auths":{"HOST":{"username":"u","password":"p"},"other":{"auth":"%"}}}`))
	f.Add([]byte(`{"auths":{"HOST":{"auth":"dXNlcg=="}}}`))
	f.Add([]byte(`{"auths":null}`))
	f.Add([]byte(`[`))
	f.Add([]byte(nil))
	dir := f.TempDir()
	f.Setenv("DOCKER_CONFIG", dir)
	ref := reference.MustParseReference(host + "/app:v1")
	f.Fuzz(func(t *testing.T, data []byte) {
		// A configuration may name programs to run; those of fuzzing must not.
		if lower := bytes.ToLower(data); bytes.Contains(lower, []byte("cred")) || bytes.Contains(data, []byte("\\u")) {
			return
		}
		text := bytes.ReplaceAll(data, []byte("HOST"), []byte(host))
		if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		told = nil
		if _, err := (oci.Registry{}).Manifest(t.Context(), ref); !errors.Is(err, oci.ErrRegistry) {
			t.Fatalf("not the registry's fault: %v", err)
		}
		for _, a := range told {
			if a != "" && !bytes.Contains(data, []byte("auths")) {
				t.Fatalf("told %q by %q", a, data)
			}
		}
	})
}
