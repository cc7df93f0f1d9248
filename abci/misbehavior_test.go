package abci

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/google/go-cmp/cmp"

	"hullmark/internal/fixture"
)

// TestDoubleSign: evidence names the operator in the log, in a metric that exists before
// anything happens, and to whoever asks.
func TestDoubleSign(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	var log bytes.Buffer
	n.app.log = slog.New(slog.NewTextHandler(&log, nil))
	operators := n.c.Genesis().Operators
	counted := func(operator string) float64 {
		t.Helper()
		families, err := n.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				if f.GetName() == "hullmark_double_signs_total" && m.GetLabel()[0].GetValue() == operator {
					return m.GetCounter().GetValue()
				}
			}
		}
		t.Fatalf("no series for %q", operator)
		return 0
	}
	for _, o := range operators {
		if got := counted(o.ID); got != 0 {
			t.Errorf("%s: %v before anything happened", o.ID, got)
		}
	}
	evidence := func(address string, height int64) cmtabci.Misbehavior {
		b, err := hex.DecodeString(address)
		if err != nil {
			t.Fatal(err)
		}
		return cmtabci.Misbehavior{Type: cmtabci.MisbehaviorType_DUPLICATE_VOTE, Validator: cmtabci.Validator{Address: b}, Height: height}
	}
	two, three, stranger := ValidatorAddress(operators[2]), ValidatorAddress(operators[3]), strings.Repeat("AB", 20)
	_, err := n.app.FinalizeBlock(t.Context(), &cmtabci.RequestFinalizeBlock{
		Height: 1, Time: n.c.BlockTime(1),
		Misbehavior: []cmtabci.Misbehavior{evidence(three, 9), evidence(two, 7), evidence(two, 5), evidence(stranger, 3)},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []Misbehavior{{"", stranger, 3}, {operators[2].ID, two, 7}, {operators[3].ID, three, 9}}
	if diff := cmp.Diff(want, n.app.Misbehaviors()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := counted(operators[2].ID); got != 2 || counted(operators[0].ID) != 0 {
		t.Errorf("%v counted", got)
	}
	if line := "operator=" + operators[3].ID; !strings.Contains(log.String(), line) || !strings.Contains(log.String(), "address="+three) {
		t.Errorf("no %q in the log:\n%s", line, &log)
	}
}
