package bundle_test

import (
	"crypto/sha256"
	"errors"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/proto"
)

// TestHeld: what the reader holds is left out and put back; a node that leaves out
// anything else is found out.
func TestHeld(t *testing.T) {
	s := newStory(t)
	req := ref(app + ":1.0")
	honest := s.Newest().Bundle(req)
	file := honest.GetTargets()[0]
	digest := sha256.Sum256(file)
	held := map[[32]byte][]byte{digest: file}
	verify := func(b *proto.Bundle) error {
		_, _, err := bundle.Verify(b, req, s.memory(), s.Now(), bundle.DefaultPolicy())
		return err
	}
	b := protobuf.Clone(honest).(*proto.Bundle)
	bundle.LeaveOut(b, [][32]byte{{1}, digest})
	if len(b.GetTargets()[0]) != 0 || len(b.GetHeld()) != 1 {
		t.Fatal("the file was not left out")
	}
	if err := verify(b); !errors.Is(err, bundle.ErrMalformed) {
		t.Errorf("verified without the file: %v", err)
	}
	if err := bundle.PutBack(b, held); err != nil || !protobuf.Equal(b, honest) {
		t.Errorf("put back: %v", err)
	}
	if err := verify(b); err != nil {
		t.Error(err)
	}
	for _, lie := range []struct {
		name string
		tell func(b *proto.Bundle)
		held map[[32]byte][]byte
	}{
		{"file that is not held", func(b *proto.Bundle) { bundle.LeaveOut(b, [][32]byte{digest}) }, nil},
		{"more than is missing", func(b *proto.Bundle) { b.Held = [][]byte{digest[:]} }, held},
		{"less than is missing", func(b *proto.Bundle) {
			bundle.LeaveOut(b, [][32]byte{digest})
			b.Targets = append(b.Targets, nil)
		}, held},
		{"half a digest", func(b *proto.Bundle) {
			bundle.LeaveOut(b, [][32]byte{digest})
			b.Held[0] = b.GetHeld()[0][1:]
		}, held},
	} {
		t.Run(lie.name, func(t *testing.T) {
			b := protobuf.Clone(honest).(*proto.Bundle)
			lie.tell(b)
			if err := bundle.PutBack(b, lie.held); !errors.Is(err, bundle.ErrMalformed) {
				t.Errorf("error %v", err)
			}
		})
	}
	// Another file under the digest of one that is held does not verify.
	b = protobuf.Clone(honest).(*proto.Bundle)
	bundle.LeaveOut(b, [][32]byte{digest})
	if err := bundle.PutBack(b, map[[32]byte][]byte{digest: s.Source(2).Bundle(req).GetTargets()[0]}); err != nil {
		t.Fatal(err)
	}
	if err := verify(b); !errors.Is(err, bundle.ErrTargets) {
		t.Errorf("another file: %v", err)
	}
}
