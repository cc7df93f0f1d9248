package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "hullmark"

// modules are the folders of the modules of the repository; ./... of one reaches no
// package of another.
var modules = []string{".", "sim"}

// allowed lists, for each package, the packages of ours that it imports and may; each
// may also import what lies below itself. The arrows point from what changes
// often to what never changes. This is the one table of imports: tests compare the
// rules of the linter with it, and what docs/design.md draws.
var allowed = map[string][]string{
	"reference":     {"printable"},
	"keys":          {"printable"},
	"merkle":        {},
	"merkle/store":  {"merkle"},
	"tuf":           {"printable", "reference", "keys"},
	"database":      {},
	"safefile":      {},
	"durable":       {},
	"printable":     {},
	"keystore":      {"keys", "safefile", "durable", "printable"},
	"proto":         {},
	"record":        {"printable", "reference", "keys", "tuf"},
	"placement":     {},
	"query":         {"printable", "record", "tuf", "reference"},
	"bundle":        {"printable", "query", "record", "tuf", "merkle", "keys", "reference", "proto"},
	"ledger":        {"record", "tuf", "merkle", "merkle/store", "keys", "reference", "proto"},
	"lookup":        {"ledger", "query", "bundle", "record", "proto", "merkle/store", "merkle", "reference"},
	"abci":          {"lookup", "ledger", "record", "query", "bundle", "proto", "merkle/store", "merkle", "keys"},
	"app":           {"app/admission", "database", "safefile", "durable", "printable", "abci", "lookup", "query", "bundle", "record", "proto", "ledger", "merkle", "merkle/store", "keys", "reference"},
	"app/admission": {},
	"change":        {"record", "tuf", "keys", "reference", "proto"},
	"client":        {"safefile", "durable", "printable", "change", "query", "bundle", "keys", "placement", "record", "tuf", "reference", "proto"},
	"oci":           {"printable", "reference"},
	"gateway":       {"record", "query", "bundle", "placement", "keys", "reference", "tuf", "merkle", "proto"},
	"sim":           {"placement"},
}

// free may import anything of ours, and none of the packages above may import
// them: commands, suites and what they share. Packages named like bundletest,
// which help to test the package above them, are free too.
var free = []string{"cmd", "internal", "tests", "networks", "tools", "sim/cmd", "sim/experiment", "sim/tests"}

// core is deterministic: the same blocks give the same bytes on every machine.
var core = []string{"merkle", "tuf", "record", "ledger"}

// pkg is what these tests need of the output of go list.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
	Standard   bool
}

// ours returns a package's path inside the module, or false.
func ours(importPath string) (string, bool) {
	return strings.CutPrefix(importPath, module+"/")
}

