package mutation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mutation is one broken rule.
type mutation struct {
	name string
	file string // from the top of the source
	// old occurs once in the file, new is what replaces it.
	old, new string
	pkg      string // whose tests must fail; that of the file by default
	run      string // the tests to run, all by default
}

const top = "../.."

// parse reads mutations.txt. An entry is "== NAME", then lines "file:", "old:",
// "new:", and if need be "pkg:" and "run:", each with its value behind a space; "new:"
// alone is nothing. Lines that begin with '#' and empty lines are left out.
func parse(text string) ([]mutation, error) {
	var out []mutation
	for n, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "== "); ok {
			out = append(out, mutation{name: name})
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		if len(out) == 0 {
			return nil, fmt.Errorf("line %d: no name yet", n+1)
		}
		m := &out[len(out)-1]
		field, ok := map[string]*string{"file": &m.file, "old": &m.old, "new": &m.new, "pkg": &m.pkg, "run": &m.run}[key]
		if !ok || *field != "" {
			return nil, fmt.Errorf("line %d: %q is unknown or given twice", n+1, key)
		}
		*field = value
	}
	return out, nil
}

// load returns all mutations, complete.
func load(t *testing.T) []mutation {
	t.Helper()
	text, err := os.ReadFile("mutations.txt")
	if err != nil {
		t.Fatal(err)
	}
	list, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if m := &list[i]; m.pkg == "" {
			m.pkg = filepath.Dir(m.file)
		}
	}
	return list
}

// mutate returns the mutated source of a file.
func (m mutation) mutate() ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(top, m.file))
	if err != nil {
		return nil, err
	}
	if n := bytes.Count(source, []byte(m.old)); m.old == "" || n != 1 {
		return nil, fmt.Errorf("the old text occurs %d times in %s", n, m.file)
	}
	if m.old == m.new {
		return nil, fmt.Errorf("nothing changes")
	}
	return bytes.Replace(source, []byte(m.old), []byte(m.new), 1), nil
}

// verdict is what became of a mutation.
type verdict string

const (
	killed   verdict = "killed"
	survived verdict = "survived"
	broken   verdict = "does not build or run"
)

// try runs the tests of a mutation's package over the mutated file.
func (m mutation) try(ctx context.Context, dir string) (verdict, string, error) {
	source, err := m.mutate()
	if err != nil {
		return broken, "", err
	}
	mutated := filepath.Join(dir, "mutated.go")
	if err := os.WriteFile(mutated, source, 0o600); err != nil {
		return broken, "", err
	}
	original, err := filepath.Abs(filepath.Join(top, m.file))
	if err != nil {
		return broken, "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return broken, "", err
	}
	overlayFile := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlayFile, overlay, 0o600); err != nil {
		return broken, "", err
	}
	args := []string{"test", "-overlay", overlayFile, "-count=1", "-vet=off", "-short", "-failfast", "-timeout=10m", "./" + m.pkg}
	if m.run != "" {
		args = append(args, "-run", m.run)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = top
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "HULLMARK_") })
	output, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return survived, string(output), nil
	case bytes.Contains(output, []byte("--- FAIL: ")) || bytes.Contains(output, []byte("\npanic: ")):
		return killed, string(output), nil
	default:
		return broken, string(output), nil
	}
}

// Test that every mutation fits the source, once each.
func TestFit(t *testing.T) {
	names, texts := make(map[string]bool), make(map[string]bool)
	for _, m := range load(t) {
		if _, err := m.mutate(); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		text := m.file + "\n" + m.old + "\n" + m.new
		if names[m.name] || texts[text] {
			t.Errorf("%s is listed twice", m.name)
		}
		names[m.name], texts[text] = true, true
	}
}

// Test that every mutation is killed.
func TestKilled(t *testing.T) {
	if os.Getenv("HULLMARK_MUTATION") == "" {
		t.Skip("builds a package for every mutation; make mutation runs it")
	}
	for _, m := range load(t) {
		t.Run(m.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Minute)
			defer cancel()
			v, output, err := m.try(ctx, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if v != killed {
				t.Errorf("%s\n%s", v, output)
			}
		})
	}
}

// Test the verdicts themselves: on a change of nothing, a change that matters and one
// that does not build.
func TestVerdicts(t *testing.T) {
	const tag = "func (t Tag) String() string { "
	for _, tt := range []struct {
		name, new string
		want      verdict
	}{
		{"nothing", tag + " ", survived},
		{"everything", tag + "if t.text != \"\" { return \"other\" };", killed},
		{"nonsense", tag + "nonsense;", broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := mutation{file: "reference/tag.go", old: tag, new: tt.new, pkg: "reference", run: "^Test"}
			if got, output, err := m.try(t.Context(), t.TempDir()); err != nil || got != tt.want {
				t.Errorf("%s, %v, want %s\n%s", got, err, tt.want, output)
			}
		})
	}
}

// Test what is refused of a list.
func TestParse(t *testing.T) {
	for name, text := range map[string]string{"no name": "file: x", "unknown field": "== a\nfiles: x", "field twice": "== a\nold: x\nold: y"} {
		if list, err := parse(text); err == nil {
			t.Errorf("%s: %+v", name, list)
		}
	}
	list, err := parse("# note\n\n== a b\nfile: f\nold: o: p\nnew:\n== c\nrun: r\n")
	want := []mutation{{name: "a b", file: "f", old: "o: p"}, {name: "c", run: "r"}}
	if err != nil || !slices.Equal(list, want) {
		t.Errorf("%+v, %v", list, err)
	}
}
