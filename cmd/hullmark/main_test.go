package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/internal/fixture"
	"hullmark/keystore"
	"hullmark/record"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hullmark": mainOfTests})
}

// mainOfTests is main, but for the cost of new keys: scripts open them hundreds of times.
func mainOfTests() {
	cli.Main(func(ctx context.Context, args []string) int {
		s := newSession(os.Stdin, os.Stdout, os.Stderr)
		s.keyOptions = []keystore.Option{keystore.WithScryptLogN(4)}
		return s.run(ctx, args)
	})
}

// TestUsage runs what nobody should type. Every case is refused with exit status 2,
// says why in one line and hints, and leaves no home behind.
func TestUsage(t *testing.T) {
	const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	for _, tc := range []struct{ name, args, want string }{
		{"unknown command", "verfy app:v1", "unknown command"},
		{"unknown subcommand", "key generat", "unknown command"},
		{"unknown flag", "verify --fast app:v1", "unknown flag"},
		{"unknown output", "--output yaml version", "unknown output"},
		{"bad timeout", "--timeout soon version", "invalid argument"},
		{"negative timeout", "--timeout -1s version", "negative"},
		{"bad node", "--node localhost version", "has no scheme; write http://localhost:26680"},
		{"argument for version", "version 1", "unknown command"},
		{"argument for status", "status now", "unknown command"},
		{"trust import nothing", "trust import", "accepts 1 arg"},
		{"key without name", "key generate", "accepts 1 arg"},
		{"bad key name", "key generate ../x", "invalid key name"},
		{"bad key type", "key generate x --type rsa", "unknown type"},
		{"export as JSON", "--output json key export x", "PEM"},
		{"import without file", "key import x", "accepts 2 arg"},
		{"repo init without keys", "repo init app", "--root-key"},
		{"repo init without targets key", "repo init app --root-key x", "--targets-key"},
		{"repo init of a bad name", "repo init App --root-key x --targets-key y", "invalid repository"},
		{"repo init of a tag", "repo init app:v1 --root-key x --targets-key y", "invalid repository"},
		{"repo init expired", "repo init app --root-key x --targets-key y --expires 0s", "future"},
		{"repo init for aeons", "repo init app --root-key x --targets-key y --expires 99999999d", "days"},
		{"repo show of a bad name", "repo show a//b", "invalid repository"},
		{"repo rotate expired", "repo rotate app --expires -1s", "future"},
		{"repo show of a bad role", "repo show app --role root", "invalid role"},
		{"publish in a bad role", "publish app:v1 --role targets/A", "invalid role"},
		{"publish in the root role", "publish app:v1 --role root", "invalid role"},
		{"delegate nothing", "repo delegate app", "accepts 2 arg"},
		{"delegate no change", "repo delegate app ci", "say what the role is to be"},
		{"delegate to a bad role", "repo delegate app CI --role-key x --path *", "invalid role"},
		{"delegate from a bad role", "repo delegate app ci --from A --role-key x --path *", "invalid role"},
		{"delegate and remove", "repo delegate app ci --remove --path *", "no other change"},
		{"delegate expired", "repo delegate app ci --remove --expires 0s", "future"},
		{"register without key", "operator register x", "--key"},
		{"register without request", "operator register", "accepts 1 arg"},
		{"publish nothing", "publish", "at least 1 arg"},
		{"publish without size", "publish app:v1 --digest " + digest, "go together"},
		{"publish without digest", "publish app:v1 --size 5", "go together"},
		{"publish a bad digest", "publish app:v1 --size 5 --digest sha256:1", "invalid digest"},
		{"publish a digest", "publish app@" + digest, "has no tag"},
		{"publish two digests", "publish app:v1@sha256:" + strings.Repeat("0", 64) + " --size 5 --digest " + digest, "different images"},
		{"publish a tag twice", "publish app:v1 app:v1", "twice"},
		{"withdraw nothing", "withdraw", "at least 1 arg"},
		{"withdraw a digest", "withdraw app:v1@" + digest, "names a digest"},
		{"withdraw a tag twice", "withdraw app:v1 app:v1", "twice"},
		{"withdraw expired", "withdraw app:v1 --expires 0s", "future"},
		{"revoke nothing", "revoke --reason mistake", "at least 1 arg"},
		{"revoke without reason", "revoke app@" + digest, "--reason"},
		{"revoke for a bad reason", "revoke app@" + digest + " --reason bored", "unknown reason"},
		{"revoke a tag", "revoke app:v1 --reason mistake", "has no digest"},
		{"revoke twice", "revoke app@" + digest + " app:v1@" + digest + " --reason mistake", "twice"},
		{"revoke by a bad role", "revoke app@" + digest + " --reason mistake --role snapshot", "unknown role"},
		{"lift nothing", "lift", "at least 1 arg"},
		{"lift a tag", "lift app:v1", "has no digest"},
		{"refresh nothing", "repo refresh", "at least 1 arg"},
		{"refresh a tag", "repo refresh app:v1", "invalid repository"},
		{"refresh twice", "repo refresh app app", "twice"},
		{"sign nothing", "sign", "accepts 1 arg"},
		{"submit nothing", "submit", "accepts 1 arg"},
		{"relay nothing", "operator relay", "accepts 1 arg"},
		{"relay without key", "operator relay x", "--key"},
		{"publish expired", "publish app:v1 --expires 0s", "future"},
		{"verify nothing", "verify", "accepts 1 arg"},
		{"verify two", "verify a b", "accepts 1 arg"},
		{"verify a bad reference", "verify app:v1:v2", "invalid"},
		{"verify a digest alone", "verify " + digest, "say which repository must vouch for it: REPO@sha256:"},
		{"inspect a digest alone", "inspect " + digest, "say which repository"},
		{"bundle of a digest alone", "bundle " + digest + " -o x", "say which repository"},
		{"publish a digest alone", "publish " + digest, "say which repository"},
		{"revoke a digest alone", "revoke " + digest + " --reason mistake", "say which repository"},
		{"verify as of block time from nodes", "verify app:v1 --as-of-block-time", "is for --bundle"},
		{"verify as of block time at an age", "verify app:v1 --bundle x --max-age 1h --as-of-block-time", "is for --bundle"},
		{"verify at no age", "verify app:v1 --max-age 0s", "positive"},
		{"verify a digest with the registry", "verify --registry app@" + digest, "name one"},
		{"bundle without file", "bundle app:v1", "-o"},
		{"bundle of a bad reference", "bundle @ -o x", "invalid"},
		{"inspect nothing", "inspect", "name a reference"},
		{"inspect two things", "inspect app:v1 --receipt x", "name a reference"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			t.Setenv("HULLMARK_HOME", "home")
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(tc.args), nil, &stdout, &stderr)
			lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
			if code != exitUsage || len(lines) != 2 || !strings.HasPrefix(lines[0], "hullmark: error: ") || !strings.Contains(lines[0], tc.want) ||
				!strings.HasPrefix(lines[1], "hullmark: hint: ") {
				t.Errorf("exit status %d, %q; want %d and %q", code, lines, exitUsage, tc.want)
			}
			if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
				t.Errorf("left behind: %v %v", files, err)
			}
		})
	}
}

