// Package trace reads, writes and makes traces of what happens to image tags: who
// pulls and who pushes what, and when.
//
// # Format
//
// A trace is text in UTF-8 with line feeds. Its first line is
//
//	milliseconds,event,reference,client
//
// and each other line one event, with these fields and commas between them, nothing
// quoted and no spaces:
//
//   - milliseconds since the start of the trace, a decimal number without leading
//     zeros, at most ten years; lines are in the order of time;
//   - event: pull or push;
//   - reference: REPOSITORY:TAG, of lower-case letters, digits and . _ - / in the
//     repository and letters, digits and . _ - in the tag, at most 512 bytes;
//   - client: a number below 2^31 that stands for the address the event comes from.
//
// Every line ends with a line feed, the last one too.
package trace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Kind is what happened.
type Kind uint8

// The kinds of events.
const (
	// Pull is a client that asks what a tag means.
	Pull Kind = iota
	// Push is a publisher that gives a tag a new meaning.
	Push
)

// String returns the word for the kind in a trace.
func (k Kind) String() string {
	if k == Push {
		return "push"
	}
	return "pull"
}

// Event is one line of a trace.
type Event struct {
	// At is the time since the start, in whole milliseconds.
	At        time.Duration
	Kind      Kind
	Reference string
	Client    int32
}

// Repository returns the repository of the event's reference.
func (e Event) Repository() string {
	return e.Reference[:strings.LastIndexByte(e.Reference, ':')]
}

// Limits of a trace.
const (
	// MaxEvents bounds the events of a trace that is read into memory.
	MaxEvents = 10_000_000
	// MaxReference bounds a reference in bytes; registries allow less.
	MaxReference = 512
	// MaxTime bounds the time of an event.
	MaxTime = 10 * 365 * 24 * time.Hour
)

const header = "milliseconds,event,reference,client"

// ErrFormat is the class of errors in a trace.
var ErrFormat = errors.New("bad trace")

// Read reads a trace. Errors in it are [ErrFormat] and name the line.
func Read(r io.Reader) ([]Event, error) {
	lines := bufio.NewReaderSize(r, 2*MaxReference)
	first, err := readLine(lines)
	if err == nil && string(first) != header {
		err = fmt.Errorf("%w: want %q", ErrFormat, header)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read trace: line 1: %w", noEOF(err))
	}
	var events []Event
	for number := 2; ; number++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err == nil && len(events) == MaxEvents {
			err = fmt.Errorf("%w: more than %d events", ErrFormat, MaxEvents)
		}
		var e Event
		if err == nil {
			e, err = parse(line)
		}
		if err == nil && len(events) > 0 && e.At < events[len(events)-1].At {
			err = fmt.Errorf("%w: goes back in time", ErrFormat)
		}
		if err != nil {
			return nil, fmt.Errorf("couldn't read trace: line %d: %w", number, err)
		}
		events = append(events, e)
	}
}

// readLine returns the next line without its end, valid until the next call; io.EOF
// when nothing is left.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("%w: line is too long", ErrFormat)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, fmt.Errorf("%w: line has no end", ErrFormat)
	default:
		return nil, err
	}
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: nothing there", ErrFormat)
	}
	return err
}

func parse(line []byte) (Event, error) {
	var e Event
	fields := bytes.Split(line, []byte{','})
	if len(fields) != 4 {
		return e, fmt.Errorf("%w: %d fields, want 4", ErrFormat, len(fields))
	}
	ms, err := number(fields[0], int64(MaxTime/time.Millisecond))
	if err != nil {
		return e, fmt.Errorf("%w: milliseconds: %w", ErrFormat, err)
	}
	e.At = time.Duration(ms) * time.Millisecond
	switch string(fields[1]) {
	case "pull":
		e.Kind = Pull
	case "push":
		e.Kind = Push
	default:
		return e, fmt.Errorf("%w: event is neither pull nor push", ErrFormat)
	}
	e.Reference = string(fields[2])
	if err := checkReference(e.Reference); err != nil {
		return e, fmt.Errorf("%w: reference: %w", ErrFormat, err)
	}
	client, err := number(fields[3], 1<<31-1)
	if err != nil {
		return e, fmt.Errorf("%w: client: %w", ErrFormat, err)
	}
	e.Client = int32(client)
	return e, nil
}

// number parses the one decimal form of a number from zero to most.
func number(text []byte, most int64) (int64, error) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != string(text) {
		return 0, errors.New("not a decimal number")
	}
	if n > most {
		return 0, fmt.Errorf("more than %d", most)
	}
	return n, nil
}

func checkReference(r string) error {
	if len(r) > MaxReference {
		return fmt.Errorf("longer than %d bytes", MaxReference)
	}
	at := strings.LastIndexByte(r, ':')
	if at <= 0 || at == len(r)-1 {
		return errors.New("not REPOSITORY:TAG")
	}
	const lower, upper, digits, marks = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789", "._-"
	// A registry may have a port.
	if !only(r[:at], lower+digits+marks+"/:") || !only(r[at+1:], lower+upper+digits+marks) {
		return errors.New("character that no reference has")
	}
	return nil
}

// Write writes a trace. It refuses events that Read would refuse.
func Write(w io.Writer, events []Event) error {
	b := bufio.NewWriter(w)
	_, _ = fmt.Fprintln(b, header) // an error stays with b until Flush
	for i, e := range events {
		line := fmt.Appendf(nil, "%d,%s,%s,%d", e.At/time.Millisecond, e.Kind, e.Reference, e.Client)
		again, err := parse(line)
		if err == nil && (again != e || i > 0 && e.At < events[i-1].At) {
			err = fmt.Errorf("%w: not whole milliseconds, or goes back in time", ErrFormat)
		}
		if err != nil {
			return fmt.Errorf("couldn't write trace: event %d: %w", i, err)
		}
		_, _ = b.Write(append(line, '\n'))
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("couldn't write trace: %w", err)
	}
	return nil
}

func only(s, characters string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(characters, r) }) < 0
}
