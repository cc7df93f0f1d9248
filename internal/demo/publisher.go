package main

import (
	"fmt"
	"regexp"
	"strings"
)

// register makes the publisher's keys and first root, which the operator admits after
// comparing its digest with what the publisher says.
func register(s *stage) error {
	if err := s.join("publisher", s.network.URLs()...); err != nil {
		return err
	}
	for _, key := range []string{"offline", "tagging"} {
		if _, err := s.hullmark("publisher", 0, "key", "generate", key); err != nil {
			return err
		}
	}
	init := []string{"repo", "init", s.repository, "--root-key", "offline", "--targets-key", "tagging", "-o", "app.request"}
	out, err := s.hullmark("publisher", 0, init...)
	if err != nil {
		return err
	}
	digest := regexp.MustCompile("[0-9a-f]{64}").FindString(out)
	if err := s.strangersRequest(); err != nil {
		return err
	}
	if err := s.join("operator-0", s.network.URLs()[0]); err != nil {
		return err
	}
	key := s.network.Operators[0].KeyFile
	s.say("The publisher reads the root's SHA-256 to the operator over the phone. A stranger was faster,")
	s.say("and sent a request of his own for the name:")
	if _, err := s.hullmark("operator-0", exitDeclined, "operator", "register", "stranger.request", "--key", key, "--expect-digest", digest); err != nil {
		return err
	}
	s.good("refused before anything was signed: it is not what the publisher made")
	if _, err := s.hullmark("operator-0", 0, "operator", "register", "app.request", "--key", key, "--expect-digest", digest); err != nil {
		return err
	}
	s.good("no trust on first use: the first root a client sees is the registered one")
	return nil
}

// join gives somebody a home with the trust anchor and nodes to ask. What the command
// says is shown once, to the consumer: it is the same for all.
func (s *stage) join(who string, urls ...string) error {
	args := []string{"--home", who, "trust", "import", "trust.json"}
	for _, url := range urls {
		args = append(args, "--node", url)
	}
	run := s.command
	if who != "consumer" {
		s.show("hullmark", args)
		run = s.quietly
	}
	_, err := run("hullmark", args, 0)
	return err
}

// strangersRequest makes another request for the same name, with keys of a stranger.
func (s *stage) strangersRequest() error {
	for _, args := range [][]string{
		{"trust", "import", "trust.json", "--node", s.network.URLs()[0]},
		{"key", "generate", "mine"},
		{"key", "generate", "mine-too"},
		{"repo", "init", s.repository, "--root-key", "mine", "--targets-key", "mine-too", "-o", "stranger.request"},
	} {
		if _, err := s.quietly("hullmark", append([]string{"--home", "stranger"}, args...), 0); err != nil {
			return err
		}
	}
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
	if err := s.join("consumer", s.network.URLs()...); err != nil {
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

// revoke takes the first image out of circulation, which no tag means any more.
func revoke(s *stage) error {
	first := s.repository + "@" + s.first.digest
	s.say("The first image turns out to be vulnerable. Whoever has its digest pinned would go on using it:")
	if _, err := s.hullmark("publisher", 0, "revoke", first, "--reason", "vulnerable", "--note", "CVE-2026-0001"); err != nil {
		return err
	}
	if _, err := s.hullmark("consumer", exitNotTrusted, "verify", "-q", first); err != nil {
		return err
	}
	s.good("refused, with the reason, signed by the publisher")
	return nil
}
