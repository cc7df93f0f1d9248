package ledger_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// orderRow is a row of the table "Order of checks" in docs/spec.md.
type orderRow struct {
	step  int
	check string
	codes []string
}

// The rows of the table that are spoken of below.
const (
	stepSignature = 10
	stepContent   = 11
)

func orderOfChecks(t *testing.T) []orderRow {
	t.Helper()
	spec, err := os.ReadFile(filepath.Join("..", "docs", "spec.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(spec), "### Order of checks\n")
	section, _, _ = strings.Cut(section, "\n### ")
	var out []orderRow
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			continue
		}
		step, err := strconv.Atoi(strings.TrimSpace(cells[1]))
		if err != nil {
			continue // the head
		}
		row := orderRow{step: step, check: strings.TrimSpace(cells[2])}
		for i, text := range strings.Split(cells[3], "`") {
			if i%2 == 1 {
				row.codes = append(row.codes, text)
			}
		}
		out = append(out, row)
	}
	if len(out) < stepContent || out[stepSignature-1].step != stepSignature {
		t.Fatalf("the table has %d rows", len(out))
	}
	return out
}

// stepOf returns the step of the table that finds a fault.
func stepOf(t *testing.T, table []orderRow, f fault) int {
	t.Helper()
	for _, row := range table {
		// The same code can stand for something in the content, which is looked at when
		// the submitter's signature has been.
		early := f.verified == 0
		if slices.Contains(row.codes, f.code.Name()) && (row.step == stepSignature || early == (row.step < stepSignature)) {
			return row.step
		}
	}
	if f.verified == 0 {
		t.Fatalf("the table has no step for %s, %s", f.name, f.code.Name())
	}
	return stepContent // "and below"
}

// inOrder checks that some faults are listed in the order of the table.
func inOrder(t *testing.T, table []orderRow, list []fault) {
	t.Helper()
	for i := range list[1:] {
		if a, b := stepOf(t, table, list[i]), stepOf(t, table, list[i+1]); a > b {
			t.Fatalf("%s is found by step %d, %s behind it by step %d", list[i].name, a, list[i+1].name, b)
		}
	}
}

// inPairs makes transactions with any two of some faults and expects that the first
// decides. The list is in the order of the table, and within a step in that of the text.
func inPairs(t *testing.T, ch *chain, list []fault, build func(has func(string) bool) []byte) {
	t.Helper()
	inOrder(t, orderOfChecks(t), list)
	for i, first := range list {
		for _, second := range list[i+1:] {
			tx := build(func(name string) bool { return name == first.name || name == second.name })
			s := ch.begin()
			var v counter
			_, err := s.Apply(tx, &v)
			s.Close()
			if code, _ := record.CodeOf(err); code != first.code || v.n != first.verified {
				t.Errorf("%s and %s: %v after %d signatures, want %s after %d", first.name, second.name, err, v.n, first.code.Name(), first.verified)
			}
		}
	}
}

func TestOrderOfPublishPairs(t *testing.T) {
	ch, p := orderChain(t)
	inPairs(t, ch, faults, func(has func(string) bool) []byte { return faulty(ch, p, has) })
}

func TestOrderOfLiftPairs(t *testing.T) {
	s := statementStage(t)
	inPairs(t, s.chain, statementFaults, func(has func(string) bool) []byte { return faultyLift(s, has) })
}

// registrationFaults are in the order in which they must be found in a registration.
var registrationFaults = []fault{
	{"size", record.CodeTooLarge, 0},
	{"form", record.CodeMalformed, 0},
	{"chain", record.CodeWrongChain, 0},
	{"profile", record.CodeNotActive, 0},
	{"number", record.CodeScopeMismatch, 0},
	{"payer", record.CodeUnknownSubmitter, 0},
	{"name", record.CodeRepositoryExists, 0},
	{"owner", record.CodeNotOwner, 0},
	{"quota", record.CodeQuota, 0},
	{"work", record.CodeWork, 0},
	{"submitter's signature", record.CodeSubmitterSignature, 1},
	{"body", record.CodeMalformed, 1},
	{"canonical form", record.CodeNotCanonical, 1},
	{"expiry", record.CodeExpired, 1},
	{"signer", record.CodeUnknownKey, 1},
	{"horizon", record.CodeExpiresTooLate, 2},
	{"notary keys", record.CodeNotaryKeys, 2},
}

