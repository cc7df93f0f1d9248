package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"hullmark/internal/testnet"
)

// stage is what the scenes share.
type stage struct {
	ctx     context.Context
	bin     string
	dir     string
	started time.Time
	number  int

	network    *testnet.Network
	nodes      []*exec.Cmd
	registry   *httptest.Server
	repository string // localhost:PORT/demo/app
	genuine    image
	first      image // what v1 meant at first
	liar       *lyingNode
}

// scene plays one scene under its title.
func (s *stage) scene(title string, play func(*stage) error) error {
	s.number++
	fmt.Printf("\n%s\n", bold(fmt.Sprintf("%2d. %s", s.number, title)))
	return play(s)
}

// say explains what happens, or what the reader has just seen.
func (s *stage) say(format string, args ...any) {
	fmt.Printf("    "+format+"\n", args...)
}

// good reports that something was as it should be.
func (s *stage) good(format string, args ...any) {
	fmt.Println("    " + green("ok") + "  " + fmt.Sprintf(format, args...))
}

// bold and green mark text when it goes to a terminal.
func bold(text string) string  { return mark("1", text) }
func green(text string) string { return mark("32", text) }

func mark(code, text string) string {
	info, err := os.Stdout.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || os.Getenv("NO_COLOR") != "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// path returns a place in the demo's directory.
func (s *stage) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// hullmark runs the client as somebody whose home is the given name, shows
// command and output, and checks the exit code. It returns the output.
func (s *stage) hullmark(who string, want int, args ...string) (string, error) {
	return s.command("hullmark", append([]string{"--home", who}, args...), want)
}

// hullmarkd runs a command of the node's program.
func (s *stage) hullmarkd(args ...string) (string, error) {
	return s.command("hullmarkd", args, 0)
}

// command runs a command in the demo's directory, as it is shown, and shows what it says.
func (s *stage) command(program string, args []string, want int) (string, error) {
	s.show(program, args)
	out, err := s.quietly(program, args, want)
	for line := range strings.Lines(s.shorten(out)) {
		fmt.Print("      " + line)
	}
	return out, err
}

// show shows a command, and makes its paths those that are shown.
func (s *stage) show(program string, args []string) {
	shown := make([]string, len(args))
	for i, a := range args {
		args[i] = s.shorten(a)
		if shown[i] = args[i]; strings.ContainsAny(shown[i], " *") {
			shown[i] = "'" + shown[i] + "'"
		}
	}
	fmt.Printf("    $ %s %s\n", program, strings.Join(shown, " "))
}

// quietly is command that shows nothing.
func (s *stage) quietly(program string, args []string, want int) (string, error) {
	cmd := exec.CommandContext(s.ctx, filepath.Join(s.bin, program), args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "HULLMARK_PASSPHRASE_FILE="+filepath.Join("network", "passphrase"))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var exit *exec.ExitError
	got := 0
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		return "", err
	}
	if got != want {
		return out.String(), fmt.Errorf("%s exited with %d instead of %d:\n%s", program, got, want, out.String())
	}
	return out.String(), nil
}

// shorten takes the demo's directory off what is shown.
func (s *stage) shorten(text string) string { return strings.ReplaceAll(text, s.dir+"/", "") }

// close ends every process the demo started.
func (s *stage) close() {
	for _, n := range s.nodes {
		if n != nil && n.Process != nil {
			_ = n.Process.Kill()
			_ = n.Wait()
		}
	}
	if s.liar != nil {
		s.liar.close()
	}
	if s.registry != nil {
		s.registry.Close()
	}
}

// tail shows the last words of the nodes when something went wrong.
func (s *stage) tail() {
	if s.network == nil {
		return
	}
	for i := range s.network.Nodes {
		b, err := os.ReadFile(s.path(fmt.Sprintf("node%d.log", i)))
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		fmt.Printf("\nlast words of node %d:\n%s\n", i, strings.Join(lines[max(0, len(lines)-5):], "\n"))
	}
}

// opening says how to read what follows.
func (s *stage) opening() {
	fmt.Printf(`
The story takes about a minute. Every command runs as it is shown, and can be tried from
another terminal as long as the story lasts:

    cd %s
    export PATH=%s:$PATH HULLMARK_PASSPHRASE_FILE=network/passphrase
`, s.dir, s.bin)
}

func (s *stage) farewell() {
	fmt.Printf(`
%s in %s.

To go on by hand, start a network that stays, and do what it prints in another terminal:

    export PATH=%s:$PATH
    hullmarkd devnet
`, bold("All of it held"), time.Since(s.started).Round(time.Second), s.bin)
}
