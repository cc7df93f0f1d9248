package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
)

func genesisOperator(t testing.TB, id string, namespaces ...string) record.GenesisOperator {
	t.Helper()
	o := record.GenesisOperator{
		ID: id, GovernanceKey: edKey(t, id+" governance"), NotaryKey: edKey(t, id+" notary"),
		ValidatorKey: validatorKey(id + " validator"), NodeID: "0123456789abcdef0123456789abcdef01234567",
		Address: id + ".example.com:26656", URL: "https://" + id + ".example.com",
	}
	for _, n := range namespaces {
		o.Namespaces = append(o.Namespaces, reference.MustParseNamespace(n))
	}
	return o
}

func sampleGenesis(t testing.TB) *record.Genesis {
	t.Helper()
	params := record.DefaultParams()
	params.Quotas = [3]record.Quota{{Capacity: 1, Refill: 2}, {Capacity: 3, Refill: 4}, {Capacity: 5, Refill: 6}}
	params.OperatorQuota = record.Quota{Capacity: 7, Refill: 8}
	params.Activations = []record.Activation{{Feature: record.FeatureGovernance, Height: 10}}
	acme := genesisOperator(t, "acme", "docker.io/library", "registry.example.com")
	acme.GovernanceKey = p256Key(t, "acme governance")
	return &record.Genesis{
		Name: "demo", Time: at(0, 0), InitialHeight: 1, Params: params,
		Operators: []record.GenesisOperator{acme, genesisOperator(t, "bolt", "registry.example.com/team"), genesisOperator(t, "core")},
	}
}

func smallGenesis(t testing.TB) *record.Genesis {
	t.Helper()
	return &record.Genesis{
		Name: "dev", Time: at(0, 0), InitialHeight: 5, Params: record.DefaultParams(),
		Operators: []record.GenesisOperator{genesisOperator(t, "solo")},
	}
}

