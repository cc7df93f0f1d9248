package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"hullmark/change"
	"hullmark/keys"
	"hullmark/proto"
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
	// Of a statement, whose Role is its action and Version its sequence. Through is the
	// newest revocation that a lift takes back.
	By      string   `json:"by,omitempty"`
	Through uint64   `json:"through,omitempty"`
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
	for _, v := range r.Review(own) {
		a.Files = append(a.Files, newReviewed(v))
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

func newReviewed(v change.Reviewed) fileJSON {
	f := fileJSON{Repository: v.Repository.String(), Digest: hex.EncodeToString(v.Digest[:])}
	file := func(m *tuf.Metadata) { f.Role, f.Version, f.Expires = m.Binding.Role, m.Version, &m.Expires }
	switch {
	case v.Root != nil:
		file(&v.Root.Metadata)
		roles := newRoles(v.Root)
		f.rolesJSON = &roles
	case v.Targets != nil:
		file(&v.Targets.Metadata)
		count := len(v.Targets.Targets)
		f.TagCount, f.ComparedWith = &count, v.ComparedWith
		for _, d := range v.Tags {
			f.Tags = append(f.Tags, newTagChange(d))
		}
		f.Delegations = newDelegations(v.Targets)
	default:
		st := v.Statement
		f.Role, f.Version, f.By, f.Through = st.Action.String(), st.Sequence, st.Binding.Role, st.Through
		f.Reason, f.Note = st.Reason.String(), st.Note
		for _, d := range st.Digests {
			f.Digests = append(f.Digests, d.String())
		}
	}
	return f
}

func newTagChange(d change.TagDifference) tagChangeJSON {
	c := tagChangeJSON{Tag: d.Tag.String(), Change: "set", Size: d.After.Length}
	if !d.After.Digest.IsZero() {
		c.Digest = d.After.Digest.String()
	}
	if d.Before.Digest.IsZero() {
		return c
	}
	c.Change, c.Before = "moved", d.Before.Digest.String()
	if d.After.Digest.IsZero() {
		c.Change = "withdrawn"
	}
	return c
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
			if f.Through > 0 {
				t.row("  takes back", "all revocations of them up to number %d", f.Through)
			}
			t.row("  by", "the %s keys", f.By)
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
