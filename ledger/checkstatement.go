package ledger

import (
	"fmt"
	"slices"

	"hullmark/record"
	"hullmark/reference"
)

// replay verifies the statement of a record as it was judged and applies it to the
// vouchers.
func (k statementKind) replay(h *history, r indexedRecord) error {
	b, err := h.view.Content(r.ChangesHash)
	if err != nil {
		return fmt.Errorf("couldn't read statement: %w", err)
	}
	st, err := record.DecodeSignedStatement(b)
	if err != nil {
		return inconsistent("%v", err)
	}
	sequence := k.count(h.repo)
	want := record.Statement{
		Action: st.Action, Binding: h.binding(st.Binding.Role), Sequence: *sequence + 1,
		Through: st.Through, Digests: st.Digests, Reason: st.Reason, Note: st.Note,
	}
	if st.Action.Kind() != r.Kind || string(st.Statement.Encode()) != string(want.Encode()) || st.Through > h.repo.RevocationSequence {
		return inconsistent("%s holds a statement %s of %s for %s, number %d", r.Kind, st.Action, st.Binding.Ledger, st.Scope(), st.Sequence)
	}
	if h.root.Expired(r.Time) {
		return inconsistent("%s while the root was expired", r.Kind)
	}
	if err := st.Verify(h.verifier, h.root); err != nil {
		return inconsistent("%v", err)
	}
	if int(r.Changes) != len(st.Digests) || !slices.Equal(r.KeyIDs, st.Signers()) {
		return inconsistent("%d digests by %v, the statement has %d by %v", r.Changes, r.KeyIDs, len(st.Digests), st.Signers())
	}
	changed := false
	for _, digest := range st.Digests {
		changed = k.replayRuling(h, digest, st, r) || changed
	}
	if !changed {
		return inconsistent("%s changes nothing", r.Kind)
	}
	*sequence = st.Sequence
	return h.draw(record.QuotaClassOf([]record.Scope{st.Scope()}), r)
}

// draw takes the token that a record of an emergency cost, whoever carried it. Who
// paid for an ordinary record is not in the log.
func (h *history) draw(class record.QuotaClass, r indexedRecord) error {
	if class == record.QuotaOrdinary {
		return nil
	}
	var ok bool
	if h.quotas[class], ok = takeToken(h.quotas[class], h.params.Quotas[class], r.Height); !ok {
		return inconsistent("%s beyond the quota", r.Kind)
	}
	return nil
}

// replayRuling applies a statement to one digest.
func (k statementKind) replayRuling(h *history, digest reference.Digest, st *record.SignedStatement, r indexedRecord) bool {
	v, known := h.vouched[digest]
	if !known {
		v = new(derivedVoucher)
	}
	changed := k.rule(&v.Voucher, st, record.Ruling{
		Role: st.Binding.Role, Reason: st.Reason, Sequence: st.Sequence, RootVersion: h.root.Version,
		Statement: r.ChangesHash, Height: r.Height, Time: r.Time, Index: r.index,
	})
	if changed {
		h.vouched[digest] = v
	}
	return changed
}
