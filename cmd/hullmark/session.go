package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
	"hullmark/keystore"
	"hullmark/oci"
	"hullmark/printable"
	"hullmark/safefile"
)

// session is one run of the program: where it reads and writes, and the flags
// that all commands share.
type session struct {
	stdin  *os.File
	stdout io.Writer // as it is: what goes there is filtered, or a file the user asked for
	stderr io.Writer // shows printable text only
	screen io.Writer // standard error as it is, for what moves the cursor

	named          cli.Dir // what --home says
	dir            string  // the home; empty for commands that need none
	nodes          []string
	output         string
	passphraseFile string
	timeout        time.Duration

	// loadConfig reads client.toml in a home; configFile calls it once.
	loadConfig func(home string) (client.Config, error)
	configured *client.Config             // nil before it is needed
	source     *keystore.PassphraseSource // nil before it is needed
	keyOptions []keystore.Option          // of the home's keystore
	limit      *limitedContext            // nil when there is none
	opened     []*keystore.Key
	ours       map[string]*keystore.Key // of the home, by name
	warned     []string                 // warnings about nodes that were shown
	writes     bool                     // the command may send something to the ledger
	sent       bool                     // and it has, and knows what became of it
}

// newSession returns a run of the program.
func newSession(stdin *os.File, stdout, stderr io.Writer) *session {
	return &session{stdin: stdin, stdout: stdout, stderr: printable.Writer(stderr), screen: stderr, loadConfig: client.LoadConfig}
}

// How long a command takes at most unless --timeout says: a script must not hang
// on nodes that trickle or keep asking to come again later. What writes waits for
// blocks and perhaps for a passphrase. Commands that ask nobody have no limit.
const (
	readTimeout  = time.Minute
	writeTimeout = 2 * time.Minute
)

// timeoutKey is the annotation that holds a command's own limit.
const timeoutKey = "timeout"

// limit returns the annotation of a command that ends after d.
func limit(d time.Duration) map[string]string { return map[string]string{timeoutKey: d.String()} }

// limitOf returns a command's own limit, zero for none.
func limitOf(cmd *cobra.Command) (time.Duration, error) {
	text, ok := cmd.Annotations[timeoutKey]
	if !ok {
		return 0, nil
	}
	return time.ParseDuration(text)
}

func (s *session) addFlags(f *pflag.FlagSet) {
	s.named.Var(f, "home", "HULLMARK_HOME", ".hullmark", "directory with trust anchor, memory and keys")
	f.StringArrayVar(&s.nodes, "node", nil, "base URL of a node to ask, instead of those configured (repeatable)")
	f.StringVar(&s.output, "output", outputText, "text or json")
	f.StringVar(&s.passphraseFile, "passphrase-file", os.Getenv("HULLMARK_PASSPHRASE_FILE"), "file that holds the passphrase of the keys")
	f.DurationVar(&s.timeout, "timeout", 0, fmt.Sprintf("give up after this time, 0 for never (default %s to read, %s to publish, register or rotate)", readTimeout, writeTimeout))
}

// open checks the shared flags before a command runs.
func (s *session) open(cmd *cobra.Command, _ []string) error {
	if s.output != outputText && s.output != outputJSON {
		bad := s.output
		s.output = outputText
		return cli.Usage("unknown output %q; use text or json", bad)
	}
	if cmd.HasSubCommands() && s.output == outputJSON {
		return cli.Usage("%s only holds other commands; name one", cmd.CommandPath())
	}
	for _, n := range s.nodes {
		if _, err := client.ParseNode(n); err != nil {
			return cli.UsageError(err)
		}
	}
	if !needsNoHome(cmd) {
		var err error
		if s.dir, err = s.named.Path(); err != nil {
			return err
		}
		// What must be refused is refused where it is read.
		doubts, _ := safefile.Check(s.dir, safefile.Trusted)
		for _, d := range doubts {
			s.warn("%s", d)
		}
	}
	if err := checkNewFiles(cmd); err != nil {
		return err
	}
	if s.timeout < 0 {
		return cli.Usage("timeout %s is negative", s.timeout)
	}
	own, err := limitOf(cmd)
	if err != nil {
		return err
	}
	s.writes = own == writeTimeout
	if !cmd.Flags().Changed("timeout") {
		s.timeout = own
	}
	if s.timeout > 0 {
		s.limit = withLimit(cmd.Context(), s.timeout)
		cmd.SetContext(s.limit)
	}
	return nil
}

// needsNoHome reports whether a command touches nothing of the client's home: those
// that print help or something about this program. Any other is refused without one.
func needsNoHome(cmd *cobra.Command) bool {
	return cmd.HasSubCommands() || cmd.Hidden || cmd.Name() == "version" || cmd.HasParent() && cmd.Parent().Name() == "completion"
}

// close forgets what must not stay in memory.
func (s *session) close() {
	if s.limit != nil {
		s.limit.close()
	}
	for _, k := range s.opened {
		k.Close()
	}
}

// home returns the client's home.
func (s *session) home() (*client.Home, error) { return client.OpenHome(s.dir) }

// anchor returns the trust anchor of the home.
func (s *session) anchor() (*bundle.Anchor, error) {
	home, err := s.home()
	if err != nil {
		return nil, err
	}
	return home.Anchor()
}

// configFile returns what client.toml says. It is read once.
func (s *session) configFile() (client.Config, error) {
	if s.configured == nil {
		c, err := s.loadConfig(s.dir)
		if err != nil {
			return client.Config{}, err
		}
		s.configured = &c
	}
	return *s.configured, nil
}

