package ledger

import (
	"google.golang.org/protobuf/encoding/protowire"

	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/tuf"
)

// What the tests of the package reach beyond its interface.
var (
	TakeToken      = takeToken
	RejectMetadata = rejectMetadata
)

// Fields calls f for the fields of a message that are counted.
func Fields(b []byte, f func(number protowire.Number, value []byte)) { newCounter().fields(b, f) }

// Set overwrites a map value, as damage or as what governance will do.
func (s *State) Set(key, value []byte) { s.set(key, value) }

// Stage computes what a block of everything admitted would write.
func (p *Pending) Stage() (*store.Staged, error) { return p.state.Stage() }

// Get reads a value as it is with everything admitted.
func (p *Pending) Get(key []byte) ([]byte, bool, error) { return p.state.Get(key) }

// AddRecord appends a log record that nothing vouches for.
func (s *State) AddRecord(r *record.LogRecord) { s.records = append(s.records, r.Encode()) }

// AddContent stores content.
func (s *State) AddContent(b []byte) { s.addContent(b) }

// RoleChange is what a log record says of a file, with the delegations in it.
func RoleChange(name string, m *tuf.Metadata, d *tuf.Delegations) record.RoleChange {
	return roleChange(name, m, d.Digest())
}

// Checks are the names of the steps of a judgement, in order.
func Checks() []string {
	var out []string
	for _, s := range steps() {
		out = append(out, s.check)
	}
	return out
}

// Kept returns how many bytes are remembered.
func (l *Ledger) Kept() Memory {
	return Memory{Results: l.verdicts.size, Files: l.kept.size, Values: l.values.size}
}

// Damage has the ledger take other bytes for a stored file, as from a damaged disk.
func (l *Ledger) Damage(digest [32]byte, b []byte) { files{kept: l.kept}.keep(digest, b) }

// MaxBlockFiles is the bound on the bytes of files of a block.
const MaxBlockFiles = maxBlockFiles