func TestGenesisRoundTrip(t *testing.T) {
	for _, g := range []*record.Genesis{sampleGenesis(t), smallGenesis(t)} {
		b := g.Encode()
		got, err := record.DecodeGenesis(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(g, got, compare, cmp.Comparer(func(a, b reference.Namespace) bool { return a == b })); d != "" {
			t.Error(d)
		}
		if again := got.Encode(); !bytes.Equal(again, b) {
			t.Errorf("encoded again: %s", again)
		}
	}
}

type genesisText struct {
	Name     string `json:"name"`
	Want     string `json:"want"` // "ok", "invalid" or "newer"
	Genesis  string `json:"genesis"`
	LedgerID string `json:"ledger_id,omitempty"`
	text     string
}

// genesisTexts are texts near the canonical form of one genesis.
func genesisTexts(t testing.TB) []genesisText {
	t.Helper()
	g := smallGenesis(t)
	canonical := string(g.Encode())
	full := sampleGenesis(t)
	out := []genesisText{
		{Name: "canonical", Want: "ok", text: canonical, LedgerID: g.LedgerID()},
		{Name: "three operators, every field", Want: "ok", text: string(full.Encode()), LedgerID: full.LedgerID()},
	}
	indent := func(prefix, by string) string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(canonical), prefix, by); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	out = append(out,
		genesisText{Name: "indented", Want: "ok", text: indent("", "  "), LedgerID: g.LedgerID()},
		genesisText{Name: "indented with tabs and carriage returns", Want: "ok", text: strings.ReplaceAll(indent("", "\t"), "\n", "\r\n"), LedgerID: g.LedgerID()},
		genesisText{Name: "newline behind", Want: "ok", text: canonical + "\n", LedgerID: g.LedgerID()},
	)
	replace := func(name, want, old, new string) {
		if strings.Count(canonical, old) != 1 {
			t.Fatalf("%s: %q is not once in %s", name, old, canonical)
		}
		out = append(out, genesisText{Name: name, Want: want, text: strings.Replace(canonical, old, new, 1)})
	}
	replace("newer format", "newer", `"format":1,`, `"format":2,`)
	replace("newer format with an unknown field", "newer", `"format":1,`, `"format":2,"colour":"red",`)
	replace("format zero", "invalid", `"format":1,`, `"format":0,`)
	replace("no format", "invalid", `"format":1,`, ``)
	replace("repeated field", "invalid", `"name":"dev",`, `"name":"dev","name":"dev",`)
	replace("repeated field with another value before", "invalid", `"name":"dev",`, `"name":"other","name":"dev",`)
	replace("unknown field", "invalid", `"name":"dev",`, `"name":"dev","colour":"red",`)
	replace("unknown field of an operator", "invalid", `"id":"solo",`, `"id":"solo","colour":"red",`)
	replace("other order", "invalid", `"format":1,"name":"dev",`, `"name":"dev","format":1,`)
	replace("field name in upper case", "invalid", `"name":"dev",`, `"Name":"dev",`)
	replace("missing field", "invalid", `"initial_height":5,`, ``)
	replace("missing address", "invalid", `"address":"solo.example.com:26656",`, ``)
	replace("missing url", "invalid", `"url":"https://solo.example.com",`, ``)
	replace("null list", "invalid", `"namespaces":[]`, `"namespaces":null`)
	replace("null quotas", "invalid", `"repository_quotas":[{"capacity":120,"refill_blocks":10},{"capacity":32,"refill_blocks":60},{"capacity":16,"refill_blocks":120}]`, `"repository_quotas":null`)
	replace("two quotas", "invalid", `"repository_quotas":[{"capacity":120,"refill_blocks":10},`, `"repository_quotas":[`)
	replace("four quotas", "invalid", `"repository_quotas":[`, `"repository_quotas":[{"capacity":0,"refill_blocks":0},`)
	replace("escape", "invalid", `"name":"dev"`, `"name":"\u0064ev"`)
	replace("number with a fraction", "invalid", `"initial_height":5`, `"initial_height":5.0`)
	replace("number with an exponent", "invalid", `"initial_height":5`, `"initial_height":5e0`)
	replace("number with a leading zero", "invalid", `"initial_height":5`, `"initial_height":05`)
	replace("negative number", "invalid", `"initial_height":5`, `"initial_height":-5`)
	replace("number as text", "invalid", `"initial_height":5`, `"initial_height":"5"`)
	replace("huge period", "invalid", `"trusting_period_seconds":1209600`, `"trusting_period_seconds":18446744073709551615`)
	second := g.Time.Format(time.RFC3339)
	replace("time with a fraction", "invalid", second, strings.Replace(second, "Z", ".000Z", 1))
	replace("time with an offset", "invalid", second, strings.Replace(second, "Z", "+00:00", 1))
	replace("time in lower case", "invalid", second, strings.ToLower(second))
	validator := fields(g.Operators[0].ValidatorKey).(string)
	replace("validator key in upper case", "invalid", validator, strings.ToUpper(validator))
	replace("validator key too short", "invalid", validator, validator[2:])
	replace("key of another scheme", "invalid", `"governance_key":{"keytype":"ed25519","scheme":"ed25519"`, `"governance_key":{"keytype":"ed25519","scheme":"ed25519ph"`)
	add := func(name, text string) { out = append(out, genesisText{Name: name, Want: "invalid", text: text}) }
	add("data behind", canonical+"{}")
	add("byte order mark", "\ufeff"+canonical)
	add("cut short", canonical[:len(canonical)-1])
	add("empty", "")
	add("null", "null")
	add("list", "["+canonical+"]")
	for i := range out {
		out[i].Genesis = out[i].text
	}
	return out
}

func genesisClass(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, record.ErrNewer):
		return "newer"
	case errors.Is(err, record.ErrGenesis):
		return "invalid"
	default:
		return "unexpected: " + err.Error()
	}
}

func TestGenesisVectors(t *testing.T) {
	var stored []genesisText
	if err := json.Unmarshal(checkFile(t, "genesis", genesisTexts(t)), &stored); err != nil {
		t.Fatal(err)
	}
	for _, v := range stored {
		g, err := record.DecodeGenesis([]byte(v.Genesis))
		if got := genesisClass(err); got != v.Want {
			t.Errorf("%s: %v, want %s", v.Name, err, v.Want)
		}
		if err == nil && g.LedgerID() != v.LedgerID {
			t.Errorf("%s: ledger id %s, want %s", v.Name, g.LedgerID(), v.LedgerID)
		}
	}
}

