package change

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Submitter signs the envelope of a transaction: an operator's governance key, or
// a key of the repository's stored metadata. Keystore keys are Submitters.
type Submitter interface {
	PublicKey() keys.PublicKey
	// SignFixed signs in the fixed-width form (keys.VerifyFixed).
	SignFixed(message []byte) ([]byte, error)
}

// Update is what one repository gets in a publication.
type Update struct {
	// Roots are consecutive rotations, at most record.MaxRotations.
	Roots []*tuf.Root
	// Roles are new files of targets and of delegated roles, each role once.
	Roles []*tuf.Targets
	// Stored are the files that the ledger has of the roles above, as far as they
	// are known. What follows one of them travels as a delta where that is shorter.
	Stored []*tuf.Targets
}

// files returns the new files of roles, ascending by role.
func (u Update) files() []*tuf.Targets {
	files := slices.Clone(u.Roles)
	slices.SortFunc(files, func(a, b *tuf.Targets) int { return strings.Compare(a.Binding.Role, b.Binding.Role) })
	return files
}

// Repository returns what the files are bound to.
func (u Update) Repository() (reference.Repository, error) {
	var names []reference.Repository
	for _, r := range u.Roots {
		names = append(names, r.Binding.Repository)
	}
	for _, t := range u.files() {
		names = append(names, t.Binding.Repository)
	}
	if len(names) == 0 {
		return reference.Repository{}, errors.New("update without files")
	}
	for _, n := range names[1:] {
		if n != names[0] {
			return reference.Repository{}, fmt.Errorf("files of %s and %s in one update", names[0], n)
		}
	}
	return names[0], nil
}

// NewRegistration returns the transaction that registers a repository with its
// first root. The operator that owns the repository's namespace pays and submits.
func NewRegistration(ledger string, root *tuf.Root, operator string, s Submitter) ([]byte, error) {
	name := root.Binding.Repository
	tx, err := seal(ledger, record.KindRegisterRepository, operator, s,
		&proto.RegisterRepository{Root: root.Bytes()}, record.RoleScope(name, tuf.RoleRoot, 1))
	if err != nil {
		return nil, fmt.Errorf("couldn't make registration of %s: %w", name, err)
	}
	return tx, nil
}

// NewPublication returns the transaction that publishes new files of one or more
// repositories, all or none. Payer is the submitting operator's id, or empty when
// the submitter's key is in the metadata of every repository.
func NewPublication(ledger, payer string, s Submitter, updates ...Update) ([]byte, error) {
	tx, err := newPublication(ledger, payer, s, updates)
	if err != nil {
		return nil, fmt.Errorf("couldn't make publication: %w", err)
	}
	return tx, nil
}

func newPublication(ledger, payer string, s Submitter, updates []Update) ([]byte, error) {
	type part struct {
		message *proto.RepositoryUpdate
		scopes  []record.Scope
	}
	var parts []part
	for _, u := range updates {
		name, err := u.Repository()
		if err != nil {
			return nil, err
		}
		p := part{message: &proto.RepositoryUpdate{Repository: name.String()}}
		for _, r := range u.Roots {
			p.message.Roots = append(p.message.Roots, r.Bytes())
		}
		if len(u.Roots) > 0 {
			p.scopes = append(p.scopes, record.RoleScope(name, tuf.RoleRoot, u.Roots[0].Version))
		}
		for _, t := range u.files() {
			p.message.Roles = append(p.message.Roles, newRoleUpdate(fileOf(u.Stored, t.Binding.Role), t))
			p.scopes = append(p.scopes, record.RoleScope(name, t.Binding.Role, t.Version))
		}
		parts = append(parts, p)
	}
	// The body lists repositories in the order of the scopes: by name.
	slices.SortFunc(parts, func(a, b part) int {
		return strings.Compare(a.message.GetRepository(), b.message.GetRepository())
	})
	body := new(proto.Publish)
	var scopes []record.Scope
	for _, p := range parts {
		body.Updates = append(body.Updates, p.message)
		scopes = append(scopes, p.scopes...)
	}
	return seal(ledger, record.KindPublish, payer, s, body, scopes...)
}

