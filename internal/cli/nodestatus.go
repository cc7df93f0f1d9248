package cli

import (
	"time"

	"hullmark/proto"
)

// NodeStatus is what a node says of itself, as both programs print it with --output
// json. Nothing in it is proven.
type NodeStatus struct {
	// Node is the URL that was asked.
	Node string `json:"node"`
	// Error is why there is no answer; the other fields mean nothing then.
	Error       string     `json:"error,omitempty"`
	Ledger      string     `json:"ledger,omitempty"`
	Operator    string     `json:"operator,omitempty"`
	Version     string     `json:"version,omitempty"`
	Height      uint64     `json:"height"`
	BlockTime   *time.Time `json:"block_time,omitempty"`
	AgeSeconds  *float64   `json:"age_seconds,omitempty"` // of the newest block
	StateHeight uint64     `json:"state_height"`
	Records     uint64     `json:"records"`
	Peers       uint32     `json:"peers"`
	// ValidatorPeers are the validators among the peers, Validators all of the network.
	ValidatorPeers uint32 `json:"validator_peers"`
	Validators     uint32 `json:"validators"`
	Validator      bool   `json:"validator"`
	CatchingUp     bool   `json:"catching_up"`
	// Ready says whether the node's answers are of use to clients, NotReady why not. Who
	// asks sets them: a client judges by its own clock, an operator asks /readyz.
	Ready    bool   `json:"ready"`
	NotReady string `json:"not_ready,omitempty"`
}

// NewNodeStatus returns what the node at a URL says, seen by a clock that shows now.
func NewNodeStatus(node string, m *proto.StatusResponse, now time.Time) NodeStatus {
	s := NodeStatus{
		Node: node, Ledger: m.GetLedger(), Operator: m.GetOperator(), Version: m.GetVersion(),
		Height: m.GetHeight(), StateHeight: m.GetStateHeight(), Records: m.GetLogSize(),
		Peers: m.GetPeers(), ValidatorPeers: m.GetValidatorPeers(), Validators: m.GetValidators(),
		Validator: m.GetValidator(), CatchingUp: m.GetCatchingUp(),
	}
	if t, err := time.Parse(time.RFC3339Nano, m.GetBlockTime()); err == nil {
		seconds := now.Sub(t).Seconds()
		s.BlockTime, s.AgeSeconds = &t, &seconds
	}
	return s
}
