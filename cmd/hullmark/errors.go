package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/keystore"
	"hullmark/oci"
	"hullmark/query"
	"hullmark/record"
	"hullmark/safefile"
	"hullmark/tuf"
)

// The exit codes.
const (
	exitOK          = cli.ExitOK
	exitError       = cli.ExitError
	exitUsage       = cli.ExitUsage
	exitNotTrusted  = 3
	exitAttack      = 4
	exitRejected    = 5
	exitUnreachable = 6
	exitUncertain   = 7
	exitInterrupted = cli.ExitInterrupted
)

var (
	// errSwapped says that a registry serves another image than the ledger proves.
	errSwapped = errors.New("the registry serves another image than the publisher signed")
	// errNoKey says that no key of this home may sign.
	errNoKey = errors.New("no key in this home may sign for the repository")
	// errFewKeys says that fewer keys of this home may sign than must.
	errFewKeys = errors.New("too few keys in this home may sign for the repository")
	// errNoSigner says that no key of this home may sign a request.
	errNoSigner = errors.New("no key in this home has anything to sign there")
	// errNoSubmitter says that no key of this home may submit a request.
	errNoSubmitter = errors.New("no key in this home may submit it")
	// errNoCommonKey says that no key of this home stands in all of several repositories.
	errNoCommonKey = errors.New("no key in this home stands in the metadata of all of them, as the one that submits them together must")
	// errRootExpired says that nothing in a repository can be signed before its root is.
	errRootExpired = errors.New("the root is expired, and with it whatever it delegates")
	// errNeverPublished says that a digest was never published in a repository.
	errNeverPublished = errors.New("the digest was never published there")
	// errNothing says that what was asked for is so already.
	errNothing = errors.New("the ledger says so already; there is nothing to sign")
	// errOldFile marks an answer from a file that is older than what this home has seen, or
	// than --max-age allows.
	errOldFile = errors.New("the file is too old")
	// errDamagedFile marks a file whose answer does not verify.
	errDamagedFile = errors.New("the file does not verify")
	// errNotCompared marks a registry that gave no image to compare with the proven one.
	errNotCompared = errors.New("it could not be compared with the registry's")
	// errNotOperator says that a key is no operator's.
	errNotOperator = errors.New("not the key of an operator")
	// errFile says that a file the user named cannot be read or written.
	errFile = errors.New("file is not usable")
)

// exitCode is the only place where an error becomes an exit code.
func exitCode(err error) int {
	_, rejected := record.CodeOf(err)
	switch {
	case errors.Is(err, bundle.ErrRequest), errors.Is(err, query.ErrQuestion), errors.Is(err, bundle.ErrNotInFile):
		return exitUsage
	case cli.IsUsage(err), errors.Is(err, context.Canceled), errors.Is(err, client.ErrLocked):
		return cli.ExitCode(err)
	case rejected && !errors.Is(err, client.ErrUncertain):
		return exitRejected
	case errors.Is(err, errSwapped):
		return exitAttack
	}
	class := client.ClassOf(err)
	switch {
	case class == bundle.Attack:
		return exitAttack
	case errors.Is(err, client.ErrUncertain):
		return exitUncertain
	case class == bundle.NotTrusted:
		return exitNotTrusted
	case class == bundle.Stale:
		return exitUnreachable
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return exitUnreachable
	}
	return cli.ExitCode(err)
}

// withoutRegistry ends hints about registries.
const withoutRegistry = "; `hullmark publish` can do without the registry, with --digest and --size"

