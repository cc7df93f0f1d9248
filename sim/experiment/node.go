package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"hullmark/app"
)

// patience is how long a node may take to start, catch up or end: one with a million
// images beside ten others on two cores takes a part of it.
const patience = 5 * time.Minute

// node is a node that runs in a process of its own.
type node struct {
	home app.Home
	// url is that of the HTTP API, metrics the address of the metrics.
	url, metrics string

	cmd  *exec.Cmd
	done chan error
}

// start starts the node and appends what it logs to a file.
func (n *node) start(bin, logFile string) error {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("couldn't start node: %w", err)
	}
	defer func() { _ = log.Close() }() // the process has its own
	// Not bound to a context: an interrupted node would be killed before it is
	// stopped.
	n.cmd = exec.Command(filepath.Join(bin, "hullmarkd"), "start", "--home", string(n.home))
	n.cmd.Env = append(os.Environ(), "HULLMARKD_HTTP_METRICS_ADDRESS="+n.metrics)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	// A terminal's interrupt is for this program, which stops its nodes.
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.cmd.Start(); err != nil {
		n.cmd = nil
		return fmt.Errorf("couldn't start node: %w", err)
	}
	n.done = make(chan error, 1)
	go func() { n.done <- n.cmd.Wait() }()
	return nil
}

// stop ends the node in order, if it runs.
func (n *node) stop() error {
	if n.cmd == nil {
		return nil
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself, which the status tells
	var err error
	select {
	case err = <-n.done:
	case <-time.After(patience):
		_ = n.cmd.Process.Kill()
		err = errors.Join(fmt.Errorf("it had not ended after %s", patience), <-n.done)
	}
	n.cmd = nil
	if err != nil {
		return fmt.Errorf("couldn't stop node %s: %w", n.home, err)
	}
	return nil
}

// kill ends the node as a power cut would.
func (n *node) kill() error {
	if err := n.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("couldn't kill node %s: %w", n.home, err)
	}
	err := <-n.done
	n.cmd = nil
	if !errors.As(err, new(*exec.ExitError)) { // which tells the signal
		return fmt.Errorf("couldn't kill node %s: %w", n.home, errors.Join(errors.New("it ended by itself"), err))
	}
	return nil
}

// ready waits until the node gives answers of use to clients, about a state no older
// than a height.
func (n *node) ready(ctx context.Context, height uint64) error {
	return until(ctx, patience, n.url+" is ready", func(ctx context.Context) error {
		select {
		case err := <-n.done:
			n.done <- err // for stop
			return fmt.Errorf("the node has ended: %w", err)
		default:
		}
		s, err := app.FetchStatus(ctx, n.url)
		if err != nil {
			return err
		}
		if s.GetStateHeight() < height {
			return fmt.Errorf("it proves height %d, not %d", s.GetStateHeight(), height)
		}
		return app.NewRemote(n.url).Ready(ctx)
	})
}
