package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/printable"
	"hullmark/record"
)

// The values of --output.
const (
	outputText = "text"
	outputJSON = "json"
)

// answer is what a command prints. Its exported fields are the JSON object.
type answer interface {
	text(t *table)
}

// print writes an answer in the form the user chose. That it could not be
// written is an error like any other: a script would read half a verdict.
func (s *session) print(a answer) error {
	var shown []byte
	if s.output == outputJSON {
		var b bytes.Buffer
		if err := cli.WriteJSON(&b, a); err != nil {
			return err
		}
		shown = b.Bytes()
	} else {
		var t table
		a.text(&t)
		shown = []byte(t.String())
	}
	if _, err := s.stdout.Write(shown); err != nil {
		return fileError("write standard output", err)
	}
	return nil
}

// errorJSON is an error in an answer.
type errorJSON struct {
	cli.Failure
	// Inherited is what nobody has decided about, of an error with code not-adopted.
	Inherited []inheritedJSON `json:"inherited,omitempty"`
	// TxHash and Repositories say what may be in the ledger, of an error with code
	// outcome-unknown.
	TxHash       string   `json:"tx_hash,omitempty"`
	Repositories []string `json:"repositories,omitempty"`
}

func describe(err error) *errorJSON {
	code, hint := explain(err)
	d := &errorJSON{
		Failure:   cli.Failure{Code: code, Message: cli.Message(err), Hint: hint, ExitCode: exitCode(err)},
		Inherited: inheritedOf(err),
	}
	var unsure *client.UncertainError
	if errors.As(err, &unsure) {
		d.TxHash = hex.EncodeToString(unsure.Hash[:])
		for _, r := range unsure.Repositories {
			d.Repositories = append(d.Repositories, r.String())
		}
	}
	return d
}

// program returns the program, which writes where the session does.
func (s *session) program() cli.Program {
	return cli.Program{
		Name: "hullmark", Stdout: s.stdout, Stderr: s.stderr,
		Root: func() *cobra.Command { return newRoot(s) }, Explain: s.explain,
	}
}

// explain returns an error as it is told of. Ctx is that of the user's signals.
func (s *session) explain(ctx context.Context, err error) cli.Failure {
	d := describe(err)
	if d.ExitCode == exitInterrupted {
		d.Message = s.interruption(err)
	}
	f := d.Failure
	f.Object = d
	if len(d.Inherited) > 0 {
		f.Details = func() string {
			s.markRevoked(ctx, d.Inherited)
			var t table
			inheritedRows(&t, d.Inherited)
			return t.String()
		}
	}
	return f
}

// fail reports an error and returns the exit code. Ctx is that of the user's signals.
func (s *session) fail(ctx context.Context, err error) int {
	return s.program().Fail(ctx, err, s.output == outputJSON)
}

// interruption says what an interrupted command leaves behind. What the context says of
// its end says nothing.
func (s *session) interruption(err error) string {
	text := "interrupted"
	_, refused := record.CodeOf(err)
	switch {
	case errors.Is(err, client.ErrUncertain) || s.sent:
		return text + ": " + strings.TrimPrefix(cli.Message(err), "interrupted: ")
	case s.writes && errors.Is(err, client.ErrTakenBefore):
		return text + "; nothing was published: " + strings.TrimPrefix(cli.Message(err), "interrupted: ")
	case s.writes && refused:
		return text + "; nothing was published"
	case s.writes:
		return text + "; nothing was sent"
	default:
		return text
	}
}

// warn shows what is wrong and no reason to stop.
func (s *session) warn(format string, args ...any) {
	_, _ = fmt.Fprintf(s.stderr, "hullmark: warning: %s\n", printable.Line(fmt.Sprintf(format, args...)))
}

// warnAll shows what was wrong with nodes beside a good answer, each thing once.
// Without a good answer, and when nodes agree on a rejection, the error says it all.
func (s *session) warnAll(warnings []client.Warning, err error) {
	if all := new(client.NodesError); errors.As(err, &all) {
		return
	}
	rejection, rejected := record.CodeOf(err)
	for _, w := range warnings {
		if rejected && errors.Is(w.Err, rejection) {
			continue
		}
		text := w.String()
		if w.Class == bundle.Attack {
			text = "possible attack: " + text
		}
		if !slices.Contains(s.warned, text) {
			s.warned = append(s.warned, text)
			s.warn("%s", text)
		}
	}
}

// longPause is from when on a pause is told of: a person wonders, and a script's log
// shows where its time went.
const longPause = 5 * time.Second

// waiting tells why nothing happens for a while.
func (s *session) waiting(pause time.Duration, why []client.Warning) {
	if pause < longPause || len(why) == 0 {
		return
	}
	_, _ = fmt.Fprintf(s.stderr, "hullmark: waiting %s: %s\n", pause.Round(time.Second), printable.Line(why[0].String()))
}

// prefixed writes messages of the keystore in this program's style.
type prefixed struct{ w io.Writer }

func (p prefixed) Write(b []byte) (int, error) {
	if bytes.HasPrefix(b, []byte("warning: ")) {
		if _, err := io.WriteString(p.w, "hullmark: "); err != nil {
			return 0, err
		}
	}
	return p.w.Write(b)
}

// table is text in rows of a label and a value.
type table struct{ rows [][2]string }

// row adds a row. A label that repeats the one above is left out when shown.
func (t *table) row(label, format string, args ...any) {
	t.rows = append(t.rows, [2]string{label, fmt.Sprintf(format, args...)})
}

// String returns the rows with their values below each other.
func (t *table) String() string {
	width := 0
	for _, r := range t.rows {
		width = max(width, len(r[0]))
	}
	var b strings.Builder
	last := ""
	for _, r := range t.rows {
		label := r[0]
		if label == last {
			label = ""
		}
		last = r[0]
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-*s  %s", width, label, printable.Line(r[1])), " ") + "\n")
	}
	return b.String()
}

// columns adds rows whose values are cells, aligned among themselves.
func (t *table) columns(label string, rows [][]string) {
	var widths []int
	for _, r := range rows {
		for i, cell := range r {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, r := range rows {
		var b strings.Builder
		for i, cell := range r {
			_, _ = fmt.Fprintf(&b, "%-*s  ", widths[i], cell)
		}
		t.row(label, "%s", strings.TrimRight(b.String(), " "))
	}
}

// age shows a time span as people read it.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < 48*time.Hour:
		return d.Round(time.Second).String()
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// stamp shows a time in UTC to the second.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
