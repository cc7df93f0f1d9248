package abci

import (
	"context"

	cmtabci "github.com/cometbft/cometbft/abci/types"
)

// ListSnapshots offers none: new nodes replay the blocks.
func (a *Application) ListSnapshots(context.Context, *cmtabci.RequestListSnapshots) (*cmtabci.ResponseListSnapshots, error) {
	defer a.guard("ListSnapshots")
	return new(cmtabci.ResponseListSnapshots), nil
}

// OfferSnapshot refuses every snapshot: this version can take none.
func (a *Application) OfferSnapshot(context.Context, *cmtabci.RequestOfferSnapshot) (*cmtabci.ResponseOfferSnapshot, error) {
	defer a.guard("OfferSnapshot")
	return &cmtabci.ResponseOfferSnapshot{Result: cmtabci.ResponseOfferSnapshot_REJECT_FORMAT}, nil
}

// LoadSnapshotChunk has nothing to load.
func (a *Application) LoadSnapshotChunk(context.Context, *cmtabci.RequestLoadSnapshotChunk) (*cmtabci.ResponseLoadSnapshotChunk, error) {
	defer a.guard("LoadSnapshotChunk")
	return new(cmtabci.ResponseLoadSnapshotChunk), nil
}

// ApplySnapshotChunk gives up: no snapshot was accepted.
func (a *Application) ApplySnapshotChunk(context.Context, *cmtabci.RequestApplySnapshotChunk) (*cmtabci.ResponseApplySnapshotChunk, error) {
	defer a.guard("ApplySnapshotChunk")
	return &cmtabci.ResponseApplySnapshotChunk{Result: cmtabci.ResponseApplySnapshotChunk_ABORT}, nil
}

// ExtendVote adds nothing: vote extensions stay off.
func (a *Application) ExtendVote(context.Context, *cmtabci.RequestExtendVote) (*cmtabci.ResponseExtendVote, error) {
	defer a.guard("ExtendVote")
	return new(cmtabci.ResponseExtendVote), nil
}

// VerifyVoteExtension accepts only the empty extension.
func (a *Application) VerifyVoteExtension(_ context.Context, req *cmtabci.RequestVerifyVoteExtension) (*cmtabci.ResponseVerifyVoteExtension, error) {
	defer a.guard("VerifyVoteExtension")
	status := cmtabci.ResponseVerifyVoteExtension_ACCEPT
	if len(req.VoteExtension) > 0 {
		status = cmtabci.ResponseVerifyVoteExtension_REJECT
	}
	return &cmtabci.ResponseVerifyVoteExtension{Status: status}, nil
}
