package record_test

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
)

// newCard returns a signed card; its keys follow from the id.
func newCard(t testing.TB, id string, namespaces ...string) *record.Card {
	t.Helper()
	o := genesisOperator(t, id, namespaces...)
	node := hashOf(id + " node")
	o.NodeID, o.URL = hex.EncodeToString(node[:20]), "https://"+id+".example.com:26680"
	c := &record.Card{Operator: o}
	signCard(t, c)
	return c
}

// signCard signs a card's content anew with the keys its id stands for.
func signCard(t testing.TB, c *record.Card) {
	t.Helper()
	c.GovernanceSignature = signFixed(t, edSigner(c.Operator.ID+" governance"), c.Message())
	c.ValidatorSignature = signFixed(t, edSigner(c.Operator.ID+" validator"), c.Message())
}

func signFixed(t testing.TB, by crypto.Signer, message []byte) []byte {
	t.Helper()
	signature, err := keys.SignFixed(by, message)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func cards(t testing.TB) []*record.Card {
	t.Helper()
	return []*record.Card{
		newCard(t, "acme", "docker.io/library", "registry.example.com"), newCard(t, "bolt", "registry.bolt.example"),
		newCard(t, "core"), newCard(t, "dune", "localhost:5000"),
	}
}

func TestCardRoundTrip(t *testing.T) {
	whole := newCard(t, "acme", "docker.io/library", "registry.example.com")
	remote := newCard(t, "acme")
	remote.ValidatorSignature = nil
	unsigned := newCard(t, "acme")
	unsigned.GovernanceSignature = nil
	for _, c := range []*record.Card{whole, remote, unsigned} {
		got, err := record.DecodeCard(c.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c, got, compare, cmp.Comparer(func(a, b reference.Namespace) bool { return a == b })); d != "" {
			t.Error(d)
		}
	}
	// A genesis carries the very bytes that were signed.
	g, err := founding(t).Genesis(cards(t))
	if err != nil {
		t.Fatal(err)
	}
	signed := bytes.TrimPrefix(cards(t)[0].Message(), []byte("hullmark/operator-card/v1\n"))
	if !bytes.Contains(g.Encode(), signed) {
		t.Errorf("the genesis does not carry %s", signed)
	}
}

func cardClass(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, record.ErrNewer):
		return "newer"
	case errors.Is(err, record.ErrCard):
		return "invalid"
	default:
		return "unexpected: " + err.Error()
	}
}

type cardText struct {
	Name string `json:"name"`
	// Want is "ok", "invalid" or "newer" from the decoder; "unverified" is a card that
	// is well formed and does not verify.
	Want    string `json:"want"`
	Card    string `json:"card"`
	Message string `json:"message,omitempty"`
}

