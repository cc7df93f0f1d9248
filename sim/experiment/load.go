package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"hullmark/app"
	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/keys"
	"hullmark/keystore"
	"hullmark/record"
	"hullmark/tuf"
)

// loader publishes a catalogue, each team with a client of its own, as publishers do:
// nothing goes past the HTTP API. What is there already is left alone, so that a load
// which was interrupted goes on.
type loader struct {
	catalogue  catalogue
	genesis    *record.Genesis
	node       *node
	operator   *keystore.Key
	publishers int
	// goesOn is whether an earlier load was interrupted.
	goesOn bool
	log    io.Writer

	clients []*client.Client // by team
	first   uint64           // the height before
}

// load is what loading took.
type load struct {
	Images       int `json:"images"`
	Repositories int `json:"repositories"`
	// Done is whether the load came to its end.
	Done   bool    `json:"done"`
	Phases []phase `json:"phases"`
	// Blocks made meanwhile, and the seconds from one to the next.
	Blocks        int     `json:"blocks"`
	BlockMedian   float64 `json:"block_seconds_p50"`
	BlockP99      float64 `json:"block_seconds_p99"`
	BlockMax      float64 `json:"block_seconds_max"`
	NodeMemory    float64 `json:"node_resident_bytes"`
	NodeCPU       float64 `json:"node_cpu_seconds"`
	DataBytes     int64   `json:"data_bytes"`
	BytesPerImage float64 `json:"data_bytes_per_image"`
	// Sizes of the databases in bytes.
	Databases map[string]int64 `json:"database_bytes"`
}

// phase is a part of a load.
type phase struct {
	Name         string  `json:"name"`
	Transactions int     `json:"transactions"`
	Changes      int     `json:"changes"` // of tags
	Seconds      float64 `json:"seconds"`
}

// concurrentRegistrations is how many repositories are registered at the same time:
// each waits for its block, and a node takes 256.
const concurrentRegistrations = 200

// run publishes everything.
func (l *loader) run(ctx context.Context) (*load, error) {
	anchor, err := app.FetchAnchor(ctx, l.node.home, l.node.url)
	if err != nil {
		return nil, err
	}
	s, err := app.FetchStatus(ctx, l.node.url)
	if err != nil {
		return nil, err
	}
	l.first = s.GetHeight()
	if l.goesOn {
		// What the last block of the earlier load says can be proven with the next one.
		if err := l.node.ready(ctx, l.first); err != nil {
			return nil, err
		}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: concurrentRegistrations, DisableCompression: true}
	defer transport.CloseIdleConnections()
	for range l.catalogue.teams() {
		c, err := client.New(client.Options{
			Nodes: []string{l.node.url}, Store: client.NewMemoryStore(bundle.NewMemory(anchor)), Transport: transport, UserAgent: "hullmark-experiment",
		})
		if err != nil {
			return nil, err
		}
		l.clients = append(l.clients, c)
	}
	out := &load{Images: l.catalogue.images, Repositories: l.catalogue.repositories()}
	for _, p := range []struct {
		name       string
		n, workers int
		work       func(context.Context, int) (transactions, changes int, err error)
	}{
		{"register repositories", l.catalogue.repositories(), concurrentRegistrations, l.register},
		{"publish whole files", l.catalogue.teams(), l.publishers, l.publishFirst},
		{"publish deltas", l.catalogue.teams(), l.publishers, l.publishSecond},
	} {
		var transactions, changes atomic.Int64
		began := time.Now()
		err := each(ctx, l.log, p.name, p.n, p.workers, func(ctx context.Context, i int) error {
			return untilFresh(ctx, func() error {
				t, c, err := p.work(ctx, i)
				transactions.Add(int64(t))
				changes.Add(int64(c))
				return err
			})
		})
		if err != nil {
			return nil, fmt.Errorf("couldn't %s: %w", p.name, err)
		}
		out.Phases = append(out.Phases, phase{p.name, int(transactions.Load()), int(changes.Load()), time.Since(began).Seconds()})
	}
	if err := l.measure(ctx, out); err != nil {
		return nil, err
	}
	out.Done = true
	return out, nil
}

// untilFresh repeats work that failed because the node gave no answer, or an old one: on
// a busy machine it may stand still for a while. What was done is not done again.
func untilFresh(ctx context.Context, work func() error) error {
	return until(ctx, patience, "the node answers", func(ctx context.Context) error {
		err := work()
		if err != nil && client.ClassOf(err) != bundle.Stale {
			return final{err}
		}
		return err
	})
}

// keysOf returns the root key of a repository and the tagging key of its team.
func (l *loader) keysOf(repository int) (root, tags *key, err error) {
	if root, err = newKey(fmt.Sprintf("root of repository %d", repository)); err != nil {
		return nil, nil, err
	}
	tags, err = newKey(fmt.Sprintf("tags of team %d", repository/record.MaxScopes))
	return root, tags, err
}

// expires is the expiry of everything that is published. It follows from the genesis,
// so that the same files are made again.
func (l *loader) expires() time.Time { return l.genesis.Time.AddDate(1, 0, 0) }

