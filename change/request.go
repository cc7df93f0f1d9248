package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// RequestKind says what the people who get a request are asked for.
type RequestKind string

// The kinds of signing requests.
const (
	// RequestRegister asks root keys to sign a first root, and an operator to
	// register the repository with it.
	RequestRegister RequestKind = "register"
	// RequestRotate asks old and new root keys to sign the next roots.
	RequestRotate RequestKind = "rotate"
	// RequestPublish asks the keys of roles to sign new files that say what tags
	// mean or hand them on.
	RequestPublish RequestKind = "publish"
	// RequestRevoke and RequestLift ask the keys of a role to sign statements.
	RequestRevoke RequestKind = "revoke"
	RequestLift   RequestKind = "lift"
)

// requestFormat is the version of the format.
const requestFormat = 1

// Request is a piece of work that one person prepares and others sign: the content
// of a signing request file (docs/spec.md, "Signing request"). It holds all that is
// needed to sign without a network. It vouches for nothing; whoever gets it judges
// the files in it, and so does the ledger.
type Request struct {
	Kind   RequestKind
	Ledger string
	// Parts, one per repository, ascending by name.
	Parts []RequestPart
}

// RequestPart is the part of a request about one repository.
type RequestPart struct {
	Repository reference.Repository
	// Root and Roles are the files in force when the request was made: the root
	// (nil in a registration), the files that new ones replace, and those that say
	// who signs for delegated roles. They are what the one who made the request
	// says they are.
	Root  *tuf.Root
	Roles []*tuf.Targets
	// NewRoots, in rising versions, and NewRoles are what is to be signed. Roles
	// are ascending by name.
	NewRoots []*tuf.Root
	NewRoles []*tuf.Targets
	// Statement is a revocation or lift to be signed.
	Statement *record.SignedStatement
}

// fileOf returns the file of a role out of a list, nil for none.
func fileOf(list []*tuf.Targets, role string) *tuf.Targets {
	for _, t := range list {
		if t.Binding.Role == role {
			return t
		}
	}
	return nil
}

// Stored returns the file in force that a new one of the role replaces, nil when
// the role is new or the request does not hold it.
func (p *RequestPart) Stored(role string) *tuf.Targets { return fileOf(p.Roles, role) }

// Ledger returns the id of the ledger that the part's files are for, empty for a part
// without files.
func (p *RequestPart) Ledger() string {
	switch {
	case p.Root != nil:
		return p.Root.Binding.Ledger
	case len(p.NewRoots) > 0:
		return p.NewRoots[0].Binding.Ledger
	default:
		return ""
	}
}

// Update returns what the part wants to publish.
func (p *RequestPart) Update() Update {
	return Update{Roots: p.NewRoots, Roles: p.NewRoles, Stored: p.Roles}
}

// NewRequest returns a request with its parts in order.
func NewRequest(kind RequestKind, ledger string, parts ...RequestPart) (*Request, error) {
	r := &Request{Kind: kind, Ledger: ledger, Parts: slices.Clone(parts)}
	byRole := func(a, b *tuf.Targets) int { return strings.Compare(a.Binding.Role, b.Binding.Role) }
	for i := range r.Parts {
		p := &r.Parts[i]
		p.Roles, p.NewRoles = slices.Clone(p.Roles), slices.Clone(p.NewRoles)
		slices.SortFunc(p.Roles, byRole)
		slices.SortFunc(p.NewRoles, byRole)
	}
	slices.SortFunc(r.Parts, func(a, b RequestPart) int {
		return strings.Compare(a.Repository.String(), b.Repository.String())
	})
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("couldn't make signing request: %w", err)
	}
	return r, nil
}

// NewRegisterRequest returns the request to register a repository with its first
// root.
func NewRegisterRequest(root *tuf.Root) (*Request, error) {
	return NewRequest(RequestRegister, root.Binding.Ledger,
		RequestPart{Repository: root.Binding.Repository, NewRoots: []*tuf.Root{root}})
}

// requestJSON is the form of a Request on disk.
type requestJSON struct {
	Format       int        `json:"format"`
	Kind         string     `json:"kind"`
	Ledger       string     `json:"ledger"`
	Repositories []partJSON `json:"repositories"`
}

// partJSON is the form of a RequestPart on disk.
type partJSON struct {
	Repository string   `json:"repository"`
	Root       []byte   `json:"root,omitempty"`
	Roles      [][]byte `json:"roles,omitempty"`
	NewRoots   [][]byte `json:"new_roots,omitempty"`
	NewRoles   [][]byte `json:"new_roles,omitempty"`
	Statement  []byte   `json:"statement,omitempty"`
}

