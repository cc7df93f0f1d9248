package app

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	abcicli "github.com/cometbft/cometbft/abci/client"
	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/proxy"
	"github.com/google/go-cmp/cmp"

	"hullmark/record"
	"hullmark/reference"
)

// refuses opens a home and expects an error.
func refuses(t testing.TB, h Home, want error) {
	t.Helper()
	n, err := Open(h, Options{Config: quick(), Log: io.Discard})
	if err == nil {
		_ = n.close()
	}
	if !errors.Is(err, want) {
		t.Errorf("open: %v, want %v", err, want)
	}
}

// databases returns what all databases of a home hold.
func databases(t testing.TB, h Home) map[string]map[string]string {
	t.Helper()
	out := make(map[string]map[string]string)
	for _, name := range []string{"ledger", "state", "blockstore", "evidence"} {
		if !exists(h.databaseDir(name)) {
			continue
		}
		// An empty database is as good as none.
		if entries := contents(t, h.databaseDir(name)); len(entries) > 0 {
			out[name] = entries
		}
	}
	return out
}

// TestOtherGenesis puts the genesis of another ledger over the data of one. The node
// does not start and writes nothing, whichever part of the data is left; with the
// right genesis it goes on.
func TestOtherGenesis(t *testing.T) {
	sound := stoppedHome(t)
	before := databases(t, sound)
	own, err := LoadGenesis(sound)
	if err != nil {
		t.Fatal(err)
	}
	genesis := func(change func(g *record.Genesis)) []byte {
		g, err := record.DecodeGenesis(own.Encode())
		if err != nil {
			t.Fatal(err)
		}
		change(g)
		doc, err := EncodeGenesis(g)
		if err != nil {
			t.Fatal(err)
		}
		return doc
	}
	key, err := sound.nodeKey()
	if err != nil {
		t.Fatal(err)
	}
	withNode := genesis(func(g *record.Genesis) { g.Operators[0].NodeID = string(key.ID()) })
	card := func(url string) func(t *testing.T, h Home) {
		return func(t *testing.T, h Home) {
			c := &record.Card{Operator: own.Operators[0]}
			c.Operator.NodeID = string(key.ID())
			if url != "" {
				c.Operator.URL = url
			}
			replaceFile(t, h.cardFile(), c.Encode())
		}
	}
	another := genesis(func(g *record.Genesis) { g.Name = "another" })
	remove := func(names ...string) func(t *testing.T, h Home) {
		return func(t *testing.T, h Home) {
			for _, name := range names {
				if err := os.RemoveAll(filepath.Join(h.dataDir(), name)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name, tc := range map[string]struct {
		doc  []byte
		want error
		do   func(t *testing.T, h Home)
	}{
		"another name":      {doc: another, want: ErrOtherData},
		"another time":      {doc: genesis(func(g *record.Genesis) { g.Time = g.Time.Add(-time.Second) }), want: ErrOtherData},
		"another parameter": {doc: genesis(func(g *record.Genesis) { g.Params.MaxBlockWork++ }), want: ErrOtherData},
		"another address":   {doc: genesis(func(g *record.Genesis) { g.Operators[0].URL = "https://elsewhere.example" }), want: ErrOtherData},
		"another namespace": {doc: genesis(func(g *record.Genesis) {
			g.Operators[0].Namespaces = []reference.Namespace{reference.MustParseNamespace("other.example")}
		}), want: ErrOtherData},
		"without the ledger":         {doc: another, want: ErrOtherData, do: remove("ledger.db")},
		"without the engine's data":  {doc: another, want: ErrOtherData, do: remove("state.db", "blockstore.db", "evidence.db", "cs.wal")},
		"with nothing but blocks":    {doc: another, want: ErrOtherData, do: remove("state.db", "ledger.db", "evidence.db", "cs.wal")},
		"with nothing but the state": {doc: another, want: ErrOtherData, do: remove("blockstore.db", "ledger.db", "evidence.db", "cs.wal")},
		"with a card that it holds":  {doc: withNode, want: ErrOtherData, do: card("")},
		"with a card that it lacks":  {doc: withNode, want: ErrNotFounder, do: card("https://elsewhere.example")},
	} {
		t.Run(name, func(t *testing.T) {
			h := copyHome(t, sound)
			if tc.do != nil {
				tc.do(t, h)
			}
			right, kept := readFile(t, h.genesisFile()), databases(t, h)
			replaceFile(t, h.genesisFile(), tc.doc)
			refuses(t, h, tc.want)
			if diff := cmp.Diff(kept, databases(t, h)); diff != "" {
				t.Errorf("data has changed:\n%.2000s", diff)
			}
			if tc.do != nil {
				return // parts that are missing are another matter
			}
			for _, part := range []string{"ledger", "blocks"} {
				if c := damaged(t, h)[part]; !errors.Is(c.Err, ErrOtherData) || c.Advice != adviceOther {
					t.Errorf("fsck, %s: %v (%s)", part, c.Err, c.Advice)
				}
			}
			replaceFile(t, h.genesisFile(), right)
			if found := damaged(t, h); len(found) > 0 {
				t.Errorf("with the right genesis: %v", found)
			}
		})
	}
	// A home restored from a snapshot of the disk is the same home.
	restored := copyHome(t, sound)
	if diff := cmp.Diff(before, databases(t, restored)); diff != "" {
		t.Fatal("the copy is none")
	}
	start(t, openHome(t, restored, nil))
	// A fresh home belongs to nobody: any genesis will do, also after a first start
	// that made no block.
	fresh, _ := newHome(t, 2)
	n := openHome(t, fresh, nil)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, fresh.genesisFile(), another)
	refuses(t, fresh, ErrOtherData) // the engine has taken down the first one
	if err := Resync(fresh, true); err != nil {
		t.Fatal(err)
	}
	start(t, openHome(t, fresh, nil))
}

// wrongBlock is an application that does blocks with transactions wrongly and copies
// its home when it has committed one.
type wrongBlock struct {
	abcicli.Client
	wrong  *bool
	commit func()
}

func (w wrongBlock) FinalizeBlock(ctx context.Context, req *cmtabci.RequestFinalizeBlock) (*cmtabci.ResponseFinalizeBlock, error) {
	if len(req.Txs) > 0 {
		late := *req
		late.Time, *w.wrong = req.Time.Add(time.Second), true
		req = &late
	}
	return w.Client.FinalizeBlock(ctx, req)
}

func (w wrongBlock) Commit(ctx context.Context, req *cmtabci.RequestCommit) (*cmtabci.ResponseCommit, error) {
	resp, err := w.Client.Commit(ctx, req)
	if *w.wrong && w.commit != nil {
		w.commit()
		*w.wrong = false
	}
	return resp, err
}

type wrongBlocks struct {
	proxy.ClientCreator
	wrongBlock
}

// NewABCIClient implements proxy.ClientCreator.
func (w wrongBlocks) NewABCIClient() (abcicli.Client, error) {
	c, err := w.ClientCreator.NewABCIClient()
	return wrongBlock{c, w.wrong, w.commit}, err
}

// TestFsckExecutes: a ledger that did its newest block wrongly is found out, though
// every hash in it is right and the engine believes it.
func TestFsckExecutes(t *testing.T) {
	h, c := newHome(t, 1)
	pub := c.NewPublisher("registry.example.com/app")
	copied := make(chan Home, 1)
	to := filepath.Join(t.TempDir(), "home")
	w := wrongBlock{wrong: new(bool), commit: func() {
		if err := os.CopyFS(to, os.DirFS(string(h))); err != nil {
			t.Error(err)
		}
		copied <- Home(to)
	}}
	n, err := Open(h, Options{Config: quick(), Log: io.Discard, Hooks: Hooks{
		Connections: func(c proxy.ClientCreator) proxy.ClientCreator { return wrongBlocks{c, w} },
	}})
	if err != nil {
		t.Fatal(err)
	}
	url := start(t, n)
	provable(t, n, 1)
	post(t, url, pub.Register(c.Operators[0])).receipt(t)
	wrong := <-copied
	for _, name := range []string{wrong.nodeKeyFile(), wrong.validatorKeyFile()} {
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found := damaged(t, wrong)
	if c := found["newest block"]; !errors.Is(c.Err, ErrDisagree) || c.Advice != adviceResync {
		t.Errorf("found %v", found)
	}
}

// TestFsckCannotExecute: where block or state before are gone, it says so and calls
// nothing damaged.
func TestFsckCannotExecute(t *testing.T) {
	sound := stoppedHome(t)
	f := &fsck{ctx: t.Context(), home: sound}
	var err error
	if f.genesis, f.doc, err = loadGenesis(sound); err != nil {
		t.Fatal(err)
	}
	if _, err := f.execute(1 << 40); !errors.Is(err, errNoBlock) {
		t.Errorf("a block that is not kept: %v", err)
	}
	f.heights.ledger = 1 << 40
	f.checkExecution()
	if c := f.checks[0]; c.Err != nil || !strings.Contains(c.Detail, "couldn't execute block") {
		t.Errorf("a block that is not kept: %+v", c)
	}
	if hash, err := f.execute(1); err != nil || len(hash) != 32 {
		t.Errorf("the first block: %x, %v", hash, err)
	}
}
