package main

import (
	"encoding/json"
	"strings"
	"testing"

	"hullmark/app"
	"hullmark/internal/fixture"
	"hullmark/proto"
)

// TestGenesisAddresses: whoever finds a validator's address in a log finds its operator
// in the genesis, in text and in JSON.
func TestGenesisAddresses(t *testing.T) {
	g := fixture.NewConsortium(t, 4).Genesis()
	a := newGenesisAnswer(g)
	var text table
	a.text(&text)
	b, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Validators []struct{ Operator, Address string }
	}
	if err := json.Unmarshal(b, &answer); err != nil || len(answer.Validators) != 4 {
		t.Fatalf("%s, %v", b, err)
	}
	for i, o := range g.Operators {
		address := app.ValidatorAddress(o)
		if len(address) != 40 || strings.ToUpper(address) != address || !strings.Contains(text.String(), address) {
			t.Errorf("%s: address %q in\n%s", o.ID, address, &text)
		}
		if v := answer.Validators[i]; v.Operator != o.ID || v.Address != address {
			t.Errorf("%+v, want %s of %s", v, address, o.ID)
		}
	}
}

// TestPeersAreCountedApart: peers that are no validators don't pass for validators.
func TestPeersAreCountedApart(t *testing.T) {
	for want, s := range map[string]*proto.StatusResponse{
		"5; 3 of the 3 other validators": {Peers: 5, ValidatorPeers: 3, Validators: 4, Validator: true},
		"5; 1 of the 4 other validators": {Peers: 5, ValidatorPeers: 1, Validators: 4},
		"0; 0 of the 0 other validators": {Validators: 1, Validator: true},
	} {
		if got := peersOf(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
