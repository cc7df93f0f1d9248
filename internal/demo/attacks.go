package main

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"time"

	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/liar"
	"hullmark/keystore"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// The exit codes the attacks must end with.
const (
	exitDeclined   = 1
	exitNotTrusted = 3
	exitAttack     = 4
	exitStale      = 6
)

// swapImage pushes another image under the published tag.
func swapImage(s *stage) error {
	evil, err := s.push("v1", map[string][]byte{"hullmark": []byte("#!/bin/sh\necho pwned\n")})
	if err != nil {
		return err
	}
	s.say("The registry now answers %s for v1.", evil.digest)
	if _, err := s.hullmark("consumer", exitAttack, "verify", s.repository+":v1", "--registry"); err != nil {
		return err
	}
	s.good("refused: the ledger decides what the tag means, not the registry")
	return nil
}

// absentTag asks for what nobody published.
func absentTag(s *stage) error {
	if _, err := s.hullmark("consumer", exitNotTrusted, "verify", s.repository+":v9"); err != nil {
		return err
	}
	s.good("refused, and proven absent rather than merely not found")
	return nil
}

// forgeSignature lets an operator of the consortium carry a targets file that
// claims to be signed by the publisher and is not.
func forgeSignature(s *stage) error {
	ctx := s.ctx
	home, err := client.OpenHome(s.path("consumer"))
	if err != nil {
		return err
	}
	c, err := client.New(client.Options{Nodes: s.network.URLs(), Store: home})
	if err != nil {
		return err
	}
	repository, err := reference.ParseRepository(s.repository)
	if err != nil {
		return err
	}
	current, _, err := c.Repository(ctx, repository)
	if err != nil {
		return err
	}
	forged, err := change.NextTargets(current.Targets.Binding, current.Targets, []change.TagChange{{
		Tag: reference.MustParseTag("v1"), Digest: reference.SumSHA256([]byte("evil")), Size: 4,
	}}, time.Now().Add(24*time.Hour).UTC().Truncate(time.Second))
	if err != nil {
		return err
	}
	forged, err = forged.AddSignatures(tuf.Signature{KeyID: current.Targets.Signers()[0], Sig: make([]byte, 64)})
	if err != nil {
		return err
	}
	rogue := s.network.Operators[1]
	key, err := openKey(s, rogue.ID)
	if err != nil {
		return err
	}
	defer key.Close()
	s.say("%s submits version %d of %s with v1 = %s, under the publisher's key id.", rogue.ID, forged.Version, s.repository, reference.SumSHA256([]byte("evil")))
	_, _, err = c.PublishFiles(ctx, rogue.ID, key, change.Update{Roles: []*tuf.Targets{forged}})
	if !errors.Is(err, record.CodeBadSignature) {
		return fmt.Errorf("the network answered with %w instead of refusing the signature", err)
	}
	s.say("the network: %v", err)
	s.good("refused by the network: an operator can carry files, not make them")
	return nil
}

func openKey(s *stage, name string) (*keystore.Key, error) {
	passphrase, err := os.ReadFile(s.network.PassphraseFile)
	if err != nil {
		return nil, err
	}
	return keystore.New(s.path("network", "operators")).Open(name, passphrase[:len(passphrase)-1])
}

// lyingNode is a node that answers honestly until it is told not to.
type lyingNode struct {
	*liar.Liar
	server *httptest.Server
}

func (l *lyingNode) close() { l.server.Close() }

// replayAnswer records a true answer, lets the tag move on, and replays it.
func replayAnswer(s *stage) error {
	l := liar.New(s.network.Nodes[0].URL)
	s.liar = &lyingNode{Liar: l, server: httptest.NewServer(l)}
	url := s.liar.server.URL
	l.Record(query.PathResolve)
	s.say("A node at %s answers, and keeps a copy of its true answer:", url)
	if _, err := s.hullmark("consumer", 0, "--node", url, "verify", "-q", s.repository+":v1"); err != nil {
		return err
	}
	recorded := time.Now()
	s.say("The publisher moves v1 to a new image, and the client learns of it from another node:")
	next, err := s.push("v1", map[string][]byte{"hullmark": []byte("version two")})
	if err != nil {
		return err
	}
	if _, err := s.hullmark("publisher", 0, "publish", s.repository+":v1"); err != nil {
		return err
	}
	if _, err := s.hullmark("consumer", 0, "verify", "-q", s.repository+":v1"); err != nil {
		return err
	}
	s.genuine = next
	l.Replay(query.PathResolve)
	s.say("Now the node replays its old answer, whose every proof is still right:")
	if _, err := s.hullmark("consumer", exitStale, "--node", url, "verify", "-q", s.repository+":v1"); err != nil {
		return err
	}
	s.good("refused: this client has seen a later state")
	const maxAge = 5 * time.Second
	if wait := maxAge + time.Second - time.Since(recorded); wait > 0 {
		time.Sleep(wait)
	}
	s.say("A client that has never been here before is protected by the age of the block:")
	if err := s.join("newcomer", url); err != nil {
		return err
	}
	if _, err := s.hullmark("newcomer", exitStale, "verify", "-q", s.repository+":v1", "--max-age", maxAge.String()); err != nil {
		return err
	}
	s.good("refused: too old (the default limit is a minute; this client asked for %s)", maxAge)
	return nil
}
