package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/cometbft/cometbft/types"
	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/lookup"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// served is the story with the answers an honest node gives about it.
type served struct {
	*story
	tb     testing.TB
	lookup *lookup.Reader
	tx     []byte // targets 3 of app, beside a transaction of other
	height uint64 // of tx
}

func newServed(tb testing.TB) *served {
	tb.Helper()
	s := &served{story: newStory(tb), tb: tb}
	s.tx = s.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "three"})
	s.height = s.Commit(s.other.Publish(2, fixture.Tags{"1.0": "foreign", "2.0": "two"}), s.tx, s.app.Publish(4, fixture.Tags{"1.0": "one", "latest": "four"}))
	s.Commit()
	s.lookup = s.Reader()
	return s
}

// txs returns the transactions of the block of tx.
func (s *served) txs() types.Txs {
	txs, err := s.Chain.Transactions(s.height)
	if err != nil {
		s.tb.Fatal(err)
	}
	return txs
}

// ask returns an honest node's answer.
func ask[M protobuf.Message](tb testing.TB, s *served, kind, text string) M {
	tb.Helper()
	values, err := url.ParseQuery(text)
	if err != nil {
		tb.Fatal(err)
	}
	m, err := s.answer(kind, values)
	if err != nil {
		tb.Fatalf("%s?%s: %v", kind, text, err)
	}
	return m.(M)
}

// answer answers a question in the form that HTTP gives it.
func (s *served) answer(kind string, values url.Values) (protobuf.Message, error) {
	q, k, err := query.Parse("/v1/"+kind, values)
	if err != nil {
		return nil, err
	}
	return s.lookup.Answer(q, k)
}

func (s *served) history(tb testing.TB, name, more string) *proto.HistoryAnswer {
	return ask[*proto.HistoryAnswer](tb, s, "history", "repository="+name+more)
}

func (s *served) receipt(tb testing.TB, tx []byte) *proto.ReceiptAnswer {
	return ask[*proto.ReceiptAnswer](tb, s, fmt.Sprintf("receipt/%x", types.Tx(tx).Hash()), "")
}

func verifyHistory(s *served, a *proto.HistoryAnswer, from bundle.Cursor) (*bundle.HistoryPage, error) {
	page, _, err := bundle.VerifyHistory(a, repository(app), from, s.memory(), s.Now(), bundle.DefaultPolicy())
	return page, err
}

// TestHistory follows a history over pages of every size.
func TestHistory(t *testing.T) {
	s := newServed(t)
	for limit := 1; limit <= 6; limit++ {
		var got []string
		var next bundle.Cursor
		memory := s.memory()
		for more := ""; more != "end"; {
			a := s.history(t, app, "&limit="+strconv.Itoa(limit)+more)
			if len(a.GetEntries()) > limit {
				t.Fatalf("%d records, at most %d", len(a.GetEntries()), limit)
			}
			page, m, err := bundle.VerifyHistory(a, repository(app), next, memory, s.Now(), bundle.DefaultPolicy())
			if err != nil {
				t.Fatal(err)
			}
			memory = m
			for _, r := range page.Records {
				line := fmt.Sprintf("%d %s at %d:", r.Revision, r.Kind, r.Height)
				for _, c := range r.TagChanges {
					line += fmt.Sprintf(" %d %s", c.Op, c.Tag)
				}
				got = append(got, line)
			}
			next = page.Next
			more = fmt.Sprintf("&before=%d&index=%d", next.Revision+1, next.Index)
			if next.Revision == 0 {
				more = "end"
			}
		}
		want := []string{
			"5 publish at 6: 1 latest", "4 publish at 6: 1 latest", "3 publish at 3: 1 latest 2 old",
			"2 publish at 2: 1 1.0 1 latest 1 old", "1 register-repository at 1:",
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("limit %d: history is\n%q, want\n%q", limit, got, want)
		}
		if seen, _ := memory.Repository(repository(app)); seen.Revision != 5 {
			t.Errorf("revision %d is remembered", seen.Revision)
		}
	}
	// A client that does not know where a revision stands is answered too.
	a := s.history(t, app, "&before=3")
	if got := a.GetEntries()[0].GetEntry().GetIndex(); got == 0 || len(a.GetEntries()) != 2 {
		t.Errorf("%d records from %d", len(a.GetEntries()), got)
	}
	absent := s.history(t, "registry.example.com/none", "")
	_, m, err := bundle.VerifyHistory(absent, repository("registry.example.com/none"), bundle.Cursor{}, s.memory(), s.Now(), bundle.DefaultPolicy())
	if !errors.Is(err, bundle.ErrUnknownRepository) || bundle.ClassOf(err) != bundle.NotTrusted || m == nil {
		t.Errorf("absent repository: %v", err)
	}
}

