package oci_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hullmark/oci"
	"hullmark/reference"
)

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	dockerImage = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList  = "application/vnd.docker.distribution.manifest.list.v2+json"
)

var (
	someDescriptor = `{"mediaType":"application/octet-stream","digest":"sha256:` + strings.Repeat("a", 64) + `","size":3}`
	goodManifest   = `{"schemaVersion":2,"config":` + someDescriptor + `,"layers":[` + someDescriptor + `]}`
	goodIndex      = `{"schemaVersion":2,"manifests":[` + someDescriptor + `]}`
)

// served is an answer about a manifest.
type served struct {
	mediaType, body string
	digest          string // of the header; empty for none
	announced       int    // bytes, if not those of the body
}

// newRegistry starts a registry that gives one answer after another to questions about
// manifests, the last for ever, and counts them.
func newRegistry(t *testing.T, answers ...served) (host string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return
		}
		a := answers[min(int(asked.Add(1)), len(answers))-1]
		w.Header().Set("Content-Type", a.mediaType)
		if a.digest != "" {
			w.Header().Set("Docker-Content-Digest", a.digest)
		}
		if a.announced > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(a.announced))
		}
		_, _ = io.WriteString(w, a.body) // whoever asked may have gone
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), asked
}

func ask(ctx context.Context, host string) ([]byte, error) {
	return oci.Registry{UserAgent: "test"}.Manifest(ctx, reference.MustParseReference(host+"/app:v1"))
}

// TestAnswers has a registry serve what is a manifest and what is none.
func TestAnswers(t *testing.T) {
	configure(t, "", "", "")
	with := func(field, value, in string) string { return strings.Replace(in, "{", `{"`+field+`":`+value+",", 1) }
	sum := func(text string) string { return reference.SumSHA256([]byte(text)).String() }
	for _, tc := range []struct {
		name string
		served
		ok bool
	}{
		{"manifest", served{mediaType: ociManifest, body: goodManifest}, true},
		{"index", served{mediaType: ociIndex, body: goodIndex}, true},
		{"Docker's manifest", served{mediaType: dockerImage, body: with("mediaType", `"`+dockerImage+`"`, goodManifest)}, true},
		{"Docker's list", served{mediaType: dockerList, body: with("mediaType", `"`+dockerList+`"`, goodIndex)}, true},
		{"media type with a parameter", served{mediaType: ociManifest + "; charset=utf-8", body: goodManifest}, true},
		{"media type in the content alone", served{mediaType: "application/json", body: with("mediaType", `"`+ociIndex+`"`, goodIndex)}, true},
		{"no layers", served{mediaType: ociManifest, body: `{"schemaVersion":2,"config":` + someDescriptor + `,"layers":[]}`}, true},
		{"unknown fields", served{mediaType: ociManifest, body: with("annotations", `{"a":"b"}`, goodManifest)}, true},
		{"digest in the header", served{mediaType: ociManifest, body: goodManifest, digest: sum(goodManifest)}, true},
		{"largest", served{mediaType: ociIndex, body: goodIndex + strings.Repeat(" ", 4<<20-len(goodIndex))}, true},

		{"login page", served{mediaType: "text/html", body: "<html><body>Log in</body></html>"}, false},
		{"login page as a manifest", served{mediaType: ociManifest, body: "<html><body>Log in</body></html>"}, false},
		{"errors", served{mediaType: "application/json", body: `{"errors":[{"code":"DENIED"}]}`}, false},
		{"errors as a manifest", served{mediaType: ociManifest, body: `{"errors":[{"code":"DENIED"}]}`}, false},
		{"null", served{mediaType: ociManifest, body: "null"}, false},
		{"null, of no type", served{mediaType: "application/json", body: "null"}, false},
		{"a list", served{mediaType: ociManifest, body: "[" + goodManifest + "]"}, false},
		{"a number", served{mediaType: ociManifest, body: "7"}, false},
		{"empty object", served{mediaType: ociManifest, body: "{}"}, false},
		{"two objects", served{mediaType: ociManifest, body: goodManifest + goodManifest}, false},
		{"first bytes", served{mediaType: ociManifest, body: goodManifest[:40]}, false},
		{"no media type anywhere", served{mediaType: "application/json", body: goodManifest}, false},
		{"unknown media type", served{mediaType: "application/vnd.oci.image.config.v1+json", body: goodManifest}, false},
		{"old form", served{mediaType: "application/vnd.docker.distribution.manifest.v1+prettyjws", body: `{"schemaVersion":1,"fsLayers":[]}`}, false},
		{"schema version 1", served{mediaType: ociManifest, body: strings.Replace(goodManifest, ":2", ":1", 1)}, false},
		{"no schema version", served{mediaType: ociManifest, body: strings.Replace(goodManifest, `"schemaVersion":2,`, "", 1)}, false},
		{"calls itself something else", served{mediaType: ociManifest, body: with("mediaType", `"`+ociIndex+`"`, goodManifest)}, false},
		{"image that lists manifests", served{mediaType: ociManifest, body: with("manifests", "[]", goodManifest)}, false},
		{"index with a config", served{mediaType: ociIndex, body: with("config", someDescriptor, goodIndex)}, false},
		{"index with layers", served{mediaType: ociIndex, body: with("layers", "[]", goodIndex)}, false},
		{"index that is an image", served{mediaType: ociIndex, body: goodManifest}, false},
		{"image with old layers", served{mediaType: ociManifest, body: with("fsLayers", "[]", goodManifest)}, false},
		{"no config", served{mediaType: ociManifest, body: `{"schemaVersion":2,"layers":[]}`}, false},
		{"no list of layers", served{mediaType: ociManifest, body: `{"schemaVersion":2,"config":` + someDescriptor + `}`}, false},
		{"layer of nothing", served{mediaType: ociManifest, body: `{"schemaVersion":2,"config":` + someDescriptor + `,"layers":[null]}`}, false},
		{"layer without size", served{mediaType: ociManifest, body: `{"schemaVersion":2,"config":` + someDescriptor + `,"layers":[` + strings.Replace(someDescriptor, `,"size":3`, "", 1) + `]}`}, false},
		{"config without digest", served{mediaType: ociManifest, body: strings.Replace(goodManifest, "sha256:a", "sha256:", 1)}, false},
		{"too large", served{mediaType: ociIndex, body: goodIndex + strings.Repeat(" ", 4<<20-len(goodIndex)+1)}, false},
		{"too large, announced", served{mediaType: ociIndex, body: goodIndex, announced: 9_400_000}, false},
		{"too many layers", served{mediaType: ociManifest, body: `{"schemaVersion":2,"config":` + someDescriptor + `,"layers":[` + strings.Repeat(someDescriptor+",", 10_000) + someDescriptor + `]}`}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			host, _ := newRegistry(t, tc.served)
			b, err := ask(t.Context(), host)
			if tc.ok && (err != nil || string(b) != tc.body) {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			if !tc.ok && (!errors.Is(err, oci.ErrManifest) || !errors.Is(err, oci.ErrRegistry)) {
				t.Errorf("%.60q, %v", b, err)
			}
		})
	}
}

