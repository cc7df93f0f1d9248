package record

import (
	"cmp"
	"strings"

	"hullmark/printable"
	"hullmark/reference"
)

// ScopeKind says what a scope claims.
type ScopeKind uint8

// The kinds of scope. Numbers are never reused.
const (
	ScopeRole       ScopeKind = 1
	ScopeRevocation ScopeKind = 2
	ScopeLift       ScopeKind = 3
	ScopeRecovery   ScopeKind = 4
	ScopeOperator   ScopeKind = 5
)

// Scope names one thing a transaction replaces, with the number it must get:
// one more than what the ledger has. All scopes of a transaction hold or it is
// refused (docs/spec.md, "Scopes").
type Scope struct {
	Kind ScopeKind
	// Repository of ScopeRole, ScopeRevocation and ScopeLift.
	Repository reference.Repository
	// Role of ScopeRole; of ScopeRevocation the role that signed the statement,
	// RoleRoot or RoleTargets.
	Role string
	// Operator of ScopeOperator.
	Operator string
	// Number is the first new version (ScopeRole), the sequence
	// (ScopeRevocation, ScopeLift, ScopeOperator) or the proposal
	// (ScopeRecovery).
	Number uint64
}

// RoleScope claims versions of a role, from first on.
func RoleScope(r reference.Repository, role string, first uint64) Scope {
	return Scope{Kind: ScopeRole, Repository: r, Role: role, Number: first}
}

// RevocationScope claims the next statement of revocation of a repository,
// signed by a role: RoleRoot or RoleTargets.
func RevocationScope(r reference.Repository, role string, sequence uint64) Scope {
	return Scope{Kind: ScopeRevocation, Repository: r, Role: role, Number: sequence}
}

// LiftScope claims the next statement of lift of a repository.
func LiftScope(r reference.Repository, sequence uint64) Scope {
	return Scope{Kind: ScopeLift, Repository: r, Number: sequence}
}

// String says what the scope claims, without the number.
func (s Scope) String() string {
	row := s.Kind.row()
	switch {
	case s.Kind == ScopeRole:
		return s.Role + " of " + s.Repository.String()
	case row.repository:
		return row.noun + " of " + s.Repository.String()
	case row.operator:
		return row.noun + " " + s.Operator
	}
	return cmp.Or(row.noun, "unknown scope")
}

// scopeRow is what sets one kind of scope apart: what it names beside its number, and the
// bucket that it draws on.
type scopeRow struct {
	noun       string // in messages
	repository bool
	role       func(*decoder) string // reads the role that it names; nil for none
	operator   bool
	class      QuotaClass // unless it names the root
}

// row returns the row of a kind of scope; the zero row has no noun and is that of all
// others.
func (k ScopeKind) row() scopeRow {
	switch k {
	case ScopeRole:
		return scopeRow{noun: "role", repository: true, role: (*decoder).roleName, class: QuotaOrdinary}
	case ScopeRevocation:
		return scopeRow{noun: "revocations", repository: true, role: (*decoder).statementRole, class: QuotaRevoking}
	case ScopeLift:
		return scopeRow{noun: "lifts", repository: true, class: QuotaRoot}
	case ScopeRecovery:
		return scopeRow{noun: "recovery", class: QuotaRoot}
	case ScopeOperator:
		return scopeRow{noun: "operator", operator: true, class: QuotaOrdinary}
	}
	return scopeRow{}
}

func (s Scope) encode() []byte {
	var e encoder
	e.u8(uint8(s.Kind))
	row := s.Kind.row()
	if row.repository {
		e.str(s.Repository.String())
	}
	if row.role != nil {
		e.str(s.Role)
	}
	if row.operator {
		e.str(s.Operator)
	}
	e.u64(s.Number)
	return e
}

func (d *decoder) scope() Scope {
	s := Scope{Kind: ScopeKind(d.u8())}
	if d.err != nil {
		return s
	}
	row := s.Kind.row()
	if row.noun == "" {
		d.fail("unknown scope kind %d", s.Kind)
	}
	if row.repository {
		s.Repository = d.repository()
	}
	if row.role != nil {
		s.Role = row.role(d)
	}
	if row.operator {
		s.Operator = d.name()
	}
	s.Number = d.u64()
	if s.Number == 0 {
		d.fail("scope with number 0")
	}
	return s
}

// compareScopes orders scopes by what they are about: kind, then names, each by
// its bytes. So the scopes of a publish come in the order of its updates. What
// compares as equal may stand in a transaction only once. Who signs a statement
// is not what it is about: a repository's revocations are one sequence.
func compareScopes(a, b Scope) int {
	role := func(s Scope) string {
		if s.Kind == ScopeRole {
			return s.Role
		}
		return ""
	}
	return cmp.Or(
		cmp.Compare(a.Kind, b.Kind),
		strings.Compare(a.Repository.String(), b.Repository.String()),
		strings.Compare(role(a), role(b)),
		strings.Compare(a.Operator, b.Operator),
	)
}

// statementRole reads a role that may sign statements.
func (d *decoder) statementRole() string {
	role := d.str(MaxRoleName)
	if d.err == nil && role != RoleRoot && role != RoleTargets {
		d.fail("role %s signs no statements", printable.Quote(role))
	}
	return role
}
