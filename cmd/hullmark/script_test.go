package main

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"hullmark/app"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/liar"
	"hullmark/internal/testnet"
	"hullmark/keystore"
)

// TestScripts runs the scripts in testdata against one network of four validators
// and one registry. Each script has a home of its own, with the trust anchor, the
// nodes and three keys (root, tagging, stranger), and a repository name of its own.
//
// Environment: REPO, REGISTRY, NODE0, TRUST, OLDER_TRUST (an anchor of
// an older block), OTHER_TRUST (one of another ledger), OPERATOR_KEY, OTHER_OPERATOR_KEY
// and THIRD_OPERATOR_KEY (of operators with other namespaces), DIGEST and DIGEST2 (of nothing in particular). The files guide.sh and
// readme.sh have the commands of docs/publishers.md and README.md, bare.sh those of the latter
// without Docker and registry.
func TestScripts(t *testing.T) {
	w := newWorld(t)
	testscript.Run(t, testscript.Params{
		Dir:   "testdata",
		Setup: w.setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       exits,
			"field":       field,
			"fields":      fields,
			"savefield":   saveField,
			"eventually":  eventually,
			"digestof":    digestOf,
			"pushimage":   pushImage,
			"register":    w.register,
			"publishmany": publishMany,
			"liar":        w.liar,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// world is what all scripts share.
type world struct {
	t        *testing.T
	network  *testnet.Network
	registry string
	anchor   []byte
	older    []byte
	other    []byte
}

func newWorld(t *testing.T) *world {
	images := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(images.Close)
	w := &world{t: t, registry: strings.TrimPrefix(images.URL, "http://"), other: otherAnchor(t)}
	var err error
	w.network, err = testnet.Create(testnet.Options{
		Dir: t.TempDir(), Name: "script", Validators: 4, Namespaces: []string{w.registry},
		GenesisTime: time.Now(), TimeoutCommit: 100 * time.Millisecond,
		Unlimited: true, // all scripts at once are one client
		Log:       app.LogConfig{Level: "error", EngineLevel: "error", Format: "text"},
	})
	if err != nil {
		t.Fatal(err)
	}
	running, err := testnet.Run(w.network, "test", func(int) io.Writer { return io.Discard })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := running.Stop(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var height uint64
	// Two anchors, the second of a later block.
	for _, to := range []*[]byte{&w.older, &w.anchor} {
		if err := testnet.WaitProvable(ctx, height+1, w.network.URLs()...); err != nil {
			t.Fatal(err)
		}
		anchor, err := running.Nodes[0].Anchor()
		if err != nil {
			t.Fatal(err)
		}
		if *to, err = anchor.Encode(); err != nil {
			t.Fatal(err)
		}
		height = uint64(anchor.Block.Height)
	}
	return w
}

// otherAnchor returns a trust anchor of another ledger.
func otherAnchor(t *testing.T) []byte {
	chain := bundletest.NewChain(t, fixture.NewConsortium(t, 4))
	chain.Commit()
	chain.Commit()
	b, err := chain.Anchor(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// setup prepares the home of a script.
func (w *world) setup(env *testscript.Env) error {
	home := filepath.Join(env.WorkDir, "home")
	h, err := client.OpenHome(home)
	if err != nil {
		return err
	}
	if _, err := h.ImportAnchor(context.Background(), w.anchor, time.Now()); err != nil {
		return err
	}
	if err := client.SaveConfig(home, client.Config{Nodes: w.network.URLs()}); err != nil {
		return err
	}
	passphrase, err := os.ReadFile(w.network.PassphraseFile)
	if err != nil {
		return err
	}
	// A low cost: these keys guard nothing.
	store := keystore.New(filepath.Join(home, "keys"), keystore.WithScryptLogN(4))
	for _, key := range []string{"root", "tagging", "stranger"} {
		if _, err := store.Generate(key, keystore.TypeEd25519, bytes.TrimSpace(passphrase)); err != nil {
			return err
		}
	}
	for file, content := range map[string][]byte{"trust.json": w.anchor, "older.json": w.older, "other.json": w.other} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, file), content, 0o600); err != nil {
			return err
		}
	}
	for script, from := range map[string]struct{ document, without string }{
		"guide.sh": {"docs/publishers.md", ""}, "readme.sh": {"README.md", ""},
		"bare.sh": {"README.md", "docker"}, // where there is no registry
	} {
		names := []string{
			"registry.example.com", w.registry, "localhost:5000", w.registry,
			"https://hullmark.example.com", w.network.URLs()[0],
			"~/.hullmark-devnet/operators/operator-0.key", w.network.Operators[0].KeyFile,
		}
		if from.without != "" {
			names = append([]string{"localhost:5000/demo/", w.registry + "/bare/"}, names...)
		}
		commands, err := documentScript(filepath.Join("..", "..", from.document), from.without, strings.NewReplacer(names...))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, script), commands, 0o600); err != nil {
			return err
		}
	}
	env.Values[liarsKey{}] = make(map[string]*liar.Liar)
	digest := func(text string) string { return fixture.Digest(text).String() }
	for name, value := range map[string]string{
		"HULLMARK_HOME":            home,
		"HULLMARK_PASSPHRASE_FILE": w.network.PassphraseFile,
		"DOCKER_CONFIG":            filepath.Join(env.WorkDir, "docker"),
		"REGISTRY":                 w.registry,
		"REPO":                     w.registry + "/" + strings.TrimPrefix(filepath.Base(env.WorkDir), "script-") + "/app",
		"NODE0":                    w.network.URLs()[0],
		"TRUST":                    filepath.Join(env.WorkDir, "trust.json"),
		"OTHER_TRUST":              filepath.Join(env.WorkDir, "other.json"),
		"OLDER_TRUST":              filepath.Join(env.WorkDir, "older.json"),
		"OPERATOR_KEY":             w.network.Operators[0].KeyFile,
		"OTHER_OPERATOR_KEY":       w.network.Operators[1].KeyFile,
		"THIRD_OPERATOR_KEY":       w.network.Operators[2].KeyFile,
		"DIGEST":                   digest("one"),
		"DIGEST2":                  digest("two"),
	} {
		env.Setenv(name, value)
	}
	return nil
}

// exits runs a hullmark command and checks its exit status, and that it failed in
// the style of the program: "exits 3 verify REF".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	err := ts.Exec("hullmark", args[1:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("couldn't run hullmark: %v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d instead of %s", got, args[0])
	}
	if got != 0 && !strings.Contains(ts.ReadFile("stderr"), "hullmark: error: ") {
		ts.Fatalf("no error on standard error")
	}
}

