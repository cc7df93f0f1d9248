package record_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// format is one binary format: how to read and write it, values of it, and
// bytes that are no value of it.
type format struct {
	decode func([]byte) (any, error)
	encode func(any) []byte
	good   []sample
	bad    []badInput
}

type sample struct {
	name  string
	value any
	// extra goes into the vector beside the value's fields.
	extra map[string]any
}

type badInput struct {
	name string
	want error
	b    []byte
}

// formats returns all formats by the name of their vectors.
func formats(t testing.TB) map[string]format {
	return map[string]format{
		"repository": repositoryFormat(),
		"root":       rootFormat(),
		"tag":        tagFormat(t),
		"image":      imageFormat(),
		"voucher":    voucherFormat(),
		"operator":   operatorFormat(t),
		"namespace":  namespaceFormat(),
		"notary":     notaryFormat(),
		"params":     paramsFormat(),
		"meta":       metaFormat(),
		"log":        logFormat(),
		"changes":    changesFormat(t),
		"envelope":   envelopeFormat(t),

		"statement":        statementFormat(t),
		"signed-statement": signedStatementFormat(t),
	}
}

// formatOf makes a format from a typed pair of functions.
func formatOf[T any](decode func([]byte) (T, error), encode func(T) []byte) format {
	return format{
		decode: func(b []byte) (any, error) { return decode(b) },
		encode: func(v any) []byte { return encode(v.(T)) },
	}
}

// refuse adds a bad input that is malformed.
func (f *format) refuse(name string, b []byte) {
	f.bad = append(f.bad, badInput{name, record.ErrEncoding, b})
}

// refuseVersions adds the version before the first and the one after the
// newest; the version byte is at an offset of the first sample.
func (f *format) refuseVersions(offset int) {
	b := f.encode(f.good[0].value)
	f.refuse("version zero", with(b, offset, 0))
	f.bad = append(f.bad, badInput{"newer version", record.ErrNewer, with(b, offset, 2)})
}

// with returns b with some bytes replaced; a negative offset counts from the end.
func with(b []byte, offset int, replacement ...byte) []byte {
	b = slices.Clone(b)
	if offset < 0 {
		offset += len(b)
	}
	copy(b[offset:], replacement)
	return b
}

// variant returns a copy of a value with something changed.
func variant[T any](v *T, change func(*T)) *T {
	c := *v
	change(&c)
	return &c
}

func repositoryFormat() format {
	f := formatOf(record.DecodeRepository, (*record.Repository).Encode)
	root := record.RoleState{
		Name: "root", Version: 3, SignedDigest: hashOf("root signed"), FileDigest: hashOf("root file"), FileSize: 1567,
		Expires: at(86400, 0), MeetsKeys: true, Signers: keyIDs(2),
	}
	targets := record.RoleState{
		Name: "targets", Parent: "root", Version: 7, SignedDigest: hashOf("targets signed"),
		FileDigest: hashOf("targets file"), FileSize: 12240, Expires: at(3600, 0), MeetsKeys: true, Signers: keyIDs(1),
		DelegationsSize: 340, DelegationsDigest: hashOf("delegations"),
	}
	narrowed := record.RoleState{
		Name: "targets/beta", Parent: "targets", Version: 5, SignedDigest: hashOf("beta signed"),
		FileDigest: hashOf("beta file"), FileSize: 900, Expires: at(60, 0), MeetsKeys: true, Narrowed: true,
		Signers: keyIDs(1), Keys: keyIDs(3), Patterns: 17,
	}
	unpublished := record.RoleState{Name: "targets/zeta", Parent: "targets/beta", Expires: time.Unix(0, 0).UTC(), Keys: keyIDs(1)}
	ci := record.RoleState{
		Name: "targets/ci", Parent: "targets", Version: 2, SignedDigest: hashOf("ci signed"),
		FileDigest: hashOf("ci file"), FileSize: 1530, Expires: time.Unix(253402300799, 0).UTC(),
		Signers: keyIDs(16), Keys: keyIDs(16), Since: 39,
	}
	full := &record.Repository{
		Profile: record.ProfileTUF, Registrant: "acme", Revision: 9, RevocationSequence: 1, LiftSequence: 2,
		RecoveryCount: 3, LastIndex: 40, LastHeight: 500, LastTime: at(0, 123456789),
		Quotas: [3]record.Bucket{{Tokens: 1, Height: 2}, {Tokens: 3, Height: 4}, {Tokens: 5, Height: 6}}, RootKeys: keyIDs(2), TargetsKeys: keyIDs(1),
		RemovedVersion: 12,
		Roles:          []record.RoleState{root, targets, narrowed, ci, unpublished},
	}
	fresh := &record.Repository{
		Profile: record.ProfileTUF, Registrant: "acme", Revision: 1, LastHeight: 1, LastTime: at(0, 0),
		Roles: []record.RoleState{variant2(root, func(s *record.RoleState) { s.Version = 1 })},
	}
	notary := variant(fresh, func(r *record.Repository) { r.Profile = record.ProfileNotary })
	f.good = []sample{
		{name: "every field", value: full},
		{name: "just registered", value: fresh},
		{name: "reserved profile", value: notary},
	}
	f.refuseVersions(0)
	b := full.Encode()
	f.refuse("unknown profile", with(b, 1, 3))
	f.refuse("profile zero", with(b, 1, 0))
	f.refuse("registrant too long", with(b, 2, 0, record.MaxNameLength+1))
	f.refuse("registrant in upper case", with(b, 4, 'A'))
	f.refuse("time past 2262", with(b, 52, 0x80))
	f.refuse("too many roles", with(b, 96+2+2*32+2+32+8, 0, record.MaxRoles+1))
	roles := func(name string, list ...record.RoleState) {
		f.refuse(name, variant(full, func(r *record.Repository) { r.Roles = list }).Encode())
	}
	roles("roles descending", targets, root)
	roles("role twice", root, root)
	roles("signers descending", variant2(root, func(s *record.RoleState) {
		s.Signers = slices.Clone(s.Signers)
		slices.Reverse(s.Signers)
	}))
	roles("17 signers", variant2(root, func(s *record.RoleState) { s.Signers = keyIDs(17) }))
	roles("17 keys", root, targets, variant2(narrowed, func(s *record.RoleState) { s.Keys = keyIDs(17) }))
	roles("keys of targets", root, variant2(targets, func(s *record.RoleState) { s.Keys = keyIDs(1) }))
	roles("targets that entered later", root, variant2(targets, func(s *record.RoleState) { s.Since = 1 }))
	roles("patterns of targets", root, variant2(targets, func(s *record.RoleState) { s.Patterns = 1 }))
	roles("1,025 patterns", root, targets, variant2(narrowed, func(s *record.RoleState) { s.Patterns = record.MaxPatterns + 1 }))
	f.refuse("17 keys of root", variant(full, func(r *record.Repository) { r.RootKeys = keyIDs(17) }).Encode())
	f.refuse("keys of targets descending", variant(full, func(r *record.Repository) {
		r.TargetsKeys = slices.Clone(keyIDs(2))
		slices.Reverse(r.TargetsKeys)
	}).Encode())
	flags := variant(full, func(r *record.Repository) {
		r.Roles = []record.RoleState{variant2(root, func(s *record.RoleState) { s.Signers = nil })}
	}).Encode()
	f.refuse("unknown role flag", with(flags, -11, 0x09))
	f.refuse("flag of removed roles", with(flags, -11, 0x02))
	roles("root with a parent", variant2(root, func(s *record.RoleState) { s.Parent = "targets" }))
	roles("targets without a parent", root, variant2(targets, func(s *record.RoleState) { s.Parent = "" }))
	roles("targets below targets", root, variant2(targets, func(s *record.RoleState) { s.Parent = "targets" }))
	roles("delegated by root", root, variant2(ci, func(s *record.RoleState) { s.Parent = "root" }))
	roles("delegated by itself", root, variant2(ci, func(s *record.RoleState) { s.Parent = s.Name }))
	roles("delegated by nothing", root, variant2(ci, func(s *record.RoleState) { s.Parent = "none" }))
	roles("unknown top-level role", variant2(targets, func(s *record.RoleState) { s.Name = "snapshot" }))
	roles("delegated role without a name", variant2(ci, func(s *record.RoleState) { s.Name = "targets/" }))
	roles("role name with a slash", variant2(ci, func(s *record.RoleState) { s.Name = "targets/a/b" }))
	roles("role name in upper case", variant2(ci, func(s *record.RoleState) { s.Name = "targets/CI" }))
	roles("role name too long", variant2(ci, func(s *record.RoleState) { s.Name = "targets/" + strings.Repeat("a", 65) }))
	roles("expires past 9999", variant2(root, func(s *record.RoleState) { s.Expires = time.Unix(253402300800, 0) }))
	return f
}

