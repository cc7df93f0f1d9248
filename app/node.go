package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	cmtdb "github.com/cometbft/cometbft-db"
	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtcfg "github.com/cometbft/cometbft/config"
	cmtconsensus "github.com/cometbft/cometbft/consensus"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/privval"
	rpccore "github.com/cometbft/cometbft/rpc/core"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/prometheus/client_golang/prometheus"

	"hullmark/abci"
	"hullmark/app/admission"
	"hullmark/database"
	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/safefile"
)

// ErrConsensusFailed is what Wait returns when the engine's consensus routine has
// ended by itself. CometBFT leaves such a process running; it answers and takes
// no part in anything.
var ErrConsensusFailed = errors.New("consensus has failed; see the log for its last words, then restart the node")

// ErrSignedElsewhere is returned when the newest blocks carry this validator's
// signature and Options.CheckDoubleSign forbids it.
var ErrSignedElsewhere = errors.New("this validator has signed one of the newest blocks")

// ErrNoSigner is returned when the remote signer does not connect.
var ErrNoSigner = errors.New("the remote signer has not connected to priv_validator_laddr")

// Options are what a Node needs beside its home.
type Options struct {
	Config  Config
	Version string
	// Log is where the log goes.
	Log io.Writer
	// Registry takes the application's metrics; nil for a private one.
	Registry *prometheus.Registry
	// CheckDoubleSign, if positive, keeps the node from taking part while one of that
	// many newest blocks carries its validator's signature: another process may have
	// the key. It is for the first start after a key was moved; in daily use it would
	// keep a node from coming back after a restart.
	CheckDoubleSign int64
	// Hooks are for tests.
	Hooks Hooks
}

// Node is one running node.
type Node struct {
	home     Home
	config   Config
	version  string
	hooks    Hooks
	files    openFiles
	log      *slog.Logger
	genesis  *record.Genesis
	operator string // that runs this validator; empty for a plain node
	ledger   *ledger.Ledger
	app      *abci.Application
	lookup   *lookup.Reader
	engine   *node.Node
	env      *rpccore.Environment
	blocks   blocks
	api      *server
	// certificate is nil without TLS.
	certificate *tlsCertificate
	metrics     *server
	db          dbm.DB
	// cache is that of all databases.
	cache *database.Cache
	// peers are those to stay connected with, firstPeers those of them that the engine
	// dials at the start.
	peers, firstPeers []string
	// submissions are the transactions clients wait for.
	submissions *submissions
	requests    *httpMetrics
	gate        *admission.Gate
	// background ends what Start left running beside the engine.
	background context.CancelFunc
	// late is the start of the engine that waits for the clock.
	late sync.WaitGroup
	// watchers look at the node's databases until background is called.
	watchers sync.WaitGroup
	// engineDBs are those of an engine that was never started; a started one
	// closes them itself.
	engineDBs []io.Closer
	stored    time.Time // of the newest block when the engine's databases were opened
	release   func()
	stopping  atomic.Bool
	broken    atomic.Bool // has failed; Wait says why
	failed    chan error
	validator [32]byte
}

