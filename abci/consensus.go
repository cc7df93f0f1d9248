package abci

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/ledger"
	"hullmark/record"
)

// noRoom is how many transactions may find no room in a block until it counts as
// full. Smaller ones may fit where a large one did not.
const noRoom = 64

// PrepareProposal builds a block out of waiting transactions: first emergencies,
// within the room kept for them, then the others, both in turns by repository, then
// what else the mempool offers, in its order. It keeps those that pass in this order,
// at this block's time, within its bounds; the rest wait or fall out at the next
// recheck. What is refused for its content costs what one that is taken does: it may take
// as much work as a block. The mempool offers one block's worth from its front, which one
// publisher can fill, so what waits is known here too.
func (a *Application) PrepareProposal(_ context.Context, req *cmtabci.RequestPrepareProposal) (*cmtabci.ResponsePrepareProposal, error) {
	defer a.guard("PrepareProposal")
	s := a.begin(req.Height, req.Time)
	defer s.Close()
	resp := new(cmtabci.ResponsePrepareProposal)
	var size int64
	taken := make(map[string]bool)
	refused := make(map[string]bool) // subjects of what was refused for its content
	take := func(txs [][]byte, limit int64) {
		missed := 0
		for _, tx := range txs {
			if missed == noRoom || s.RefusedWork() > s.Params().MaxBlockWork {
				return
			}
			if taken[string(tx)] {
				continue
			}
			// The engine counts a transaction with its framing in the block.
			framed := cmttypes.ComputeProtoSizeForTxs([]cmttypes.Tx{tx})
			if size+framed > limit {
				missed++
				continue
			}
			env, err := record.ReadEnvelope(tx)
			if err != nil || slices.ContainsFunc(subjects(env), func(s string) bool { return refused[s] }) {
				continue
			}
			out, err := s.ApplyEnvelope(env, a.cache)
			if err == nil {
				a.judged.add(out.Envelope.Hash)
				size += framed
				resp.Txs = append(resp.Txs, tx)
				taken[string(tx)] = true
				continue
			}
			switch code := record.Code(a.result(nil, err).Code); {
			case code == record.CodeWork:
				missed++
			case code > record.CodeWork:
				// A rotation in this block may have changed what the content is judged by.
				// What else waits about the same would cost as much.
				for _, s := range subjects(env) {
					refused[s] = true
				}
			}
		}
	}
	emergencies, others := a.nowWaiting().inTurn()
	take(emergencies, min(req.MaxTxBytes, emergencyBytes))
	take(others, req.MaxTxBytes)
	// An emergency that builds on one of the others has another chance here.
	take(req.Txs, req.MaxTxBytes)
	return resp, nil
}

// ProcessProposal accepts a block only if every transaction in it is valid where
// it stands. This is what makes inclusion imply validity: more than two thirds of
// the validators came to this verdict themselves.
func (a *Application) ProcessProposal(_ context.Context, req *cmtabci.RequestProcessProposal) (*cmtabci.ResponseProcessProposal, error) {
	defer a.guard("ProcessProposal")
	if index, err := a.judgeProposal(req.Height, req.Time, req.Txs); err != nil {
		r := a.result(nil, err)
		a.metrics.proposalRejected()
		a.log.Warn("rejecting proposal", "height", req.Height, "index", index, "code", r.Code, "reason", r.Log)
		return &cmtabci.ResponseProcessProposal{Status: cmtabci.ResponseProcessProposal_REJECT}, nil
	}
	return &cmtabci.ResponseProcessProposal{Status: cmtabci.ResponseProcessProposal_ACCEPT}, nil
}

