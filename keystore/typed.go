package keystore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"
)

// What a terminal in raw mode sends for keys that are not part of a passphrase.
const (
	keyInterrupt = 0x03 // Ctrl-C
	keyEnd       = 0x04 // Ctrl-D
	keyBackspace = 0x08
	keyErase     = 0x15 // Ctrl-U
	keyDelete    = 0x7f
)

// readTyped reads one line from a terminal in raw mode. Ctrl-D and the end of the input
// give up, as Ctrl-C does: a terminal that is not raw leaves the first to a reader that
// cannot see it.
func readTyped(terminal io.Reader) ([]byte, error) {
	line := make([]byte, 0, maxPassphrase+1) // it never moves, so one clear is enough
	give := func(err error) ([]byte, error) {
		clear(line)
		return nil, err
	}
	var key [1]byte
	for {
		n, err := terminal.Read(key[:])
		if err != nil && !errors.Is(err, io.EOF) {
			return give(err)
		}
		if n == 0 || key[0] == keyEnd {
			return give(fmt.Errorf("%w: the input ended", ErrNoPassphrase))
		}
		switch key[0] {
		case '\r', '\n':
			return line, nil
		case keyInterrupt:
			return give(context.Canceled)
		case keyBackspace, keyDelete:
			_, size := utf8.DecodeLastRune(line)
			line = line[:len(line)-size]
		case keyErase:
			line = line[:0]
		default:
			if len(line) > maxPassphrase {
				return give(fmt.Errorf("%w: it is longer than %d bytes", ErrNoPassphrase, maxPassphrase))
			}
			line = append(line, key[0])
		}
	}
}

// pipe is where passphrases come from, a line each. What follows a line is not read
// before it is asked for.
type pipe struct {
	file  *os.File
	lines int
	only  []byte // the first line, while it is the only one
}

// next returns the next line. A pipe of one line serves every key.
func (p *pipe) next() ([]byte, error) {
	line, ended, err := p.readLine()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrNoPassphrase, err)
	case ended && p.lines == 0:
		return nil, fmt.Errorf("%w: %s is empty", ErrNoPassphrase, p.file.Name())
	case ended && p.lines == 1:
		return append([]byte(nil), p.only...), nil
	case ended:
		return nil, fmt.Errorf("%w: %s has %d lines, and one more is needed", ErrNoPassphrase, p.file.Name(), p.lines)
	}
	p.lines++
	if p.lines == 1 {
		p.only = append([]byte(nil), line...)
	} else {
		clear(p.only)
	}
	return line, nil
}

// readLine reads up to the end of a line, and no byte more. It reports the end when
// nothing is left.
func (p *pipe) readLine() (line []byte, ended bool, err error) {
	var b [1]byte
	for {
		n, err := p.file.Read(b[:])
		switch {
		case err != nil && !errors.Is(err, io.EOF):
			clear(line)
			return nil, false, err
		case n == 0:
			return line, len(line) == 0, nil
		case b[0] == '\n':
			return trimNewline(append(line, '\n')), false, nil
		case len(line) > maxPassphrase+1:
			clear(line)
			return nil, false, fmt.Errorf("a line is longer than %d bytes", maxPassphrase)
		}
		line = append(line, b[0])
	}
}
