package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportNotaryKey takes over a key of Docker Content Trust, whose id there is shown
// beside ours.
func TestImportNotaryKey(t *testing.T) {
	const id = "e93ad6238ebc80c40bf65134686a7d224d9748ee476eb1dafd98a55d11f044bf"
	dir := t.TempDir()
	passphrase := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(passphrase, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("..", "..", "keystore", "testdata", "notary", id+".key")
	for name, output := range map[string]string{"a": outputText, "b": outputJSON} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"key", "import", name, file, "--home", dir, "--passphrase-file", passphrase, "--output", output}, nil, &stdout, &stderr)
		if code != exitOK || !strings.Contains(stdout.String(), id) {
			t.Errorf("exit status %d, %s%s", code, &stdout, &stderr)
		}
		var answer keyAnswer
		if output == outputJSON && (json.Unmarshal(stdout.Bytes(), &answer) != nil || answer.NotaryKeyID != id || answer.KeyID == id) {
			t.Errorf("%s", &stdout)
		}
	}
}
