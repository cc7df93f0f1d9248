package lookup

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"hullmark/query"
)

// Metrics count look-ups (docs/metrics.md). Labels take values from a short fixed list
// only; nothing that is asked becomes one.
type Metrics struct {
	lookups *prometheus.HistogramVec
}

// NewMetrics registers the metrics with r; with nil they are counted and shown to nobody.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{lookups: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "hullmark", Name: "lookup_seconds", Help: "Time to answer a look-up with its proofs, by kind.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2, 14)}, []string{"kind"})}
	// Every series begins at zero: what never happened is not the same as what nobody
	// counts.
	for _, kind := range []query.Kind{
		query.KindTag, query.KindImage, query.KindRepository, query.KindVouchers, query.KindHistory, query.KindReceipt,
		query.KindInclusion, query.KindConsistency,
	} {
		m.lookups.WithLabelValues(string(kind))
	}
	if r != nil {
		r.MustRegister(m.lookups)
	}
	return m
}

// lookup counts an answered look-up that began at a time.
func (m *Metrics) lookup(kind query.Kind, began time.Time) {
	m.lookups.WithLabelValues(string(kind)).Observe(time.Since(began).Seconds())
}