// under reports whether a path is the prefix or lies below it.
func under(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// owner returns the entry of the table that a package belongs to.
func owner(path string) (string, bool) {
	best := ""
	for entry := range allowed {
		if under(path, entry) && len(entry) > len(best) {
			best = entry
		}
	}
	return best, best != ""
}

func isFree(path string) bool {
	return strings.HasSuffix(path, "test") || slices.ContainsFunc(free, func(prefix string) bool { return under(path, prefix) })
}

// packages lists the packages of all modules, once for all tests.
var packages = sync.OnceValues(func() ([]pkg, error) {
	var all []pkg
	for _, dir := range modules {
		found, err := list(dir, "./...")
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
})

// list lists packages as a module sees them.
func list(dir string, patterns ...string) ([]pkg, error) {
	args := append([]string{"list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,Deps,Standard"}, patterns...)
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join("../..", dir)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var found []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
}

func mustPackages(t *testing.T) []pkg {
	t.Helper()
	found, err := packages()
	if err != nil {
		t.Fatalf("couldn't list packages: %v", err)
	}
	if len(found) < 5 {
		t.Fatalf("found %d packages only", len(found))
	}
	return found
}

// violations returns what the table has against a package's imports.
func violations(path string, imports []string) []string {
	if isFree(path) {
		return nil
	}
	self, known := owner(path)
	if !known {
		return []string{path + " is not in the table of allowed imports"}
	}
	var found []string
	for _, imported := range imports {
		target, ok := ours(imported)
		if !ok {
			continue
		}
		other, known := owner(target)
		if isFree(target) || !known || other != self && !slices.Contains(allowed[self], other) {
			found = append(found, path+" may not import "+target)
		}
	}
	return found
}

func TestImports(t *testing.T) {
	for _, p := range mustPackages(t) {
		path, ok := ours(p.ImportPath)
		if !ok {
			t.Errorf("package %s lies outside the module's folders", p.ImportPath)
			continue
		}
		for _, violation := range violations(path, p.Imports) {
			t.Error(violation)
		}
	}
}

// TestTable checks the checker: the table has no cycle, and forbidden imports are
// found.
func TestTable(t *testing.T) {
	bad := []struct {
		name, path, imported string
	}{
		{"downwards only", "merkle", "hullmark/record"},
		{"store below merkle", "merkle", "hullmark/merkle/store"},
		{"store has its own entry", "merkle/store", "hullmark/keys"},
		{"verifier without server", "bundle", "hullmark/ledger"},
		{"client without server", "client", "hullmark/app"},
		{"questions below answers", "query", "hullmark/bundle"},
		{"drafting without verifier", "change", "hullmark/bundle"},
		{"drafting without client", "change", "hullmark/client"},
		{"gateway without client", "gateway", "hullmark/client"},
		{"gateway without the read side", "gateway", "hullmark/lookup"},
		{"read side without consensus", "lookup", "hullmark/abci"},
		{"client without the read side", "client", "hullmark/lookup"},
		{"shared helpers", "ledger", "hullmark/internal/testnet"},
		{"commands", "app", "hullmark/cmd/hullmarkd"},
		{"test helpers", "client", "hullmark/bundle/bundletest"},
		{"own test helpers", "bundle", "hullmark/bundle/bundletest"},
		{"package below", "client/cache", "hullmark/ledger"},
		{"unknown package", "misc", "fmt"},
		{"similar name", "keysmith", "fmt"},
	}
	for _, tc := range bad {
		t.Run(tc.name, func(t *testing.T) {
			if got := violations(tc.path, []string{tc.imported}); len(got) != 1 {
				t.Errorf("%s importing %s: found %q", tc.path, tc.imported, got)
			}
		})
	}
	good := map[string]string{
		"ledger":            "hullmark/merkle/store",
		"merkle":            "crypto/sha256",
		"client/cache":      "hullmark/client",
		"client":            "hullmark/client/cache",
		"cmd/hullmarkd":     "hullmark/app",
		"tuf":               "hullmark/keys",
		"bundle/bundletest": "hullmark/ledger",
	}
	for path, imported := range good {
		if got := violations(path, []string{imported}); len(got) != 0 {
			t.Errorf("%s importing %s: found %q", path, imported, got)
		}
	}

	// Remove packages that import nothing left until none is left.
	left := make(map[string][]string)
	for path, imports := range allowed {
		left[path] = imports
		for _, imported := range imports {
			if _, known := allowed[imported]; !known {
				t.Errorf("%s may import %s, which has no entry", path, imported)
			}
		}
	}
	for len(left) > 0 {
		before := len(left)
		for path, imports := range left {
			if !slices.ContainsFunc(imports, func(imported string) bool { _, waits := left[imported]; return waits }) {
				delete(left, path)
			}
		}
		if len(left) == before {
			t.Fatalf("the table has a cycle among %v", left)
		}
	}
}

// TestLinks checks what packages and commands link, however indirectly.
func TestLinks(t *testing.T) {
	const goTUF = "github.com/theupdateframework/go-tuf"
	const cometBFT = "github.com/cometbft/cometbft/"
	server := []string{"hullmark/ledger", "hullmark/lookup", "hullmark/abci", "hullmark/app"}
	rules := []struct {
		path   string
		reason string
		never  []string
	}{
		{"cmd/hullmark", "the verifier knows nothing of the server", append([]string{
			"hullmark/gateway", "hullmark/merkle/store", "hullmark/database", goTUF,
			cometBFT + "node", cometBFT + "consensus", cometBFT + "state", cometBFT + "store", cometBFT + "mempool",
			cometBFT + "p2p", cometBFT + "rpc", cometBFT + "light", cometBFT + "config", cometBFT + "statesync",
			"github.com/cometbft/cometbft-db", "github.com/cosmos/cosmos-db", "github.com/cockroachdb", "github.com/syndtr/goleveldb",
			"github.com/libp2p", "github.com/prometheus", "github.com/spf13/viper", "expvar", "net/http/pprof",
		}, server...)},
		{"cmd/hullmarkd", "go-tuf is a reference for tests", []string{goTUF}},
		{"client", "the verifier knows nothing of the server", server},
		{"oci", "the verifier knows nothing of the server", server},
		{"bundle", "the verifier knows nothing of the server", append([]string{goTUF}, server...)},
		{"gateway", "the gateway has its own interfaces", append([]string{"hullmark/client"}, server...)},
		{"change", "who only signs needs no network and no verifier", []string{"net/http", "github.com/cometbft", "github.com/spf13", "hullmark/bundle", "hullmark/client", "hullmark/keystore", "hullmark/safefile", "os/exec"}},
		{"sim/cmd/hullmark-sim", "the simulator links nothing it simulates, and no tests", append([]string{
			"github.com/cometbft", "hullmark/bundle", "hullmark/client", "hullmark/database", "hullmark/merkle", "hullmark/record", "testing",
		}, server...)},
		{"ledger", "consensus runs our own verifier, and knows nothing of its network", []string{goTUF, "github.com/cometbft"}},
		{"lookup", "answers are for every protocol", []string{goTUF, "hullmark/abci", "hullmark/app"}},
		{"abci", "consensus runs our own verifier", []string{goTUF}},
		{"tuf", "verification needs no network", []string{goTUF, "github.com/cometbft", "net/http"}},
		{"merkle", "verification needs no network", []string{"github.com", "net/http"}},
		{"reference", "names need the standard library only", []string{"github.com", "golang.org"}},
		{"placement", "placement needs the standard library only", []string{"github.com", "golang.org"}},
	}
	for _, rule := range rules {
		t.Run(rule.path, func(t *testing.T) {
			at := slices.IndexFunc(mustPackages(t), func(p pkg) bool { return p.ImportPath == module+"/"+rule.path })
			if at < 0 {
				t.Skip("does not exist yet")
			}
			for _, dep := range mustPackages(t)[at].Deps {
				for _, never := range rule.never {
					if under(dep, never) || strings.HasPrefix(dep, never) && strings.HasPrefix(never, "github.com/") {
						t.Errorf("links %s: %s", dep, rule.reason)
					}
				}
			}
		})
	}
}

// TestProgramsWithoutTestData: what helps tests is not in what users run.
func TestProgramsWithoutTestData(t *testing.T) {
	helpers := []string{"internal/fixture", "internal/liar", "internal/mistakes", "internal/workload"}
	programs := 0
	for _, p := range mustPackages(t) {
		path, _ := ours(p.ImportPath)
		if !under(path, "cmd") && !under(path, "sim/cmd") {
			continue
		}
		programs++
		for _, dep := range p.Deps {
			if linked, mine := ours(dep); mine && (strings.HasSuffix(linked, "test") || slices.Contains(helpers, linked)) {
				t.Errorf("%s links %s", path, linked)
			}
		}
	}
	if programs != 3 {
		t.Errorf("%d programs were checked, there are 3", programs)
	}
}

// TestKnownLinks lists what hullmark links and would rather not, with the imports by
// which it comes: all by CometBFT's types and their encoding. A hop that is gone is good
// news; then the package goes to the list of what is never linked, in TestLinks.
func TestKnownLinks(t *testing.T) {
	linked, err := list(".", "-deps", "./cmd/hullmark")
	if err != nil {
		t.Fatal(err)
	}
	imports := make(map[string][]string)
	for _, p := range linked {
		imports[p.ImportPath] = p.Imports
	}
	const bundle, types, abci = module + "/bundle", "github.com/cometbft/cometbft/types", "github.com/cometbft/cometbft/abci/types"
	for _, path := range [][]string{
		{bundle, types, abci, "google.golang.org/grpc"},
		{bundle, types, abci, "github.com/cosmos/gogoproto/grpc", "google.golang.org/grpc"},
		{bundle, types, abci, "google.golang.org/grpc", "golang.org/x/net/trace"},
		{bundle, "github.com/cometbft/cometbft/proto/tendermint/types", "github.com/cosmos/gogoproto/proto", "github.com/google/go-cmp/cmp"},
		{bundle, "github.com/cometbft/cometbft/proto/tendermint/types", "github.com/cosmos/gogoproto/proto", "google.golang.org/protobuf/testing/protocmp", "github.com/google/go-cmp/cmp"},
	} {
		for i, importer := range path[:len(path)-1] {
			if !slices.Contains(imports[importer], path[i+1]) {
				t.Errorf("%s does not import %s any more", importer, path[i+1])
			}
		}
	}
}

// TestBundleUsesLittleOfCometBFT: what a client trusts CometBFT with is the check
// of light blocks, and the types for it.
func TestBundleUsesLittleOfCometBFT(t *testing.T) {
	const cometBFT = "github.com/cometbft/cometbft/"
	permitted := []string{"types", "libs/math", "crypto", "crypto/ed25519", "version"}
	for _, p := range mustPackages(t) {
		path, _ := ours(p.ImportPath)
		if !under(path, "bundle") {
			continue
		}
		for _, imported := range p.Imports {
			name, found := strings.CutPrefix(imported, cometBFT)
			if found && !slices.Contains(permitted, name) && !under(name, "proto/tendermint") {
				t.Errorf("%s imports %s", path, imported)
			}
		}
	}
}
