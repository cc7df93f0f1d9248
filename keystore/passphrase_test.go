package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TestPassphrasePipe reads passphrases of several keys from a pipe: a line each, or one
// line for all.
func TestPassphrasePipe(t *testing.T) {
	for _, tc := range []struct {
		name, content string
		want          []string // an empty one is refused
	}{
		{"a line each", "one\ntwo\nthree\n", []string{"one", "two", "three", ""}},
		{"no newline at the end", "one\ntwo", []string{"one", "two", ""}},
		{"newlines of Windows", "one\r\ntwo\r\n", []string{"one", "two"}},
		{"one for all", "one\n", []string{"one", "one", "one"}},
		{"one for all, no newline", "one", []string{"one", "one"}},
		{"nothing", "", []string{"", ""}},
		{"an empty line", "one\n\ntwo\n", []string{"one", "", "two"}},
		{"too long", strings.Repeat("a", 2000) + "\n", []string{""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.WriteString(tc.content); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = r.Close() }()
			source := keystore.PassphraseSource{File: fmt.Sprintf("/dev/fd/%d", r.Fd())}
			for i, want := range tc.want {
				got, err := source.Existing(context.Background(), "root")
				if want == "" && !errors.Is(err, keystore.ErrNoPassphrase) || want != "" && (err != nil || string(got) != want) {
					t.Errorf("key %d: %q, %v; want %q", i, got, err, want)
				}
				clear(got)
			}
		})
	}
}

// TestSilentPipe: a pipe into which nobody writes is given up with the command.
func TestSilentPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	source := keystore.PassphraseSource{File: fmt.Sprintf("/dev/fd/%d", r.Fd())}
	if _, err := source.Existing(ctx, "root"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// TestVariableLikeFile: one final newline is no part of a passphrase, wherever it is from.
func TestVariableLikeFile(t *testing.T) {
	for content, want := range map[string]string{"secret\n": "secret", "secret\r\n": "secret", "secret": "secret", " secret ": " secret "} {
		source := keystore.PassphraseSource{LookupEnv: env(content)}
		if got, err := source.Existing(context.Background(), "root"); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	for _, content := range []string{"\n", "secret\n\n", "a\nb"} {
		source := keystore.PassphraseSource{LookupEnv: env(content)}
		if _, err := source.Existing(context.Background(), "root"); !errors.Is(err, keystore.ErrNoPassphrase) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestShortPassphrase: a new passphrase that can be guessed is taken with a warning.
func TestShortPassphrase(t *testing.T) {
	for passphrase, short := range map[string]bool{"a": true, "elevenchars": true, "twelve chars": false, "éééééé": true, "éééééééééééé": false} {
		var messages bytes.Buffer
		path := filepath.Join(t.TempDir(), "passphrase")
		if err := os.WriteFile(path, []byte(passphrase), 0o600); err != nil {
			t.Fatal(err)
		}
		source := keystore.PassphraseSource{File: path, Messages: &messages}
		if _, err := source.New(context.Background(), "root"); err != nil || strings.Contains(messages.String(), "warning: the passphrase of key root is shorter than 12 characters") != short {
			t.Errorf("%q: %v, %q", passphrase, err, &messages)
		}
		messages.Reset()
		if _, err := source.Existing(context.Background(), "root"); err != nil || messages.Len() > 0 {
			t.Errorf("existing %q: %v, %q", passphrase, err, &messages)
		}
	}
}
