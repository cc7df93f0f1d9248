package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
)

func decided(s *submission) bool {
	select {
	case <-s.decided:
		return true
	default:
		return false
	}
}

// TestSubmissions: equal bytes share one place, a block tells those it concerns,
// and nothing is left when everybody has gone.
func TestSubmissions(t *testing.T) {
	s := newSubmissions()
	a, b, c := []byte("a"), []byte("b"), []byte("c")
	first, is := s.join(sha256.Sum256(a))
	if !is {
		t.Fatal("the first does not offer it")
	}
	second, is := s.join(sha256.Sum256(a))
	if is || second != first {
		t.Fatal("equal bytes do not share a submission")
	}
	other, _ := s.join(sha256.Sum256(b))
	refused, _ := s.join(sha256.Sum256(c))
	s.drop(sha256.Sum256(c), refused)
	if _, is := s.join(sha256.Sum256(c)); !is {
		t.Error("what was refused is not offered again")
	}
	s.leave(sha256.Sum256(a), first)
	s.block(7, cmttypes.Txs{c, a}, []*cmtabci.ExecTxResult{{}, {Code: 5}})
	if !decided(first) || first.height != 7 || first.result.Code != 5 || decided(other) {
		t.Errorf("after its block: %+v", first)
	}
	if again, is := s.join(sha256.Sum256(a)); !is || again == first {
		t.Error("a decided submission is joined")
	} else {
		// Whoever shared the old one does not end the new one.
		s.leave(sha256.Sum256(a), second)
		if s.open[sha256.Sum256(a)] != again {
			t.Error("a new submission is forgotten with an old one")
		}
		s.leave(sha256.Sum256(a), again)
	}
	s.fail(errMissed)
	if !decided(other) || !errors.Is(other.lost, errMissed) {
		t.Errorf("after blocks were missed: %+v", other)
	}
	if len(s.open) != 0 {
		t.Errorf("%d left", len(s.open))
	}
}

// TestSubmissionsMissBlocks: a node that cannot follow its own blocks sends those
// who wait away and goes on with later ones.
func TestSubmissionsMissBlocks(t *testing.T) {
	bus := cmttypes.NewEventBus()
	if err := bus.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := newSubmissions()
	if err := s.follow(ctx, bus); err != nil {
		t.Fatal(err)
	}
	tx := cmttypes.Tx("x")
	publish := func(height int64) {
		t.Helper()
		err := bus.PublishEventNewBlock(cmttypes.EventDataNewBlock{
			Block:               &cmttypes.Block{Header: cmttypes.Header{Height: height}, Data: cmttypes.Data{Txs: cmttypes.Txs{tx}}},
			ResultFinalizeBlock: cmtabci.ResponseFinalizeBlock{TxResults: []*cmtabci.ExecTxResult{{}}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	wait := func(sub *submission) {
		t.Helper()
		select {
		case <-sub.decided:
		case <-time.After(30 * time.Second):
			t.Fatal("nobody is told")
		}
	}
	sub, _ := s.join(sha256.Sum256(tx))
	s.mu.Lock() // it cannot look through any block
	for h := range int64(blockBuffer + 3) {
		publish(h + 1)
	}
	s.mu.Unlock()
	wait(sub)
	// It goes on as soon as it has subscribed again.
	for h := int64(1000); ; h++ {
		if h == 4000 {
			t.Fatal("no block is seen any more")
		}
		sub, _ := s.join(sha256.Sum256(tx))
		publish(h)
		select {
		case <-sub.decided:
		case <-time.After(10 * time.Millisecond):
			s.leave(sha256.Sum256(tx), sub)
			continue
		}
		if sub.lost == nil {
			break
		}
	}
	sub, _ = s.join(sha256.Sum256(tx))
	cancel()
	wait(sub)
	if sub.lost == nil {
		t.Error("not told that nobody follows blocks any more")
	}
}

// TestSharedSubmission: the requests that bring the same bytes share one place,
// and all get the answer.
func TestSharedSubmission(t *testing.T) {
	h, c := newHome(t, 4) // without a quorum: nothing is decided
	n := openHome(t, h, func(c *Config) { c.HTTP.SubmitTimeout = 2 * time.Second })
	url := start(t, n)
	tx := c.NewPublisher("registry.example.com/app").Register(c.Operators[0])
	replies := make(chan reply, 6)
	for range cap(replies) {
		go func() { replies <- post(t, url, tx) }()
	}
	hash := sha256.Sum256(tx)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		n.submissions.mu.Lock()
		sub := n.submissions.open[hash]
		all := sub != nil && sub.users == cap(replies) && len(n.submissions.open) == 1
		n.submissions.mu.Unlock()
		if all {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("they do not share a submission")
		}
	}
	for range cap(replies) {
		if r := <-replies; r.status != http.StatusGatewayTimeout {
			t.Errorf("status %d", r.status)
		}
	}
	n.submissions.mu.Lock()
	defer n.submissions.mu.Unlock()
	if len(n.submissions.open) != 0 {
		t.Error("it is not forgotten")
	}
}
