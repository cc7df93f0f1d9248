package keystore

import (
	"bytes"
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"hullmark/safefile"
)

// PassphraseVariable is the environment variable that may hold a passphrase.
const PassphraseVariable = "HULLMARK_PASSPHRASE"

// PassphraseSource finds passphrases, in this order: a file that the user named,
// a prompt when there is a terminal, and as a last resort the environment. There
// is no way to put one on a command line, where other users can read it. Without
// any source it fails; it never waits for input that cannot come.
type PassphraseSource struct {
	// File is the file that the user named, or empty. It may be a pipe, such as
	// /dev/fd/3. It holds the passphrase and at most one final newline.
	File string
	// Input is where a person types, usually os.Stdin. It is used only if it is a
	// terminal. Nil means nobody is there.
	Input *os.File
	// Messages is where prompts and warnings go, usually os.Stderr.
	Messages io.Writer
	// LookupEnv reads the environment, usually os.LookupEnv. Nil means there is none.
	LookupEnv func(string) (string, bool)
}

// Existing returns the passphrase of a key that exists. The caller overwrites it
// after use. Errors wrap ErrNoPassphrase, or are the context's.
func (s PassphraseSource) Existing(ctx context.Context, name string) ([]byte, error) {
	return s.find(ctx, name, false)
}

// New returns the passphrase for a key that is about to be made; a person types
// it twice. The caller overwrites it after use.
func (s PassphraseSource) New(ctx context.Context, name string) ([]byte, error) {
	return s.find(ctx, name, true)
}

func (s PassphraseSource) find(ctx context.Context, name string, isNew bool) ([]byte, error) {
	passphrase, err := s.read(ctx, name, isNew)
	if err != nil {
		return nil, fmt.Errorf("couldn't get passphrase of key %s: %w", name, err)
	}
	if err := CheckPassphrase(passphrase); err != nil {
		clear(passphrase)
		return nil, fmt.Errorf("couldn't get passphrase of key %s: %w", name, err)
	}
	return passphrase, nil
}

func (s PassphraseSource) read(ctx context.Context, name string, isNew bool) ([]byte, error) {
	switch {
	case s.File != "":
		return s.readFile(s.File)
	case s.Input != nil && term.IsTerminal(int(s.Input.Fd())):
		if isNew {
			return s.promptTwice(ctx, name)
		}
		return s.prompt(ctx, "Passphrase of key "+name+": ")
	}
	if s.LookupEnv != nil {
		if text, found := s.LookupEnv(PassphraseVariable); found {
			s.print("warning: using the passphrase in " + PassphraseVariable +
				"; other processes of this user can read it, a passphrase file is safer\n")
			return []byte(text), nil
		}
	}
	return nil, fmt.Errorf("%w: there is no terminal to ask at; use --passphrase-file or set %s",
		ErrNoPassphrase, PassphraseVariable)
}

func (s PassphraseSource) readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	}
	defer closeQuietly(file)
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	}
	// Only the file itself: whoever puts another in its place learns nothing.
	doubts, err := safefile.CheckInfo(path, info, safefile.Private)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	}
	for _, d := range doubts {
		s.print("warning: " + d + "\n")
	}
	// Room for a final newline as Windows writes it, and one byte to see more.
	text, err := io.ReadAll(io.LimitReader(file, maxPassphrase+3))
	if err != nil {
		clear(text)
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	}
	if line, found := bytes.CutSuffix(text, []byte("\n")); found {
		text = bytes.TrimSuffix(line, []byte("\r"))
	}
	if bytes.ContainsAny(text, "\r\n") {
		clear(text)
		return nil, fmt.Errorf("%w: %s has more than one line", ErrNoPassphrase, path)
	}
	return text, nil
}

func (s PassphraseSource) promptTwice(ctx context.Context, name string) ([]byte, error) {
	first, err := s.prompt(ctx, "New passphrase of key "+name+": ")
	if err != nil {
		return nil, err
	}
	second, err := s.prompt(ctx, "Repeat the passphrase: ")
	if err != nil {
		clear(first)
		return nil, err
	}
	defer clear(second)
	if subtle.ConstantTimeCompare(first, second) != 1 {
		clear(first)
		return nil, fmt.Errorf("%w: the two are different", ErrNoPassphrase)
	}
	return first, nil
}

// prompt reads one line from the terminal without echo. When the context ends
// first, the terminal gets its echo back. The abandoned read stays until the
// program ends: a read of a terminal cannot be interrupted.
func (s PassphraseSource) prompt(ctx context.Context, text string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fd := int(s.Input.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	}
	type result struct {
		passphrase []byte
		err        error
	}
	s.print(text)
	results := make(chan result, 1)
	go func() {
		passphrase, err := term.ReadPassword(fd)
		results <- result{passphrase, err}
	}()
	select {
	case r := <-results:
		s.print("\n")
		if r.err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, r.err)
		}
		return r.passphrase, nil
	case <-ctx.Done():
		s.print("\n")
		if err := term.Restore(fd, before); err != nil {
			return nil, fmt.Errorf("%w; the terminal's echo could not be restored: %w", ctx.Err(), err)
		}
		return nil, ctx.Err()
	}
}

// print shows something to the person. That nobody sees it is no reason to stop.
func (s PassphraseSource) print(text string) {
	if s.Messages != nil {
		_, _ = io.WriteString(s.Messages, text)
	}
}
