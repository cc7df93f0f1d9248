package regressions

// found lists the faults that others found in Hullmark itself by attacking it,
// operating it and reimplementing its specification, each with the tests that hold the
// right behaviour. Ids are those of the report, one row per point.
var found = []row{
	{"C2", "waiting 30 s for a transaction that the mempool had dropped", []string{"app.TestDroppedIsAnswered", "app.TestSubmissions", "abci.TestRefusedIsReported"}, ""},
	{"B1", "a node that left out the file which lists a digest turned a yes into a proven no", []string{"bundle.TestLeftOut", "bundle.TestLeftOutOfAnswers", "bundle.TestNotListedTakesAllFiles", "bundle.TestListedByRoleExpiredSince", "bundle.TestFilesWithoutRoom", "client.TestListedByLeftOutRole", "client.TestFilesInPortions"}, ""},
	{"A5", "one address shut a node's doors: waits, one-byte bodies and slow readers held places and memory, idle connections the last files", []string{"app.TestWaitingLookupsHoldNoPlaces", "app.TestPlacesOfOneAddress", "app.TestSlowBodiesHoldNoPlaces", "app.TestSlowReaders", "app.TestEmergencyPlaces", "app.TestForwardedFor", "app.TestRequestDeadlines", "app.TestFewFiles", "app.TestPlanFiles", "app/admission.TestIdleConnectionsMakeRoom", "app/admission.TestConnectionsPerClient", "app/admission.TestClient", "app/admission.TestReadBody", "app/admission.TestWriteAnswer", "tests/flood.TestFlood"}, ""},
	{"F1", "the first make demo compiled everything twice, for minutes, without a word", []string{"tests/archtest.TestOneSetOfFlags"}, ""},
	{"D6", "a node whose newest block was ten minutes old was called ready", []string{"bundle.TestStanding", "cmd/hullmark.TestStatusOfOldNode", "app.TestReasons", "app.TestUnready"}, ""},
	{"B3", "without HOME the working directory was the home, and a checkout the trust", []string{"internal/cli.TestDir", "cmd/hullmark.TestNoHome", "cmd/hullmarkd.TestNoHome"}, ""},
	{"F2", "the README's commands needed a registry it did not speak of, lost the exit status on the way to docker pull, and left open where keys are", []string{"cmd/hullmark.TestScripts"}, ""},
	{"E2", "fsck took a write that was cut off for damage, and could not look at a read-only file system", []string{"app.TestTornWAL", "app.TestTornWALGoesOn", "app.TestWALInFiles", "app.TestFsckReadOnly"}, ""},
	{"E3", "settings of config.toml were misspelt, ignored or broke other commands without a word", []string{"app.TestEveryEngineSetting", "app.TestEngineFile", "app.TestNearest"}, ""},
	{"E4", "a sign state of {} or null was taken for that of a validator that never signed", []string{"app.TestDecodeSignState", "app.TestForgottenSignatures"}, ""},
	{"H1", "a cancelled context and a node's answer raced, and the exit status was 6 instead of 130", []string{"internal/cli.TestInterrupted", "client.TestInterruptedByTheWay", "cmd/hullmark.TestInterruptedFirst", "internal/flakes.TestRounds"}, ""},
	{"E1", "another ledger's genesis.json over existing data was started with, and nothing found the wrong block afterwards", []string{"app.TestOtherGenesis", "app.TestFsckExecutes", "app.TestFsckCannotExecute", "merkle/store.TestBind", "merkle/store.TestPast", "ledger.TestBefore"}, ""},
	{"G1", "light blocks were specified by reference only: whose signatures count, by which equation, what binds what, the bytes of hashes", []string{"bundle.TestLightBlockVectors", "bundle.TestFollowVectors", "bundle.TestFollowAgrees"}, ""},
	{"G2", "ProtoJSON was read more leniently than the specification says; answers held fields their question had no use for, and nobody checked them", []string{"proto.TestUnmarshalJSONRefuses", "proto.TestUnmarshalJSONAccepts", "bundle.TestUnused"}, ""},
	{"G3", "places of the specification that had to be guessed, among them an order, a bound, a type of key and an address in a form of its own", []string{"bundle.TestNamed", "bundle.TestAnchorRefused", "bundle.TestVerifyTransaction", "record.TestCardVectors"}, ""},
	{"A1", "a thief's delegation outlived the rotation of the stolen key: the owner's next publish signed it", []string{"client.TestStolenDelegation", "client.TestNothingIsInheritedUnnamed", "client.TestRequestFromBeforeRotation", "client.TestDelegatedRoleInheritsNothing", "cmd/hullmark.TestScripts"}, ""},
	{"C1", "of four jobs that publish at once into one repository one gave up after five attempts, with most of its time unused", []string{"client.TestPublishTogether", "client.TestPublishGoesOn", "client.TestPublishRace"}, ""},
	{"C3", "an answer that was lost after sending was reported as a failure, and the transaction was in the ledger", []string{"client.TestUncertain", "cmd/hullmark.TestExitCode", "cmd/hullmark.TestScripts"}, ""},
	{"C6", "repo init, sign and operator register showed three digests for one root, and the operator saw one after the commit only", []string{"cmd/hullmark.TestScripts"}, ""},
	{"B6", "files that others can write or read were believed and kept secrets", []string{"safefile.TestRules", "safefile.TestCheck", "client.TestUnsafeHome", "keystore.TestUnsafeFiles", "keystore.TestOpenPassphraseFile", "app.TestOpenRefusesWritableFiles"}, ""},
	{"B7", "text from nodes, registries and files reached terminals and logs as it was", []string{"printable.TestLine", "cmd/hullmark.TestHostileText", "cmd/hullmarkd.TestHostileNode", "app.TestLogsArePrintable"}, ""},
	{"E9", "an expired certificate started silently and a renewed one needed a restart; counters did not exist before their first event; ports taken, corrupt databases, files of root and syntax errors had no hint", []string{"app.TestCertificate", "app.TestExpiredCertificate", "app.TestConfigEnvironment", "abci.TestSeriesFromTheStart", "app.TestMetricsAreDocumented"}, ""},
	{"B9", "whatever a registry answered was signed; loops and helpers never ended", []string{"oci.TestAnswers", "oci.TestShortBodies", "oci.TestRedirectLoop", "oci.TestHangingHelper", "oci.TestBrokenHelpers", "oci.TestHelpersOfTheWorkingDirectory", "oci.TestUntrustedCertificate", "oci.TestClear"}, ""},
}
