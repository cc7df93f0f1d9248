package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// A client keeps what it trusts in a home, and starts from a trust anchor.
func ExampleNew() {
	network, end := exampleNetwork() // for you: the addresses of a ledger's nodes, and its trust.json
	defer end()

	dir, err := os.MkdirTemp("", "home")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	home, err := client.OpenHome(dir)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := home.ImportAnchor(context.Background(), network.trustFile(), network.now()); err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Options{Nodes: network.urls(), Store: home, Now: network.now})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	result, _, err := c.Repository(context.Background(), network.app.Repository)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Repository, "was registered by", result.Registrant)
	// Output: registry.example.com/app was registered by op-0
}

// Ask what a tag means, and pull the digest.
func ExampleClient_Verify() {
	network, end := exampleNetwork()
	defer end()
	c := network.client()

	ref, err := reference.ParseReference("registry.example.com/app:1.0")
	if err != nil {
		log.Fatal(err)
	}
	result, _, warnings, err := c.Verify(context.Background(), query.Of(ref))
	for _, w := range warnings {
		log.Println(w) // a node that is behind, silent or lying; the answer is good all the same
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("pull", result.Reference())
	// Output: pull registry.example.com/app@sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed
}

// No is an answer with a proof, and something else than no answer.
func ExampleClassOf() {
	network, end := exampleNetwork()
	defer end()
	c := network.client()

	ref, err := reference.ParseReference("registry.example.com/app:2.0")
	if err != nil {
		log.Fatal(err)
	}
	_, _, _, err = c.Verify(context.Background(), query.Of(ref))
	switch client.ClassOf(err) {
	case bundle.ClassNone:
		fmt.Println("trusted")
	case bundle.NotTrusted:
		fmt.Println("proven:", errors.Is(err, bundle.ErrAbsentTag)) // do not pull
	case bundle.Attack:
		fmt.Println("an answer that no honest node gives:", err)
	case bundle.Stale:
		fmt.Println("nobody gives a fresh answer:", err) // ask again later
	case bundle.Other:
		fmt.Println("nothing was found out:", err)
	}
	// Output: proven: true
}

// Publish what a tag means. Somebody else may publish first: Publish goes on until the
// context ends.
func ExampleClient_Publish() {
	network, end := exampleNetwork()
	defer end()
	c, key := network.client(), network.app.TaggingKeys[0] // for you: of a keystore.Store

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tag, err := reference.ParseTag("2.0")
	if err != nil {
		log.Fatal(err)
	}
	published, err := c.Publish(ctx, client.Publication{
		Repository: network.app.Repository,
		Changes:    []change.TagChange{{Tag: tag, Digest: reference.SumSHA256([]byte("a manifest")), Size: 10}},
		Expires:    network.now().AddDate(0, 3, 0),
		Signers:    []tuf.Signer{key},
		Submitter:  submitter{key},
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Await(ctx, published.Request, published.Transaction); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("version %d of %s lists %d tags\n", published.Files[0].Version, published.Files[0].Binding.Role, len(published.Files[0].Targets))
	// Output: version 3 of targets lists 3 tags
}

// Revoke an image: nobody who asks is told to trust it from then on, under whatever tag.
func ExampleClient_Do() {
	network, end := exampleNetwork()
	defer end()
	c, root := network.client(), network.app.RootKeys[0]

	order := client.StatementOrder(network.app.Repository, change.StatementChange{
		Action: record.ActionRevoke, Role: tuf.RoleRoot, Reason: record.ReasonVulnerable,
		Digests: []reference.Digest{fixture.Digest("one")},
	})
	if _, err := c.Do(context.Background(), change.RequestRevoke, ring{root}, order); err != nil {
		log.Fatal(err)
	}
	ref, err := reference.ParseReference("registry.example.com/app:1.0")
	if err != nil {
		log.Fatal(err)
	}
	_, _, _, err = c.Verify(context.Background(), query.Of(ref))
	fmt.Println("revoked:", errors.Is(err, bundle.ErrRevoked))
	// Output: revoked: true
}

// Rotate the tagging key: nothing that only the old key has signed counts any more, but what
// is adopted by name.
func ExampleClient_Do_rotate() {
	network, end := exampleNetwork()
	defer end()
	c, root, fresh := network.client(), network.app.RootKeys[0], network.newKey("tagging2")

	adopt, err := change.ParseItem("1.0@" + fixture.Digest("one").String())
	if err != nil {
		log.Fatal(err)
	}
	order := client.Order{
		Repository: network.app.Repository,
		Draft: func(current *change.Current, _ *change.RequestPart) (*change.RequestPart, error) {
			part, _, err := change.Rotate(current, change.RootChange{
				Targets: change.Holders{Keys: []keys.PublicKey{fresh.PublicKey()}},
				Expires: network.now().AddDate(1, 0, 0),
			}, change.Adoption{Adopt: []change.Item{adopt}, DropRest: true}, network.now().AddDate(0, 3, 0))
			return part, err
		},
	}
	done, err := c.Do(context.Background(), change.RequestRotate, ring{root, fresh}, order)
	if err != nil {
		log.Fatal(err)
	}
	part := done.Parts[0]
	fmt.Printf("root %d, %d tag left\n", part.NewRoots[0].Version, len(part.NewRoles[0].Targets))
	// Output: root 2, 1 tag left
}

// exampleNetwork is a ledger in this process with four nodes that answer, and a publisher.
func exampleNetwork() (*network, func()) {
	example := new(fixture.Example)
	return newNetwork(example, 4), example.End
}

// trustFile is what an operator gives to users.
func (n *network) trustFile() []byte {
	n.tb.Helper()
	b, err := n.anchor().Encode()
	if err != nil {
		n.tb.Fatal(err)
	}
	return b
}

func (n *network) newKey(name string) *fixture.Key {
	return fixture.NewKey(n.tb, keys.KeytypeEd25519, name)
}