// variant2 is variant for values that are kept by value.
func variant2[T any](v T, change func(*T)) T { return *variant(&v, change) }

func rootFormat() format {
	f := formatOf(record.DecodeRootFile, record.RootFile.Encode)
	f.good = []sample{{name: "every field", value: record.RootFile{FileDigest: hashOf("root file")}}}
	f.refuseVersions(0)
	return f
}

func tagFormat(t testing.TB) format {
	f := formatOf(record.DecodeImageTag, (*record.ImageTag).Encode)
	live := &record.ImageTag{
		State: record.TagLive, Digest: digestOf(t, reference.SHA256, "image"), Size: 1234, Role: "targets",
		Index: 5, Height: 6, Time: at(1, 500),
	}
	f.good = []sample{
		{name: "live", value: live},
		{name: "withdrawn, of a delegated role, immutable, sha512", value: variant(live, func(v *record.ImageTag) {
			v.State, v.Immutable, v.Role = record.TagWithdrawn, true, "targets/ci.build_1-x"
			v.Digest = digestOf(t, reference.SHA512, "image")
		})},
		{name: "last moment", value: variant(live, func(v *record.ImageTag) {
			v.Time, v.Digest = time.Unix(0, math.MaxInt64).UTC(), digestOf(t, reference.SHA384, "image")
			v.Size, v.Index, v.Height = math.MaxUint64, math.MaxUint64, math.MaxUint64
		})},
		{name: "first moment", value: variant(live, func(v *record.ImageTag) { v.Time = time.Unix(0, 0).UTC() })},
	}
	f.refuseVersions(0)
	b := live.Encode()
	f.refuse("state zero", with(b, 1, 0))
	f.refuse("unknown state", with(b, 1, 3))
	f.refuse("boolean 2", with(b, 2, 2))
	f.refuse("boolean 255", with(b, 2, 0xff))
	f.refuse("digest algorithm zero", with(b, 3, 0))
	f.refuse("unknown digest algorithm", with(b, 3, 4))
	f.refuse("digest of another length", with(b, 3, 2))
	f.refuse("time past 2262", with(b, -8, 0x80))
	f.refuse("unknown role", variant(live, func(v *record.ImageTag) { v.Role = "timestamp" }).Encode())
	f.refuse("no role", variant(live, func(v *record.ImageTag) { v.Role = "" }).Encode())
	return f
}

func imageFormat() format {
	f := formatOf(record.DecodeImage, (*record.Image).Encode)
	var many []reference.Repository
	for i := range record.MaxVouchers {
		many = append(many, reference.MustParseRepository(fmt.Sprintf("registry.example.com/app-%d", 20-i)))
	}
	f.good = []sample{
		{name: "two repositories in the order they came", value: &record.Image{Count: 2, Repositories: []reference.Repository{nginx, app}}},
		{name: "more than are listed", value: &record.Image{Count: math.MaxUint32, Repositories: many}},
		{name: "nobody", value: &record.Image{}},
	}
	f.refuseVersions(0)
	f.refuse("fewer listed than counted", (&record.Image{Count: 2, Repositories: many[:1]}).Encode())
	f.refuse("more listed than counted", (&record.Image{Count: 1, Repositories: many[:2]}).Encode())
	f.refuse("too many listed", (&record.Image{Count: 17, Repositories: append(slices.Clone(many), nginx)}).Encode())
	short := append([]byte{1, 0, 0, 0, 1, 0, 1, 0, 5}, "nginx"...)
	f.refuse("repository not canonical", short)
	f.refuse("repository too long", with(append(short, make([]byte, 300)...), 7, 1, 0))
	return f
}

