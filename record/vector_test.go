package record_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/merkle"
	"hullmark/record"
	"hullmark/reference"
)

var update = flag.Bool("update", false, "write the test vectors anew")

const vectorDir = "../tests/vectors/record"

// vector is one case of the shared test vectors. Want is "ok", "malformed",
// "newer" or "body-hash".
type vector struct {
	Name   string         `json:"name"`
	Want   string         `json:"want"`
	Hex    string         `json:"hex"`
	Fields any            `json:"fields,omitempty"`
	Extra  map[string]any `json:"extra,omitempty"`
}

// maxVector keeps vectors readable: larger cases are in the tests only.
const maxVector = 2048

func class(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, record.ErrNewer):
		return "newer"
	case errors.Is(err, record.ErrBodyHash):
		return "body-hash"
	case errors.Is(err, record.ErrEncoding):
		return "malformed"
	default:
		return "unexpected: " + err.Error()
	}
}

// vectorsOf lists the samples and bad inputs of a format as vectors.
func vectorsOf(f format) []vector {
	var out []vector
	for _, s := range f.good {
		if b := f.encode(s.value); len(b) <= maxVector {
			out = append(out, vector{Name: s.name, Want: "ok", Hex: hex.EncodeToString(b), Fields: fields(s.value), Extra: s.extra})
		}
	}
	for _, bad := range f.bad {
		if len(bad.b) <= maxVector {
			out = append(out, vector{Name: bad.name, Want: class(bad.want), Hex: hex.EncodeToString(bad.b)})
		}
	}
	return out
}

// checkFile compares what a test makes with the file of vectors, or writes it.
func checkFile(t *testing.T, name string, made any) []byte {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(made); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(vectorDir, name+".json")
	if *update {
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(stored), buf.String()); d != "" {
		t.Errorf("%s is not what the samples make; a format must never change (-stored +made):\n%s", path, d)
	}
	return stored
}

func TestVectors(t *testing.T) {
	for name, f := range formats(t) {
		t.Run(name, func(t *testing.T) {
			var stored []vector
			if err := json.Unmarshal(checkFile(t, name, vectorsOf(f)), &stored); err != nil {
				t.Fatal(err)
			}
			for _, v := range stored {
				b, err := hex.DecodeString(v.Hex)
				if err != nil {
					t.Fatal(err)
				}
				got, err := f.decode(b)
				if class(err) != v.Want {
					t.Errorf("%s: %v, want %s", v.Name, err, v.Want)
				}
				if v.Want != "ok" || err != nil {
					continue
				}
				if d := cmp.Diff(v.Fields, fields(got)); d != "" {
					t.Errorf("%s: fields (-stored +decoded):\n%s", v.Name, d)
				}
				if again := f.encode(got); !bytes.Equal(again, b) {
					t.Errorf("%s: encoded again: %x", v.Name, again)
				}
			}
		})
	}
}

type keyVector struct {
	Name string `json:"name"`
	Key  string `json:"key"`
	Path string `json:"path"`
}

func TestKeyVectors(t *testing.T) {
	digest := digestOf(t, reference.SHA256, "image")
	long := digestOf(t, reference.SHA512, "image")
	vectors := []keyVector{}
	for _, c := range []struct {
		name string
		key  []byte
	}{
		{"repository/docker.io/library/nginx", record.RepositoryKey(nginx)},
		{"repository/" + app.String(), record.RepositoryKey(app)},
		{"root/docker.io/library/nginx/1", record.RootKey(nginx, 1)},
		{"root/docker.io/library/nginx/258", record.RootKey(nginx, 258)},
		{"tag/docker.io/library/nginx:1.0", record.TagKey(nginx, reference.MustParseTag("1.0"))},
		{"tag/" + app.String() + ":latest", record.TagKey(app, latest)},
		{"image/" + digest.String(), record.ImageKey(digest)},
		{"image/" + long.String(), record.ImageKey(long)},
		{"image/" + digest.String() + "@docker.io/library/nginx", record.VoucherKey(digest, nginx)},
		{"operator/acme", record.OperatorKey("acme")},
		{"namespace/docker.io/library", record.NamespaceKey(reference.MustParseNamespace("docker.io/library"))},
		{"proposal/1", record.ProposalKey(1)},
		{"params", record.ParamsKey()},
		{"notary", record.NotaryKey()},
	} {
		path := merkle.KeyPath(c.key)
		vectors = append(vectors, keyVector{c.name, hex.EncodeToString(c.key), hex.EncodeToString(path[:])})
	}
	checkFile(t, "keys", vectors)
}

type appHashVector struct {
	Name    string `json:"name"`
	LogSize string `json:"log_size"`
	LogRoot string `json:"log_root"`
	MapRoot string `json:"map_root"`
	Meta    string `json:"meta"`
	AppHash string `json:"app_hash"`
}

func TestAppHashVectors(t *testing.T) {
	params := record.DefaultParams()
	meta := record.MetaOf(&params).Encode()
	vectors := []appHashVector{}
	for _, c := range []struct {
		name string
		log  merkle.LogHead
		root merkle.Hash
	}{
		{"empty log", merkle.EmptyLogHead(), merkle.Hash(hashOf("map"))},
		{"three records", merkle.LogHead{Size: 3, Root: merkle.Hash(hashOf("log"))}, merkle.Hash(hashOf("map"))},
	} {
		s := merkle.AppState{Log: c.log, Map: c.root, Meta: meta}
		got := s.AppHash()
		if want := appHash(c.log, c.root, meta); got != want {
			t.Errorf("%s: app hash %s, by hand %x", c.name, got, want)
		}
		size := binary.BigEndian.Uint64(c.log.Encode())
		vectors = append(vectors, appHashVector{
			c.name, fields(size).(string), c.log.Root.String(), c.root.String(), hex.EncodeToString(meta), got.String(),
		})
	}
	checkFile(t, "apphash", vectors)
}

// appHash is the app hash as docs/spec.md writes it.
func appHash(log merkle.LogHead, root merkle.Hash, meta []byte) [32]byte {
	inner := func(l, r [32]byte) [32]byte { return sha256.Sum256(append(append([]byte{1}, l[:]...), r[:]...)) }
	pair := func(key string, value []byte) [32]byte {
		h := sha256.Sum256(value)
		return sha256.Sum256(append(append([]byte{0, byte(len(key))}, key+"\x20"...), h[:]...))
	}
	head := hand{}.u64(log.Size).raw(string(log.Root[:]))
	return inner(inner(pair("log", head), pair("map", root[:])), pair("meta", meta))
}
