package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"hullmark/change"
	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// requestAnswer is a request with what it asks to sign and who has.
type requestAnswer struct {
	File     string     `json:"file,omitempty"`
	Kind     string     `json:"kind"`
	Ledger   string     `json:"ledger"`
	Complete bool       `json:"complete"`
	Files    []fileJSON `json:"files"`
	Duties   []dutyJSON `json:"duties"`
	// Inherited is what the new files take over of files that their keys have not
	// signed.
	Inherited []inheritedJSON `json:"inherited"`
	// SignedBy are the keys that signed just now.
	SignedBy []string `json:"signed_by,omitempty"`
}

// dutyJSON is a role that has to sign a file.
type dutyJSON struct {
	Repository string   `json:"repository"`
	File       string   `json:"file"`
	Version    uint64   `json:"version"`
	By         string   `json:"by"`
	Threshold  int      `json:"threshold"`
	Keys       []string `json:"keys"`
	Signed     []string `json:"signed"`
	label      string
}

// fileJSON is a file that is to be signed.
type fileJSON struct {
	Repository string     `json:"repository"`
	Role       string     `json:"role"`
	Version    uint64     `json:"version"`
	Digest     string     `json:"signed_digest"`
	Expires    *time.Time `json:"expires,omitempty"`
	// Of a statement, whose Role is its action and Version its sequence.
	By      string   `json:"by,omitempty"`
	Reason  string   `json:"reason,omitempty"`
	Note    string   `json:"note,omitempty"`
	Digests []string `json:"digests,omitempty"`
	// Of a root.
	*rolesJSON
	// Of targets. ComparedWith is the version to which Tags are the changes; zero
	// means that Tags are all tags.
	ComparedWith uint64           `json:"compared_with,omitempty"`
	TagCount     *int             `json:"tag_count,omitempty"`
	Tags         []tagChangeJSON  `json:"tags,omitempty"`
	Delegations  []delegationJSON `json:"delegations,omitempty"`
}

// tagChangeJSON is a tag in a file that is to be signed.
type tagChangeJSON struct {
	Tag string `json:"tag"`
	// Change is "set", "moved" or "withdrawn".
	Change string `json:"change"`
	Digest string `json:"digest,omitempty"`
	Size   uint64 `json:"size,omitempty"`
	Before string `json:"before,omitempty"`
}

// delegationJSON is a role to which a file delegates.
type delegationJSON struct {
	Role        string   `json:"role"`
	Threshold   int      `json:"threshold"`
	Keys        []string `json:"keys"`
	Paths       []string `json:"paths"`
	Terminating bool     `json:"terminating"`
	// Digest stands for all of the above where one is to be adopted.
	Digest string `json:"digest"`
}

// newRequestAnswer describes a request to the holder of some keys: what has changed
// since a file that one of them signed, and the whole of everything else.
func newRequestAnswer(r *change.Request, own []keys.PublicKey) (*requestAnswer, error) {
	duties, err := r.Duties()
	if err != nil {
		return nil, err
	}
	a := &requestAnswer{Kind: string(r.Kind), Ledger: r.Ledger, Files: []fileJSON{}, Duties: []dutyJSON{}, Inherited: []inheritedJSON{}}
	a.Inherited = append(a.Inherited, newInherited(r.Inherited())...)
	switch err := r.Complete(); {
	case err == nil:
		a.Complete = true
	case !errors.Is(err, change.ErrIncomplete):
		return nil, err
	}
	for _, p := range r.Parts {
		for _, root := range p.NewRoots {
			f := newFile(&root.Metadata)
			roles := newRoles(root)
			f.rolesJSON = &roles
			a.Files = append(a.Files, f)
		}
		for _, t := range p.NewRoles {
			a.Files = append(a.Files, newTargetsFile(t, p.Stored(t.Binding.Role), own))
		}
	}
	for _, p := range r.Parts {
		if p.Statement != nil {
			a.Files = append(a.Files, newStatementFile(p.Statement))
		}
	}
	for _, d := range duties {
		a.Duties = append(a.Duties, dutyJSON{
			Repository: d.Repository.String(), File: d.File, Version: d.Version, By: d.By,
			Threshold: d.Role.Threshold, Keys: idTexts(d.Role.KeyIDs), Signed: idTexts(d.Signed),
			label: fmt.Sprintf("%s keys of %s version %d", d.By, d.Delegator, d.DelegatorVersion),
		})
	}
	return a, nil
}

