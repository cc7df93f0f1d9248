package app

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"hullmark/bundle"
	"hullmark/proto"
)

// Status says where the node stands.
func (n *Node) Status() *proto.StatusResponse {
	s := &proto.StatusResponse{
		Ledger: n.ledger.ID(), Version: n.version,
		NodeId: string(n.engine.NodeInfo().ID()), Moniker: n.engine.Config().Moniker,
		Operator: n.operator, Validator: n.operator != "",
		CatchingUp:     n.env.ConsensusReactor.WaitSync(),
		Peers:          uint32(n.engine.Switch().Peers().Size()),
		Validators:     uint32(len(n.genesis.Operators)),
		LogSize:        n.lookup.LogSize(),
		Pending:        uint32(n.engine.Mempool().Size()),
		EarliestHeight: n.ledger.Oldest(),
		ValidatorPeers: uint32(n.validatorPeers()),
	}
	for _, m := range n.app.Misbehaviors() {
		s.DoubleSigns = append(s.DoubleSigns, &proto.DoubleSign{Operator: m.Operator, Address: m.Address, Height: m.Height})
	}
	s.StateHeight, _ = n.lookup.StateHeight()
	if tip := n.blocks.Tip(); tip > 0 {
		s.Height = tip
		if meta := n.env.BlockStore.LoadBlockMeta(int64(tip)); meta != nil {
			s.BlockTime = meta.Header.Time.UTC().Format(time.RFC3339Nano)
			s.AppHash = meta.Header.AppHash
		}
	}
	return s
}

func (n *Node) status(w http.ResponseWriter, _ *http.Request) {
	writeMessage(w, http.StatusOK, "application/json", n.Status())
}

// healthz says whether the process does its work at all; a supervisor restarts it
// otherwise. It ends by itself then, so this is for the moment in between.
func (n *Node) healthz(w http.ResponseWriter, _ *http.Request) {
	if n.broken.Load() {
		writeText(w, http.StatusServiceUnavailable, "failed: the node is about to end; its log says why\n")
		return
	}
	writeText(w, http.StatusOK, "ok\n")
}

// readyz says whether answers of this node are of use to a client: they can be
// proven and are fresh, and what it is sent has a future. A node whose consensus
// stalls because others are down still runs and still answers; it is only not
// ready.
func (n *Node) readyz(w http.ResponseWriter, _ *http.Request) {
	if reason := n.notReady(n.hooks.Now()); reason != "" {
		writeText(w, http.StatusServiceUnavailable, "not ready: "+reason+"\n")
		return
	}
	writeText(w, http.StatusOK, "ready\n")
}

// standing is what readiness depends on.
type standing struct {
	bundle.Standing
	broken bool
	free   uint64 // bytes on the disk
	// certificate is why clients refuse the one of the API, or empty.
	certificate string
}

func (n *Node) notReady(now time.Time) string {
	s := standing{broken: n.broken.Load(), free: math.MaxUint64}
	s.CatchingUp = n.env.ConsensusReactor.WaitSync()
	_, s.Provable = n.lookup.StateHeight()
	if meta := n.env.BlockStore.LoadBlockMeta(int64(n.blocks.Tip())); meta != nil {
		s.Head = meta.Header.Time
	}
	if free, err := freeBytes(n.home.dataDir()); err == nil {
		s.free = free
	}
	if n.certificate != nil {
		_, s.certificate = n.certificate.standing()
	}
	return s.unready(now, n.config)
}

// unready returns the first reason for which a node is not ready, or nothing.
func (s standing) unready(now time.Time, c Config) string {
	if s.broken {
		return "the node has failed and is about to end"
	}
	if err := checkClock(s.Head, now); err != nil {
		return fmt.Sprintf("%v, at most %s is tolerated", err, maxClockBehind)
	}
	if reason := s.Unready(now, c.HTTP.ReadyMaxAge); reason != "" {
		return reason
	}
	if s.certificate != "" {
		return s.certificate
	}
	if least := c.State.MinFreeMegabytes << 20; s.free < least {
		return fmt.Sprintf("the disk has %d MB left, at least %d MB are needed", s.free>>20, c.State.MinFreeMegabytes)
	}
	return ""
}
