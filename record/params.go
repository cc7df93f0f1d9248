package record

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"
)

// ErrParams is returned for parameters no network may have.
var ErrParams = errors.New("parameters out of range")

// Params are the rules governance may change. They are the map value under
// ParamsKey, and the app hash commits to their hash once more (docs/spec.md,
// "Parameters").
type Params struct {
	// TrustingPeriod is how long clients may trust a light block.
	TrustingPeriod time.Duration
	// RootHorizon and TargetsHorizon are how far ahead of block time metadata
	// may expire.
	RootHorizon    time.Duration
	TargetsHorizon time.Duration
	// MaxBlockWork bounds the sum of the work of a block's transactions.
	MaxBlockWork uint64
	// Quotas of a repository for ordinary, revoking and root-signed
	// transactions, and of an operator for what it pays for.
	Quotas        [3]Quota
	OperatorQuota Quota
	// Activations are the heights from which optional features hold,
	// ascending by feature.
	Activations []Activation
}

// Quota describes a token bucket: how much it holds and how many blocks bring
// one token back. A capacity of zero means no quota.
type Quota struct {
	Capacity uint32
	Refill   uint32
}

// Feature is an optional part of the rules.
type Feature uint16

// The features. Numbers are never reused; 1 to 3 were given up before
// their use.
const (
	FeatureGovernance Feature = 4
	FeatureNotary     Feature = 5
)

// Activation is the height from which a feature holds.
type Activation struct {
	Feature Feature
	Height  uint64
}

// DefaultParams returns the parameters of a new network.
func DefaultParams() Params {
	const day = 24 * time.Hour
	return Params{
		TrustingPeriod: 14 * day,
		RootHorizon:    10 * 365 * day,
		TargetsHorizon: 3 * 365 * day,
		MaxBlockWork:   20_000,
		// For blocks about a second apart: the capacity is the burst a bucket
		// takes, the refill the pace it takes for ever.
		Quotas: [3]Quota{
			// A pipeline publishes 120 times in a row and then every ten seconds.
			QuotaOrdinary: {Capacity: 120, Refill: 10},
			// A stolen tagging key revokes with 32 statements in a row and then with
			// one a minute.
			QuotaRevoking: {Capacity: 32, Refill: 60},
			// People with offline keys; two minutes are less than it takes them.
			QuotaRoot: {Capacity: 16, Refill: 120},
		},
		// A registry of 1,000 repositories comes in at once, 43,200 a day.
		OperatorQuota: Quota{Capacity: 1000, Refill: 2},
	}
}

// Active reports whether a feature holds at a height.
func (p *Params) Active(f Feature, height uint64) bool {
	for _, a := range p.Activations {
		if a.Feature == f {
			return height >= a.Height
		}
	}
	return false
}

// Validate reports values no network may have.
func (p *Params) Validate() error {
	whole := func(d time.Duration) bool { return d > 0 && d%time.Second == 0 }
	switch {
	case !whole(p.TrustingPeriod), !whole(p.RootHorizon), !whole(p.TargetsHorizon):
		return fmt.Errorf("%w: periods must be positive whole seconds", ErrParams)
	case p.MaxBlockWork == 0 || p.MaxBlockWork > 1<<62:
		return fmt.Errorf("%w: max_block_work", ErrParams)
	case len(p.Activations) > MaxActivations:
		return fmt.Errorf("%w: too many activations", ErrParams)
	}
	for i, a := range p.Activations {
		if i > 0 && p.Activations[i-1].Feature >= a.Feature {
			return fmt.Errorf("%w: activations not ascending", ErrParams)
		}
	}
	for _, q := range append(p.Quotas[:], p.OperatorQuota) {
		if (q.Capacity == 0) != (q.Refill == 0) {
			return fmt.Errorf("%w: a quota needs both capacity and refill", ErrParams)
		}
	}
	return nil
}

// Encode returns the map value.
func (p *Params) Encode() []byte {
	var e encoder
	e.u8(FormatVersion)
	for _, d := range []time.Duration{p.TrustingPeriod, p.RootHorizon, p.TargetsHorizon} {
		e.u64(uint64(d / time.Second))
	}
	e.u64(p.MaxBlockWork)
	for _, q := range []Quota{p.Quotas[0], p.Quotas[1], p.Quotas[2], p.OperatorQuota} {
		e.u32(q.Capacity)
		e.u32(q.Refill)
	}
	e.u16(uint16(len(p.Activations)))
	for _, a := range p.Activations {
		e.u16(uint16(a.Feature))
		e.u64(a.Height)
	}
	return e
}

// DecodeParams is the inverse of Params.Encode.
func DecodeParams(b []byte) (*Params, error) {
	d := decoder{b: b}
	p := new(Params)
	d.version()
	for _, v := range []*time.Duration{&p.TrustingPeriod, &p.RootHorizon, &p.TargetsHorizon} {
		s := d.u64()
		if s > uint64(MaxTime/time.Second) {
			d.fail("period of %d seconds", s)
		}
		*v = time.Duration(s) * time.Second
	}
	p.MaxBlockWork = d.u64()
	for _, q := range []*Quota{&p.Quotas[0], &p.Quotas[1], &p.Quotas[2], &p.OperatorQuota} {
		*q = Quota{Capacity: d.u32(), Refill: d.u32()}
	}
	for range d.count(MaxActivations) {
		p.Activations = append(p.Activations, Activation{Feature: Feature(d.u16()), Height: d.u64()})
	}
	if err := d.end("parameters"); err != nil {
		return nil, err
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't decode parameters: %w: %w", ErrEncoding, err)
	}
	return p, nil
}

// Meta is the leaf of the app hash that commits to the format and the
// parameters (docs/spec.md, "App hash").
type Meta struct {
	ParamsHash [32]byte
}

// MetaOf returns the meta leaf for parameters.
func MetaOf(p *Params) Meta { return Meta{ParamsHash: sha256.Sum256(p.Encode())} }

// Encode returns the leaf.
func (m Meta) Encode() []byte {
	var e encoder
	e.u8(FormatVersion)
	e.raw(m.ParamsHash[:])
	return e
}

// DecodeMeta is the inverse of Meta.Encode.
func DecodeMeta(b []byte) (Meta, error) {
	d := decoder{b: b}
	d.version()
	m := Meta{ParamsHash: d.hash()}
	if err := d.end("meta leaf"); err != nil {
		return Meta{}, err
	}
	return m, nil
}