// TestHelp runs every command with --help, which must tell what it prints in JSON.
func TestHelp(t *testing.T) {
	var stdout bytes.Buffer
	if code := run(t.Context(), nil, nil, &stdout, &stdout); code != exitOK || !strings.Contains(stdout.String(), "Exit status") {
		t.Errorf("without arguments: exit status %d, %q", code, &stdout)
	}
	for _, c := range []string{
		"trust import", "trust show", "key generate", "key list", "key export", "key import", "repo init", "repo show",
		"repo rotate", "repo delegate", "repo refresh", "operator register", "operator relay", "publish", "withdraw", "revoke", "lift", "sign", "submit", "verify", "bundle", "inspect", "status", "version",
	} {
		stdout.Reset()
		code := run(t.Context(), append(strings.Fields(c), "--help"), nil, &stdout, &stdout)
		if code != exitOK || !strings.Contains(stdout.String(), "JSON") {
			t.Errorf("%s --help: exit status %d, %q", c, code, &stdout)
		}
	}
}

// TestExitCode fixes what errors mean to scripts.
func TestExitCode(t *testing.T) {
	unanswered := &client.NodesError{Failures: []client.Warning{{Node: "a", Err: client.ErrUnreachable}}}
	lied := &client.NodesError{Failures: []client.Warning{{Node: "a", Err: client.ErrUnreachable}, {Node: "b", Err: bundle.ErrProof}}}
	for _, tc := range []struct {
		err  error
		code int
		name string
	}{
		{errors.New("something"), exitError, "error"},
		{cli.Usage("no"), exitUsage, "usage"},
		{bundle.ErrRequest, exitUsage, "usage"},
		{&bundle.Denial{Reason: bundle.ErrAbsentTag}, exitNotTrusted, "absent-tag"},
		{&bundle.Denial{Reason: bundle.ErrUnknownRepository}, exitNotTrusted, "unknown-repository"},
		{&bundle.Denial{Reason: bundle.ErrWithdrawn}, exitNotTrusted, "withdrawn"},
		{&bundle.Denial{Reason: bundle.ErrRevoked}, exitNotTrusted, "revoked"},
		{&bundle.Denial{Reason: bundle.ErrNotEffective}, exitNotTrusted, "not-effective"},
		{&bundle.Denial{Reason: bundle.ErrDifferentDigest}, exitNotTrusted, "different-digest"},
		{&bundle.Denial{Reason: bundle.ErrNotListed}, exitNotTrusted, "not-listed"},
		{&bundle.Denial{Reason: bundle.ErrPolicy}, exitNotTrusted, "policy"},
		{bundle.ErrProof, exitAttack, "verification-failed"},
		{bundle.ErrRollback, exitAttack, "verification-failed"},
		{bundle.ErrMalformed, exitAttack, "malformed-answer"},
		{bundle.ErrWrongLedger, exitAttack, "wrong-ledger"},
		{bundle.ErrFork, exitAttack, "fork"},
		{lied, exitAttack, "verification-failed"},
		{errSwapped, exitAttack, "registry-differs"},
		{record.Reject(record.CodeUnknownKey, "x"), exitRejected, "unknown-signer"},
		{record.Reject(record.Code(9999), "x"), exitRejected, "code-9999"},
		{bundle.ErrStale, exitUnreachable, "stale"},
		{bundle.ErrBehind, exitUnreachable, "behind"},
		{bundle.ErrAnchorExpired, exitUnreachable, "trust-anchor-expired"},
		{unanswered, exitUnreachable, "unreachable"},
		{client.ErrNotCommitted, exitUnreachable, "not-committed"},
		{&client.UncertainError{Err: unanswered}, exitUncertain, "outcome-unknown"},
		{&client.UncertainError{Err: client.ErrNotCommitted}, exitUncertain, "outcome-unknown"},
		{&client.UncertainError{Err: record.Reject(record.CodeRevoked, "x")}, exitUncertain, "outcome-unknown"},
		{&client.UncertainError{Err: context.DeadlineExceeded}, exitUncertain, "outcome-unknown"},
		{&client.UncertainError{Err: context.Canceled}, exitInterrupted, "outcome-unknown"},
		{&client.UncertainError{Err: lied}, exitAttack, "outcome-unknown"},
		{context.DeadlineExceeded, exitUnreachable, "timeout"},
		{context.Canceled, exitInterrupted, "interrupted"},
		{record.ErrNewer, exitError, "newer-format"},
		{bundle.ErrMemory, exitError, "bad-memory"},
		{bundle.ErrAnchor, exitError, "bad-trust-anchor"},
		{bundle.ErrUnrelated, exitError, "unrelated-trust-anchor"},
		{bundle.ErrNotNewer, exitError, "trust-anchor-not-newer"},
		{client.ErrNoAnchor, exitError, "no-trust-anchor"},
		{client.ErrNoNodes, exitError, "no-nodes"},
		{keystore.ErrPassphrase, exitError, "wrong-passphrase"},
	} {
		wrapped := fmt.Errorf("couldn't do it: %w", tc.err)
		name, hint := explain(wrapped)
		if got := exitCode(wrapped); got != tc.code || name != tc.name {
			t.Errorf("%v: exit status %d named %q, want %d named %q", tc.err, got, name, tc.code, tc.name)
		}
		if hint == "" && tc.code != exitError && tc.code != exitInterrupted && tc.name != "code-9999" {
			t.Errorf("%v: no hint", tc.err)
		}
	}
}