func voucherFormat() format {
	f := formatOf(record.DecodeVoucher, (*record.Voucher).Encode)
	plain := &record.Voucher{
		First:       record.Publication{Height: 1, Time: at(1, 1), Index: 2},
		Last:        record.Publication{Height: 3, Time: at(2, 2), Index: 4},
		TaggingKeys: keyIDs(2),
		RootKeys:    keyIDs(3),
	}
	ruling := &record.Ruling{
		Role: "targets", Reason: record.ReasonMalicious, Sequence: 6, RootVersion: 7, Statement: hashOf("statement"),
		Height: 5, Time: at(3, 3), Index: 8,
	}
	revoked := variant(plain, func(v *record.Voucher) { v.Revocation = ruling })
	lifted := variant(plain, func(v *record.Voucher) { v.Lift = variant(ruling, func(r *record.Ruling) { r.Role = "root" }) })
	f.good = []sample{
		{name: "every field", value: revoked},
		{name: "never revoked", value: plain},
		{name: "lifted", value: lifted},
		{name: "revoked and never published", value: &record.Voucher{Revocation: ruling}},
		{name: "lifted and never published", value: &record.Voucher{Lift: lifted.Lift}},
		{name: "as many keys as a list holds", value: variant(plain, func(v *record.Voucher) { v.RootKeys = keyIDs(record.MaxKeyIDs) })},
	}
	f.refuseVersions(0)
	b := plain.Encode()
	f.refuse("state 3", with(revoked.Encode(), -(1+2+7+1+8+8+32+8+8+8), 3))
	f.refuse("revoked without a ruling", with(b, -1, 1))
	f.refuse("never revoked with a ruling", with(revoked.Encode(), -(1+2+7+1+8+8+32+8+8+8), 0))
	f.refuse("neither published nor revoked", (&record.Voucher{}).Encode())
	f.refuse("published at height 0", with(b, 2, make([]byte, 8)...))
	f.refuse("published is 2", with(b, 1, 2))
	refuseRuling := func(name string, edit func(*record.Ruling)) {
		f.refuse(name, variant(plain, func(v *record.Voucher) { v.Revocation = variant(ruling, edit) }).Encode())
	}
	refuseRuling("revoked by a delegated role", func(r *record.Ruling) { r.Role = "targets/ci" })
	refuseRuling("revoked for no reason", func(r *record.Ruling) { r.Reason = 0 })
	refuseRuling("revoked for an unknown reason", func(r *record.Ruling) { r.Reason = 7 })
	refuseRuling("revocation 0", func(r *record.Ruling) { r.Sequence = 0 })
	refuseRuling("revoked under root 0", func(r *record.Ruling) { r.RootVersion = 0 })
	lists := func(name string, ids []keys.ID) {
		f.refuse("tagging keys "+name, variant(plain, func(v *record.Voucher) { v.TaggingKeys = ids }).Encode())
		f.refuse("root keys "+name, variant(plain, func(v *record.Voucher) { v.RootKeys = ids }).Encode())
	}
	ids := keyIDs(2)
	lists("descending", []keys.ID{ids[1], ids[0]})
	lists("twice", []keys.ID{ids[0], ids[0]})
	lists("too many", keyIDs(record.MaxKeyIDs+1))
	return f
}

func operatorFormat(t testing.TB) format {
	f := formatOf(record.DecodeOperator, (*record.Operator).Encode)
	full := &record.Operator{
		Sequence: 1, Since: 2, GovernanceKey: p256Key(t, "governance"), NotaryKey: edKey(t, "notary"),
		ValidatorKey: validatorKey("validator"), Quota: record.Bucket{Tokens: 3, Height: 4},
	}
	plain := &record.Operator{GovernanceKey: edKey(t, "governance"), NotaryKey: edKey(t, "notary")}
	f.good = []sample{{name: "every field", value: full}, {name: "no validator", value: plain}}
	f.refuseVersions(0)
	b := plain.Encode()
	f.refuse("no key", (&record.Operator{NotaryKey: plain.NotaryKey}).Encode())
	f.refuse("key too large", with(append(b, make([]byte, 2000)...), 17, 0x04, 0x01))
	f.refuse("key is not DER", with(b, 19, 0xff))
	weak := with(b, 19+12, make([]byte, 32)...)
	f.refuse("key of small order", with(weak, 19+12, 1))
	return f
}

func namespaceFormat() format {
	f := formatOf(record.DecodeNamespaceGrant, record.NamespaceGrant.Encode)
	grant := record.NamespaceGrant{Operator: "acme-2", Since: 77}
	f.good = []sample{
		{name: "every field", value: grant},
		{name: "longest name", value: record.NamespaceGrant{Operator: strings.Repeat("a", record.MaxNameLength)}},
	}
	f.refuseVersions(0)
	for name, operator := range map[string]string{
		"no operator": "", "leading hyphen": "-a", "trailing hyphen": "a-", "upper case": "Acme",
		"underscore": "a_b", "not ASCII": "\u00e4", "too long": strings.Repeat("a", record.MaxNameLength+1),
	} {
		f.refuse(name, record.NamespaceGrant{Operator: operator}.Encode())
	}
	slices.SortFunc(f.bad, func(a, b badInput) int { return strings.Compare(a.name, b.name) })
	return f
}

func notaryFormat() format {
	f := formatOf(record.DecodeNotaryLists, (*record.NotaryLists).Encode)
	first := record.NotaryList{Since: at(0, 0), Keys: keyIDs(4)}
	second := record.NotaryList{Since: at(1, 0), Keys: keyIDs(5)}
	f.good = []sample{
		{name: "one list", value: &record.NotaryLists{Lists: []record.NotaryList{first}}},
		{name: "two lists", value: &record.NotaryLists{Lists: []record.NotaryList{first, second}}},
	}
	f.refuseVersions(0)
	lists := func(name string, lists ...record.NotaryList) {
		f.refuse(name, (&record.NotaryLists{Lists: lists}).Encode())
	}
	lists("no list")
	lists("empty list", record.NotaryList{Since: at(0, 0)})
	lists("lists descending", second, first)
	lists("two lists of one time", first, first)
	lists("keys descending", record.NotaryList{Since: at(0, 0), Keys: []keys.ID{first.Keys[1], first.Keys[0]}})
	many := make([]record.NotaryList, record.MaxNotaryLists+1)
	for i := range many {
		many[i] = record.NotaryList{Since: at(int64(i), 0), Keys: first.Keys[:1]}
	}
	lists("too many lists", many...)
	return f
}

