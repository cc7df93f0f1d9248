package query_test

import (
	"fmt"
	"log"

	"hullmark/query"
	"hullmark/reference"
)

// A question has one form, whoever asks it. Nodes need not send what a client holds.
func ExampleEncode() {
	ref, err := reference.ParseReference("alpine:3")
	if err != nil {
		log.Fatal(err)
	}
	path, values := query.Encode(query.Of(ref), query.Known{TrustedHeight: 1000, RootVersion: 2})
	fmt.Println(path + "?" + values.Encode())

	question, known, err := query.Parse(path, values) // as a node does
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(question.Kind(), question, known.TrustedHeight)
	// Output:
	// /v1/resolve?ref=docker.io%2Flibrary%2Falpine%3A3&root_version=2&trusted_height=1000
	// tag docker.io/library/alpine:3 1000
}
