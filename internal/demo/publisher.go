package main

import (
	"fmt"
	"strings"
)

// register makes the publisher's keys and first root, which the operator admits.
func register(s *stage) error {
	args := []string{"trust", "import", s.path("trust.json")}
	for _, url := range s.network.URLs() {
		args = append(args, "--node", url)
	}
	for _, step := range [][]string{
		args,
		{"key", "generate", "offline"},
		{"key", "generate", "tagging"},
	} {
		if _, err := s.hullmark("publisher", 0, step...); err != nil {
			return err
		}
	}
	out, err := s.hullmark("publisher", 0, "repo", "init", s.repository, "--root-key", "offline", "--targets-key", "tagging", "-o", s.path("app.request"))
	if err != nil {
		return err
	}
	_, digest, _ := strings.Cut(out, "SHA-256 ")
	digest, _, _ = strings.Cut(digest, "\n")
	s.say("The publisher tells the operator the root's SHA-256, by telephone, say. The operator registers that root with its own key, and no other:")
	if _, err := s.hullmark("publisher", 0, "operator", "register", s.path("app.request"), "--key", s.network.Operators[0].KeyFile, "--expect-digest", digest); err != nil {
		return err
	}
	s.good("no trust on first use: the first root a client sees is the registered one")
	return nil
}

// publish signs what the tag means, with the digest the registry has.
func publish(s *stage) error {
	out, err := s.hullmark("publisher", 0, "publish", s.repository+":v1")
	if err != nil {
		return err
	}
	if !strings.Contains(out, s.genuine.digest) {
		return fmt.Errorf("another digest was published")
	}
	s.good("checked and recorded by more than two thirds of the validators")
	return nil
}

// verify asks as somebody who has nothing but the trust anchor.
func verify(s *stage) error {
	args := []string{"trust", "import", s.path("trust.json")}
	for _, url := range s.network.URLs() {
		args = append(args, "--node", url)
	}
	if _, err := s.hullmark("consumer", 0, args...); err != nil {
		return err
	}
	out, err := s.hullmark("consumer", 0, "verify", s.repository+":v1")
	if err != nil {
		return err
	}
	if !strings.Contains(out, s.genuine.digest) {
		return fmt.Errorf("another digest was verified")
	}
	s.good("every line above was checked on this side, signatures included")
	return nil
}
