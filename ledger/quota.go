package ledger

import "hullmark/record"

// takeQuota takes the tokens that a transaction costs.
func (t *transaction) takeQuota() error { return t.kind.quota(t) }

// takeQuotas takes the tokens for what is about registered repositories: for what is
// ordinary, one of the operator who pays or else one of each repository; for every
// emergency, one of the repository's own bucket of that class, whoever carries it.
// So neither a stolen tagging key nor a busy operator can use up what is needed to
// switch the key off (docs/spec.md, "Quota").
func (t *transaction) takeQuotas() error {
	paid := false
	for _, s := range t.subjects {
		class := record.QuotaClassOf(s.scopes)
		if class == record.QuotaOrdinary && t.payer != nil {
			if paid {
				continue
			}
			if err := t.takeOperatorQuota(); err != nil {
				return err
			}
			paid = true
			continue
		}
		trusted := t.payer != nil || s.stored.HasRootKey(t.env.Header.Submitter.ID())
		t.payers = append(t.payers, Payer{Name: s.name.String(), Class: class, Trusted: trusted})
		var ok bool
		if s.quotas[class], ok = takeToken(s.quotas[class], t.params.Quotas[class], t.block.Height); !ok {
			return record.Reject(record.CodeQuota, "repository %s", s.name)
		}
	}
	return nil
}

// takeOperatorQuota takes one token of the operator who pays for the transaction.
func (t *transaction) takeOperatorQuota() error {
	t.payers = append(t.payers, Payer{Name: "operator " + t.env.Header.Payer, Trusted: true})
	quota, ok := takeToken(t.payer.Quota(), t.params.OperatorQuota, t.block.Height)
	if !ok {
		return record.Reject(record.CodeQuota, "operator %q", t.env.Header.Payer)
	}
	t.set(record.OperatorKey(t.env.Header.Payer), t.payer.WithQuota(quota))
	return nil
}

// takeToken takes one token from a bucket at a height, or reports that there is
// none.
func takeToken(b record.Bucket, q record.Quota, height uint64) (record.Bucket, bool) {
	if q.Capacity == 0 {
		return b, true // no quota
	}
	gained := (height - b.Height) / uint64(q.Refill)
	if free := uint64(q.Capacity - min(b.Tokens, q.Capacity)); gained >= free {
		b = record.Bucket{Tokens: q.Capacity, Height: height}
	} else {
		// Keep the blocks that did not yet make a whole token.
		b = record.Bucket{Tokens: b.Tokens + uint32(gained), Height: b.Height + gained*uint64(q.Refill)}
	}
	if b.Tokens == 0 {
		return b, false
	}
	b.Tokens--
	return b, true
}
