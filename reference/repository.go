package reference

import (
	"strconv"
	"strings"
)

const (
	// DockerHub is the canonical host of Docker Hub.
	DockerHub = "docker.io"

	// dockerHubAlias is the host older Docker configurations use for Docker Hub.
	dockerHubAlias = "index.docker.io"
	// officialPath is the path under which Docker Hub keeps images without an owner.
	officialPath = "library"
	// localhost is the one host that needs neither dot nor port to be recognised.
	localhost = "localhost"
)

// Repository is a valid repository name. The zero value is no repository.
type Repository struct {
	host string
	path string
}

// ParseRepository reads a repository name as a user writes it, without tag or
// digest, and normalises it as Docker does. Errors wrap ErrInvalidRepository.
func ParseRepository(text string) (Repository, error) {
	if len(text) > MaxRepositoryLength {
		return Repository{}, refuse(ErrInvalidRepository, text, "longer than 255 bytes")
	}
	if strings.Contains(text, "://") {
		return Repository{}, refuse(ErrInvalidRepository, text, "a name has no scheme; leave out what stands before the host")
	}
	if strings.HasPrefix(text, "[") {
		return Repository{}, refuse(ErrInvalidRepository, text, "an address in brackets is no host of a name; use a host name")
	}
	host, path := splitHost(text)
	if host == dockerHubAlias {
		host = DockerHub
	}
	if host == DockerHub && !strings.Contains(path, "/") {
		path = officialPath + "/" + path
	}
	if len(host)+1+len(path) > MaxRepositoryLength {
		return Repository{}, refuse(ErrInvalidRepository, text, "longer than 255 bytes")
	}
	if reason := checkHost(host); reason != "" {
		return Repository{}, refuse(ErrInvalidRepository, text, reason)
	}
	if reason := checkPath(path); reason != "" {
		return Repository{}, refuse(ErrInvalidRepository, text, reason)
	}
	if name, official := officialName(host, path); official && isIdentifier(name) {
		return Repository{}, refuse(ErrInvalidRepository, text, "64 hexadecimal digits are an image id")
	}
	return Repository{host: host, path: path}, nil
}

// ParseCanonicalRepository reads a repository name and refuses every form but
// the one that String returns. Errors wrap ErrInvalidRepository.
func ParseCanonicalRepository(text string) (Repository, error) {
	repository, err := ParseRepository(text)
	if err != nil {
		return Repository{}, err
	}
	if repository.String() != text {
		return Repository{}, refuse(ErrInvalidRepository, text, "not in canonical form")
	}
	return repository, nil
}

// MustParseRepository is ParseRepository for names that are constants of the
// program or of a test. It panics on anything invalid.
func MustParseRepository(text string) Repository {
	repository, err := ParseRepository(text)
	if err != nil {
		panic(err)
	}
	return repository
}

// Host returns the registry's host with its port, if it has one, such as
// docker.io or registry.example.com:5000.
func (r Repository) Host() string { return r.host }

// Path returns the name inside the registry, such as library/nginx.
func (r Repository) Path() string { return r.path }

// IsZero reports whether r is the zero value.
func (r Repository) IsZero() bool { return r == Repository{} }

// String returns the canonical name, the only one that is stored and signed.
func (r Repository) String() string {
	if r.IsZero() {
		return ""
	}
	return r.host + "/" + r.path
}

// Familiar returns the shortest text that ParseRepository turns back into r, as
// Docker displays it.
func (r Repository) Familiar() string {
	if r.host != DockerHub {
		return r.String()
	}
	if name, official := officialName(r.host, r.path); official {
		return name
	}
	// Without the host, the owner would be taken for one: docker.io/a.b/c.
	if _, path := splitHost(r.path); path != r.path {
		return r.String()
	}
	return r.path
}

// Namespace returns the narrowest namespace that contains r: its own name.
// Following Namespace.Parent from there visits every namespace that contains r,
// longest first.
func (r Repository) Namespace() Namespace { return Namespace{name: r.String()} }

// MarshalText returns the canonical name.
func (r Repository) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText accepts the canonical name only.
func (r *Repository) UnmarshalText(text []byte) error {
	repository, err := ParseCanonicalRepository(string(text))
	if err != nil {
		return err
	}
	*r = repository
	return nil
}

// splitHost separates the host from the path by Docker's rule, and supplies
// Docker Hub when there is no host.
func splitHost(text string) (host, path string) {
	first, rest, found := strings.Cut(text, "/")
	if found && looksLikeHost(first) {
		return first, rest
	}
	return DockerHub, text
}

func looksLikeHost(component string) bool {
	return strings.ContainsAny(component, ".:") || component == localhost
}

// officialName returns N when the repository is docker.io/library/N.
func officialName(host, path string) (string, bool) {
	name, found := strings.CutPrefix(path, officialPath+"/")
	return name, found && host == DockerHub && !strings.Contains(name, "/")
}

func isIdentifier(name string) bool {
	return len(name) == identifierLength && isLowerHex(name)
}

// checkHost returns what is wrong with a host, or nothing.
func checkHost(host string) string {
	name, port, hasPort := strings.Cut(host, ":")
	if hasPort {
		// ParseUint takes leading zeros; formatting the number again finds them.
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
			return "the port is not a number from 1 to 65535"
		}
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return "the host has an empty label"
		}
		for i := range len(label) {
			if c := label[i]; !isLowerAlnum(c) && c != '-' {
				return describeByte("host", c)
			}
		}
		if label[0] == '-' || label[len(label)-1] == '-' {
			return "a label of the host begins or ends with a hyphen"
		}
	}
	return ""
}

// checkPath returns what is wrong with a path, or nothing.
func checkPath(path string) string {
	for component := range strings.SplitSeq(path, "/") {
		if reason := checkComponent(component); reason != "" {
			return reason
		}
	}
	return ""
}

func checkComponent(component string) string {
	if component == "" {
		return "the path has an empty component"
	}
	for i := 0; i < len(component); {
		c := component[i]
		if isLowerAlnum(c) {
			i++
			continue
		}
		if c != '.' && c != '_' && c != '-' {
			return describeByte("path", c)
		}
		run := i + 1
		for run < len(component) && component[run] == c {
			run++
		}
		if i == 0 || run == len(component) {
			return "a path component begins or ends with a separator"
		}
		if (c == '.' && run-i > 1) || (c == '_' && run-i > 2) || !isLowerAlnum(component[run]) {
			return "a path component has adjacent separators"
		}
		i = run
	}
	return ""
}

func describeByte(where string, c byte) string {
	switch {
	case c >= 'A' && c <= 'Z':
		return "the " + where + " must be lower case"
	case c >= 0x80:
		return "the " + where + " must be ASCII"
	default:
		return "the " + where + " has the character " + strconv.QuoteRune(rune(c))
	}
}

func isLowerAlnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func isLowerHex(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