func TestGenesisTooLarge(t *testing.T) {
	b := append(smallGenesis(t).Encode(), bytes.Repeat([]byte{' '}, record.MaxGenesisSize)...)
	if _, err := record.DecodeGenesis(b); !errors.Is(err, record.ErrGenesis) {
		t.Error(err)
	}
	deep := bytes.Repeat([]byte{'['}, record.MaxGenesisSize)
	if _, err := record.DecodeGenesis(deep); !errors.Is(err, record.ErrGenesis) {
		t.Error(err)
	}
}

func TestGenesisValidate(t *testing.T) {
	// Each case breaks one rule. The decoder must refuse it too.
	cases := map[string]func(g *record.Genesis){
		"no name":              func(g *record.Genesis) { g.Name = "" },
		"name too long":        func(g *record.Genesis) { g.Name = strings.Repeat("a", record.MaxNameLength+1) },
		"name in upper case":   func(g *record.Genesis) { g.Name = "Demo" },
		"name with a hyphen":   func(g *record.Genesis) { g.Name = "demo-" },
		"time before 1970":     func(g *record.Genesis) { g.Time = time.Unix(-1, 0).UTC() },
		"time past 2262":       func(g *record.Genesis) { g.Time = time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC) },
		"height zero":          func(g *record.Genesis) { g.InitialHeight = 0 },
		"height too large":     func(g *record.Genesis) { g.InitialHeight = 1<<62 + 1 },
		"no operators":         func(g *record.Genesis) { g.Operators = nil },
		"parameters":           func(g *record.Genesis) { g.Params.MaxBlockWork = 0 },
		"quota":                func(g *record.Genesis) { g.Params.OperatorQuota.Refill = 0 },
		"operator id":          func(g *record.Genesis) { g.Operators[0].ID = "Acme" },
		"no operator id":       func(g *record.Genesis) { g.Operators[0].ID = "" },
		"operator twice":       func(g *record.Genesis) { g.Operators[1].ID = g.Operators[0].ID },
		"operators descending": func(g *record.Genesis) { slices.Reverse(g.Operators) },
		"rsa governance key":   func(g *record.Genesis) { g.Operators[0].GovernanceKey = rsaKey(t) },
		"no governance key":    func(g *record.Genesis) { g.Operators[0].GovernanceKey = keys.PublicKey{} },
		"ecdsa notary key":     func(g *record.Genesis) { g.Operators[0].NotaryKey = p256Key(t, "notary") },
		"no notary key":        func(g *record.Genesis) { g.Operators[0].NotaryKey = keys.PublicKey{} },
		"no validator key":     func(g *record.Genesis) { g.Operators[0].ValidatorKey = [32]byte{} },
		"weak validator key":   func(g *record.Genesis) { g.Operators[0].ValidatorKey = [32]byte{1} },
		"governance key is another's": func(g *record.Genesis) {
			g.Operators[1].GovernanceKey = g.Operators[0].GovernanceKey
		},
		"notary key is another's governance key": func(g *record.Genesis) {
			g.Operators[0].NotaryKey = g.Operators[1].GovernanceKey
		},
		"notary key is the operator's governance key": func(g *record.Genesis) {
			g.Operators[1].NotaryKey = g.Operators[1].GovernanceKey
		},
		"validator key is the notary key": func(g *record.Genesis) {
			g.Operators[1].ValidatorKey = validatorKey("bolt notary")
		},
		"validator key is another's": func(g *record.Genesis) {
			g.Operators[1].ValidatorKey = g.Operators[0].ValidatorKey
		},
		"node id too long":          func(g *record.Genesis) { g.Operators[0].NodeID = strings.Repeat("a", 65) },
		"address too long":          func(g *record.Genesis) { g.Operators[0].Address = strings.Repeat("a", 257) },
		"url too long":              func(g *record.Genesis) { g.Operators[0].URL = strings.Repeat("a", 257) },
		"url with an ampersand":     func(g *record.Genesis) { g.Operators[0].URL = "https://a/?b&c" },
		"address with a quote":      func(g *record.Genesis) { g.Operators[0].Address = `a"b` },
		"address with an ampersand": func(g *record.Genesis) { g.Operators[0].Address = `a&b` },
		"address with a newline":    func(g *record.Genesis) { g.Operators[0].Address = "a\nb" },
		"address not ASCII":         func(g *record.Genesis) { g.Operators[0].Address = "\u00e4" },
		"address not UTF-8":         func(g *record.Genesis) { g.Operators[0].Address = "\xff" },
		"namespaces descending":     func(g *record.Genesis) { slices.Reverse(g.Operators[0].Namespaces) },
		"namespace twice": func(g *record.Genesis) {
			g.Operators[2].Namespaces = slices.Repeat([]reference.Namespace{reference.MustParseNamespace("a.example")}, 2)
		},
		"namespace of two operators": func(g *record.Genesis) { g.Operators[1].Namespaces = g.Operators[0].Namespaces },
		"too many namespaces": func(g *record.Genesis) {
			for i := range record.MaxNamespaces + 1 {
				g.Operators[2].Namespaces = append(g.Operators[2].Namespaces, reference.MustParseNamespace(fmt.Sprintf("r%03d.example", i)))
			}
		},
		"too many operators": func(g *record.Genesis) {
			g.Operators = nil
			for i := range record.MaxOperators + 1 {
				g.Operators = append(g.Operators, genesisOperator(t, fmt.Sprintf("op-%03d", i)))
			}
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			g := sampleGenesis(t)
			change(g)
			if err := g.Validate(); !errors.Is(err, record.ErrGenesis) {
				t.Errorf("validated: %v", err)
			}
			if _, err := record.DecodeGenesis(g.Encode()); !errors.Is(err, record.ErrGenesis) {
				t.Errorf("decoded: %v", err)
			}
		})
	}
	g := sampleGenesis(t)
	g.Time = at(0, 1)
	if err := g.Validate(); !errors.Is(err, record.ErrGenesis) {
		t.Errorf("time in nanoseconds: %v", err)
	}
	if err := sampleGenesis(t).Validate(); err != nil {
		t.Errorf("the unchanged genesis: %v", err)
	}
}