// stateLies are lies about what any answer rests on.
var stateLies = []struct {
	name string
	tell func(s *served, p *proto.StateProof)
	err  error
}{
	{"another ledger", func(_ *served, p *proto.StateProof) { p.Ledger = "elsewhere" }, bundle.ErrWrongLedger},
	{"newer format", func(_ *served, p *proto.StateProof) { p.Version = 2 }, record.ErrNewer},
	{"no version", func(_ *served, p *proto.StateProof) { p.Version = 0 }, bundle.ErrMalformed},
	{"no state", func(_ *served, p *proto.StateProof) { p.AppState = nil }, bundle.ErrMalformed},
	{"no block", func(_ *served, p *proto.StateProof) { p.LightBlock = nil }, bundle.ErrMalformed},
	{"other log root", func(_ *served, p *proto.StateProof) { p.AppState.LogRoot[0] ^= 1 }, bundle.ErrAppHash},
	{"shorter log", func(_ *served, p *proto.StateProof) { p.AppState.LogSize-- }, bundle.ErrAppHash},
	{"header of another height", func(s *served, p *proto.StateProof) { p.LightBlock = s.EncodedBlock(3) }, bundle.ErrAppHash},
	{"block without enough signatures", func(s *served, p *proto.StateProof) {
		lb := s.Newest().Block
		p.LightBlock = bundletest.Encode(s.tb, s.Sign(lb.Header, s.Validators(), s.Validators()[0]))
	}, bundle.ErrHeader},
	{"many intermediate blocks", func(s *served, p *proto.StateProof) {
		for range bundle.MaxIntermediateBlocks + 1 {
			p.IntermediateBlocks = append(p.IntermediateBlocks, s.EncodedBlock(2))
		}
	}, bundle.ErrMalformed},
	{"intermediate blocks that do not ascend", func(s *served, p *proto.StateProof) {
		p.IntermediateBlocks = [][]byte{s.EncodedBlock(3), s.EncodedBlock(2)}
	}, bundle.ErrMalformed},
}

