package testnet

import (
	"errors"
	"fmt"
	"strings"

	"hullmark/record"
	"hullmark/reference"
)

// ErrOptions is returned for a network nobody can make.
var ErrOptions = errors.New("no such network is possible")

// validate reports what would fail half-way, before anything is written.
func (o Options) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrOptions, fmt.Sprintf(format, args...))
	}
	if o.Validators < 1 || o.Validators > record.MaxOperators {
		return bad("%d validators; from 1 to %d are possible", o.Validators, record.MaxOperators)
	}
	if !record.ValidName(o.Name) {
		return bad("name %q; use lower-case letters, digits and hyphens, at most %d", o.Name, record.MaxNameLength)
	}
	if o.Hostname != "" && !validHostname(o.Hostname) {
		return bad("hostname %q; use a pattern of lower-case letters, digits, dots and hyphens with one %%d, such as node%%d", o.Hostname)
	}
	highest := 0
	if o.Hostname == "" {
		highest = (o.Validators - 1) * portStep
	}
	if p := o.Ports; p != (Ports{}) && (min(p.P2P, p.RPC, p.HTTP) < 1 || max(p.P2P, p.RPC, p.HTTP)+highest > 65535) {
		return bad("ports from %d for %d validators; ports are from 1 to 65535", min(p.P2P, p.RPC, p.HTTP), o.Validators)
	}
	var all []reference.Namespace
	for i := range o.Validators {
		own, err := o.namespaces(i)
		if err != nil {
			return bad("%v", err)
		}
		for _, a := range own {
			for _, b := range all {
				if a.Covers(b) || b.Covers(a) { // also those of one operator: the narrower adds nothing
					return bad("namespaces %s and %s overlap", b, a)
				}
			}
			all = append(all, a)
		}
	}
	return nil
}

// namespaces returns what operator i owns.
func (o Options) namespaces(i int) ([]reference.Namespace, error) {
	texts := []string{fmt.Sprintf("registry-%d.example.com", i)}
	if i == 0 {
		texts = o.Namespaces
	}
	var out []reference.Namespace
	for _, text := range texts {
		n, err := reference.ParseNamespace(text)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// validHostname reports whether a pattern gives every node a host name.
func validHostname(pattern string) bool {
	name := strings.Replace(pattern, "%d", "0", 1)
	if name == pattern {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || strings.Trim(label, "-") != label ||
			strings.ContainsFunc(label, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-", r) }) {
			return false
		}
	}
	return true
}

// host returns where others reach node i, without port.
func (o Options) host(i int) string {
	if o.Hostname == "" {
		return "127.0.0.1"
	}
	return fmt.Sprintf(o.Hostname, i)
}

// listen returns where every node listens, without port.
func (o Options) listen() string {
	if o.Hostname == "" {
		return "127.0.0.1"
	}
	return "0.0.0.0"
}
