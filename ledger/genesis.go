package ledger

import "hullmark/record"

// genesisState is the state before the first block, held in memory: nothing of
// it is on disk until the first block is committed.
func (l *Ledger) genesisState(b Block) (*State, error) {
	view := l.store.Latest()
	s := &State{ledger: l, block: b, params: &l.genesis.Params, paramsHash: record.MetaOf(&l.genesis.Params).ParamsHash, view: view, overlay: newOverlay(committed{view, l.values})}
	s.set(record.ParamsKey(), s.params.Encode())
	notary := record.NotaryList{Since: l.genesis.Time}
	for _, o := range l.genesis.Operators {
		op := record.Operator{
			Since:         l.genesis.InitialHeight,
			GovernanceKey: o.GovernanceKey,
			NotaryKey:     o.NotaryKey,
			ValidatorKey:  o.ValidatorKey,
			Quota:         record.Bucket{Tokens: s.params.OperatorQuota.Capacity, Height: l.genesis.InitialHeight},
		}
		s.set(record.OperatorKey(o.ID), op.Encode())
		for _, n := range o.Namespaces {
			g := record.NamespaceGrant{Operator: o.ID, Since: l.genesis.InitialHeight}
			s.set(record.NamespaceKey(n), g.Encode())
		}
		notary.Keys = append(notary.Keys, o.NotaryKey.ID())
	}
	notary.Keys = record.SortKeyIDs(notary.Keys)
	lists := record.NotaryLists{Lists: []record.NotaryList{notary}}
	s.set(record.NotaryKey(), lists.Encode())
	return s, nil
}
