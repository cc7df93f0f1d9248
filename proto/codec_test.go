package proto

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
)

func samplePublish() *Publish {
	return &Publish{Updates: []*RepositoryUpdate{{
		Repository: "registry.example.com/demo/app",
		Roots:      [][]byte{[]byte("root 2"), []byte("root 3")},
		Roles: []*RoleUpdate{
			{Role: "targets", Content: &RoleUpdate_File{File: []byte("file")}},
			{Role: "targets/ci", Content: &RoleUpdate_Delta{Delta: &Delta{
				Base: []byte{1}, Version: 7, Expires: 99,
				Put:        []*TargetRow{{Tag: "a", Digest: []byte{1, 2}, Length: 3}},
				Remove:     []string{"b", "c"},
				Signatures: []*FileSignature{{KeyId: []byte{4}, Signature: []byte{5}}},
			}}},
		},
	}}}
}

func TestCanonicalRoundTrip(t *testing.T) {
	b, err := Marshal(samplePublish())
	if err != nil {
		t.Fatal(err)
	}
	var got Publish
	if err := Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(samplePublish(), &got, protocmp.Transform()); d != "" {
		t.Error(d)
	}
}

// notCanonical are encodings of messages that are not the one they may have.
func notCanonical(t *testing.T) []encoding {
	t.Helper()
	good, err := Marshal(&RegisterRepository{Root: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	nested, err := Marshal(samplePublish())
	if err != nil {
		t.Fatal(err)
	}
	return []encoding{
		{"unknown field", new(RegisterRepository), append(append([]byte{}, good...), 0x10, 0x01)},
		{"field twice", new(RegisterRepository), append(append([]byte{}, good...), good...)},
		{"default value written", new(RegisterRepository), []byte{0x0a, 0x00}},
		{"length not minimal", new(RegisterRepository), []byte{0x0a, 0x81, 0x00, 'x'}},
		{"tag not minimal", new(RegisterRepository), []byte{0x8a, 0x00, 0x01, 'x'}},
		{"length past the end", new(RegisterRepository), []byte{0x0a, 0x05, 'x'}},
		{"huge length", new(RegisterRepository), []byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
		{"wrong wire type", new(RegisterRepository), []byte{0x08, 0x01}},
		{"group", new(RegisterRepository), []byte{0x0b, 0x0c}},
		{"cut in the tag", new(RegisterRepository), []byte{0x8a}},
		{"trailing byte", new(RegisterRepository), append(append([]byte{}, good...), 0x00)},
		{"field number zero", new(RegisterRepository), []byte{0x02, 0x00}},
		{"length without contents", new(RegisterRepository), []byte{0x0a}},
		{"fields out of order", new(TargetRow), []byte{0x18, 0x01, 0x0a, 0x01, 'a'}},
		{"number not minimal", new(TargetRow), []byte{0x18, 0x81, 0x00}},
		{"zero written", new(TargetRow), []byte{0x18, 0x00}},
		{"number twice", new(TargetRow), []byte{0x18, 0x01, 0x18, 0x01}},
		{"number above 64 bits", new(TargetRow), []byte{0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},
		{"both members of a oneof", new(RoleUpdate), []byte{0x12, 0x01, 'a', 0x1a, 0x00}},
		{"string not UTF-8", new(TargetRow), []byte{0x0a, 0x01, 0xff}},
		{"unknown field of a nested message", new(Publish), []byte{0x0a, 0x02, 0x20, 0x01}},
		{"nested field out of order", new(RoleUpdate), []byte{0x1a, 0x04, 0x18, 0x01, 0x10, 0x01}},
		{"repeated field in two places", new(RepositoryUpdate), []byte{0x12, 0x01, 'a', 0x1a, 0x00, 0x12, 0x01, 'b'}},
		{"cut short", new(Publish), nested[:len(nested)-1]},
	}
}

// encoding is an encoding of a message.
type encoding struct {
	name    string
	message proto.Message
	b       []byte
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, c := range notCanonical(t) {
		t.Run(c.name, func(t *testing.T) {
			if err := Unmarshal(c.b, c.message); !errors.Is(err, ErrNotCanonical) {
				t.Errorf("Unmarshal(%x) = %v, want ErrNotCanonical", c.b, err)
			}
		})
	}
}

// notJSON are texts that are not state proofs.
func notJSON() map[string]string {
	return map[string]string{
		"unknown field":   `{"version":1,"extra":2}`,
		"duplicate field": `{"version":1,"version":1}`,
		"trailing data":   `{"version":1} {}`,
		"not an object":   `[]`,
		"bad base64":      `{"lightBlock":"***"}`,
		"empty":           ``,
		"float":           `{"version":1.5}`,
		"negative":        `{"version":-1}`,
		"deep nesting":    `{"intermediateBlocks":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}`,

		"number as text":          `{"version":"1"}`,
		"exponent":                `{"version":1e0}`,
		"fraction of zero":        `{"version":1.0}`,
		"plus":                    `{"appState":{"logSize":"+1"}}`,
		"minus zero":              `{"appState":{"logSize":"-0"}}`,
		"leading zero":            `{"appState":{"logSize":"01"}}`,
		"exponent in text":        `{"appState":{"logSize":"1e2"}}`,
		"exponent of a long":      `{"appState":{"logSize":1e2}}`,
		"fraction in text":        `{"appState":{"logSize":"1.0"}}`,
		"space in text":           `{"appState":{"logSize":" 1"}}`,
		"escape in a number":      `{"appState":{"logSize":"\u0031"}}`,
		"empty number":            `{"appState":{"logSize":""}}`,
		"above 64 bits":           `{"appState":{"logSize":"18446744073709551616"}}`,
		"above 32 bits":           `{"version":4294967296}`,
		"null number":             `{"version":null}`,
		"null text":               `{"ledger":null}`,
		"null bytes":              `{"lightBlock":null}`,
		"null list":               `{"intermediateBlocks":null}`,
		"null element":            `{"intermediateBlocks":[null]}`,
		"null message":            `{"appState":null}`,
		"null":                    `null`,
		"no padding":              `{"lightBlock":"AA"}`,
		"half of the padding":     `{"lightBlock":"AA="}`,
		"too much padding":        `{"lightBlock":"AAA=="}`,
		"padding in the middle":   `{"lightBlock":"AA==AAAA"}`,
		"URL alphabet":            `{"lightBlock":"-_-_"}`,
		"bits behind the last":    `{"lightBlock":"AB=="}`,
		"line end":                `{"lightBlock":"AA\nA="}`,
		"escape in bytes":         `{"lightBlock":"\u0041AAA"}`,
		"bytes of a list":         `{"intermediateBlocks":["AA"]}`,
		"text for bytes":          `{"lightBlock":1}`,
		"number for text":         `{"ledger":1}`,
		"list for a message":      `{"appState":[]}`,
		"message for a list":      `{"intermediateBlocks":{}}`,
		"both names of a field":   `{"lightBlock":"","light_block":""}`,
		"escape in a name":        `{"\u0076ersion":1}`,
		"not UTF-8":               "{\"ledger\":\"\xff\"}",
		"comma at the end":        `{"version":1,}`,
		"comma at the end of all": `{"intermediateBlocks":["AA==",]}`,
		"no comma":                `{"version":1 "ledger":""}`,
		"no end":                  `{"version":1`,
		"too many parts":          strings.Replace(emptyRoots(MaxParts), "roots", "intermediateBlocks", 1),
	}
}

// emptyRoots returns a bundle whose roots are n empty ones: 1 part more.
func emptyRoots(n int) string { return `{"roots":[` + strings.Repeat(`"",`, n-1) + `""]}` }

// TestMaxParts counts the parts of messages of all shapes up to the bound.
func TestMaxParts(t *testing.T) {
	entries := func(n int, entry string) string {
		return `{"entries":[` + strings.Repeat(entry+",", n-1) + entry + `]}`
	}
	for _, tc := range []struct {
		name, text string
		m          proto.Message
		refused    bool
	}{
		{"elements", emptyRoots(MaxParts - 1), new(Bundle), false},
		{"an element more", emptyRoots(MaxParts), new(Bundle), true},
		{"of two lists", `{"held":[""],` + emptyRoots(MaxParts - 2)[1:], new(Bundle), false},
		{"of two lists, one more", `{"held":["",""],` + emptyRoots(MaxParts - 2)[1:], new(Bundle), true},
		{"message beside", `{"state":{},` + emptyRoots(MaxParts - 2)[1:], new(Bundle), false},
		{"messages beside, one more", `{"state":{},"tag":{},` + emptyRoots(MaxParts - 2)[1:], new(Bundle), true},
		{"messages", entries(MaxParts-1, "{}"), new(BundleFile), false},
		{"a message more", entries(MaxParts, "{}"), new(BundleFile), true},
		{"messages in messages", entries(MaxParts/2-1, `{"bundle":{}}`), new(BundleFile), false},
		{"messages in messages, one more", entries(MaxParts/2, `{"bundle":{}}`), new(BundleFile), true},
		{"across messages", entries(MaxParts/8, `{"bundle":{"held":["","","","","","",""]}}`), new(BundleFile), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := UnmarshalJSON([]byte(tc.text), tc.m)
			if errors.Is(err, ErrJSON) != tc.refused || !tc.refused && err != nil {
				t.Errorf("%v", err)
			}
			if tc.refused && tc.m.ProtoReflect().IsValid() && proto.Size(tc.m) > 0 {
				t.Error("something was built")
			}
		})
	}
}

func TestUnmarshalJSONRefuses(t *testing.T) {
	for name, text := range notJSON() {
		t.Run(name, func(t *testing.T) {
			var m StateProof
			if err := UnmarshalJSON([]byte(text), &m); !errors.Is(err, ErrJSON) {
				t.Errorf("UnmarshalJSON(%.200s) = %v, want ErrJSON", text, err)
			}
		})
	}
}

// readable is what all texts of alsoJSON mean.
func readable() *StateProof {
	return &StateProof{Version: 1, Ledger: "a\"b", LightBlock: []byte{0xfb, 0xff}, IntermediateBlocks: [][]byte{{}, {0}}, AppState: &AppState{LogSize: 1<<64 - 1}}
}

// alsoJSON are texts of one state proof: what docs/spec.md allows beside the form that is
// written.
func alsoJSON() map[string]string {
	return map[string]string{
		"as written":        `{"version":1,"ledger":"a\"b","lightBlock":"+/8=","intermediateBlocks":["","AA=="],"appState":{"logSize":"18446744073709551615"}}`,
		"number for a long": `{"version":1,"ledger":"a\"b","lightBlock":"+/8=","intermediateBlocks":["","AA=="],"appState":{"logSize":18446744073709551615}}`,
		"other names":       `{"version":1,"ledger":"a\"b","light_block":"+/8=","intermediateBlocks":["","AA=="],"appState":{"log_size":"18446744073709551615"}}`,
		"other order":       `{"appState":{"logSize":"18446744073709551615"},"intermediateBlocks":["","AA=="],"lightBlock":"+/8=","ledger":"a\"b","version":1}`,
		"white space":       " {\n\t\"version\" : 1 , \"ledger\":\"a\\\"b\",\"lightBlock\":\"+/8=\",\"intermediateBlocks\":[ \"\" , \"AA==\" ],\"appState\":{\"logSize\":\"18446744073709551615\"}}\r\n",
		"defaults":          `{"version":1,"ledger":"a\"b","lightBlock":"+/8=","intermediateBlocks":["","AA=="],"appState":{"logSize":"18446744073709551615","logRoot":"","meta":""}}`,
		"escape in text":    `{"version":1,"ledger":"\u0061\"b","lightBlock":"+/8=","intermediateBlocks":["","AA=="],"appState":{"logSize":"18446744073709551615"}}`,
	}
}

func TestUnmarshalJSONAccepts(t *testing.T) {
	for name, text := range alsoJSON() {
		t.Run(name, func(t *testing.T) {
			var got StateProof
			if err := UnmarshalJSON([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(readable(), &got, protocmp.Transform()); d != "" {
				t.Error(d)
			}
		})
	}
}

// FuzzUnmarshal checks that what is accepted is exactly what would be written.
func FuzzUnmarshal(f *testing.F) {
	b, err := Marshal(samplePublish())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Publish
		if err := Unmarshal(b, &m); err != nil {
			return
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		if string(again) != string(b) {
			t.Errorf("accepted %x, written as %x", b, again)
		}
	})
}