func paramsFormat() format {
	f := formatOf(record.DecodeParams, (*record.Params).Encode)
	plain := record.DefaultParams()
	full := variant(&plain, func(p *record.Params) {
		p.Quotas = [3]record.Quota{{Capacity: 1, Refill: 2}, {Capacity: 3, Refill: 4}, {Capacity: 5, Refill: 6}}
		p.OperatorQuota = record.Quota{Capacity: 7, Refill: 8}
		p.Activations = []record.Activation{{Feature: record.FeatureGovernance, Height: 10}, {Feature: 99, Height: 11}}
	})
	f.good = []sample{
		{name: "every field", value: full},
		{name: "defaults", value: &plain},
		{name: "longest period", value: variant(&plain, func(p *record.Params) { p.TrustingPeriod = 9223372036 * time.Second })},
	}
	f.refuseVersions(0)
	b := plain.Encode()
	f.refuse("period zero", with(b, 1, make([]byte, 8)...))
	f.refuse("root horizon zero", with(b, 9, make([]byte, 8)...))
	f.refuse("targets horizon zero", with(b, 17, make([]byte, 8)...))
	f.refuse("period too long", with(b, 1, 0, 0, 0, 2, 0x25, 0xc1, 0x7d, 0x05))
	f.refuse("work zero", with(b, 25, make([]byte, 8)...))
	f.refuse("work too large", with(b, 25, 0x40, 0, 0, 0, 0, 0, 0, 1))
	f.refuse("capacity without refill", with(b, 33, 0, 0, 0, 1, 0, 0, 0, 0))
	f.refuse("refill without capacity", with(b, 33, 0, 0, 0, 0, 0, 0, 0, 1))
	f.refuse("operator capacity without refill", with(b, 57, 0, 0, 0, 1, 0, 0, 0, 0))
	activations := func(name string, list ...record.Activation) {
		f.refuse(name, variant(&plain, func(p *record.Params) { p.Activations = list }).Encode())
	}
	activations("activations descending", record.Activation{Feature: 2}, record.Activation{Feature: 1})
	activations("activation twice", record.Activation{Feature: 2}, record.Activation{Feature: 2, Height: 1})
	many := make([]record.Activation, record.MaxActivations+1)
	for i := range many {
		many[i].Feature = record.Feature(i)
	}
	activations("too many activations", many...)
	return f
}

func metaFormat() format {
	f := formatOf(record.DecodeMeta, record.Meta.Encode)
	plain := record.DefaultParams()
	f.good = []sample{{name: "default parameters", value: record.MetaOf(&plain)}}
	f.refuseVersions(0)
	return f
}

func logFormat() format {
	f := formatOf(record.DecodeLogRecord, (*record.LogRecord).Encode)
	first := &record.LogRecord{
		Kind: record.KindRegisterRepository, Profile: record.ProfileTUF, Height: 1, Time: at(0, 0),
		Repository: nginx, Revision: 1, Previous: record.NoRecord,
		Roles:       []record.RoleChange{{Name: "root", Version: 1, SignedDigest: hashOf("s"), FileDigest: hashOf("f")}},
		ChangesHash: sha256.Sum256(record.EncodeChanges(nil)), KeyIDs: keyIDs(1),
	}
	full := variant(first, func(r *record.LogRecord) {
		r.Kind, r.Repository, r.Revision, r.Previous, r.Changes = record.KindPublish, app, 2, 9, 3
		r.Roles = append(slices.Clone(r.Roles), record.RoleChange{
			Name: "targets", Version: 4, SignedDigest: hashOf("s2"), FileDigest: hashOf("f2"), Delegations: hashOf("d2"),
		})
		r.KeyIDs = keyIDs(3)
	})
	revocation := variant(full, func(r *record.LogRecord) {
		r.Kind, r.Roles, r.Changes = record.KindRevoke, nil, record.MaxStatementDigests
	})
	f.good = []sample{
		{name: "every field", value: full},
		{name: "revocation", value: revocation},
		{name: "first of a repository", value: first},
		{name: "shortest", value: &record.LogRecord{
			Kind: record.KindGovernance, Profile: record.ProfileNotary, Time: at(0, 0),
			Repository: reference.MustParseRepository("localhost/a"), Revision: 1, Previous: record.NoRecord,
		}},
		{name: "every rotation signed by sixteen keys", value: variant(full, func(r *record.LogRecord) {
			r.KeyIDs = keyIDs((record.MaxRotations + 1) * 16)
		})},
	}
	b := full.Encode()
	f.refuse("another tag", with(b, 0, 'H'))
	f.refuse("a tag of version 2", with(b, 17, '2'))
	f.refuse("kind zero", with(b, 19, 0))
	f.refuse("unknown kind", with(b, 19, 7))
	f.refuse("unknown profile", with(b, 20, 3))
	f.refuse("time past 2262", with(b, 29, 0x80))
	f.refuse("longer than a record may be", make([]byte, record.MaxRecordSize+1))
	change := func(name string, edit func(*record.LogRecord)) { f.refuse(name, variant(full, edit).Encode()) }
	change("revision zero", func(r *record.LogRecord) { r.Revision = 0 })
	change("revision zero without a previous record", func(r *record.LogRecord) { r.Revision, r.Previous = 0, record.NoRecord })
	change("first revision with a previous record", func(r *record.LogRecord) { r.Revision = 1 })
	change("later revision without a previous record", func(r *record.LogRecord) { r.Previous = record.NoRecord })
	change("roles descending", func(r *record.LogRecord) { r.Roles = []record.RoleChange{full.Roles[1], full.Roles[0]} })
	change("role twice", func(r *record.LogRecord) { r.Roles = []record.RoleChange{full.Roles[0], full.Roles[0]} })
	change("delegations of a root", func(r *record.LogRecord) {
		r.Roles = slices.Clone(r.Roles)
		r.Roles[0].Delegations = hashOf("d")
	})
	change("unknown role", func(r *record.LogRecord) { r.Roles = []record.RoleChange{{Name: "snapshot", Version: 1}} })
	change("too many roles", func(r *record.LogRecord) {
		r.Roles = nil
		for i := range record.MaxRoles + 1 {
			r.Roles = append(r.Roles, record.RoleChange{Name: fmt.Sprintf("targets/%02d", i)})
		}
	})
	change("too many changes", func(r *record.LogRecord) { r.Changes = record.MaxChanges + 1 })
	change("too many keys", func(r *record.LogRecord) { r.KeyIDs = keyIDs(record.MaxKeyIDs + 1) })
	for _, kind := range []record.Kind{record.KindRevoke, record.KindLift} {
		of := variant(revocation, func(r *record.LogRecord) { r.Kind = kind })
		refuse := func(name string, edit func(*record.LogRecord)) {
			f.refuse(kind.String()+" "+name, variant(of, edit).Encode())
		}
		refuse("of a role file", func(r *record.LogRecord) { r.Roles = full.Roles })
		refuse("of nothing", func(r *record.LogRecord) { r.Changes = 0 })
		refuse("of too many digests", func(r *record.LogRecord) { r.Changes = record.MaxStatementDigests + 1 })
		refuse("by nobody", func(r *record.LogRecord) { r.KeyIDs = nil })
	}
	change("keys descending", func(r *record.LogRecord) { r.KeyIDs = []keys.ID{full.KeyIDs[1], full.KeyIDs[0]} })
	change("key twice", func(r *record.LogRecord) { r.KeyIDs = []keys.ID{full.KeyIDs[0], full.KeyIDs[0]} })
	return f
}