func newFile(m *tuf.Metadata) fileJSON {
	digest := m.SignedDigest()
	return fileJSON{
		Repository: m.Binding.Repository.String(), Role: m.Binding.Role, Version: m.Version,
		Digest: hex.EncodeToString(digest[:]), Expires: &m.Expires,
	}
}

func newStatementFile(st *record.SignedStatement) fileJSON {
	digest := sha256.Sum256(st.SignedBytes())
	f := fileJSON{
		Repository: st.Binding.Repository.String(), Role: st.Action.String(), Version: st.Sequence,
		Digest: hex.EncodeToString(digest[:]), By: st.Binding.Role, Reason: st.Reason.String(), Note: st.Note,
	}
	for _, d := range st.Digests {
		f.Digests = append(f.Digests, d.String())
	}
	return f
}

// newTargetsFile describes a file of a role that follows stored, which may be nil.
// Stored is what the maker of the request says it is, so it is compared with only
// if one of the reader's own keys has signed it.
func newTargetsFile(t, stored *tuf.Targets, own []keys.PublicKey) fileJSON {
	f := newFile(&t.Metadata)
	count := len(t.Targets)
	f.TagCount = &count
	if stored == nil || !signedBy(&stored.Metadata, own) {
		stored = &tuf.Targets{}
	}
	f.ComparedWith = stored.Version
	for _, target := range t.Targets {
		old, listed := stored.Target(target.Tag)
		change := tagChangeJSON{Tag: target.Tag.String(), Change: "set", Digest: target.Digest.String(), Size: target.Length}
		switch {
		case listed && old == target:
			continue
		case listed:
			change.Change, change.Before = "moved", old.Digest.String()
		}
		f.Tags = append(f.Tags, change)
	}
	for _, old := range stored.Targets {
		if _, listed := t.Target(old.Tag); !listed {
			f.Tags = append(f.Tags, tagChangeJSON{Tag: old.Tag.String(), Change: "withdrawn", Before: old.Digest.String()})
		}
	}
	f.Delegations = newDelegations(t)
	return f
}

func newDelegations(t *tuf.Targets) []delegationJSON {
	if t.Delegations == nil {
		return nil
	}
	var out []delegationJSON
	for _, role := range t.Delegations.Roles {
		out = append(out, delegationJSON{role.Name, role.Threshold, idTexts(role.KeyIDs), role.Paths, role.Terminating, change.DelegationDigest(t, role).String()})
	}
	return out
}

// signedBy reports whether a file carries a valid signature by one of the keys.
func signedBy(m *tuf.Metadata, own []keys.PublicKey) bool {
	for _, key := range own {
		for _, sig := range m.Signatures {
			if sig.KeyID == key.ID() && (keys.Direct{}).Verify(key, m.SignedBytes(), sig.Sig) == nil {
				return true
			}
		}
	}
	return false
}

func (a *requestAnswer) text(t *table) {
	a.contents(t)
	a.state(t)
}

// contents shows what is signed.
func (a *requestAnswer) contents(t *table) {
	t.row("request", "%s, ledger %s", a.Kind, a.Ledger)
	for _, f := range a.Files {
		if f.Expires == nil {
			t.row("statement", "%s number %d in %s", f.Role, f.Version, f.Repository)
			for _, d := range f.Digests {
				t.row("  "+f.Role, "%s", d)
			}
			t.row("  reason", "%s", strings.TrimSuffix(f.Reason+": "+f.Note, ": "))
			t.row("  SHA-256", "%s", f.Digest)
			continue
		}
		t.row("file", "%s version %d of %s", f.Role, f.Version, f.Repository)
		t.row("  SHA-256", "%s", f.Digest)
		t.row("  expires", "%s", stamp(*f.Expires))
		if f.rolesJSON != nil {
			f.rolesJSON.text(t)
			continue
		}
		if f.ComparedWith > 0 {
			t.row("  tags", "%d, changes since version %d, which a key here has signed:", *f.TagCount, f.ComparedWith)
		} else {
			t.row("  tags", "%d, all of them:", *f.TagCount)
		}
		var rows [][]string
		for _, tag := range f.Tags {
			row := []string{tag.Change, tag.Tag, tag.Digest}
			switch tag.Change {
			case "withdrawn":
				row[2] = "was " + tag.Before
			case "moved":
				row = append(row, "was "+tag.Before)
			}
			rows = append(rows, row)
		}
		t.columns("  tags", rows)
		delegationRows(t, f.Delegations)
	}
	inheritedRows(t, a.Inherited)
}