// digestOf sets an environment variable to the SHA-256 of the first file of a request:
// "digestof REQUEST VARIABLE".
func digestOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: digestof REQUEST VARIABLE")
	}
	ts.Check(ts.Exec("hullmark", "--output", "json", "sign", args[0], "--show"))
	saveField(ts, false, []string{"files.0.signed_digest", args[1]})
}

// eventually runs a hullmark command until its standard output matches, for what no
// command waits for: "eventually REGEXP COMMAND...".
func eventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP COMMAND...")
	}
	want := regexp.MustCompile(args[0])
	for range 600 {
		if err := ts.Exec("hullmark", args[1:]...); err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	ts.Fatalf("%q was never shown", args[0])
}

// documentScript returns the commands of a document as a shell script: those in its
// blocks of type sh, but for blocks that speak of what the machine is without (empty: has
// all), with names in place of its examples that are there.
func documentScript(file, without string, names *strings.Replacer) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	var block string
	inside := false
	for line := range strings.Lines(string(text)) {
		switch {
		case line == "```sh\n":
			inside, block = true, ""
		case strings.HasPrefix(line, "```"):
			if inside && (without == "" || !strings.Contains(block, without)) {
				out.WriteString(names.Replace(block))
			}
			inside = false
		case inside:
			block += line
		}
	}
	return out.Bytes(), nil
}

// object returns the JSON object that the last command printed.
func object(ts *testscript.TestScript) map[string]any {
	text := ts.ReadFile("stdout")
	if strings.Count(text, "\n") != 1 {
		ts.Fatalf("not one line: %q", text)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		ts.Fatalf("not a JSON object: %v", err)
	}
	return out
}

// field checks a value in the JSON object that was printed: "field error.code
// stale". Numbers in the path are indices of lists.
func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: field PATH VALUE")
	}
	if got := fmt.Sprint(valueAt(ts, args[0])); (got == args[1]) == neg {
		ts.Fatalf("%s is %s", args[0], got)
	}
}

// saveField sets an environment variable to a value in the JSON object that was
// printed: "savefield PATH VARIABLE".
func saveField(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: savefield PATH VARIABLE")
	}
	ts.Setenv(args[1], fmt.Sprint(valueAt(ts, args[0])))
}

