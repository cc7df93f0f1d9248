package regressions

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// row is a failure elsewhere and what covers it here.
type row struct {
	id    string
	what  string
	tests []string // package.Test
	// why stands where there is nothing to test, or not yet.
	why string
}

var rows = []row{
	// Trust and verification.
	{"R1", "threshold of zero or less accepted for delegations (CVE-2026-23992)", []string{"tuf.TestRegr_R01", "tuf.TestDelegatedVerdictsAgreeWithGoTUF"}, ""},
	{"R2", "one key under two ids counts twice (go-tuf 733, GHSA-3633-5h82-39pq)", []string{"tuf.TestRegr_R02", "ledger.TestThresholdRecount"}, ""},
	{"R3", "version rollback (CVE-2022-29173)", []string{"bundle.TestRegr", "ledger.TestEquivocation", "ledger.TestReplay"}, ""},
	{"R4", "a huge version locks everybody out (NCC-3, TUF-01-002)", []string{"ledger.TestRejections", "ledger.TestRotations", "tuf.TestParseVectors"}, ""},
	{"R5", "algorithm of a signature not matched to its key (NCC-1)", []string{"keys.TestRegr_R05", "keys.TestRSARefusesOtherPadding"}, ""},
	{"R6", "expired root accepted (NCC-2)", []string{"tuf.TestRegr_R06", "ledger.TestExpiredRoot", "ledger.TestExpiredTargets", "bundle.TestRegr"}, ""},
	{"R7", "unknown JSON beside the signatures (TUF-01-001)", []string{"tuf.TestRegr_R07", "tuf.TestReencodingDecides", "ledger.TestMalleableFiles", "proto.TestUnmarshalRefuses"}, ""},
	{"R8", "signature over normalised bytes (CVE-2026-44309)", []string{"tuf.TestRegr_R08"}, ""},
	{"R9", "wrong order of delegations (CVE-2024-47534)", []string{"tuf.TestLookups", "bundle.TestDelegation"}, ""},
	{"R10", "client panics on malformed answers (CVE-2026-23991)", []string{"bundle.FuzzVerifyAnswers", "bundle.FuzzVerify", "client.TestBadNode", "cmd/hullmark.TestPanic"}, ""},
	{"R11", "path traversal by a name (CVE-2026-24686, CVE-2026-24137, TUF-01-004)", []string{"reference.TestRepositoryVectors", "reference.FuzzParseRepository", "keystore.TestNames", "client.TestFilePerRepository"}, ""},
	{"R12", "any valid log entry accepted (CVE-2026-22703, CVE-2022-36056)", []string{"bundle.TestRegr", "merkle.TestMapProofsAreForOneKey", "tests/e2e.TestNetwork"}, ""},
	{"R13", "parse failure counted as success (CVE-2026-39395, CVE-2022-35929)", []string{"bundle.TestRegr_R13EveryFieldMatters", "bundle.TestEveryByte", "bundle.TestCutShort"}, ""},
	{"R14", "panic, but exit status 0 (CVE-2026-44310)", []string{"cmd/hullmark.TestPanic", "cmd/hullmarkd.TestPanic"}, ""},
	{"R15", "one witness counted often (CVE-2026-49834)", []string{"tuf.TestRegr_R02", "record.TestNotaryThreshold", "ledger.TestNotaryKeys"}, ""},
	{"R16", "time not checked against the validity of a key (CVE-2026-54787)", []string{"bundle.TestRegr", "ledger.TestStolenTaggingKey"}, ""},
	{"R17", "endless signatures or proofs (CVE-2023-33957, CVE-2024-45395)", []string{"bundle.TestRegr", "tuf.TestTooLarge", "ledger.TestManySigners"}, ""},
	{"R18", "registry leads the verifier to another artifact (CVE-2023-33959)", []string{"cmd/hullmark.TestScripts"}, ""},
	{"R19", "rollback by a registry (CVE-2024-23332)", []string{"bundle.TestRegr", "client.TestBehind"}, ""},
	{"R20", "trust fetched from who is verified (CVE-2023-47122)", []string{"bundle.TestRegr", "client.TestImportAnchorConflict"}, ""},
	{"R21", "huge and compressed answers (CVE-2024-29902, CVE-2026-48702)", []string{"tests/regressions.TestRegr_R21HugeAnswers", "tests/regressions.TestRegr_R21Gzip", "tests/e2e.TestNetwork"}, ""},
	{"R22", "fields left out (CVE-2023-33199, CVE-2026-23831)", []string{"ledger.FuzzApply", "abci.FuzzCheckTx", "ledger.TestHostileSignedParts"}, ""},
	{"R23", "requests to where a payload or a redirect points (CVE-2026-24117)", []string{"tests/e2e.TestNetwork", "tests/regressions.TestRegr_R23Redirects"}, ""},
	{"R24", "unbounded metric labels (CVE-2026-49835)", []string{"tests/regressions.TestRegr_R24Labels"}, ""},
	{"R25", "fallback when a required delegation is missing (Connaisseur)", []string{"bundle.TestDelegation", "tuf.TestLookups"}, ""},
	{"R26", "enforcement is opt-in, digests skip it, first use trusts anything (Docker Content Trust)", []string{"bundle.TestRegr", "tests/e2e.TestNetwork"}, ""},
	{"R27", "path patterns differ between implementations (CVE-2021-41087, GHSA-pmwq-pjrm-6p5r)", []string{"tuf.TestPathsAgree"}, ""},
	{"R28", "an error of the system flips a check (CVE-2024-51491, NCC-8)", []string{"app.TestTLSFailsClosed", "keystore.TestUnsafeFiles", "client.TestHomeFails"}, ""},
	{"R29", "signing API without authentication (NCC-4)", []string{"app.TestOwnRemoteWithoutCertificate", "app.TestNoSigner"}, ""},
	{"R30", "secrets on the command line, in readable files (NCC-5, NCC-6, NCC-7)", []string{"keystore.TestFilesAreClosedToOthers", "keystore.TestPassphrases", "keystore.TestOpenPassphraseFile", "app.TestOpenRefusesReadableKeys", "app.TestHomeIsPrivate", "cmd/hullmark.TestNoSecretsInFlags", "cmd/hullmarkd.TestNoSecretsInFlags"}, ""},

	// CometBFT.
	{"C1", "block time from votes that were not verified (CSA-2026-001)", []string{"tests/archtest.TestRegr_CometBFTVersion", "abci.TestMedianTime", "abci.TestRelabelledVotes", "tests/byzantine.TestFaultyValidator", "bundle.TestRegr"}, ""},
	{"C2", "an invalid bit array halts the network (GHSA-hrhf-2vcr-ghch)", []string{"tests/archtest.TestRegr_CometBFTVersion", "tests/byzantine.TestStranger"}, ""},
	{"C3", "a block part with another index (GHSA-r3r4-g7hq-pq4f)", []string{"tests/archtest.TestRegr_CometBFTVersion", "tests/byzantine.TestStranger", "tests/byzantine.TestFaultyValidator"}, ""},
	{"C4", "block sync from a malicious peer (CVE-2025-24371)", []string{"tests/archtest.TestRegr_CometBFTVersion", "tests/byzantine.TestStranger"}, ""},
	{"C5", "state sync from a malicious node (GHSA-g5xx-c4hv-9ccc)", []string{"tests/archtest.TestRegr_CometBFTVersion", "abci.TestSnapshots"}, ""},
	{"C6", "vote extensions panic (GHSA-p7mv-53f2-4cwj, GHSA-qr8r-m495-7hc4)", []string{"tests/regressions.TestRegr_C06VoteExtensions"}, ""},
	{"C7", "deadlock by a debugging method (CVE-2023-34450)", []string{"tests/e2e.TestNetwork", "app.TestCheckEngine"}, ""},
	{"C8", "the same transaction without end (CVE-2023-34451)", []string{"tests/regressions.TestRegr_C08Duplicates", "tests/flood.TestFlood"}, ""},
	{"C9", "compressed requests (CVE-2019-25072)", []string{"tests/e2e.TestNetwork"}, ""},
	{"C10", "bad commits and evidence (CVE-2020-15091, CVE-2021-21271)", []string{"tests/archtest.TestRegr_CometBFTVersion", "tests/byzantine.TestFaultyValidator", "tests/byzantine.TestStranger"}, ""},

	// Dependencies and neighbours.
	{"D1", "scalars of Edwards25519 (CVE-2026-26958)", []string{"tests/archtest.TestRegr_MinimumVersions"}, ""},
	{"D2", "scalars of P-256 (CVE-2023-24533)", []string{"tests/archtest.TestRegr_MinimumVersions", "keys.TestP256Constants"}, ""},
	{"D3", "proofs that choose their own rules (GHSA-j92c-mmf7-j5x5)", []string{"merkle.TestMapProofCases", "record.TestLogRecordsCannotBeMapLeaves", "merkle/store.TestICS23AtOldVersions"}, ""},
	{"D4", "a key that is not in the set any more (CVE-2026-39984)", []string{"ledger.TestNotaryKeys", "bundle.TestKeyLosesItsPlace"}, ""},
	{"D5", "allocation before a limit (CVE-2025-66564, CVE-2025-66506)", []string{"record.TestDecodersAllocateWhatIsThere", "keystore.TestParseSealed"}, ""},
	{"D6", "credentials for another registry (CVE-2021-41092)", []string{"oci.TestCredentials", "oci.TestCredentialsStayWithTheirHost", "oci.TestBrokenHelpers", "oci.TestClear"}, ""},
	{"D7", "search path of plug-ins (CVE-2025-15558)", []string{"oci.TestHelpersOfTheWorkingDirectory"}, ""},
	{"D8", "a plug-in's name runs a program (GHSA-32gq-x56h-299c)", []string{"oci.TestBrokenHelpers"}, ""},
	{"D9", "identity documents (CVE-2025-62375)", nil, "no identity document of a cloud is read; an identity token of the Docker configuration is handed to the token server of its registry and decides nothing"},
}