// cardTexts are texts near the canonical form of one card.
func cardTexts(t testing.TB) []cardText {
	t.Helper()
	c := newCard(t, "acme", "registry.example.com")
	canonical := string(c.Encode())
	out := []cardText{{Name: "canonical", Want: "ok", Card: canonical, Message: string(c.Message())}}
	change := func(name, want string, change func(c *record.Card)) {
		c := newCard(t, "acme", "registry.example.com")
		change(c)
		out = append(out, cardText{Name: name, Want: want, Card: string(c.Encode())})
	}
	resigned := func(name, want string, edit func(o *record.GenesisOperator)) {
		change(name, want, func(c *record.Card) { edit(&c.Operator); signCard(t, c) })
	}
	resigned("https without port", "ok", func(o *record.GenesisOperator) { o.URL = "https://acme.example.com" })
	resigned("IPv6", "ok", func(o *record.GenesisOperator) { o.Address, o.URL = "[2001:db8::1]:26656", "http://[2001:db8::1]" })
	resigned("no namespace", "ok", func(o *record.GenesisOperator) { o.Namespaces = nil })
	change("key held by a remote signer", "ok", func(c *record.Card) { c.ValidatorSignature = nil })
	change("governance key on P-256", "unverified", func(c *record.Card) { c.Operator.GovernanceKey = p256Key(t, "acme governance") })
	change("not signed yet", "unverified", func(c *record.Card) { c.GovernanceSignature = nil })
	change("signed by another key", "unverified", func(c *record.Card) {
		c.GovernanceSignature = signFixed(t, edSigner("bolt governance"), c.Message())
	})
	change("signed without domain tag", "unverified", func(c *record.Card) {
		c.GovernanceSignature = signFixed(t, edSigner("acme governance"), c.Message()[len("hullmark/operator-card/v1\n"):])
	})
	change("validator key not held", "unverified", func(c *record.Card) { c.ValidatorSignature = bytes.Clone(c.GovernanceSignature) })
	change("changed after signing", "unverified", func(c *record.Card) { c.Operator.Address = "mallory.example.com:26656" })
	for name, edit := range map[string]func(o *record.GenesisOperator){
		"no id":                       func(o *record.GenesisOperator) { o.ID = "" },
		"one key for two purposes":    func(o *record.GenesisOperator) { o.NotaryKey = o.GovernanceKey },
		"no node id":                  func(o *record.GenesisOperator) { o.NodeID = "" },
		"node id in upper case":       func(o *record.GenesisOperator) { o.NodeID = strings.ToUpper(o.NodeID) },
		"no address":                  func(o *record.GenesisOperator) { o.Address = "" },
		"address without port":        func(o *record.GenesisOperator) { o.Address = "acme.example.com" },
		"address with port 0":         func(o *record.GenesisOperator) { o.Address = "acme.example.com:0" },
		"address with leading zero":   func(o *record.GenesisOperator) { o.Address = "acme.example.com:026656" },
		"address with a scheme":       func(o *record.GenesisOperator) { o.Address = "tcp://acme.example.com:26656" },
		"address of any":              func(o *record.GenesisOperator) { o.Address = "0.0.0.0:26656" },
		"address of any, IPv6":        func(o *record.GenesisOperator) { o.Address = "[::]:26656" },
		"address IPv6 bare":           func(o *record.GenesisOperator) { o.Address = "::1" },
		"address of an empty label":   func(o *record.GenesisOperator) { o.Address = "acme..com:26656" },
		"no url":                      func(o *record.GenesisOperator) { o.URL = "" },
		"url without scheme":          func(o *record.GenesisOperator) { o.URL = "acme.example.com" },
		"url with a path":             func(o *record.GenesisOperator) { o.URL += "/" },
		"url with a user":             func(o *record.GenesisOperator) { o.URL = "https://me@acme.example.com" },
		"address of any, written out": func(o *record.GenesisOperator) { o.Address = "[0:0:0:0:0:0:0:0]:26656" },
		"address of any, mapped":      func(o *record.GenesisOperator) { o.Address = "[::ffff:0.0.0.0]:26656" },
		"address of any, mapped, hex": func(o *record.GenesisOperator) { o.Address = "[::ffff:0:0]:26656" },
		"address of any, short":       func(o *record.GenesisOperator) { o.Address = "0:26656" },
		"address with leading zeros":  func(o *record.GenesisOperator) { o.Address = "00.0.0.0:26656" },
		"address of three numbers":    func(o *record.GenesisOperator) { o.Address = "10.0.1:26656" },
		"address out of range":        func(o *record.GenesisOperator) { o.Address = "256.0.0.1:26656" },
		"IPv6 that is none":           func(o *record.GenesisOperator) { o.Address = "[1:2]:26656" },
		"IPv6 with a zone":            func(o *record.GenesisOperator) { o.Address = "[fe80::1%eth0]:26656" },
		"url of any":                  func(o *record.GenesisOperator) { o.URL = "https://0.0.0.0:26680" },
		"url too long":                func(o *record.GenesisOperator) { o.URL = "https://" + strings.Repeat("a", 256) },
		"namespace twice":             func(o *record.GenesisOperator) { o.Namespaces = slices.Repeat(o.Namespaces, 2) },
		"validator key not on curve":  func(o *record.GenesisOperator) { o.ValidatorKey = [32]byte{2} },
	} {
		resigned(name, "invalid", edit)
	}
	replace := func(name, want, old, new string) {
		if strings.Count(canonical, old) != 1 {
			t.Fatalf("%s: %q is not once in %s", name, old, canonical)
		}
		out = append(out, cardText{Name: name, Want: want, Card: strings.Replace(canonical, old, new, 1)})
	}
	governance := hex.EncodeToString(c.GovernanceSignature)
	replace("newer format", "newer", `"format":1,`, `"format":2,`)
	replace("newer format with an unknown field", "newer", `"format":1,`, `"format":2,"colour":"red",`)
	replace("no format", "invalid", `"format":1,`, ``)
	replace("format zero", "invalid", `"format":1,`, `"format":0,`)
	replace("unknown field", "invalid", `"format":1,`, `"format":1,"colour":"red",`)
	replace("repeated field", "invalid", `"id":"acme",`, `"id":"acme","id":"acme",`)
	replace("missing field", "invalid", `"url":"https://acme.example.com:26680",`, ``)
	replace("escape", "invalid", `"id":"acme"`, `"id":"\u0061cme"`)
	replace("null list", "invalid", `"namespaces":["registry.example.com"]`, `"namespaces":null`)
	replace("signature in upper case", "invalid", governance, strings.ToUpper(governance))
	replace("signature cut short", "invalid", governance, governance[:126])
	replace("signature not hex", "invalid", governance, "zz"+governance[2:])
	out = append(out,
		cardText{Name: "data behind", Want: "invalid", Card: canonical + "{}"},
		cardText{Name: "cut short", Want: "invalid", Card: canonical[:len(canonical)-1]},
		cardText{Name: "empty", Want: "invalid"},
		cardText{Name: "null", Want: "invalid", Card: "null"},
	)
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(canonical), "", "  "); err != nil {
		t.Fatal(err)
	}
	out = append(out, cardText{Name: "indented", Want: "ok", Card: indented.String() + "\n", Message: string(c.Message())})
	slices.SortStableFunc(out, func(a, b cardText) int { return strings.Compare(a.Want+a.Name, b.Want+b.Name) })
	return out
}