// judgeProposal judges a proposal and returns which transaction is refused first, as far
// as it looked, and why. Who proposes is not trusted: what costs least comes first, and
// nothing is looked at once something was refused.
func (a *Application) judgeProposal(height int64, blockTime time.Time, txs [][]byte) (int, error) {
	envs := make([]*record.Envelope, len(txs))
	for i, tx := range txs {
		var err error
		if envs[i], err = record.ReadEnvelope(tx); err != nil {
			return i, err
		}
	}
	s := a.begin(height, blockTime)
	defer s.Close()
	if err := s.CheckWork(envs); err != nil {
		return 0, err
	}
	ahead := a.verifyAhead(envs)
	defer ahead.stop()
	for i, env := range envs {
		if bad, ok := ahead.found(); ok {
			return bad, record.Reject(record.CodeSubmitterSignature, "by key %s", envs[bad].Header.Submitter.ID())
		}
		out, err := s.ApplyEnvelope(env, a.cache)
		if err != nil {
			return i, err
		}
		a.judged.add(out.Envelope.Hash)
	}
	return 0, nil
}

// FinalizeBlock computes what a decided block does and returns the app hash. It
// writes nothing: until Commit a crash leaves the height before, and CometBFT
// gives the block again.
func (a *Application) FinalizeBlock(_ context.Context, req *cmtabci.RequestFinalizeBlock) (*cmtabci.ResponseFinalizeBlock, error) {
	defer a.guard("FinalizeBlock")
	a.preverify(req.Height, req.Time, req.Txs) // a block this node saw no proposal of
	s := a.begin(req.Height, req.Time)
	defer s.Close()
	s.SetNextValidators(req.NextValidatorsHash)
	for _, m := range req.Misbehavior {
		b := a.misbehaviors.add(m)
		a.metrics.misbehaved(b.Operator)
		a.log.Error("a validator signed two blocks of one height: its key is in two places, or it is hostile",
			"operator", b.Operator, "type", m.Type.String(), "address", b.Address, "height", m.Height)
	}
	a.metrics.decided(req.Time)
	a.applied = nil
	resp := &cmtabci.ResponseFinalizeBlock{TxResults: make([]*cmtabci.ExecTxResult, 0, len(req.Txs))}
	for _, tx := range req.Txs {
		// Only a block that two thirds accepted comes here, so a rejection means
		// that they are faulty; the verdict is recorded and nothing is applied.
		r, kind := a.applyKind(s, tx)
		if r.Code == cmtabci.CodeTypeOK {
			a.applied = append(a.applied, sha256.Sum256(tx))
		}
		a.metrics.executed(r.Code, kind)
		resp.TxResults = append(resp.TxResults, r)
	}
	staged, err := s.Stage()
	if err != nil {
		a.die(err)
	}
	a.staged = staged
	h := staged.State().AppHash()
	resp.AppHash = h[:]
	return resp, nil
}

// Commit writes the block in one synced batch. After it returns, a crash finds
// this height; before, the one before it. There is no third state.
func (a *Application) Commit(context.Context, *cmtabci.RequestCommit) (*cmtabci.ResponseCommit, error) {
	defer a.guard("Commit")
	if a.staged == nil {
		a.die(errors.New("couldn't commit: no block was finalized"))
	}
	began := time.Now()
	if err := a.ledger.Commit(a.staged); err != nil {
		a.die(err)
	}
	a.metrics.committed(a.staged.Version(), a.staged.State().Log.Size, time.Since(began))
	a.staged = nil
	if err := a.resetWaiting(); err != nil {
		a.die(err)
	}
	return new(cmtabci.ResponseCommit), nil
}

// applyKind applies a transaction of a block and returns the kind of an accepted one.
func (a *Application) applyKind(s *ledger.State, tx []byte) (*cmtabci.ExecTxResult, record.Kind) {
	out, err := s.Apply(tx, a.cache)
	if err != nil {
		return a.result(nil, err), 0
	}
	a.judged.add(out.Envelope.Hash)
	return a.result(out, nil), out.Envelope.Header.Kind
}

// begin opens the state for a block. An error is the node's own.
func (a *Application) begin(height int64, blockTime time.Time) *ledger.State {
	s, err := a.ledger.Begin(ledger.Block{Height: uint64(height), Time: blockTime})
	if err != nil {
		a.die(err)
	}
	return s
}
