package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/proto"
	"hullmark/record"
)

// receiptFlag adds the flag that saves the receipt of what is committed.
func receiptFlag(f *pflag.FlagSet, file *string) {
	f.StringVar(file, "receipt", "", "also save the proof that it is in the log to this file, one block later; hullmark inspect --receipt reads it")
	newFileFlag(f, "receipt")
}

// checkReceipt refuses a receipt of what is only handed over.
func checkReceipt(receipt, request string) error {
	if receipt != "" && request != "" {
		return cli.Usage("--receipt and -o exclude each other: `hullmark submit --receipt` saves it")
	}
	return nil
}

// saveReceipt writes the receipt of a committed transaction, after judging it by all
// this home knows. It is asked for as a client would that knows the trust anchor only,
// so that everybody who has that can verify it. Tx is nil for what the ledger had
// already: then there is none. It returns the name of the file, if it was written.
func (s *session) saveReceipt(ctx context.Context, tx *proto.TransactionResponse, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	if tx == nil {
		s.warn("nothing was committed, so there is no receipt to save")
		return "", nil
	}
	if err := s.writeReceipt(ctx, tx, file); err != nil {
		return "", fmt.Errorf("couldn't save receipt of what is in block %d: %w", tx.GetHeight(), err)
	}
	return file, nil
}

func (s *session) writeReceipt(ctx context.Context, tx *proto.TransactionResponse, file string) error {
	transaction, err := bundle.ProvenTransaction(tx)
	if err != nil {
		return err
	}
	anchor, err := s.anchor()
	if err != nil {
		return err
	}
	o, err := s.options(client.NewMemoryStore(bundle.NewMemory(anchor)), bundle.DefaultPolicy())
	if err != nil {
		return err
	}
	c, err := client.New(o)
	if err != nil {
		return err
	}
	done := s.progress("waiting for the receipt")
	data, _, warnings, err := c.ReceiptFile(ctx, transaction, tx.GetHeight())
	done()
	s.warnAll(warnings, err)
	if err != nil {
		return err
	}
	if _, _, err := s.verifyReceipt(ctx, data); err != nil {
		return err
	}
	return s.writeOutput(file, data, publicMode)
}

// verifyReceipt verifies the content of a receipt file by what this home knows.
func (s *session) verifyReceipt(ctx context.Context, data []byte) ([]byte, *bundle.Receipt, error) {
	home, err := s.home()
	if err != nil {
		return nil, nil, err
	}
	c, err := client.NewOffline(client.Options{Store: home})
	if err != nil {
		return nil, nil, err
	}
	tx, r, warnings, err := c.VerifyReceiptFile(ctx, data, bundle.OfflinePolicy())
	s.warnAll(warnings, err)
	return tx, r, err
}

// inspectReceipt shows what a receipt file proves, and asks nobody.
func (s *session) inspectReceipt(ctx context.Context, file string) error {
	data, err := s.readInput(file, bundle.MaxSize)
	if err != nil {
		return err
	}
	tx, r, err := s.verifyReceipt(ctx, data)
	if _, other := bundle.Decode(data); errors.Is(err, bundle.ErrMalformed) && other == nil {
		return cli.Usage("%s is a bundle; `hullmark verify REF --bundle %s` reads it", file, file)
	}
	if err != nil {
		return err
	}
	out, err := newReceiptAnswer(tx, r)
	if err != nil {
		return err
	}
	return s.print(out)
}

// receiptAnswer is what a receipt proves.
type receiptAnswer struct {
	TxHash    string              `json:"tx_hash"`
	Kind      string              `json:"kind"`
	Submitter string              `json:"submitter"`
	Height    uint64              `json:"height"`
	Index     uint32              `json:"index"`
	Records   []receiptRecordJSON `json:"records"`
	proofJSON
}

type receiptRecordJSON struct {
	Index      uint64            `json:"index"`
	Repository string            `json:"repository"`
	Revision   uint64            `json:"revision"`
	Roles      []receiptRoleJSON `json:"roles"`
}

type receiptRoleJSON struct {
	Name    string `json:"name"`
	Version uint64 `json:"version"`
}

func newReceiptAnswer(tx []byte, r *bundle.Receipt) (*receiptAnswer, error) {
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(tx)
	a := &receiptAnswer{
		TxHash: hex.EncodeToString(hash[:]), Kind: env.Header.Kind.String(), Submitter: env.Header.Submitter.ID().String(),
		Height: r.Height, Index: r.Index, Records: []receiptRecordJSON{},
		proofJSON: proofJSON{r.StateHeight, r.HeaderHeight, r.BlockTime, r.Age.Seconds()},
	}
	for _, p := range r.Records {
		j := receiptRecordJSON{Index: p.Index, Repository: p.Repository.String(), Revision: p.Revision, Roles: []receiptRoleJSON{}}
		for _, role := range p.Roles {
			j.Roles = append(j.Roles, receiptRoleJSON{role.Name, role.Version})
		}
		a.Records = append(a.Records, j)
	}
	return a, nil
}

func (a *receiptAnswer) text(t *table) {
	t.row("transaction", "%s", a.TxHash)
	t.row("kind", "%s", a.Kind)
	t.row("submitter", "%s", a.Submitter)
	t.row("committed", "height %d, number %d in its block", a.Height, a.Index)
	for _, r := range a.Records {
		t.row("record", "%d: %s revision %d", r.Index, r.Repository, r.Revision)
		for _, role := range r.Roles {
			t.row("", "%s version %d", role.Name, role.Version)
		}
	}
	a.proofJSON.text(t)
	t.row("offline", "true as of the block time; nobody was asked")
}