// Open prepares the node of a home: it takes the home for this process, checks
// keys and genesis, and opens the ledger. Nothing runs yet.
func Open(h Home, o Options) (_ *Node, err error) {
	if err := h.checkAccess(mayUse); err != nil {
		return nil, err
	}
	release, err := h.lock()
	if err != nil {
		return nil, err
	}
	n := &Node{home: h, config: o.Config, version: o.Version, release: release, failed: make(chan error, 1), submissions: newSubmissions()}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	log, engineLog, err := newLogger(o.Log, o.Config.Log, n.stopping.Load)
	if err != nil {
		return nil, err
	}
	n.log = log
	// What must be refused is refused where it is read.
	doubts, _ := safefile.Check(string(h), safefile.Trusted)
	for _, d := range doubts {
		log.Warn("the home is not the node's alone", "reason", d)
	}
	engineConfig, err := loadEngineConfig(h)
	if err != nil {
		return nil, err
	}
	engineConfig.Consensus.DoubleSignCheckHeight = o.CheckDoubleSign
	if err := n.divideFiles(o.Hooks, engineConfig); err != nil {
		return nil, err
	}
	if err := checkAddresses(addresses(h, o.Config.HTTP, engineConfig)); err != nil {
		return nil, err
	}
	if err := h.checkSecrets(engineConfig.PrivValidatorListenAddr != ""); err != nil {
		return nil, err
	}
	g, doc, err := loadGenesis(h)
	if err != nil {
		return nil, err
	}
	if err := checkFounder(h, g); err != nil {
		return nil, fmt.Errorf("couldn't use genesis: %w", err)
	}
	n.genesis = g
	n.cache = database.NewCache(int64(o.Config.Storage.CacheMegabytes) << 20)
	if n.db, err = n.hooks.LedgerDB(h.databaseDir(ledgerDB), n.databaseOptions()); err != nil {
		return nil, fmt.Errorf("couldn't open ledger database: %w", h.damaged(err))
	}
	st, err := store.Open(n.db, store.Options{KeepRecent: o.Config.State.KeepRecent})
	if errors.Is(err, store.ErrCorrupt) {
		err = h.damaged(err)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't open ledger in %s: %w", h.dataDir(), err)
	}
	if n.ledger, err = openLedger(g, st); err != nil {
		return nil, err
	}
	registry := o.Registry
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	metrics := abci.NewMetrics(registry)
	n.app, err = abci.New(g, n.ledger, abci.Options{
		Version: o.Version, Log: log, Metrics: metrics, Fatal: n.fail,
		MempoolTxs: engineConfig.Mempool.Size, MempoolBytes: engineConfig.Mempool.MaxTxsBytes,
		Refused: func(hash [32]byte, r *cmtabci.ResponseCheckTx) { n.submissions.refuse(hash, refusal(r)) },
	})
	if err != nil {
		return nil, err
	}
	// With a remote signer the engine makes its own, and this stays nil.
	var validator cmttypes.PrivValidator
	var own *privval.FilePV
	if engineConfig.PrivValidatorListenAddr == "" {
		if own, err = h.loadValidator(); err != nil {
			return nil, err
		}
		validator = own
	} else {
		log.Info("waiting for the remote signer", "address", engineConfig.PrivValidatorListenAddr)
	}
	nodeKey, err := h.nodeKey()
	if err != nil {
		return nil, err
	}
	n.peers, n.firstPeers = splitPeers(engineConfig.P2P.PersistentPeers, string(nodeKey.ID()))
	engineConfig.P2P.PersistentPeers = strings.Join(n.firstPeers, ",")
	err = h.undamaged(func() (err error) {
		n.engine, err = node.NewNode(engineConfig, validator, nodeKey,
			n.hooks.Connections(abci.NewClientCreator(n.app)),
			func() (*cmttypes.GenesisDoc, error) { return doc, nil },
			n.openEngineDB(doc, own), node.DefaultMetricsProvider(engineConfig.Instrumentation), engineLog)
		if errors.Is(err, ErrDamagedData) {
			return h.damaged(err)
		}
		return err
	})
	if errors.As(err, new(privval.EndpointTimeoutError)) {
		err = fmt.Errorf("%w: %w", ErrNoSigner, err)
	}
	if err != nil {
		// The engine does the newest block again if it was interrupted in it.
		if slow := checkClock(n.stored, n.hooks.Now()); slow != nil {
			err = fmt.Errorf("%w: %w", slow, err)
		}
		return nil, fmt.Errorf("couldn't start the engine: %w", err)
	}
	if err := n.identify(); err != nil {
		return nil, err
	}
	n.app.Follow(n.engine.Mempool())
	if n.env, err = n.engine.ConfigureRPC(); err != nil {
		return nil, fmt.Errorf("couldn't start the engine: %w", err)
	}
	n.blocks = blocks{n.env}
	n.lookup = lookup.New(n.ledger, n.blocks, lookup.NewMetrics(registry))
	n.app.Serve(n.lookup)
	n.requests = newHTTPMetrics(registry)
	if err := n.listen(registry, log); err != nil {
		return nil, err
	}
	return n, nil
}

