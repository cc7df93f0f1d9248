package app

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cmtmerkle "github.com/cometbft/cometbft/crypto/merkle"
	cmtbytes "github.com/cometbft/cometbft/libs/bytes"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	rpcclient "github.com/cometbft/cometbft/rpc/client"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	"github.com/cosmos/ics23/go"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/record"
	"hullmark/reference"
)

// smtOp runs the operator ics23:smt with the ics23 module itself.
type smtOp struct {
	key   []byte
	proof *ics23.CommitmentProof
}

func decodeSMT(op cmtcrypto.ProofOp) (cmtmerkle.ProofOperator, error) {
	p := new(ics23.CommitmentProof)
	if err := p.Unmarshal(op.Data); err != nil {
		return nil, err
	}
	return smtOp{op.Key, p}, nil
}

func (o smtOp) GetKey() []byte             { return o.key }
func (o smtOp) ProofOp() cmtcrypto.ProofOp { return cmtcrypto.ProofOp{} }
func (o smtOp) Run(args [][]byte) ([][]byte, error) {
	root, err := o.proof.Calculate()
	if err != nil {
		return nil, err
	}
	if len(args) != 1 || !ics23.VerifyMembership(ics23.SmtSpec, root, o.proof, o.key, args[0]) {
		return nil, errors.New("ics23 refuses it")
	}
	return [][]byte{root}, nil
}

// TestRPC asks a running node over CometBFT's own interface. What it answers
// verifies with our client's code, and values of the map with CometBFT's and ics23's.
func TestRPC(t *testing.T) {
	h, c := newHome(t, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "tcp://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(string(h), "config", "config.toml")
	before, rpcSection, ok := strings.Cut(string(readFile(t, file)), "[rpc]")
	if !ok {
		t.Fatal("no section rpc")
	}
	if err := os.WriteFile(file, []byte(before+"[rpc]"+strings.Replace(rpcSection, `laddr = ""`, fmt.Sprintf("laddr = %q", address), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	n := openHome(t, h, nil)
	base := start(t, n)
	app := c.NewPublisher("registry.example.com/app")
	post(t, base, app.Register(c.Operators[0])).receipt(t)
	tx := app.Publish(1, fixture.Tags{"1.0": "one"})
	at := post(t, base, tx).receipt(t)
	provable(t, n, at.GetHeight())
	rpc, err := rpchttp.New(address, "/websocket")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	anchor, err := n.Anchor()
	if err != nil {
		t.Fatal(err)
	}

	t.Run("look-ups", func(t *testing.T) {
		req := bundletest.Request("registry.example.com/app:1.0")
		r, err := rpc.ABCIQueryWithOptions(ctx, "/v1/resolve", cmtbytes.HexBytes(url.Values{"ref": {req.String()}}.Encode()), rpcclient.ABCIQueryOptions{Prove: true})
		if err != nil || r.Response.Code != 0 {
			t.Fatalf("answer %+v, error %v", r, err)
		}
		b, err := bundle.Decode(r.Response.Value)
		if err != nil {
			t.Fatal(err)
		}
		result, _, err := bundle.Verify(b, req, bundle.NewMemory(anchor), anchor.Block.Time, bundle.OfflinePolicy())
		if err != nil || result.Digest != fixture.Digest("one") || int64(result.StateHeight) != r.Response.Height {
			t.Errorf("result %+v, error %v", result, err)
		}
		for _, q := range [][2]string{
			{"/v1/history", "repository=registry.example.com/app"},
			{fmt.Sprintf("/v1/receipt/%x", at.GetHash()), fmt.Sprintf("height=%d", at.GetHeight())},
			{"/v1/log/inclusion", "index=0"}, {"/v1/log/consistency", "first=1"}, {"/v1/image", "digest=" + fixture.Digest("one").String()},
		} {
			r, err := rpc.ABCIQuery(ctx, q[0], cmtbytes.HexBytes(q[1]))
			if err != nil || r.Response.Code != 0 || r.Response.Height < int64(at.GetHeight()) {
				t.Errorf("%s: %+v, error %v", q, r.Response, err)
			}
		}
	})

	t.Run("proof operators", func(t *testing.T) {
		runtime := cmtmerkle.DefaultProofRuntime()
		runtime.RegisterOpDecoder("ics23:smt", decodeSMT)
		repository, tag := reference.MustParseRepository("registry.example.com/app"), reference.MustParseTag("1.0")
		for name, key := range map[string][]byte{
			"repository": record.RepositoryKey(repository), "tag": record.TagKey(repository, tag), "parameters": record.ParamsKey(),
			"image": record.ImageKey(fixture.Digest("one")), "voucher": record.VoucherKey(fixture.Digest("one"), repository),
		} {
			r, err := rpc.ABCIQueryWithOptions(ctx, "/store/map/key", key, rpcclient.ABCIQueryOptions{Prove: true, Height: int64(at.GetHeight())})
			if err != nil || r.Response.Code != 0 || r.Response.Height != int64(at.GetHeight()) || !bytes.Equal(r.Response.Key, key) {
				t.Fatalf("%s: %+v, error %v", name, r, err)
			}
			next := r.Response.Height + 1
			header, err := rpc.Header(ctx, &next)
			if err != nil {
				t.Fatal(err)
			}
			path := cmtmerkle.KeyPath{}.AppendKey([]byte("map"), cmtmerkle.KeyEncodingURL).AppendKey(key, cmtmerkle.KeyEncodingHex).String()
			if err := runtime.VerifyValue(r.Response.ProofOps, header.Header.AppHash, path, r.Response.Value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if err := runtime.VerifyValue(r.Response.ProofOps, header.Header.AppHash, path, append(r.Response.Value, 0)); err == nil {
				t.Errorf("%s: another value verifies", name)
			}
			if plain, err := rpc.ABCIQuery(ctx, "/store/map/key", key); err != nil || plain.Response.ProofOps != nil || len(plain.Response.Value) == 0 {
				t.Errorf("%s without proof: %+v, error %v", name, plain, err)
			}
		}
		for name, key := range map[string][]byte{"absent": record.TagKey(repository, reference.MustParseTag("none")), "no": nil, "long": make([]byte, 2000)} {
			r, err := rpc.ABCIQueryWithOptions(ctx, "/store/map/key", key, rpcclient.ABCIQueryOptions{Prove: true})
			if err != nil || r.Response.Code == 0 || r.Response.Value != nil || r.Response.ProofOps != nil {
				t.Errorf("%s key: %+v, error %v", name, r, err)
			}
		}
	})
}
