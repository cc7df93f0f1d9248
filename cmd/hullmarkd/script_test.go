package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"hullmark/app"
	"hullmark/internal/nettest"
	"hullmark/internal/testnet"
	"hullmark/keystore"
)

// TestScripts runs the scripts in testdata. Each has two keys of four operators
// (keys/acme.key, keys/acme.pub, keys/acme-notary.key and so on, for acme, bolt,
// core and dune) and the passphrase that opens them; hullmark is on the PATH, and
// OFFSET0 to OFFSET3 are port offsets nobody else uses.
func TestScripts(t *testing.T) {
	bin := buildClient(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			return setupScript(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"field":    field,
			"follows":  follows,
			"provable": provable,
			"publish":  publish,
			"replace":  replace,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// buildClient builds hullmark and returns its directory.
func buildClient(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", dir, "hullmark/cmd/hullmark")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("couldn't build hullmark: %v\n%s", err, out)
	}
	return dir
}

func setupScript(env *testscript.Env) error {
	const passphrase = "correct horse"
	file := filepath.Join(env.WorkDir, "passphrase")
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		return err
	}
	// A low cost: these keys guard nothing.
	store := keystore.New(filepath.Join(env.WorkDir, "keys"), keystore.WithScryptLogN(4))
	for _, id := range []string{"acme", "bolt", "core", "dune"} {
		governance := keystore.TypeEd25519
		if id == "core" {
			governance = keystore.TypeECDSAP256
		}
		if _, err := store.Generate(id, governance, []byte(passphrase)); err != nil {
			return err
		}
		if _, err := store.Generate(id+"-notary", keystore.TypeEd25519, []byte(passphrase)); err != nil {
			return err
		}
	}
	const standard = 26656 // what offsets are counted from
	for i := range 4 {
		first, err := testnet.ReservePorts(standard)
		if err != nil {
			return err
		}
		env.Setenv(fmt.Sprintf("OFFSET%d", i), strconv.Itoa(first-standard))
		env.Setenv(fmt.Sprintf("P2P%d", i), fmt.Sprintf("127.0.0.1:%d", first))
		env.Setenv(fmt.Sprintf("URL%d", i), fmt.Sprintf("http://127.0.0.1:%d", first+24))
	}
	env.Setenv("HULLMARK_PASSPHRASE_FILE", file)
	env.Setenv("HULLMARK_HOME", filepath.Join(env.WorkDir, "client"))
	return nil
}

// exits runs a hullmarkd command and checks its exit status, and that it failed in
// the style of the program: "exits 2 genesis create".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	err := ts.Exec("hullmarkd", args[1:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("couldn't run hullmarkd: %v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit status %d instead of %s", got, args[0])
	}
	if got != 0 && !strings.Contains(ts.ReadFile("stderr"), "hullmarkd: error: ") {
		ts.Fatalf("no error on standard error")
	}
}

// field checks a value in the JSON object that was printed: "field operator acme".
func field(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: field PATH VALUE")
	}
	var value any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &value); err != nil {
		ts.Fatalf("not JSON: %v", err)
	}
	for name := range strings.SplitSeq(args[0], ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				ts.Fatalf("no element %s", name)
			}
			value = v[i]
		}
	}
	if got := fmt.Sprint(value); (got == args[1]) == neg {
		ts.Fatalf("%s is %q", args[0], got)
	}
}

// provable waits until all the nodes can prove a state: "provable URL...".
func provable(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: provable URL...")
	}
	ctx, cancel := context.WithTimeout(context.Background(), nettest.Patience)
	defer cancel()
	ts.Check(testnet.WaitProvable(ctx, 1, args...))
}

// follows waits until a node can prove what another one can now: "follows URL OTHER".
func follows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: follows URL OTHER")
	}
	ctx, cancel := context.WithTimeout(context.Background(), nettest.Patience)
	defer cancel()
	s, err := app.FetchStatus(ctx, args[1])
	ts.Check(err)
	ts.Check(testnet.WaitProvable(ctx, s.GetStateHeight(), args[0]))
}

// publish registers a repository and publishes a tag: "publish REPO TAG KEYFILE".
func publish(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: publish REPO TAG KEYFILE")
	}
	repo, ref := args[0], args[0]+":"+args[1]
	digest, root := "sha256:"+strings.Repeat("ab", 32), ""
	for _, command := range [][]string{
		{"key", "generate", "root"}, {"key", "generate", "tagging"},
		{"repo", "init", repo, "--root-key", "root", "--targets-key", "tagging", "-o", "app.request", "--quiet"},
		{"operator", "register", "app.request", "--key", args[2], "--expect-digest", ""},
		{"publish", ref, "--digest", digest, "--size", "3"},
		{"verify", ref},
	} {
		if last := len(command) - 1; command[last] == "" {
			command[last] = root // which repo init printed
		}
		ts.Check(ts.Exec("hullmark", command...))
		root = strings.TrimSpace(ts.ReadFile("stdout"))
	}
}

// replace replaces text in a file: "replace FILE OLD NEW".
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not contain %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}
