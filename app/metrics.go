package app

import (
	"io/fs"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	cmtversion "github.com/cometbft/cometbft/version"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// httpMetrics count requests. The route is the pattern that matched, never the
// path that was asked for.
type httpMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newHTTPMetrics(r prometheus.Registerer) *httpMetrics {
	m := &httpMetrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "hullmark", Name: "http_requests_total", Help: "HTTP requests answered, by route and class of status."}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "hullmark", Name: "http_request_seconds", Help: "Time from a request's header to the end of its answer, by route.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9)}, []string{"route"}),
	}
	r.MustRegister(m.requests, m.seconds)
	return m
}

// begin makes the series of a route, at zero.
func (m *httpMetrics) begin(route string, classes ...string) {
	for _, class := range classes {
		m.requests.WithLabelValues(route, class)
	}
	m.seconds.WithLabelValues(route)
}

func (m *httpMetrics) observe(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status/100)+"xx").Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// recordedResponse remembers what was answered.
type recordedResponse struct {
	http.ResponseWriter
	status, bytes int
}

// WriteHeader implements http.ResponseWriter.
func (w *recordedResponse) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *recordedResponse) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *recordedResponse) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// nodeMetrics are what is read from the node when somebody asks.
type nodeMetrics struct {
	node  *Node
	sizes *directorySizes
	descs map[string]*prometheus.Desc
}

// registerNodeMetrics makes the node's own state visible. The node is running or
// at least whole when it is asked.
func registerNodeMetrics(r prometheus.Registerer, n *Node) {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("hullmark_"+name, help, labels, nil)
	}
	r.MustRegister(&nodeMetrics{node: n, sizes: &directorySizes{root: n.home.dataDir()}, descs: map[string]*prometheus.Desc{
		"build":      desc("build_info", "Always 1; the labels say which build runs.", "version", "go_version", "engine_version"),
		"age":        desc("head_age_seconds", "Age of the newest block by this node's clock."),
		"provable":   desc("provable_height", "Newest height whose state can be proven."),
		"peers":      desc("peers", "Peers this node is connected with."),
		"validators": desc("validator_peers", "Validators among the peers."),
		"catchingUp": desc("catching_up", "1 while the node follows blocks that others have made."),
		"ready":      desc("ready", "1 while /readyz says so."),
		"held":       desc("http_held", "What clients of the HTTP API hold of a limit: requests or bytes.", "limit"),
		"refused":    desc("http_refused_total", "What was refused to clients of the HTTP API, by limit and whether that of one address or of all.", "limit", "scope"),
		"until":      desc("tls_certificate_expiry_timestamp_seconds", "When the TLS certificate of the HTTP API expires, in Unix time; 0 without TLS."),
		"free":       desc("disk_free_bytes", "Room left on the disk of the data directory."),
		"store":      desc("store_bytes", "Size on disk, by part of the data directory.", "store"),
	}})
}

// Describe implements prometheus.Collector.
func (m *nodeMetrics) Describe(c chan<- *prometheus.Desc) {
	for _, d := range m.descs {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (m *nodeMetrics) Collect(c chan<- prometheus.Metric) {
	n, now := m.node, time.Now()
	gauge := func(name string, value float64, labels ...string) {
		c <- prometheus.MustNewConstMetric(m.descs[name], prometheus.GaugeValue, value, labels...)
	}
	truth := func(name string, is bool) {
		value := 0.0
		if is {
			value = 1
		}
		gauge(name, value)
	}
	refused := func(limit string, own, all uint64) {
		for scope, count := range map[string]uint64{"address": own, "all": all} {
			c <- prometheus.MustNewConstMetric(m.descs["refused"], prometheus.CounterValue, float64(count), limit, scope)
		}
	}
	gauge("build", 1, n.version, runtime.Version(), cmtversion.TMCoreSemVer)
	if meta := n.env.BlockStore.LoadBlockMeta(int64(n.blocks.Tip())); meta != nil {
		gauge("age", now.Sub(meta.Header.Time).Seconds())
	}
	height, _ := n.lookup.StateHeight()
	gauge("provable", float64(height))
	gauge("peers", float64(n.engine.Switch().Peers().Size()))
	gauge("validators", float64(n.validatorPeers()))
	truth("catchingUp", n.env.ConsensusReactor.WaitSync())
	truth("ready", n.notReady(now) == "")
	until := 0.0
	if n.certificate != nil {
		at, _ := n.certificate.standing()
		until = float64(at.Unix())
	}
	gauge("until", until)
	if free, err := freeBytes(n.home.dataDir()); err == nil {
		gauge("free", float64(free))
	}
	for _, u := range n.gate.Uses() {
		gauge("held", float64(u.Taken), u.Limit)
		refused(u.Limit, u.Own, u.All)
	}
	gauge("held", float64(n.api.limits.Open()), "connections")
	own, all := n.api.limits.Refused()
	refused("connections", own, all)
	for store, size := range m.sizes.read(now) {
		gauge("store", float64(size), store)
	}
}

// stores are the parts of the data directory whose size is told apart. The rest
// counts as other.
var stores = []string{"ledger.db", "blockstore.db", "state.db", "evidence.db", "cs.wal"}

// directorySizes measures the data directory, at most twice a minute however
// often it is asked.
type directorySizes struct {
	root string

	mu    sync.Mutex
	at    time.Time
	sizes map[string]int64
}

func (d *directorySizes) read(now time.Time) map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.sizes != nil && now.Sub(d.at) < 30*time.Second {
		return d.sizes
	}
	sizes := map[string]int64{"other": 0}
	for _, s := range stores {
		sizes[s] = 0
	}
	// Databases replace files while we look; what is gone counts nothing.
	_ = filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil
		}
		store := "other"
		for _, s := range stores {
			if rel, err := filepath.Rel(filepath.Join(d.root, s), path); err == nil && filepath.IsLocal(rel) {
				store = s
			}
		}
		sizes[store] += info.Size()
		return nil
	})
	d.at, d.sizes = now, sizes
	return sizes
}

func metricsHandler(registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
