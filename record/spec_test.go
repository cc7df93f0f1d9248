package record_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

func readSpec(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../docs/spec.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// section returns the text under a heading, up to the next one.
func section(t *testing.T, spec, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(spec, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("docs/spec.md has no heading %q", heading)
	}
	if i := strings.Index(rest, "\n#"); i >= 0 {
		rest = rest[:i]
	}
	return rest
}

// tableRows returns the cells of the tables in a section, without heads.
func tableRows(text string) [][]string {
	var rows [][]string
	head := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			head = true
		case strings.HasPrefix(line, "|---"):
			head = false
		case !head:
			var cells []string
			for _, c := range strings.Split(strings.Trim(line, "|"), "|") {
				cells = append(cells, strings.TrimSpace(c))
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

func TestSpecListsTheCodes(t *testing.T) {
	var want [][]string
	for _, c := range declaredCodes(t) {
		want = append(want, []string{strconv.Itoa(int(c)), "`" + c.Name() + "`", c.Error()})
	}
	got := tableRows(section(t, readSpec(t), "## Rejection codes"))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("codes.go and docs/spec.md differ (-code +spec):\n%s", d)
	}
	known := make(map[string]bool)
	for _, row := range got {
		known[row[1]] = true
	}
	for _, heading := range []string{"### Order of checks", "### Defects of metadata files"} {
		for _, row := range tableRows(section(t, readSpec(t), heading)) {
			for _, name := range regexp.MustCompile("`[a-z]+-[a-z-]+`").FindAllString(row[len(row)-1], -1) {
				if !known[name] {
					t.Errorf("%s: there is no code %s", heading, name)
				}
			}
		}
	}
}

func TestSpecListsTheLimits(t *testing.T) {
	limits := map[string]uint64{
		"MaxTransactionSize": record.MaxTransactionSize, "MaxChainID": record.MaxChainID, "MaxScopes": record.MaxScopes,
		"MaxRotations": record.MaxRotations, "MaxRoles": record.MaxRoles, "MaxRepositorySize": record.MaxRepositorySize,
		"MaxRoleName": uint64(record.MaxRoleName), "MaxPatterns": record.MaxPatterns, "MaxSubmitterKey": record.MaxSubmitterKey, "MaxChanges": record.MaxChanges, "MaxStatementDigests": record.MaxStatementDigests, "MaxNote": record.MaxNote, "MaxVouchers": record.MaxVouchers,
		"MaxKeyIDs": record.MaxKeyIDs, "MaxNotaryLists": record.MaxNotaryLists, "MaxNameLength": record.MaxNameLength,
		"MaxOperators": record.MaxOperators, "MaxNamespaces": record.MaxNamespaces, "MaxActivations": record.MaxActivations,
		"MaxKeySize": record.MaxKeySize, "MaxRecordSize": record.MaxRecordSize, "MaxGenesisSize": record.MaxGenesisSize, "MaxCardSize": record.MaxCardSize,
		"MaxRepositoryLength": reference.MaxRepositoryLength, "MaxTagLength": reference.MaxTagLength,
		"MaxRootSize": tuf.MaxRootSize, "MaxTargetsSize": tuf.MaxTargetsSize, "MaxSignatures": tuf.MaxSignatures,
		"MaxThreshold": tuf.MaxThreshold, "MaxRoleKeys": tuf.MaxRoleKeys, "MaxNotaryKeys": tuf.MaxNotaryKeys,
		"MaxRootKeys": tuf.MaxRootKeys, "MaxDelegations": tuf.MaxDelegations, "MaxDelegationKeys": tuf.MaxDelegationKeys,
		"MaxPaths": tuf.MaxPaths, "MaxPathSize": tuf.MaxPathSize, "MaxDepth": tuf.MaxDepth, "MaxStringSize": tuf.MaxStringSize,
		"MaxInteger": tuf.MaxInteger, "MaxLogSize": merkle.MaxLogSize, "MaxLogProof": merkle.MaxLogProof,
		"MaxMapDepth": merkle.MaxMapDepth, "MaxMetaSize": merkle.MaxMetaSize, "MaxParts": proto.MaxParts,
	}
	listed := make(map[string]bool)
	for _, row := range tableRows(section(t, readSpec(t), "## Limits")) {
		name := strings.Trim(row[0], "`")
		listed[name] = true
		if want, ok := limits[name]; !ok || row[1] != strconv.FormatUint(want, 10) {
			t.Errorf("%s is %s in docs/spec.md, %d in the code", name, row[1], want)
		}
	}
	for name := range limits {
		if !listed[name] {
			t.Errorf("docs/spec.md does not list %s", name)
		}
	}
	// The packages below have limits of their own for the same things.
	if record.MaxRecordSize != merkle.MaxRecordSize {
		t.Errorf("records of %d and of %d bytes", record.MaxRecordSize, merkle.MaxRecordSize)
	}
	if record.MaxChainID != tuf.MaxLedgerSize {
		t.Errorf("ledger ids of %d and of %d bytes", record.MaxChainID, tuf.MaxLedgerSize)
	}
}

func TestSpecListsTheQuotas(t *testing.T) {
	p := record.DefaultParams()
	quotas := map[string]record.Quota{
		"ordinary": p.Quotas[record.QuotaOrdinary], "revoking": p.Quotas[record.QuotaRevoking],
		"root-signed": p.Quotas[record.QuotaRoot], "operator": p.OperatorQuota,
	}
	for _, row := range tableRows(section(t, readSpec(t), "### Quota")) {
		want, ok := quotas[row[0]]
		if !ok {
			continue // the other table
		}
		delete(quotas, row[0])
		if got := row[1] + " " + row[2]; got != fmt.Sprint(want.Capacity, " ", want.Refill) {
			t.Errorf("%s: %s in docs/spec.md, %+v in the code", row[0], got, want)
		}
	}
	for name := range quotas {
		t.Errorf("docs/spec.md does not list the quota %q", name)
	}
}

func TestSpecExample(t *testing.T) {
	key := record.TagKey(nginx, reference.MustParseTag("1.0"))
	n := len(nginx.String())
	want := fmt.Sprintf("`%x %x %x %x %x`", key[:1], key[1:3], key[3:3+n], key[3+n:5+n], key[5+n:])
	if !strings.Contains(readSpec(t), want) {
		t.Errorf("docs/spec.md does not show %s", want)
	}
}

// References from the code to docs/spec.md lead somewhere, and so do the links
// and the paths in it.
func TestSpecReferences(t *testing.T) {
	spec := readSpec(t)
	headings := make(map[string]bool)
	anchors := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(spec, -1) {
		if headings[m[1]] {
			t.Errorf("docs/spec.md has two headings %q", m[1])
		}
		headings[m[1]] = true
		anchor := strings.ReplaceAll(strings.ToLower(m[1]), " ", "-")
		anchors[regexp.MustCompile(`[^a-z0-9-]`).ReplaceAllString(anchor, "")] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(spec, -1) {
		if !anchors[m[1]] {
			t.Errorf("docs/spec.md links to #%s, which is not there", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`(tests/vectors/[a-z/-]*\\.json)`").FindAllStringSubmatch(spec, -1) {
		if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
			t.Error(err)
		}
	}
	reference := regexp.MustCompile(`docs/spec\.md,[\s/]+"([^"]+)"`)
	found := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".." {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".proto") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range reference.FindAllStringSubmatch(string(b), -1) {
			found++
			if heading := strings.Join(strings.Fields(strings.ReplaceAll(m[1], "//", " ")), " "); !headings[heading] {
				t.Errorf("%s refers to %q, which is no heading of docs/spec.md", path, heading)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 15 {
		t.Errorf("found %d references only", found)
	}
}
