package client

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// Submit sends a transaction to nodes until it is proven to be in a block, and
// returns where. Sending the same bytes more than once is harmless: the ledger
// takes them once.
//
// When the ledger rejects the transaction the error is a *record.Rejection, so
// that errors.Is(err, record.CodeStaleScope) and the like hold. A rejection is not
// proven by anything; two nodes must agree on it, where there are two. When nodes may
// have taken it and none proved what became of it the error is an *UncertainError,
// which wraps the rejection that one node alone gave.
func (c *Client) Submit(ctx context.Context, tx []byte) (*proto.TransactionResponse, []Warning, error) {
	if len(c.nodes) == 0 {
		return nil, nil, fmt.Errorf("couldn't submit transaction: %w", ErrNoNodes)
	}
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't submit transaction: %w", err)
	}
	s := &submission{client: c, tx: tx, nodes: c.order(hex.EncodeToString(env.Hash[:]))}
	r, err := s.run(ctx)
	if err != nil && s.unsure && !s.agreed {
		err = &UncertainError{Hash: env.Hash, Err: err}
	}
	if err != nil {
		return nil, s.failures, fmt.Errorf("couldn't submit transaction: %w", err)
	}
	return r, s.failures, nil
}

// submission is one transaction on its way.
type submission struct {
	client *Client
	tx     []byte
	nodes  []string
	// failures of the round that runs.
	failures []Warning
	// rejection is what one node said so far, and by which node.
	rejection  *record.Rejection
	rejectedBy string
	// wish is the shortest time that a node of this round asked to wait, zero if none
	// did: one that names a long one holds nobody up that has another node to ask.
	wish time.Duration
	// unsure says that a node may have taken the transaction, agreed that two nodes gave
	// one reason why the ledger rejects it. A quota refills, so nobody agrees on that.
	unsure, agreed bool
}

// run tries all nodes in order, and again after a pause for as long as one of
// them is only busy.
func (s *submission) run(ctx context.Context) (*proto.TransactionResponse, error) {
	for round := 0; ; round++ {
		s.failures, s.wish = nil, 0
		busy := false
		var refills *record.Rejection
		for _, node := range s.nodes {
			r, err := s.try(ctx, node)
			var rejected *record.Rejection
			switch {
			case err == nil:
				return r, nil
			case final(err):
				return nil, err
			case interrupted(ctx, err) != nil:
				return nil, interrupted(ctx, err)
			case errors.As(err, &rejected) && rejected.Code == record.CodeQuota:
				refills = rejected
			case errors.As(err, &rejected):
				if s.confirmed(node, rejected) {
					return nil, rejected
				}
			case errors.Is(err, ErrUnavailable), errors.Is(err, ErrNotCommitted):
				busy = true
			}
			s.failures = append(s.failures, Warning{Node: node, Class: ClassOf(err), Err: err})
		}
		if s.rejection != nil && (!busy || round > 0) {
			// Nobody contradicts the only node that judged, and the others have had
			// their time.
			return nil, s.rejection
		}
		if refills != nil {
			// A quota is used up for now: it refills with the blocks.
			if round == maxQuotaRounds-1 {
				return nil, refills
			}
		} else if !busy || round == maxRounds-1 {
			return nil, &NodesError{Failures: s.failures}
		}
		if err := s.pause(ctx, round); err != nil {
			return nil, err
		}
	}
}

// pause waits before the next round, as long as the nodes ask for. When the caller's
// time ends meanwhile, the error says what was waited for.
func (s *submission) pause(ctx context.Context, round int) error {
	c := s.client
	d := c.backoff(round, s.wish)
	if c.waiting != nil {
		c.waiting(d, s.failures)
	}
	err := c.sleep(ctx, d)
	if err != nil && s.wish > 0 {
		return fmt.Errorf("%w, in a pause of %s that was asked for: %w", err, d.Round(time.Second), &NodesError{Failures: s.failures})
	}
	return err
}

// confirmed reports whether a second node gives the same code as the first, or
// there is no second one.
func (s *submission) confirmed(node string, r *record.Rejection) bool {
	s.agreed = s.rejection != nil && s.rejectedBy != node && s.rejection.Code == r.Code
	if s.agreed || len(s.nodes) == 1 {
		return true
	}
	s.rejection, s.rejectedBy = r, node
	return false
}

// try sends the transaction to one node and checks what it answers.
func (s *submission) try(ctx context.Context, node string) (*proto.TransactionResponse, error) {
	c := s.client
	answer, sent, err := c.post(ctx, node, query.PathSubmit, s.tx, maxMessage)
	if err != nil {
		var e *HTTPError
		if !errors.As(err, &e) {
			s.unsure = s.unsure || sent
			return nil, err
		}
		s.unsure = s.unsure || e.vague()
		if e.RetryAfter > 0 && (s.wish == 0 || e.RetryAfter < s.wish) {
			s.wish = e.RetryAfter
		}
		if e.LedgerCode != 0 {
			return nil, record.ReadRejection(record.Code(e.LedgerCode), e.Message)
		}
		return nil, err
	}
	s.unsure = true // it says so; what follows proves it
	r := new(proto.TransactionResponse)
	if err := decodeMessage(answer, r); err != nil {
		return nil, err
	}
	if r.GetHeight() == 0 {
		return nil, fmt.Errorf("%w: transaction at height 0", bundle.ErrTransaction)
	}
	header, err := s.header(ctx, node, r.GetHeight())
	if err != nil {
		return nil, err
	}
	if err := bundle.VerifyTransaction(s.tx, r, header); err != nil {
		return nil, err
	}
	return r, nil
}

// header returns the verified header of a height, from the node that claims the
// transaction is there, or from another.
func (s *submission) header(ctx context.Context, node string, height uint64) (*types.Header, error) {
	others := slices.DeleteFunc(slices.Clone(s.nodes), func(other string) bool { return other == node })
	lb, warnings, err := s.client.lightBlock(ctx, append([]string{node}, others...), height)
	if err != nil {
		return nil, err
	}
	s.failures = append(s.failures, warnings...)
	return lb.Header, nil
}