// divideFiles decides how many files databases and connections may have open.
func (n *Node) divideFiles(h Hooks, engine *cmtcfg.Config) error {
	limit, err := h.fileLimit()
	if err != nil {
		return err
	}
	if n.files, err = planFiles(limit, engine); errors.Is(err, ErrFewFiles) {
		return advise(err, "raise the limit with `ulimit -n 65536` before the command or LimitNOFILE=65536 in its unit, or allow fewer connections in %s", n.home.engineConfigFile())
	} else if err != nil {
		return err
	}
	n.hooks = h.withDefaults()
	if n.files.connections < admission.MaxConnections {
		n.log.Warn("few files may be open: fewer HTTP connections are taken; raise the limit (ulimit -n, LimitNOFILE in the unit)",
			"limit", limit, "connections", n.files.connections, "otherwise", admission.MaxConnections)
	}
	return nil
}

// listen prepares the HTTP servers.
func (n *Node) listen(registry *prometheus.Registry, log *slog.Logger) error {
	c := n.config.HTTP
	proxies, err := admission.ParseProxies(c.TrustedProxies)
	if err != nil {
		return fmt.Errorf("%w: http.trusted_proxies: %w", ErrConfig, err)
	}
	n.gate, err = admission.NewGate(admission.Options{
		RequestsPerSecond: c.RequestsPerSecond, Places: c.Places, Proxies: proxies, Now: time.Now,
	})
	if err != nil {
		return err
	}
	var config *tls.Config
	if c.CertificateFile != "" {
		if n.certificate, err = loadCertificate(c.CertificateFile, c.KeyFile, log, time.Now); err != nil {
			return err
		}
		config = n.certificate.config()
	}
	n.api, err = newServer(serverOptions{
		address: c.Address, connections: n.files.connections, unlimited: c.Places == 0, proxies: proxies, tls: config,
	}, n.handler(), log)
	if err != nil {
		return err
	}
	registerNodeMetrics(registry, n)
	if c.MetricsAddress != "" {
		n.metrics, err = newServer(serverOptions{address: c.MetricsAddress, connections: metricsConnections, unlimited: true}, metricsHandler(registry), log)
	}
	return err
}

// metricsConnections is how many connections those who read metrics may have.
const metricsConnections = 16

// identify finds out whose validator this node is.
func (n *Node) identify() error {
	key, err := n.engine.PrivValidator().GetPubKey()
	if err != nil {
		return fmt.Errorf("couldn't get validator key: %w", err)
	}
	if len(key.Bytes()) != len(n.validator) {
		return fmt.Errorf("couldn't use validator key: it is of type %s, not Ed25519", key.Type())
	}
	n.validator = [32]byte(key.Bytes())
	for _, op := range n.genesis.Operators {
		if op.ValidatorKey == n.validator {
			n.operator = op.ID
		}
	}
	return nil
}

// Start runs the node. It returns when consensus and the HTTP API are up, which
// does not mean that blocks are being made. Where this machine's clock is behind the
// newest block, only the API is up: the engine is started when the clock is right.
func (n *Node) Start() error {
	ctx, cancel := context.WithCancel(context.Background())
	n.background = cancel
	if err := n.submissions.follow(ctx, n.engine.EventBus()); err != nil {
		return err
	}
	waits := checkClock(n.newestBlock(), n.hooks.Now()) != nil
	if !waits {
		if err := n.startEngine(ctx); err != nil {
			return err
		}
	}
	n.api.start(n.fail)
	if n.metrics != nil {
		n.metrics.start(n.fail)
	}
	if waits {
		n.late.Go(func() {
			if n.awaitClock(ctx) != nil {
				return
			}
			if err := n.startEngine(ctx); err != nil {
				n.fail(err)
			}
		})
	}
	n.watchers.Go(func() { n.watchSelf(ctx) })
	n.log.Info("node started", "ledger", n.ledger.ID(), "operator", n.operator,
		"node_id", string(n.engine.NodeInfo().ID()), "height", n.ledger.Height(), "http", n.api.address())
	return nil
}

