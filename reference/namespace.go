package reference

import "strings"

// Namespace is a set of repositories: all whose canonical name equals it or
// begins with it and a slash. The zero value contains nothing.
//
// docker.io/lib does not contain docker.io/library/nginx, and
// registry.example.com does not contain registry.example.com:5000/app: another
// port is another registry.
type Namespace struct {
	name string
}

// ParseNamespace reads a namespace: a canonical host, optionally followed by
// path components. Short forms are refused. Errors wrap ErrInvalidNamespace.
func ParseNamespace(text string) (Namespace, error) {
	if len(text) > MaxRepositoryLength {
		return Namespace{}, refuse(ErrInvalidNamespace, text, "longer than 255 bytes")
	}
	host, path, hasPath := strings.Cut(text, "/")
	if !looksLikeHost(host) {
		return Namespace{}, refuse(ErrInvalidNamespace, text, "it must begin with a registry host")
	}
	if host == dockerHubAlias {
		return Namespace{}, refuse(ErrInvalidNamespace, text, "the canonical host is "+DockerHub)
	}
	if reason := checkHost(host); reason != "" {
		return Namespace{}, refuse(ErrInvalidNamespace, text, reason)
	}
	if hasPath {
		if reason := checkPath(path); reason != "" {
			return Namespace{}, refuse(ErrInvalidNamespace, text, reason)
		}
	}
	return Namespace{name: text}, nil
}

// MustParseNamespace is ParseNamespace for constants of the program or of a
// test. It panics on anything invalid.
func MustParseNamespace(text string) Namespace {
	namespace, err := ParseNamespace(text)
	if err != nil {
		panic(err)
	}
	return namespace
}

// Contains reports whether the repository lies in the namespace.
func (n Namespace) Contains(repository Repository) bool {
	return n.Covers(repository.Namespace())
}

// Covers reports whether every repository of the other namespace lies in n; a
// namespace covers itself.
func (n Namespace) Covers(other Namespace) bool {
	rest, found := strings.CutPrefix(other.name, n.name)
	return n.name != "" && found && (rest == "" || rest[0] == '/')
}

// Parent returns the namespace one component shorter, or false at a host.
func (n Namespace) Parent() (Namespace, bool) {
	end := strings.LastIndexByte(n.name, '/')
	if end < 0 {
		return Namespace{}, false
	}
	return Namespace{name: n.name[:end]}, true
}

// IsZero reports whether n is the zero value.
func (n Namespace) IsZero() bool { return n == Namespace{} }

// String returns the canonical text.
func (n Namespace) String() string { return n.name }

// MarshalText returns the canonical text.
func (n Namespace) MarshalText() ([]byte, error) { return []byte(n.name), nil }

// UnmarshalText is ParseNamespace.
func (n *Namespace) UnmarshalText(text []byte) error {
	namespace, err := ParseNamespace(string(text))
	if err != nil {
		return err
	}
	*n = namespace
	return nil
}