func TestOrderOfRegistrationPairs(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.OperatorQuota = record.Quota{Capacity: 1, Refill: 1000}
	c.Params.MaxBlockWork = 500
	c.Operators[1].Namespaces = append(c.Operators[1].Namespaces, reference.MustParseNamespace("registry.example.com/team"))
	ch := newChainOf(t, c, ledger.Memory{Results: -1})
	known := c.NewPublisher("registry.example.com/known")
	ch.commit(known.Register(c.Operators[0])) // who has no token left
	inPairs(t, ch, registrationFaults, func(has func(string) bool) []byte {
		op, name := c.Operators[1], "registry.example.com/team/app"
		if has("quota") {
			op, name = c.Operators[0], "registry.example.com/app"
		}
		if has("owner") {
			op = c.Operators[3]
		}
		p := c.NewPublisher(name)
		spec := p.RootSpec(1)
		signers := p.RootKeys
		if has("notary keys") {
			spec.Roles.Snapshot.Threshold--
		}
		if has("horizon") {
			spec.Expires = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		if has("expiry") {
			spec.Expires = c.Time
		}
		if has("signer") {
			signers = newKeys(t, "stranger")
		}
		root := p.SignRoot(spec, signers...)
		tx := c.NewRegister(op, root)
		b := root.Bytes()
		if has("canonical form") {
			b = append(slices.Clone(b), '\n')
		}
		tx.Message = &proto.RegisterRepository{Root: b}
		if has("body") {
			tx.Body = append(tx.EncodedBody(), 0xff)
		}
		if has("work") {
			tx.Body = bytes.Repeat([]byte(`"sig":`), 40_000)
		}
		if has("submitter's signature") {
			tx.Signature = new([keys.FixedSize]byte)
		}
		if has("name") {
			tx.Scopes[0].Repository = known.Repository
		}
		if has("payer") {
			tx.Payer = "nobody"
		}
		if has("number") {
			tx.Scopes[0].Number = 2
		}
		if has("profile") {
			tx.Profile = record.ProfileNotary
		}
		if has("chain") {
			tx.ChainID = "other-0123456789abcdef"
		}
		h := tx.Header()
		if has("form") {
			h.BodyHash[0] ^= 1
		}
		b = tx.BytesWith(h)
		if has("size") {
			b = append(b, make([]byte, record.MaxTransactionSize)...)
		}
		return b
	})
}

// scopeFaults are what can be wrong with one scope of several, in the order of the table.
var scopeFaults = []fault{
	{"kind of scope", record.CodeScopeMismatch, 0},
	{"unknown repository", record.CodeUnknownRepository, 0},
	{"unknown submitter", record.CodeUnknownSubmitter, 0},
	{"stale", record.CodeStaleScope, 0},
	{"gap", record.CodeFutureScope, 0},
	{"quota", record.CodeQuota, 0},
}

// TestOrderOfScopePairs: a step is done for all scopes before the next one begins. So of
// two faults in two scopes the one that the earlier step finds decides, wherever it
// stands, and of two that one step finds the one that stands first. A publish of a role of
// an unknown repository and of a revocation has the wrong scopes.
func TestOrderOfScopePairs(t *testing.T) {
	table := orderOfChecks(t)
	inOrder(t, table, scopeFaults)
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas = [3]record.Quota{{Capacity: 1, Refill: 1000}, {Capacity: 1, Refill: 1000}, {Capacity: 1, Refill: 1000}}
	ch := newChainOf(t, c, ledger.Memory{Results: -1})
	shared, foreign := newKeys(t, "shared"), newKeys(t, "foreign")
	repository := func(name string, own []*fixture.Key) *fixture.Publisher {
		p := c.NewPublisher("registry.example.com/" + name)
		p.RootKeys, p.TaggingKeys = own, own
		ch.commit(p.Register(c.Operators[0]))
		return p
	}
	// One of each for either scope. The names are in the order of the scopes.
	type place struct{ good, poor, foreign, nobody *fixture.Publisher }
	var places [2]place
	for i, prefix := range []string{"a", "b"} {
		w := place{repository(prefix+"-good", shared), repository(prefix+"-poor", shared), repository(prefix+"-foreign", foreign),
			c.NewPublisher("registry.example.com/" + prefix + "-nobody")}
		ch.commit(w.poor.Publish(1, nil)) // has one of everything, and no token for more
		ch.commit(c.State(shared[0], w.poor.Revoke(record.RoleTargets, 1, "one")))
		ch.commit(c.State(shared[0], w.poor.Lift(1, 1, "one")))
		places[i] = w
	}
	for _, k := range []struct {
		kind   record.Kind
		claims func(r reference.Repository, number uint64) record.Scope
		wrong  func(r reference.Repository) record.Scope
	}{
		{
			record.KindPublish,
			func(r reference.Repository, n uint64) record.Scope { return record.RoleScope(r, record.RoleTargets, n) },
			func(r reference.Repository) record.Scope { return record.RevocationScope(r, record.RoleRoot, 1) },
		},
		{
			record.KindRevoke,
			func(r reference.Repository, n uint64) record.Scope {
				return record.RevocationScope(r, record.RoleTargets, n)
			},
			func(r reference.Repository) record.Scope { return record.RoleScope(r, record.RoleTargets, 1) },
		},
		{
			record.KindLift,
			record.LiftScope,
			func(r reference.Repository) record.Scope { return record.RevocationScope(r, record.RoleRoot, 1) },
		},
	} {
		scope := func(w place, f fault) record.Scope {
			switch f.name {
			case "kind of scope":
				return k.wrong(w.good.Repository)
			case "unknown repository":
				return k.claims(w.nobody.Repository, 1)
			case "unknown submitter":
				return k.claims(w.foreign.Repository, 1)
			case "stale":
				return k.claims(w.poor.Repository, 1)
			case "gap":
				return k.claims(w.good.Repository, 7)
			case "quota":
				return k.claims(w.poor.Repository, 2)
			}
			t.Fatalf("no scope with %q", f.name)
			return record.Scope{}
		}
		for _, a := range scopeFaults {
			for _, b := range scopeFaults {
				want := a
				if stepOf(t, table, b) < stepOf(t, table, a) {
					want = b
				}
				tx := unsigned(c.NewPublish(shared[0], targets(places[0].good.Targets(1, nil))))
				tx.Kind, tx.Body = k.kind, []byte{}
				tx.Scopes = []record.Scope{scope(places[0], a), scope(places[1], b)}
				s := ch.begin()
				var v counter
				_, err := s.Apply(tx.Bytes(), &v)
				s.Close()
				if code, _ := record.CodeOf(err); code != want.code || v.n != 0 {
					t.Errorf("%s with %s and %s: %v after %d signatures, want %s", k.kind, a.name, b.name, err, v.n, want.code.Name())
				}
			}
		}
		// Without a fault it is the signature.
		tx := unsigned(c.NewPublish(shared[0], targets(places[0].good.Targets(1, nil))))
		tx.Kind, tx.Body = k.kind, []byte{}
		tx.Scopes = []record.Scope{k.claims(places[0].good.Repository, 1), k.claims(places[1].good.Repository, 1)}
		ch.rejects(record.CodeSubmitterSignature, tx.Bytes())
	}
}
