package keystore

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"unicode/utf8"

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
	// File is the file that the user named, or empty. It holds the passphrase and at
	// most one final newline. It may be a pipe, such as /dev/fd/3: that has one line
	// for each key, in the order in which they are asked for, or one for all.
	File string
	// Input is where a person types, usually os.Stdin. It is used only if it is a
	// terminal. Nil means nobody is there.
	Input *os.File
	// Messages is where prompts and warnings go, usually os.Stderr.
	Messages io.Writer
	// LookupEnv reads the environment, usually os.LookupEnv. Nil means there is none.
	LookupEnv func(string) (string, bool)

	pipe *pipe // once it is open
}

// Existing returns the passphrase of a key that exists. The caller overwrites it
// after use. Errors wrap ErrNoPassphrase, or are the context's.
func (s *PassphraseSource) Existing(ctx context.Context, name string) ([]byte, error) {
	return s.find(ctx, name, false)
}

// New returns the passphrase for a key that is about to be made; a person types
// it twice. The caller overwrites it after use.
func (s *PassphraseSource) New(ctx context.Context, name string) ([]byte, error) {
	return s.find(ctx, name, true)
}

func (s *PassphraseSource) find(ctx context.Context, name string, isNew bool) ([]byte, error) {
	passphrase, err := s.read(ctx, name, isNew)
	if err != nil {
		return nil, fmt.Errorf("couldn't get passphrase of key %s: %w", name, err)
	}
	if err := CheckPassphrase(passphrase); err != nil {
		clear(passphrase)
		return nil, fmt.Errorf("couldn't get passphrase of key %s: %w", name, err)
	}
	if isNew && IsShort(passphrase) {
		s.print(fmt.Sprintf("warning: the passphrase of key %s is shorter than %d characters; whoever copies the key file can guess it\n", name, minPassphrase))
	}
	return passphrase, nil
}

// IsShort reports a passphrase that is too short to keep those who have a copy of the key
// file from guessing it: a reason to warn and not to refuse.
func IsShort(passphrase []byte) bool { return utf8.RuneCount(passphrase) < minPassphrase }

func (s *PassphraseSource) read(ctx context.Context, name string, isNew bool) ([]byte, error) {
	switch {
	case s.File != "":
		return s.readFile(ctx, s.File)
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
			return onlyLine([]byte(text), PassphraseVariable)
		}
	}
	return nil, fmt.Errorf("%w: there is no terminal to ask at; use --passphrase-file or set %s",
		ErrNoPassphrase, PassphraseVariable)
}

func (s *PassphraseSource) readFile(ctx context.Context, path string) ([]byte, error) {
	if s.pipe == nil {
		// Opening a pipe waits for its other end, which may never come.
		file, err := await(ctx, func() (*os.File, error) { return os.Open(path) })
		if err != nil {
			return nil, err
		}
		info, err := file.Stat()
		if err != nil {
			closeQuietly(file)
			return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
		}
		if info.Mode().IsRegular() || info.IsDir() {
			defer closeQuietly(file)
			return s.readRegular(file, info)
		}
		s.pipe = &pipe{file: file}
	}
	return await(ctx, s.pipe.next)
}

// readRegular reads a file that holds one passphrase.
func (s *PassphraseSource) readRegular(file *os.File, info fs.FileInfo) ([]byte, error) {
	// Only the file itself: whoever puts another in its place learns nothing.
	doubts, err := safefile.CheckInfo(file.Name(), info, safefile.Private)
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
	return onlyLine(text, file.Name())
}

// onlyLine returns the one line that a file or a variable holds, which is named.
func onlyLine(text []byte, named string) ([]byte, error) {
	text = trimNewline(text)
	if bytes.ContainsAny(text, "\r\n") {
		clear(text)
		return nil, fmt.Errorf("%w: %s has more than one line", ErrNoPassphrase, named)
	}
	return text, nil
}

// trimNewline returns text without the one newline that ends it, as editors and shells
// leave it there.
func trimNewline(text []byte) []byte {
	if line, found := bytes.CutSuffix(text, []byte("\n")); found {
		return bytes.TrimSuffix(line, []byte("\r"))
	}
	return text
}

// await runs what waits for somebody else. When the context ends first the abandoned
// wait stays until the program ends.
func await[T any](ctx context.Context, wait func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result, 1)
	go func() {
		value, err := wait()
		results <- result{value, err}
	}()
	select {
	case r := <-results:
		if r.err != nil && !errors.Is(r.err, context.Canceled) && !errors.Is(r.err, ErrNoPassphrase) {
			r.err = fmt.Errorf("%w: %w", ErrNoPassphrase, r.err)
		}
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func (s *PassphraseSource) promptTwice(ctx context.Context, name string) ([]byte, error) {
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
func (s *PassphraseSource) prompt(ctx context.Context, text string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fd := int(s.Input.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	}
	s.print(text)
	if _, err := term.MakeRaw(fd); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	}
	passphrase, err := await(ctx, func() ([]byte, error) { return readTyped(s.Input) })
	if restoreErr := term.Restore(fd, before); restoreErr != nil {
		clear(passphrase)
		return nil, errors.Join(err, fmt.Errorf("%w: the terminal's echo could not be restored: %w", ErrNoPassphrase, restoreErr))
	}
	s.print("\n")
	return passphrase, err
}

// print shows something to the person. That nobody sees it is no reason to stop.
func (s *PassphraseSource) print(text string) {
	if s.Messages != nil {
		_, _ = io.WriteString(s.Messages, text)
	}
}
