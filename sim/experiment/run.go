package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"hullmark/app"
	"hullmark/client"
	"hullmark/internal/liar"
	"hullmark/internal/testnet"
	"hullmark/keystore"
	"hullmark/record"
)

// timeoutCommit is the engine's pause between blocks under load.
const timeoutCommit = 500 * time.Millisecond

// keepRecent is how many heights the validator can prove: what init writes.
const keepRecent = 10_000

// The states of bad places.
const (
	stateKilled = "killed"
	stateLies   = "lies"
)

// stage is an experiment that runs.
type stage struct {
	options
	dir       string
	log       io.Writer
	catalogue catalogue
	network   *testnet.Network
	genesis   *record.Genesis
	validator *node
	readers   []*node
}

// The places of things in the directory.
func (s *stage) networkDir() string { return filepath.Join(s.dir, "network") }
func (s *stage) readersDir() string { return filepath.Join(s.dir, "readers") }
func (s *stage) usersDir() string   { return filepath.Join(s.dir, "users") }
func (s *stage) loadFile() string   { return filepath.Join(s.dir, "load.json") }
func (s *stage) logFile(name string) string {
	return filepath.Join(s.dir, name+".log")
}

// run runs the experiment and cleans up after it. It returns results beside an error
// when something went wrong after the last look-up.
func run(ctx context.Context, o options, log io.Writer) (out *results, err error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	dir, err := o.workDir()
	if err != nil {
		return nil, err
	}
	s := &stage{options: o, dir: dir, log: log, catalogue: catalogue{images: o.Images, tags: o.Tags}}
	defer func() {
		err = errors.Join(err, s.stop())
		if !o.Keep {
			err = errors.Join(err, s.remove())
		} else {
			say(log, "everything is kept in %s", dir)
		}
	}()
	out = &results{Options: o}
	if out.Load, err = s.load(ctx); err != nil {
		return nil, err
	}
	if out.CloneSeconds, err = s.clone(); err != nil {
		return nil, err
	}
	if out.StartSeconds, err = s.startReaders(ctx); err != nil {
		return nil, err
	}
	if out.Rounds, err = s.rounds(ctx); err != nil {
		return nil, err
	}
	all := draw(s.catalogue, 0, o.Seed)
	var loads []int
	for _, n := range simulate(s.catalogue, all, s.urls(), nil, client.PlacementRendezvous, 1) {
		loads = append(loads, n)
	}
	out.AllImagesLoadFactor = loadFactor(loads)
	for _, r := range s.readers {
		if r.cmd == nil {
			continue
		}
		c, err := r.counters(ctx)
		if err != nil {
			return nil, err
		}
		out.ReaderMemory = max(out.ReaderMemory, c.memory)
	}
	if err := s.stop(); err != nil {
		return out, err
	}
	if o.Fsck {
		return out, s.fsck(ctx)
	}
	return out, nil
}