// startEngine starts what takes part in the network.
func (n *Node) startEngine(ctx context.Context) error {
	n.engineDBs = nil
	if err := n.home.undamaged(n.engine.Start); err != nil {
		if errors.Is(err, cmtconsensus.ErrSignatureFoundInPastBlocks) {
			err = fmt.Errorf("%w: %w", ErrSignedElsewhere, err)
		}
		return fmt.Errorf("couldn't start the engine: %w", err)
	}
	go n.watch()
	go keepPeers(ctx, n.engine.Switch(), n.peers, n.firstPeers)
	n.watchers.Go(func() { n.watchClock(ctx) })
	return nil
}

// watch reports the end of the consensus routine. It ends when the node is
// stopped, and otherwise only when consensus has failed for good.
func (n *Node) watch() {
	c, ok := n.env.ConsensusState.(interface{ Wait() })
	if !ok {
		n.fail(errors.New("couldn't watch consensus: unexpected engine"))
		return
	}
	c.Wait()
	if !n.stopping.Load() {
		n.fail(n.consensusFailure())
	}
}

// fail makes Wait return. Errors after the first, or while stopping, are the
// consequence of something known.
func (n *Node) fail(err error) {
	if n.stopping.Load() {
		return
	}
	n.broken.Store(true)
	if full := diskError(n.home.dataDir()); full != nil && !errors.Is(err, syscall.ENOSPC) {
		err = fmt.Errorf("%w; %w", err, full)
	}
	select {
	case n.failed <- err:
	default:
	}
}

// Wait returns an error when the node has failed and its process must end, or nil
// when ctx is done.
func (n *Node) Wait(ctx context.Context) error {
	select {
	case err := <-n.failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// openLedger opens the ledger of a genesis in its store.
func openLedger(g *record.Genesis, st *store.Store) (*ledger.Ledger, error) {
	l, err := ledger.New(g, st)
	if errors.Is(err, store.ErrOtherOrigin) {
		err = fmt.Errorf("%w: %w", ErrOtherData, err)
	}
	return l, err
}

// databaseOptions are the settings of all databases.
func (n *Node) databaseOptions() database.Options {
	return database.Options{Fatal: n.fail, Log: n.log, Cache: n.cache, OpenFiles: n.files.database}
}

// openEngineDB returns the engine's database provider, which refuses data of another
// ledger, and a record of what the home's validator signed that is too old, before the
// engine writes or joins a network. The validator is nil where a remote signer has it.
func (n *Node) openEngineDB(doc *cmttypes.GenesisDoc, validator *privval.FilePV) cmtcfg.DBProvider {
	return func(c *cmtcfg.DBContext) (cmtdb.DB, error) {
		db, err := n.hooks.EngineDB(c, n.databaseOptions())
		if err != nil {
			return nil, fmt.Errorf("couldn't open database %s: %w", c.ID, n.home.damaged(err))
		}
		n.engineDBs = append(n.engineDBs, db)
		if err := checkEngineData(c.ID, db, doc); err != nil {
			return nil, err
		}
		if c.ID == "blockstore" {
			n.stored = newestStored(db)
			if validator != nil {
				return db, checkSigned(db, validator)
			}
		}
		return db, nil
	}
}

func (n *Node) close() error {
	var err error
	for _, s := range []*server{n.api, n.metrics} {
		if s != nil {
			err = errors.Join(err, s.closeListener())
		}
	}
	if n.app != nil {
		n.app.Close()
	}
	for _, db := range n.engineDBs {
		err = errors.Join(err, db.Close())
	}
	if n.db != nil {
		err = errors.Join(err, n.db.Close())
	}
	if n.cache != nil {
		n.cache.Close()
	}
	n.release()
	return err
}

// LedgerID returns the id of the ledger the node follows.
func (n *Node) LedgerID() string { return n.ledger.ID() }

// Address returns where the HTTP API listens.
func (n *Node) Address() string { return n.api.address() }
