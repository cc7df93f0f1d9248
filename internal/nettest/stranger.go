package nettest

import (
	"fmt"

	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/p2p/conn"
	cmtp2p "github.com/cometbft/cometbft/proto/tendermint/p2p"
	cmtversion "github.com/cometbft/cometbft/version"
)

// Channels are those a node of the engine listens on: peer exchange is off.
var Channels = []byte{0x20, 0x21, 0x22, 0x23, 0x30, 0x38, 0x40, 0x60, 0x61}

// Stranger is a peer that belongs to nobody: it speaks the engine's protocol, has
// no validator, and says what a test tells it to.
type Stranger struct {
	sw      *p2p.Switch
	network *Network
}

// NewStranger returns a peer that is connected to nobody.
func NewStranger(n *Network) *Stranger {
	n.T.Helper()
	config := n.EngineConfig(0).P2P
	key := p2p.NodeKey{PrivKey: ed25519.GenPrivKey()}
	info := p2p.DefaultNodeInfo{
		ProtocolVersion: p2p.NewProtocolVersion(cmtversion.P2PProtocol, cmtversion.BlockProtocol, 1),
		DefaultNodeID:   key.ID(), ListenAddr: "127.0.0.1:1", Network: n.Ledger, Version: cmtversion.TMCoreSemVer,
		Channels: Channels, Moniker: "stranger", Other: p2p.DefaultNodeInfoOther{TxIndex: "off"},
	}
	transport := p2p.NewMultiplexTransport(info, key, p2p.MConnConfig(config))
	s := &Stranger{p2p.NewSwitch(config, transport), n}
	s.sw.SetLogger(log.NewNopLogger())
	s.sw.SetNodeInfo(info)
	s.sw.SetNodeKey(&key)
	s.sw.AddReactor("DEAF", newDeaf())
	if err := s.sw.Start(); err != nil {
		n.T.Fatalf("couldn't start stranger: %v", err)
	}
	n.T.Cleanup(func() { _ = s.sw.Stop() })
	return s
}

// Dial connects to a node, unless it is connected already.
func (s *Stranger) Dial(i int) error {
	c := s.network.EngineConfig(i)
	key, err := p2p.LoadNodeKey(c.NodeKeyFile())
	if err != nil {
		return err
	}
	if s.sw.Peers().Has(key.ID()) {
		return nil
	}
	addr, err := p2p.NewNetAddressString(fmt.Sprintf("%s@%s", key.ID(), c.P2P.ListenAddress[len("tcp://"):]))
	if err != nil {
		return err
	}
	return s.sw.DialPeerWithAddress(addr)
}

// Send sends bytes to every node it is connected with and reports to how many they
// went.
func (s *Stranger) Send(channel byte, message []byte) int {
	return s.SendMessage(channel, raw(message))
}

// SendMessage is Send for a message of the engine.
func (s *Stranger) SendMessage(channel byte, message Message) int {
	sent := 0
	for _, peer := range s.sw.Peers().Copy() {
		if peer.Send(p2p.Envelope{ChannelID: channel, Message: message}) {
			sent++
		}
	}
	return sent
}

// Peers is how many nodes it is connected with.
func (s *Stranger) Peers() int { return s.sw.Peers().Size() }

// Close sends what still waits to be sent and disconnects.
func (s *Stranger) Close() {
	for _, peer := range s.sw.Peers().Copy() {
		peer.FlushStop()
	}
	_ = s.sw.Stop()
}

// Message is what the engine's messages have in common.
type Message interface {
	Reset()
	String() string
	ProtoMessage()
}

// raw is a message whose encoding is whatever it is.
type raw []byte

func (raw) Reset()                     {}
func (raw) String() string             { return "raw" }
func (raw) ProtoMessage()              {}
func (r raw) Marshal() ([]byte, error) { return r, nil }

// deaf is a reactor that is on every channel and does nothing with what it hears.
type deaf struct{ p2p.BaseReactor }

func newDeaf() *deaf {
	d := new(deaf)
	d.BaseReactor = *p2p.NewBaseReactor("deaf", d)
	return d
}

// GetChannels implements p2p.Reactor.
func (*deaf) GetChannels() []*conn.ChannelDescriptor {
	var out []*conn.ChannelDescriptor
	for _, c := range Channels {
		out = append(out, &conn.ChannelDescriptor{
			// Whatever comes is unknown fields of an empty message.
			ID: c, Priority: 5, SendQueueCapacity: 1000, RecvMessageCapacity: 32 << 20, MessageType: new(cmtp2p.PacketPing),
		})
	}
	return out
}

// Receive implements p2p.Reactor.
func (*deaf) Receive(p2p.Envelope) {}