// declared returns every test and fuzz target of the module, as package.Name.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	root := filepath.Join("..", "..")
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]+)\(`)
	names := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range function.FindAllSubmatch(b, -1) {
			names[filepath.ToSlash(dir)+"."+string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 300 {
		t.Fatalf("found %d tests only", len(names))
	}
	return names
}

// TestIndex: every row names tests that exist, or says why there is none.
func TestIndex(t *testing.T) {
	there := declared(t)
	seen := checkRows(t, rows, there)
	for prefix, count := range map[string]int{"R": 30, "C": 10, "D": 9} {
		for i := range count {
			if id := prefix + strconv.Itoa(i+1); !seen[id] {
				t.Errorf("no row %s", id)
			}
		}
	}
	checkRows(t, found, there)
}

// checkRows checks each row of a table by itself and returns the ids in it.
func checkRows(t *testing.T, table []row, there map[string]bool) map[string]bool {
	t.Helper()
	seen := make(map[string]bool)
	for _, r := range table {
		if seen[r.id] {
			t.Errorf("%s stands here twice", r.id)
		}
		seen[r.id] = true
		if (len(r.tests) == 0) != (r.why != "") {
			t.Errorf("%s needs either tests or a reason why there are none", r.id)
		}
		for _, name := range r.tests {
			if !there[name] {
				t.Errorf("%s (%s): there is no %s", r.id, r.what, name)
			}
		}
	}
	return seen
}