// TestNodes checks where the nodes to ask come from, and who is to blame.
func TestNodes(t *testing.T) {
	const down = "http://127.0.0.1:1"
	anchored := func(dir string) error {
		home, err := client.OpenHome(dir)
		if err != nil {
			return err
		}
		_, err = home.ImportAnchor(t.Context(), otherAnchor(t), time.Now())
		return err
	}
	for _, tc := range []struct {
		name, nodes, flags string
		prepare            func(dir string) error
		code               int
		want               []string
	}{
		{"fresh home", "", "", nil, exitError, []string{"no trust anchor", "trust import trust.json --node"}},
		{"no nodes", "", "", anchored, exitError, []string{"no nodes configured", "HULLMARK_NODES"}},
		{"spaces", " " + down + " ,\thttp://127.0.0.1:2 ", "", anchored, exitUnreachable, []string{"127.0.0.1:1: ", "127.0.0.1:2: "}},
		{"not a URL", down + ", localhost", "", anchored, exitError, []string{"HULLMARK_NODES", `"localhost"`}},
		{"comma at the end", down + ",", "", anchored, exitError, []string{"HULLMARK_NODES", `""`}},
		{"twice", down + ", " + down, "", anchored, exitError, []string{"HULLMARK_NODES", "twice"}},
		{"flag wins", "localhost", "--node " + down, anchored, exitUnreachable, []string{"127.0.0.1:1: "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Setenv("HULLMARK_HOME", dir)
			t.Setenv("HULLMARK_NODES", tc.nodes)
			if tc.prepare != nil {
				if err := tc.prepare(dir); err != nil {
					t.Fatal(err)
				}
			}
			var stdout, stderr bytes.Buffer
			args := append(strings.Fields(tc.flags), "verify", "registry.example.com/app:v1")
			if code := run(t.Context(), args, nil, &stdout, &stderr); code != tc.code {
				t.Errorf("exit status %d, want %d", code, tc.code)
			}
			for _, want := range tc.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%q lacks %q", &stderr, want)
				}
			}
		})
	}
}