// TestHistoryLies: no page can leave out, swap or invent a record.
func TestHistoryLies(t *testing.T) {
	s := newServed(t)
	theirs := s.history(t, other, "")
	second := bundle.Cursor{Revision: 4, Index: s.history(t, app, "").GetEntries()[1].GetEntry().GetIndex()}
	for _, lie := range []struct {
		name string
		from bundle.Cursor
		tell func(a *proto.HistoryAnswer)
		err  error
	}{
		{"a root left out", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Contents = nil }, bundle.ErrHistory},
		{"another root", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Contents[0] = append([]byte(" "), a.Contents[0]...) }, bundle.ErrHistory},
		{"a root twice", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Contents = append(a.Contents, a.Contents[0]) }, bundle.ErrHistory},
		{"no records", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries = nil }, bundle.ErrHistory},
		{"newest left out", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries = a.Entries[1:] }, bundle.ErrHistory},
		{"one in the middle left out", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries = append(a.Entries[:1:1], a.Entries[2:]...) }, bundle.ErrHistory},
		{"one twice", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries = append(a.Entries[:2:2], a.Entries[1:]...) }, bundle.ErrHistory},
		{"oldest first", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0], a.Entries[1] = a.Entries[1], a.Entries[0] }, bundle.ErrHistory},
		{"records after the first", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries = append(a.Entries, a.Entries[0]) }, bundle.ErrHistory},
		{"too many records", bundle.Cursor{}, func(a *proto.HistoryAnswer) {
			for range query.MaxHistoryPage {
				a.Entries = append(a.Entries, a.Entries[0])
			}
		}, bundle.ErrHistory},
		{"record of another repository", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0] = theirs.Entries[0] }, bundle.ErrHistory},
		{"record under another index", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Record = theirs.Entries[0].Entry.Record }, bundle.ErrLog},
		{"changed record", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Record[60] ^= 1 }, bundle.ErrLog},
		{"wrong proof", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof[0][0] ^= 1 }, bundle.ErrLog},
		{"short proof", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof = a.Entries[0].Entry.Proof[1:] }, bundle.ErrLog},
		{"half a hash", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof[0] = a.Entries[0].Entry.Proof[0][1:] }, bundle.ErrMalformed},
		{"huge proof", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Entry.Proof = make([][]byte, merkle.MaxLogProof+1) }, bundle.ErrMalformed},
		{"no entry", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Entry = nil }, bundle.ErrHistory},
		{"other changes", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Changes = a.Entries[2].Changes }, bundle.ErrHistory},
		{"no changes", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Entries[0].Changes = nil }, bundle.ErrHistory},
		{"another repository's value", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Repository = theirs.Repository }, bundle.ErrProof},
		{"repository denied", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Repository.Value = nil }, bundle.ErrProof},
		{"no repository", bundle.Cursor{}, func(a *proto.HistoryAnswer) { a.Repository = nil }, bundle.ErrMalformed},
		{"whole answer of another repository", bundle.Cursor{}, func(a *proto.HistoryAnswer) { protobuf.Reset(a); protobuf.Merge(a, theirs) }, bundle.ErrProof},
		{"first page instead of the second", second, func(*proto.HistoryAnswer) {}, bundle.ErrHistory},
		{"cursor beyond the newest", bundle.Cursor{Revision: 9, Index: 9}, func(*proto.HistoryAnswer) {}, bundle.ErrHistory},
		{"cursor of another index", bundle.Cursor{Revision: 5, Index: 1}, func(*proto.HistoryAnswer) {}, bundle.ErrHistory},
		{"empty", bundle.Cursor{}, func(a *proto.HistoryAnswer) { protobuf.Reset(a) }, bundle.ErrMalformed},
	} {
		t.Run(lie.name, func(t *testing.T) {
			a := s.history(t, app, "")
			lie.tell(a)
			page, err := verifyHistory(s, a, lie.from)
			if page != nil || !errors.Is(err, lie.err) || bundle.ClassOf(err) != bundle.Attack {
				t.Errorf("error %v of class %s, want %v", err, bundle.ClassOf(err), lie.err)
			}
		})
	}
	for _, lie := range stateLies {
		t.Run(lie.name, func(t *testing.T) {
			a := s.history(t, app, "")
			lie.tell(s, a.State)
			if page, err := verifyHistory(s, a, bundle.Cursor{}); page != nil || !errors.Is(err, lie.err) {
				t.Errorf("error %v, want %v", err, lie.err)
			}
		})
	}
	t.Run("stale", func(t *testing.T) {
		_, _, err := bundle.VerifyHistory(s.history(t, app, ""), repository(app), bundle.Cursor{}, s.memory(), s.Now().Add(time.Hour), bundle.DefaultPolicy())
		if !errors.Is(err, bundle.ErrStale) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("rolled back", func(t *testing.T) {
		page, m, err := bundle.VerifyHistory(s.history(t, app, ""), repository(app), bundle.Cursor{}, s.memory(), s.Now(), bundle.DefaultPolicy())
		if err != nil || page.Revision != 5 {
			t.Fatal(err)
		}
		// The validators sign a state in which the repository has fewer records.
		old := s.Source(4)
		value := old.Value(record.RepositoryKey(repository(app)))
		s.Commit()
		forged := s.Doctored(s.Height()-1, nil, merkle.Change{Key: record.RepositoryKey(repository(app)), Value: value})
		a := s.history(t, app, "")
		b := forged.Bundle(ref(app))
		a.State.LightBlock, a.State.AppState, a.Repository = b.State.LightBlock, b.State.AppState, b.Repository
		if _, _, err := bundle.VerifyHistory(a, repository(app), bundle.Cursor{}, m, s.Now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrRollback) {
			t.Errorf("error %v", err)
		}
	})
}

// TestReceipt: each transaction of a block is answered with the records it made.
func TestReceipt(t *testing.T) {
	s := newServed(t)
	verify := func(a *proto.ReceiptAnswer, tx []byte) (*bundle.Receipt, error) {
		r, _, err := bundle.VerifyReceipt(a, tx, s.memory(), s.Now(), bundle.DefaultPolicy())
		return r, err
	}
	for i, tx := range s.txs() {
		r, err := verify(s.receipt(t, tx), tx)
		if err != nil {
			t.Fatalf("transaction %d: %v", i, err)
		}
		if r.Height != s.height || r.Index != uint32(i) || len(r.Records) != 1 || r.Records[0].Roles[0].Version != []uint64{2, 3, 4}[i] {
			t.Errorf("transaction %d: receipt %+v", i, r)
		}
	}
	txs := s.txs()
	for _, lie := range []struct {
		name string
		tell func(a *proto.ReceiptAnswer)
		err  error
	}{
		{"receipt of another transaction", func(a *proto.ReceiptAnswer) { protobuf.Reset(a); protobuf.Merge(a, s.receipt(t, txs[0])) }, bundle.ErrTransaction},
		{"records of another transaction", func(a *proto.ReceiptAnswer) { a.Records = s.receipt(t, txs[2]).Records }, bundle.ErrTransaction},
		{"records of another repository", func(a *proto.ReceiptAnswer) { a.Records = s.receipt(t, txs[0]).Records }, bundle.ErrTransaction},
		{"no records", func(a *proto.ReceiptAnswer) { a.Records = nil }, bundle.ErrTransaction},
		{"records twice", func(a *proto.ReceiptAnswer) { a.Records = append(a.Records, a.Records[0]) }, bundle.ErrTransaction},
		{"record that is not in the log", func(a *proto.ReceiptAnswer) { a.Records[0].Record[60] ^= 1 }, bundle.ErrLog},
		{"record under another index", func(a *proto.ReceiptAnswer) { a.Records[0].Index-- }, bundle.ErrLog},
		{"another block", func(a *proto.ReceiptAnswer) { a.Block = s.EncodedBlock(5) }, bundle.ErrTransaction},
		{"no block", func(a *proto.ReceiptAnswer) { a.Block = nil }, bundle.ErrMalformed},
		{"no transaction", func(a *proto.ReceiptAnswer) { a.Transaction = nil }, bundle.ErrTransaction},
		{"empty", func(a *proto.ReceiptAnswer) { protobuf.Reset(a) }, bundle.ErrMalformed},
	} {
		t.Run(lie.name, func(t *testing.T) {
			a := s.receipt(t, s.tx)
			lie.tell(a)
			if r, err := verify(a, s.tx); r != nil || !errors.Is(err, lie.err) || bundle.ClassOf(err) != bundle.Attack {
				t.Errorf("error %v, want %v", err, lie.err)
			}
		})
	}
	if _, err := verify(s.receipt(t, s.tx), []byte("no transaction")); !errors.Is(err, bundle.ErrRequest) {
		t.Errorf("error %v", err)
	}
}

// TestLog: records and the growth of the log are proven against headers.
func TestLog(t *testing.T) {
	s := newServed(t)
	now, p := s.Now(), bundle.DefaultPolicy()
	for index := range uint64(8) {
		a := ask[*proto.InclusionAnswer](t, s, "log/inclusion", fmt.Sprintf("index=%d", index))
		r, _, err := bundle.VerifyInclusion(a, index, 0, s.memory(), now, p)
		if err != nil || r.Index != index || r.Log.Size != 8 {
			t.Fatalf("record %d: %v", index, err)
		}
		if _, _, err := bundle.VerifyInclusion(a, index+1, 0, s.memory(), now, p); !errors.Is(err, bundle.ErrLog) {
			t.Errorf("as record %d: %v", index+1, err)
		}
		if _, _, err := bundle.VerifyInclusion(a, index, 5, s.memory(), now, p); !errors.Is(err, bundle.ErrLog) {
			t.Errorf("in a log of 5: %v", err)
		}
	}
	a := ask[*proto.InclusionAnswer](t, s, "log/inclusion", "index=1&size=4")
	if r, _, err := bundle.VerifyInclusion(a, 1, 4, s.memory(), now, p); err != nil || r.StateHeight != 2 {
		t.Errorf("in a log of 4: %v", err)
	}
	for _, sizes := range [][2]uint64{{2, 8}, {2, 5}, {4, 5}, {8, 8}, {5, 0}} {
		text := fmt.Sprintf("first=%d", sizes[0])
		if sizes[1] != 0 {
			text += fmt.Sprintf("&second=%d", sizes[1])
		}
		a := ask[*proto.ConsistencyAnswer](t, s, "log/consistency", text)
		g, _, err := bundle.VerifyConsistency(a, sizes[0], sizes[1], s.memory(), now, p)
		if err != nil || g.First.Log.Size != sizes[0] || sizes[1] != 0 && g.Second.Log.Size != sizes[1] {
			t.Errorf("%v: %v", sizes, err)
		}
	}
	growth := func() *proto.ConsistencyAnswer {
		return ask[*proto.ConsistencyAnswer](t, s, "log/consistency", "first=4&second=8")
	}
	for _, lie := range []struct {
		name string
		tell func(a *proto.ConsistencyAnswer)
		err  error
	}{
		{"another first size", func(a *proto.ConsistencyAnswer) {
			a.First = ask[*proto.ConsistencyAnswer](t, s, "log/consistency", "first=2").First
		}, bundle.ErrLog},
		{"another second size", func(a *proto.ConsistencyAnswer) { a.Second = a.First }, bundle.ErrLog},
		{"wrong proof", func(a *proto.ConsistencyAnswer) { a.Proof[0][0] ^= 1 }, bundle.ErrLog},
		{"no proof", func(a *proto.ConsistencyAnswer) { a.Proof = nil }, bundle.ErrLog},
		{"first state unproven", func(a *proto.ConsistencyAnswer) { a.First.AppState.LogSize++ }, bundle.ErrAppHash},
		{"no first state", func(a *proto.ConsistencyAnswer) { a.First = nil }, bundle.ErrMalformed},
		{"no second state", func(a *proto.ConsistencyAnswer) { a.Second = nil }, bundle.ErrMalformed},
	} {
		t.Run(lie.name, func(t *testing.T) {
			a := growth()
			lie.tell(a)
			if g, _, err := bundle.VerifyConsistency(a, 4, 8, s.memory(), now, p); g != nil || !errors.Is(err, lie.err) {
				t.Errorf("error %v, want %v", err, lie.err)
			}
		})
	}
	for _, q := range []string{"log/inclusion?index=8", "log/inclusion?index=0&size=3", "log/inclusion?index=0&size=9", "log/consistency?first=3", "log/consistency?first=9"} {
		kind, query, _ := bytes.Cut([]byte(q), []byte("?"))
		values, err := url.ParseQuery(string(query))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.answer(string(kind), values); !errors.Is(err, lookup.ErrNotFound) {
			t.Errorf("%s: %v", q, err)
		}
	}
}

// TestVouchers: who vouches for a digest anywhere is proven, also that nobody does.
func TestVouchers(t *testing.T) {
	s := newServed(t)
	answer := func(d reference.Digest) *proto.ImageAnswer {
		return ask[*proto.ImageAnswer](t, s, "image", "digest="+d.String())
	}
	verify := func(a *proto.ImageAnswer, d reference.Digest) (*bundle.Vouchers, error) {
		v, _, err := bundle.VerifyVouchers(a, d, s.memory(), s.Now(), bundle.DefaultPolicy())
		return v, err
	}
	for manifest, want := range map[string]string{
		"one": "1 [registry.example.com/app]", "two": "2 [registry.example.com/app registry.example.com/other]", "none": "0 []",
	} {
		d := fixture.Digest(manifest)
		v, err := verify(answer(d), d)
		if err != nil || fmt.Sprint(v.Count, v.Repositories) != want {
			t.Errorf("%s: %v, error %v, want %s", manifest, v, err, want)
		}
	}
	one, two := fixture.Digest("one"), fixture.Digest("two")
	if _, err := verify(answer(two), one); !errors.Is(err, bundle.ErrProof) {
		t.Errorf("answer about another digest: %v", err)
	}
	denied := answer(one)
	denied.Image.Value = nil
	if _, err := verify(denied, one); !errors.Is(err, bundle.ErrProof) {
		t.Errorf("denied: %v", err)
	}
	if _, err := verify(new(proto.ImageAnswer), one); !errors.Is(err, bundle.ErrMalformed) {
		t.Errorf("empty: %v", err)
	}
}

// FuzzVerifyHistory checks that what verifies is the truth, whatever is sent.
func FuzzVerifyHistory(f *testing.F) {
	s := newServed(f)
	truth := make(map[uint64][]byte)
	for _, e := range s.history(f, app, "").GetEntries() {
		truth[e.GetEntry().GetIndex()] = e.GetEntry().GetRecord()
	}
	for _, query := range []string{"", "&limit=2", "&before=3"} {
		f.Add(marshal(f, s.history(f, app, query)), uint64(0), uint64(0))
	}
	f.Add(marshal(f, s.history(f, app, "&before=3")), uint64(2), uint64(2))
	memory, now := s.memory(), s.Now()
	f.Fuzz(func(t *testing.T, text []byte, revision, index uint64) {
		a := new(proto.HistoryAnswer)
		if proto.UnmarshalJSON(text, a) != nil {
			return
		}
		page, _, err := bundle.VerifyHistory(a, repository(app), bundle.Cursor{Revision: revision, Index: index}, memory, now, bundle.OfflinePolicy())
		if err != nil {
			return
		}
		for _, r := range page.Records {
			if !bytes.Equal(r.Encode(), truth[r.Index]) {
				t.Fatalf("record %d was made up", r.Index)
			}
		}
	})
}

// FuzzVerifyAnswers does the same for the other answers.
func FuzzVerifyAnswers(f *testing.F) {
	s := newServed(f)
	truth := make(map[uint64][]byte)
	for index := range uint64(8) {
		a := ask[*proto.InclusionAnswer](f, s, "log/inclusion", fmt.Sprintf("index=%d", index))
		truth[index] = a.GetEntry().GetRecord()
		f.Add(byte(0), marshal(f, a), index)
	}
	f.Add(byte(1), marshal(f, ask[*proto.ConsistencyAnswer](f, s, "log/consistency", "first=4&second=8")), uint64(4))
	f.Add(byte(2), marshal(f, ask[*proto.ImageAnswer](f, s, "image", "digest="+fixture.Digest("two").String())), uint64(0))
	f.Add(byte(3), marshal(f, s.receipt(f, s.tx)), uint64(0))
	memory, now, p := s.memory(), s.Now(), bundle.OfflinePolicy()
	f.Fuzz(func(t *testing.T, kind byte, text []byte, number uint64) {
		switch kind % 4 {
		case 0:
			a := new(proto.InclusionAnswer)
			if proto.UnmarshalJSON(text, a) != nil {
				return
			}
			if r, _, err := bundle.VerifyInclusion(a, number, 0, memory, now, p); err == nil && !bytes.Equal(r.Encode(), truth[number]) {
				t.Fatalf("record %d was made up", number)
			}
		case 1:
			a := new(proto.ConsistencyAnswer)
			if proto.UnmarshalJSON(text, a) != nil {
				return
			}
			if g, _, err := bundle.VerifyConsistency(a, number, 0, memory, now, p); err == nil && g.First.Log.Size > g.Second.Log.Size {
				t.Fatal("the log shrank")
			}
		case 2:
			a := new(proto.ImageAnswer)
			if proto.UnmarshalJSON(text, a) != nil {
				return
			}
			if v, _, err := bundle.VerifyVouchers(a, fixture.Digest("two"), memory, now, p); err == nil && v.Count > 2 {
				t.Fatalf("%d repositories vouch", v.Count)
			}
		default:
			a := new(proto.ReceiptAnswer)
			if proto.UnmarshalJSON(text, a) != nil {
				return
			}
			if r, _, err := bundle.VerifyReceipt(a, s.tx, memory, now, p); err == nil && r.Records[0].Roles[0].Version != 3 {
				t.Fatal("a record of another transaction")
			}
		}
	})
}

func marshal(tb testing.TB, m protobuf.Message) []byte {
	tb.Helper()
	b, err := proto.MarshalJSON(m)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestReceiptOfStatements: two revocations in one block, each with its own record,
// and what a history says of them.
func TestReceiptOfStatements(t *testing.T) {
	s := newServed(t)
	first := s.State(s.app.TaggingKeys[0], s.app.Revoke(record.RoleTargets, 1, "one"))
	second := s.State(s.app.TaggingKeys[0], s.app.Revoke(record.RoleTargets, 2, "two"))
	s.Commit(first, second)
	s.Commit()
	for i, tx := range [][]byte{first, second} {
		r, _, err := bundle.VerifyReceipt(s.receipt(t, tx), tx, s.memory(), s.Now(), bundle.DefaultPolicy())
		if err != nil || r.Records[0].Kind != record.KindRevoke || r.Records[0].Revision != uint64(6+i) {
			t.Errorf("receipt %+v, error %v", r, err)
		}
	}
	swapped := s.receipt(t, first)
	swapped.Records = s.receipt(t, second).Records
	if _, _, err := bundle.VerifyReceipt(swapped, first, s.memory(), s.Now(), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrTransaction) {
		t.Errorf("record of the other revocation: %v", err)
	}
	page, err := verifyHistory(s, s.history(t, app, ""), bundle.Cursor{})
	if err != nil || page.Records[0].Statement == nil || page.Records[0].Statement.Digests[0] != fixture.Digest("two") || page.Records[0].TagChanges != nil {
		t.Errorf("history %+v, error %v", page, err)
	}
	lied := s.history(t, app, "")
	lied.Entries[0].Changes = lied.GetEntries()[1].GetChanges()
	if _, err := verifyHistory(s, lied, bundle.Cursor{}); !errors.Is(err, bundle.ErrHistory) {
		t.Errorf("statement of the other revocation: %v", err)
	}
}
