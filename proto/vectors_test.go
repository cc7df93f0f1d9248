package proto

import (
	"encoding/hex"
	"flag"
	"maps"
	"slices"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"hullmark/internal/vectortest"
)

// The vectors are for other implementations. Tests make them and compare them with the
// files; with -update they write the files first.
var update = flag.Bool("update", false, "write the test vectors anew")

// TestCanonicalVectors: encodings of the messages in transactions.
func TestCanonicalVectors(t *testing.T) {
	type vector struct {
		Name    string `json:"name"`
		Message string `json:"message"`
		Hex     string `json:"hex"`
		Want    string `json:"want"`
		// JSON is what the encoding means.
		JSON string `json:"json,omitempty"`
	}
	var made []vector
	add := func(name, want string, m proto.Message, b []byte) {
		t.Helper()
		v := vector{Name: name, Message: string(m.ProtoReflect().Descriptor().Name()), Hex: hex.EncodeToString(b), Want: want}
		got := m.ProtoReflect().New().Interface()
		err := Unmarshal(b, got)
		if (err == nil) != (want == "ok") {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if err == nil {
			text, err := MarshalJSON(got)
			if err != nil {
				t.Fatal(err)
			}
			v.JSON = string(text)
		}
		made = append(made, v)
	}
	for _, c := range []struct {
		name    string
		message proto.Message
	}{
		{"nothing", new(RegisterRepository)},
		{"root", &RegisterRepository{Root: []byte("root")}},
		{"publish", samplePublish()},
		{"empty file, which is set", &RoleUpdate{Role: "targets", Content: &RoleUpdate_File{}}},
		{"empty delta, which is set", &RoleUpdate{Role: "targets", Content: &RoleUpdate_Delta{Delta: new(Delta)}}},
		{"no delegations, which are set", &Delta{Redelegation: &Delta_Delegations{}}},
		{"time before 1970", &Delta{Expires: -1}},
		{"greatest numbers", &TargetRow{Tag: "a", Digest: []byte{0}, Length: 1<<64 - 1}},
		{"empty elements", &RepositoryUpdate{Roots: [][]byte{{}, {}}}},
		{"length of two bytes", &RegisterRepository{Root: make([]byte, 200)}},
		{"statements", &Statements{Statements: [][]byte{{1}, {2, 3}}}},
	} {
		b, err := Marshal(c.message)
		if err != nil {
			t.Fatal(err)
		}
		add(c.name, "ok", c.message, b)
	}
	for _, c := range notCanonical(t) {
		add(c.name, "refused", c.message, c.b)
	}
	vectortest.Check(t, *update, "proto/canonical.json.gz", "Encodings of messages of transaction.proto and statement.proto; hex is hexadecimal, json the ProtoJSON of what it means.", made)
}

// TestJSONVectors: texts of bundles.
func TestJSONVectors(t *testing.T) {
	type vector struct {
		Name string `json:"name"`
		Text string `json:"text"`
		Want string `json:"want"`
		// Written is the text as a writer emits it.
		Written string `json:"written,omitempty"`
	}
	var made []vector
	for _, group := range []struct {
		want  string
		texts map[string]string
	}{{"ok", alsoJSON()}, {"refused", notJSON()}} {
		for _, name := range slices.Sorted(maps.Keys(group.texts)) {
			v := vector{Name: name, Text: group.texts[name], Want: group.want}
			if !utf8.ValidString(v.Text) {
				continue // JSON cannot carry it
			}
			m := new(StateProof)
			if err := UnmarshalJSON([]byte(v.Text), m); (err == nil) != (group.want == "ok") {
				t.Errorf("%s: %v, want %s", name, err, group.want)
			}
			if group.want == "ok" {
				text, err := MarshalJSON(m)
				if err != nil {
					t.Fatal(err)
				}
				v.Written = string(text)
			}
			made = append(made, v)
		}
	}
	vectortest.Check(t, *update, "proto/protojson.json.gz", "Texts of hullmark.v1.StateProof as ProtoJSON.", made)
}