// Encode returns the indented JSON form.
func (r *Request) Encode() ([]byte, error) {
	b, err := json.MarshalIndent(r.json(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("couldn't encode signing request: %w", err)
	}
	b = append(b, '\n')
	if _, err := DecodeRequest(b); err != nil {
		return nil, fmt.Errorf("couldn't encode signing request: %w", err)
	}
	return b, nil
}

func (r *Request) json() requestJSON {
	j := requestJSON{Format: requestFormat, Kind: string(r.Kind), Ledger: r.Ledger}
	for _, p := range r.Parts {
		out := partJSON{Repository: p.Repository.String()}
		if p.Root != nil {
			out.Root = p.Root.Bytes()
		}
		for _, t := range p.Roles {
			out.Roles = append(out.Roles, t.Bytes())
		}
		for _, root := range p.NewRoots {
			out.NewRoots = append(out.NewRoots, root.Bytes())
		}
		for _, t := range p.NewRoles {
			out.NewRoles = append(out.NewRoles, t.Bytes())
		}
		if p.Statement != nil {
			out.Statement = p.Statement.Encode()
		}
		j.Repositories = append(j.Repositories, out)
	}
	return j
}

// DecodeRequest is the inverse of Request.Encode; white space between tokens is
// free, since requests travel by mail. Signatures are not judged. Errors wrap
// ErrRequest, or record.ErrNewer for a request that a newer program made.
func DecodeRequest(data []byte) (*Request, error) {
	r, err := decodeRequest(data)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode signing request: %w", err)
	}
	return r, nil
}

func badRequest(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRequest, fmt.Errorf(format, args...))
}

