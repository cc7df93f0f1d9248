package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/term"

	"hullmark/keystore"
)

// openTerminal returns the two ends of a pseudo terminal: what a person types
// into, and what the program reads.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var unlock, number int32
	for request, argument := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request, uintptr(unsafe.Pointer(argument))); errno != 0 {
			t.Fatal(errno)
		}
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Close() })
	return person, program
}

// typist is where prompts go. It answers each with the next line.
type typist struct {
	mu       sync.Mutex
	person   *os.File
	program  *os.File
	answers  []string
	messages bytes.Buffer
	typing   sync.WaitGroup
}

func (p *typist) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages.Write(text)
	if bytes.HasSuffix(text, []byte(": ")) && len(p.answers) > 0 {
		answer := p.answers[0]
		p.answers = p.answers[1:]
		p.typing.Go(func() {
			waitForEcho(p.program, false)
			_, _ = p.person.WriteString(answer)
		})
	}
	return len(text), nil
}

// waitForEcho waits until the terminal echoes or does not: whoever types earlier
// is seen.
func waitForEcho(terminal *os.File, want bool) bool {
	for range 500 {
		var mode syscall.Termios
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, terminal.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&mode)))
		if errno == 0 && (mode.Lflag&syscall.ECHO != 0) == want {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestPassphrasePrompt(t *testing.T) {
	tests := []struct {
		name    string
		isNew   bool
		answers []string
		want    string // empty means refused
	}{
		{"existing key", false, []string{"secret\n"}, "secret"},
		{"new key", true, []string{"secret\n", "secret\n"}, "secret"},
		{"typed differently", true, []string{"secret\n", "Secret\n"}, ""},
		{"second one longer", true, []string{"secret\n", "secrets\n"}, ""},
		{"empty", false, []string{"\n"}, ""},
		{"new and empty", true, []string{"\n", "\n"}, ""},
		{"the key Enter", false, []string{"secret\r"}, "secret"},
		{"mended while typing", false, []string{"secrxx\x7f\x08et\n"}, "secret"},
		{"mended beyond the beginning", false, []string{"a\x7f\x7f\x7fsecret\n"}, "secret"},
		{"mended a letter of two bytes", false, []string{"s\u00e9\x7fecret\n"}, "secret"},
		{"begun anew", false, []string{"wrong\x15secret\n"}, "secret"},
		{"Ctrl-D", false, []string{"\x04"}, ""},
		{"Ctrl-D after letters", false, []string{"sec\x04"}, ""},
		{"Ctrl-D the second time", true, []string{"secret\n", "\x04"}, ""},
		{"too long", false, []string{strings.Repeat("a", 1026)}, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			person, program := openTerminal(t)
			messages := &typist{person: person, program: program, answers: tc.answers}
			// The terminal wins over the environment.
			source := keystore.PassphraseSource{Input: program, Messages: messages, LookupEnv: env("from the environment")}
			ask := source.Existing
			if tc.isNew {
				ask = source.New
			}
			got, err := ask(context.Background(), "root")
			messages.typing.Wait()
			if tc.want == "" {
				if !errors.Is(err, keystore.ErrNoPassphrase) {
					t.Errorf("got %q, %v", got, err)
				}
			} else if err != nil || string(got) != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
			if text := messages.messages.String(); !strings.Contains(text, "root") || strings.Contains(text, "secret") {
				t.Errorf("messages: %q", text)
			}
			if !waitForEcho(program, true) {
				t.Error("the terminal has lost its echo")
			}
		})
	}
}

// TestPassphraseCtrlC: with the terminal in raw mode Ctrl-C is a key, and ends the program
// all the same.
func TestPassphraseCtrlC(t *testing.T) {
	person, program := openTerminal(t)
	messages := &typist{person: person, program: program, answers: []string{"sec\x03"}}
	source := keystore.PassphraseSource{Input: program, Messages: messages}
	_, err := source.Existing(context.Background(), "root")
	messages.typing.Wait()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !waitForEcho(program, true) {
		t.Error("the terminal has lost its echo")
	}
}

// TestPassphraseInterrupted: when the user gives up, the prompt ends and the
// terminal works as before.
func TestPassphraseInterrupted(t *testing.T) {
	person, program := openTerminal(t)
	goroutines := runtime.NumGoroutine()
	if !term.IsTerminal(int(program.Fd())) {
		t.Fatal("not a terminal")
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		waitForEcho(program, false)
		cancel()
	}()
	source := keystore.PassphraseSource{Input: program}
	if _, err := source.New(ctx, "root"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !waitForEcho(program, true) {
		t.Error("the terminal has lost its echo")
	}
	if _, err := source.New(ctx, "root"); !errors.Is(err, context.Canceled) {
		t.Errorf("asking after the end: %v", err)
	}
	// The abandoned read ends with the next line; a later test must not find it
	// reading from a file that was given the same number.
	if _, err := person.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if runtime.NumGoroutine() <= goroutines {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the abandoned read has not ended")
}
