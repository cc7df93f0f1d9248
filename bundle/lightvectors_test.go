package bundle_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
)

// lightLedger is the ledger id of the light blocks in vectors.
const lightLedger = "vectors-0123456789abcdef"

// draft is a light block that is still being made.
type draft struct {
	*cmtproto.LightBlock
	keys []*fixture.Key // of the validators, in the order of the set
}

// newDraft returns the block of a height, signed by all of a set.
func newDraft(t testing.TB, height int64, set, next []*fixture.Key) *draft {
	t.Helper()
	vals := bundletest.ValidatorSet(set)
	pb, err := vals.ToProto()
	if err != nil {
		t.Fatal(err)
	}
	d := &draft{LightBlock: &cmtproto.LightBlock{
		SignedHeader: &cmtproto.SignedHeader{
			Header: &cmtproto.Header{
				ChainID: lightLedger, Height: height, Time: time.Date(2026, 1, 1, 0, 0, int(height), 123456789, time.UTC),
				LastBlockId:    cmtproto.BlockID{Hash: sum([]byte("last")), PartSetHeader: cmtproto.PartSetHeader{Total: 1, Hash: sum([]byte("last parts"))}},
				LastCommitHash: sum([]byte("commit")), DataHash: sum(nil), NextValidatorsHash: bundletest.ValidatorSet(next).Hash(),
				ConsensusHash: sum([]byte("consensus")), AppHash: sum([]byte("app")), LastResultsHash: sum([]byte("results")),
				EvidenceHash: sum([]byte("evidence")), ProposerAddress: vals.Proposer.Address,
			},
			Commit: &cmtproto.Commit{Height: height, BlockID: cmtproto.BlockID{PartSetHeader: cmtproto.PartSetHeader{Total: 1, Hash: sum([]byte("parts"))}}},
		},
		ValidatorSet: pb,
	}}
	d.SignedHeader.Header.Version.Block, d.SignedHeader.Header.Version.App = 11, 1
	for i, v := range vals.Validators {
		for _, k := range set {
			if public, _ := k.PublicKey().Std().(ed25519.PublicKey); bytes.Equal(public, v.PubKey.Bytes()) {
				d.keys = append(d.keys, k)
			}
		}
		d.SignedHeader.Commit.Signatures = append(d.SignedHeader.Commit.Signatures, cmtproto.CommitSig{
			BlockIdFlag: cmtproto.BlockIDFlagCommit, ValidatorAddress: v.Address, Timestamp: d.SignedHeader.Header.Time.Add(time.Duration(i) * time.Second),
		})
	}
	d.seal(t)
	return d
}

func (d *draft) header() *cmtproto.Header            { return d.SignedHeader.Header }
func (d *draft) commit() *cmtproto.Commit            { return d.SignedHeader.Commit }
func (d *draft) signature(i int) *cmtproto.CommitSig { return &d.SignedHeader.Commit.Signatures[i] }

// seal makes the hashes right and lets everybody sign who is to.
func (d *draft) seal(t testing.TB) {
	t.Helper()
	d.header().ValidatorsHash = specValidatorsHash(d.ValidatorSet)
	d.sealHeader(t)
}

func (d *draft) sealHeader(t testing.TB) {
	t.Helper()
	d.commit().BlockID.Hash = specHeaderHash(d.header())
	for i := range d.keys {
		if i >= len(d.commit().Signatures) || d.signature(i).BlockIdFlag != cmtproto.BlockIDFlagCommit {
			continue
		}
		signature, err := d.keys[i].Private().Sign(nil, specSignBytes(d.header().ChainID, d.commit(), i), crypto.Hash(0))
		if err != nil {
			t.Fatal(err)
		}
		d.signature(i).Signature = signature
	}
}

// absent takes a signature away, as the engine writes it.
func (d *draft) absent(i int) {
	*d.signature(i) = cmtproto.CommitSig{BlockIdFlag: cmtproto.BlockIDFlagAbsent}
}