// TestBrokenHome checks that a broken file of the home is named, with what to do.
func TestBrokenHome(t *testing.T) {
	for file, hint := range map[string]string{
		"memory/chain.json": "roll back",
		"trust.json":        "get trust.json again",
	} {
		t.Run(file, func(t *testing.T) {
			home, err := client.OpenHome(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := home.ImportAnchor(t.Context(), otherAnchor(t), time.Now()); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(home.Dir(), file)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
			var stdout, stderr bytes.Buffer
			args := []string{"--home", home.Dir(), "--node", "http://127.0.0.1:1", "verify", "registry.example.com/app:v1"}
			code := run(t.Context(), args, nil, &stdout, &stderr)
			_, got, found := strings.Cut(stderr.String(), "hint: ")
			if code != exitError || !found || !strings.Contains(stderr.String(), path) || !strings.Contains(got, hint) {
				t.Errorf("exit status %d, %q", code, &stderr)
			}
		})
	}
}

// TestTimeout checks that every command which asks nodes ends by itself, and that
// those which ask the user for things alone do not.
func TestTimeout(t *testing.T) {
	for _, tc := range []struct {
		args string
		want time.Duration // zero for none
	}{
		{"verify", readTimeout},
		{"bundle", readTimeout},
		{"inspect", readTimeout},
		{"status", readTimeout},
		{"repo show", readTimeout},
		{"publish", writeTimeout},
		{"operator register", writeTimeout},
		{"repo rotate", writeTimeout},
		{"repo init", 0},
		{"key generate", 0},
		{"trust import", 0},
		{"version", 0},
		{"verify --timeout 5s", 5 * time.Second},
		{"publish --timeout 1h", time.Hour},
		{"verify --timeout 0", 0},
		{"key generate --timeout 5s", 5 * time.Second},
	} {
		t.Run(tc.args, func(t *testing.T) {
			s := &session{stdout: io.Discard, stderr: io.Discard}
			defer s.close()
			cmd, flags, err := newRoot(s).Find(strings.Fields(tc.args))
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.ParseFlags(flags); err != nil {
				t.Fatal(err)
			}
			cmd.SetContext(t.Context())
			if err := s.open(cmd, nil); err != nil {
				t.Fatal(err)
			}
			var got time.Duration
			if s.limit != nil {
				got = s.limit.left
			}
			if got != tc.want {
				t.Errorf("ends after %v, want %v", got, tc.want)
			}
		})
	}
}

// TestInterrupted ends a command as Ctrl-C does.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	home, err := client.OpenHome(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home.ImportAnchor(t.Context(), otherAnchor(t), time.Now()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	args := []string{"--home", home.Dir(), "--node", "http://127.0.0.1:1", "verify", "registry.example.com/app:v1"}
	if code := run(ctx, args, nil, &out, &out); code != exitInterrupted {
		t.Errorf("exit status %d, %q", code, &out)
	}
}

