package abci

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/internal/fixture"
)

// series counts the series a node shows, and fails for one that names what
// somebody sent.
func (n *node) series(sent string) int { n.t.Helper(); return len(n.seriesNames(sent)) }

func (n *node) seriesNames(sent string) (out []string) {
	n.t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			out = append(out, fmt.Sprint(f.GetName(), m.GetLabel()))
			for _, l := range m.GetLabel() {
				if strings.Contains(l.GetValue(), sent) {
					n.t.Errorf("%s has a label %s", f.GetName(), l)
				}
			}
		}
	}
	return out
}

// TestSeriesAreBounded: ten thousand repositories make no more series than ten.
func TestSeriesAreBounded(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	p.next()
	const name = "cardinality"
	tx := p.app.Publish(2, nil)
	ask := func(from, to int) int {
		for i := from; i < to; i++ {
			repository := fmt.Sprintf("registry.example.com/%s-%d", name, i)
			p.query("/v1/repository", "name="+repository)
			p.query("/v1/"+repository, "")
			// The name stands twice: in the binding of the file and in the scope.
			// Forged like this, it is refused early.
			p.check([]byte(strings.ReplaceAll(string(tx), appName, repository)), cmtabci.CheckTxType_New)
		}
		return p.series(name)
	}
	few := ask(0, 10)
	if many := ask(10, 10_000); many != few || few == 0 {
		t.Errorf("%d series after ten repositories, %d after ten thousand", few, many)
	}
}

// TestSeriesFromTheStart: whatever a node does shows in series that were there, at zero,
// before it did anything.
func TestSeriesFromTheStart(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	before := n.seriesNames("nobody sends this")
	p := newPublished(t, n)
	p.next()
	for _, path := range []string{"/v1/resolve?ref=" + appName + ":1.0", "/v1/repository?name=" + appName, "/v1/history?repository=" + appName} {
		path, query, _ := strings.Cut(path, "?")
		p.query(path, query)
	}
	p.check([]byte("noise"), cmtabci.CheckTxType_New)
	for _, v := range verdicts() {
		if strings.HasPrefix(v, "code-") {
			t.Errorf("a verdict without a name: %s", v)
		}
	}
	for _, series := range n.seriesNames("nobody sends this") {
		if !slices.Contains(before, series) {
			t.Errorf("%s was not there at the start", series)
		}
	}
}

// TestVerdicts: codes of the node itself have names too.
func TestVerdicts(t *testing.T) {
	for code, want := range map[uint32]string{0: "ok", 1: "malformed-transaction", CodeFull: "no-room", CodeStopping: "stopping"} {
		if got := verdict(code); got != want {
			t.Errorf("code %d is %q, want %q", code, got, want)
		}
	}
}
