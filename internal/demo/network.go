package main

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	ociregistry "github.com/google/go-containerregistry/pkg/registry"

	"hullmark/app"
	"hullmark/internal/testnet"
)

// startupTime bounds how long the network may take to make its first blocks.
const startupTime = time.Minute

// startNetwork makes four homes, starts each node in a process of its own, and
// writes the trust anchor.
func startNetwork(s *stage) error {
	// The registry comes first: its address is part of the names under it, and
	// one operator must own them.
	s.registry = httptest.NewServer(ociregistry.New(ociregistry.Logger(quietLogger())))
	host := "localhost" + s.registry.URL[strings.LastIndex(s.registry.URL, ":"):]
	s.repository = host + "/demo/app"
	n, err := testnet.Create(testnet.Options{
		Dir: s.path("network"), Name: "demo", Validators: 4, Namespaces: []string{host},
		GenesisTime: time.Now(), TimeoutCommit: 500 * time.Millisecond,
		Log: app.LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
	})
	if err != nil {
		return err
	}
	s.network = n
	for i := range n.Nodes {
		cmd, err := s.startNode(i)
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, cmd)
	}
	ctx, cancel := context.WithTimeout(s.ctx, startupTime)
	defer cancel()
	if err := testnet.WaitProvable(ctx, 1, n.URLs()...); err != nil {
		return err
	}
	if _, err := s.hullmarkd("status", "--home", string(n.Nodes[0].Home)); err != nil {
		return err
	}
	if _, err := s.hullmarkd("trust-anchor", "--home", string(n.Nodes[0].Home), "--file", "trust.json"); err != nil {
		return err
	}
	s.good("four validator processes agree on ledger %s", n.Ledger)
	return nil
}

func (s *stage) startNode(i int) (*exec.Cmd, error) {
	home := string(s.network.Nodes[i].Home)
	fmt.Printf("    $ hullmarkd start --home %s &\n", s.shorten(home))
	log, err := os.OpenFile(s.path(fmt.Sprintf("node%d.log", i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	cmd := exec.CommandContext(s.ctx, filepath.Join(s.bin, "hullmarkd"), "start", "--home", home)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("couldn't start node %d: %w", i, err)
	}
	return cmd, nil
}

// killValidator ends one process as a power cut would, and goes on with the rest.
func killValidator(s *stage) error {
	const victim = 3
	fmt.Printf("    $ kill -9 %d   # node %d\n", s.nodes[victim].Process.Pid, victim)
	if err := s.nodes[victim].Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = s.nodes[victim].Wait() // its exit status is the signal
	s.nodes[victim] = nil
	if _, err := s.hullmark("consumer", 0, "verify", "-q", s.repository+":v1"); err != nil {
		return err
	}
	s.good("verification goes on")
	if _, err := s.hullmark("publisher", 0, "publish", s.repository+":v3", "--digest", s.genuine.digest, "--size", s.genuine.size); err != nil {
		return err
	}
	if _, err := s.hullmark("consumer", 0, "verify", "-q", s.repository+":v3"); err != nil {
		return err
	}
	s.good("publishing goes on: three of four validators are more than two thirds")
	return nil
}