// bytes returns the encoding as the engine writes it.
func (d *draft) bytes(t testing.TB) []byte {
	t.Helper()
	b, err := d.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// torsion is the encoding of a point of order 8, noncanonical one of the neutral
// element (y = p + 1), whose plain encoding is 01 00 … 00.
const (
	torsion      = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
	noncanonical = "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
	neutral      = "0100000000000000000000000000000000000000000000000000000000000000"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cofactored signs so that only the equation with cofactor holds: the point R has a
// part of small order. Any validator can do that with its key.
func (d *draft) cofactored(t testing.TB, i int) {
	t.Helper()
	private, ok := d.keys[i].Private().(ed25519.PrivateKey)
	if !ok {
		t.Fatal("not an Ed25519 key")
	}
	var small curve.CompressedEdwardsY
	if _, err := small.SetBytes(unhex(t, torsion)); err != nil {
		t.Fatal(err)
	}
	point, err := new(curve.EdwardsPoint).SetCompressedY(&small)
	if err != nil {
		t.Fatal(err)
	}
	nonce := scalar.NewFromUint64(7)
	r := new(curve.EdwardsPoint).MulBasepoint(curve.ED25519_BASEPOINT_TABLE, nonce)
	r.Add(r, point)
	message := specSignBytes(d.header().ChainID, d.commit(), i)
	d.signature(i).Signature = finish(t, private, curve.NewCompressedEdwardsY().SetEdwardsPoint(r), nonce, message)
}

// finish returns the signature with a given point R, whose nonce is given.
func finish(t testing.TB, private ed25519.PrivateKey, r *curve.CompressedEdwardsY, nonce *scalar.Scalar, message []byte) []byte {
	t.Helper()
	expanded := sha512.Sum512(private.Seed())
	expanded[0] &= 248
	expanded[31] = expanded[31]&127 | 64
	a, err := scalar.NewFromBytesModOrder(expanded[:32])
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	public, _ := private.Public().(ed25519.PublicKey)
	h := sha512.Sum512(bytes.Join([][]byte{first, public, message}, nil))
	k, err := scalar.NewFromBytesModOrderWide(h[:])
	if err != nil {
		t.Fatal(err)
	}
	s := scalar.New().Mul(k, a)
	s.Add(s, nonce)
	second, err := s.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return append(first, second...)
}

// strange replaces the key of a validator by an encoding that no signer has.
func (d *draft) strange(t testing.TB, i int, key string) {
	t.Helper()
	v := d.ValidatorSet.Validators[i]
	v.PubKey = cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Ed25519{Ed25519: unhex(t, key)}}
	v.Address = sum(unhex(t, key))[:20]
	d.signature(i).ValidatorAddress = v.Address
	d.ValidatorSet.Proposer = d.ValidatorSet.Validators[(i+1)%len(d.ValidatorSet.Validators)]
	d.seal(t)
	// R is the neutral element and S is 0: right for every message, with cofactor or
	// without, when the key has small order.
	d.signature(i).Signature = append(unhex(t, neutral), make([]byte, 32)...)
}

// formVector is a light block by itself.
type formVector struct {
	Name  string `json:"name"`
	Want  string `json:"want"`
	Block []byte `json:"block"`
	// Of a well-formed block.
	HeaderHash     string   `json:"headerHash,omitempty"`
	ValidatorsHash string   `json:"validatorsHash,omitempty"`
	SignBytes      []string `json:"signBytes,omitempty"`
}

const (
	wellFormed  = "ok"
	malformed   = "malformed"
	otherLedger = "other-ledger"
)

// forms are changes of a well-formed block of four validators. Those that touch what
// hashes cover are sealed again, so that nothing else is wrong with them.
var forms = []struct {
	name   string
	want   string
	change func(t *testing.T, d *draft)
}{
	{"nothing", wellFormed, func(*testing.T, *draft) {}},
	{"first block", wellFormed, func(t *testing.T, d *draft) {
		d.header().Height, d.commit().Height = 1, 1
		d.header().LastBlockId, d.header().LastCommitHash = cmtproto.BlockID{}, nil
		d.seal(t)
	}},
	{"round 3", wellFormed, func(t *testing.T, d *draft) { d.commit().Round = 3; d.seal(t) }},
	{"application version 0", wellFormed, func(t *testing.T, d *draft) { d.header().Version.App = 0; d.seal(t) }},
	{"whole second", wellFormed, func(t *testing.T, d *draft) { d.header().Time = d.header().Time.Truncate(time.Second); d.seal(t) }},
	{"start of 1970", wellFormed, func(t *testing.T, d *draft) { d.header().Time = time.Unix(0, 0).UTC(); d.seal(t) }},
	{"signature before 1970", wellFormed, func(t *testing.T, d *draft) { d.signature(0).Timestamp = time.Unix(-5, 3).UTC(); d.seal(t) }},
	{"no parts", wellFormed, func(t *testing.T, d *draft) { d.commit().BlockID.PartSetHeader = cmtproto.PartSetHeader{}; d.seal(t) }},
	{"300 parts", wellFormed, func(t *testing.T, d *draft) { d.commit().BlockID.PartSetHeader.Total = 300; d.seal(t) }},
	{"empty hashes", wellFormed, func(t *testing.T, d *draft) {
		h := d.header()
		h.LastCommitHash, h.DataHash, h.NextValidatorsHash, h.ConsensusHash, h.LastResultsHash, h.EvidenceHash = nil, nil, nil, nil, nil, nil
		d.seal(t)
	}},
	{"absent and for nil", wellFormed, func(t *testing.T, d *draft) {
		d.absent(0)
		d.signature(1).BlockIdFlag, d.signature(1).Signature = cmtproto.BlockIDFlagNil, []byte{1}
		d.seal(t)
	}},
	{"nobody signed", wellFormed, func(t *testing.T, d *draft) {
		for i := range d.keys {
			d.absent(i)
		}
		d.seal(t)
	}},
	{"signatures that do not verify", wellFormed, func(_ *testing.T, d *draft) { d.signature(2).Signature[0] ^= 1 }},
	{"signature of 3309 bytes", wellFormed, func(_ *testing.T, d *draft) { d.signature(3).Signature = make([]byte, 3309) }},
	{"power 0 and other powers", wellFormed, func(t *testing.T, d *draft) {
		d.ValidatorSet.Validators[1].VotingPower, d.ValidatorSet.Validators[2].VotingPower = 0, 300
		d.seal(t)
	}},
	{"greatest power", wellFormed, func(t *testing.T, d *draft) {
		d.ValidatorSet.Validators[1].VotingPower = 1<<60 - 1 - 30
		d.seal(t)
	}},
	{"other proposer and priorities", wellFormed, func(_ *testing.T, d *draft) {
		p := *d.ValidatorSet.Validators[2]
		p.VotingPower, p.ProposerPriority = 77, -5
		d.ValidatorSet.Proposer = &p
		d.ValidatorSet.Validators[0].ProposerPriority = 1 << 40
	}},
	{"key of small order", wellFormed, func(t *testing.T, d *draft) { d.strange(t, 0, torsion) }},
	{"a validator twice", wellFormed, func(t *testing.T, d *draft) { d.ValidatorSet.Validators[3] = d.ValidatorSet.Validators[2]; d.seal(t) }},

	{"other ledger", otherLedger, func(t *testing.T, d *draft) { d.header().ChainID = "another"; d.seal(t) }},
	{"no chain id", otherLedger, func(t *testing.T, d *draft) { d.header().ChainID = ""; d.seal(t) }},

	{"no header", malformed, func(_ *testing.T, d *draft) { d.SignedHeader.Header = nil }},
	{"no commit", malformed, func(_ *testing.T, d *draft) { d.SignedHeader.Commit = nil }},
	{"no signed header", malformed, func(_ *testing.T, d *draft) { d.SignedHeader = nil }},
	{"no validator set", malformed, func(_ *testing.T, d *draft) { d.ValidatorSet = nil }},
	{"no proposer", malformed, func(_ *testing.T, d *draft) { d.ValidatorSet.Proposer = nil }},
	{"no validators", malformed, func(_ *testing.T, d *draft) { d.ValidatorSet.Validators, d.commit().Signatures = nil, nil }},
	{"one signature less", malformed, func(_ *testing.T, d *draft) { d.commit().Signatures = d.commit().Signatures[:3] }},
	{"one signature more", malformed, func(_ *testing.T, d *draft) { d.commit().Signatures = append(d.commit().Signatures, *d.signature(0)) }},
	{"total power", malformed, func(_ *testing.T, d *draft) { d.ValidatorSet.TotalVotingPower = 40 }},
	{"key of another kind", malformed, func(_ *testing.T, d *draft) {
		d.ValidatorSet.Validators[0].PubKey = cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Secp256K1{Secp256K1: make([]byte, 33)}}
	}},
	{"no key", malformed, func(_ *testing.T, d *draft) { d.ValidatorSet.Validators[0].PubKey = cmtcrypto.PublicKey{} }},
	{"key of 31 bytes", malformed, func(t *testing.T, d *draft) {
		key := d.ValidatorSet.Validators[0].PubKey.GetEd25519()[:31]
		d.ValidatorSet.Validators[0].PubKey = cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Ed25519{Ed25519: key}}
		d.seal(t)
	}},
	{"key of the proposer of another kind", malformed, func(_ *testing.T, d *draft) {
		p := *d.ValidatorSet.Proposer
		p.PubKey = cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Secp256K1{Secp256K1: make([]byte, 33)}}
		d.ValidatorSet.Proposer = &p
	}},
	{"block version 10", malformed, func(t *testing.T, d *draft) { d.header().Version.Block = 10; d.seal(t) }},
	{"block version 12", malformed, func(t *testing.T, d *draft) { d.header().Version.Block = 12; d.seal(t) }},
	{"height 0", malformed, func(t *testing.T, d *draft) { d.header().Height, d.commit().Height = 0, 0; d.seal(t) }},
	{"height -1", malformed, func(t *testing.T, d *draft) { d.header().Height, d.commit().Height = -1, -1; d.seal(t) }},
	{"height of the commit", malformed, func(t *testing.T, d *draft) { d.commit().Height++; d.seal(t) }},
	{"round -1", malformed, func(t *testing.T, d *draft) { d.commit().Round = -1; d.seal(t) }},
	{"before 1970", malformed, func(t *testing.T, d *draft) { d.header().Time = time.Unix(0, -1).UTC(); d.seal(t) }},
	{"last moment", malformed, func(t *testing.T, d *draft) { d.header().Time = time.Unix(0, 1<<63-1).UTC(); d.seal(t) }},
	{"last moment but one", wellFormed, func(t *testing.T, d *draft) { d.header().Time = time.Unix(0, 1<<63-2).UTC(); d.seal(t) }},
	{"hash of 31 bytes", malformed, func(t *testing.T, d *draft) { d.header().DataHash = d.header().DataHash[:31]; d.seal(t) }},
	{"last block's hash of 31 bytes", malformed, func(t *testing.T, d *draft) {
		d.header().LastBlockId.Hash = d.header().LastBlockId.Hash[:31]
		d.seal(t)
	}},
	{"parts' hash of 31 bytes", malformed, func(t *testing.T, d *draft) {
		d.commit().BlockID.PartSetHeader.Hash = d.commit().BlockID.PartSetHeader.Hash[:31]
		d.seal(t)
	}},
	{"app hash of 20 bytes", malformed, func(t *testing.T, d *draft) { d.header().AppHash = d.header().AppHash[:20]; d.seal(t) }},
	{"no app hash", malformed, func(t *testing.T, d *draft) { d.header().AppHash = nil; d.seal(t) }},
	{"next validators' hash of 20 bytes", malformed, func(t *testing.T, d *draft) {
		d.header().NextValidatorsHash = d.header().NextValidatorsHash[:20]
		d.seal(t)
	}},
	{"no validators' hash", malformed, func(t *testing.T, d *draft) { d.header().ValidatorsHash = nil; d.sealHeader(t) }},
	{"other validators' hash", malformed, func(t *testing.T, d *draft) { d.header().ValidatorsHash = sum([]byte("x")); d.sealHeader(t) }},
	{"proposer address of 19 bytes", malformed, func(t *testing.T, d *draft) { d.header().ProposerAddress = d.header().ProposerAddress[:19]; d.seal(t) }},
	{"commit for another block", malformed, func(_ *testing.T, d *draft) { d.commit().BlockID.Hash = sum([]byte("x")) }},
	{"commit for no block", malformed, func(_ *testing.T, d *draft) { d.commit().BlockID = cmtproto.BlockID{} }},
	{"flag 0", malformed, func(_ *testing.T, d *draft) { d.signature(0).BlockIdFlag = 0 }},
	{"flag 4", malformed, func(_ *testing.T, d *draft) { d.signature(0).BlockIdFlag = 4 }},
	{"absent with an address", malformed, func(_ *testing.T, d *draft) {
		address := d.signature(0).ValidatorAddress
		d.absent(0)
		d.signature(0).ValidatorAddress = address
	}},
	{"absent with a signature", malformed, func(_ *testing.T, d *draft) { d.absent(0); d.signature(0).Signature = []byte{1} }},
	{"absent with a time", malformed, func(_ *testing.T, d *draft) { d.absent(0); d.signature(0).Timestamp = time.Unix(0, 0).UTC() }},
	{"for the block without a signature", malformed, func(_ *testing.T, d *draft) { d.signature(0).Signature = nil }},
	{"for nil without a signature", malformed, func(_ *testing.T, d *draft) {
		d.signature(0).BlockIdFlag, d.signature(0).Signature = cmtproto.BlockIDFlagNil, nil
	}},
	{"signature of 3310 bytes", malformed, func(_ *testing.T, d *draft) { d.signature(3).Signature = make([]byte, 3310) }},
	{"address of 19 bytes", malformed, func(_ *testing.T, d *draft) { d.signature(0).ValidatorAddress = d.signature(0).ValidatorAddress[:19] }},
	{"power -1", malformed, func(t *testing.T, d *draft) { d.ValidatorSet.Validators[0].VotingPower = -1; d.seal(t) }},
	{"power of the proposer -1", malformed, func(_ *testing.T, d *draft) {
		p := *d.ValidatorSet.Proposer
		p.VotingPower = -1
		d.ValidatorSet.Proposer = &p
	}},
	{"too much power", malformed, func(t *testing.T, d *draft) {
		d.ValidatorSet.Validators[1].VotingPower = 1<<60 - 30
		d.seal(t)
	}},
	{"address of another key", malformed, func(t *testing.T, d *draft) {
		v := *d.ValidatorSet.Validators[0]
		v.Address = d.ValidatorSet.Validators[1].Address
		d.ValidatorSet.Validators[0] = &v
		d.seal(t)
	}},
	{"proposer who is no validator", malformed, func(t *testing.T, d *draft) {
		pb, err := bundletest.ValidatorSet(strangers(t, 1)).ToProto()
		if err != nil {
			t.Fatal(err)
		}
		d.ValidatorSet.Proposer = pb.Proposer
	}},
	{"order of validators", malformed, func(_ *testing.T, d *draft) { slices.Reverse(d.ValidatorSet.Validators) }},
}

