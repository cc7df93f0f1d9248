package proto

import (
	"errors"
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

func TestUnmarshalRefuses(t *testing.T) {
	good, err := Marshal(&RegisterRepository{Root: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][]byte{
		"unknown field":           append(append([]byte{}, good...), 0x10, 0x01),
		"field twice":             append(append([]byte{}, good...), good...),
		"default value written":   {0x0a, 0x00},
		"length not minimal":      {0x0a, 0x81, 0x00, 'x'},
		"tag not minimal":         {0x8a, 0x00, 0x01, 'x'},
		"length past the end":     {0x0a, 0x05, 'x'},
		"huge length":             {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"wrong wire type":         {0x08, 0x01},
		"group":                   {0x0b, 0x0c},
		"cut in the tag":          {0x8a},
		"trailing byte":           append(append([]byte{}, good...), 0x00),
		"field number zero":       {0x02, 0x00},
		"length without contents": {0x0a},
	}
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			var m RegisterRepository
			if err := Unmarshal(b, &m); !errors.Is(err, ErrNotCanonical) {
				t.Errorf("Unmarshal(%x) = %v, want ErrNotCanonical", b, err)
			}
		})
	}
	t.Run("fields out of order", func(t *testing.T) {
		var m TargetRow
		if err := Unmarshal([]byte{0x18, 0x01, 0x0a, 0x01, 'a'}, &m); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("both members of a oneof", func(t *testing.T) {
		var m RoleUpdate
		if err := Unmarshal([]byte{0x12, 0x01, 'a', 0x1a, 0x00}, &m); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("string not UTF-8", func(t *testing.T) {
		var m TargetRow
		if err := Unmarshal([]byte{0x0a, 0x01, 0xff}, &m); !errors.Is(err, ErrNotCanonical) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnmarshalJSONRefuses(t *testing.T) {
	cases := map[string]string{
		"unknown field":   `{"version":1,"extra":2}`,
		"duplicate field": `{"version":1,"version":1}`,
		"trailing data":   `{"version":1} {}`,
		"not an object":   `[]`,
		"bad base64":      `{"lightBlock":"***"}`,
		"empty":           ``,
		"float":           `{"version":1.5}`,
		"negative":        `{"version":-1}`,
		"deep nesting":    `{"roots":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}`,

		"number as text":          `{"version":"1"}`,
		"exponent":                `{"version":1e0}`,
		"fraction of zero":        `{"version":1.0}`,
		"plus":                    `{"state":{"logSize":"+1"}}`,
		"minus zero":              `{"state":{"logSize":"-0"}}`,
		"leading zero":            `{"state":{"logSize":"01"}}`,
		"exponent in text":        `{"state":{"logSize":"1e2"}}`,
		"exponent of a long":      `{"state":{"logSize":1e2}}`,
		"fraction in text":        `{"state":{"logSize":"1.0"}}`,
		"space in text":           `{"state":{"logSize":" 1"}}`,
		"escape in a number":      `{"state":{"logSize":"\u0031"}}`,
		"empty number":            `{"state":{"logSize":""}}`,
		"above 64 bits":           `{"state":{"logSize":"18446744073709551616"}}`,
		"above 32 bits":           `{"version":4294967296}`,
		"null number":             `{"version":null}`,
		"null text":               `{"ledger":null}`,
		"null bytes":              `{"lightBlock":null}`,
		"null list":               `{"roots":null}`,
		"null element":            `{"roots":[null]}`,
		"null message":            `{"state":null}`,
		"null":                    `null`,
		"no padding":              `{"lightBlock":"AA"}`,
		"half of the padding":     `{"lightBlock":"AA="}`,
		"too much padding":        `{"lightBlock":"AAA=="}`,
		"padding in the middle":   `{"lightBlock":"AA==AAAA"}`,
		"URL alphabet":            `{"lightBlock":"-_-_"}`,
		"bits behind the last":    `{"lightBlock":"AB=="}`,
		"line end":                `{"lightBlock":"AA\nA="}`,
		"escape in bytes":         `{"lightBlock":"\u0041AAA"}`,
		"bytes of a list":         `{"roots":["AA"]}`,
		"text for bytes":          `{"lightBlock":1}`,
		"number for text":         `{"ledger":1}`,
		"list for a message":      `{"state":[]}`,
		"message for a list":      `{"roots":{}}`,
		"both names of a field":   `{"lightBlock":"","light_block":""}`,
		"escape in a name":        `{"\u0076ersion":1}`,
		"not UTF-8":               "{\"ledger\":\"\xff\"}",
		"comma at the end":        `{"version":1,}`,
		"comma at the end of all": `{"roots":["AA==",]}`,
		"no comma":                `{"version":1 "profile":1}`,
		"no end":                  `{"version":1`,
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			var m Bundle
			if err := UnmarshalJSON([]byte(text), &m); !errors.Is(err, ErrJSON) {
				t.Errorf("UnmarshalJSON(%s) = %v, want ErrJSON", text, err)
			}
		})
	}
}

// What docs/spec.md allows beside the form that is written is read.
func TestUnmarshalJSONAccepts(t *testing.T) {
	want := &Bundle{Version: 1, Ledger: "a\"b", LightBlock: []byte{0xfb, 0xff}, Roots: [][]byte{{}, {0}}, State: &AppState{LogSize: 1<<64 - 1}}
	for name, text := range map[string]string{
		"as written":        `{"version":1,"ledger":"a\"b","lightBlock":"+/8=","roots":["","AA=="],"state":{"logSize":"18446744073709551615"}}`,
		"number for a long": `{"version":1,"ledger":"a\"b","lightBlock":"+/8=","roots":["","AA=="],"state":{"logSize":18446744073709551615}}`,
		"other names":       `{"version":1,"ledger":"a\"b","light_block":"+/8=","roots":["","AA=="],"state":{"log_size":"18446744073709551615"}}`,
		"other order":       `{"state":{"logSize":"18446744073709551615"},"roots":["","AA=="],"lightBlock":"+/8=","ledger":"a\"b","version":1}`,
		"white space":       " {\n\t\"version\" : 1 , \"ledger\":\"a\\\"b\",\"lightBlock\":\"+/8=\",\"roots\":[ \"\" , \"AA==\" ],\"state\":{\"logSize\":\"18446744073709551615\"}}\r\n",
		"defaults":          `{"version":1,"ledger":"a\"b","lightBlock":"+/8=","roots":["","AA=="],"targets":[],"profile":0,"state":{"logSize":"18446744073709551615","meta":""}}`,
		"escape in text":    `{"version":1,"ledger":"\u0061\"b","lightBlock":"+/8=","roots":["","AA=="],"state":{"logSize":"18446744073709551615"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var got Bundle
			if err := UnmarshalJSON([]byte(text), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, &got, protocmp.Transform()); d != "" {
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