// config returns the configuration with the nodes to ask: those of the command
// line, else those of the environment, else those configured.
func (s *session) config() (client.Config, error) {
	c, err := s.configFile()
	if err != nil {
		return client.Config{}, err
	}
	c.Nodes, err = s.nodeList()
	return c, err
}

// nodeList returns the nodes to ask.
func (s *session) nodeList() ([]string, error) {
	if len(s.nodes) > 0 {
		return s.nodes, nil
	}
	if text := os.Getenv("HULLMARK_NODES"); text != "" {
		c := client.Config{Nodes: strings.Split(text, ",")}
		for i := range c.Nodes {
			c.Nodes[i] = strings.TrimSpace(c.Nodes[i])
		}
		if err := c.Validate(); err != nil {
			return nil, fmt.Errorf("couldn't use HULLMARK_NODES: %w", err)
		}
		return c.Nodes, nil
	}
	c, err := s.configFile()
	return c.Nodes, err
}

// options returns the settings of a client with a memory.
func (s *session) options(store client.Store, p bundle.Policy) (client.Options, error) {
	c, err := s.config()
	return client.Options{
		Nodes: c.Nodes, Placement: c.Placement, Store: store, Policy: &p, UserAgent: "hullmark/" + buildinfo.Version(), Waiting: s.waiting,
	}, err
}

// client returns a client that asks nodes, with the home's memory.
func (s *session) client(p bundle.Policy) (*client.Client, error) {
	home, err := s.home()
	if err != nil {
		return nil, err
	}
	o, err := s.options(home, p)
	if err != nil {
		return nil, err
	}
	if len(o.Nodes) == 0 {
		// A fresh home lacks both, and what to do about the anchor names nodes too.
		if _, err := home.Anchor(); err != nil {
			return nil, err
		}
	}
	return client.New(o)
}

// images returns how registries are asked.
func images(insecure bool) oci.Registry {
	return oci.Registry{Insecure: insecure, UserAgent: "hullmark/" + buildinfo.Version()}
}

// keys returns the home's keystore.
func (s *session) keys() *keystore.Store {
	return keystore.New(filepath.Join(s.dir, "keys"), s.keyOptions...)
}

// asking is called before a person is asked for something, and what it returns
// afterwards: meanwhile the command's time stands still.
func (s *session) asking() (done func()) {
	if s.limit == nil {
		return func() {}
	}
	return s.limit.pause()
}

// passphrases returns where passphrases come from; one source for all keys, since a pipe
// has a line for each.
func (s *session) passphrases() *keystore.PassphraseSource {
	if s.source == nil {
		s.source = &keystore.PassphraseSource{File: s.passphraseFile, Input: s.stdin, Messages: prefixed{s.stderr}, LookupEnv: os.LookupEnv}
	}
	return s.source
}

// openKey opens a key until the end of the program.
func (s *session) openKey(ctx context.Context, store *keystore.Store, name string) (*keystore.Key, error) {
	// Whether there is such a key is said before anybody types a passphrase.
	if _, err := store.Info(name); err != nil {
		return nil, nameError(err)
	}
	done := s.asking()
	passphrase, err := s.passphrases().Existing(ctx, name)
	done()
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	k, err := store.Open(name, passphrase)
	if err != nil {
		return nil, err
	}
	s.opened = append(s.opened, k)
	return k, nil
}

// openKeys opens keys of the home, each once.
func (s *session) openKeys(ctx context.Context, names []string) ([]*keystore.Key, error) {
	if s.ours == nil {
		s.ours = make(map[string]*keystore.Key)
	}
	var out []*keystore.Key
	for _, n := range names {
		if s.ours[n] == nil {
			k, err := s.openKey(ctx, s.keys(), n)
			if err != nil {
				return nil, err
			}
			s.ours[n] = k
		}
		out = append(out, s.ours[n])
	}
	return out, nil
}

// nameError makes a malformed key name the user's mistake.
func nameError(err error) error {
	if errors.Is(err, keystore.ErrName) || errors.Is(err, keystore.ErrType) {
		return cli.UsageError(err)
	}
	return err
}

// readInput reads a file the user named, or standard input for "-", of at most
// limit bytes.
func (s *session) readInput(path string, limit int64) ([]byte, error) {
	in := io.Reader(s.stdin)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fileError("read "+path, err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, fileError("read "+path, err)
	}
	if int64(len(b)) > limit {
		return nil, fileError("read "+path, fmt.Errorf("more than %d bytes", limit))
	}
	return b, nil
}

// The modes of files that others may read, and of keys.
const (
	publicMode  = 0o644
	privateMode = 0o600
)

// writeOutput writes a new file that the user named, whole or not at all, or standard
// output for "-". What is there and no file, such as a pipe, is written to.
func (s *session) writeOutput(path string, content []byte, mode os.FileMode) error {
	if path != "-" {
		if err := checkNew(path, content); err != nil {
			return err
		}
	}
	return s.replaceOutput(path, content, mode)
}

// replaceOutput is writeOutput for a file that another content takes the place of.
func (s *session) replaceOutput(path string, content []byte, mode os.FileMode) error {
	if path == "-" {
		if _, err := s.stdout.Write(content); err != nil {
			return fileError("write standard output", err)
		}
		return nil
	}
	if err := cli.WriteFile(path, content, mode); err != nil {
		return fileError("write "+path, err)
	}
	return nil
}