// encodings are bytes that mean the same as the block they are made of.
var encodings = []struct {
	name   string
	change func(b []byte) []byte
}{
	{"unknown field", func(b []byte) []byte { return append(b, 0x1a, 0) }},
	{"unknown field in the signed header", func(b []byte) []byte {
		_, n := field1(b)
		return append(append(field(0x0a, append(slices.Clone(b[n.start:n.end]), 0x1a, 0)), b[n.end:]...), []byte{}...)
	}},
	{"validators before the header", func(b []byte) []byte { _, n := field1(b); return append(slices.Clone(b[n.end:]), b[:n.end]...) }},
	{"length that is not shortest", func(b []byte) []byte {
		_, n := field1(b)
		length := varint(uint64(n.end - n.start))
		length[len(length)-1] |= 0x80
		return append(append(append([]byte{0x0a}, length...), 0), b[n.start:]...)
	}},
	{"byte at the end", func(b []byte) []byte { return append(b, 0) }},
	{"cut short", func(b []byte) []byte { return b[:len(b)-1] }},
	{"nothing at all", func([]byte) []byte { return nil }},
	{"zero written", func(b []byte) []byte {
		return append(b[:len(b):len(b)], 0x12, 2, 0x18, 0) // merged into the validator set: total power 0
	}},
}