// TestInterruptedFirst: whatever a command failed with when Ctrl-C came, its exit
// status is that of an interruption, unless the command line was wrong.
func TestInterruptedFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		client.ErrUnreachable, &client.NodesError{}, bundle.ErrStale, errSwapped, cli.Shown(bundle.ErrStale), context.DeadlineExceeded,
		record.Reject(record.CodeStaleScope, "x"), errors.New("x"), fmt.Errorf("couldn't ask: %w", context.Canceled),
	} {
		for _, output := range []string{outputText, outputJSON} {
			s := &session{stdout: io.Discard, stderr: io.Discard, output: output}
			if code := s.fail(ctx, err); code != exitInterrupted {
				t.Errorf("%v: exit status %d", err, code)
			}
		}
	}
	s := &session{stdout: io.Discard, stderr: io.Discard}
	if code := s.fail(ctx, cli.Usage("unknown flag")); code != exitUsage {
		t.Errorf("usage: exit status %d", code)
	}
}

// panics is a writer with a defect.
type panics struct{}

func (panics) Write([]byte) (int, error) { panic("defect") }

// TestPanic checks that a defect does not look like a usage error.
func TestPanic(t *testing.T) {
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"version"}, nil, panics{}, &stderr); code != exitError || !strings.Contains(stderr.String(), "internal error: defect") {
		t.Errorf("exit status %d, %q", code, &stderr)
	}
}

// fails is a full disk, or a pipe that nobody reads.
type fails struct{}

func (fails) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestUnwritableOutput(t *testing.T) {
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"version"}, nil, fails{}, &stderr); code != exitError {
		t.Errorf("exit status %d, %q", code, &stderr)
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]string{"90s": "1m30s", "12h": "12h0m0s", "48h": "2d", "30d": "30d", "0d": "0s"} {
		v := durationValue{new(time.Duration)}
		if err := v.Set(text); err != nil || v.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, v, err, want)
		}
	}
	for _, text := range []string{"", "d", "-1d", "1.5d", "36501d", "99999999999999999999d", "1w", "5"} {
		v := durationValue{new(time.Duration)}
		if err := v.Set(text); err == nil {
			t.Errorf("%q: accepted as %s", text, v)
		}
	}
}

// Test that nothing is signed below a root that is expired, and that the advice works:
// to renew the root, not the list.
func TestExpiredRoot(t *testing.T) {
	p := fixture.NewConsortium(t, 4).NewPublisher("registry.example.com/app")
	for left, want := range map[time.Duration]error{time.Hour: nil, -time.Hour: errRootExpired} {
		p.Expires = time.Now().Add(left).UTC().Truncate(time.Second)
		err := checkRoot(p.Root(1))
		if !errors.Is(err, want) {
			t.Errorf("%s left: %v", left, err)
		}
		if _, hint := explain(err); want != nil && !strings.Contains(hint, "repo rotate") {
			t.Errorf("hint %q", hint)
		}
	}
}
