package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/keys"
	"hullmark/proto"
)

var (
	// errDeclined says that a person did not agree to what was about to be signed.
	errDeclined = errors.New("declined; nothing was done")
	// errUnexpected says that a file is another one than a script was told to expect.
	errUnexpected = errors.New("the file is not the one that is expected; nothing was done")
)

// signFlags are the flags of sign.
type signFlags struct {
	keys []string
	file string
	yes  bool
	show bool
	// expect are the digests of the files that a script expects.
	expect []string
	adoptionFlags
}

func newSign(s *session) *cobra.Command {
	var f signFlags
	cmd := &cobra.Command{
		Use:   "sign REQUEST",
		Short: "Show a signing request and sign it with keys of this home",
		Long: `Sign shows exactly what a request asks to sign, asks for consent, and adds the
signatures of the keys in this home that may sign. It needs no network, so keys can
stay on a machine that has none. One after another signs until every role has its
threshold; the request is then submitted, by ` + "`hullmark operator register`" + ` for a
registration and by ` + "`hullmark submit`" + ` or ` + "`hullmark operator relay`" + ` for all else.

Of a list of tags the changes are shown, if a key of this home has signed the list
before; otherwise all tags are. What a list takes over of one that its role's keys have
not signed, such as one of a stolen key, is shown apart, each tag and each delegation.
--show only shows. The SHA-256 of each file is that of the part that is signed: ` + "`hullmark\nrepo init`" + ` and all who sign and register see the same. Scripts name what they expect
with --expect-digest, or say --yes, and name what is taken over with --adopt.

JSON: file, kind, ledger, complete, files [{repository, role, version, signed_digest,
expires, root_threshold, root_keys, targets_threshold, targets_keys, compared_with,
tag_count, tags [{tag, change, digest, size, before}], delegations [{role, threshold,
keys, paths, terminating, digest}], by, through, reason, note, digests}], duties
[{repository, file, version, by, threshold, keys, signed}], inherited [{repository, role,
version, signed_by, items [{item, name, digest, size, delegation}]}], signed_by.

Exit status: 0 signed, 1 other error or declined.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return s.sign(cmd.Context(), args[0], f) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.keys, "key", nil, "name of a key to sign with (repeatable; default: all that may)")
	flags.StringVarP(&f.file, "file", "o", "", "write the signed request here instead of over the old one, - for standard output")
	flags.BoolVarP(&f.yes, "yes", "y", false, "sign without asking")
	flags.BoolVar(&f.show, "show", false, "show what would be signed and sign nothing")
	expectFlag(flags, &f.expect)
	f.addAdopt(flags)
	return cmd
}

// expectFlag adds the flag that names the files a script expects.
func expectFlag(f *pflag.FlagSet, expect *[]string) {
	f.StringArrayVar(expect, "expect-digest", nil, "SHA-256 of the file that is expected, as hullmark repo init and hullmark sign show it, instead of asking (repeatable; all of them)")
}

func (s *session) sign(ctx context.Context, file string, f signFlags) error {
	r, err := s.readRequest(file)
	if err != nil {
		return err
	}
	// A machine for offline keys may have no trust anchor; one that has, has it
	// to be asked.
	home, err := s.home()
	if err != nil {
		return err
	}
	if err := home.CheckRequest(ctx, r); err != nil && !errors.Is(err, client.ErrNoAnchor) {
		return err
	}
	own, err := s.ownKeys(r)
	if err != nil {
		return err
	}
	before, err := newRequestAnswer(r, own)
	if err != nil {
		return err
	}
	if f.show {
		return s.print(before)
	}
	out := f.file
	if out == "" {
		out = file
	}
	if len(own) == 0 && len(f.keys) == 0 {
		return fmt.Errorf("couldn't sign request: %w", errNoSigner)
	}
	if err := s.consent(ctx, r, before, f); err != nil {
		return err
	}
	signed, err := s.signHere(ctx, r, f.keys)
	if err != nil {
		return err
	}
	write := s.writeOutput
	if out == file {
		write = s.replaceOutput // which is what signing it means
	}
	b, err := signed.Encode()
	if err != nil {
		return err
	}
	if err := write(out, b, publicMode); err != nil || out == "-" {
		return err
	}
	after, err := newRequestAnswer(signed, own)
	if err != nil {
		return err
	}
	after.File, after.SignedBy = out, []string{}
	for _, k := range s.opened {
		after.SignedBy = append(after.SignedBy, k.PublicKey().ID().String())
	}
	return s.print(after)
}

// ownKeys returns the keys of this home that may sign a request.
func (s *session) ownKeys(r *change.Request) ([]keys.PublicKey, error) {
	list, err := s.keys().List()
	if err != nil {
		return nil, err
	}
	var own []keys.PublicKey
	for _, info := range list {
		if info.Type != "" && r.MaySign(info.PublicKey.ID()) {
			own = append(own, info.PublicKey)
		}
	}
	return own, nil
}

// consent asks whoever signs for consent to what a request asks to sign: a person at a
// terminal, or a script, which names the digests of the files it expects or says yes.
func (s *session) consent(ctx context.Context, r *change.Request, a *requestAnswer, f signFlags) error {
	expected, err := parseExpected(f.expect)
	if err != nil {
		return err
	}
	if len(expected) == 0 && !f.yes {
		var t table
		a.contents(&t)
		return s.confirm(ctx, t.String(), "Sign this?", "review the request with --show, then use --expect-digest or --yes")
	}
	if len(expected) > 0 {
		var files []string
		for _, file := range a.Files {
			files = append(files, file.Digest)
		}
		if err := checkExpected(expected, files); err != nil {
			return fmt.Errorf("couldn't sign request: %w", err)
		}
	}
	adoption, err := s.adoption(f.adoptionFlags)
	if err == nil {
		err = adoption.Check(r.Inherited())
	}
	if err != nil {
		return fmt.Errorf("couldn't sign request: %w", err)
	}
	return nil
}

// parseExpected reads digests that a person was told over another channel.
func parseExpected(texts []string) ([]string, error) {
	var out []string
	for _, text := range texts {
		digest := strings.ToLower(strings.TrimPrefix(text, "sha256:"))
		if b, err := hex.DecodeString(digest); err != nil || len(b) != sha256.Size {
			return nil, cli.Usage("--expect-digest %q is not a SHA-256 of 64 hexadecimal digits", text)
		}
		out = append(out, digest)
	}
	return out, nil
}

// checkExpected reports, as errUnexpected, a file that nobody expects, or an expected
// one that is not there.
func checkExpected(expected, files []string) error {
	for _, file := range files {
		if !slices.Contains(expected, file) {
			return fmt.Errorf("%w: it has SHA-256 %s", errUnexpected, file)
		}
	}
	for _, digest := range expected {
		if !slices.Contains(files, digest) {
			return fmt.Errorf("%w: none has SHA-256 %s", errUnexpected, digest)
		}
	}
	return nil
}

// confirm shows a person something and asks. Instead says what a script does.
func (s *session) confirm(ctx context.Context, shown, question, instead string) error {
	if s.stdin == nil || !term.IsTerminal(int(s.stdin.Fd())) {
		return cli.Usage("there is no terminal to ask at; %s", instead)
	}
	if _, err := io.WriteString(s.stderr, shown+question+" [y/N] "); err != nil {
		return err
	}
	done := s.asking()
	defer done()
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(s.stdin, 64)).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case line := <-answer:
		if line != "y" && line != "yes" {
			return errDeclined
		}
		return nil
	}
}

func newSubmit(s *session) *cobra.Command {
	var names []string
	var receipt string
	var f adoptionFlags
	cmd := &cobra.Command{
		Use:         "submit REQUEST",
		Annotations: limit(writeTimeout),
		Short:       "Publish a signing request that everybody has signed",
		Long: `Submit sends a complete signing request to the ledger. The transaction is signed by a
key of this home that the repository's files in force name; who has none asks an
operator for ` + "`hullmark operator relay`" + `. Requests of kind register are for
` + "`hullmark operator register`" + `. Submitting twice does nothing twice. A request that was
signed before keys were replaced may say what a key has signed that the repository has
no more; all of it is listed then, and must be named with --adopt.

JSON: kind, ledger, files [{repository, role, version, signed_digest, expires, ...}],
changed (false when the ledger had it already), height, tx_hash, receipt (the file of
--receipt).

Exit status: 0 committed, 1 other error, 5 rejected by the ledger, 6 no node reachable, 7 sent and
perhaps committed.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, tx, err := s.submitFile(cmd.Context(), args[0], f, func(r *change.Request) (change.Submitter, string, error) {
				by, err := s.submitterOf(cmd.Context(), r, names)
				return by, "", err
			})
			if err != nil {
				return err
			}
			if out.Receipt, err = s.saveReceipt(cmd.Context(), tx, receipt); err != nil {
				return err
			}
			return s.print(out)
		},
	}
	cmd.Flags().StringArrayVar(&names, "key", nil, "name of the key that submits (default: any that may)")
	f.addAdopt(cmd.Flags())
	receiptFlag(cmd.Flags(), &receipt)
	return cmd
}

