package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/keys"
	"hullmark/keystore"
	"hullmark/proto"
	"hullmark/tuf"
)

// How a signing request gets from here to the ledger: read or made, signed by the keys
// of this home, and submitted or handed over.

// requestFlag adds the flag that asks for a signing request.
func requestFlag(f *pflag.FlagSet, file *string) {
	f.StringVarP(file, "file", "o", "", "write a signing request to this file instead of publishing, - for standard output")
	newFileFlag(f, "file")
}

func tufSigners(set []*keystore.Key) []tuf.Signer {
	var out []tuf.Signer
	for _, k := range set {
		out = append(out, k)
	}
	return out
}

// keysThat returns the names of the home's keys whose id meets a condition.
func (s *session) keysThat(may func(keys.ID) bool) ([]string, error) {
	list, err := s.keys().List()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, info := range list {
		if info.Type != "" && may(info.PublicKey.ID()) {
			names = append(names, info.Name)
		}
	}
	return names, nil
}

// keysOf returns the names of the home's keys that belong to a role.
func (s *session) keysOf(role tuf.Role) ([]string, error) { return s.keysThat(role.Has) }

// submitter returns the first key that can sign a transaction.
func submitter(set []*keystore.Key) (change.Submitter, error) {
	for _, k := range set {
		if k.PublicKey().HasFixedForm() {
			return k, nil
		}
	}
	return nil, fmt.Errorf("%w: RSA keys sign metadata, and transactions need one of another type", errNoKey)
}

// signHere returns a request signed by the named keys of this home, or, without
// names, by all that may and have not.
func (s *session) signHere(ctx context.Context, r *change.Request, names []string) (*change.Request, error) {
	if len(names) == 0 {
		signed := make(map[keys.ID]bool)
		duties, err := r.Duties()
		if err != nil {
			return nil, err
		}
		for _, d := range duties {
			for _, id := range d.Signed {
				signed[id] = true
			}
		}
		if names, err = s.keysThat(func(id keys.ID) bool { return r.MaySign(id) && !signed[id] }); err != nil {
			return nil, err
		}
	}
	signers, err := s.openKeys(ctx, names)
	if err != nil {
		return nil, err
	}
	return r.Sign(tufSigners(signers)...)
}

// writeRequest writes a request to a file.
func (s *session) writeRequest(r *change.Request, file string) error {
	b, err := r.Encode()
	if err != nil {
		return err
	}
	return s.writeOutput(file, b, publicMode)
}

// handOver writes a request to a file and says what is to be done with it.
func (s *session) handOver(r *change.Request, file string) error {
	if err := s.writeRequest(r, file); err != nil || file == "-" {
		return err
	}
	out, err := newRequestAnswer(r, nil)
	if err != nil {
		return err
	}
	out.File = file
	return s.print(out)
}

// submitRequest submits a complete request by a key of this home, or as operator
// payer, and waits until what it did can be proven.
func (s *session) submitRequest(ctx context.Context, c *client.Client, r *change.Request, payer string, by change.Submitter, a change.Adoption) (*proto.TransactionResponse, error) {
	done := s.progress("waiting for the block")
	tx, warnings, err := c.SubmitRequest(ctx, r, payer, by, a)
	var seen error
	if err == nil {
		s.sent = tx != nil
		_, seen = c.Await(ctx, r, tx)
	}
	done()
	s.warnAll(warnings, err)
	if err != nil {
		return nil, err
	}
	return tx, s.unseen(tx, seen)
}

// unseen tells that what was committed could not be seen by a reader yet. That does not
// undo it, unless nodes lie about it, which is the error returned.
func (s *session) unseen(tx *proto.TransactionResponse, seen error) error {
	switch {
	case client.ClassOf(seen) == bundle.Attack:
		return seen
	case seen != nil && tx == nil:
		return seen // the ledger had it already, and nothing is known of where
	case seen != nil:
		s.warn("it is in block %d; what readers are told could not be checked: %v", tx.GetHeight(), seen)
	}
	return nil
}

// submitterOf returns a key of this home that may submit a request: one in the
// files in force.
func (s *session) submitterOf(ctx context.Context, r *change.Request, names []string) (change.Submitter, error) {
	if len(names) == 0 {
		var err error
		if names, err = s.keysThat(r.MaySubmit); err != nil {
			return nil, err
		}
	}
	infos := make(map[string]keystore.Info)
	for _, name := range names {
		info, err := s.keys().Info(name)
		if err != nil {
			return nil, nameError(err)
		}
		infos[name] = info
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return s.submitterRank(r, a, infos[a]) - s.submitterRank(r, b, infos[b])
	})
	for i, name := range names {
		if !maySubmit(infos[name]) {
			continue
		}
		set, err := s.openKeys(ctx, []string{name})
		if err == nil {
			return set[0], nil
		}
		// Whoever signed with another key need not know this one's passphrase.
		open := slices.ContainsFunc(names[i+1:], func(n string) bool { return s.ours[n] != nil && maySubmit(infos[n]) })
		if !open || !errors.Is(err, keystore.ErrPassphrase) && !errors.Is(err, keystore.ErrNoPassphrase) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("couldn't submit request: %w", errNoSubmitter)
}