type span struct{ start, end int }

// field1 returns where the content of the first field stands.
func field1(b []byte) (tag byte, at span) {
	length, n := 0, 1
	for shift := 0; ; shift += 7 {
		length |= int(b[n]&0x7f) << shift
		if n++; b[n-1] < 0x80 {
			break
		}
	}
	return b[0], span{n, n + length}
}

func four(t testing.TB) []*fixture.Key {
	return fixture.NewKeys(t, keys.KeytypeEd25519, "vector validator", 4)
}

// TestLightBlockVectors: what a light block is, to the byte, and its hashes and sign
// bytes, by docs/spec.md and by the engine.
func TestLightBlockVectors(t *testing.T) {
	var made []formVector
	judge := func(t *testing.T, name, want string, b []byte, pb *cmtproto.LightBlock) {
		t.Helper()
		lb, err := bundle.DecodeLightBlock(lightLedger, b)
		got := wellFormed
		switch {
		case errors.Is(err, bundle.ErrWrongLedger):
			got = otherLedger
		case errors.Is(err, bundle.ErrMalformed), errors.Is(err, bundle.ErrHeader):
			got = malformed
		case err != nil:
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", name, got, want, err)
		}
		v := formVector{Name: name, Want: want, Block: b}
		if got == wellFormed {
			header, validators := specHeaderHash(pb.SignedHeader.Header), specValidatorsHash(pb.ValidatorSet)
			if !bytes.Equal(lb.Hash(), header) || !bytes.Equal(lb.ValidatorSet.Hash(), validators) {
				t.Errorf("%s: hashes %x and %x, the engine has %s and %X", name, header, validators, lb.Hash(), lb.ValidatorSet.Hash())
			}
			v.HeaderHash, v.ValidatorsHash = hex.EncodeToString(header), hex.EncodeToString(validators)
			for i, s := range pb.SignedHeader.Commit.Signatures {
				if s.BlockIdFlag != cmtproto.BlockIDFlagCommit {
					v.SignBytes = append(v.SignBytes, "")
					continue
				}
				message := specSignBytes(lightLedger, pb.SignedHeader.Commit, i)
				if engine := lb.Commit.VoteSignBytes(lightLedger, int32(i)); !bytes.Equal(message, engine) {
					t.Errorf("%s: sign bytes %x, the engine has %x", name, message, engine)
				}
				v.SignBytes = append(v.SignBytes, hex.EncodeToString(message))
			}
		}
		made = append(made, v)
	}
	for _, f := range forms {
		d := newDraft(t, 7, four(t), four(t))
		f.change(t, d)
		judge(t, f.name, f.want, d.bytes(t), d.LightBlock)
	}
	for _, e := range encodings {
		d := newDraft(t, 7, four(t), four(t))
		judge(t, "encoding: "+e.name, malformed, e.change(d.bytes(t)), d.LightBlock)
	}
	checkVectors(t, "light-blocks", "Light blocks of the ledger "+lightLedger+
		" by themselves. A well-formed one (want is ok) has these hashes and, for each signature for the block, these sign bytes.", made)
}