// submitFile sends the complete request in a file to the ledger, by the submitter that as
// returns, with the id of an operator or none.
func (s *session) submitFile(ctx context.Context, file string, f adoptionFlags, as func(*change.Request) (change.Submitter, string, error)) (*submitAnswer, *proto.TransactionResponse, error) {
	r, err := s.submittable(file)
	if err != nil {
		return nil, nil, err
	}
	adoption, err := s.adoption(f)
	if err != nil {
		return nil, nil, err
	}
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return nil, nil, err
	}
	by, payer, err := as(r)
	if err != nil {
		return nil, nil, err
	}
	tx, err := s.submitRequest(ctx, c, r, payer, by, adoption)
	if err != nil {
		return nil, nil, err
	}
	out, err := newSubmitAnswer(r, payer, tx)
	return out, tx, err
}

// submittable reads a complete request that is not for an operator to register.
func (s *session) submittable(file string) (*change.Request, error) {
	r, err := s.readRequest(file)
	if err != nil {
		return nil, err
	}
	if err := s.checkLedger(r); err != nil {
		return nil, err
	}
	if r.Kind == change.RequestRegister {
		return nil, cli.Usage("a request of kind register is for `hullmark operator register`")
	}
	if err := r.Complete(); err != nil {
		return nil, fmt.Errorf("couldn't submit request: %w", err)
	}
	return r, nil
}
