package abci

import (
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/prometheus/client_golang/prometheus"

	"hullmark/record"
)

// Metrics count what the application does (docs/metrics.md). Labels take values
// from short fixed lists only; nothing a peer or user sends becomes one.
type Metrics struct {
	height      prometheus.Gauge
	logSize     prometheus.Gauge
	blocks      prometheus.Counter
	committing  prometheus.Histogram
	commits     *prometheus.CounterVec
	checks      *prometheus.CounterVec
	executes    *prometheus.CounterVec
	proposals   prometheus.Counter
	misbehavior *prometheus.CounterVec
	verifies    *prometheus.CounterVec
	waiting     *prometheus.GaugeVec
	waitingSize prometheus.Gauge
	skew        prometheus.Gauge
}

// NewMetrics registers the metrics with r; with nil they are counted and shown
// to nobody.
func NewMetrics(r prometheus.Registerer) *Metrics {
	const ns = "hullmark"
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: ns, Name: name, Help: help})
	}
	counter := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: ns, Name: name, Help: help}, []string{label})
	}
	m := &Metrics{
		height:  gauge("committed_height", "Height of the last committed block."),
		logSize: gauge("log_records", "Records in the log."),
		blocks: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: ns, Name: "committed_blocks_total", Help: "Blocks committed since the start."}),
		committing: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: ns, Name: "commit_seconds", Help: "Time the synced batch of a block takes to write.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 12)}),
		commits:  counter("committed_transactions_total", "Transactions committed with effect, by kind.", "kind"),
		checks:   counter("checked_transactions_total", "Transactions judged for the mempool, by verdict.", "verdict"),
		executes: counter("executed_transactions_total", "Transactions executed in blocks, by verdict.", "verdict"),
		proposals: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: ns, Name: "rejected_proposals_total", Help: "Proposals refused because they hold an invalid transaction."}),
		misbehavior: counter("double_signs_total", "Evidence in blocks that a validator signed two blocks of one height, by its operator.", "operator"),
		verifies:    counter("signature_checks_total", "Signature checks, by result; cached means no arithmetic was done.", "result"),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: ns, Name: "waiting_transactions", Help: "Transactions that wait for a block, by class."}, []string{"class"}),
		waitingSize: gauge("waiting_bytes", "Bytes of the transactions that wait for a block."),
		skew: gauge("block_time_skew_seconds",
			"Time of the last block minus this node's clock when it was decided. Above zero, the clock is slow."),
	}
	m.begin()
	if r != nil {
		r.MustRegister(m.height, m.logSize, m.blocks, m.committing, m.commits, m.checks, m.executes, m.proposals, m.misbehavior,
			m.verifies, m.waiting, m.waitingSize, m.skew)
	}
	return m
}

// begin makes every series, at zero: what never happened is not the same as what nobody
// counts, and a first event is seen as an increase.
func (m *Metrics) begin() {
	for _, v := range verdicts() {
		m.checks.WithLabelValues(v)
		m.executes.WithLabelValues(v)
	}
	for _, k := range record.Kinds() {
		m.commits.WithLabelValues(k.String())
	}
	for _, result := range []string{"cached", "verified", "failed"} {
		m.verifies.WithLabelValues(result)
	}
	m.waits(load{}, load{})
}

// verdicts returns all labels that verdict gives.
func verdicts() []string {
	out := []string{verdict(0)}
	for code := range lastNodeCode - cmtabci.CodeTypeRetry {
		out = append(out, verdict(cmtabci.CodeTypeRetry+1+code))
	}
	for _, c := range record.Codes() {
		out = append(out, c.Name())
	}
	return out
}

// verdict is the label for a result code, from the closed list of codes.
func verdict(code uint32) string {
	switch code {
	case 0:
		return "ok"
	case CodeFull:
		return "no-room"
	case CodeStopping:
		return "stopping"
	case CodeCharged:
		return "account-empty"
	case CodeBusy:
		return "busy"
	}
	return record.Code(code).Name()
}

func (m *Metrics) checked(code uint32) { m.checks.WithLabelValues(verdict(code)).Inc() }
func (m *Metrics) proposalRejected()   { m.proposals.Inc() }

// misbehaved counts evidence against an operator's validator, of whom there is one
// series each.
func (m *Metrics) misbehaved(operator string) { m.misbehavior.WithLabelValues(operator).Inc() }
func (m *Metrics) signature(result string)    { m.verifies.WithLabelValues(result).Inc() }

// executed counts a transaction of a block; kind is that of an accepted one.
func (m *Metrics) executed(code uint32, kind record.Kind) {
	m.executes.WithLabelValues(verdict(code)).Inc()
	if code == 0 {
		m.commits.WithLabelValues(kind.String()).Inc()
	}
}

// decided compares the time of a block that was just decided with the clock.
func (m *Metrics) decided(blockTime time.Time) { m.skew.Set(time.Until(blockTime).Seconds()) }

func (m *Metrics) committed(height, records uint64, took time.Duration) {
	m.height.Set(float64(height))
	m.logSize.Set(float64(records))
	m.blocks.Inc()
	m.committing.Observe(took.Seconds())
}

// waits tells how much waits.
func (m *Metrics) waits(all, ordinary load) {
	m.waiting.WithLabelValues("ordinary").Set(float64(ordinary.txs))
	m.waiting.WithLabelValues("emergency").Set(float64(all.txs - ordinary.txs))
	m.waitingSize.Set(float64(all.bytes))
}
