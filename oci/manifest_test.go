package oci_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"hullmark/oci"
	"hullmark/reference"
)

// private is a registry that demands credentials. It keeps what it was told.
type private struct {
	host   string
	images http.Handler
	login  string // user:password, empty for none needed
	// redirect, if set, is where manifests are said to be.
	redirect string

	mu   sync.Mutex
	told []string
}

// newPrivate starts a registry that holds app:v1.
func newPrivate(t *testing.T, login string) *private {
	t.Helper()
	p := &private{images: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	p.host = strings.TrimPrefix(server.URL, "http://")
	ref, err := name.ParseReference(p.host + "/app:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, empty.Image); err != nil {
		t.Fatal(err)
	}
	p.login = login
	p.told = nil
	return p
}

func (p *private) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	if auth := r.Header.Get("Authorization"); auth != "" {
		p.told = append(p.told, auth)
	}
	p.mu.Unlock()
	if p.login != "" && r.Header.Get("Authorization") != basic(p.login) {
		w.Header().Set("WWW-Authenticate", `Basic realm="images"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if p.redirect != "" && strings.Contains(r.URL.Path, "/manifests/") {
		http.Redirect(w, r, "http://"+p.redirect+r.URL.Path, http.StatusTemporaryRedirect)
		return
	}
	p.images.ServeHTTP(w, r)
}

// credentials returns what the registry was sent.
func (p *private) credentials() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

func basic(login string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(login))
}

// configure writes the Docker configuration, and a credential helper that knows one
// login and notes for whom it was asked.
func configure(t *testing.T, config, helperHost, login string) (asked func() string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	// Nothing of the machine's own may help.
	t.Setenv("HOME", dir)
	t.Setenv("XDG_RUNTIME_DIR", dir)
	t.Setenv("REGISTRY_AUTH_FILE", "")
	user, password, _ := strings.Cut(login, ":")
	script := fmt.Sprintf(`#!/bin/sh
read -r host
echo "$1 $host" >>%s/asked
if [ "$1 $host" = "get %s" ]; then
  printf '{"ServerURL":"%%s","Username":"%s","Secret":"%s"}' "$host"
  exit 0
fi
echo "credentials not found in native keychain"
exit 1
`, dir, helperHost, user, password)
	for file, content := range map[string]string{"config.json": config, "docker-credential-fake": script} {
		if content == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return func() string {
		b, err := os.ReadFile(filepath.Join(dir, "asked"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return string(b)
	}
}

func manifest(t *testing.T, ref string) error {
	t.Helper()
	b, err := oci.Registry{UserAgent: "test"}.Manifest(t.Context(), reference.MustParseReference(ref))
	if err == nil && !strings.Contains(string(b), "schemaVersion") {
		t.Errorf("manifest %q", b)
	}
	return err
}

// TestCredentials asks a registry that demands a login, with each kind of Docker
// configuration.
func TestCredentials(t *testing.T) {
	const login = "alice:secret"
	auth := func(login string) string { return base64.StdEncoding.EncodeToString([]byte(login)) }
	for _, tc := range []struct {
		name   string
		config string // %s is the registry's host
		helper string // the login that the helper knows for the host
		err    error
	}{
		{"in the file", `{"auths":{"%s":{"auth":"` + auth(login) + `"}}}`, "", nil},
		{"by a helper for the registry", `{"credHelpers":{"%s":"fake"}}`, login, nil},
		{"by a helper for all", `{"auths":{"%s":{}},"credsStore":"fake"}`, login, nil},
		{"helper before file", `{"auths":{"%s":{"auth":"` + auth("mallory:guess") + `"}},"credsStore":"fake"}`, login, nil},
		{"wrong password", `{"auths":{"%s":{"auth":"` + auth("alice:guess") + `"}}}`, "", oci.ErrDenied},
		{"no configuration", "", "", oci.ErrDenied},
		{"another registry's", `{"auths":{"registry.example.com":{"auth":"` + auth(login) + `"},"%s.example.com":{"auth":"` + auth(login) + `"}}}`, "", oci.ErrDenied},
		{"helper knows nothing", `{"credHelpers":{"%s":"fake"}}`, "", oci.ErrDenied},
		{"broken configuration", `{"auths":`, "", oci.ErrRegistry},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPrivate(t, login)
			known := "nobody"
			if tc.helper != "" {
				known = p.host
			}
			config := strings.ReplaceAll(tc.config, "%s", p.host)
			configure(t, config, known, tc.helper)
			err := manifest(t, p.host+"/app:v1")
			if !errors.Is(err, tc.err) || tc.err != nil && !errors.Is(err, oci.ErrRegistry) {
				t.Errorf("error %v, want %v", err, tc.err)
			}
			for _, told := range p.credentials() {
				if tc.name == "another registry's" {
					t.Errorf("was told %s, which is not for it", told)
				}
			}
		})
	}
}

// TestAnonymous asks a registry that wants no login, as somebody who has one
// elsewhere, and as somebody without any configuration.
func TestAnonymous(t *testing.T) {
	p := newPrivate(t, "")
	for name, config := range map[string]string{
		"no configuration": "",
		"helper for all":   `{"credsStore":"fake"}`,
	} {
		t.Run(name, func(t *testing.T) {
			configure(t, config, "nobody", "")
			if err := manifest(t, p.host+"/app:v1"); err != nil {
				t.Error(err)
			}
			if err := manifest(t, p.host+"/app:none"); !errors.Is(err, oci.ErrNotFound) {
				t.Errorf("absent tag: %v", err)
			}
		})
	}
}

// TestCredentialsStayWithTheirHost has a registry send its users elsewhere: to
// another port of the same machine, which is another registry.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	const login = "alice:secret"
	elsewhere := newPrivate(t, "")
	p := newPrivate(t, login)
	p.redirect = elsewhere.host
	asked := configure(t, fmt.Sprintf(`{"credHelpers":{%q:"fake"}}`, p.host), p.host, login)
	if err := manifest(t, p.host+"/app:v1"); err != nil {
		t.Fatal(err)
	}
	if err := manifest(t, elsewhere.host+"/app:v1"); err != nil {
		t.Fatal(err)
	}
	if told := elsewhere.credentials(); len(told) > 0 {
		t.Errorf("another host was told %s", told)
	}
	if told := p.credentials(); len(told) == 0 {
		t.Error("the registry itself was told nothing")
	}
	if got := asked(); strings.Contains(got, elsewhere.host) || !strings.Contains(got, "get "+p.host) {
		t.Errorf("the helper was asked %q", got)
	}
}

// TestManifestByDigest checks that a registry cannot serve another manifest than
// the digest names.
func TestManifestByDigest(t *testing.T) {
	p := newPrivate(t, "")
	configure(t, "", "", "")
	wrong := p.host + "/app@sha256:" + strings.Repeat("0", 64)
	if err := manifest(t, wrong); !errors.Is(err, oci.ErrRegistry) {
		t.Errorf("error %v", err)
	}
	p.images = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = io.WriteString(w, `{"schemaVersion":2}`)
	})
	if err := manifest(t, wrong); !errors.Is(err, oci.ErrRegistry) {
		t.Errorf("a swapped manifest: error %v", err)
	}
}

// TestUnreachable checks that what cannot be reached is no registry's answer, and
// that the caller's patience is its own error.
func TestUnreachable(t *testing.T) {
	configure(t, "", "", "")
	if err := manifest(t, "127.0.0.1:1/app:v1"); !errors.Is(err, oci.ErrRegistry) || errors.Is(err, oci.ErrDenied) {
		t.Errorf("error %v", err)
	}
}