// register registers a repository.
func (l *loader) register(ctx context.Context, repository int) (transactions, changes int, err error) {
	c, name := l.clients[repository/record.MaxScopes], l.catalogue.repository(repository)
	if l.goesOn {
		// The receipt of a registration that is older than the client's anchor cannot be
		// verified, so it is not sent again.
		switch _, _, err := c.Repository(ctx, name); {
		case err == nil:
			return 0, 0, nil
		case client.ClassOf(err) != bundle.NotTrusted:
			return 0, 0, err
		}
	}
	rootKey, tagsKey, err := l.keysOf(repository)
	if err != nil {
		return 0, 0, err
	}
	root, err := change.FirstRoot(tuf.Binding{Ledger: l.genesis.LedgerID(), Repository: name, Role: tuf.RoleRoot}, l.genesis.NotaryKeys(), change.RootChange{
		Root:    change.Holders{Keys: []keys.PublicKey{rootKey.public}, Threshold: 1},
		Targets: change.Holders{Keys: []keys.PublicKey{tagsKey.public}, Threshold: 1},
		Expires: l.expires(),
	})
	if err == nil {
		root, err = root.Sign(rootKey)
	}
	if err != nil {
		return 0, 0, err
	}
	_, _, err = c.Register(ctx, root, l.genesis.Operators[0].ID, l.operator)
	return 1, 0, err
}

// publishFirst publishes the first half of the tags of a team's repositories in one
// transaction, where they travel in whole files.
func (l *loader) publishFirst(ctx context.Context, team int) (transactions, changes int, err error) {
	return l.publish(ctx, team, func(from, to int) (int, int) { return from, from + ceil(to-from, 2) })
}

// publishSecond publishes the rest, which travels in deltas.
func (l *loader) publishSecond(ctx context.Context, team int) (transactions, changes int, err error) {
	return l.publish(ctx, team, func(from, to int) (int, int) { return from + ceil(to-from, 2), to })
}

// publish publishes the images of a team that choose leaves of those of a repository.
func (l *loader) publish(ctx context.Context, team int, choose func(from, to int) (int, int)) (transactions, changes int, err error) {
	orders, err := l.orders(team, choose)
	if err != nil {
		return 0, 0, err
	}
	for _, part := range split(orders) {
		done, err := l.clients[team].Publish(ctx, part...)
		if err != nil {
			return transactions, changes, err
		}
		if done.Transaction == nil {
			continue // all was there
		}
		transactions++
		for _, o := range part {
			changes += len(o.Changes)
		}
	}
	return transactions, changes, nil
}

// orders returns the orders to publish those images of a team.
func (l *loader) orders(team int, choose func(from, to int) (int, int)) ([]client.Publication, error) {
	var orders []client.Publication
	first, end := l.catalogue.team(team)
	for repository := first; repository < end; repository++ {
		_, tagsKey, err := l.keysOf(repository)
		if err != nil {
			return nil, err
		}
		order := client.Publication{
			Repository: l.catalogue.repository(repository), Expires: l.expires(), Signers: []tuf.Signer{tagsKey}, Submitter: tagsKey,
		}
		from, to := choose(l.catalogue.imagesOf(repository))
		for image := from; image < to; image++ {
			order.Changes = append(order.Changes, change.TagChange{
				Tag: l.catalogue.tag(image), Digest: l.catalogue.digest(image), Size: uint64(len(l.catalogue.manifest(image))),
			})
		}
		if len(order.Changes) > 0 {
			orders = append(orders, order)
		}
	}
	return orders, nil
}

// changesPerTransaction keeps a transaction below record.MaxTransactionSize: a tag
// takes about 130 bytes of a whole file.
const changesPerTransaction = 1600

// split cuts orders into parts that fit into a transaction each. An order of more than
// that is refused by the client.
func split(orders []client.Publication) (parts [][]client.Publication) {
	size := 0
	for _, o := range orders {
		if size += len(o.Changes); len(parts) == 0 || size > changesPerTransaction {
			parts, size = append(parts, nil), len(o.Changes)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], o)
	}
	return parts
}

// measure fills in what the node says after the load.
func (l *loader) measure(ctx context.Context, out *load) error {
	c, err := l.node.counters(ctx)
	if err != nil {
		return err
	}
	out.NodeMemory, out.NodeCPU = c.memory, c.cpu
	s, err := app.FetchStatus(ctx, l.node.url)
	if err != nil {
		return err
	}
	var before time.Time
	var took []float64
	for height := l.first; height <= s.GetStateHeight(); height++ {
		at, err := blockTime(ctx, l.genesis.LedgerID(), l.node.url, height)
		if err != nil {
			return err
		}
		if !before.IsZero() {
			took = append(took, at.Sub(before).Seconds())
		}
		before = at
	}
	slices.Sort(took)
	out.Blocks = len(took)
	out.BlockMedian, out.BlockP99, out.BlockMax = quantile(took, 0.5), quantile(took, 0.99), quantile(took, 1)
	return nil
}

// quantile returns a quantile of sorted numbers, 0 when there are none.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}
