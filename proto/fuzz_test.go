package proto

import (
	"testing"

	"google.golang.org/protobuf/proto"
)

// bodies are empty messages that travel in transactions.
func bodies() []proto.Message {
	return []proto.Message{new(RegisterRepository), new(Publish), new(Statements)}
}

// FuzzBodies checks for every body that what is accepted is exactly what would be
// written.
func FuzzBodies(f *testing.F) {
	whole := &RoleUpdate{Role: "targets", Content: &RoleUpdate_File{File: []byte("file")}}
	delta := &RoleUpdate{Role: "targets/ci", Content: &RoleUpdate_Delta{Delta: &Delta{
		Base: make([]byte, 32), Version: 2, Expires: 1, Put: []*TargetRow{{Tag: "a", Digest: []byte{1}, Length: 1}}, Remove: []string{"b"},
		Redelegation: &Delta_Delegations{Delegations: []byte("{}")}, Signatures: []*FileSignature{{KeyId: make([]byte, 32), Signature: []byte{1}}},
	}}}
	for _, m := range []proto.Message{
		&RegisterRepository{Root: []byte("root")},
		&Publish{Updates: []*RepositoryUpdate{{Repository: "r", Roots: [][]byte{{1}}, Roles: []*RoleUpdate{whole, delta}}}},
		&Statements{Statements: [][]byte{[]byte("statement")}},
	} {
		b, err := Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range bodies() {
			if Unmarshal(b, m) != nil {
				continue
			}
			again, err := Marshal(m)
			if err != nil || string(again) != string(b) {
				t.Errorf("%T: accepted %x, written as %x, %v", m, b, again, err)
			}
		}
	})
}

// answers are empty messages that nodes and clients send each other in JSON.
func answers() []proto.Message {
	return []proto.Message{
		new(Bundle), new(BundleFile), new(TransactionResponse), new(ErrorResponse), new(StatusResponse), new(LightBlockResponse),
		new(HistoryAnswer), new(ImageAnswer), new(ReceiptAnswer), new(InclusionAnswer), new(ConsistencyAnswer),
	}
}

// FuzzAnswers checks for every answer that what is accepted means the same once it
// was written and read again.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"version":1,"ledger":"l","lightBlock":"CgA=","targets":["AA=="],"statements":["AA=="]}`, `{"bundles":[{}]}`,
		`{"code":"stale-scope","message":"m","ledgerCode":7}`, `{"height":"7","hash":"AA==","proof":"AA=="}`, `{"records":[{"index":"1","record":"AA=="}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range answers() {
			if UnmarshalJSON(b, m) != nil {
				continue
			}
			text, err := MarshalJSON(m)
			if err != nil {
				t.Fatalf("%T: %v", m, err)
			}
			again := m.ProtoReflect().New().Interface()
			if err := UnmarshalJSON(text, again); err != nil || !proto.Equal(m, again) {
				t.Errorf("%T: %s came back as %v, %v", m, text, again, err)
			}
		}
	})
}