// load makes the network, or finds one that was kept, and publishes the catalogue. The
// validator is stopped afterwards.
func (s *stage) load(ctx context.Context) (*load, error) {
	before, err := s.lastLoad()
	if err != nil {
		return nil, err
	}
	if err := s.openNetwork(); err != nil {
		return nil, err
	}
	if before != nil && before.Done {
		say(s.log, "the images are there already")
		return before, nil
	}
	if err := s.saveLoad(&load{Images: s.Images, Repositories: s.catalogue.repositories()}); err != nil {
		return nil, err
	}
	if err := s.startValidator(ctx); err != nil {
		return nil, err
	}
	passphrase, err := os.ReadFile(s.network.PassphraseFile)
	if err != nil {
		return nil, fmt.Errorf("couldn't open operator's key: %w", err)
	}
	operator, err := keystore.New(filepath.Dir(s.network.Operators[0].KeyFile)).Open(s.network.Operators[0].ID, bytes.TrimSpace(passphrase))
	if err != nil {
		return nil, err
	}
	defer operator.Close()
	l := &loader{
		catalogue: s.catalogue, genesis: s.genesis, node: s.validator, operator: operator, publishers: s.Publishers,
		goesOn: before != nil, log: s.log,
	}
	out, err := l.run(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.validator.stop(); err != nil {
		return nil, err
	}
	out.Databases = make(map[string]int64)
	for _, db := range databases() {
		if out.Databases[db], err = sizeOf(filepath.Join(string(s.validator.home), "data", db)); err != nil {
			return nil, err
		}
		out.DataBytes += out.Databases[db]
	}
	out.BytesPerImage = float64(out.DataBytes) / float64(s.Images)
	return out, s.saveLoad(out)
}

// lastLoad reads how far the load of a directory that was kept had come; nil for a new
// directory.
func (s *stage) lastLoad() (*load, error) {
	b, err := os.ReadFile(s.loadFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	l := new(load)
	if err == nil {
		err = json.Unmarshal(b, l)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read last load: %w", err)
	}
	if l.Images != s.Images || l.Repositories != s.catalogue.repositories() {
		return nil, fmt.Errorf("couldn't go on in %s: it has %d images in %d repositories", s.dir, l.Images, l.Repositories)
	}
	return l, nil
}

func (s *stage) saveLoad(l *load) error {
	b, err := json.MarshalIndent(l, "", "  ")
	if err == nil {
		err = os.WriteFile(s.loadFile(), append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("couldn't save load: %w", err)
	}
	return nil
}

// openNetwork makes the network of one validator, or finds the one that was kept.
func (s *stage) openNetwork() (err error) {
	if testnet.Exists(s.networkDir()) {
		s.network, err = testnet.Load(s.networkDir())
	} else {
		// All repositories come in at once, through one operator: more than its quota
		// lets a registry bring in on a day. This is for a genesis to say.
		params := record.DefaultParams()
		params.OperatorQuota = record.Quota{}
		s.network, err = testnet.Create(testnet.Options{
			Dir: s.networkDir(), Name: "experiment", Validators: 1, Namespaces: []string{namespace}, GenesisTime: time.Now(),
			TimeoutCommit: timeoutCommit, KeepRecent: keepRecent, Params: &params, Unlimited: true,
			Log: app.LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
		})
	}
	if err != nil {
		return err
	}
	if s.genesis, err = app.LoadGenesis(s.network.Nodes[0].Home); err != nil {
		return err
	}
	ports, err := choosePorts(1)
	if err != nil {
		return err
	}
	s.validator = &node{home: s.network.Nodes[0].Home, url: s.network.Nodes[0].URL, metrics: fmt.Sprintf("127.0.0.1:%d", ports[0])}
	return nil
}

func (s *stage) startValidator(ctx context.Context) error {
	if err := s.validator.start(s.Bin, s.logFile("validator")); err != nil {
		return err
	}
	return s.validator.ready(ctx, 1)
}

// clone makes the read nodes of copies of the validator's data.
func (s *stage) clone() (seconds float64, err error) {
	began := time.Now()
	// Those of an earlier run have followed another part of the chain.
	if err := errors.Join(os.RemoveAll(s.readersDir()), os.RemoveAll(s.usersDir())); err != nil {
		return 0, fmt.Errorf("couldn't remove old read nodes: %w", err)
	}
	ports, err := choosePorts(s.Nodes)
	if err != nil {
		return 0, err
	}
	for i, first := range ports {
		home := app.Home(filepath.Join(s.readersDir(), fmt.Sprintf("reader-%d", i)))
		n, err := readNode(s.genesis, s.validator.home, home, first)
		if err != nil {
			return 0, fmt.Errorf("couldn't make read node %d: %w", i, err)
		}
		s.readers = append(s.readers, n)
	}
	return time.Since(began).Seconds(), nil
}

// startReaders starts the validator again and the read nodes, and waits until all
// follow.
func (s *stage) startReaders(ctx context.Context) (seconds float64, err error) {
	began := time.Now()
	if err := s.startValidator(ctx); err != nil {
		return 0, err
	}
	for i, n := range s.readers {
		if err := n.start(s.Bin, s.logFile(fmt.Sprintf("reader-%d", i))); err != nil {
			return 0, err
		}
	}
	now, err := app.FetchStatus(ctx, s.validator.url)
	if err != nil {
		return 0, err
	}
	for _, n := range s.readers {
		// A block that none of them had when it was copied.
		if err := n.ready(ctx, now.GetStateHeight()+1); err != nil {
			return 0, err
		}
	}
	say(s.log, "%d read nodes follow the validator", len(s.readers))
	return time.Since(began).Seconds(), nil
}

// urls returns where the read nodes are.
func (s *stage) urls() []string {
	var out []string
	for _, n := range s.readers {
		out = append(out, n.url)
	}
	return out
}

// rounds looks images up: without hedging, by either placement; as clients do; and as
// clients do with one node killed and one that lies.
func (s *stage) rounds(ctx context.Context) ([]*roundResult, error) {
	var good []place
	for _, n := range s.readers {
		good = append(good, place{url: n.url, node: n})
	}
	images := draw(s.catalogue, s.Lookups, s.Seed)
	var out []*roundResult
	play := func(name string, places []place, images []int, hedge time.Duration, p client.Placement) error {
		anchor, err := app.FetchAnchor(ctx, s.validator.home, s.validator.url)
		if err != nil {
			return err
		}
		r := &round{
			name: name, dir: filepath.Join(s.usersDir(), fmt.Sprint(len(out))), catalogue: s.catalogue, anchor: anchor, places: places,
			images: images, users: s.Users, hedge: hedge, placement: p, log: s.log,
		}
		if err := os.MkdirAll(r.dir, 0o700); err != nil {
			return fmt.Errorf("couldn't make directory: %w", err)
		}
		result, err := r.run(ctx)
		if err == nil {
			out = append(out, result)
		}
		return err
	}
	for _, r := range []struct {
		name      string
		hedge     time.Duration
		placement client.Placement
	}{
		{"without hedging", -1, client.PlacementRendezvous},
		{"bounded, without hedging", -1, client.PlacementBounded},
		{"default client", client.DefaultHedge, client.PlacementRendezvous},
	} {
		if err := play(r.name, good, images, r.hedge, r.placement); err != nil {
			return nil, err
		}
	}
	bad, done, err := s.spoil(good)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := play("one killed, one lies", bad, images[:ceil(len(images), 10)], client.DefaultHedge, client.PlacementRendezvous); err != nil {
		return nil, err
	}
	return out, nil
}

// spoil kills the first node and has the second lie about what tags mean, to whoever
// comes by another address than the node's own.
func (s *stage) spoil(good []place) (places []place, done func(), err error) {
	places = append(places, good...)
	if err := places[0].node.kill(); err != nil {
		return nil, nil, err
	}
	places[0].bad = stateKilled
	l := liar.New(places[1].url)
	for _, part := range liar.Parts() {
		if part.Name == "tag value" {
			l.Tell(lookupRoute, liar.Flip(part))
		}
	}
	url, done, err := serve(l)
	if err != nil {
		return nil, nil, err
	}
	places[1].url, places[1].bad = url, stateLies
	return places, done, nil
}

// fsck checks what a read node has left.
func (s *stage) fsck(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, filepath.Join(s.Bin, "hullmarkd"), "fsck", "--home", string(s.readers[len(s.readers)-1].home)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("couldn't check read node: %w\n%s", err, out)
	}
	return nil
}

// stop stops every node that runs.
func (s *stage) stop() error {
	var err error
	for _, n := range s.readers {
		err = errors.Join(err, n.stop())
	}
	if s.validator != nil {
		err = errors.Join(err, s.validator.stop())
	}
	return err
}

// remove removes what the experiment made, and its directory if there is nothing else.
func (s *stage) remove() error {
	var err error
	for _, path := range []string{s.networkDir(), s.readersDir(), s.usersDir(), s.loadFile(), s.logFile("validator")} {
		err = errors.Join(err, os.RemoveAll(path))
	}
	for i := range s.Nodes {
		err = errors.Join(err, os.RemoveAll(s.logFile(fmt.Sprintf("reader-%d", i))))
	}
	if err != nil {
		return fmt.Errorf("couldn't clean up: %w", err)
	}
	_ = os.Remove(s.dir) // stays when somebody else has put something there
	return nil
}