func delegationText(d delegationJSON) string {
	text := fmt.Sprintf("%s may set %s, %d of %d keys must sign", d.Role, strings.Join(d.Paths, " "), d.Threshold, len(d.Keys))
	if d.Terminating {
		text += ", terminating"
	}
	return text
}

func delegationRows(t *table, list []delegationJSON) {
	for _, d := range list {
		t.row("delegates", "%s", delegationText(d))
		for _, id := range d.Keys {
			t.row("delegates", "  key %s", id)
		}
	}
}

// state shows who has signed and what comes next.
func (a *requestAnswer) state(t *table) {
	for _, id := range a.SignedBy {
		t.row("signed now by", "%s", id)
	}
	for _, d := range a.Duties {
		t.row("signatures", "%s version %d: %d of %d by the %s", d.File, d.Version, len(d.Signed), d.Threshold, d.label)
	}
	if a.File == "" {
		return
	}
	t.row("written to", "%s", a.File)
	switch {
	case !a.Complete:
		t.row("next", "hullmark sign %s, by who holds the keys that are missing", a.File)
	case a.Kind == string(change.RequestRegister):
		t.row("next", "send it to the operator that owns %s", a.Duties[0].Repository)
	default:
		t.row("next", "hullmark submit %s", a.File)
	}
}

// submitAnswer is what a submitted request did.
type submitAnswer struct {
	Kind     string     `json:"kind"`
	Ledger   string     `json:"ledger"`
	Operator string     `json:"operator,omitempty"`
	Files    []fileJSON `json:"files"`
	committedJSON
}

// committedJSON says where something was committed. Changed is false when the
// ledger had it already.
type committedJSON struct {
	Changed bool   `json:"changed"`
	Height  uint64 `json:"height,omitempty"`
	TxHash  string `json:"tx_hash,omitempty"`
	// Receipt is the file that the receipt was saved to.
	Receipt string `json:"receipt,omitempty"`
}

func newCommitted(tx *proto.TransactionResponse) committedJSON {
	if tx == nil {
		return committedJSON{}
	}
	return committedJSON{Changed: true, Height: tx.GetHeight(), TxHash: hex.EncodeToString(tx.GetHash())}
}

func (a committedJSON) text(t *table) {
	if !a.Changed {
		t.row("unchanged", "the ledger has it already")
		return
	}
	t.row("height", "%d", a.Height)
	t.row("transaction", "%s", a.TxHash)
	if a.Receipt != "" {
		t.row("receipt", "%s", a.Receipt)
	}
}

func newSubmitAnswer(r *change.Request, operator string, tx *proto.TransactionResponse) (*submitAnswer, error) {
	described, err := newRequestAnswer(r, nil)
	if err != nil {
		return nil, err
	}
	// What is in the files was shown when they were signed.
	for i := range described.Files {
		described.Files[i].Tags, described.Files[i].Delegations = nil, nil
	}
	return &submitAnswer{Kind: described.Kind, Ledger: r.Ledger, Operator: operator, Files: described.Files, committedJSON: newCommitted(tx)}, nil
}

func (a *submitAnswer) text(t *table) {
	for _, f := range a.Files {
		if f.Expires == nil {
			for _, d := range f.Digests {
				t.row("committed", "%s %s@%s, %s", f.Role, f.Repository, d, strings.TrimSuffix(f.Reason+": "+f.Note, ": "))
			}
			continue
		}
		t.row("committed", "%s version %d of %s, expires %s", f.Role, f.Version, f.Repository, stamp(*f.Expires))
	}
	if a.Operator != "" {
		t.row("operator", "%s", a.Operator)
	}
	a.committedJSON.text(t)
}
