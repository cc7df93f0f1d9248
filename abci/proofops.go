package abci

import (
	"encoding/binary"
	"fmt"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtmerkle "github.com/cometbft/cometbft/crypto/merkle"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	"google.golang.org/protobuf/encoding/protowire"

	"hullmark/lookup"
	"hullmark/merkle"
	"hullmark/query"
)

// mapPath is the query path under which other people's verifiers ask for a value
// of the map: CometBFT's light client derives from it that the keys of the proof
// operators are the map key and "map".
const mapPath = "/store/" + mapStore + "/key"

// mapStore is the map's key in the app hash.
const mapStore = "map"

// smtOp is the type of the operator that leads from a value to the map's root: an
// ics23 commitment proof by SmtSpec, as others name it.
const smtOp = "ics23:smt"

// queryMap answers with a value of the map and the proof operators for it. Those
// operators cannot express absence without the neighbours' values; whoever wants
// that proven asks a question of package query.
func (a *Application) queryMap(req *cmtabci.RequestQuery) (*cmtabci.ResponseQuery, error) {
	if len(req.Data) == 0 || len(req.Data) > merkle.MaxKeySize {
		return nil, fmt.Errorf("%w: a key of the map has 1 to %d bytes", query.ErrQuestion, merkle.MaxKeySize)
	}
	s, err := a.lookup.State(uint64(max(0, req.Height)))
	if err != nil {
		return nil, err
	}
	defer s.Close()
	v := s.View
	value, proof, err := v.Prove(req.Data)
	if err != nil {
		return nil, err
	}
	if value == nil {
		return nil, fmt.Errorf("%w: the map has no such key at height %d; answers to questions prove absence", lookup.ErrNotFound, v.Version())
	}
	r := &cmtabci.ResponseQuery{Key: req.Data, Value: value, Height: int64(v.Version())}
	if req.Prove {
		p, err := merkle.DecodeMapProof(proof)
		if err != nil {
			return nil, err
		}
		r.ProofOps = proofOps(req.Data, value, p, v.State())
	}
	return r, nil
}

// proofOps leads from a value of the map to the app hash.
func proofOps(key, value []byte, p merkle.MapProof, state merkle.AppState) *cmtcrypto.ProofOps {
	// The app hash is a simple map of three pairs; ADR 1.
	var pairs [][]byte
	for _, pair := range []struct {
		key   string
		value []byte
	}{{"log", state.Log.Encode()}, {mapStore, state.Map[:]}, {"meta", state.Meta}} {
		h := merkle.ValueHash(pair.value)
		b := binary.AppendUvarint(nil, uint64(len(pair.key)))
		b = append(b, pair.key...)
		b = binary.AppendUvarint(b, uint64(len(h)))
		pairs = append(pairs, append(b, h[:]...))
	}
	_, proofs := cmtmerkle.ProofsFromByteSlices(pairs)
	return &cmtcrypto.ProofOps{Ops: []cmtcrypto.ProofOp{
		{Type: smtOp, Key: key, Data: encodeICS23(key, value, p)},
		cmtmerkle.NewValueOp([]byte(mapStore), proofs[1]).ProofOp(),
	}}
}

// encodeICS23 returns a map proof as the protobuf message CommitmentProof of ics23,
// by its SmtSpec. It is written by hand to keep that module out of the program.
func encodeICS23(key, value []byte, p merkle.MapProof) []byte {
	const sha256 = 1
	number := func(b []byte, field protowire.Number, n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
	}
	bytes := func(b []byte, field protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
	}
	// LeafOp: hash, prehash_key, prehash_value, no length, prefix.
	leaf := bytes(number(number(number(nil, 1, sha256), 2, sha256), 3, sha256), 5, []byte{0})
	exist := bytes(bytes(bytes(nil, 1, key), 2, value), 3, leaf)
	path := merkle.KeyPath(key)
	for i := len(p.Siblings) - 1; i >= 0; i-- {
		sibling := p.Siblings[i]
		// InnerOp: hash, prefix, suffix. An empty sibling is written out.
		step := number(nil, 1, sha256)
		if path[i/8]>>(7-i%8)&1 == 0 {
			step = bytes(bytes(step, 2, []byte{1}), 3, sibling[:])
		} else {
			step = bytes(step, 2, append([]byte{1}, sibling[:]...))
		}
		exist = bytes(exist, 4, step)
	}
	return bytes(nil, 1, exist)
}
