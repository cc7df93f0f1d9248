package change

import (
	"fmt"
	"slices"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Duty is a role that has to sign a file of a request. A root is signed by two:
// the root role of the root before it, and its own.
type Duty struct {
	Repository reference.Repository
	// File is the role whose new file is to be signed, Version the file's. For a
	// statement they are "revoke" or "lift", and its sequence.
	File    string
	Version uint64
	// By is the role that signs, as the file of role Delegator, version
	// DelegatorVersion, has it.
	By               string
	Delegator        string
	DelegatorVersion uint64
	Role             tuf.Role
	// Signed are the keys of the role whose signatures verify, ascending.
	Signed []keys.ID

	key func(keys.ID) (keys.PublicKey, bool)
}

// Met reports whether enough keys have signed.
func (d Duty) Met() bool { return d.Role.Met(d.Signed, d.key) }

// Duties returns who has to sign what, and who has. Errors wrap ErrRequest: a
// signature in the request is nobody's or does not verify, and the ledger would
// refuse the whole for it.
func (r *Request) Duties() ([]Duty, error) {
	var out []Duty
	for i := range r.Parts {
		p := &r.Parts[i]
		duties, err := p.duties()
		if err != nil {
			return nil, err
		}
		for _, m := range p.messages() {
			if err := verifySignatures(m, duties); err != nil {
				return nil, err
			}
		}
		out = append(out, duties...)
	}
	return out, nil
}

// Complete reports, as an error that wraps ErrIncomplete, what still has to be
// signed; nil when the request can be submitted.
func (r *Request) Complete() error {
	duties, err := r.Duties()
	if err != nil {
		return err
	}
	for _, d := range duties {
		if !d.Met() {
			return fmt.Errorf("%w: %s version %d of %s has %d of %d signatures by the %s keys of %s version %d",
				ErrIncomplete, d.File, d.Version, d.Repository, len(d.Signed), d.Role.Threshold, d.By, d.Delegator, d.DelegatorVersion)
		}
	}
	return nil
}

// message is what keys sign.
type message struct {
	file       string
	version    uint64
	repository reference.Repository
	bytes      []byte
	signatures []tuf.Signature
}

func messageOf(m *tuf.Metadata) message {
	return message{m.Binding.Role, m.Version, m.Binding.Repository, m.SignedBytes(), m.Signatures}
}

func statementOf(s *record.SignedStatement) message {
	return message{s.Action.String(), s.Sequence, s.Binding.Repository, s.SignedBytes(), s.Signatures}
}

// messages returns what in a part is to be signed.
func (p *RequestPart) messages() []message {
	var out []message
	for _, root := range p.NewRoots {
		out = append(out, messageOf(&root.Metadata))
	}
	for _, t := range p.NewRoles {
		out = append(out, messageOf(&t.Metadata))
	}
	if p.Statement != nil {
		out = append(out, statementOf(p.Statement))
	}
	return out
}

// of reports whether the duty is to sign a message.
func (d Duty) of(m message) bool { return d.File == m.file && d.Version == m.version }

// duties returns who has to sign the files of a part, without judging signatures.
func (p *RequestPart) duties() ([]Duty, error) {
	var out []Duty
	add := func(file *tuf.Metadata, by tuf.Delegator, delegator *tuf.Metadata) bool {
		role, ok := by.Delegated(file.Binding.Role)
		out = append(out, Duty{
			Repository: p.Repository, File: file.Binding.Role, Version: file.Version, By: file.Binding.Role,
			Delegator: delegator.Binding.Role, DelegatorVersion: delegator.Version, Role: role, key: by.Key,
		})
		return ok
	}
	root := p.Root
	for _, next := range p.NewRoots {
		if root != nil {
			add(&next.Metadata, root, &root.Metadata)
		}
		add(&next.Metadata, next, &next.Metadata)
		root = next
	}
	for _, t := range p.NewRoles {
		if t.Binding.Role == tuf.RoleTargets {
			if root == nil {
				return nil, badRequest("it has no root")
			}
			add(&t.Metadata, root, &root.Metadata)
			continue
		}
		by := p.delegator(t.Binding.Role)
		if by == nil {
			return nil, badRequest("no file in it delegates to %s", t.Binding.Role)
		}
		add(&t.Metadata, by, &by.Metadata)
	}
	if st := p.Statement; st != nil {
		if root == nil {
			return nil, badRequest("it has no root")
		}
		role, _ := root.Delegated(st.Binding.Role)
		out = append(out, Duty{
			Repository: p.Repository, File: st.Action.String(), Version: st.Sequence, By: st.Binding.Role,
			Delegator: tuf.RoleRoot, DelegatorVersion: root.Version, Role: role, key: root.Key,
		})
	}
	return out, nil
}

// delegator returns the file that delegates to a role, a new one before a stored
// one of the same role.
func (p *RequestPart) delegator(role string) *tuf.Targets {
	names := func(t *tuf.Targets) bool {
		_, ok := t.Delegation(role)
		return ok
	}
	for _, t := range p.NewRoles {
		if names(t) {
			return t
		}
	}
	for _, t := range p.Roles {
		if names(t) && fileOf(p.NewRoles, t.Binding.Role) == nil {
			return t
		}
	}
	return nil
}

// verifySignatures verifies the signatures of a message and notes them in the
// duties they fulfil.
func verifySignatures(m message, duties []Duty) error {
	for _, s := range m.signatures {
		known := false
		for i := range duties {
			d := &duties[i]
			key, ok := d.key(s.KeyID)
			if !ok || !d.of(m) || !d.Role.Has(s.KeyID) {
				continue
			}
			if err := (keys.Direct{}).Verify(key, m.bytes, s.Sig); err != nil {
				return badRequest("the signature of key %s on %s version %d of %s does not verify", s.KeyID, m.file, m.version, m.repository)
			}
			known = true
			d.Signed = append(d.Signed, s.KeyID)
		}
		if !known {
			return badRequest("key %s signed %s version %d of %s and is not among its keys", s.KeyID, m.file, m.version, m.repository)
		}
	}
	return nil
}

// MaySign reports whether a key has anything to sign in the request.
func (r *Request) MaySign(id keys.ID) bool {
	for i := range r.Parts {
		duties, err := r.Parts[i].duties()
		if err != nil {
			return false
		}
		if slices.ContainsFunc(duties, func(d Duty) bool { return d.Role.Has(id) }) {
			return true
		}
	}
	return false
}

// Sign returns the request with the signers' signatures on every file they have to
// sign. A signer that has none is an error that wraps ErrNotSigner. What is signed
// is what Parts hold; showing it to people is the caller's work.
func (r *Request) Sign(signers ...tuf.Signer) (*Request, error) {
	for _, s := range signers {
		if id := s.PublicKey().ID(); !r.MaySign(id) {
			return nil, fmt.Errorf("couldn't sign request: %w: %s", ErrNotSigner, id)
		}
	}
	next := &Request{Kind: r.Kind, Ledger: r.Ledger, Parts: slices.Clone(r.Parts)}
	for i := range next.Parts {
		if err := next.Parts[i].sign(signers); err != nil {
			return nil, fmt.Errorf("couldn't sign request: %w", err)
		}
	}
	return next, nil
}

func (p *RequestPart) sign(signers []tuf.Signer) error {
	duties, err := p.duties()
	if err != nil {
		return err
	}
	wanted := func(m message) []tuf.Signer {
		var out []tuf.Signer
		for _, s := range signers {
			id := s.PublicKey().ID()
			if slices.ContainsFunc(duties, func(d Duty) bool { return d.of(m) && d.Role.Has(id) }) {
				out = append(out, s)
			}
		}
		return out
	}
	p.NewRoots, p.NewRoles = slices.Clone(p.NewRoots), slices.Clone(p.NewRoles)
	for i, root := range p.NewRoots {
		if p.NewRoots[i], err = root.Sign(wanted(messageOf(&root.Metadata))...); err != nil {
			return err
		}
	}
	for i, t := range p.NewRoles {
		if p.NewRoles[i], err = t.Sign(wanted(messageOf(&t.Metadata))...); err != nil {
			return err
		}
	}
	if p.Statement != nil {
		if p.Statement, err = p.Statement.Sign(wanted(statementOf(p.Statement))...); err != nil {
			return err
		}
	}
	return nil
}
