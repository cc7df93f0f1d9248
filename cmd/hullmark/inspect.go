package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/internal/cli"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

func newInspect(s *session) *cobra.Command {
	var receipt string
	cmd := &cobra.Command{
		Use:         "inspect REF",
		Annotations: limit(readTimeout),
		Short:       "Show everything that is proven about a tag or digest and its repository",
		Long: `Inspect asks what verify asks and shows all that was proven on the way, also when
the answer is no: who registered the repository, its roles and when they expire, who
signed, and the first and newest publication of the image.

With --receipt FILE it shows what a receipt proves that publish, withdraw, revoke, lift
or submit saved: that a transaction is in a block and which records of the log it
made. It asks nobody.

JSON: that of verify without offline and registry_checked, and registrant, revision,
roles [{name, version, expires, effective, reason}], first and last {height, time, index},
revocation and lift {reason, note, by, height, time}, error. With --receipt: tx_hash,
kind, submitter, height, index, records [{index, repository, revision, roles [{name,
version}]}], state_height, header_height, block_time, age_seconds.

Exit status: 0 trusted, 3 not trusted (absent, withdrawn, revoked, not effective,
another digest), 4 verification failed (possible attack), 6 no node reachable or
answer too old.`,
		Args: cli.Args(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (receipt == "") {
				return cli.Usage("name a reference, or a file with --receipt")
			}
			if receipt != "" {
				return s.inspectReceipt(cmd.Context(), receipt)
			}
			ref, err := parseReference(args[0])
			if err != nil {
				return err
			}
			r, size, err := s.resolve(cmd.Context(), query.Of(ref), bundle.DefaultPolicy(), "")
			var denial *bundle.Denial
			if err != nil && (!errors.As(err, &denial) || denial.Result == nil) {
				return err
			}
			if denial != nil {
				r = denial.Result
			}
			out := newInspectAnswer(r, size)
			if err != nil {
				out.Error = describe(err)
			}
			if printErr := s.print(out); printErr != nil {
				return printErr
			}
			if err != nil {
				return cli.Shown(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&receipt, "receipt", "", "file with a receipt, instead of a reference; - for standard input")
	return cmd
}

type inspectAnswer struct {
	imageJSON
	proofJSON
	ProofBytes int              `json:"proof_bytes,omitempty"`
	Registrant string           `json:"registrant,omitempty"`
	Revision   uint64           `json:"revision"`
	Roles      []roleJSON       `json:"roles"`
	First      *publicationJSON `json:"first,omitempty"`
	Last       *publicationJSON `json:"last,omitempty"`
	Revocation *revocationJSON  `json:"revocation,omitempty"`
	Lift       *revocationJSON  `json:"lift,omitempty"`
	Error      *errorJSON       `json:"error,omitempty"`
}

type roleJSON struct {
	Name string `json:"name"`
	// Parent is the role that delegates to it.
	Parent    string    `json:"parent,omitempty"`
	Version   uint64    `json:"version"`
	Expires   time.Time `json:"expires,omitzero"` // of a list that there is
	Effective bool      `json:"effective"`
	// Reason says why a role is not effective.
	Reason string `json:"reason,omitempty"`
}

type publicationJSON struct {
	Height uint64    `json:"height"`
	Time   time.Time `json:"time"`
	Index  uint64    `json:"index"`
}

type revocationJSON struct {
	Reason string    `json:"reason"`
	Note   string    `json:"note,omitempty"`
	By     string    `json:"by"`
	Height uint64    `json:"height"`
	Time   time.Time `json:"time"`
}

// newRoleList returns the roles as they are now: what was effective at block time
// may have expired since, and with the root everything has.
func newRoleList(r *bundle.Result, now time.Time) []roleJSON {
	out := []roleJSON{}
	rootExpired := false
	for _, role := range r.Roles {
		rootExpired = rootExpired || role.Name == tuf.RoleRoot && !now.Before(role.Expires)
	}
	for _, role := range r.Roles {
		j := roleJSON{Name: role.Name, Parent: role.Parent, Version: role.Version}
		if role.Version > 0 {
			j.Expires = role.Expires.UTC()
		}
		switch {
		case role.Version == 0:
			j.Reason = "it has published nothing yet"
		case role.Narrowed:
			j.Reason = "its delegation was narrowed; its keys must sign the list anew"
		case !now.Before(role.Expires):
			j.Reason = "expired"
		case rootExpired:
			j.Reason = "the root is expired"
		case !role.Effective:
			j.Reason = "it, or a role above it, lacks signatures by its current keys"
		default:
			j.Effective = true
		}
		out = append(out, j)
	}
	return out
}

func newPublication(p record.Publication) *publicationJSON {
	if p.Height == 0 {
		return nil
	}
	return &publicationJSON{p.Height, p.Time.UTC(), p.Index}
}

func newInspectAnswer(r *bundle.Result, size int) *inspectAnswer {
	a := &inspectAnswer{
		imageJSON: newImage(r), proofJSON: newProof(r), ProofBytes: size, Registrant: r.Registrant, Revision: r.Revision,
		Roles: newRoleList(r, time.Now()), First: newPublication(r.First), Last: newPublication(r.Last),
	}
	a.Revocation, a.Lift = newRuling(r.Revocation, r.Statement), newRuling(r.Lift, r.Statement)
	return a
}

// why returns reason and note.
func (r *revocationJSON) why() string {
	if r.Note == "" {
		return r.Reason
	}
	return r.Reason + ": " + r.Note
}

func newRuling(v *record.Ruling, st *record.SignedStatement) *revocationJSON {
	if v == nil {
		return nil
	}
	out := &revocationJSON{Reason: v.Reason.String(), By: v.Role, Height: v.Height, Time: v.Time.UTC()}
	if st != nil {
		out.Note = st.Note
	}
	return out
}

func roleRows(t *table, roles []roleJSON) {
	var rows [][]string
	for _, role := range roles {
		state := "effective"
		if !role.Effective {
			state = "NOT EFFECTIVE: " + role.Reason
		}
		row := []string{role.Name, fmt.Sprintf("version %d", role.Version), state}
		if !role.Expires.IsZero() {
			row = append(row, "expires "+stamp(role.Expires))
		}
		rows = append(rows, row)
	}
	t.columns("role", rows)
}

func (a *inspectAnswer) text(t *table) {
	verdict := "trusted"
	if a.Error != nil {
		verdict = "NOT TRUSTED, " + a.Error.Code
	}
	t.row("reference", "%s", a.name())
	t.row("verdict", "%s", verdict)
	a.imageJSON.text(t)
	for _, p := range []struct {
		label string
		at    *publicationJSON
	}{{"first", a.First}, {"newest", a.Last}} {
		if p.at != nil {
			t.row(p.label, "%s, height %d, log index %d", stamp(p.at.Time), p.at.Height, p.at.Index)
		}
	}
	if v := a.Revocation; v != nil {
		t.row("revoked", "%s, height %d, by the %s role: %s", stamp(v.Time), v.Height, v.By, v.why())
	}
	if v := a.Lift; v != nil {
		t.row("revoked once", "lifted %s, height %d, by the %s role: %s", stamp(v.Time), v.Height, v.By, v.why())
	}
	if a.Registrant != "" {
		t.row("registered by", "%s", a.Registrant)
		t.row("revision", "%d", a.Revision)
	}
	roleRows(t, a.Roles)
	a.proofJSON.text(t)
	if a.ProofBytes > 0 {
		t.row("proof", "%d bytes", a.ProofBytes)
	}
}
