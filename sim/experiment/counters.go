package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"hullmark/query"
)

// lookupRoute is the route that look-ups of tags come by.
const lookupRoute = query.PathResolve

// counters are what a node counts (docs/metrics.md).
type counters struct {
	// lookups are the requests that came for tags, whatever they were answered.
	lookups int
	// memory is what the process holds, in bytes, and cpu what it has used, in
	// seconds.
	memory, cpu float64
}

// counters reads the node's counters.
func (n *node) counters(ctx context.Context) (counters, error) {
	var c counters
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.metrics+"/metrics", nil)
	if err != nil {
		return c, fmt.Errorf("couldn't read metrics: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return c, fmt.Errorf("couldn't read metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return c, fmt.Errorf("couldn't read metrics of %s: %w", n.url, err)
	}
	for _, m := range families["hullmark_http_requests_total"].GetMetric() {
		if strings.HasSuffix(label(m, "route"), " "+lookupRoute) {
			c.lookups += int(m.GetCounter().GetValue())
		}
	}
	for _, m := range families["process_resident_memory_bytes"].GetMetric() {
		c.memory = m.GetGauge().GetValue()
	}
	for _, m := range families["process_cpu_seconds_total"].GetMetric() {
		c.cpu = m.GetCounter().GetValue()
	}
	return c, nil
}

// label returns the value of a metric's label.
func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}
