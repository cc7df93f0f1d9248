package abci

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"

	"hullmark/record"
)

// Misbehavior is what a block's evidence says of a validator: it signed two blocks of
// one height. Most often its key is in two places.
type Misbehavior struct {
	// Operator runs the validator; empty for one the genesis does not name.
	Operator string
	// Address of the validator, as the engine writes it.
	Address string
	// Height is the newest of which it signed two blocks.
	Height uint64
}

// ValidatorAddress returns how the engine names an operator's validator: 40 hex digits.
func ValidatorAddress(o record.GenesisOperator) string {
	return ed25519.PubKey(o.ValidatorKey[:]).Address().String()
}

// misbehaviors are those seen since the start.
type misbehaviors struct {
	operators map[string]string // by address

	mu   sync.Mutex
	seen map[string]Misbehavior // by address
}

func newMisbehaviors(g *record.Genesis) *misbehaviors {
	m := &misbehaviors{operators: make(map[string]string), seen: make(map[string]Misbehavior)}
	for _, o := range g.Operators {
		m.operators[ValidatorAddress(o)] = o.ID
	}
	return m
}

func (m *misbehaviors) add(e cmtabci.Misbehavior) Misbehavior {
	m.mu.Lock()
	defer m.mu.Unlock()
	address := fmt.Sprintf("%X", e.Validator.Address)
	b := Misbehavior{Operator: m.operators[address], Address: address, Height: max(uint64(max(e.Height, 0)), m.seen[address].Height)}
	m.seen[address] = b
	return b
}

// Misbehaviors returns what evidence in blocks has said of validators since the start,
// by operator.
func (a *Application) Misbehaviors() []Misbehavior {
	a.misbehaviors.mu.Lock()
	defer a.misbehaviors.mu.Unlock()
	var out []Misbehavior
	for _, b := range a.misbehaviors.seen {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Misbehavior) int {
		return strings.Compare(a.Operator+" "+a.Address, b.Operator+" "+b.Address)
	})
	return out
}