func changesFormat(t testing.TB) format {
	f := formatOf(record.DecodeChanges, record.EncodeChanges)
	a := record.TagChange{Op: record.ChangeSet, Tag: reference.MustParseTag("1.0"), Digest: digestOf(t, reference.SHA256, "a"), Size: 10, Role: "targets"}
	b := record.TagChange{Op: record.ChangeWithdraw, Tag: latest, Digest: digestOf(t, reference.SHA512, "b"), Size: 20, Role: "targets/ci"}
	most := make([]record.TagChange, record.MaxChanges+1)
	for i := range most {
		most[i] = record.TagChange{Op: record.ChangeSet, Tag: reference.MustParseTag(fmt.Sprintf("v%04d", i)), Digest: a.Digest, Role: "targets"}
	}
	f.good = []sample{
		{name: "set and withdraw", value: []record.TagChange{a, b}},
		{name: "empty", value: []record.TagChange(nil)},
	}
	encode := record.EncodeChanges
	f.refuse("another tag", with(encode(nil), 0, 'H'))
	f.refuse("tags descending", encode([]record.TagChange{b, a}))
	f.refuse("tag twice", encode([]record.TagChange{a, a}))
	f.refuse("too many", encode(most))
	f.refuse("fewer than counted", with(encode([]record.TagChange{a}), 23, 2))
	f.refuse("more than counted", with(encode([]record.TagChange{a, b}), 23, 1))
	f.refuse("changed by the root", encode([]record.TagChange{variant2(a, func(c *record.TagChange) { c.Role = "root" })}))
	f.refuse("changed by nobody", encode([]record.TagChange{variant2(a, func(c *record.TagChange) { c.Role = "" })}))
	f.refuse("operation zero", encode([]record.TagChange{variant2(a, func(c *record.TagChange) { c.Op = 0 })}))
	f.refuse("unknown operation", encode([]record.TagChange{variant2(a, func(c *record.TagChange) { c.Op = 3 })}))
	f.refuse("no tag", encode([]record.TagChange{variant2(a, func(c *record.TagChange) { c.Tag = reference.Tag{} })}))
	f.refuse("bad tag", with(encode([]record.TagChange{a}), 27, '.'))
	f.refuse("tag too long", with(encode([]record.TagChange{a}), 25, 0, 129))
	f.refuse("unknown digest algorithm", with(encode([]record.TagChange{a}), 30, 9))
	return f
}

// encodeEnvelope is the inverse of DecodeEnvelope for the tests.
func encodeEnvelope(e *record.Envelope) []byte {
	return record.EncodeEnvelope(e.Header, e.Body, e.Signature)
}

// signed returns an envelope with a header as it is, signed by an Ed25519 key.
func signed(h record.Header, body []byte, signer string) *record.Envelope {
	e := &record.Envelope{Header: h, Body: body}
	copy(e.Signature[:], ed25519.Sign(edSigner(signer), h.SignedMessage()))
	e.Hash = sha256.Sum256(encodeEnvelope(e))
	return e
}

func envelopeFormat(t testing.TB) format {
	f := formatOf(record.DecodeEnvelope, encodeEnvelope)
	submitter := edKey(t, "submitter")
	body := []byte("the body")
	header := func(kind record.Kind, payer string, scopes ...record.Scope) record.Header {
		return record.NewHeader("demo-0011223344556677", kind, submitter, payer, body, scopes...)
	}
	every := header(record.KindPublish, "acme",
		record.RoleScope(app, "targets", 7),
		record.RoleScope(app, "root", 2),
		record.RevocationScope(app, "root", 3),
		record.LiftScope(app, 4),
		record.Scope{Kind: record.ScopeOperator, Operator: "acme", Number: 5},
		record.Scope{Kind: record.ScopeRecovery, Number: 6},
	)
	plain := header(record.KindRegisterRepository, "", record.RoleScope(nginx, "root", 1))
	add := func(name string, e *record.Envelope) {
		f.good = append(f.good, sample{name: name, value: e, extra: map[string]any{
			"signed_message": fields(e.Header.SignedMessage()),
			"submitter_id":   fields(edKey(t, "submitter").ID()),
		}})
	}
	add("every field and every kind of scope", signed(every, body, "submitter"))
	add("registration", signed(plain, body, "submitter"))
	empty := record.NewHeader("c", record.KindVeto, submitter, "", nil, record.Scope{Kind: record.ScopeRecovery, Number: math.MaxUint64})
	add("empty body", signed(empty, []byte{}, "submitter"))
	var sixteen []record.Scope
	for i := range record.MaxScopes {
		sixteen = append(sixteen, record.RoleScope(reference.MustParseRepository(fmt.Sprintf("registry.example.com/%d", i)), "targets", 1))
	}
	add("as many scopes as there may be", signed(header(record.KindPublish, "", sixteen...), body, "submitter"))

	b := encodeEnvelope(f.good[1].value.(*record.Envelope))
	f.refuse("another magic", with(b, 3, 'Y'))
	f.refuse("version zero", with(b, 4, 0))
	f.bad = append(f.bad, badInput{"newer version", record.ErrNewer, with(b, 4, 2)})
	f.refuse("chain id too long", with(b, 5, 0, record.MaxChainID+1))
	f.refuse("kind zero", with(b, 28, 0))
	f.refuse("unknown kind", with(b, 28, 7))
	f.refuse("unknown profile", with(b, 29, 0))
	f.refuse("body longer than the header says", slices.Insert(slices.Clone(b), len(b)-64, 0))
	f.refuse("body shorter than the header says", slices.Delete(slices.Clone(b), len(b)-65, len(b)-64))
	f.bad = append(f.bad, badInput{"another body", record.ErrBodyHash, with(b, -65, 'x')})
	f.bad = append(f.bad, badInput{"another body hash", record.ErrBodyHash, with(b, 82, b[82]^1)})
	f.refuse("huge body length", with(b, 78, 0xff, 0xff, 0xff, 0xff))
	f.refuse("too large", make([]byte, record.MaxTransactionSize+1))
	change := func(name string, edit func(*record.Header)) {
		h := variant2(plain, edit)
		f.refuse(name, encodeEnvelope(signed(h, body, "submitter")))
	}
	f.refuse("submitter's key too long", with(b, 30, 0, record.MaxSubmitterKey+1))
	f.refuse("submitter's key is none", with(b, 32, 0))
	change("no submitter", func(h *record.Header) { h.Submitter = keys.PublicKey{} })
	change("submitter with an RSA key", func(h *record.Header) { h.Submitter = rsaKey(t) })
	change("payer is no name", func(h *record.Header) { h.Payer = "Acme" })
	change("payer too long", func(h *record.Header) { h.Payer = strings.Repeat("a", 33) })
	scopes := func(name string, list ...record.Scope) { change(name, func(h *record.Header) { h.Scopes = list }) }
	scopes("no scopes")
	scopes("too many scopes", slices.Repeat(sixteen, 2)...)
	scopes("seventeen scopes", append(slices.Clone(sixteen), record.Scope{Kind: record.ScopeRecovery, Number: 1})...)
	scopes("scope number zero", record.RoleScope(app, "root", 0))
	scopes("roles descending", record.RoleScope(app, "targets", 1), record.RoleScope(app, "root", 1))
	scopes("repositories by length", record.RoleScope(reference.MustParseRepository("registry.example.com/b"), "targets", 1),
		record.RoleScope(reference.MustParseRepository("registry.example.com/aa"), "targets", 1))
	scopes("kinds descending", record.Scope{Kind: record.ScopeLift, Repository: app, Number: 1}, record.RoleScope(app, "root", 1))
	scopes("subject twice", record.RoleScope(app, "root", 1), record.RoleScope(app, "root", 2))
	scopes("two recoveries", record.Scope{Kind: record.ScopeRecovery, Number: 1}, record.Scope{Kind: record.ScopeRecovery, Number: 2})
	scopes("scope kind zero", record.Scope{Kind: 0, Number: 1})
	scopes("unknown scope kind", record.Scope{Kind: 6, Number: 1})
	scopes("scope of an unknown role", record.RoleScope(app, "snapshot", 1))
	scopes("two revocations of a repository", record.RevocationScope(app, "root", 1), record.RevocationScope(app, "targets", 2))
	scopes("revocation by a delegated role", record.RevocationScope(app, "targets/ci", 1))
	scopes("revocation by nobody", record.RevocationScope(app, "", 1))
	scopes("scope without a repository", record.Scope{Kind: record.ScopeLift, Number: 1})
	scopes("scope without an operator", record.Scope{Kind: record.ScopeOperator, Number: 1})
	return f
}