// followVector is a light block that is to be verified from a trusted one.
type followVector struct {
	Name         string `json:"name"`
	Want         string `json:"want"`
	Trusted      []byte `json:"trusted"`
	Block        []byte `json:"block"`
	TrustingDays int    `json:"trustingPeriodDays"`
	Now          string `json:"now"`
}

// steps lead from block 7 of four validators to another block.
var steps = []struct {
	name string
	want string
	// height of the next block, zero for 8.
	height int64
	// set of the next block, nil for the same; next of the trusted one, nil for set.
	set, next func(t testing.TB) []*fixture.Key
	change    func(t *testing.T, d *draft, now *time.Time)
}{
	{name: "adjacent", want: followed},
	{name: "skipping", want: followed, height: 20},
	{name: "adjacent, other validators that the trusted block named", want: followed, set: five, next: five},
	{name: "adjacent, validators that the trusted block did not name", want: refused, set: five, next: four},
	{name: "skipping, one validator more", want: followed, height: 20, set: five},
	{name: "skipping, all are strangers", want: tooFew, height: 20, set: func(t testing.TB) []*fixture.Key { return strangers(t, 4) }},
	{name: "skipping, two of four are left", want: tooFew, height: 20, set: func(t testing.TB) []*fixture.Key { return append(four(t)[:2], strangers(t, 2)...) }},
	{name: "skipping, three of four are left", want: followed, height: 20, set: func(t testing.TB) []*fixture.Key { return append(four(t)[:3], strangers(t, 1)...) }},

	{name: "trusting period is over", want: expired, change: func(_ *testing.T, d *draft, now *time.Time) { *now = d.header().Time.Add(14*day - time.Second) }},
	{name: "trusting period is nearly over", want: followed, change: func(_ *testing.T, d *draft, now *time.Time) { *now = d.header().Time.Add(14*day - time.Second - 1) }},
	{name: "time of the trusted block", want: refused, change: func(t *testing.T, d *draft, _ *time.Time) {
		d.header().Time = d.header().Time.Add(-time.Second)
		d.seal(t)
	}},
	{name: "a nanosecond later", want: followed, change: func(t *testing.T, d *draft, _ *time.Time) {
		d.header().Time = d.header().Time.Add(-time.Second + 1)
		d.seal(t)
	}},

	{name: "three of four signed", want: followed, change: func(_ *testing.T, d *draft, _ *time.Time) { d.absent(1) }},
	{name: "two of four signed", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) { d.absent(1); d.absent(3) }},
	{name: "exactly two thirds signed", want: refused, set: func(t testing.TB) []*fixture.Key { return four(t)[:3] }, change: func(_ *testing.T, d *draft, _ *time.Time) { d.absent(0) }},
	{name: "two of four signed, two for nil", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) {
		d.signature(0).BlockIdFlag, d.signature(1).BlockIdFlag = cmtproto.BlockIDFlagNil, cmtproto.BlockIDFlagNil
	}},
	{name: "skipping, two of four signed", want: tooFew, height: 20, change: func(_ *testing.T, d *draft, _ *time.Time) { d.absent(1); d.absent(3) }},
	{name: "wrong signature among the first", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) { d.signature(2).Signature[40] ^= 1 }},
	{name: "skipping, wrong signature among the first", want: refused, height: 20, change: func(_ *testing.T, d *draft, _ *time.Time) { d.signature(0).Signature[40] ^= 1 }},
	{name: "wrong signature behind two thirds", want: followed, change: func(_ *testing.T, d *draft, _ *time.Time) { d.signature(3).Signature[40] ^= 1 }},
	{name: "short signature behind two thirds", want: followed, change: func(_ *testing.T, d *draft, _ *time.Time) { d.signature(3).Signature = []byte{1} }},
	{name: "wrong signature for nil", want: followed, change: func(_ *testing.T, d *draft, _ *time.Time) { d.signature(0).BlockIdFlag = cmtproto.BlockIDFlagNil }},
	{name: "wrong signature that is needed since one is absent", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) {
		d.absent(0)
		d.signature(3).Signature[40] ^= 1
	}},
	{name: "signature of 63 bytes", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) { d.signature(0).Signature = d.signature(0).Signature[:63] }},
	{name: "signature of another round", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) { d.commit().Round = 1 }},
	{name: "signature of another time", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) {
		d.signature(0).Timestamp = d.signature(0).Timestamp.Add(1)
	}},
	{name: "signatures for other parts", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) { d.commit().BlockID.PartSetHeader.Total = 2 }},
	{name: "address of another validator", want: refused, change: func(_ *testing.T, d *draft, _ *time.Time) {
		d.signature(0).ValidatorAddress = d.signature(1).ValidatorAddress
	}},
	{name: "address of another validator behind two thirds", want: followed, change: func(_ *testing.T, d *draft, _ *time.Time) {
		d.signature(3).ValidatorAddress = d.signature(1).ValidatorAddress
	}},
	{name: "skipping, a validator signs twice", want: refused, height: 20, change: func(_ *testing.T, d *draft, _ *time.Time) { *d.signature(1) = *d.signature(0) }},
	{name: "skipping, the set gives one validator all power", want: refused, height: 20, change: func(t *testing.T, d *draft, _ *time.Time) {
		d.ValidatorSet.Validators[3].VotingPower = 1000
		d.absent(3)
		d.seal(t)
	}},

	{name: "equation with cofactor only", want: followed, change: func(t *testing.T, d *draft, _ *time.Time) { d.cofactored(t, 0) }},
	{name: "skipping, equation with cofactor only", want: followed, height: 20, change: func(t *testing.T, d *draft, _ *time.Time) { d.cofactored(t, 1) }},
	{name: "S not below L", want: refused, change: func(t *testing.T, d *draft, _ *time.Time) {
		// L is added to S.
		order := unhex(t, "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
		carry := 0
		for i, b := range order {
			carry += int(d.signature(0).Signature[32+i]) + int(b)
			d.signature(0).Signature[32+i] = byte(carry)
			carry >>= 8
		}
	}},
}