// NewStatements returns the transaction that carries statements of one action about
// one or more repositories, all or none. Payer is as in NewPublication.
func NewStatements(ledger, payer string, s Submitter, statements ...*record.SignedStatement) ([]byte, error) {
	if len(statements) == 0 {
		return nil, errors.New("couldn't make statements: there are none")
	}
	sorted := slices.Clone(statements)
	// The body lists statements in the order of the scopes: by repository and role.
	slices.SortFunc(sorted, func(a, b *record.SignedStatement) int {
		return cmp.Or(strings.Compare(a.Binding.Repository.String(), b.Binding.Repository.String()),
			strings.Compare(a.Binding.Role, b.Binding.Role))
	})
	body := new(proto.Statements)
	var scopes []record.Scope
	for _, st := range sorted {
		body.Statements = append(body.Statements, st.Encode())
		scopes = append(scopes, st.Scope())
	}
	tx, err := seal(ledger, sorted[0].Action.Kind(), payer, s, body, scopes...)
	if err != nil {
		return nil, fmt.Errorf("couldn't make statements: %w", err)
	}
	return tx, nil
}

// newRoleUpdate returns a new file as a delta against the stored one, or whole
// when that is nil, the delta is no shorter, or there is none between the two.
func newRoleUpdate(stored, next *tuf.Targets) *proto.RoleUpdate {
	whole := &proto.RoleUpdate{Role: next.Binding.Role, Content: &proto.RoleUpdate_File{File: next.Bytes()}}
	if stored == nil {
		return whole
	}
	delta, err := stored.Delta(next)
	if err != nil {
		return whole // it follows a file of another specification version
	}
	m := &proto.RoleUpdate{Role: next.Binding.Role, Content: &proto.RoleUpdate_Delta{Delta: EncodeDelta(delta)}}
	if protobuf.Size(m) >= protobuf.Size(whole) {
		return whole
	}
	return m
}

// EncodeDelta returns a delta as transactions carry it.
func EncodeDelta(d tuf.Delta) *proto.Delta {
	m := &proto.Delta{Base: d.Base[:], Version: d.Version, Expires: d.Expires.Unix()}
	for _, t := range d.Put {
		m.Put = append(m.Put, &proto.TargetRow{Tag: t.Tag.String(), Digest: record.EncodeDigest(t.Digest), Length: t.Length})
	}
	for _, tag := range d.Remove {
		m.Remove = append(m.Remove, tag.String())
	}
	for _, s := range d.Signatures {
		m.Signatures = append(m.Signatures, &proto.FileSignature{KeyId: s.KeyID[:], Signature: s.Sig})
	}
	if d.Redelegate {
		change := new(proto.Delta_Delegations)
		if d.Delegations != nil {
			change.Delegations = d.Delegations.Bytes()
		}
		m.Redelegation = change
	}
	return m
}

// seal puts a body into a signed envelope.
func seal(ledger string, kind record.Kind, payer string, s Submitter, message protobuf.Message, scopes ...record.Scope) ([]byte, error) {
	body, err := proto.Marshal(message)
	if err != nil {
		return nil, err
	}
	h := record.NewHeader(ledger, kind, s.PublicKey(), payer, body, scopes...)
	signature, err := s.SignFixed(h.SignedMessage())
	if err != nil {
		return nil, fmt.Errorf("couldn't sign transaction: %w", err)
	}
	if len(signature) != keys.FixedSize {
		return nil, fmt.Errorf("couldn't sign transaction: signature of %d bytes", len(signature))
	}
	tx := record.EncodeEnvelope(h, body, [keys.FixedSize]byte(signature))
	if len(tx) > record.MaxTransactionSize {
		return nil, record.Reject(record.CodeTooLarge, "%d bytes, at most %d", len(tx), record.MaxTransactionSize)
	}
	// What no node would parse is found here.
	if _, err := record.DecodeEnvelope(tx); err != nil {
		return nil, err
	}
	return tx, nil
}