// valueAt returns a value in the JSON object that was printed; nil for none.
func valueAt(ts *testscript.TestScript, path string) any {
	var at any = object(ts)
	for step := range strings.SplitSeq(path, ".") {
		switch v := at.(type) {
		case map[string]any:
			at = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s has no %s", path, step)
			}
			at = v[i]
		default:
			at = nil
		}
	}
	return at
}

// fields checks the names in the JSON object that was printed, all of them.
func fields(ts *testscript.TestScript, neg bool, args []string) {
	got := slices.Sorted(maps.Keys(object(ts)))
	want := slices.Sorted(slices.Values(args))
	if neg || !slices.Equal(got, want) {
		ts.Fatalf("fields %v, want %v", got, want)
	}
}

// pushImage pushes an image to the registry and sets an environment variable to
// its digest: "pushimage REF TEXT VARIABLE". The text makes the image. The names
// VARIABLE_SHA384, VARIABLE_SHA512 and VARIABLE_SIZE tell more about the manifest.
func pushImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: pushimage REF TEXT VARIABLE")
	}
	ref, err := name.ParseReference(args[0])
	ts.Check(err)
	config := &v1.ConfigFile{
		Architecture: "amd64", OS: "linux", RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{Labels: map[string]string{"text": args[1]}},
	}
	built, err := mutate.ConfigFile(empty.Image, config)
	ts.Check(err)
	ts.Check(remote.Write(ref, built))
	digest, err := built.Digest()
	ts.Check(err)
	ts.Setenv(args[2], digest.String())
	manifest, err := built.RawManifest()
	ts.Check(err)
	ts.Setenv(args[2]+"_SHA384", fmt.Sprintf("sha384:%x", sha512.Sum384(manifest)))
	ts.Setenv(args[2]+"_SHA512", fmt.Sprintf("sha512:%x", sha512.Sum512(manifest)))
	ts.Setenv(args[2]+"_SIZE", strconv.Itoa(len(manifest)))
}

// register registers a repository: "register REPO".
func (w *world) register(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: register REPO")
	}
	ts.Check(os.RemoveAll(ts.MkAbs("registration"))) // of another repository
	ts.Check(ts.Exec("hullmark", "repo", "init", args[0], "--root-key", "root", "--targets-key", "tagging", "-o", "registration"))
	digestOf(ts, false, []string{"registration", "REGISTRATION"})
	ts.Check(ts.Exec("hullmark", "operator", "register", "registration", "--key", ts.Getenv("OPERATOR_KEY"), "--expect-digest", ts.Getenv("REGISTRATION")))
}

// publishMany publishes many tags at once: "publishmany STATUS REPO PREFIX COUNT".
func publishMany(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: publishmany STATUS REPO PREFIX COUNT")
	}
	count, err := strconv.Atoi(args[3])
	ts.Check(err)
	command := []string{args[0], "publish", "--digest", ts.Getenv("DIGEST"), "--size", "3"}
	for i := range count {
		command = append(command, fmt.Sprintf("%s:%s%d", args[1], args[2], i))
	}
	exits(ts, false, command)
}

// liar puts a lying node in front of an honest one, or changes what it does, and
// sets an environment variable to its address: "liar VARIABLE LIE".
func (w *world) liar(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: liar VARIABLE LIE")
	}
	liars := ts.Value(liarsKey{}).(map[string]*liar.Liar)
	l := liars[args[0]]
	if l == nil {
		l = liar.New(w.network.URLs()[0])
		server, err := l.Serve("127.0.0.1:0")
		ts.Check(err)
		ts.Defer(func() { ts.Check(server.Close()) })
		ts.Setenv(args[0], server.URL)
		liars[args[0]] = l
	}
	l.Honest()
	switch args[1] {
	case "record":
		l.Record("/v1/")
	case "replay":
		l.Replay("/v1/")
	case "no-targets":
		l.Tell("/v1/resolve", liar.DropTargets())
	case "half":
		l.Tell("/v1/", liar.Half())
	case "swallow":
		l.Tell("/v1/tx", liar.Swallow())
	case "hang":
		l.Tell("/v1/", liar.Hang())
	default:
		ts.Fatalf("unknown lie %s", args[1])
	}
}

// liarsKey is where a script's liars are kept.
type liarsKey struct{}
