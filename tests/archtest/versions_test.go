package archtest

import (
	"os"
	"path"
	"path/filepath"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// minimum is the first version of a module without a published defect that would
// break a promise of ours. Modules that are not in the graph need no check until
// somebody adds them.
type minimum struct {
	name    string
	module  string
	version string
}

var minimums = []minimum{
	// Metadata and signatures.
	{"threshold of zero accepted (CVE-2026-23992), path traversal (CVE-2026-24686), one key counted twice (go-tuf 733)", "github.com/theupdateframework/go-tuf/v2", "v2.4.2"},
	{"one key counted twice (GHSA-3633-5h82-39pq)", "github.com/theupdateframework/go-tuf", "v0.3.2"},
	{"path traversal (CVE-2026-24137)", "github.com/sigstore/sigstore", "v1.10.4"},
	{"one log counted often (CVE-2026-49834), validity of keys (CVE-2026-54787)", "github.com/sigstore/sigstore-go", "v1.2.1"},
	{"any log entry accepted (CVE-2026-22703), parse failure counted as success (CVE-2026-39395)", "github.com/sigstore/cosign/v3", "v3.0.6"},
	{"any log entry accepted (CVE-2026-22703), parse failure counted as success (CVE-2026-39395)", "github.com/sigstore/cosign/v2", "v2.6.3"},
	{"memory exhaustion (CVE-2026-48702)", "github.com/sigstore/rekor", "v1.5.2"},
	{"request forgery (CVE-2026-49478)", "github.com/sigstore/fulcio", "v1.8.6"},
	{"certificate validation (CVE-2026-39984), unbounded labels (CVE-2026-49835)", "github.com/sigstore/timestamp-authority/v2", "v2.1.0"},
	{"globs (CVE-2021-41087, GHSA-pmwq-pjrm-6p5r)", "github.com/in-toto/in-toto-golang", "v0.11.0"},
	{"failure of the system flips a check (CVE-2024-51491)", "github.com/notaryproject/notation-go", "v1.3.0-rc.2"},
	{"identity documents (CVE-2025-62375)", "github.com/in-toto/go-witness", "v0.9.1"},
	{"plugin name runs a program (GHSA-32gq-x56h-299c)", "filippo.io/age", "v1.2.1"},
	{"multiplication of several scalars (CVE-2026-26958)", "filippo.io/edwards25519", "v1.1.1"},
	{"scalars of P-256 (CVE-2023-24533)", "filippo.io/nistec", "v0.0.2"},
	{"search path of plugins (CVE-2025-15558), credentials for another registry (CVE-2021-41092)", "github.com/docker/cli", "v29.2.0"},
}

// readGoMod reads the go.mod of a module of ours.
func readGoMod(t *testing.T, dir string) *modfile.File {
	t.Helper()
	name := filepath.Join("../..", dir, "go.mod")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse(name, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// tooOld returns the modules that are older than they may be.
func tooOld(file *modfile.File) []minimum {
	var found []minimum
	for _, m := range minimums {
		for _, require := range file.Require {
			if require.Mod.Path == m.module && semver.Compare(require.Mod.Version, m.version) < 0 {
				found = append(found, m)
			}
		}
	}
	return found
}

func TestRegr_MinimumVersions(t *testing.T) {
	for _, dir := range modules {
		for _, m := range tooOld(readGoMod(t, dir)) {
			t.Errorf("module %s: %s must be at least %s: %s", dir, m.module, m.version, m.name)
		}
	}
}

// TestRegr_CometBFTVersion covers the advisories on CometBFT and Tendermint:
// block time from signatures that were not verified (GHSA-c32p-wcqj-j677), bit
// arrays, block parts and evidence that halt a network, block and state sync from
// a malicious node. All are fixed in v0.40.0; v1 and v2 lack the first fix and are
// other modules or higher versions, so the version is exact.
func TestRegr_CometBFTVersion(t *testing.T) {
	const want = "v0.40.0"
	for _, dir := range modules {
		seen := false
		for _, require := range readGoMod(t, dir).Require {
			switch require.Mod.Path {
			case "github.com/cometbft/cometbft":
				seen = true
				if require.Mod.Version != want {
					t.Errorf("module %s: cometbft is %s, want %s exactly", dir, require.Mod.Version, want)
				}
			case "github.com/tendermint/tendermint", "github.com/cometbft/cometbft/v2":
				t.Errorf("module %s: %s is in the module graph", dir, require.Mod.Path)
			}
		}
		if !seen {
			t.Errorf("module %s: cometbft is not in go.mod", dir)
		}
	}
}

// TestNoReplacements: what is pinned is what is built. Nested modules replace the product
// by the folder that they stand in, and nothing else.
func TestNoReplacements(t *testing.T) {
	for _, dir := range modules {
		file := readGoMod(t, dir)
		for _, replace := range file.Replace {
			if dir == "." || replace.Old.Path != module || replace.New.Path != "../" || replace.New.Version != "" {
				t.Errorf("go.mod of module %s replaces %s", dir, replace.Old.Path)
			}
		}
		if want := path.Join(module, dir); file.Module.Mod.Path != want {
			t.Errorf("the module in %s is named %s, not %s", dir, file.Module.Mod.Path, want)
		}
	}
}

// differences returns the modules that a nested module uses in another version than the
// product, and the version of Go if that differs.
func differences(product, nested *modfile.File) []string {
	pinned := make(map[string]string)
	for _, require := range product.Require {
		pinned[require.Mod.Path] = require.Mod.Version
	}
	var found []string
	for _, require := range nested.Require {
		if version, both := pinned[require.Mod.Path]; both && version != require.Mod.Version {
			found = append(found, require.Mod.Path)
		}
	}
	if product.Go.Version != nested.Go.Version {
		found = append(found, "go")
	}
	return found
}

// TestSameVersions: what a nested module runs of the product is built as the product is.
func TestSameVersions(t *testing.T) {
	product := readGoMod(t, ".")
	for _, dir := range modules {
		for _, name := range differences(product, readGoMod(t, dir)) {
			t.Errorf("module %s has another version of %s than the product: run make tidy", dir, name)
		}
	}
}

// TestDifferences checks the checker.
func TestDifferences(t *testing.T) {
	parse := func(text string) *modfile.File {
		t.Helper()
		file, err := modfile.Parse("go.mod", []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		return file
	}
	product := parse("module m\n\ngo 1.26.0\n\nrequire example.com/a v1.0.0\n")
	for text, want := range map[string]int{
		"module m/n\n\ngo 1.26.0\n\nrequire example.com/a v1.0.0\n": 0,
		"module m/n\n\ngo 1.26.0\n\nrequire example.com/b v1.0.0\n": 0,
		"module m/n\n\ngo 1.26.0\n\nrequire example.com/a v1.0.1\n": 1,
		"module m/n\n\ngo 1.26.1\n\nrequire example.com/a v0.9.0\n": 2,
	} {
		if got := differences(product, parse(text)); len(got) != want {
			t.Errorf("%q: differences %q, want %d", text, got, want)
		}
	}
}

// TestTooOld checks the checker.
func TestTooOld(t *testing.T) {
	tests := []struct {
		name, version string
		want          int
	}{
		{"older", "v2.4.1", 1},
		{"much older", "v2.0.0", 1},
		{"pre-release of the minimum", "v2.4.2-rc.1", 1},
		{"minimum", "v2.4.2", 0},
		{"newer", "v2.10.0", 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			file, err := modfile.Parse("go.mod", []byte("module m\n\nrequire github.com/theupdateframework/go-tuf/v2 "+tc.version+"\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(tooOld(file)); got != tc.want {
				t.Errorf("got %d, want %d", got, tc.want)
			}
		})
	}
}
