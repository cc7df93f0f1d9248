package bundle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	protobuf "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/proto"
)

// leaf is one scalar of a message: where it is, and how to replace it.
type leaf struct {
	path string
	get  func() protoreflect.Value
	set  func(protoreflect.Value)
}

// leaves lists the scalars that are set in a message, those of lists one by one.
func leaves(path string, m protoreflect.Message) []leaf {
	var out []leaf
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		at := path + "." + string(fd.Name())
		switch {
		case fd.IsList():
			for i := range v.List().Len() {
				list := v.List()
				out = append(out, leaf{
					fmt.Sprintf("%s[%d]", at, i),
					func() protoreflect.Value { return list.Get(i) },
					func(v protoreflect.Value) { list.Set(i, v) },
				})
			}
		case fd.Kind() == protoreflect.MessageKind:
			out = append(out, leaves(at, v.Message())...)
		default:
			out = append(out, leaf{at, func() protoreflect.Value { return m.Get(fd) }, func(v protoreflect.Value) { m.Set(fd, v) }})
		}
		return true
	})
	return out
}

// full is a story with everything in a bundle that can be: intermediate blocks, several
// roots, all entries.
func full(tb testing.TB) *asked {
	tb.Helper()
	a := newStory(tb).asked()
	a.rotated(tb, true)
	fresh := fixture.NewKey(tb, "ed25519", "fresh validator")
	a.SetValidators(append(a.Validators()[1:4:4], fresh)...)
	for range 3 {
		a.Commit()
	}
	a.now = a.Now()
	a.from(a.Newest())
	if _, _, err := a.verify(); err != nil {
		tb.Fatal(err)
	}
	if len(a.bundle.GetState().GetIntermediateBlocks()) == 0 || len(a.bundle.GetRoots()) != 3 {
		tb.Fatal("the bundle has no intermediate blocks or no roots")
	}
	return a
}

// hasPlay reports fields that may vary without harm: light blocks, in which a
// signature beyond two thirds, and whose turn it is to propose, prove nothing.
// The header itself has no play.
func hasPlay(path string) bool {
	return path == ".state.light_block" || strings.HasPrefix(path, ".state.intermediate_blocks[")
}

// same reports whether two results say the same.
func same(a, b *bundle.Result) bool {
	return a.Digest == b.Digest && a.Size == b.Size && a.StateHeight == b.StateHeight && a.HeaderHeight == b.HeaderHeight &&
		a.BlockTime.Equal(b.BlockTime) && a.Revision == b.Revision && slices.Equal(a.TaggingKeys, b.TaggingKeys) &&
		a.Root.FileDigest() == b.Root.FileDigest() && a.Targets.FileDigest() == b.Targets.FileDigest()
}

// Test that no field can be cleared, cut short, extended or changed anywhere
// without the verdict becoming an error.
func TestRegr_R13EveryFieldMatters(t *testing.T) {
	everyFieldMatters(t, full(t))
}

// everyFieldMatters tests that of an honest answer that is yes.
func everyFieldMatters(t *testing.T, a *asked) {
	t.Helper()
	honest := a.bundle
	want, _, err := a.verify()
	if err != nil {
		t.Fatal(err)
	}
	check := func(path, how string) {
		t.Helper()
		result, _, err := a.verify()
		if err == nil && hasPlay(path) {
			if !same(result, want) {
				t.Errorf("%s %s: %+v", path, how, result)
			}
			return
		}
		if c := bundle.ClassOf(err); err == nil || c == bundle.NotTrusted || c == bundle.Stale {
			t.Errorf("%s %s: %v", path, how, err)
		}
	}
	n := len(leaves("", honest.ProtoReflect()))
	if n < 15 {
		t.Fatalf("only %d fields", n)
	}
	for i := range n {
		mutate := func(how string, change func(protoreflect.Value) protoreflect.Value) {
			a.bundle = protobuf.Clone(honest).(*proto.Bundle)
			l := leaves("", a.bundle.ProtoReflect())[i]
			l.set(change(l.get()))
			check(l.path, how)
		}
		switch v := leaves("", honest.ProtoReflect())[i].get().Interface().(type) {
		case uint32:
			mutate("one more", func(protoreflect.Value) protoreflect.Value { return protoreflect.ValueOfUint32(v + 1) })
			mutate("zero", func(protoreflect.Value) protoreflect.Value { return protoreflect.ValueOfUint32(0) })
		case uint64:
			mutate("one more", func(protoreflect.Value) protoreflect.Value { return protoreflect.ValueOfUint64(v + 1) })
			mutate("one less", func(protoreflect.Value) protoreflect.Value { return protoreflect.ValueOfUint64(v - 1) })
		case string:
			mutate("empty", func(protoreflect.Value) protoreflect.Value { return protoreflect.ValueOfString("") })
			mutate("longer", func(protoreflect.Value) protoreflect.Value { return protoreflect.ValueOfString(v + "x") })
		case []byte:
			replace := func(how string, b []byte) {
				mutate(how, func(protoreflect.Value) protoreflect.Value { return protoreflect.ValueOfBytes(b) })
			}
			replace("empty", nil)
			replace("with a byte more", append(v[:len(v):len(v)], 0))
			for cut := 1; cut < len(v); cut += 1 + len(v)/64 {
				replace(fmt.Sprintf("cut to %d bytes", cut), v[:cut])
			}
			replace("without its last byte", v[:len(v)-1])
			for flip := 0; flip < len(v); flip += 1 + len(v)/512 {
				b := append([]byte(nil), v...)
				b[flip] ^= 1 << (flip % 8)
				replace(fmt.Sprintf("with byte %d changed", flip), b)
			}
		default:
			t.Fatalf("field of type %T", v)
		}
	}
}

// Test that no change of a single byte of an encoded bundle makes it say anything
// else than it says.
func TestEveryByte(t *testing.T) {
	a := newStory(t).asked()
	encoded, err := bundle.Encode(a.bundle)
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := a.verify()
	if err != nil {
		t.Fatal(err)
	}
	masks := []byte{0x01, 0x20}
	for i := range encoded {
		if testing.Short() {
			masks = []byte{0x01 << (i % 2 * 5)} // one of the two
		}
		for _, mask := range masks {
			changed := append([]byte(nil), encoded...)
			changed[i] ^= mask
			b, err := bundle.Decode(changed)
			if err != nil {
				continue
			}
			a.bundle = b
			result, _, err := a.verify()
			if err != nil {
				continue
			}
			if !same(result, want) {
				t.Fatalf("byte %d xor %#x: %+v", i, mask, result)
			}
		}
	}
}

// Test that an encoded bundle cut short anywhere is refused.
func TestCutShort(t *testing.T) {
	a := newStory(t).asked()
	encoded, err := bundle.Encode(a.bundle)
	if err != nil {
		t.Fatal(err)
	}
	for n := range encoded {
		if _, err := bundle.Decode(encoded[:n]); err == nil {
			t.Fatalf("%d of %d bytes were accepted", n, len(encoded))
		}
	}
	if _, err := bundle.Decode(append(encoded, '{')); bundle.ClassOf(err) != bundle.Attack {
		t.Errorf("trailing byte: %v", err)
	}
	if _, err := bundle.Decode(make([]byte, bundle.MaxSize+1)); bundle.ClassOf(err) != bundle.Attack {
		t.Errorf("too large: %v", err)
	}
}
