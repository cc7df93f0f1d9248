package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"hullmark/change"
	"hullmark/internal/cli"
)

// adoptionFlags decide about what keys have signed that hold their role no more.
type adoptionFlags struct {
	adopt    []string
	drop     []string
	dropRest bool
}

// addAdopt adds the flag that names what is wanted.
func (f *adoptionFlags) addAdopt(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.adopt, "adopt", nil, "tag or delegation, NAME@DIGEST, to sign although only keys have signed it that the role has no more (repeatable; @FILE reads one per line; delegations get the precedence in which they are named)")
}

func (f *adoptionFlags) add(flags *pflag.FlagSet) {
	f.addAdopt(flags)
	flags.StringArrayVar(&f.drop, "drop", nil, "tag or delegation, NAME, to leave out of the list instead (repeatable; @FILE reads one per line)")
	flags.BoolVar(&f.dropRest, "drop-rest", false, "leave out all of those that --adopt does not name")
}

// maxAdoptionFile bounds a file of --adopt or --drop in bytes: more than names and
// digests of the largest list take.
const maxAdoptionFile = 4 << 20

// adoption reads the flags.
func (s *session) adoption(f adoptionFlags) (change.Adoption, error) {
	adopt, err := s.lines(f.adopt)
	if err != nil {
		return change.Adoption{}, err
	}
	drop, err := s.lines(f.drop)
	if err != nil {
		return change.Adoption{}, err
	}
	a, err := change.ParseAdoption(adopt, drop, f.dropRest)
	if err != nil {
		return change.Adoption{}, cli.Usage("%v; run the command without --adopt and --drop, and it lists what there is to decide", err)
	}
	return a, nil
}

// lines returns values of a flag, with the lines of a file in the place of @FILE.
// Empty lines and those that begin with # say nothing.
func (s *session) lines(values []string) ([]string, error) {
	var out []string
	for _, v := range values {
		path, ok := strings.CutPrefix(v, "@")
		if !ok {
			out = append(out, v)
			continue
		}
		text, err := s.readInput(path, maxAdoptionFile)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				out = append(out, line)
			}
		}
	}
	return out, nil
}

// inheritedJSON is what a new file takes over of one that its keys have not signed.
type inheritedJSON struct {
	Repository string `json:"repository"`
	Role       string `json:"role"`
	// Version and SignedBy are those of the file; zero when a request does not show it.
	Version  uint64     `json:"version"`
	SignedBy []string   `json:"signed_by"`
	Items    []itemJSON `json:"items"`
}

// itemJSON is a tag or a delegation.
type itemJSON struct {
	// Item is what --adopt takes.
	Item       string          `json:"item"`
	Name       string          `json:"name"`
	Digest     string          `json:"digest"`
	Size       uint64          `json:"size,omitempty"`
	Delegation *delegationJSON `json:"delegation,omitempty"`
	// Revoked says that the image of a tag was revoked.
	Revoked bool `json:"revoked,omitempty"`
}

func newInherited(list []change.Inherited) []inheritedJSON {
	var out []inheritedJSON
	for _, in := range list {
		j := inheritedJSON{
			Repository: in.Repository.String(), Role: in.Role, Version: in.Version,
			SignedBy: idTexts(in.Signers), Items: []itemJSON{},
		}
		for _, item := range in.Items {
			i := itemJSON{Item: item.String(), Name: item.Name, Digest: item.Digest.String(), Size: item.Size}
			if d := item.Delegation; d != nil {
				i.Delegation = &delegationJSON{d.Name, d.Threshold, idTexts(d.KeyIDs), d.Paths, d.Terminating, i.Digest}
			}
			j.Items = append(j.Items, i)
		}
		out = append(out, j)
	}
	return out
}

// inheritedRows shows what would be taken over, each with the flag that wants it.
func inheritedRows(t *table, list []inheritedJSON) {
	for _, in := range list {
		what := fmt.Sprintf("%s of %s, version %d, signed by", in.Role, in.Repository, in.Version)
		if in.Version == 0 {
			what = fmt.Sprintf("%s of %s, before this version, which the request does not show", in.Role, in.Repository)
		}
		t.row("not signed by its keys", "%s", strings.TrimSpace(what+" "+strings.Join(in.SignedBy, " ")))
		for _, item := range in.Items {
			if d := item.Delegation; d != nil {
				t.row("  delegation", "%s", delegationText(*d))
				for _, id := range d.Keys {
					t.row("  delegation", "  key %s", id)
				}
				t.row("  delegation", "  --adopt %s", item.Item)
				continue
			}
			mark := ""
			if item.Revoked {
				mark = "  (revoked: leave it out with --drop " + item.Name + ")"
			}
			t.row("  tag", "--adopt %s%s", item.Item, mark)
		}
	}
}

// inheritedOf returns what an error says nobody has decided about.
func inheritedOf(err error) []inheritedJSON {
	var open *change.NotAdoptedError
	if !errors.As(err, &open) {
		return nil
	}
	return newInherited(open.Inherited)
}
