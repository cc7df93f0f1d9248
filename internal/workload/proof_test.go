package workload

import (
	"slices"
	"testing"

	"hullmark/keys"
)

// TestProof: what is measured does what it is said to do.
func TestProof(t *testing.T) {
	for _, validators := range []int{4, 100} {
		p := NewProof(t, validators, 10)
		answer, err := p.Answer()
		if err == nil {
			err = p.Verify(answer)
		}
		if err == nil {
			err = p.Judge(keys.Direct{})
		}
		if err != nil {
			t.Errorf("%d validators: %v", validators, err)
		}
		broken := slices.Clone(answer)
		broken[len(broken)/2] ^= 1
		if p.Verify(broken) == nil {
			t.Errorf("%d validators: an answer with a flipped bit verifies", validators)
		}
	}
}
