package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/record"
)

func TestGenesisRoundTrip(t *testing.T) {
	g := fixture.NewConsortium(t, 4).Genesis()
	doc, err := EncodeGenesis(g)
	if err != nil {
		t.Fatal(err)
	}
	h := emptyHome(t)
	// White space is free; what is installed is always the same bytes.
	var spaced bytes.Buffer
	if err := json.Indent(&spaced, doc, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	for _, text := range [][]byte{doc, spaced.Bytes()} {
		got, err := InstallGenesis(h, text)
		if err != nil {
			t.Fatal(err)
		}
		if got.LedgerID() != g.LedgerID() || !bytes.Equal(readFile(t, h.genesisFile()), doc) {
			t.Error("another genesis was installed")
		}
		if loaded, err := LoadGenesis(h); err != nil || !bytes.Equal(loaded.Encode(), g.Encode()) {
			t.Errorf("another genesis was loaded: %v", err)
		}
	}
}

// emptyHome makes a home without genesis.
func emptyHome(t *testing.T) Home {
	t.Helper()
	h := Home(t.TempDir())
	if _, err := Init(h, InitOptions{Moniker: "empty", Config: quick(), Engine: quickEngine}); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestOneLedgerPerHome: what lies in a home belongs to one ledger for ever.
func TestOneLedgerPerHome(t *testing.T) {
	h, _ := newHome(t, 1)
	before := readFile(t, h.genesisFile())
	doc, err := EncodeGenesis(fixture.NewConsortium(t, 4).Genesis())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InstallGenesis(h, doc); !errors.Is(err, ErrOtherLedger) {
		t.Error(err)
	}
	if !bytes.Equal(readFile(t, h.genesisFile()), before) {
		t.Error("the genesis has changed")
	}
	if _, err := InstallGenesis(h, before); err != nil {
		t.Errorf("the same again: %v", err)
	}
}

// TestGenesisRefuses: the file is what its own app_state makes, or it is none.
func TestGenesisRefuses(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	doc, err := EncodeGenesis(c.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	tests := []struct {
		name   string
		change func(d object)
	}{
		{"chain id", func(d object) { d["chain_id"] = "fixture-0000000000000000" }},
		{"no chain id", func(d object) { delete(d, "chain_id") }},
		{"time", func(d object) { d["genesis_time"] = "2026-01-01T00:00:01Z" }},
		{"initial height", func(d object) { d["initial_height"] = "2" }},
		{"app hash", func(d object) { d["app_hash"] = "00" }},
		{"no app state", func(d object) { delete(d, "app_state") }},
		{"app state is no object", func(d object) { d["app_state"] = "x" }},
		{"app state with another field", func(d object) { d["app_state"].(object)["x"] = 1 }},
		{"name of the ledger", func(d object) { d["app_state"].(object)["name"] = "other" }},
		{"no validators", func(d object) { delete(d, "validators") }},
		{"a validator less", func(d object) { d["validators"] = d["validators"].([]any)[1:] }},
		{"power", func(d object) { d["validators"].([]any)[0].(object)["power"] = "11" }},
		{"name of a validator", func(d object) { d["validators"].([]any)[0].(object)["name"] = "mallory" }},
		{"key of a validator", func(d object) {
			v := d["validators"].([]any)
			v[0].(object)["pub_key"] = v[1].(object)["pub_key"]
			v[0].(object)["address"] = v[1].(object)["address"]
		}},
		{"order of validators", func(d object) { v := d["validators"].([]any); v[0], v[1] = v[1], v[0] }},
		{"size of blocks", func(d object) { d["consensus_params"].(object)["block"].(object)["max_bytes"] = "1000" }},
		{"work of blocks", func(d object) { d["consensus_params"].(object)["block"].(object)["max_gas"] = "-1" }},
		{"age of evidence", func(d object) { d["consensus_params"].(object)["evidence"].(object)["max_age_duration"] = "1" }},
		{"application version", func(d object) { d["consensus_params"].(object)["version"].(object)["app"] = "2" }},
		{"no consensus parameters", func(d object) { delete(d, "consensus_params") }},
	}
	refused := func(t *testing.T, text []byte) {
		t.Helper()
		h := homeWith(t, "")
		if _, err := InstallGenesis(h, text); !errors.Is(err, record.ErrGenesis) {
			t.Errorf("installed: error %v, want record.ErrGenesis", err)
		}
		if _, err := os.Stat(h.genesisFile()); err == nil {
			t.Error("a file was written")
		}
		replaceFile(t, h.genesisFile(), text)
		if _, err := LoadGenesis(h); !errors.Is(err, record.ErrGenesis) {
			t.Errorf("loaded: error %v, want record.ErrGenesis", err)
		}
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			var d object
			if err := json.Unmarshal(doc, &d); err != nil {
				t.Fatal(err)
			}
			tc.change(d)
			text, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			refused(t, text)
		})
	}
	for name, text := range map[string]string{
		"empty": "", "no JSON": "{", "cut short": string(doc[:len(doc)/2]), "twice": string(doc) + string(doc),
		"an array": "[]", "null": "null",
	} {
		t.Run(name, func(t *testing.T) { refused(t, []byte(text)) })
	}
}

func FuzzGenesisDoc(f *testing.F) {
	doc, err := EncodeGenesis(fixture.NewConsortium(f, 4).Genesis())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add(bytes.Replace(doc, []byte(`"power": "10"`), []byte(`"power": "11"`), 1))
	f.Add(bytes.Replace(doc, []byte(`"app_hash": ""`), []byte(`"app_hash": "00"`), 1))
	f.Add([]byte(`{"app_state":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := DecodeGenesis(b)
		if err != nil {
			return
		}
		again, err := EncodeGenesis(g)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := DecodeGenesis(again); err != nil || h.LedgerID() != g.LedgerID() {
			t.Fatalf("decoded again: %v", err)
		}
	})
}
