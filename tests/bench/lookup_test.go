package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"hullmark/client"
	"hullmark/internal/workload"
)

// BenchmarkClientLookup is what a client computes for a look-up of one tag, from an open
// process to the verdict: it opens its home, asks a node, verifies the answer from the
// block it knows, and remembers. The node is part of the process and costs nothing, since
// it has the answer ready. Each look-up finds the home as one of ten blocks ago left it,
// so the header is new to it. CPU time is that of the process during the look-ups; that
// outside of the system leaves out what the disk takes. TMPDIR in memory keeps it short.
//
// tests/bench/compare runs it for two commits by turns.
func BenchmarkClientLookup(b *testing.B) {
	for _, validators := range []int{4, 100} {
		b.Run(fmt.Sprintf("validators=%d", validators), func(b *testing.B) {
			p := workload.NewProof(b, validators, 1)
			home := filepath.Join(b.TempDir(), "home")
			lookUp := func() {
				answer, err := p.Answer()
				if err != nil {
					b.Fatal(err)
				}
				if err := resolve(home, p, ready(answer)); err != nil {
					b.Fatal(err)
				}
			}
			importAnchor(b, home, p)
			lookUp()
			for range 10 {
				p.Chain.Commit()
			}
			answer, err := p.Answer()
			if err != nil {
				b.Fatal(err)
			}
			before := snapshot(b, home)
			var cpu, user time.Duration
			n := 0
			for b.Loop() {
				b.StopTimer()
				restore(b, home, before)
				b.StartTimer()
				start, startUser := cpuTime(b), userTime(b)
				if err := resolve(home, p, ready(answer)); err != nil {
					b.Fatal(err)
				}
				cpu, user = cpu+cpuTime(b)-start, user+userTime(b)-startUser
				n++
			}
			b.ReportMetric(float64(cpu.Microseconds())/float64(n), "cpu-µs/op")
			b.ReportMetric(float64(user.Microseconds())/float64(n), "user-µs/op")
			b.ReportMetric(float64(len(answer)), "bundle-bytes")
			if same(before, snapshot(b, home)) {
				b.Error("nothing was remembered")
			}
		})
	}
}

// userTime is what this process has used outside of the system.
func userTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano())
}

// importAnchor makes a home that starts from the block in which the repository was
// registered.
func importAnchor(b *testing.B, dir string, p *workload.Proof) {
	b.Helper()
	home, err := client.OpenHome(dir)
	if err != nil {
		b.Fatal(err)
	}
	anchor, err := p.Chain.Anchor(p.Memory.TrustedHeight()).Encode()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := home.ImportAnchor(b.Context(), anchor, p.Chain.Now()); err != nil {
		b.Fatal(err)
	}
}

// resolve is one look-up.
func resolve(dir string, p *workload.Proof, node http.RoundTripper) error {
	home, err := client.OpenHome(dir)
	if err != nil {
		return err
	}
	c, err := client.New(client.Options{Nodes: []string{"http://node.example.com"}, Store: home, Hedge: -1, Transport: node, Now: p.Chain.Now})
	if err != nil {
		return err
	}
	defer c.Close()
	result, _, warnings, err := c.Resolve(context.Background(), p.Request)
	if err == nil && (len(warnings) > 0 || result.Digest.IsZero()) {
		err = fmt.Errorf("digest %s, warnings %v", result.Digest, warnings)
	}
	return err
}

// ready is a node that gives one answer to all questions.
type ready []byte

// RoundTrip implements http.RoundTripper.
func (r ready) RoundTrip(q *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: q, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(r)), ContentLength: int64(len(r)),
	}, nil
}

// snapshot returns the files of a directory.
func snapshot(b *testing.B, dir string) map[string][]byte {
	b.Helper()
	files := make(map[string][]byte)
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	}); err != nil {
		b.Fatal(err)
	}
	return files
}

// restore gives a directory the files it had.
func restore(b *testing.B, dir string, files map[string][]byte) {
	b.Helper()
	for path := range snapshot(b, dir) {
		if _, kept := files[path]; !kept {
			if err := os.Remove(path); err != nil {
				b.Fatal(err)
			}
		}
	}
	for path, content := range files {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
}

func same(a, b map[string][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for path, content := range a {
		if other, ok := b[path]; !ok || !bytes.Equal(content, other) {
			return false
		}
	}
	return true
}