// explain returns a stable name for an error, and what to do about it.
func explain(err error) (code, hint string) {
	var unsure *client.UncertainError
	if errors.As(err, &unsure) {
		return "outcome-unknown", hintForUncertain(unsure)
	}
	if c, ok := record.CodeOf(err); ok {
		return c.Name(), hintForCode(c)
	}
	if cli.IsUsage(err) {
		return "usage", cli.UsageHint
	}
	for _, known := range []struct {
		is         error
		code, hint string
	}{
		{context.Canceled, "interrupted", ""},
		{record.ErrNewer, "newer-format", "upgrade this program"},
		{errSwapped, "registry-differs", "do not pull by tag; pull the digest that the ledger proves, and tell the registry's operator"},
		{oci.ErrCredentials, "registry-credentials", "mend the Docker configuration or the credential helper that it names; `docker login` writes it, see DOCKER_CONFIG"},
		{oci.ErrCertificate, "registry-certificate", "have this machine trust who issued it, on Linux for example with SSL_CERT_FILE; --insecure is for plain HTTP and trusts no certificate more"},
		{oci.ErrManifest, "registry-answer", "a proxy or login page may answer in place of the registry" + withoutRegistry},
		{oci.ErrDenied, "registry-denied", "log in with `docker login`; its configuration and credential helpers are used, see DOCKER_CONFIG"},
		{oci.ErrNotFound, "registry-absent", "check the name and push the image first" + withoutRegistry},
		{oci.ErrRegistry, "registry", "check that the registry is up and its name is right" + withoutRegistry},
		{errFewKeys, "no-key", "write a signing request with -o, sign it where the other keys are with `hullmark sign`, then `hullmark submit` it"},
		{errNoKey, "no-key", "see `hullmark key list` and `hullmark repo show`; name another home with --home, or write a signing request with -o for who holds the keys"},
		{errNoSigner, "no-signer", "`hullmark sign --show` tells whose signatures are missing"},
		{errNoSubmitter, "no-submitter", "submit with a key that the repository's metadata names, or let an operator run `hullmark operator relay`"},
		{errDeclined, "declined", ""},
		{errUnexpected, "unexpected-digest", "ask who made the request which file is meant, over a channel you trust; `hullmark sign --show` shows what is in it"},
		{errNothing, "unchanged", ""},
		{errNoCommonKey, "no-common-key", "publish in one repository after the other; or write one request for all with -o, which `hullmark operator relay` submits"},
		{errRootExpired, "root-expired", "renew the root with `hullmark repo rotate REPO`, which takes its root keys; then run the same command again"},
		{errNeverPublished, "never-published", "check the digest, for example with `hullmark history`; --force revokes it all the same"},
		{errNotOperator, "not-an-operator", "use the governance key of an operator; `hullmark trust show` lists them"},

		{safefile.ErrUnsafe, "unsafe-permissions", "close it to other users with the chmod above, or have its owner do it; then run the command again"},
		{cli.ErrNoUserDir, "no-home", "set " + cli.HomeVariable(runtime.GOOS) + " to your home directory, or name the client's home with --home or HULLMARK_HOME"},
		{client.ErrNoAnchor, "no-trust-anchor", "get trust.json from an operator over a channel you trust, then run `hullmark trust import trust.json --node URL`"},
		{client.ErrNoNodes, "no-nodes", "name nodes with --node, HULLMARK_NODES, or once for all with `hullmark trust import FILE --node URL`"},
		{client.ErrConfig, "configuration", "correct client.toml in the client's home, or HULLMARK_NODES"},
		{client.ErrLocked, "home-in-use", "another hullmark holds the lock in the client's home; wait for it to end, allow more time with --timeout, or use another --home"},
		{client.ErrStore, "store", "check that the client's home is a directory that you may write"},
		{change.ErrRequest, "bad-request-file", "ask for the file again; `hullmark repo init` makes it"},
		{change.ErrIncomplete, "incomplete", "whoever holds the keys signs it with `hullmark sign`; without a request file yet, write one with -o"},
		{change.ErrNotSigner, "not-a-signer", "`hullmark sign --show` tells which keys must sign"},
		{client.ErrTakenBefore, "ledger-stands-still", "the ledger makes no blocks, or has just made one; nothing was published; see `hullmark status`, and run the same command again once it goes on"},
		{client.ErrConflict, "conflict", "run the same command again"},
		{change.ErrNotAdopted, "not-adopted", "review each of them, for example with `hullmark history`; then run the same command again, with --adopt for each that is yours and --drop for each that is not (--drop-rest: for all that you did not adopt)"},
		{change.ErrNothingInherited, "nothing-to-adopt", "leave --adopt, --drop and --drop-rest away; `hullmark repo show` tells what the list says"},
		{change.ErrNotDelegated, "not-delegated", "`hullmark repo show` lists the roles; `hullmark repo delegate` makes one"},
		{client.ErrNotCommitted, "not-committed", "run the same command again; it publishes once however often it runs"},

		{keystore.ErrNotFound, "no-such-key", "see `hullmark key list`, or make the key with `hullmark key generate NAME`"},
		{keystore.ErrExists, "key-exists", "keys are never overwritten; choose another name"},
		{keystore.ErrPassphrase, "wrong-passphrase", "check the passphrase; nothing was signed or changed"},
		{keystore.ErrNoPassphrase, "no-passphrase", "name a file that holds it with --passphrase-file"},
		{keystore.ErrType, "unsupported-key", "use an Ed25519, ECDSA P-256 or RSA key; `hullmark key generate` makes one"},
		{keystore.ErrFormat, "bad-key-file", "a key file is an encrypted PKCS#8 PEM file, as `hullmark key export`, Docker Content Trust and `openssl pkcs8 -topk8 -v2 aes-256-cbc` write it"},

		{bundle.ErrUnknownRepository, "unknown-repository", "check the name; a repository is registered by the operator that owns its registry's name"},
		{bundle.ErrAbsentTag, "absent-tag", "check the tag; `hullmark repo show` lists those of one role, with --role those of a delegated one"},
		{bundle.ErrAbsentImage, "absent-image", "the repository does not vouch for this digest; do not use the image"},
		{bundle.ErrWithdrawn, "withdrawn", "the publisher took the tag back; ask the publisher for another one"},
		{bundle.ErrRevoked, "revoked", "the publisher revoked the image; do not use it"},
		{bundle.ErrNotEffective, "not-effective", "the publisher must sign anew, a root with `hullmark repo rotate`, a list with `hullmark repo refresh`; `hullmark inspect` shows which"},
		{bundle.ErrDifferentDigest, "different-digest", "the image is not what the tag means now; `hullmark verify` the tag alone shows what it means"},
		{bundle.ErrNotListed, "not-listed", "the publisher vouched for it once and no longer does"},
		{bundle.ErrPolicy, "policy", "this client's own policy refuses it"},

		{bundle.ErrAnchor, "bad-trust-anchor", "get trust.json again over a channel you trust"},
		{bundle.ErrUnrelated, "unrelated-trust-anchor", "ask operators for one that they signed with `hullmark trust sign`; or compare its SHA-256 with what several of them publish, then import it with --replace"},
		{bundle.ErrNotNewer, "trust-anchor-not-newer", "keep the known one; to verify what was made before it, import this one with `hullmark trust import --older FILE`; to go back to it, compare its SHA-256 with what several operators publish, then import it with --replace"},
		{bundle.ErrMemory, "bad-memory", "restore the file in memory/ of the client's home; without it the client starts from trust.json again, and cannot notice that nodes roll back what it has seen since"},
		{bundle.ErrFork, "fork", "use nothing from this ledger and alert the operators: the consortium is broken; no verdict is given until you have decided with them which history holds and moved fork-N.json out of the client's home"},
		{bundle.ErrWrongLedger, "wrong-ledger", "nodes, bundle and trust anchor must be of one ledger; each ledger has its own --home"},
		{bundle.ErrAnchorExpired, "trust-anchor-expired", "get a new trust.json over a channel you trust and import it"},
		{bundle.ErrBelowTrusted, "too-old", "it is older than every block trusted here; use a newer one, or import an older trust anchor, signed by the operators, with `hullmark trust import --older FILE`"},
		{bundle.ErrMoreFiles, "more-files", "the bundle has no room for all targets files of the repository; ask nodes with `hullmark verify`"},
		{bundle.ErrMoreRoots, "more-roots", "the bundle has no room for all roots of the repository; make a new one with `hullmark bundle`"},
		{bundle.ErrNotInFile, "not-in-file", "name the file that is about this; `hullmark bundle` makes one"},
		{errOldFile, "behind", "have a new file made with `hullmark bundle`; --as-of-block-time tells what was so at its block time"},
		{errDamagedFile, "verification-failed", "do not use the image; have the file made again, and keep this one if it still does not verify"},
		{bundle.ErrFuture, "clock", "set this machine's clock"},
		{bundle.ErrBehind, "behind", "the node is behind; wait a moment or ask another --node"},
		{bundle.ErrStale, "stale", "the node is behind or the network has halted; see `hullmark status`, or ask another --node"},
		{bundle.ErrMalformed, "malformed-answer", "do not use the image; ask another node and tell the operators, or have the file made again"},

		{client.ErrNotFound, "not-found", ""},
		{change.ErrNotFound, "not-found", ""},
		{client.ErrUnavailable, "not-ready", "the node is starting or busy; wait a moment, or ask another --node"},
		{client.ErrUnreachable, "unreachable", "check the network; see `hullmark status`, or ask another --node"},
		{context.DeadlineExceeded, "timeout", "allow more time with --timeout, or ask another --node"},
		{errExists, "file-exists", "name another file, or remove this one if nobody needs it"},
		{errFile, "file", "check the path, and that you may read and write there"},
		{fs.ErrNotExist, "no-such-file", "check the path"},
	} {
		if errors.Is(err, known.is) {
			if errors.Is(err, errNotCompared) {
				known.hint = strings.Replace(known.hint, withoutRegistry, "; without --registry the image is proven all the same", 1)
			}
			return known.code, known.hint
		}
	}
	switch {
	case errors.Is(err, bundle.ErrRequest), errors.Is(err, query.ErrQuestion):
		return "usage", cli.UsageHint
	case client.ClassOf(err) == bundle.Attack:
		return "verification-failed", "do not use the image; ask another node, keep the answer, and tell the operators"
	}
	return "error", ""
}

