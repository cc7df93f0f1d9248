package change_test

import (
	"fmt"
	"log"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/tuf"
)

// Make a repository's first root on one machine, and sign it on another that has no network:
// a request is a file that says all there is to know.
func ExampleRequest_Sign() {
	example := new(fixture.Example)
	consortium := fixture.NewConsortium(example, 4)
	publisher := consortium.NewPublisher("registry.example.com/app")
	rootKey, taggingKey := publisher.RootKeys[0], publisher.TaggingKeys[0]

	root, err := change.FirstRoot(publisher.Binding(tuf.RoleRoot), consortium.NotaryKeys(), change.RootChange{
		Root:    change.Holders{Keys: []keys.PublicKey{rootKey.PublicKey()}, Threshold: 1},
		Targets: change.Holders{Keys: []keys.PublicKey{taggingKey.PublicKey()}, Threshold: 1},
		Expires: publisher.Expires,
	})
	if err != nil {
		log.Fatal(err)
	}
	request, err := change.NewRegisterRequest(root)
	if err != nil {
		log.Fatal(err)
	}
	file, err := request.Encode() // travels to the machine with the key
	if err != nil {
		log.Fatal(err)
	}

	received, err := change.DecodeRequest(file)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range received.Review(nil) {
		fmt.Printf("root %d of %s, %d key may tag\n", r.Root.Version, r.Repository, len(r.Root.Roles.Targets.KeyIDs))
	}
	signed, err := received.Sign(rootKey)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("complete:", signed.Complete() == nil)
	// Output:
	// root 1 of registry.example.com/app, 1 key may tag
	// complete: true
}
