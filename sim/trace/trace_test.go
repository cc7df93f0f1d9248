package trace_test

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim/trace"
)

// update writes the sample anew: go test ./sim/trace -update.
var update = flag.Bool("update", false, "write the sample anew")

const first = "milliseconds,event,reference,client\n"

func TestRead(t *testing.T) {
	text := first + "0,push,registry.example:5000/team/app:v1.0,7\n0,pull,app:Latest,0\n61001,pull,a/b_c-d.e:x,2147483647\n"
	want := []trace.Event{
		{Kind: trace.Push, Reference: "registry.example:5000/team/app:v1.0", Client: 7},
		{Kind: trace.Pull, Reference: "app:Latest"},
		{At: 61001 * time.Millisecond, Kind: trace.Pull, Reference: "a/b_c-d.e:x", Client: 2147483647},
	}
	got, err := trace.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if got[0].Repository() != "registry.example:5000/team/app" {
		t.Errorf("repository %q", got[0].Repository())
	}
	var out bytes.Buffer
	if err := trace.Write(&out, got); err != nil || out.String() != text {
		t.Errorf("written: %v\n%s", err, out.String())
	}
}

func TestReadRefuses(t *testing.T) {
	good := "5,pull,a:b,1\n"
	tests := []struct{ name, text, line string }{
		{"nothing", "", "line 1:"},
		{"other header", "time,event,reference,client\n", "line 1:"},
		{"header without end", strings.TrimSuffix(first, "\n"), "line 1:"},
		{"empty line", first + good + "\n", "line 3:"},
		{"too few fields", first + "5,pull,a:b\n", "line 2:"},
		{"too many fields", first + "5,pull,a:b,1,\n", "line 2:"},
		{"no end", first + good + "5,pull,a:b,1", "line 3:"},
		{"carriage return", first + "5,pull,a:b,1\r\n", "line 2:"},
		{"leading zero", first + "05,pull,a:b,1\n", "line 2:"},
		{"plus", first + "+5,pull,a:b,1\n", "line 2:"},
		{"negative", first + "-5,pull,a:b,1\n", "line 2:"},
		{"fraction", first + "5.5,pull,a:b,1\n", "line 2:"},
		{"far away", first + "315360000001,pull,a:b,1\n", "line 2:"},
		{"overflow", first + "99999999999999999999,pull,a:b,1\n", "line 2:"},
		{"back in time", first + good + good + "4,pull,a:b,1\n", "line 4:"},
		{"unknown event", first + "5,PULL,a:b,1\n", "line 2:"},
		{"no tag", first + "5,pull,a,1\n", "line 2:"},
		{"empty tag", first + "5,pull,a:,1\n", "line 2:"},
		{"empty repository", first + "5,pull,:b,1\n", "line 2:"},
		{"capital in the repository", first + "5,pull,A:b,1\n", "line 2:"},
		{"space", first + "5,pull,a: b,1\n", "line 2:"},
		{"not ASCII", first + "5,pull,ä:b,1\n", "line 2:"},
		{"long reference", first + "5,pull," + strings.Repeat("a", 511) + ":b,1\n", "line 2:"},
		{"very long line", first + good + strings.Repeat("5", 5000) + "\n", "line 3:"},
		{"large client", first + "5,pull,a:b,2147483648\n", "line 2:"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := trace.Read(strings.NewReader(tc.text))
			if !errors.Is(err, trace.ErrFormat) || !strings.Contains(err.Error(), tc.line) {
				t.Errorf("error %v, want %v at %s", err, trace.ErrFormat, tc.line)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	tests := map[string][]trace.Event{
		"half a millisecond": {{At: time.Microsecond, Reference: "a:b"}},
		"back in time":       {{At: time.Second, Reference: "a:b"}, {Reference: "a:b"}},
		"no tag":             {{Reference: "a"}},
		"negative client":    {{Reference: "a:b", Client: -1}},
		"unknown kind":       {{Reference: "a:b", Kind: 7}},
	}
	for name, events := range tests {
		if err := trace.Write(new(bytes.Buffer), events); !errors.Is(err, trace.ErrFormat) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRead: whatever is read can be written again, to the same bytes.
func FuzzRead(f *testing.F) {
	f.Add([]byte(first))
	f.Add([]byte(first + "0,push,registry.example:5000/team/app:v1.0,7\n61001,pull,a/b_c-d.e:x,2147483647\n"))
	f.Add([]byte(first + "5,pull,a:b,1\n4,pull,a:b,1\n"))
	f.Add([]byte(first + "5,pull,a:b,1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		events, err := trace.Read(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, trace.ErrFormat) {
				t.Fatalf("error of no class: %v", err)
			}
			return
		}
		var out bytes.Buffer
		if err := trace.Write(&out, events); err != nil || !bytes.Equal(out.Bytes(), text) {
			t.Errorf("written again: %v\n%q", err, out.Bytes())
		}
	})
}

// sample is the trace in testdata.
func sample() trace.Config {
	c := trace.DefaultConfig()
	c.Duration, c.Start, c.Repositories, c.Clients = 20*time.Minute, 10*time.Hour, 300, 400
	c.Pulls, c.Releases, c.Pollers = 1, 0.03, 40
	return c
}

// TestSample: the sample is what the generator makes, small, and has everything in
// it.
func TestSample(t *testing.T) {
	events, err := trace.Generate(sample(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := trace.Write(&out, events); err != nil {
		t.Fatal(err)
	}
	const file = "testdata/sample.csv"
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, out.Bytes()) {
		t.Error("the sample is not what the generator makes; -update writes it anew")
	}
	if out.Len() > 200_000 {
		t.Errorf("the sample has %d bytes", out.Len())
	}
}

// TestGenerate: a made trace has the rates, the day and the popularity asked for.
func TestGenerate(t *testing.T) {
	c := trace.DefaultConfig()
	events, err := trace.Generate(c, 3)
	if err != nil {
		t.Fatal(err)
	}
	var people, polls, pushes, latest, afternoon, night float64
	top := make(map[string]float64)
	for i, e := range events {
		if i > 0 && e.At < events[i-1].At || e.At >= c.Duration {
			t.Fatalf("event %d is out of order or time", i)
		}
		switch {
		case e.Kind == trace.Push:
			pushes++
			continue
		case int(e.Client) >= c.Clients:
			polls++
			continue
		}
		people++
		top[e.Repository()]++
		if strings.HasSuffix(e.Reference, ":latest") {
			latest++
		}
		switch h := e.At / time.Hour; {
		case h >= 14 && h < 16:
			afternoon++
		case h >= 2 && h < 4:
			night++
		}
	}
	close := func(what string, got, want, relative float64) {
		t.Helper()
		if math.Abs(got-want) > relative*want {
			t.Errorf("%s is %.4g, want %.4g", what, got, want)
		}
	}
	day := c.Duration.Seconds()
	close("pulls by people", people, c.Pulls*day, 0.02)
	close("polls", polls, float64(c.Pollers)*24*60, 0.01)
	// A release is 1 + floor(Exp(3)) versions, e^(-1/3)/(1-e^(-1/3)) = 2.528 of
	// them beyond the first on average, and latest.
	close("pushes", pushes, c.Releases*day*(1+2.528+1), 0.12)
	close("share of latest", latest/people, c.Latest, 0.02)
	close("afternoon over night", afternoon/night, (1+c.Swing)/(1-c.Swing), 0.1)
	harmonic := 0.0
	for i := range c.Repositories {
		harmonic += 1 / float64(i+1)
	}
	close("share of the first repository", top["registry.example/team-0/app-0"]/people, 1/harmonic, 0.05)
}

func TestGenerateRefuses(t *testing.T) {
	for name, change := range map[string]func(*trace.Config){
		"no time":          func(c *trace.Config) { c.Duration = 0 },
		"no repositories":  func(c *trace.Config) { c.Repositories = 0 },
		"not a number":     func(c *trace.Config) { c.Exponent = math.NaN() },
		"swing":            func(c *trace.Config) { c.Swing = 1.5 },
		"fast pollers":     func(c *trace.Config) { c.Interval = time.Millisecond },
		"negative pulls":   func(c *trace.Config) { c.Pulls = -1 },
		"too many to hold": func(c *trace.Config) { c.Pulls = 1e5 },
	} {
		c := trace.DefaultConfig()
		change(&c)
		if _, err := trace.Generate(c, 1); !errors.Is(err, trace.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
