package main

import (
	"time"

	"hullmark/client"
	"hullmark/tuf"
)

// publishAnswer is what a publication did.
type publishAnswer struct {
	Repositories []publishedJSON `json:"repositories"`
	BlockTime    *time.Time      `json:"block_time,omitempty"`
	committedJSON
}

// publishedJSON is what was published in one repository.
type publishedJSON struct {
	Repository     string    `json:"repository"`
	Role           string    `json:"role"`
	Tags           []tagJSON `json:"tags"`
	TargetsVersion uint64    `json:"targets_version"`
	Expires        time.Time `json:"expires"`
	KeyIDs         []string  `json:"key_ids"`
}

func newPublishAnswer(orders []client.Publication, published *client.Published, blockTime time.Time) *publishAnswer {
	a := &publishAnswer{committedJSON: newCommitted(published.Transaction)}
	if !blockTime.IsZero() {
		a.BlockTime = &blockTime
	}
	for i, p := range orders {
		out := newPublished(published.Files[i])
		for _, change := range p.Changes {
			tag := tagJSON{Tag: change.Tag.String(), Size: change.Size}
			if !change.Digest.IsZero() {
				tag.Digest = change.Digest.String()
			}
			out.Tags = append(out.Tags, tag)
		}
		a.Repositories = append(a.Repositories, out)
	}
	return a
}

// newPublished says what file is in force, so far without tags.
func newPublished(file *tuf.Targets) publishedJSON {
	return publishedJSON{
		Repository: file.Binding.Repository.String(), Role: file.Binding.Role, Tags: []tagJSON{}, TargetsVersion: file.Version,
		Expires: file.Expires, KeyIDs: idTexts(file.Signers()),
	}
}

func (a *publishAnswer) text(t *table) {
	for _, r := range a.Repositories {
		for _, tag := range r.Tags {
			switch {
			case tag.WithdrawnHeight > 0:
				t.row("unchanged", "%s:%s was withdrawn already, at height %d", r.Repository, tag.Tag, tag.WithdrawnHeight)
			case tag.Digest == "":
				t.row("withdrawn", "%s:%s", r.Repository, tag.Tag)
			case a.Changed:
				t.row("published", "%s:%s -> %s (%d bytes)", r.Repository, tag.Tag, tag.Digest, tag.Size)
			default:
				t.row("unchanged", "%s:%s -> %s (%d bytes)", r.Repository, tag.Tag, tag.Digest, tag.Size)
			}
		}
		if len(r.Tags) == 0 {
			t.row("signed anew", "%s", r.Repository)
		}
		t.row(r.Role, "version %d, expires %s", r.TargetsVersion, stamp(r.Expires))
		for _, id := range r.KeyIDs {
			t.row("signed by", "%s", id)
		}
	}
	if !a.Changed {
		return
	}
	if a.BlockTime != nil {
		t.row("height", "%d, %s", a.Height, stamp(*a.BlockTime))
	} else {
		t.row("height", "%d", a.Height)
	}
	t.row("transaction", "%s", a.TxHash)
	if a.Receipt != "" {
		t.row("receipt", "%s", a.Receipt)
	}
}
