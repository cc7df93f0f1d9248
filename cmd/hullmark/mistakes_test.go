package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/client"
	"hullmark/durable"
	"hullmark/internal/mistakes"
	"hullmark/keystore"
	"hullmark/reference"
)

var update = flag.Bool("update", false, "write the table of mistakes anew")

// TestMistakes compares what is said about deliberate mistakes with the table in
// testdata/mistakes; `go test ./cmd/hullmark -run TestMistakes -update` writes it anew.
func TestMistakes(t *testing.T) {
	file := mistakes.Path(t, "testdata/mistakes")
	notary, err := os.ReadFile("../../keystore/testdata/notary/e93ad6238ebc80c40bf65134686a7d224d9748ee476eb1dafd98a55d11f044bf.key")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	home, err := client.OpenHome("home")
	if err != nil {
		t.Fatal(err)
	}
	anchor := otherAnchor(t)
	if _, err := home.ImportAnchor(t.Context(), anchor, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := keystore.New("home/keys", keystore.WithScryptLogN(4)).Generate("root", keystore.TypeEd25519, []byte("correct horse battery")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"locked", "open", "badconfig"} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"garbage": "hello\n", "empty": "", "passphrase": "correct horse battery\n", "wrong": "wrong horse battery\n", "lines": "one\ntwo\n", "readable": "correct horse battery\n",
		"ssh.key": "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n", "plain.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		"cosign.key": "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n", "notary.key": string(notary), "anchor.json": string(anchor),
		"badconfig/client.toml": "nodes = [\"localhost\"]\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"readable": 0o644, "open": 0o777} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	release, err := durable.Lock(t.Context(), filepath.Join("locked", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	plain := httptest.NewServer(http.HandlerFunc(oddRegistry))
	defer plain.Close()
	for name, value := range map[string]string{
		"HULLMARK_HOME": "home", "HULLMARK_NODES": "", "HULLMARK_PASSPHRASE": "", "HULLMARK_PASSPHRASE_FILE": "", "DOCKER_CONFIG": "none", "HOME": "/nonexistent",
		"XDG_RUNTIME_DIR": "", "XDG_CONFIG_HOME": "", "REGISTRY_AUTH_FILE": "",
	} {
		t.Setenv(name, value)
	}
	if err := os.Unsetenv("HULLMARK_PASSPHRASE"); err != nil { // Setenv above puts it back
		t.Fatal(err)
	}
	program := func(args []string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, nil, &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	mistakes.Table(t, file, *update, "hullmark", program, map[string]string{
		"REGISTRY": strings.TrimPrefix(plain.URL, "http://"), "$WORK": workDir(t), "DIGEST": "sha256:" + strings.Repeat("ab", 32), "MANYTAGS": manyTags(),
	})
}

// TestRegistryMistakes compares what is said about registries that answer oddly with the
// table in testdata/mistakes-registry, which is written anew like the other.
func TestRegistryMistakes(t *testing.T) {
	file := mistakes.Path(t, "testdata/mistakes-registry")
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{"broken": "{", "nohelper": `{"credsStore":"absent"}`, "path": `{"credsStore":"../x"}`, "none": "{}"} {
		if err := errors.Join(os.Mkdir(name, 0o700), os.WriteFile(filepath.Join(name, "config.json"), []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DOCKER_CONFIG", "none")
	plain, secured := httptest.NewServer(http.HandlerFunc(oddRegistry)), httptest.NewUnstartedServer(http.HandlerFunc(oddRegistry))
	secured.Config.ErrorLog = log.New(io.Discard, "", 0)
	secured.StartTLS()
	defer plain.Close()
	defer secured.Close()
	program := func(args []string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		s := &session{stdout: &stdout, stderr: &stderr, output: outputText}
		if args[0] == "json" {
			s.output, args = outputJSON, args[1:]
		}
		// What hangs is given up as --timeout does it.
		ctx, cancel := t.Context(), func() {}
		if strings.Contains(args[0], "/hang:") {
			ctx, cancel = context.WithDeadline(ctx, time.Now())
		}
		defer cancel()
		_, err := images(len(args) > 1).Manifest(ctx, reference.MustParseReference(args[0]))
		return s.fail(t.Context(), err), stdout.String(), stderr.String()
	}
	mistakes.Table(t, file, *update, "registry", program, map[string]string{
		"REGISTRY": strings.TrimPrefix(plain.URL, "http://"), "SECURED": strings.TrimPrefix(secured.URL, "https://"), "DIGEST": "sha256:" + strings.Repeat("ab", 32),
	})
}

// workDir returns the working directory as the program names it.
func workDir(t *testing.T) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// manyTags returns more references than one record can hold.
func manyTags() string {
	var b strings.Builder
	for i := range 1001 {
		b.WriteString("registry.example.com/app:v" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + " ")
	}
	return strings.TrimSpace(b.String())
}

// oddRegistry answers by the name of the repository.
func oddRegistry(w http.ResponseWriter, r *http.Request) {
	_, path, found := strings.Cut(r.URL.Path, "/v2/")
	name, _, _ := strings.Cut(path, "/")
	switch {
	case !found || name == "":
	case name == "absent":
		http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
	case name == "denied":
		http.Error(w, `{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}`, http.StatusForbidden)
	case name == "error":
		w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		_, _ = w.Write([]byte(`{"errors":[{"code":"UNAVAILABLE"}]}`)) // whoever asked has gone
	case name == "large":
		w.Header().Set("Content-Length", "9400000")
	case name == "loop":
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
	default:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Log in</html>")) // whoever asked has gone
	}
}

// TestFlagTexts: what help says of a flag holds no back quotes, which would make a name
// of its value out of a command.
func TestFlagTexts(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if strings.Contains(f.Usage, "`") {
				t.Errorf("%s --%s: %s", c.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(newRoot(new(session)))
}