var compare = cmp.Options{
	cmp.Comparer(func(a, b reference.Repository) bool { return a == b }),
	cmp.Comparer(func(a, b reference.Tag) bool { return a == b }),
	cmp.Comparer(func(a, b reference.Digest) bool { return a == b }),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }),
	cmpopts.IgnoreUnexported(record.Envelope{}),
}

func TestRoundTrip(t *testing.T) {
	for name, f := range formats(t) {
		for _, s := range f.good {
			t.Run(name+"/"+s.name, func(t *testing.T) {
				b := f.encode(s.value)
				got, err := f.decode(b)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(s.value, got, compare); d != "" {
					t.Error(d)
				}
				if again := f.encode(got); string(again) != string(b) {
					t.Errorf("encoded again: %x, was %x", again, b)
				}
			})
		}
	}
}

// The round trip would miss a field that no sample sets.
func TestSamplesSetEveryField(t *testing.T) {
	for name, f := range formats(t) {
		set, all := make(map[string]bool), make(map[string]bool)
		for _, s := range f.good {
			collectFields(reflect.ValueOf(s.value), "", all, set)
		}
		for field := range all {
			if !set[field] {
				t.Errorf("%s: no sample sets %s", name, field)
			}
		}
	}
}

func collectFields(v reflect.Value, path string, all, set map[string]bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			collectFields(v.Elem(), path, all, set)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			collectFields(v.Index(i), path, all, set)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				p := path + "." + f.Name
				all[p] = true
				if !v.Field(i).IsZero() {
					set[p] = true
				}
				collectFields(v.Field(i), p, all, set)
			}
		}
	}
}

func TestDecodersRefuse(t *testing.T) {
	for name, f := range formats(t) {
		for _, bad := range f.bad {
			t.Run(name+"/"+bad.name, func(t *testing.T) {
				v, err := f.decode(bad.b)
				if !errors.Is(err, bad.want) {
					t.Errorf("decoded %+v with error %v, want %v", v, err, bad.want)
				}
			})
		}
	}
}

func TestDecodersRefuseOtherLengths(t *testing.T) {
	for name, f := range formats(t) {
		for _, s := range f.good {
			b := f.encode(s.value)
			for n := range b {
				if _, err := f.decode(b[:n]); !errors.Is(err, record.ErrEncoding) {
					t.Fatalf("%s, %s: cut to %d of %d bytes: %v", name, s.name, n, len(b), err)
				}
			}
			for _, extra := range []byte{0, 1, 0xff} {
				if _, err := f.decode(append(slices.Clone(b), extra)); !errors.Is(err, record.ErrEncoding) {
					t.Errorf("%s, %s: with byte %#x behind: %v", name, s.name, extra, err)
				}
			}
		}
	}
}

// Every bit of an encoding means something: flipping it gives an error or
// another value, never the same value. Values are told apart by their encodings, of
// which each value has one; comparing 30,000 of them field by field takes a minute.
func TestEveryBitCounts(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 9 // one bit of nearly every byte, each time another
	}
	for name, f := range formats(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := f.encode(f.good[0].value)
			for i := 0; i < 8*len(b); i += step {
				c := slices.Clone(b)
				c[i/8] ^= 1 << (i % 8)
				got, err := f.decode(c)
				if err != nil {
					continue
				}
				switch again := f.encode(got); {
				case bytes.Equal(again, b):
					t.Fatalf("bit %d does not count", i)
				case !bytes.Equal(again, c):
					t.Fatalf("bit %d flipped: accepted, but encoded differently", i)
				}
			}
		})
	}
}