// TestShortBodies has a registry break off: it is asked again, and refused if it does
// not mend its ways.
func TestShortBodies(t *testing.T) {
	configure(t, "", "", "")
	whole := served{mediaType: ociIndex, body: goodIndex, digest: reference.SumSHA256([]byte(goodIndex)).String()}
	// Cut where it is still a manifest: by its own digest alone it is known.
	longer := goodIndex + "  "
	for name, short := range map[string]served{
		"shorter than announced":    {mediaType: ociIndex, body: goodIndex, announced: len(goodIndex) + 5},
		"other than its digest":     {mediaType: ociIndex, body: goodIndex, digest: reference.SumSHA256([]byte(longer)).String()},
		"other than its digest 512": {mediaType: ociIndex, body: goodIndex, digest: "sha512:" + strings.Repeat("0", 128)},
		"unknown digest":            {mediaType: ociIndex, body: goodIndex, digest: "md5:00"},
		"empty":                     {mediaType: ociIndex},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, asked := newRegistry(t, short, whole)
			if b, err := ask(t.Context(), host); err != nil || string(b) != goodIndex || asked.Load() != 2 {
				t.Errorf("once: %q, %v, asked %d times", b, err, asked.Load())
			}
			host, asked = newRegistry(t, short)
			if _, err := ask(t.Context(), host); !errors.Is(err, oci.ErrManifest) || asked.Load() != 3 {
				t.Errorf("always: %v, asked %d times", err, asked.Load())
			}
		})
	}
}

// TestRedirectLoop sends the client in a circle.
func TestRedirectLoop(t *testing.T) {
	configure(t, "", "", "")
	for _, at := range []string{"/manifests/", "/v2/"} {
		var asked atomic.Int32
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, at) {
				asked.Add(1)
				http.Redirect(w, r, r.URL.Path+"x", http.StatusTemporaryRedirect)
			}
		}))
		if _, err := ask(t.Context(), strings.TrimPrefix(server.URL, "http://")); !errors.Is(err, oci.ErrRegistry) || !strings.Contains(err.Error(), "10 redirects") {
			t.Errorf("%s: %v", at, err)
		}
		if n := asked.Load(); n > 30 {
			t.Errorf("%s: asked %d times", at, n)
		}
		server.Close()
	}
}

