package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// The JSON form of parameters, in a genesis and where people read or set them.
type (
	paramsJSON struct {
		TrustingPeriod uint64           `json:"trusting_period_seconds"`
		RootHorizon    uint64           `json:"root_horizon_seconds"`
		TargetsHorizon uint64           `json:"targets_horizon_seconds"`
		MaxBlockWork   uint64           `json:"max_block_work"`
		Quotas         []quotaJSON      `json:"repository_quotas"`
		OperatorQuota  quotaJSON        `json:"operator_quota"`
		Activations    []activationJSON `json:"activations"`
	}
	quotaJSON struct {
		Capacity uint32 `json:"capacity"`
		Refill   uint32 `json:"refill_blocks"`
	}
	activationJSON struct {
		Feature uint16 `json:"feature"`
		Height  uint64 `json:"height"`
	}
)

func (p *Params) json() paramsJSON {
	j := paramsJSON{
		TrustingPeriod: uint64(p.TrustingPeriod / time.Second),
		RootHorizon:    uint64(p.RootHorizon / time.Second),
		TargetsHorizon: uint64(p.TargetsHorizon / time.Second),
		MaxBlockWork:   p.MaxBlockWork,
		OperatorQuota:  quotaJSON(p.OperatorQuota),
		Activations:    []activationJSON{},
	}
	for _, q := range p.Quotas {
		j.Quotas = append(j.Quotas, quotaJSON(q))
	}
	for _, a := range p.Activations {
		j.Activations = append(j.Activations, activationJSON{uint16(a.Feature), a.Height})
	}
	return j
}

func (j *paramsJSON) params() (Params, error) {
	var p Params
	if len(j.Quotas) != len(p.Quotas) {
		return p, fmt.Errorf("%d repository quotas instead of %d", len(j.Quotas), len(p.Quotas))
	}
	for _, s := range []uint64{j.TrustingPeriod, j.RootHorizon, j.TargetsHorizon} {
		if s > uint64(MaxTime/time.Second) {
			return p, fmt.Errorf("period of %d seconds", s)
		}
	}
	p = Params{
		TrustingPeriod: time.Duration(j.TrustingPeriod) * time.Second,
		RootHorizon:    time.Duration(j.RootHorizon) * time.Second,
		TargetsHorizon: time.Duration(j.TargetsHorizon) * time.Second,
		MaxBlockWork:   j.MaxBlockWork,
		OperatorQuota:  Quota(j.OperatorQuota),
	}
	for i, q := range j.Quotas {
		p.Quotas[i] = Quota(q)
	}
	for _, a := range j.Activations {
		p.Activations = append(p.Activations, Activation{Feature(a.Feature), a.Height})
	}
	return p, nil
}

// EncodeJSON returns the parameters as they stand in a canonical genesis.
func (p *Params) EncodeJSON() []byte { return marshal(p.json()) }

// Set changes one parameter, by its name in a genesis and to a value in JSON. It
// does not judge the result; Validate does. Errors wrap ErrParams.
func (p *Params) Set(name, value string) error {
	fields := make(map[string]json.RawMessage)
	if err := json.Unmarshal(p.EncodeJSON(), &fields); err != nil {
		return fmt.Errorf("%w: %w", ErrParams, err)
	}
	if _, ok := fields[name]; !ok {
		return fmt.Errorf("%w: there is no parameter %q; there are %s", ErrParams, name, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
	}
	if !json.Valid([]byte(value)) {
		return fmt.Errorf("%w: %s is set to %q, which is not JSON", ErrParams, name, value)
	}
	fields[name] = json.RawMessage(value)
	b, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrParams, name, err)
	}
	var j paramsJSON
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrParams, name, err)
	}
	changed, err := j.params()
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrParams, name, err)
	}
	*p = changed
	return nil
}