// A decoder must not allocate for what it is merely told.
func TestDecodersAllocateWhatIsThere(t *testing.T) {
	for name, f := range formats(t) {
		for _, bad := range f.bad {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = f.decode(bad.b)
			runtime.ReadMemStats(&after)
			if allocated, limit := after.TotalAlloc-before.TotalAlloc, uint64(32*len(bad.b)+32768); allocated > limit {
				t.Errorf("%s, %s: %d bytes allocated for %d", name, bad.name, allocated, len(bad.b))
			}
		}
	}
}

func TestLogRecordsCannotBeMapLeaves(t *testing.T) {
	f := logFormat()
	for _, s := range f.good {
		if n := len(f.encode(s.value)); n < merkle.MinRecordSize {
			t.Errorf("%s: %d bytes", s.name, n)
		}
	}
	var empty record.LogRecord
	if n := len(empty.Encode()); n < merkle.MinRecordSize {
		t.Errorf("a record without any field has %d bytes", n)
	}
}

func TestLongestLogRecordFits(t *testing.T) {
	r := &record.LogRecord{
		Kind: record.KindPublish, Profile: record.ProfileTUF, Time: at(0, 0),
		Repository: longestRepository(), Revision: 2, Changes: record.MaxChanges, KeyIDs: keyIDs(record.MaxKeyIDs),
	}
	for i := range record.MaxRoles {
		name := fmt.Sprintf("targets/%02d", i)
		r.Roles = append(r.Roles, record.RoleChange{Name: name + strings.Repeat("x", record.MaxRoleName-len(name))})
	}
	b := r.Encode()
	if len(b) > record.MaxRecordSize {
		t.Errorf("%d bytes", len(b))
	}
	if _, err := record.DecodeLogRecord(b); err != nil {
		t.Error(err)
	}
}

// The encodings, assembled by hand as docs/spec.md describes them.
func TestEncodingsByHand(t *testing.T) {
	digest := digestOf(t, reference.SHA256, "image")
	const second = 1_800_000_000
	cases := map[string]struct{ got, want []byte }{
		"tag value": {
			(&record.ImageTag{
				State: record.TagLive, Digest: digest, Size: 1234, Role: "targets", Index: 5, Height: 6, Time: at(1, 500),
			}).Encode(),
			hand{}.u8(1).u8(1).u8(0).u8(1).hash("image").u64(1234).text("targets").u64(5).u64(6).u64((second+1)*1e9 + 500),
		},
		"repository value": {
			(&record.Repository{
				Profile: record.ProfileTUF, Registrant: "acme", Revision: 1, RevocationSequence: 2, LiftSequence: 3,
				RecoveryCount: 4, LastIndex: 5, LastHeight: 6, LastTime: at(0, 7),
				Quotas:   [3]record.Bucket{{Tokens: 1, Height: 2}, {Tokens: 3, Height: 4}, {Tokens: 5, Height: 6}},
				RootKeys: []keys.ID{keys.ID(hashOf("r"))}, TargetsKeys: []keys.ID{keys.ID(hashOf("t"))}, RemovedVersion: 8,
				Roles: []record.RoleState{{
					Name: "targets", Parent: "root", Version: 9, SignedDigest: hashOf("s"), FileDigest: hashOf("f"), FileSize: 1530,
					Expires: at(8, 0), MeetsKeys: true, Narrowed: true,
					Signers: []keys.ID{keys.ID(hashOf("k"))}, DelegationsSize: 340, DelegationsDigest: hashOf("d"),
				}, {
					Name: "targets/ci", Parent: "targets", Since: 77, Version: 1, SignedDigest: hashOf("s"), FileDigest: hashOf("f"), FileSize: 7,
					Expires: at(8, 0),
				}, {
					Name: "targets/d", Parent: "targets", Expires: time.Unix(0, 0), Keys: []keys.ID{keys.ID(hashOf("k"))}, Patterns: 258,
				}},
			}).Encode(),
			hand{}.u8(1).u8(1).text("acme").u64(1).u64(2).u64(3).u32(4).u64(5).u64(6).u64(second*1e9 + 7).
				u32(1).u64(2).u32(3).u64(4).u32(5).u64(6).
				u16(1).hash("r").u16(1).hash("t").
				u64(8).u16(3).text("targets").text("root").u64(0).u64(9).hash("s").hash("f").u32(1530).u64(second + 8).u8(5).
				u16(1).hash("k").u16(0).u16(0).u32(340).hash("d").
				text("targets/ci").text("targets").u64(77).u64(1).hash("s").hash("f").u32(7).u64(second + 8).u8(0).
				u16(0).u16(0).u16(0).u32(0).
				text("targets/d").text("targets").u64(0).u64(0).raw(string(make([]byte, 64))).u32(0).u64(0).u8(0).
				u16(0).u16(1).hash("k").u16(258).u32(0),
		},
		"voucher value": {
			(&record.Voucher{
				First: record.Publication{Height: 1, Time: at(0, 2), Index: 3}, Last: record.Publication{Height: 4, Time: at(0, 5), Index: 6},
				TaggingKeys: []keys.ID{keys.ID(hashOf("k"))}, Lift: &record.Ruling{
					Role: "root", Reason: record.ReasonMistake, Sequence: 10, RootVersion: 11, Statement: hashOf("st"), Height: 9, Time: at(0, 8), Index: 12,
				},
			}).Encode(),
			hand{}.u8(1).u8(1).u64(1).u64(second*1e9 + 2).u64(3).u64(4).u64(second*1e9 + 5).u64(6).
				u16(1).hash("k").u16(0).u8(2).text("root").u8(5).u64(10).u64(11).hash("st").u64(9).u64(second*1e9 + 8).u64(12),
		},
		"statement": {
			sampleStatement(t).Encode(),
			hand{}.raw("hullmark/statement/v1\n").u8(1).text("demo-0011223344556677").text(app.String()).text("targets").u32(1).u64(7).u64(0).
				u16(2).u8(1).hash("a").u8(3).hash("b").hash("b").u8(3).text("CVE-2026-12345, see https://example.com/advisory"),
		},
		"signed statement": {
			(&record.SignedStatement{
				Statement: *sampleLift(t), Signatures: []tuf.Signature{{KeyID: keys.ID(hashOf("k")), Sig: []byte("sig")}},
			}).Encode(),
			hand{}.raw("hullmark/signed-statement/v1\n").text(string(sampleLift(t).Encode())).u16(1).hash("k").text("sig"),
		},
		"log record": {
			(&record.LogRecord{
				Kind: record.KindPublish, Profile: record.ProfileTUF, Height: 1, Time: at(0, 2), Repository: nginx, Revision: 3, Previous: 4,
				Roles:   []record.RoleChange{{Name: "targets", Version: 5, SignedDigest: hashOf("s"), FileDigest: hashOf("f"), Delegations: hashOf("d")}},
				Changes: 6, ChangesHash: hashOf("c"), KeyIDs: []keys.ID{keys.ID(hashOf("k"))},
			}).Encode(),
			hand{}.raw("hullmark/record/v1\n").u8(2).u8(1).u64(1).u64(second*1e9 + 2).text("docker.io/library/nginx").u64(3).u64(4).
				u16(1).text("targets").u64(5).hash("s").hash("f").hash("d").u32(6).hash("c").u16(1).hash("k"),
		},
		"change list": {
			record.EncodeChanges([]record.TagChange{{Op: record.ChangeWithdraw, Tag: latest, Digest: digest, Size: 9, Role: "targets"}}),
			hand{}.raw("hullmark/changes/v1\n").u32(1).u8(2).text("latest").u8(1).hash("image").u64(9).text("targets"),
		},
		"parameters": {
			(&record.Params{
				TrustingPeriod: time.Second, RootHorizon: 2 * time.Second, TargetsHorizon: 3 * time.Second, MaxBlockWork: 4,
				Quotas:        [3]record.Quota{{Capacity: 5, Refill: 6}, {Capacity: 7, Refill: 8}, {Capacity: 9, Refill: 10}},
				OperatorQuota: record.Quota{Capacity: 11, Refill: 12}, Activations: []record.Activation{{Feature: 13, Height: 14}},
			}).Encode(),
			hand{}.u8(1).u64(1).u64(2).u64(3).u64(4).u32(5).u32(6).u32(7).u32(8).u32(9).u32(10).u32(11).u32(12).u16(1).u16(13).u64(14),
		},
		"operator value": {
			(&record.Operator{
				Sequence: 1, Since: 2, GovernanceKey: edKey(t, "g"), NotaryKey: edKey(t, "n"), ValidatorKey: hashOf("v"),
				Quota: record.Bucket{Tokens: 3, Height: 4},
			}).Encode(),
			hand{}.u8(1).u64(1).u64(2).text(string(edKey(t, "g").PKIX())).text(string(edKey(t, "n").PKIX())).hash("v").u32(3).u64(4),
		},
		"image value": {
			(&record.Image{Count: 2, Repositories: []reference.Repository{nginx, app}}).Encode(),
			hand{}.u8(1).u32(2).u16(2).text("docker.io/library/nginx").text("registry.example.com:5000/team/app"),
		},
		"notary value": {
			(&record.NotaryLists{Lists: []record.NotaryList{{Since: at(0, 1), Keys: []keys.ID{keys.ID(hashOf("k"))}}}}).Encode(),
			hand{}.u8(1).u16(1).u64(second*1e9 + 1).u16(1).hash("k"),
		},
		"namespace value": {record.NamespaceGrant{Operator: "acme", Since: 7}.Encode(), hand{}.u8(1).text("acme").u64(7)},
		"root value":      {record.RootFile{FileDigest: hashOf("f")}.Encode(), hand{}.u8(1).hash("f")},
	}
	h := record.Header{
		ChainID: "demo-1", Kind: record.KindPublish, Profile: record.ProfileTUF, Submitter: edKey(t, "k"), Payer: "acme",
		BodyLength: 4, BodyHash: hashOf("body"), Scopes: []record.Scope{
			record.RoleScope(nginx, "root", 1),
			{Kind: record.ScopeRevocation, Repository: nginx, Role: "targets", Number: 2}, {Kind: record.ScopeLift, Repository: nginx, Number: 3},
			{Kind: record.ScopeRecovery, Number: 4}, {Kind: record.ScopeOperator, Operator: "acme", Number: 5},
		},
	}
	header := hand{}.raw("HMTX").u8(1).text("demo-1").u8(2).u8(1).text(string(edKey(t, "k").PKIX())).text("acme").u32(4).hash("body").u8(5).
		u8(1).text("docker.io/library/nginx").text("root").u64(1).
		u8(2).text("docker.io/library/nginx").text("targets").u64(2).u8(3).text("docker.io/library/nginx").u64(3).
		u8(4).u64(4).u8(5).text("acme").u64(5)
	cases["signed message"] = struct{ got, want []byte }{h.SignedMessage(), append([]byte("hullmark/transaction/v1\n"), header...)}
	signature := [64]byte{1, 2, 63: 9}
	cases["transaction"] = struct{ got, want []byte }{
		record.EncodeEnvelope(h, []byte("body"), signature), header.raw("body").raw(string(signature[:])),
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		if c := cases[name]; string(c.got) != string(c.want) {
			t.Errorf("%s:\n got %x\nwant %x", name, c.got, c.want)
		}
	}
}

