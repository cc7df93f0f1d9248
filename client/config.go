package client

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"hullmark/durable"
	"hullmark/printable"
)

// Config is the content of client.toml.
type Config struct {
	// Nodes are the base URLs of the nodes to ask, such as
	// "https://hullmark.example.com" or "http://127.0.0.1:26680".
	Nodes []string `toml:"nodes"`
	// Placement decides which node is asked first; empty is PlacementRendezvous.
	// It changes what is asked of whom and never what is believed.
	Placement Placement `toml:"placement"`
}

// maxConfigSize bounds client.toml in bytes.
const maxConfigSize = 1 << 20

// Validate reports a configuration that cannot be used. Errors wrap ErrConfig.
func (c Config) Validate() error {
	if len(c.Nodes) > MaxNodes {
		return fmt.Errorf("%w: %d nodes, at most %d", ErrConfig, len(c.Nodes), MaxNodes)
	}
	seen := make(map[string]bool)
	for _, n := range c.Nodes {
		u, err := ParseNode(n)
		if err != nil {
			return err
		}
		if seen[u] {
			return fmt.Errorf("%w: node %s is listed twice", ErrConfig, u)
		}
		seen[u] = true
	}
	return c.Placement.validate()
}

// ParseNode checks the base URL of a node and returns it in the form that is
// used everywhere: no slash at its end. Errors wrap ErrConfig.
func ParseNode(text string) (string, error) {
	if text != "" && !strings.Contains(text, "://") {
		port := ""
		if !strings.Contains(text, ":") {
			port = ":26680"
		}
		return "", fmt.Errorf("%w: node %q has no scheme; write http://%s%s", ErrConfig, text, text, port)
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("%w: node %q: %w", ErrConfig, text, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Opaque != "" {
		return "", fmt.Errorf("%w: node %q; use a URL such as http://127.0.0.1:26680", ErrConfig, text)
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return "", fmt.Errorf("%w: node %q has a user, a query or a fragment", ErrConfig, u.Redacted())
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// LoadConfig reads client.toml in a home directory. A missing file is an empty
// configuration; unknown keys are errors. Errors wrap ErrConfig.
func LoadConfig(home string) (Config, error) {
	path := filepath.Join(home, configFile)
	b, err := readFile(path, maxConfigSize)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("couldn't read %s: %w", path, err)
	}
	var c Config
	if err := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields().Decode(&c); err != nil {
		return Config{}, fmt.Errorf("couldn't read %s: %w: %w", path, ErrConfig, whereTOML(err))
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("couldn't read %s: %w", path, err)
	}
	return c, nil
}

// whereTOML says of an error in a TOML file in which line it is, and of an unknown key
// its name.
func whereTOML(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		unknown := strict.Errors[0]
		line, _ := unknown.Position()
		return fmt.Errorf("line %d: unknown key %s", line, printable.Quote(strings.Join(unknown.Key(), ".")))
	}
	var syntax *toml.DecodeError
	if errors.As(err, &syntax) {
		line, _ := syntax.Position()
		return fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

// SaveConfig writes client.toml in a home directory, which it makes if it is not
// there.
func SaveConfig(home string, c Config) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("couldn't save configuration: %w", err)
	}
	var b strings.Builder
	b.WriteString("# The nodes this client asks, in any order. Nodes are trusted for nothing: every\n# answer is verified.\nnodes = [\n")
	for _, n := range c.Nodes {
		u, err := ParseNode(n)
		if err != nil {
			return fmt.Errorf("couldn't save configuration: %w", err)
		}
		b.WriteString("  " + strconv.Quote(u) + ",\n")
	}
	b.WriteString("]\n")
	if c.Placement != "" {
		b.WriteString("\n# Which node is asked first: \"rendezvous\", by the name asked about, or \"bounded\",\n" +
			"# which evens out what a program that asks often asks of each.\n" +
			"placement = " + strconv.Quote(string(c.Placement)) + "\n")
	}
	if err := durable.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("couldn't save configuration: %w", err)
	}
	if err := writeFile(filepath.Join(home, configFile), []byte(b.String())); err != nil {
		return fmt.Errorf("couldn't save configuration: %w", err)
	}
	return nil
}
