package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hullmark/keystore"
	"hullmark/safefile"
)

func env(value string) func(string) (string, bool) {
	return func(name string) (string, bool) { return value, name == "HULLMARK_PASSPHRASE" }
}

func TestPassphraseFile(t *testing.T) {
	tests := []struct {
		name    string
		content string
		want    string // empty means refused
	}{
		{"no newline", "secret", "secret"},
		{"newline", "secret\n", "secret"},
		{"newline of Windows", "secret\r\n", "secret"},
		{"spaces are kept", "  a secret \n", "  a secret "},
		{"not UTF-8", "\xff\xfe", "\xff\xfe"},
		{"longest", strings.Repeat("a", 1024) + "\n", strings.Repeat("a", 1024)},
		{"longest, Windows", strings.Repeat("a", 1024) + "\r\n", strings.Repeat("a", 1024)},
		{"too long", strings.Repeat("a", 1025), ""},
		{"far too long", strings.Repeat("a", 1<<20), ""},
		{"two lines", "a\nb\n", ""},
		{"two newlines", "a\n\n", ""},
		{"carriage return", "a\rb", ""},
		{"empty", "", ""},
		{"only a newline", "\n", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "passphrase")
			if err := os.WriteFile(path, []byte(tc.content), 0o600); err != nil {
				t.Fatal(err)
			}
			// The file wins over the environment: the user named it.
			source := keystore.PassphraseSource{File: path, LookupEnv: env("from the environment")}
			got, err := source.New(context.Background(), "root")
			if tc.want == "" {
				if !errors.Is(err, keystore.ErrNoPassphrase) {
					t.Errorf("got %q, %v", got, err)
				}
				return
			}
			if err != nil || string(got) != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
		})
	}
	source := keystore.PassphraseSource{File: filepath.Join(t.TempDir(), "absent"), LookupEnv: env("x")}
	if _, err := source.Existing(context.Background(), "root"); !errors.Is(err, keystore.ErrNoPassphrase) {
		t.Errorf("a file that is absent: %v", err)
	}
}

func TestPassphraseEnvironment(t *testing.T) {
	var messages bytes.Buffer
	source := keystore.PassphraseSource{Messages: &messages, LookupEnv: env("secret")}
	got, err := source.Existing(context.Background(), "root")
	if err != nil || string(got) != "secret" {
		t.Errorf("got %q, %v", got, err)
	}
	if text := messages.String(); !strings.Contains(text, "warning") || strings.Contains(text, "secret") {
		t.Errorf("messages: %q", text)
	}
	source.LookupEnv = env("")
	if _, err := source.Existing(context.Background(), "root"); !errors.Is(err, keystore.ErrNoPassphrase) {
		t.Errorf("an empty variable: %v", err)
	}
}

// TestPassphraseNowhere: without a source there is an error at once, also when
// standard input is a pipe that nobody writes to.
func TestPassphraseNowhere(t *testing.T) {
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(reader.Close(), writer.Close()) }()
	for _, input := range []*os.File{nil, reader} {
		source := keystore.PassphraseSource{Input: input}
		_, err := source.New(context.Background(), "root")
		if !errors.Is(err, keystore.ErrNoPassphrase) {
			t.Fatalf("got %v", err)
		}
		for _, hint := range []string{"--passphrase-file", "HULLMARK_PASSPHRASE", "root"} {
			if !strings.Contains(err.Error(), hint) {
				t.Errorf("%q does not mention %s", err, hint)
			}
		}
	}
}

// TestOpenPassphraseFile: a passphrase that others can read is none.
func TestOpenPassphraseFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	source := keystore.PassphraseSource{File: path}
	for mode, want := range map[os.FileMode]error{
		0o600: nil, 0o400: nil, 0o640: safefile.ErrUnsafe, 0o604: safefile.ErrUnsafe, 0o644: safefile.ErrUnsafe, 0o602: safefile.ErrUnsafe,
	} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Existing(context.Background(), "root"); !errors.Is(err, want) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}
