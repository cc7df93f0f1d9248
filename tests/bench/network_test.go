package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/internal/workload"
)

const timeoutCommit = 200 * time.Millisecond

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	d, err := workload.CPUTime()
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// BenchmarkNetwork commits the same publishes, byte for byte the same kind, to
// networks of the ledger and of an application that accepts everything, through
// one engine with one configuration. Run it with -benchtime 1x: each run is a
// network of its own. The CPU time is that of the whole process, the sender's share
// included, over all validators.
func BenchmarkNetwork(b *testing.B) {
	for _, validators := range []int{1, 4} {
		for _, name := range []string{"accept", "ledger"} {
			b.Run(fmt.Sprintf("validators=%d/app=%s", validators, name), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					nw := workload.NewNetwork(b, validators, workload.NetworkOptions{Accepting: name == "accept", TimeoutCommit: timeoutCommit})
					register, publish, size := nw.Load()
					nw.Commit(register)
					b.StartTimer()
					before := cpuTime(b)
					took := nw.Commit(publish)
					cpu := cpuTime(b) - before
					const n = workload.LoadRepositories * workload.LoadVersions
					b.ReportMetric(n/took.Seconds(), "publishes/s")
					b.ReportMetric(float64(cpu.Microseconds())/n/float64(validators), "cpu-µs/publish/validator")
					b.ReportMetric(float64(size), "tx-bytes")
				}
			})
		}
	}
}

// BenchmarkPublish is what a publisher waits for: POST /v1/tx on a network of four
// validators that has nothing else to do, one after the other.
func BenchmarkPublish(b *testing.B) {
	const samples = 40
	nw := workload.NewNetwork(b, 4, workload.NetworkOptions{TimeoutCommit: timeoutCommit})
	p := nw.C.NewPublisher(repository)
	nw.Post(0, p.Register(nw.C.Operators[0]))
	var version uint64
	for b.Loop() {
		var took []time.Duration
		for range samples {
			version++
			tx := p.Publish(version, fixture.Tags{"latest": fmt.Sprint(version)})
			began := time.Now()
			nw.Post(0, tx)
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[samples/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(took[samples*99/100].Milliseconds()), "p99-ms")
	}
}

// BenchmarkLookup asks one node over HTTP, eight clients at once, for tags of
// repositories of different sizes. The clients share the machine with the node.
func BenchmarkLookup(b *testing.B) {
	nw := workload.NewNetwork(b, 1, workload.NetworkOptions{TimeoutCommit: timeoutCommit})
	for _, n := range []int{1, 100, 1000} {
		p := nw.C.NewPublisher(fmt.Sprintf("registry.example.com/bench/tags-%d", n))
		nw.Post(0, p.Register(nw.C.Operators[0]))
		nw.Post(0, p.Publish(1, workload.Tags(n)))
	}
	address := "http://" + nw.Nodes[0].Address() + "/v1/resolve?ref="
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	get := func(ref string) (int, error) {
		resp, err := client.Get(address + url.QueryEscape(ref))
		if err != nil {
			return 0, err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d: %.200s", resp.StatusCode, body)
		}
		return len(body), err
	}
	for _, n := range []int{1, 100, 1000} {
		ref := fmt.Sprintf("registry.example.com/bench/tags-%d:v0", n)
		nw.Until("the publish is provable", func() bool { _, err := get(ref); return err == nil })
		b.Run(fmt.Sprintf("tags=%d", n), func(b *testing.B) {
			var size atomic.Int64
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n, err := get(ref)
					if err != nil {
						b.Error(err)
						return
					}
					size.Store(int64(n))
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lookups/s")
			b.ReportMetric(float64(size.Load()), "answer-bytes")
		})
	}
}
