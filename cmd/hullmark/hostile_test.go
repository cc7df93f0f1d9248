package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"hullmark/client"
	"hullmark/internal/liar"
)

// hostile has one of everything that a terminal or a reader must not be given.
const hostile = "evil\x1b]0;title\x07\r\x08\u0085\u009b2J\u202egnp\u2066\u2069\u200b\ufeff\u2028\nhullmark: verified\u00ad\U000e0041\x7f"

// answerJSON lies with an object.
func answerJSON(status int, o any) liar.Lie {
	return func(w http.ResponseWriter, _ *http.Request, _ liar.Ask) {
		b, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		// C1 and bidirectional characters stand in it as they are.
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(b) // the client has gone; there is nobody to tell
	}
}

// checkShown: what a program wrote is printable, on lines that it began itself.
func checkShown(t *testing.T, what string, shown *bytes.Buffer) {
	t.Helper()
	for _, r := range shown.String() {
		if !strconv.IsPrint(r) && r != '\n' {
			t.Errorf("%s: %q in %q", what, r, shown)
			return
		}
	}
	for line := range strings.Lines(shown.String()) {
		if strings.HasPrefix(line, "hullmark: verified") {
			t.Errorf("%s: a line of another's making in %q", what, shown)
		}
	}
}

// TestHostileText has every command that asks a node, and those that ask a registry or
// read a file, hear hostile text wherever text can stand.
func TestHostileText(t *testing.T) {
	home, err := client.OpenHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home.ImportAnchor(t.Context(), otherAnchor(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	passphrase := filepath.Join(home.Dir(), "passphrase")
	if err := os.WriteFile(passphrase, []byte("correct horse battery"), 0o600); err != nil {
		t.Fatal(err)
	}
	node := liar.New("http://127.0.0.1:1")
	server := httptest.NewServer(node)
	t.Cleanup(server.Close)
	base := []string{"--home", home.Dir(), "--node", server.URL, "--timeout", "5s", "--passphrase-file", passphrase}
	shownHostile := 0
	walk := func(t *testing.T, args ...string) {
		t.Helper()
		for _, output := range []string{outputText, outputJSON} {
			var stdout, stderr bytes.Buffer
			all := append(append([]string{}, base...), append(args, "--output", output)...)
			code := run(t.Context(), all, nil, &stdout, &stderr)
			checkShown(t, strings.Join(args, " ")+", standard output", &stdout)
			checkShown(t, strings.Join(args, " ")+", standard error", &stderr)
			if strings.Contains(stdout.String()+stderr.String(), `evil\x1b`) || strings.Contains(stdout.String(), `evil\u001b`) {
				shownHostile++
			}
			if code == exitOK && args[0] != "status" {
				t.Errorf("%v: exit status 0, %s", args, &stdout)
			}
		}
	}
	image := strings.TrimPrefix(server.URL, "http://") + "/app:v1"
	digest := "sha256:" + strings.Repeat("a", 64)
	for name, lie := range map[string]liar.Lie{
		"text":         liar.Status(http.StatusInternalServerError, hostile),
		"error":        answerJSON(http.StatusBadRequest, map[string]any{"code": hostile, "message": hostile}),
		"busy":         answerJSON(http.StatusNotFound, map[string]any{"code": hostile, "message": hostile}),
		"rejection":    answerJSON(http.StatusUnprocessableEntity, map[string]any{"code": "threshold", "message": hostile, "ledgerCode": 13}),
		"status":       answerJSON(http.StatusOK, map[string]any{"ledger": hostile, "version": hostile, "nodeId": hostile, "moniker": hostile, "operator": hostile, "blockTime": hostile}),
		"unknown name": answerJSON(http.StatusOK, map[string]any{hostile: hostile}),
		"redirect":     liar.Redirect("http://" + strings.ReplaceAll(hostile, "\n", "")),
		"media type":   liar.ContentType(hostile),
		"registry":     answerJSON(http.StatusForbidden, map[string]any{"errors": []map[string]any{{"code": hostile, "message": hostile, "detail": hostile}}}),
	} {
		t.Run(name, func(t *testing.T) {
			node.Honest()
			node.Tell("/", lie)
			for _, command := range []string{
				"status", "verify " + image, "inspect " + image, "history " + image, "repo show " + image,
				"bundle " + image + " -o " + filepath.Join(home.Dir(), "out"), "publish " + image, "publish " + image + " --digest " + digest + " --size 5",
			} {
				walk(t, strings.Fields(command)...)
			}
		})
	}
	file := filepath.Join(home.Dir(), "file")
	for name, content := range map[string]string{
		"text": hostile, "JSON": `{"version":1,"` + strings.ReplaceAll(hostile, "\n", "") + `":1}`, "PEM": "-----BEGIN " + strings.ReplaceAll(hostile, "\n", "") + "-----\n",
	} {
		t.Run("file of "+name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, command := range []string{
				"trust import " + file, "sign " + file + " --show", "submit " + file, "operator register " + file, "verify " + image + " --bundle " + file,
				"inspect --receipt " + file, "key import k " + file,
			} {
				walk(t, strings.Fields(command)...)
			}
		})
	}
	walk(t, "verify", hostile)
	walk(t, hostile)
	if shownHostile < 10 {
		t.Errorf("hostile text was shown %d times only", shownHostile)
	}
}
