package main

import (
	"bytes"
	"flag"
	"os"
	"testing"

	"hullmark/internal/mistakes"
	"hullmark/keystore"
)

var update = flag.Bool("update", false, "write the table of mistakes anew")

// TestMistakes compares what is said about deliberate mistakes with the table in
// testdata/mistakes; `go test ./cmd/hullmarkd -run TestMistakes -update` writes it anew.
func TestMistakes(t *testing.T) {
	file := mistakes.Path(t, "testdata/mistakes")
	t.Chdir(t.TempDir())
	for name, value := range map[string]string{"HOME": "/nonexistent", "HULLMARKD_HOME": "home", "HULLMARK_PASSPHRASE_FILE": ""} {
		t.Setenv(name, value)
	}
	check(t, exitOK, "init")
	check(t, exitOK, "init", "--home", "open")
	for name, content := range map[string]string{"garbage": "hello\n", "a.card": "{}\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	makeCard(t, "good.card")
	if err := os.Chmod("open", 0o777); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	program := func(args []string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), args, &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	mistakes.Table(t, file, *update, "hullmarkd", program, map[string]string{"$WORK": dir})
}

// makeCard writes the signed card of an operator called acme.
func makeCard(t *testing.T, file string) {
	t.Helper()
	store := keystore.New("keys", keystore.WithScryptLogN(4)) // these keys guard nothing
	for _, name := range []string{"acme", "acme-notary"} {
		if _, err := store.Generate(name, keystore.TypeEd25519, []byte("correct horse")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("passphrase", []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, exitOK, "init", "--home", "operator")
	check(t, exitOK, "operator-card", "--home", "operator", "--id", "acme", "--address", "a.example:26656", "--url", "https://a.example",
		"--key", "keys/acme.key", "--notary-key", "keys/acme-notary.pub", "--passphrase-file", "passphrase", "--file", file)
}
