package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"hullmark/durable"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
)

// ErrNotFounder is returned for a genesis that does not say of this home's operator
// what its card says.
var ErrNotFounder = errors.New("the genesis does not hold this node's operator card")

// ErrNoValidatorKey is returned when a card is made in a home whose validator key a
// remote signer holds, and nobody says which key that is.
var ErrNoValidatorKey = errors.New("this home has no validator key")

// CardOptions are what an operator says of itself beside what its node's home knows.
type CardOptions struct {
	ID            string
	GovernanceKey keys.PublicKey
	NotaryKey     keys.PublicKey
	// ValidatorKey is for homes without one: the key of the remote signer.
	ValidatorKey *[32]byte
	// Address and URL are where others reach the node.
	Address    string
	URL        string
	Namespaces []reference.Namespace
}

// NewCard makes the card of a home's operator, which the operator still has to sign,
// and keeps a copy in the home for comparison with the genesis.
func NewCard(h Home, o CardOptions) (*record.Card, error) {
	nodeKey, err := h.nodeKey()
	if err != nil {
		return nil, fmt.Errorf("couldn't make card: %w", homeError(err))
	}
	c := &record.Card{Operator: record.GenesisOperator{
		ID: o.ID, GovernanceKey: o.GovernanceKey, NotaryKey: o.NotaryKey,
		NodeID: string(nodeKey.ID()), Address: o.Address, URL: o.URL, Namespaces: slices.Clone(o.Namespaces),
	}}
	slices.SortFunc(c.Operator.Namespaces, func(a, b reference.Namespace) int { return strings.Compare(a.String(), b.String()) })
	validator, err := h.validatorKey()
	switch {
	case err == nil && o.ValidatorKey != nil:
		return nil, fmt.Errorf("couldn't make card: the home has a validator key of its own")
	case err == nil:
		c.Operator.ValidatorKey = [32]byte(validator.PubKey.Bytes())
	case errors.Is(err, fs.ErrNotExist) && o.ValidatorKey == nil:
		return nil, fmt.Errorf("couldn't make card: %w", ErrNoValidatorKey)
	case errors.Is(err, fs.ErrNotExist):
		c.Operator.ValidatorKey = *o.ValidatorKey
	default:
		return nil, fmt.Errorf("couldn't make card: %w", err)
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't make card: %w", err)
	}
	if validator != nil {
		if c.ValidatorSignature, err = validator.PrivKey.Sign(c.Message()); err != nil {
			return nil, fmt.Errorf("couldn't sign card with validator key: %w", err)
		}
	}
	if err := durable.Write(h.cardFile(), c.Encode(), 0o644); err != nil {
		return nil, fmt.Errorf("couldn't write card: %w", err)
	}
	return c, nil
}

// homeError says of a file that is missing that there is no node.
func homeError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrNoHome, err)
	}
	return err
}

// checkFounder compares the genesis with the card that was made in this home, if
// one was: a mistake or a trick is found while it can still be undone.
func checkFounder(h Home, g *record.Genesis) error {
	b, err := readTrusted(h.cardFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("couldn't read card: %w", err)
	}
	c, err := record.DecodeCard(b)
	if err != nil {
		return fmt.Errorf("couldn't read card %s: %w", h.cardFile(), err)
	}
	for _, o := range g.Operators {
		if o.ID != c.Operator.ID {
			continue
		}
		if entry := (&record.Card{Operator: o}); !bytes.Equal(entry.Message(), c.Message()) {
			return fmt.Errorf("%w: it says something else of operator %q", ErrNotFounder, o.ID)
		}
		return nil
	}
	return fmt.Errorf("%w: it names no operator %q", ErrNotFounder, c.Operator.ID)
}
