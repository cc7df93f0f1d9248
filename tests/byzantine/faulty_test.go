package byzantine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/consensus"
	cstypes "github.com/cometbft/cometbft/consensus/types"
	"github.com/cometbft/cometbft/crypto"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	cmtcons "github.com/cometbft/cometbft/proto/tendermint/consensus"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/state"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/abci"
	"hullmark/app"
	"hullmark/database"
	"hullmark/internal/nettest"
	"hullmark/ledger"
	"hullmark/merkle/store"
)

// faulty is a validator that does what a test tells it to. It is the real engine
// over the real application; what it signs and what it proposes can be replaced.
type faulty struct {
	t      testing.TB
	index  int
	engine *node.Node
	consensusState
	app    *application
	signer *signer
	db     dbm.DB
}

// consensusState is what the engine tells of its state machine.
type consensusState interface {
	GetState() state.State
	GetRoundState() *cstypes.RoundState
}

// startFaulty starts a node of a network as a faulty one. It behaves until told
// otherwise.
func startFaulty(n *nettest.Network, i int, change func(*cmtcfg.Config)) *faulty {
	n.T.Helper()
	f := &faulty{t: n.T, index: i}
	must := func(err error) {
		n.T.Helper()
		if err != nil {
			n.T.Fatalf("couldn't start faulty node %d: %v", i, err)
		}
	}
	config := n.EngineConfig(i)
	if change != nil {
		change(config)
	}
	doc, err := cmttypes.GenesisDocFromFile(config.GenesisFile())
	must(err)
	f.db, err = database.OpenLedger(filepath.Join(config.DBDir(), "ledger.db"), database.Options{})
	must(err)
	st, err := store.Open(f.db, store.Options{})
	must(err)
	l, err := ledger.New(n.Genesis, st)
	must(err)
	inner, err := abci.New(n.Genesis, l, abci.Options{
		Version: "faulty", Log: slog.New(slog.DiscardHandler),
		Fatal: func(err error) { n.T.Errorf("faulty node %d: %v", i, err) },
	})
	must(err)
	f.app = &application{Application: inner}
	key := privval.LoadFilePV(config.PrivValidatorKeyFile(), config.PrivValidatorStateFile())
	f.signer = &signer{key: key.Key.PrivKey}
	nodeKey, err := p2p.LoadNodeKey(config.NodeKeyFile())
	must(err)
	// As honest nodes do, connect to those with a greater id only.
	var first []string
	for peer := range strings.SplitSeq(config.P2P.PersistentPeers, ",") {
		if id, _, _ := strings.Cut(peer, "@"); string(nodeKey.ID()) < id {
			first = append(first, peer)
		}
	}
	config.P2P.PersistentPeers = strings.Join(first, ",")
	f.engine, err = node.NewNode(config, f.signer, nodeKey, proxy.NewConnSyncLocalClientCreator(f.app),
		func() (*cmttypes.GenesisDoc, error) { return doc, nil },
		app.OpenEngineDB, node.DefaultMetricsProvider(config.Instrumentation), cmtlog.NewNopLogger())
	must(err)
	env, err := f.engine.ConfigureRPC()
	must(err)
	var ok bool
	if f.consensusState, ok = env.ConsensusState.(consensusState); !ok {
		must(fmt.Errorf("unexpected engine %T", env.ConsensusState))
	}
	must(f.engine.Start())
	return f
}

// stop ends the node in order, once.
func (f *faulty) stop() {
	f.t.Helper()
	if !f.engine.IsRunning() {
		return
	}
	if err := f.engine.Stop(); err != nil {
		f.t.Errorf("couldn't stop faulty node %d: %v", f.index, err)
	}
	f.engine.Wait()
	f.app.Close()
	if err := f.db.Close(); err != nil {
		f.t.Error(err)
	}
}

// address is that of its validator.
func (f *faulty) address() crypto.Address { return f.signer.key.PubKey().Address() }

// behave ends all misbehaviour.
func (f *faulty) behave() {
	f.app.set(nil)
	f.signer.set(nil, nil)
}

// application is ours, but proposes what a test wants, and takes it for good.
type application struct {
	*abci.Application
	mu      sync.Mutex
	prepare func(height int64, txs [][]byte) [][]byte
}

func (a *application) set(prepare func(height int64, txs [][]byte) [][]byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.prepare = prepare
}

func (a *application) hook() func(int64, [][]byte) [][]byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.prepare
}

// PrepareProposal implements the engine's Application.
func (a *application) PrepareProposal(ctx context.Context, req *cmtabci.RequestPrepareProposal) (*cmtabci.ResponsePrepareProposal, error) {
	resp, err := a.Application.PrepareProposal(ctx, req)
	if h := a.hook(); h != nil && err == nil {
		resp.Txs = h(req.Height, resp.Txs)
	}
	return resp, err
}

// ProcessProposal implements the engine's Application.
func (a *application) ProcessProposal(ctx context.Context, req *cmtabci.RequestProcessProposal) (*cmtabci.ResponseProcessProposal, error) {
	if a.hook() != nil {
		return &cmtabci.ResponseProcessProposal{Status: cmtabci.ResponseProcessProposal_ACCEPT}, nil
	}
	return a.Application.ProcessProposal(ctx, req)
}

