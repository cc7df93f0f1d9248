package record

import (
	"slices"
	"time"

	"hullmark/keys"
)

// NotaryLists is the map value under NotaryKey: the lists of operators' notary
// keys a publisher's root may name for its snapshot and timestamp roles
// (docs/spec.md, "Notary value"). The last one is current.
type NotaryLists struct {
	// Lists, oldest first, 1 to MaxNotaryLists.
	Lists []NotaryList
}

// NotaryList is the notary keys of all operators at one time.
type NotaryList struct {
	// Since is the block time from which the list was current.
	Since time.Time
	Keys  []keys.ID // ascending
}

// MaxNotaryLists bounds how many lists are kept. The consortium changes one
// member at a time; 64 changes within the grace period is far beyond what
// people can vote on.
const MaxNotaryLists = 64

// NotaryThreshold is how many of n notary keys must sign: more than two thirds.
func NotaryThreshold(n int) int { return 2*n/3 + 1 }

// Accepts reports whether a publisher's root may name exactly these keys, in
// any order, at block time t: the list is the current one or was current within
// the grace period.
func (n *NotaryLists) Accepts(ids []keys.ID, t time.Time) bool {
	sorted := SortKeyIDs(ids)
	for i, l := range n.Lists {
		current := i == len(n.Lists)-1
		if !current && !t.Before(n.Lists[i+1].Since.Add(NotaryGrace)) {
			continue
		}
		if len(sorted) == len(ids) && slices.Equal(l.Keys, sorted) {
			return true
		}
	}
	return false
}

// Encode returns the map value.
func (n *NotaryLists) Encode() []byte {
	var e encoder
	e.u8(FormatVersion)
	e.u16(uint16(len(n.Lists)))
	for _, l := range n.Lists {
		e.time(l.Since)
		e.keyIDs(l.Keys)
	}
	return e
}

// DecodeNotaryLists is the inverse of NotaryLists.Encode.
func DecodeNotaryLists(b []byte) (*NotaryLists, error) {
	d := decoder{b: b}
	n := new(NotaryLists)
	d.version()
	count := d.count(MaxNotaryLists)
	if d.err == nil && count == 0 {
		d.fail("no list")
	}
	for range count {
		l := NotaryList{Since: d.time(), Keys: d.keyIDs()}
		if k := len(n.Lists); k > 0 && !n.Lists[k-1].Since.Before(l.Since) {
			d.fail("lists not ascending")
		}
		if d.err == nil && len(l.Keys) == 0 {
			d.fail("empty list")
		}
		if d.err != nil {
			break
		}
		n.Lists = append(n.Lists, l)
	}
	if err := d.end("notary value"); err != nil {
		return nil, err
	}
	return n, nil
}
