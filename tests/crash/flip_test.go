package crash

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/database"
	"hullmark/database/databasetest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/reference"
)

// flippedRepository is the repository in the databases that are damaged.
const flippedRepository = "registry.example.com/app"

// ledgerOnDisk makes a database of some heights, with every kind of entry, partly
// in tables and partly in the journal. It returns its directory as a crash leaves it and as
// an orderly stop does, the genesis it starts from and the app hash of each height.
func ledgerOnDisk(t *testing.T) (crashed, stopped string, g *record.Genesis, hashes map[uint64]merkle.Hash) {
	t.Helper()
	stopped = t.TempDir()
	c := fixture.NewConsortium(t, 4)
	g = c.Genesis()
	hashes = make(map[uint64]merkle.Hash)
	publisher := c.NewPublisher(flippedRepository)
	blocks := [][][]byte{{publisher.Register(c.Operators[0])}}
	for v := range uint64(40) {
		tags := make(fixture.Tags)
		for i := range v + 1 {
			tags[fmt.Sprint("v", i)] = fmt.Sprint(i)
		}
		blocks = append(blocks, [][]byte{publisher.Publish(v+1, tags)})
	}
	height := g.InitialHeight
	// Every few heights the database is opened anew, which moves the journal into
	// tables.
	for len(blocks) > 0 {
		db, l := openLedger(t, g, stopped)
		for range min(len(blocks), 9) {
			hashes[height] = apply(t, l, ledger.Block{Height: height, Time: c.BlockTime(height)}, blocks[0])
			blocks, height = blocks[1:], height+1
		}
		if len(blocks) == 0 {
			crashed = clone(t, stopped)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return crashed, stopped, g, hashes
}

func openLedger(t *testing.T, g *record.Genesis, dir string) (dbm.DB, *ledger.Ledger) {
	t.Helper()
	db, err := database.OpenLedger(filepath.Join(dir, "ledger.db"), database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(db, store.Options{KeepRecent: 10})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(g, st)
	if err != nil {
		t.Fatal(err)
	}
	return db, l
}

func apply(t *testing.T, l *ledger.Ledger, b ledger.Block, txs [][]byte) merkle.Hash {
	t.Helper()
	s, err := l.Begin(b)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tx := range txs {
		if _, err := s.Apply(tx, keys.Direct{}); err != nil {
			t.Fatal(err)
		}
	}
	staged, err := s.Stage()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(staged); err != nil {
		t.Fatal(err)
	}
	return staged.State().AppHash()
}

// verdict is what became of a damaged database.
type verdict int

const (
	foundAtOpen verdict = iota
	foundByCheck
	harmless // what is there is true
	shorter  // true, but the last height is missing: the engine gives it again
)

// judge opens a damaged database as a node and an operator would, and makes sure
// that it tells no lie.
func judge(t *testing.T, g *record.Genesis, dir string, hashes map[uint64]merkle.Hash) (verdict, error) {
	t.Helper()
	db, err := database.OpenLedger(filepath.Join(dir, "ledger.db"), database.Options{})
	if err != nil {
		return foundAtOpen, err
	}
	defer func() { _ = db.Close() }() // may well say what is wrong
	st, err := store.Open(db, store.Options{KeepRecent: 10})
	if err != nil {
		return foundAtOpen, err
	}
	noLies(t, st, hashes)
	if err := st.Check(context.Background()); err != nil {
		return foundByCheck, err
	}
	l, err := ledger.New(g, st)
	if err != nil {
		return foundAtOpen, err
	}
	if err := ledger.Check(l); err != nil {
		return foundByCheck, err
	}
	switch last := g.InitialHeight + uint64(len(hashes)) - 1; st.Version() {
	case last:
		return harmless, nil
	case last - 1:
		return shorter, nil
	default:
		t.Errorf("the ledger is at height %d, %d was committed", st.Version(), last)
		return shorter, nil
	}
}

// noLies asks for everything that can be proven. Each answer is that of the state
// that was committed, or an error.
func noLies(t *testing.T, st *store.Store, hashes map[uint64]merkle.Hash) {
	t.Helper()
	repository := reference.MustParseRepository(flippedRepository)
	for height := st.Oldest(); height <= st.Version(); height++ {
		v, err := st.View(height)
		if err != nil || height == 0 {
			continue
		}
		state := v.State()
		if state.AppHash() != hashes[height] {
			t.Errorf("height %d has app hash %s, committed was %s", height, state.AppHash(), hashes[height])
		}
		for i := range 42 {
			key := record.TagKey(repository, reference.MustParseTag(fmt.Sprint("v", i)))
			value, proof, err := v.Prove(key)
			if err != nil {
				continue
			}
			if value == nil {
				err = merkle.VerifyAbsence(state.Map, key, proof)
			} else {
				err = merkle.VerifyExistence(state.Map, key, value, proof)
			}
			if err != nil {
				t.Errorf("height %d: false proof of tag %d: %v", height, i, err)
			}
		}
		for i := range state.Log.Size {
			proof, err := v.InclusionProof(i)
			if err != nil {
				continue
			}
			b, err := v.Record(i)
			if err != nil {
				continue
			}
			if err := merkle.VerifyInclusion(merkle.LeafHash(b), i, state.Log, proof); err != nil {
				t.Errorf("height %d: false proof of record %d: %v", height, i, err)
			}
		}
		v.Close()
	}
}

// TestFlippedBytes changes bytes at random places in the files of a database. The
// damage is found when the database is opened or checked, or it hurts nothing; and
// in no case anything untrue is proven. There is one exception: after a crash, the last
// write to a journal looks as if a power failure had cut it off, and costs the last height.
func TestFlippedBytes(t *testing.T) {
	r := newRand(t)
	crashed, stopped, g, hashes := ledgerOnDisk(t)
	var files []string
	total := int64(0)
	sizes := make(map[string]int64)
	err := filepath.WalkDir(filepath.Join(crashed, "ledger.db"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := d.Name()
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			files = append(files, name)
			sizes[name] = info.Size()
			total += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, undamaged := range []string{crashed, stopped} {
		if v, err := judge(t, g, clone(t, undamaged), hashes); v != harmless {
			t.Fatalf("undamaged: %v", err)
		}
	}
	// Where the last write to the journal begins.
	journals, err := databasetest.Journals(filepath.Join(crashed, "ledger.db"))
	if err != nil || len(journals) != 1 {
		t.Fatalf("journals %q, %v", journals, err)
	}
	journal := filepath.Base(journals[0])
	lastWrite, err := databasetest.LastWrite(journals[0])
	if err != nil || lastWrite == 0 {
		t.Fatalf("the last write begins at byte %d, %v", lastWrite, err)
	}
	flips := 150
	if faultTime(t, 0) > 0 {
		flips = 3000
	}
	count := make(map[verdict]int)
	kinds := make(map[string]int)
	for i := range flips {
		// Any byte of all files is as likely as another; every fourth time any file
		// is, so that the small ones get their share.
		name := files[r.IntN(len(files))]
		if at := r.Int64N(total); r.IntN(4) != 0 {
			for _, name = range files {
				if at -= sizes[name]; at < 0 {
					break
				}
			}
		}
		original := crashed
		if i%5 == 0 {
			original = stopped
		}
		dir := clone(t, original)
		path := filepath.Join(dir, "ledger.db", name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at, bit := r.IntN(len(b)), byte(1)<<r.IntN(8)
		if name == journal && i%2 == 0 {
			at = int(lastWrite) + r.IntN(len(b)-int(lastWrite))
		}
		b[at] ^= bit
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := judge(t, g, dir, hashes)
		if (err != nil) != (v == foundAtOpen || v == foundByCheck) {
			t.Fatalf("verdict %d with error %v", v, err)
		}
		if v == foundByCheck && errors.Is(err, ledger.ErrInconsistent) {
			t.Errorf("%s, byte %d, bit %x: only the ledger noticed, no hash did: %v", name, at, bit, err)
		}
		if v == shorter && (original == stopped || name != journal || int64(at) < lastWrite) {
			t.Errorf("%s, byte %d, bit %x: the last height is missing, and nothing says so; the last write begins at byte %d of %s", name, at, bit, lastWrite, journal)
		}
		count[v]++
		kinds[filepath.Ext(name)]++
		// What goes on in a database that has failed, which ends a node, may make files meanwhile.
		_ = os.RemoveAll(dir)
	}
	t.Logf("%d found at open, %d by the check, %d harmless, %d lost the last height; by kind of file: %v",
		count[foundAtOpen], count[foundByCheck], count[harmless], count[shorter], kinds)
	if count[foundAtOpen]+count[foundByCheck] == 0 || count[shorter] == 0 {
		t.Error("nothing was found, or the last write was never hit")
	}
}

func clone(t *testing.T, dir string) string {
	t.Helper()
	out, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(out, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return out
}
