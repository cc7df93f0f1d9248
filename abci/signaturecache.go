package abci

import (
	"crypto/sha256"
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"hullmark/keys"
)

// signatureCacheSize is how many facts are remembered, 32 bytes each. It covers
// a full mempool of 5,000 transactions with a few signatures each, so that a
// block's signatures are rarely verified again after CheckTx.
const signatureCacheSize = 1 << 16

// signatureCache verifies signatures and remembers which ones verified. "This key
// signed these bytes" is true for ever and depends on no state, so a hit changes
// no verdict; failures are not remembered. Who asks for what is being verified
// waits for that verdict. It is safe for concurrent use.
type signatureCache struct {
	facts   *lru.Cache[[32]byte, struct{}]
	metrics *Metrics

	mu       sync.Mutex
	inFlight map[[32]byte]*verification
}

// verification is a signature check that somebody computes.
type verification struct {
	done chan struct{} // closed when err is set
	err  error
}

func newSignatureCache(m *Metrics) (*signatureCache, error) {
	facts, err := lru.New[[32]byte, struct{}](signatureCacheSize)
	if err != nil {
		return nil, fmt.Errorf("couldn't make signature cache: %w", err)
	}
	return &signatureCache{facts: facts, metrics: m, inFlight: make(map[[32]byte]*verification)}, nil
}

// Verify implements keys.Verifier.
func (c *signatureCache) Verify(key keys.PublicKey, message, signature []byte) error {
	id, digest := key.Material(), sha256.Sum256(message)
	h := sha256.New()
	h.Write(id[:])
	h.Write(digest[:])
	h.Write(signature)
	fact := [32]byte(h.Sum(nil))

	c.mu.Lock()
	if _, known := c.facts.Get(fact); known {
		c.mu.Unlock()
		c.metrics.signature("cached")
		return nil
	}
	if v, running := c.inFlight[fact]; running {
		c.mu.Unlock()
		<-v.done
		c.metrics.signature("cached")
		return v.err
	}
	v := &verification{done: make(chan struct{}), err: keys.ErrSignature}
	c.inFlight[fact] = v
	c.mu.Unlock()

	defer func() { // also when it panics: those who wait get an error
		c.mu.Lock()
		if v.err == nil {
			c.facts.Add(fact, struct{}{})
		}
		delete(c.inFlight, fact)
		c.mu.Unlock()
		close(v.done)
	}()
	if v.err = (keys.Direct{}).Verify(key, message, signature); v.err != nil {
		c.metrics.signature("failed")
		return v.err
	}
	c.metrics.signature("verified")
	return nil
}
