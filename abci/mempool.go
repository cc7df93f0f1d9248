package abci

import (
	"context"
	"crypto/sha256"
	"errors"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

// Mempool is what the application needs of the engine's.
type Mempool interface {
	// ReapMaxTxs waits until no commit is under way.
	ReapMaxTxs(most int) cmttypes.Txs
	// CheckTx takes a transaction in, which is checked as any other.
	CheckTx(tx cmttypes.Tx, give func(*cmtabci.ResponseCheckTx), from mempool.TxInfo) error
}

// Follow tells the application which mempool is in front of it. After the first flush no
// verdict on a new transaction is given without.
func (a *Application) Follow(pool Mempool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pool = pool
}

func (a *Application) nowMempool() Mempool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.pool
}

// CheckTx judges a transaction for the mempool, on top of the ones that already
// wait, so that versions published in a row are admitted in a row. It may be
// called for several transactions at once. The engine's own calls go through
// ClientCreator, which gives them their turns.
func (a *Application) CheckTx(_ context.Context, req *cmtabci.RequestCheckTx) (*cmtabci.ResponseCheckTx, error) {
	defer a.guard("CheckTx")
	var resp *cmtabci.ResponseCheckTx
	if req.Type == cmtabci.CheckTxType_Recheck {
		resp = a.recheck(req.Tx)
	} else if env, err := record.ReadEnvelope(req.Tx); err != nil {
		resp = a.refuse(err)
	} else {
		a.check(env, req.Tx, func(r *cmtabci.ResponseCheckTx) { resp = r })
	}
	if resp.Code == CodeStopping {
		return nil, ledger.ErrClosed
	}
	return resp, nil
}

// maxTries is how often a check begins anew because what it rests on has changed:
// others were admitted meanwhile, or a block was committed. What it has computed is
// remembered, so all but the first cost next to nothing.
const maxTries = 16

// check judges a new transaction and gives the verdict, inside the gate, so that the
// engine hears of it at once after it was reached. The content is judged outside, where
// nobody waits for it.
func (a *Application) check(env *record.Envelope, tx []byte, give func(*cmtabci.ResponseCheckTx)) {
	bill := &bill{accounts: a.accounts, env: env}
	for try := range maxTries {
		closings, ok := a.gate.look()
		if !ok {
			return // nobody is left to answer
		}
		w := a.nowWaiting()
		place, err := w.reserve(&env.Header, len(tx))
		var j *ledger.Judgement
		bill.content = false
		if err == nil {
			j, err = w.pending.Check(env, a.cache, bill.charge)
		}
		done := a.settle(w, closings, func() bool {
			var out *ledger.Outcome
			if err == nil {
				out, err = w.pending.Admit(j)
			}
			if errors.Is(err, ledger.ErrChanged) && try+1 < maxTries {
				return false
			}
			bill.settle(err)
			if err != nil {
				give(a.refuse(err))
				return true
			}
			a.judged.add(env.Hash)
			w.keep(place, &entry{env, tx})
			r := a.response(out, nil)
			a.metrics.checked(r.Code)
			give(r)
			return true
		})
		if place != nil {
			w.release(place)
		}
		if done {
			return
		}
	}
	bill.settle(errBusy)
	if _, ok := a.gate.enter(); ok {
		defer a.gate.leave()
		give(a.refuse(errBusy))
	}
}

// settle runs f inside the gate, unless w is not what waits any more or a commit has
// begun since there were so many closings: then what was found out is out of date, or
// was found out before everything that waits was rechecked. It reports whether f ran and
// had its way, or nobody is left to answer.
func (a *Application) settle(w *waiting, closings uint64, f func() bool) bool {
	now, ok := a.gate.enter()
	if !ok {
		return true
	}
	defer a.gate.leave()
	return now == closings && w == a.nowWaiting() && f()
}

// refuse is the verdict on a new transaction that is not taken.
func (a *Application) refuse(err error) *cmtabci.ResponseCheckTx {
	r := a.response(nil, err)
	a.metrics.checked(r.Code)
	return r
}

// intake judges as much of a new transaction as costs little: its header and the
// submitter's signature, and whether its content was refused before. It returns
// errContent if there is nothing against it so far.
func (a *Application) intake(env *record.Envelope) error {
	_, err := a.nowWaiting().pending.Check(env, a.cache, unlessRefused)
	return err
}

// known reports whether a key that is known to what a refused transaction is about has
// signed it: the refusal is one that comes after who submits.
func (a *Application) known(env *record.Envelope, refusal error) bool {
	switch code, _ := record.CodeOf(refusal); code {
	case record.CodeUnknownRepository, record.CodeUnknownSubmitter, record.CodeNotOwner:
		return false
	}
	return keys.VerifyFixed(a.cache, env.Header.Submitter, env.SignedMessage(), env.Signature[:]) == nil
}

// unlessRefused ends a check before it looks at content, or carries out what is good.
func unlessRefused(d ledger.Admission) error {
	if d.Refused {
		return nil
	}
	return errContent
}

// recheck judges a transaction of the mempool again after a block. The signatures are
// not looked at: those were verified when it came in, and a signature that verified once
// always will. Nor is content: what the block left alone keeps its effects, and of the
// rest the verdict is remembered, as long as nothing changed that it rests on. What
// changed so leaves the mempool and is offered to it anew, and so is what came after it
// about the same subjects: then it waits for its check where nobody waits for it. So does
// what there is no time left for.
func (a *Application) recheck(tx []byte) *cmtabci.ResponseCheckTx {
	w, hash := a.nowWaiting(), sha256.Sum256(tx)
	e := w.before[hash]
	if e == nil { // admitted by a process before this one, or dropped here and kept there
		env, err := record.ReadEnvelope(tx)
		if err != nil {
			return a.response(nil, err)
		}
		e = &entry{env, tx}
	}
	h := &e.env.Header
	if w.postponed(h) {
		return a.response(nil, errPostponed)
	}
	out, ok := w.pending.Readmit(hash)
	if !ok {
		var err error
		if out, err = a.readmit(w, e.env); err != nil {
			if errors.Is(err, errContent) || errors.Is(err, ledger.ErrChanged) {
				w.postpone(h)
				err = errPostponed
			}
			return a.response(nil, err)
		}
	}
	w.keep(w.place(h, len(tx)), e)
	return a.response(out, nil)
}

// Limits of what a recheck judges again of what it could not take over as it was, while a
// commit waits for it.
const (
	// againBytes bounds the values of repositories that are read, changed and encoded for
	// it. It is enough for some 3,000 transactions about one repository of a usual size, or
	// for fifteen about sixteen of the largest: about 50 ms.
	againBytes = 8 << 20
	// scopeBytes is what a scope counts beside the value of its repository.
	scopeBytes = 2 << 10
)

// readmit judges a transaction whose subjects the block has touched (errContent when there
// is no time left).
func (a *Application) readmit(w *waiting, env *record.Envelope) (*ledger.Outcome, error) {
	if w.again >= a.maxAgain {
		return nil, errContent
	}
	w.again += scopeBytes * len(env.Header.Scopes)
	j, err := w.pending.Check(env, alreadyVerified{}, func(d ledger.Admission) error {
		if !d.Remembered {
			return errContent
		}
		w.again += d.Size
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w.pending.Admit(j)
}

// alreadyVerified is the Verifier for transactions whose signatures this node
// has verified before.
type alreadyVerified struct{}

// Verify implements keys.Verifier.
func (alreadyVerified) Verify(keys.PublicKey, []byte, []byte) error { return nil }
