package abci

import (
	"fmt"
	"strings"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/internal/fixture"
)

// series counts the series a node shows, and fails for one that names what
// somebody sent.
func (n *node) series(sent string) int {
	n.t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	count := 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			count++
			for _, l := range m.GetLabel() {
				if strings.Contains(l.GetValue(), sent) {
					n.t.Errorf("%s has a label %s", f.GetName(), l)
				}
			}
		}
	}
	return count
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

// TestVerdicts: codes of the node itself have names too.
func TestVerdicts(t *testing.T) {
	for code, want := range map[uint32]string{0: "ok", 1: "malformed-transaction", CodeFull: "no-room", CodeStopping: "stopping"} {
		if got := verdict(code); got != want {
			t.Errorf("code %d is %q, want %q", code, got, want)
		}
	}
}