// The id must change with anything the consortium agreed on, and fit a chain id.
func TestLedgerID(t *testing.T) {
	seen := map[string]string{sampleGenesis(t).LedgerID(): "unchanged"}
	changes := map[string]func(g *record.Genesis){
		"name":        func(g *record.Genesis) { g.Name = strings.Repeat("d", record.MaxNameLength) },
		"time":        func(g *record.Genesis) { g.Time = at(1, 0) },
		"height":      func(g *record.Genesis) { g.InitialHeight++ },
		"period":      func(g *record.Genesis) { g.Params.TrustingPeriod += time.Second },
		"quota":       func(g *record.Genesis) { g.Params.Quotas[1].Capacity++ },
		"activation":  func(g *record.Genesis) { g.Params.Activations[0].Height++ },
		"operator":    func(g *record.Genesis) { g.Operators = g.Operators[:2] },
		"operator id": func(g *record.Genesis) { g.Operators[2].ID = "cork" },
		"key":         func(g *record.Genesis) { g.Operators[2].NotaryKey = edKey(t, "new") },
		"validator":   func(g *record.Genesis) { g.Operators[2].ValidatorKey = validatorKey("new") },
		"node id":     func(g *record.Genesis) { g.Operators[2].NodeID = "" },
		"address":     func(g *record.Genesis) { g.Operators[2].Address = "" },
		"url":         func(g *record.Genesis) { g.Operators[2].URL = "" },
		"namespace":   func(g *record.Genesis) { g.Operators[0].Namespaces = g.Operators[0].Namespaces[:1] },
	}
	for name, change := range changes {
		g := sampleGenesis(t)
		change(g)
		id := g.LedgerID()
		if other, ok := seen[id]; ok {
			t.Errorf("%s gives the same ledger id as %s", name, other)
		}
		seen[id] = name
		if len(id) > record.MaxChainID || !strings.HasPrefix(id, g.Name+"-") || len(id) != len(g.Name)+17 {
			t.Errorf("%s: ledger id %q", name, id)
		}
	}
}
