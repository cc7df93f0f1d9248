package proto

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ErrNotCanonical is returned for bytes that are not the one canonical
// encoding of a message (docs/spec.md, "Canonical protobuf").
var ErrNotCanonical = errors.New("not the canonical encoding")

// maxMessageDepth bounds how deep messages nest. The deepest body today is
// Publish > RepositoryUpdate > RoleUpdate > Delta > TargetRow, five levels.
const maxMessageDepth = 8

// Marshal returns the canonical encoding of m.
func Marshal(m proto.Message) ([]byte, error) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode message: %w", err)
	}
	// The library promises determinism, not canonical form; check what we sign.
	if err := checkCanonical(m.ProtoReflect().Descriptor(), b, 1); err != nil {
		return nil, fmt.Errorf("couldn't encode message: %w", err)
	}
	return b, nil
}

// Unmarshal decodes canonical bytes into m. It returns an error that wraps
// ErrNotCanonical when b is anything but the one canonical encoding of a
// message of m's type.
func Unmarshal(b []byte, m proto.Message) error {
	if err := checkCanonical(m.ProtoReflect().Descriptor(), b, 1); err != nil {
		return fmt.Errorf("couldn't decode message: %w", err)
	}
	if err := proto.Unmarshal(b, m); err != nil {
		return fmt.Errorf("couldn't decode message: %w: %w", ErrNotCanonical, err)
	}
	return nil
}

// checkCanonical walks the wire format against the descriptor, without
// building anything, and refuses whatever a canonical encoder would not write.
// It does not rely on the library's encoder, whose output may change between
// releases: the rule must outlive them.
func checkCanonical(desc protoreflect.MessageDescriptor, b []byte, depth int) error {
	if depth > maxMessageDepth {
		return fmt.Errorf("%w: nested too deep", ErrNotCanonical)
	}
	var last protoreflect.FieldNumber
	oneofs := make(map[protoreflect.FullName]bool)
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 || n != protowire.SizeTag(num) {
			return fmt.Errorf("%w: bad tag", ErrNotCanonical)
		}
		b = b[n:]
		fd := desc.Fields().ByNumber(num)
		if fd == nil {
			return fmt.Errorf("%w: unknown field %d of %s", ErrNotCanonical, num, desc.Name())
		}
		if num < last || (num == last && !fd.IsList()) {
			return fmt.Errorf("%w: field %s out of order or repeated", ErrNotCanonical, fd.Name())
		}
		last = num
		if o := fd.ContainingOneof(); o != nil {
			if oneofs[o.FullName()] {
				return fmt.Errorf("%w: two members of oneof %s", ErrNotCanonical, o.Name())
			}
			oneofs[o.FullName()] = true
		}
		n, err := checkField(fd, typ, b, depth)
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// checkField checks the value of one field at the start of b and returns its size.
func checkField(fd protoreflect.FieldDescriptor, typ protowire.Type, b []byte, depth int) (int, error) {
	bad := func(why string) (int, error) {
		return 0, fmt.Errorf("%w: %s: %s", ErrNotCanonical, fd.Name(), why)
	}
	// A scalar without presence is written only when it is not its default;
	// elements of lists and members of oneofs are written always.
	mayBeDefault := fd.IsList() || fd.HasPresence()
	switch fd.Kind() {
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Int64Kind:
		v, n := protowire.ConsumeVarint(b)
		if typ != protowire.VarintType || n < 0 || n != protowire.SizeVarint(v) || fd.IsList() {
			return bad("bad varint")
		}
		if fd.Kind() == protoreflect.Uint32Kind && v > 1<<32-1 {
			return bad("out of range")
		}
		if v == 0 && !mayBeDefault {
			return bad("default value written")
		}
		return n, nil
	case protoreflect.BytesKind, protoreflect.StringKind, protoreflect.MessageKind:
		if typ != protowire.BytesType {
			return bad("wrong wire type")
		}
		l, ln := protowire.ConsumeVarint(b)
		if ln < 0 || ln != protowire.SizeVarint(l) || l > uint64(len(b)-ln) {
			return bad("bad length")
		}
		v := b[ln : ln+int(l)]
		if fd.Kind() == protoreflect.MessageKind {
			return ln + int(l), checkCanonical(fd.Message(), v, depth+1)
		}
		if len(v) == 0 && !mayBeDefault {
			return bad("default value written")
		}
		if fd.Kind() == protoreflect.StringKind && !utf8.Valid(v) {
			return bad("not UTF-8")
		}
		return ln + int(l), nil
	default:
		return bad("kind not used in canonical messages")
	}
}
