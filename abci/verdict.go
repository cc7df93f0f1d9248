package abci

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/ledger"
	"hullmark/record"
)

// Codes for what is wrong with the node and not with the transaction. They are
// beyond those of the ledger, in the range CometBFT keeps for "try again".
const (
	// NodeCodespace is the codespace of these codes.
	NodeCodespace = "hullmark-node"
	// CodeStopping means that the node is ending.
	CodeStopping = cmtabci.CodeTypeRetry + 1
	// CodeFull means that as many transactions of its class wait as there is room
	// for.
	CodeFull = cmtabci.CodeTypeRetry + 2
	// CodeCharged means that the node's account of who pays is empty: too much that
	// was refused has been computed for it. Info says after how many seconds it is not.
	CodeCharged = cmtabci.CodeTypeRetry + 3
	// CodeBusy means that too many transactions wait for their check, or that what
	// this one rests on kept changing.
	CodeBusy = cmtabci.CodeTypeRetry + 4
	// lastNodeCode is the highest of these codes.
	lastNodeCode = CodeBusy
	// CodePostponed means that a transaction leaves the mempool after a block to be
	// offered to it anew. Only the node's own mempool hears of it.
	CodePostponed = cmtabci.CodeTypeRetry + 5
)

// errFull is returned when there is no room for a transaction of its class.
type errFull struct{ class string }

func (e errFull) Error() string {
	return fmt.Sprintf("too many %s transactions wait", e.class)
}

// errCharged is returned when an account is empty.
type errCharged struct{ wait time.Duration }

func (e errCharged) Error() string {
	return "too many transactions of this repository or operator were refused"
}

// errBusy is returned when a check finds no turn.
var errBusy = errors.New("too many transactions wait for their check")

// errContent ends a check that is not to look at content.
var errContent = errors.New("the content is to be judged")

// errPostponed is returned for what is to be offered to the mempool anew.
var errPostponed = errors.New("the transaction is to be checked anew")

// response is the answer to a check that ended so.
func (a *Application) response(out *ledger.Outcome, err error) *cmtabci.ResponseCheckTx {
	node := func(code uint32, info string) *cmtabci.ResponseCheckTx {
		return &cmtabci.ResponseCheckTx{Code: code, Codespace: NodeCodespace, Log: err.Error(), Info: info}
	}
	var full errFull
	var charged errCharged
	switch {
	case errors.Is(err, ledger.ErrClosed):
		return refuseStopping()
	case errors.As(err, &full):
		return node(CodeFull, "")
	case errors.As(err, &charged):
		return node(CodeCharged, strconv.Itoa(1+int(charged.wait/time.Second)))
	case errors.Is(err, errBusy), errors.Is(err, ledger.ErrChanged):
		return node(CodeBusy, "")
	case errors.Is(err, errPostponed):
		return node(CodePostponed, "")
	}
	r := a.result(out, err)
	return &cmtabci.ResponseCheckTx{
		Code: r.Code, Codespace: r.Codespace, Log: r.Log, GasWanted: r.GasWanted, GasUsed: r.GasUsed,
	}
}

func refuseStopping() *cmtabci.ResponseCheckTx {
	return &cmtabci.ResponseCheckTx{Code: CodeStopping, Codespace: NodeCodespace, Log: "the node is stopping"}
}

// result turns what the ledger said of a transaction into its ABCI form. It
// carries nothing local: code and work are hashed into the next header.
func (a *Application) result(out *ledger.Outcome, err error) *cmtabci.ExecTxResult {
	if err == nil {
		return &cmtabci.ExecTxResult{
			Code: cmtabci.CodeTypeOK, GasWanted: int64(out.Work), GasUsed: int64(out.Work), Events: events(out),
		}
	}
	var rejection *record.Rejection
	if !errors.As(err, &rejection) {
		a.die(err)
	}
	code, _ := record.CodeOf(err)
	return &cmtabci.ExecTxResult{Code: uint32(code), Codespace: record.Codespace, Log: err.Error()}
}

// settled reports whether a refusal holds whatever is admitted meanwhile.
func settled(err error) bool {
	code, _ := record.CodeOf(err)
	switch code {
	case record.CodeMalformed, record.CodeTooLarge, record.CodeWrongChain, record.CodeNotActive,
		record.CodeScopeMismatch, record.CodeSubmitterSignature, record.CodeStaleScope:
		return true
	}
	return false
}
