package bundle_test

import (
	"bytes"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/query"
)

// FuzzVerify gives any bytes as the answer to a question. Whatever verifies must
// say what the ledger says.
func FuzzVerify(f *testing.F) {
	a := full(f)
	for _, req := range []query.Resolve{
		a.req, at(bundletest.RepositoryRequest(app), "two"), bundletest.RepositoryRequest(app), ref(app + ":none"),
		byLedger(a.req), ref("registry.example.com/none:1"),
	} {
		b, err := bundle.Encode(a.Newest().Bundle(req))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("{}"))
	f.Add([]byte(`{"state":{"version":1,"ledger":"` + a.Ledger() + `","lightBlock":"CgA="},"profile":1}`))
	memory, height := a.memory(), a.Height()
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := bundle.Decode(data)
		if err != nil {
			return
		}
		for _, req := range []query.Resolve{a.req, at(bundletest.RepositoryRequest(app), "two"), byLedger(a.req)} {
			result, m, err := bundle.Verify(b, req, memory, a.now, a.policy)
			if err == nil && (result.Digest != fixture.Digest("two") || result.HeaderHeight > height) {
				t.Fatalf("%s is said to be %s", req, result.Digest)
			}
			if m != nil {
				reread(t, m)
			}
		}
	})
}

// FuzzDecodeLightBlock checks that light blocks have one encoding and that none
// brings CometBFT's checks to a panic, not even when they follow a trusted one.
func FuzzDecodeLightBlock(f *testing.F) {
	s := newStory(f)
	f.Add(s.EncodedBlock(1))
	f.Add(s.EncodedBlock(5))
	f.Add(bundletest.Encode(f, s.Sign(s.Block(4).Header, s.Validators(), s.Validators()[0])))
	f.Add([]byte{0x0a, 0x00, 0x12, 0x00})
	ledger, memory, now := s.Ledger(), s.memory(), s.Now()
	made := make(map[int64][]byte)
	for h := range int64(5) {
		made[h+1] = s.Block(uint64(h + 1)).Hash()
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		lb, err := bundle.DecodeLightBlock(ledger, data)
		if err != nil {
			if c := bundle.ClassOf(err); c != bundle.Attack {
				t.Fatalf("class %s: %v", c, err)
			}
			return
		}
		if again := bundletest.Encode(t, lb); len(again) > len(data)+64 {
			t.Fatalf("%d bytes became %d", len(data), len(again))
		}
		got, _, err := bundle.VerifyLightBlock(data, nil, memory, now, bundle.DefaultPolicy())
		if err == nil && !bytes.Equal(got.Hash(), made[got.Height]) {
			t.Fatalf("block %d was made up", got.Height)
		}
	})
}

// FuzzDecodeAnchor checks that what is read as an anchor can be written and read.
func FuzzDecodeAnchor(f *testing.F) {
	s := newStory(f)
	b, err := s.Anchor(1).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := bundle.DecodeAnchor(data)
		if err != nil {
			return
		}
		if _, err := a.Encode(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzDecodeMemory checks that a memory has one encoding.
func FuzzDecodeMemory(f *testing.F) {
	a := newStory(f).asked()
	f.Add(encodeMemory(f, a.mem))
	a.learn(f, a.Newest(), a.req)
	f.Add(encodeMemory(f, a.mem))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := bundle.DecodeMemory(data)
		if err != nil {
			return
		}
		if !bytes.Equal(encodeMemory(t, m), data) {
			t.Fatal("two encodings")
		}
	})
}

// FuzzRecall checks that what is known of a repository has one encoding.
func FuzzRecall(f *testing.F) {
	a := newStory(f).asked()
	a.learn(f, a.Newest(), byLedger(a.req))
	f.Add(encodeSeen(f, a.mem, a.req.Repository))
	a.learn(f, a.Newest(), a.req)
	f.Add(encodeSeen(f, a.mem, a.req.Repository))
	a.revoked()
	a.denied(f)
	f.Add(encodeSeen(f, a.mem, a.req.Repository))
	chain := a.memory()
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := chain.Recall(a.req.Repository, data)
		if err != nil || len(data) == 0 {
			return
		}
		if !bytes.Equal(encodeSeen(t, m, a.req.Repository), data) {
			t.Fatal("two encodings")
		}
	})
}

// FuzzStatement gives any bytes as the statement of a lift, and as the root it was
// judged by, to a client that knows of the revocation.
func FuzzStatement(f *testing.F) {
	a := newStory(f).asked()
	a.revoked()
	a.denied(f)
	a.state(a.app.Lift(1, 1, "two"))
	a.rotated(f, true)
	lift, root := a.bundle.GetStatements()[0], a.bundle.GetStatementRoot()
	f.Add(lift, root)
	f.Add(a.app.Revoke("targets", 1, "two", "other").Encode(), root)
	f.Add(lift, a.app.Root(1).Bytes())
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, statement, by []byte) {
		a.bundle.Statements, a.bundle.StatementRoot = [][]byte{statement}, by
		_, m, err := a.verify()
		if honest := bytes.Equal(statement, lift) && bytes.Equal(by, root); honest != (err == nil) || honest != (m != nil) {
			t.Fatalf("honest %v, error %v", honest, err)
		}
		if err != nil && bundle.ClassOf(err) != bundle.Attack {
			t.Fatal(err)
		}
	})
}