func five(t testing.TB) []*fixture.Key { return append(four(t), strangers(t, 1)...) }

// follow verifies a block from a trusted one as clients do.
func follow(t *testing.T, trusted, next *draft, period time.Duration, now time.Time) string {
	t.Helper()
	block, err := bundle.DecodeLightBlock(lightLedger, trusted.bytes(t))
	if err != nil {
		t.Fatal(err)
	}
	memory := bundle.NewMemory(&bundle.Anchor{Ledger: lightLedger, Block: block, TrustingPeriod: period})
	switch _, _, err := bundle.VerifyLightBlock(next.bytes(t), nil, memory, now, bundle.OfflinePolicy()); {
	case err == nil:
		return followed
	case errors.Is(err, bundle.ErrAnchorExpired):
		return expired
	case errors.Is(err, bundle.ErrNotEnoughTrust):
		return tooFew
	case bundle.ClassOf(err) != bundle.Attack:
		t.Fatal(err)
	}
	return refused
}

// TestFollowVectors: which light block follows from which, by docs/spec.md and by the
// code that clients run.
func TestFollowVectors(t *testing.T) {
	var made []followVector
	judge := func(t *testing.T, name, want string, trusted, next *draft, now time.Time) {
		t.Helper()
		const period = 14 * day
		if got := specFollow(lightLedger, trusted.LightBlock, next.LightBlock, period, now); got != want {
			t.Errorf("%s: by the specification %s, want %s", name, got, want)
		}
		if got := follow(t, trusted, next, period, now); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		made = append(made, followVector{
			Name: name, Want: want, Trusted: trusted.bytes(t), Block: next.bytes(t), TrustingDays: int(period / day), Now: now.Format(time.RFC3339Nano),
		})
	}
	for _, s := range steps {
		height, set := s.height, s.set
		if height == 0 {
			height = 8
		}
		if set == nil {
			set = four
		}
		named := s.next
		if named == nil {
			named = set
		}
		trusted, next := newDraft(t, 7, four(t), named(t)), newDraft(t, height, set(t), set(t))
		now := next.header().Time.Add(time.Minute)
		if s.change != nil {
			s.change(t, next, &now)
		}
		judge(t, s.name, s.want, trusted, next, now)
	}

	// Keys that no signer has, in a set that the trusted block names.
	for _, c := range []struct{ name, key, want string }{
		{"key of small order", torsion, followed},
		{"key of small order in another encoding", noncanonical, followed},
		{"key that is no point", "0200000000000000000000000000000000000000000000000000000000000000", refused},
	} {
		next := newDraft(t, 8, four(t), four(t))
		next.strange(t, 0, c.key)
		trusted := newDraft(t, 7, four(t), four(t))
		trusted.header().NextValidatorsHash = next.header().ValidatorsHash
		trusted.seal(t)
		judge(t, c.name, c.want, trusted, next, next.header().Time.Add(time.Minute))
	}
	checkVectors(t, "follow", "Light blocks of the ledger "+lightLedger+", well formed both, and whether the second is verified from the first: ok, expired (what is trusted is too old), too-few (of the trusted validators signed, blocks in between are missing) or refused.", made)
}