func TestCardVectors(t *testing.T) {
	var stored []cardText
	if err := json.Unmarshal(checkFile(t, "card", cardTexts(t)), &stored); err != nil {
		t.Fatal(err)
	}
	for _, v := range stored {
		c, err := record.DecodeCard([]byte(v.Card))
		got := cardClass(err)
		if err == nil && cardClass(c.Verify()) == "invalid" {
			got = "unverified"
		}
		if got != v.Want {
			t.Errorf("%s: %s (%v), want %s", v.Name, got, err, v.Want)
		}
		if v.Message != "" && err == nil && string(c.Message()) != v.Message {
			t.Errorf("%s: message %q, want %q", v.Name, c.Message(), v.Message)
		}
	}
	large := append(newCard(t, "acme").Encode(), bytes.Repeat([]byte{' '}, record.MaxCardSize)...)
	if _, err := record.DecodeCard(large); !errors.Is(err, record.ErrCard) {
		t.Errorf("a card that is too large: %v", err)
	}
}

func founding(t testing.TB) record.Founding {
	t.Helper()
	return record.Founding{Name: "demo", Time: at(0, 0), Params: record.DefaultParams()}
}

// TestFoundingOrder: the same cards give the same genesis whoever puts them together.
func TestFoundingOrder(t *testing.T) {
	all := cards(t)
	want, err := founding(t).Genesis(all)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	got, err := founding(t).Genesis(all)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want.Encode(), got.Encode()) {
		t.Errorf("%s\n%s", want.Encode(), got.Encode())
	}
}

func TestFoundingRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		want   error
		text   string
		change func(f *record.Founding, c []*record.Card) []*record.Card
	}{
		"three operators": {record.ErrGenesis, "3 operators", func(_ *record.Founding, c []*record.Card) []*record.Card { return c[:3] }},
		"no operator, in development": {record.ErrGenesis, "0 operators", func(f *record.Founding, _ []*record.Card) []*record.Card {
			f.Development = true
			return nil
		}},
		"a card twice": {record.ErrCard, "same id", func(_ *record.Founding, c []*record.Card) []*record.Card { return append(c, c[0]) }},
		"an unsigned card": {record.ErrCard, "not signed it yet", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].GovernanceSignature = nil
			return c
		}},
		"a forged card": {record.ErrCard, "signature by the governance key", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].Operator.Address = "mallory.example.com:1"
			return c
		}},
		"a claimed validator key": {record.ErrCard, "same key", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].Operator.ValidatorKey = c[0].Operator.ValidatorKey
			signCard(t, c[1])
			c[1].ValidatorSignature = nil
			return c
		}},
		"a shared notary key": {record.ErrCard, "same key", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].Operator.NotaryKey = c[0].Operator.NotaryKey
			signCard(t, c[1])
			return c
		}},
		"a shared node id": {record.ErrCard, "same node id", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].Operator.NodeID = c[0].Operator.NodeID
			signCard(t, c[1])
			return c
		}},
		"a shared address": {record.ErrCard, "same address", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].Operator.Address = c[0].Operator.Address
			signCard(t, c[1])
			return c
		}},
		"a shared url": {record.ErrCard, "same url", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].Operator.URL = c[0].Operator.URL
			signCard(t, c[1])
			return c
		}},
		"a namespace inside another's": {record.ErrCard, "overlap", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[1].Operator.Namespaces = []reference.Namespace{reference.MustParseNamespace("docker.io/library/team")}
			signCard(t, c[1])
			return c
		}},
		"a namespace around another's": {record.ErrCard, "overlap", func(_ *record.Founding, c []*record.Card) []*record.Card {
			c[2].Operator.Namespaces = []reference.Namespace{reference.MustParseNamespace("docker.io")}
			signCard(t, c[2])
			return c
		}},
		"a bad name":      {record.ErrGenesis, "name", func(f *record.Founding, c []*record.Card) []*record.Card { f.Name = "Demo"; return c }},
		"bad parameters":  {record.ErrGenesis, "max_block_work", func(f *record.Founding, c []*record.Card) []*record.Card { f.Params.MaxBlockWork = 0; return c }},
		"parts of second": {record.ErrGenesis, "whole seconds", func(f *record.Founding, c []*record.Card) []*record.Card { f.Time = at(0, 1); return c }},
	} {
		t.Run(name, func(t *testing.T) {
			f := founding(t)
			list := tc.change(&f, cards(t))
			if _, err := f.Genesis(list); !errors.Is(err, tc.want) || !strings.Contains(fmt.Sprint(err), tc.text) {
				t.Errorf("%v, want %v: %s", err, tc.want, tc.text)
			}
		})
	}
	f := founding(t)
	f.Development = true
	if _, err := f.Genesis(cards(t)[:1]); err != nil {
		t.Errorf("one operator, in development: %v", err)
	}
}

func TestParamsSet(t *testing.T) {
	p := record.DefaultParams()
	for _, set := range [][2]string{
		{"max_block_work", "123"}, {"operator_quota", `{"capacity":5,"refill_blocks":2}`}, {"trusting_period_seconds", "60"},
	} {
		if err := p.Set(set[0], set[1]); err != nil {
			t.Error(err)
		}
	}
	if p.MaxBlockWork != 123 || p.OperatorQuota != (record.Quota{Capacity: 5, Refill: 2}) || p.TrustingPeriod.Seconds() != 60 {
		t.Errorf("%+v", p)
	}
	before := p
	for _, set := range [][2]string{
		{"colour", "1"}, {"max_block_work", "many"}, {"max_block_work", `"1"`}, {"max_block_work", "-1"}, {"max_block_work", "1.5"},
		{"operator_quota", `{"capacity":5,"colour":2}`}, {"repository_quotas", "[]"}, {"trusting_period_seconds", "18446744073709551615"},
		{"max_block_work", `1,"operator_quota":null`}, {"max_block_work", ""},
	} {
		if err := p.Set(set[0], set[1]); !errors.Is(err, record.ErrParams) {
			t.Errorf("%s=%s: %v", set[0], set[1], err)
		}
	}
	if d := cmp.Diff(before, p); d != "" {
		t.Errorf("a refused value left its mark:\n%s", d)
	}
}

func FuzzCard(f *testing.F) {
	for _, c := range cardTexts(f) {
		f.Add([]byte(c.Card))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := record.DecodeCard(b)
		if err != nil {
			if class := cardClass(err); class != "invalid" && class != "newer" {
				t.Fatal(class)
			}
			return
		}
		again, err := record.DecodeCard(c.Encode())
		if err != nil || !bytes.Equal(again.Encode(), c.Encode()) {
			t.Fatalf("decoded again: %v", err)
		}
		// Whatever was accepted can be judged.
		if err := c.Verify(); err != nil && !errors.Is(err, record.ErrCard) {
			t.Fatal(err)
		}
	})
}
