package calibrate

import "testing"

func TestSpread(t *testing.T) {
	if got, want := spread([]float64{5, 1, 3}), (Spread{Median: 3, Low: 1, High: 5}); got != want {
		t.Errorf("spread %v, want %v", got, want)
	}
	if got := each([]float64{1, 1, 1}, []float64{1 + blockSize, 1, 1 + 2*blockSize}); got != (Spread{Median: 1, Low: 0, High: 2}) {
		t.Errorf("each %v", got)
	}
}

// TestApplication: blocks hold the publishes that are measured, and no less.
func TestApplication(t *testing.T) {
	a := newApplication(t, 3)
	var s steps
	for range 2 {
		if err := a.run(3, &s); err != nil {
			t.Fatal(err)
		}
	}
	if a.height != 3 || a.version != 2 || s.work == 0 || len(s.check) != 2 || len(s.commit) != 2 {
		t.Errorf("height %d, version %d, work %d", a.height, a.version, s.work)
	}
	if size, err := diskUse(a.dir); err != nil || size == 0 {
		t.Errorf("%d bytes on disk, %v", size, err)
	}
}

// TestLine: messages arrive, all of them.
func TestLine(t *testing.T) {
	l, err := newLine(sendRate)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	for _, n := range []int{1, 10} {
		if err := l.send(n, 300); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.count(); got != 11 {
		t.Errorf("%d messages arrived, want 11", got)
	}
}