// maySubmit reports whether signatures by a key may stand under a transaction. If its
// public file is missing, that shows when it is opened.
func maySubmit(info keystore.Info) bool {
	return info.PublicKey.IsZero() || info.PublicKey.HasFixedForm()
}

// submitterRank says which key of this home is tried first as the submitter of a request:
// the one with the least rank. Of those that should, or that only may, it is one that is
// open already, which spares a passphrase.
func (s *session) submitterRank(r *change.Request, name string, info keystore.Info) int {
	rank := 0
	if info.Type != "" && !r.ShouldSubmit(info.PublicKey.ID()) {
		rank += 2
	}
	if s.ours[name] == nil {
		rank++
	}
	return rank
}

// homeKeys are the keys of this home that sign and submit what client.Do drafts.
type homeKeys struct {
	s     *session
	names []string // empty for all that may sign
	stop  func()   // ends what is shown while nodes are asked
}

// Sign implements client.Keys.
func (k *homeKeys) Sign(ctx context.Context, r *change.Request) (*change.Request, error) {
	k.stop()
	k.stop = func() {}
	failed := func(err error) (*change.Request, error) {
		return nil, fmt.Errorf("couldn't %s in %s: %w", r.Kind, r.Parts[0].Repository, err)
	}
	if len(k.names) == 0 {
		// Before anybody types a passphrase.
		if err := k.s.checkKeysHere(r); err != nil {
			return failed(err)
		}
	}
	signed, err := k.s.signHere(ctx, r, k.names)
	if err != nil {
		return nil, err
	}
	if err := signed.Complete(); err != nil {
		return failed(err)
	}
	return signed, nil
}

// Submitter implements client.Keys.
func (k *homeKeys) Submitter(ctx context.Context, r *change.Request) (change.Submitter, string, error) {
	by, err := k.s.submitterOf(ctx, r, nil)
	if err == nil {
		k.stop = k.s.progress("waiting for the block")
	}
	return by, "", err
}

// carryOut makes changes with keys of this home, and waits until they can be proven. When
// a file is named it writes the request there, signed by those keys, and returns nothing.
func (s *session) carryOut(ctx context.Context, c *client.Client, kind change.RequestKind, keyNames []string, file string, orders ...client.Order) (*client.Done, error) {
	k := &homeKeys{s: s, names: keyNames, stop: s.progress("asking the ledger")}
	if file != "" {
		r, warnings, err := c.Draft(ctx, kind, orders...)
		k.stop()
		s.warnAll(warnings, err)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return nil, fmt.Errorf("couldn't write request: %w", errNothing)
		}
		if r, err = s.signHere(ctx, r, keyNames); err != nil {
			return nil, err
		}
		return nil, s.handOver(r, file)
	}
	done, err := c.Do(ctx, kind, k, orders...)
	var seen error
	if err == nil && done.Transaction != nil {
		s.sent = true
		_, seen = c.Await(ctx, done.Request, done.Transaction)
	}
	k.stop()
	if err != nil {
		return nil, err
	}
	s.warnAll(done.Warnings, nil)
	return done, s.unseen(done.Transaction, seen)
}

// checkKeysHere reports, as errNoKey or errFewKeys, a request that the keys of this home cannot
// complete.
func (s *session) checkKeysHere(r *change.Request) error {
	duties, err := r.Duties()
	if err != nil {
		return err
	}
	for _, d := range duties {
		names, err := s.keysOf(d.Role)
		if err != nil {
			return err
		}
		if len(names) < d.Role.Threshold {
			return fmt.Errorf("%w: %d of the %s keys of %s version %d must sign, %s",
				tooFew(len(names)), d.Role.Threshold, d.By, d.Delegator, d.DelegatorVersion, here(len(names)))
		}
	}
	return nil
}

// checkLedger refuses a request for another ledger than this client trusts.
func (s *session) checkLedger(r *change.Request) error {
	home, err := s.home()
	if err != nil {
		return err
	}
	return home.CheckLedger(r)
}

// readRequest reads a request from a file.
func (s *session) readRequest(file string) (*change.Request, error) {
	data, err := s.readInput(file, change.MaxRequestSize)
	if err != nil {
		return nil, err
	}
	return change.DecodeRequest(data)
}