// TestFollowAgrees lets chance pick flags, addresses, powers, damage and what the
// trusted block knows: the specification and the code decide alike.
func TestFollowAgrees(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	counts := make(map[string]int)
	for round := range 1000 {
		height := int64(8)
		if chance.IntN(2) == 0 {
			height = 20
		}
		set := five(t)[:3+chance.IntN(3)]
		trusted, next := newDraft(t, 7, four(t), set), newDraft(t, height, set, set)
		if chance.IntN(4) == 0 {
			for _, v := range next.ValidatorSet.Validators {
				v.VotingPower = int64(chance.IntN(4))
			}
			next.seal(t)
			trusted.header().NextValidatorsHash = next.header().ValidatorsHash
			trusted.seal(t)
		}
		for i := range next.commit().Signatures {
			switch s := next.signature(i); chance.IntN(12) {
			case 0, 1:
				next.absent(i)
			case 2:
				s.BlockIdFlag = cmtproto.BlockIDFlagNil
			case 3:
				s.Signature[chance.IntN(64)] ^= 1
			case 4:
				s.ValidatorAddress = next.ValidatorSet.Validators[chance.IntN(len(set))].Address
			case 5:
				next.cofactored(t, i)
			case 6:
				s.Signature = s.Signature[:chance.IntN(64)+1]
			}
		}
		const period = 14 * day
		now := next.header().Time
		want := specFollow(lightLedger, trusted.LightBlock, next.LightBlock, period, now)
		// Which is reported, too few signatures or a wrong one, is no rule when both hold.
		got := follow(t, trusted, next, period, now)
		if (got == followed) != (want == followed) {
			t.Fatalf("round %d: %s, by the specification %s: %x from %x", round, got, want, next.bytes(t), trusted.bytes(t))
		}
		counts[want]++
	}
	if counts[followed] < 100 || counts[tooFew] < 50 || counts[refused] < 100 {
		t.Errorf("outcomes %v: chance is not what it was", counts)
	}
}
