package proto

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// ErrJSON is returned for text that is not the ProtoJSON form of the message
// asked for.
var ErrJSON = errors.New("not a valid JSON message")

// MarshalJSON returns the ProtoJSON form of m, compact. Every field is
// written, so that a reader sees zero heights and empty lists as such.
func MarshalJSON(m proto.Message) ([]byte, error) {
	b, err := protojson.MarshalOptions{EmitDefaultValues: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode JSON message: %w", err)
	}
	// protojson varies its white space on purpose.
	var out bytes.Buffer
	if err := json.Compact(&out, b); err != nil {
		return nil, fmt.Errorf("couldn't encode JSON message: %w", err)
	}
	return out.Bytes(), nil
}

// UnmarshalJSON decodes the ProtoJSON form of a message (docs/spec.md, "ProtoJSON").
// Unknown and duplicate fields, wrong types, other forms of numbers and bytes, null,
// trailing data and more than MaxParts messages and elements of lists are errors that
// wrap ErrJSON. The caller bounds len(b).
func UnmarshalJSON(b []byte, m proto.Message) error {
	if err := checkJSON(m.ProtoReflect().Descriptor(), b); err != nil {
		return fmt.Errorf("couldn't decode JSON message: %w", err)
	}
	if err := (protojson.UnmarshalOptions{RecursionLimit: maxMessageDepth}).Unmarshal(b, m); err != nil {
		return fmt.Errorf("couldn't decode JSON message: %w: %w", ErrJSON, err)
	}
	return nil
}
