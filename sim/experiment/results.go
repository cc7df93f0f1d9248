package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"
)

// results are what an experiment showed.
type results struct {
	Options options `json:"options"`
	Load    *load   `json:"load"`
	// CloneSeconds is how long copying the data for all read nodes took, and
	// StartSeconds how long it took until all of them followed the chain.
	CloneSeconds float64 `json:"clone_seconds"`
	StartSeconds float64 `json:"start_seconds"`
	// ReaderMemory is the most memory that a read node held at the end.
	ReaderMemory float64        `json:"reader_resident_bytes"`
	Rounds       []*roundResult `json:"rounds"`
	// AllImagesLoadFactor is simulated for look-ups of every image once.
	AllImagesLoadFactor float64 `json:"simulated_load_factor_all_images"`
}

// The files of results.
const (
	resultsFile = "experiment.json"
	nodesFile   = "nodes.csv"
)

// save writes the results: all of them as JSON, and the load of each node in each
// round as CSV.
func (r *results) save(dir string) error {
	fail := func(err error) error { return fmt.Errorf("couldn't save results: %w", err) }
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fail(err)
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fail(err)
	}
	if err := os.WriteFile(filepath.Join(dir, resultsFile), append(b, '\n'), 0o644); err != nil {
		return fail(err)
	}
	f, err := os.Create(filepath.Join(dir, nodesFile))
	if err != nil {
		return fail(err)
	}
	w := csv.NewWriter(f)
	rows := [][]string{{"round", "node", "state", "requests", "simulated_requests"}}
	for _, round := range r.Rounds {
		for _, n := range round.Nodes {
			rows = append(rows, []string{round.Name, n.URL, n.State, strconv.Itoa(n.Requests), strconv.Itoa(n.Simulated)})
		}
	}
	err = w.WriteAll(rows)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

const (
	mega = 1e6
	giga = 1e9
)

// print prints the results for people.
func (r *results) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush reports it
	row("\n%d images in %d repositories\t\t\t\t", r.Load.Images, r.Load.Repositories)
	row("load\ttransactions\ttags\tseconds\ttransactions/s\ttags/s")
	for _, p := range r.Load.Phases {
		row("%s\t%d\t%d\t%.1f\t%.1f\t%.0f", p.Name, p.Transactions, p.Changes, p.Seconds, float64(p.Transactions)/p.Seconds, float64(p.Changes)/p.Seconds)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	row("\n%d blocks, %.2f s apart (median), %.2f s (p99), %.2f s (longest)", r.Load.Blocks, r.Load.BlockMedian, r.Load.BlockP99, r.Load.BlockMax)
	row("the node: %.2f GB on disk, %.0f bytes an image; %.0f MB of memory; %.0f s of CPU", float64(r.Load.DataBytes)/giga, r.Load.BytesPerImage, r.Load.NodeMemory/mega, r.Load.NodeCPU)
	row("%d read nodes: copied in %.1f s, following after %.1f s; at most %.0f MB of memory", r.Options.Nodes, r.CloneSeconds, r.StartSeconds, r.ReaderMemory/mega)
	if err := w.Flush(); err != nil {
		return err
	}
	row("\nround\tlook-ups\tverified\tlook-ups/s\tms p50\tp90\tp99\tmax\tload factor\tsimulated\trequests\tsimulated")
	for _, o := range r.Rounds {
		row("%s\t%d\t%d\t%.0f\t%.2f\t%.2f\t%.2f\t%.1f\t%.4f\t%.4f\t%d\t%d", o.Name, o.Lookups, o.Verified, float64(o.Lookups)/o.Seconds,
			o.P50, o.P90, o.P99, o.Max, o.LoadFactor, o.SimulatedLoadFactor, o.Requests, o.Simulated)
	}
	row("every image once\t\t\t\t\t\t\t\t\t%.4f\t\t", r.AllImagesLoadFactor)
	if err := w.Flush(); err != nil {
		return err
	}
	row("\nrequests at each node, and simulated")
	for i := range r.Rounds[0].Nodes {
		line := fmt.Sprintf("node %d", i)
		for _, o := range r.Rounds {
			line += fmt.Sprintf("\t%d\t%d", o.Nodes[i].Requests, o.Nodes[i].Simulated)
			if s := o.Nodes[i].State; s != "" {
				line += " (" + s + ")"
			}
		}
		row("%s", line)
	}
	return w.Flush()
}