// errSilent makes the engine go on without a signature.
var errSilent = errors.New("nothing to sign")

// signer signs anything, unlike one that keeps what it has signed. A hook may
// change what is signed, or refuse.
type signer struct {
	key crypto.PrivKey

	mu       sync.Mutex
	vote     func(*cmtproto.Vote) error
	proposal func(*cmtproto.Proposal) error
}

func (s *signer) set(vote func(*cmtproto.Vote) error, proposal func(*cmtproto.Proposal) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.vote, s.proposal = vote, proposal
}

// GetPubKey implements the engine's PrivValidator.
func (s *signer) GetPubKey() (crypto.PubKey, error) { return s.key.PubKey(), nil }

// SignVote implements the engine's PrivValidator.
func (s *signer) SignVote(chainID string, v *cmtproto.Vote) error {
	s.mu.Lock()
	hook := s.vote
	s.mu.Unlock()
	if hook != nil {
		if err := hook(v); err != nil {
			return err
		}
	}
	return s.signVote(chainID, v)
}

func (s *signer) signVote(chainID string, v *cmtproto.Vote) (err error) {
	v.Signature, err = s.key.Sign(cmttypes.VoteSignBytes(chainID, v))
	return err
}

// SignProposal implements the engine's PrivValidator.
func (s *signer) SignProposal(chainID string, p *cmtproto.Proposal) error {
	s.mu.Lock()
	hook := s.proposal
	s.mu.Unlock()
	if hook != nil {
		if err := hook(p); err != nil {
			return err
		}
	}
	return s.signProposal(chainID, p)
}

func (s *signer) signProposal(chainID string, p *cmtproto.Proposal) (err error) {
	p.Signature, err = s.key.Sign(cmttypes.ProposalSignBytes(chainID, p))
	return err
}

// sayVote signs a vote beside the engine and sends it to everybody.
func (f *faulty) sayVote(v cmtproto.Vote) error {
	if err := f.signer.signVote(f.engine.GenesisDoc().ChainID, &v); err != nil {
		return err
	}
	for _, peer := range f.engine.Switch().Peers().Copy() {
		peer.TrySend(p2p.Envelope{ChannelID: consensus.VoteChannel, Message: &cmtcons.Vote{Vote: &v}})
	}
	return nil
}

// forged is a block with the proposal that announces it.
type forged struct {
	block    *cmttypes.Block
	parts    *cmttypes.PartSet
	proposal *cmtproto.Proposal
}

// forge makes a block for a round in which it is this validator's turn: the one
// an honest proposer would make with these transactions, then changed.
func (f *faulty) forge(height int64, round int32, txs []cmttypes.Tx, change func(*cmttypes.Block)) (*forged, error) {
	st, rs := f.GetState(), f.GetRoundState()
	if rs.Height != height || st.LastBlockHeight+1 != height || rs.LastCommit == nil {
		return nil, fmt.Errorf("height %d is over", height)
	}
	commit := rs.LastCommit.MakeExtendedCommit(st.ConsensusParams.ABCI).ToCommit()
	block, err := st.MakeBlock(height, txs, commit, nil, f.address())
	if err != nil {
		return nil, err
	}
	if change != nil {
		change(block)
	}
	parts, err := block.MakePartSet(cmttypes.BlockPartSizeBytes)
	if err != nil {
		return nil, err
	}
	id := cmttypes.BlockID{Hash: block.Hash(), PartSetHeader: parts.Header()}
	proposal := cmttypes.NewProposal(height, round, -1, id).ToProto()
	return &forged{block, parts, proposal}, f.signer.signProposal(st.ChainID, proposal)
}

// vote is this validator's vote for the block.
func (g *forged) vote(f *faulty, kind cmtproto.SignedMsgType) (cmtproto.Vote, error) {
	index, validator := f.GetState().Validators.GetByAddress(f.address())
	if validator == nil {
		return cmtproto.Vote{}, errors.New("no validator any more")
	}
	return cmtproto.Vote{
		Type: kind, Height: g.proposal.Height, Round: g.proposal.Round, BlockID: g.proposal.BlockID,
		Timestamp: g.proposal.Timestamp, ValidatorAddress: f.address(), ValidatorIndex: index,
	}, nil
}

// sayProposal sends the proposal, without its block.
func (f *faulty) sayProposal(to []p2p.Peer, g *forged) {
	for _, peer := range to {
		peer.TrySend(p2p.Envelope{ChannelID: consensus.DataChannel, Message: &cmtcons.Proposal{Proposal: *g.proposal}})
	}
}

// sayParts sends the first parts of a proposal's block.
func (f *faulty) sayParts(to []p2p.Peer, g *forged, count int) error {
	for i := range count {
		part, err := g.parts.GetPart(i).ToProto()
		if err != nil {
			return err
		}
		for _, peer := range to {
			peer.TrySend(p2p.Envelope{ChannelID: consensus.DataChannel, Message: &cmtcons.BlockPart{
				Height: g.proposal.Height, Round: g.proposal.Round, Part: *part,
			}})
		}
	}
	return nil
}

// peers are the nodes it is connected with.
func (f *faulty) peers() []p2p.Peer { return f.engine.Switch().Peers().Copy() }
