package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestRecord: runs of one day are in one file, one after the other.
func TestRecord(t *testing.T) {
	dir := t.TempDir()
	day := time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)
	for _, r := range []struct {
		text  string
		began time.Time
	}{{"first\n", day}, {"second\n", day.Add(time.Hour)}, {"next day\n", day.Add(24 * time.Hour)}} {
		if err := record(dir, r.text, r.began); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"2026-12-01.md": "first\n\nsecond\n", "2026-12-02.md": "next day\n"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if err := record(filepath.Join(dir, "missing"), "", day); err == nil {
		t.Error("a folder that is not there is no error")
	}
}