// TestHangingHelper: a credential helper that waits for nobody ends with the question,
// and so does what it has started.
func TestHangingHelper(t *testing.T) {
	p := newPrivate(t, "alice:secret")
	configure(t, `{"credsStore":"hang"}`, "nobody", "")
	dir := os.Getenv("DOCKER_CONFIG")
	script := "#!/bin/sh\nsh -c 'echo $$ >" + dir + "/child; exec sleep 1000'\n"
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-hang"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	child := func() string {
		b, _ := os.ReadFile(filepath.Join(dir, "child"))
		return strings.TrimSpace(string(b))
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := ask(ctx, p.host)
		done <- err
	}()
	for child() == "" {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || !errors.Is(err, oci.ErrCredentials) {
		t.Errorf("%v", err)
	}
	// The child is killed, though not waited for by us.
	for running(child()) {
		time.Sleep(time.Millisecond)
	}
}

// running reports whether a process runs; a zombie does not.
func running(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

// TestBrokenHelpers: a helper that cannot be asked is an error that says so, and no
// reason to ask without credentials, or with another registry's.
func TestBrokenHelpers(t *testing.T) {
	for _, tc := range []struct{ name, config, script string }{
		{"not there", `{"credsStore":"absent"}`, ""},
		{"fails", `{"credsStore":"broken"}`, "echo no keyring >&2; exit 1"},
		{"says no JSON", `{"credsStore":"broken"}`, "echo hello"},
		{"says too much", `{"credsStore":"broken"}`, "yes | head -c 1000000"},
		{"is a path", `{"credsStore":"../broken"}`, "echo '{}'"},
		{"is an absolute path", `{"credsStore":"/bin/true"}`, ""},
		{"has an argument", `{"credsStore":"broken get"}`, "echo '{}'"},
		{"has a backslash", `{"credsStore":"..\\broken"}`, "echo '{}'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPrivate(t, "")
			auth := base64.StdEncoding.EncodeToString([]byte("alice:secret"))
			configure(t, strings.Replace(tc.config, "{", `{"auths":{"`+p.host+`":{"auth":"`+auth+`"},"registry.example.com":{"auth":"`+auth+`"}},`, 1), "nobody", "")
			if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "docker-credential-broken"), []byte("#!/bin/sh\n"+tc.script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := manifest(t, p.host+"/app:v1"); !errors.Is(err, oci.ErrCredentials) {
				t.Errorf("%v", err)
			}
			if told := p.credentials(); len(told) > 0 {
				t.Errorf("told %q", told)
			}
		})
	}
}

// TestHelpersOfTheWorkingDirectory: neither a helper nor a configuration that a checkout
// carries is used.
func TestHelpersOfTheWorkingDirectory(t *testing.T) {
	p := newPrivate(t, "")
	dir := t.TempDir()
	t.Chdir(dir)
	script := "#!/bin/sh\ntouch " + dir + "/ran\necho '{\"Username\":\"u\",\"Secret\":\"s\"}'\n"
	for path, content := range map[string]string{
		"docker-credential-evil": script, ".docker/config.json": `{"credsStore":"evil"}`, "containers/auth.json": `{"credsStore":"evil"}`,
		".config/containers/auth.json": `{"credsStore":"evil"}`, "config.json": `{"credsStore":"evil"}`,
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "REGISTRY_AUTH_FILE", "DOCKER_AUTH_CONFIG"} {
		t.Setenv(name, "")
	}
	for _, home := range []string{"", "."} {
		t.Setenv("HOME", home)
		if err := manifest(t, p.host+"/app:v1"); err != nil {
			t.Errorf("HOME=%q: %v", home, err)
		}
	}
	// A configuration that a user named, and a PATH with the working directory in it.
	t.Setenv("DOCKER_CONFIG", dir)
	for _, path := range []string{".:/bin", ":/bin", "/bin:"} {
		t.Setenv("PATH", path)
		if err := manifest(t, p.host+"/app:v1"); !errors.Is(err, oci.ErrCredentials) {
			t.Errorf("PATH=%q: %v", path, err)
		}
	}
	if _, err := os.Stat("ran"); err == nil {
		t.Error("the checkout's helper ran")
	}
	if told := p.credentials(); len(told) > 0 {
		t.Errorf("told %q", told)
	}
}

// TestUntrustedCertificate: a registry whose certificate is not trusted is told nothing,
// with --insecure and without, and on this machine too.
func TestUntrustedCertificate(t *testing.T) {
	var told atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Add(1) }))
	server.Config.ErrorLog = nil
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "https://")
	auth := base64.StdEncoding.EncodeToString([]byte("alice:secret"))
	configure(t, `{"auths":{"`+host+`":{"auth":"`+auth+`"}}}`, "", "")
	for _, insecure := range []bool{true, false} {
		_, err := oci.Registry{Insecure: insecure}.Manifest(t.Context(), reference.MustParseReference(host+"/app:v1"))
		if !errors.Is(err, oci.ErrCertificate) {
			t.Errorf("insecure %v: %v", insecure, err)
		}
	}
	if told.Load() > 0 {
		t.Error("it was asked something")
	}
}
