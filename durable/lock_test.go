package durable_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"hullmark/durable"
)

// holderVariable makes the test's program hold the lock on a file until it ends.
const holderVariable = "HULLMARK_TEST_LOCK"

func TestMain(m *testing.M) {
	if path := os.Getenv(holderVariable); path != "" {
		if _, err := durable.Lock(context.Background(), path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("locked")
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// open opens a file for a lock.
func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestLockBetweenProcesses: a lock ends with the process that held it, however that ends.
func TestLockBetweenProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := exec.Command(os.Args[0])
	holder.Env = append(os.Environ(), holderVariable+"="+path)
	stdin, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || line != "locked\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := durable.TryLock(open(t, path)); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("while another process holds it: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := durable.Lock(ended, path); !errors.Is(err, durable.ErrLocked) || !errors.Is(err, context.Canceled) {
		t.Errorf("without time: %v", err)
	}
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // it was killed
	// Windows may take a moment to release it.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	release, err := durable.Lock(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	release()
}

// TestLockExcludes: one goroutine at a time holds a lock, and each gets it.
func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var inside, most, turns int
	var mu sync.Mutex
	add := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		inside += n
		most = max(most, inside)
		turns++
	}
	var holders sync.WaitGroup
	for range 8 {
		holders.Go(func() {
			release, err := durable.Lock(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			add(1)
			add(-1)
			release()
		})
	}
	holders.Wait()
	if most != 1 || turns != 16 {
		t.Errorf("%d at once, %d turns", most, turns)
	}
}

// TestTryLockReadOnly: who may not write a file may lock it.
func TestTryLockReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	release, err := durable.TryLock(f)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.TryLock(other); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("taken twice: %v", err)
	}
	if err := other.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the file is left open: %v", err)
	}
	release()
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("released and left open: %v", err)
	}
}

// TestLockFails tells a lock that cannot be taken from one that is held.
func TestLockFails(t *testing.T) {
	dir := t.TempDir()
	if _, err := durable.Lock(t.Context(), filepath.Join(dir, "missing", "lock")); !errors.Is(err, fs.ErrNotExist) || errors.Is(err, durable.ErrLocked) {
		t.Errorf("no directory: %v", err)
	}
	f := open(t, filepath.Join(dir, "lock"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := durable.TryLock(f); err == nil || errors.Is(err, durable.ErrLocked) {
		t.Errorf("closed file: %v", err)
	}
}
