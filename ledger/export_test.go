package ledger

import (
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/tuf"
)

// What the tests of the package reach beyond its interface.
var (
	TakeToken      = takeToken
	RejectMetadata = rejectMetadata
)

// Set overwrites a map value, as damage or as what governance will do.
func (s *State) Set(key, value []byte) { s.set(key, value) }

// Stage computes what a block of everything admitted would write.
func (p *Pending) Stage() (*store.Staged, error) { return p.state.Stage() }

// AddRecord appends a log record that nothing vouches for.
func (s *State) AddRecord(r *record.LogRecord) { s.records = append(s.records, r.Encode()) }

// AddContent stores content.
func (s *State) AddContent(b []byte) { s.addContent(b) }

// RoleChange is what a log record says of a file.
func RoleChange(name string, m *tuf.Metadata) record.RoleChange { return roleChange(name, m) }
