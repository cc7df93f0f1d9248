package bundle_test

import (
	"fmt"
	"log"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/query"
	"hullmark/reference"
)

// Verify an answer that came from anywhere: a node, a mirror, a file. It proves itself from
// a trust anchor.
func ExampleVerify() {
	data, anchor, clock, end := exampleAnswer() // what somebody sent, and what you trust
	defer end()

	ref, err := reference.ParseReference("registry.example.com/app:1.0")
	if err != nil {
		log.Fatal(err)
	}
	answer, err := bundle.Decode(data)
	if err != nil {
		log.Fatal(err)
	}
	memory := bundle.NewMemory(anchor)
	result, memory, err := bundle.Verify(answer, query.Of(ref), memory, clock(), bundle.DefaultPolicy())
	if err != nil {
		log.Fatal(err) // a *bundle.Denial is a proven no
	}
	fmt.Println(result.Reference())
	fmt.Println("known from now on: state", memory.StateHeight()) // keep it: older answers are refused
	// Output:
	// registry.example.com/app@sha256:7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed
	// known from now on: state 2
}

// exampleAnswer is what a node answers about registry.example.com/app:1.0.
func exampleAnswer() (data []byte, anchor *bundle.Anchor, clock func() time.Time, end func()) {
	example := new(fixture.Example)
	chain := bundletest.NewChain(example, fixture.NewConsortium(example, 4))
	publisher := chain.NewPublisher("registry.example.com/app")
	chain.Commit(publisher.Register(chain.Operators[0]))
	chain.Commit(publisher.Publish(1, fixture.Tags{"1.0": "one"}))
	chain.Commit()
	data, err := bundle.Encode(chain.Newest().Bundle(bundletest.Request("registry.example.com/app:1.0")))
	if err != nil {
		example.Fatal(err)
	}
	return data, chain.Anchor(1), chain.Now, example.End
}