// hintForUncertain says how to find out what became of a transaction.
func hintForUncertain(e *client.UncertainError) string {
	var commands []string
	for _, r := range e.Repositories {
		commands = append(commands, fmt.Sprintf("`hullmark history %s --limit 3`", r))
	}
	return "a minute from now " + strings.Join(commands, " and ") + " shows whether it is there; if not, run the same command again"
}

// hintForCode says what to do about a rejection.
func hintForCode(c record.Code) string {
	switch c {
	case record.CodeUnknownSubmitter, record.CodeUnknownKey, record.CodeThreshold:
		return "`hullmark repo show` lists the keys that may sign; choose them with --key"
	case record.CodeUnknownRepository:
		return "the operator that owns the registry's name registers it: `hullmark repo init`, then `hullmark operator register`"
	case record.CodeRepositoryExists:
		return "`hullmark repo show` tells its keys; rotate them with `hullmark repo rotate`"
	case record.CodeNotOwner:
		return "send the request to the operator that owns the namespace"
	case record.CodeExpired, record.CodeExpiresTooLate:
		return "choose another --expires"
	case record.CodeStaleScope, record.CodeFutureScope, record.CodeWrongVersion:
		return "somebody else was first; run the same command again"
	case record.CodeWrongChain, record.CodeWrongBinding:
		return "it was signed for another ledger or repository; make it again"
	case record.CodeTooLarge, record.CodeMetadataTooLarge, record.CodeTooManyChanges, record.CodeWork:
		return "publish fewer tags at once"
	case record.CodeQuota:
		return "wait for the quota to refill"
	case record.CodeNotaryKeys:
		return "the consortium's members have changed; import a new trust anchor and make the root again"
	case record.CodeRevoked:
		return "`hullmark inspect` tells why; `hullmark lift` takes a revocation back"
	case record.CodeNotRevoked:
		return "there is nothing to lift; `hullmark inspect` shows how things stand"
	case record.CodeAlreadyRevoked:
		return "there is nothing to do; `hullmark inspect` shows how things stand"
	case record.CodeRoleNotEffective:
		return "renew the role above first; `hullmark inspect` shows which one"
	case record.CodeTagHeld:
		return "`hullmark inspect` shows which role holds the tag; withdraw it there first, or publish with a role above"
	case record.CodeTagNotDelegated:
		return "`hullmark repo show` lists the tags that the role may set; `hullmark repo delegate` changes them"
	case record.CodeRoleConflict:
		return "choose another name, or remove the role where it is delegated; `hullmark repo show` lists the roles"
	default:
		return ""
	}
}

// flagError turns an error of package tuf about what the user asked for into a
// usage error.
func flagError(err error) error {
	for _, e := range []error{tuf.ErrThreshold, tuf.ErrLimit, tuf.ErrSameKey, tuf.ErrExpires, tuf.ErrPath, tuf.ErrRole} {
		if errors.Is(err, e) {
			return cli.UsageError(err)
		}
	}
	return err
}

// fileError marks an error about a file the user named.
func fileError(what string, err error) error {
	return fmt.Errorf("couldn't %s: %w: %w", what, errFile, err)
}