func decodeRequest(data []byte) (*Request, error) {
	if len(data) > MaxRequestSize {
		return nil, badRequest("%d bytes, at most %d", len(data), MaxRequestSize)
	}
	// Format and kind first: newer ones may have fields that this program refuses.
	var head struct {
		Format int    `json:"format"`
		Kind   string `json:"kind"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, badRequest("%w", err)
	}
	switch {
	case head.Format > requestFormat:
		return nil, fmt.Errorf("%w: format %d", record.ErrNewer, head.Format)
	case head.Format != requestFormat:
		return nil, badRequest("format %d", head.Format)
	case head.Kind == "":
		return nil, badRequest("it has no kind")
	case !RequestKind(head.Kind).known():
		return nil, fmt.Errorf("%w: request of kind %.300q", record.ErrNewer, head.Kind)
	}
	if n := bytes.Count(data, []byte(",")) + bytes.Count(data, []byte("{")); n > maxRequestMarks {
		return nil, badRequest("it has more parts than any request")
	}
	var j requestJSON
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return nil, badRequest("%w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, badRequest("something follows the request")
	}
	r := &Request{Kind: RequestKind(j.Kind), Ledger: j.Ledger}
	for _, part := range j.Repositories {
		p, err := part.decode()
		if err != nil {
			return nil, err
		}
		r.Parts = append(r.Parts, p)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	// One form only, but for white space: no repeated field, no other order.
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, badRequest("%w", err)
	}
	if again, err := json.Marshal(r.json()); err != nil || !bytes.Equal(again, compact.Bytes()) {
		return nil, badRequest("not in canonical form")
	}
	return r, nil
}

func (k RequestKind) known() bool {
	return k == RequestRegister || k == RequestRotate || k == RequestPublish || k == RequestRevoke || k == RequestLift
}

// decode reads the files of a part.
func (j partJSON) decode() (RequestPart, error) {
	name, err := reference.ParseCanonicalRepository(j.Repository)
	if err != nil {
		return RequestPart{}, badRequest("%w", err)
	}
	p := RequestPart{Repository: name}
	if j.Root != nil {
		if p.Root, err = tuf.ParseRoot(j.Root); err != nil {
			return RequestPart{}, badRequest("%w", err)
		}
	}
	if p.NewRoots, err = parseAll(j.NewRoots, tuf.ParseRoot); err != nil {
		return RequestPart{}, err
	}
	if p.Roles, err = parseAll(j.Roles, tuf.ParseTargets); err != nil {
		return RequestPart{}, err
	}
	if p.NewRoles, err = parseAll(j.NewRoles, tuf.ParseTargets); err != nil {
		return RequestPart{}, err
	}
	if j.Statement != nil {
		if p.Statement, err = record.DecodeSignedStatement(j.Statement); err != nil {
			return RequestPart{}, badRequest("%w", err)
		}
	}
	return p, nil
}

// parseAll reads a list of files.
func parseAll[T any](list [][]byte, parse func([]byte) (*T, error)) ([]*T, error) {
	if len(list) > record.MaxRoles {
		return nil, badRequest("%d files in a list", len(list))
	}
	var out []*T
	for _, b := range list {
		file, err := parse(b)
		if err != nil {
			return nil, badRequest("%w", err)
		}
		out = append(out, file)
	}
	return out, nil
}

// check applies the rules that concern several fields. Errors wrap ErrRequest.
func (r *Request) check() error {
	if len(r.Parts) == 0 {
		return badRequest("it is about no repository")
	}
	single := r.Kind == RequestRegister || r.Kind == RequestRotate
	if len(r.Parts) > record.MaxScopes || single && len(r.Parts) > 1 {
		return badRequest("it is about %d repositories", len(r.Parts))
	}
	scopes := 0
	for i := range r.Parts {
		p := &r.Parts[i]
		if scopes += p.scopes(); scopes > record.MaxScopes {
			return badRequest("it is about more than %d roles, which no transaction can be", record.MaxScopes)
		}
		if i > 0 && r.Parts[i-1].Repository.String() >= p.Repository.String() {
			return badRequest("repositories not ascending")
		}
		if err := p.check(r.Kind, r.Ledger); err != nil {
			return err
		}
	}
	return nil
}

// scopes counts what the part claims in its transaction.
func (p *RequestPart) scopes() int {
	n := len(p.NewRoles) + min(len(p.NewRoots), 1)
	if p.Statement != nil {
		n++
	}
	return n
}

func (p *RequestPart) check(kind RequestKind, ledger string) error {
	bound := func(m *tuf.Metadata, role string) error {
		if want := (tuf.Binding{Ledger: ledger, Repository: p.Repository, Role: role}); m.Binding != want {
			return badRequest("a file is bound to %s of %s on ledger %s", m.Binding.Role, m.Binding.Repository, m.Binding.Ledger)
		}
		return nil
	}
	var version uint64
	if p.Root != nil {
		if err := bound(&p.Root.Metadata, tuf.RoleRoot); err != nil {
			return err
		}
		version = p.Root.Version
	}
	for _, root := range p.NewRoots {
		if err := bound(&root.Metadata, tuf.RoleRoot); err != nil {
			return err
		}
		if version++; root.Version != version {
			return badRequest("root file of version %d in the place of version %d", root.Version, version)
		}
	}
	for _, list := range [][]*tuf.Targets{p.Roles, p.NewRoles} {
		for i, t := range list {
			if err := bound(&t.Metadata, t.Binding.Role); err != nil {
				return err
			}
			if i > 0 && list[i-1].Binding.Role >= t.Binding.Role {
				return badRequest("roles not ascending")
			}
		}
	}
	for _, t := range p.NewRoles {
		if old := p.Stored(t.Binding.Role); old != nil && t.Version != old.Version+1 {
			return badRequest("%s of version %d after version %d", t.Binding.Role, t.Version, old.Version)
		}
	}
	if (p.Statement != nil) != (kind == RequestRevoke || kind == RequestLift) {
		return badRequest("a %s with the wrong contents", kind)
	}
	switch kind {
	case RequestRevoke, RequestLift:
		st := p.Statement
		if p.Root == nil || len(p.NewRoots)+len(p.Roles)+len(p.NewRoles) > 0 {
			return badRequest("a %s has the root in force and a statement", kind)
		}
		if want := (tuf.Binding{Ledger: ledger, Repository: p.Repository, Role: st.Binding.Role}); st.Binding != want || st.Action.String() != string(kind) {
			return badRequest("the statement is a %s in %s on ledger %s", st.Action, st.Binding.Repository, st.Binding.Ledger)
		}
	case RequestRegister:
		if p.Root != nil || len(p.NewRoots) != 1 || len(p.Roles)+len(p.NewRoles) > 0 {
			return badRequest("a registration has one root and nothing else")
		}
	case RequestRotate:
		if p.Root == nil || len(p.NewRoots) == 0 || len(p.NewRoots) > record.MaxRotations {
			return badRequest("a rotation has the root in force and new ones")
		}
	case RequestPublish:
		if p.Root == nil || len(p.NewRoots) > 0 || len(p.NewRoles) == 0 {
			return badRequest("a publication has the root in force, new files of roles, and no new root")
		}
	}
	_, err := p.duties()
	return err
}