func TestSignedMessageSurvivesDecoding(t *testing.T) {
	f := envelopeFormat(t)
	key := edKey(t, "submitter")
	for _, s := range f.good {
		e, err := record.DecodeEnvelope(f.encode(s.value))
		if err != nil {
			t.Fatal(err)
		}
		if string(e.SignedMessage()) != string(e.Header.SignedMessage()) {
			t.Errorf("%s: another message after decoding", s.name)
		}
		if err := keys.VerifyFixed(keys.Direct{}, key, e.SignedMessage(), e.Signature[:]); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		if want := sha256.Sum256(f.encode(s.value)); e.Hash != want {
			t.Errorf("%s: hash %x, want %x", s.name, e.Hash, want)
		}
	}
}

func TestNewHeaderSortsScopes(t *testing.T) {
	// The longer name of two comes first when its bytes do.
	long, short := reference.MustParseRepository("registry.example.com/aa"), reference.MustParseRepository("registry.example.com/b")
	scopes := []record.Scope{
		record.RoleScope(short, "targets", 1), record.RoleScope(short, "root", 1), record.RoleScope(long, "targets", 1),
		{Kind: record.ScopeLift, Repository: long, Number: 1},
	}
	h := record.NewHeader("c", record.KindPublish, edKey(t, "k"), "", []byte("b"), scopes...)
	want := []record.Scope{scopes[2], scopes[1], scopes[0], scopes[3]}
	if d := cmp.Diff(want, h.Scopes, compare); d != "" {
		t.Error(d)
	}
	if scopes[0].Role != "targets" {
		t.Error("the caller's scopes were sorted")
	}
	if h.BodyLength != 1 || h.BodyHash != sha256.Sum256([]byte("b")) {
		t.Errorf("body of %d bytes, hash %x", h.BodyLength, h.BodyHash)
	}
}
