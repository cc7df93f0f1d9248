package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hullmark/internal/cli"
)

// simulateCommand runs the program and returns its output.
func simulateCommand(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	if got := run(context.Background(), args, &out, &err); got != want {
		t.Fatalf("%v: exit status %d, want %d: %s", args, got, want, err.String())
	}
	return out.String(), err.String()
}

func TestPublishCommand(t *testing.T) {
	dir := t.TempDir()
	args := []string{"publish", "--validators", "4", "--window", "5s", "--output", dir}
	text, _ := simulateCommand(t, cli.ExitOK, args...)
	if again, _ := simulateCommand(t, cli.ExitOK, args...); again != text {
		t.Errorf("one seed, two tables:\n%s%s", text, again)
	}
	rows, err := csv.NewReader(mustOpen(t, filepath.Join(dir, "publish.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	// Four places, one of them with a validator down as well.
	if got, want := len(rows)-1, 5; got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
	for _, name := range []string{"publish-latency.svg", "publish-rate.svg"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Contains(b, []byte("<svg")) {
			t.Errorf("%s: %v, no SVG", name, err)
		}
	}
}

func TestFreshnessCommand(t *testing.T) {
	out, _ := simulateCommand(t, cli.ExitOK, "freshness", "--window", "5s", "--json")
	var answer struct {
		Freshness []struct {
			Validators int     `json:"validators"`
			Load       string  `json:"load"`
			Age        float64 `json:"age_p50_ms"`
		} `json:"freshness"`
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	var loads []string
	for _, row := range answer.Freshness[:3] {
		loads = append(loads, row.Load)
		if row.Validators != 4 || row.Age <= 0 {
			t.Errorf("row %+v", row)
		}
	}
	if got := strings.Join(loads, " "); got != "idle calm saturated" || len(answer.Freshness) != 9 {
		t.Errorf("%d rows, the first with loads %s", len(answer.Freshness), got)
	}
	if answer.Freshness[0].Age <= answer.Freshness[1].Age {
		t.Error("answers of an idle network are no older than those of a calm one")
	}
}

func TestConsensusUsage(t *testing.T) {
	for _, args := range []string{
		"publish --validators 3", "publish --validators 129", "publish --cores 0", "publish --tags 0", "publish --rate 0",
		"publish --rate NaN", "publish --window 1s", "publish --seeds 0", "publish x", "freshness --window 0s", "freshness --rate -1",
	} {
		if _, stderr := simulateCommand(t, cli.ExitUsage, strings.Fields(args)...); !strings.Contains(stderr, "hullmark-sim: error: ") {
			t.Errorf("%s: no error on standard error: %s", args, stderr)
		}
	}
}

func mustOpen(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}
