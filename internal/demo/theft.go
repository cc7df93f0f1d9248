package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stolenKey lets a thief publish with the publisher's tagging key, and the publisher
// switch off what he did with the root key alone.
func stolenKey(s *stage) error {
	if err := s.steal("tagging"); err != nil {
		return err
	}
	evil, err := s.push("v1", map[string][]byte{"hullmark": []byte("#!/bin/sh\necho stolen\n")})
	if err != nil {
		return err
	}
	s.say("The thief has the tagging key and its passphrase, and says that v1 means his image:")
	if _, err := s.hullmark("thief", 0, "publish", s.repository+":v1"); err != nil {
		return err
	}
	out, err := s.hullmark("consumer", 0, "verify", "-q", s.repository+":v1")
	if err != nil {
		return err
	}
	if !strings.Contains(out, evil.digest) {
		return fmt.Errorf("not the thief's image was verified")
	}
	s.say("It verifies: who holds the key speaks for the publisher. But nothing can be hidden, and the")
	s.say("key that was kept off line ends it:")
	for _, step := range [][]string{
		{"history", s.repository, "--limit", "1"},
		{"key", "generate", "tagging2"},
		{"repo", "rotate", s.repository, "--targets-key", "tagging2"},
	} {
		if _, err := s.hullmark("publisher", 0, step...); err != nil {
			return err
		}
	}
	if _, err := s.hullmark("consumer", exitNotTrusted, "verify", "-q", s.repository+":v1"); err != nil {
		return err
	}
	s.good("refused: one rotation switched off all that the stolen key ever signed")
	if _, err := s.hullmark("thief", exitDeclined, "publish", s.repository+":v1"); err != nil {
		return err
	}
	s.good("the key is of no use any more")
	if _, err := s.hullmark("publisher", 0, "publish", s.repository+":v1", "--digest", s.genuine.digest, "--size", s.genuine.size); err != nil {
		return err
	}
	if out, err = s.hullmark("consumer", 0, "verify", "-q", s.repository+":v1"); err != nil {
		return err
	}
	if !strings.Contains(out, s.genuine.digest) {
		return fmt.Errorf("not the publisher's image was verified")
	}
	s.good("the publisher has the tag back, under the new key")
	return nil
}

// steal gives a thief a home with a copy of one of the publisher's keys.
func (s *stage) steal(key string) error {
	if err := s.join("thief", s.network.URLs()[0]); err != nil {
		return err
	}
	fmt.Printf("    $ mkdir -m 700 thief/keys && cp publisher/keys/%s.* thief/keys/\n", key)
	if err := os.MkdirAll(s.path("thief", "keys"), 0o700); err != nil {
		return err
	}
	for suffix, mode := range map[string]fs.FileMode{".key": 0o600, ".pub": 0o644} {
		b, err := os.ReadFile(s.path("publisher", "keys", key+suffix))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(s.path("thief", "keys"), key+suffix), b, mode); err != nil {
			return err
		}
	}
	return nil
}
