package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"hullmark/app"
	"hullmark/internal/cli"
	"hullmark/internal/testnet"
	"hullmark/keystore"
	"hullmark/record"
	"hullmark/safefile"
)

// The exit codes, shared with hullmark.
const (
	exitOK          = cli.ExitOK
	exitError       = cli.ExitError
	exitUsage       = cli.ExitUsage
	exitDamaged     = 4
	exitUnreachable = 6
	exitClock       = 8
	exitInterrupted = cli.ExitInterrupted
)

// exitCode is the only place where an error becomes an exit code.
func exitCode(err error) int {
	switch {
	case cli.IsUsage(err), errors.Is(err, context.Canceled):
		return cli.ExitCode(err)
	case errors.Is(err, errDamaged):
		return exitDamaged
	case errors.Is(err, app.ErrUnreachable):
		return exitUnreachable
	case errors.As(err, new(*app.ClockError)):
		return exitClock
	default:
		return cli.ExitCode(err)
	}
}

// failure returns an error as scripts read it.
func failure(err error) cli.Failure {
	code, hint := explain(err)
	return cli.Failure{Code: code, Message: cli.Message(err), Hint: hint, ExitCode: exitCode(err)}
}

// knownErrors are the errors that have a name and, mostly, something to do about them.
// The first that fits counts. Names are those of hullmark where both programs have the
// error.
var knownErrors = []struct {
	is         error
	code, hint string
}{
	{context.Canceled, "interrupted", ""},
	{cli.ErrNoUserDir, "no-home", "set HOME to your home directory, or name the directory with that flag"},
	{safefile.ErrUnsafe, "unsafe-permissions", "close it to other users with the chmod above, or have its owner do it; then run the command again"},
	{app.ErrNoGenesis, "no-genesis", "install the consortium's genesis with `hullmarkd init --genesis FILE`"},
	{app.ErrHomeExists, "home-exists", "keys are never overwritten; choose another --home, or start this one"},
	{app.ErrHomeInUse, "home-in-use", "stop the other process first; one validator key must never run twice"},
	{app.ErrTwoSigners, "two-signers", "keep the one that signs: remove priv_validator_key.json, or clear priv_validator_laddr in config.toml"},
	{app.ErrSignedElsewhere, "signed-elsewhere", "make sure that no other process has this key, wait for some blocks, and start again"},
	{app.ErrNoSigner, "no-signer", "start the remote signer, or see why it doesn't connect; the node must be started again"},
	{app.ErrNoValidatorKey, "no-validator-key", "name the remote signer's key with --validator-key"},
	{app.ErrDamagedKey, "damaged-key", "restore the file of the key from its backup; never restore priv_validator_state.json from one"},
	{app.ErrDamagedState, "damaged-state", "leave this node off and never restore that file from a backup; docs/operators.md, \"The state file is damaged\", says what to write into it"},
	{app.ErrNotFounder, "not-founder", "do not start; show this genesis and your card to whoever put it together"},
	{app.ErrOtherData, "other-data", "put back the genesis.json of the ledger this data is of (any of its operators has it), or use a new --home"},
	{app.ErrDamagedData, "damaged-data", "stop the supervisor, run `hullmarkd fsck` and do what it says"},
	{app.ErrOtherLedger, "wrong-ledger", "use a new --home for another ledger"},
	{keystore.ErrNotFound, "no-such-key", "check the path of the key file, NAME.key; `hullmark key list` shows the keys of a client's home"},
	{keystore.ErrPassphrase, "wrong-passphrase", "type it again; if it is lost, so is the key"},
	{keystore.ErrNoPassphrase, "no-passphrase", "write the passphrase to a file only you can read and name it with --passphrase-file"},
	{record.ErrNewer, "newer-format", "upgrade hullmarkd"},
	{record.ErrCard, "bad-card", "ask the operator for another card, made with `hullmarkd operator-card`"},
	{testnet.ErrNotEmpty, "not-empty", "choose another directory or remove this one"},
	{record.ErrGenesis, "bad-genesis", "get genesis.json again from the consortium; every member's file is the same, byte for byte"},
	{app.ErrNoHome, "no-node", "run `hullmarkd init` first, or name the right --home"},
	{app.ErrConfig, "configuration", ""},
	{syscall.ENOSPC, "disk-full", "free space on the disk of the node's home and start it again; nothing that was committed is lost"},
	{syscall.EADDRINUSE, "port-taken", "another program listens on that port; change the address in the configuration"},
	{app.ErrUnreachable, "unreachable", "is the node running? name its address with --node"},
	{errDamaged, "damaged", "do what stands below each damaged part; the runbook is docs/operators.md"},
	{app.ErrOldData, "old-data", "remove it when you need it no more, or use --discard"},
	{app.ErrNotReady, "not-ready", "see docs/operators.md for what each reason means and what to do"},
	{app.ErrCertificate, "other-certificate", "the node reads a renewed certificate when somebody connects, so try again; if it stays, its log says why the files do not load, or another program listens on its address"},
	{fs.ErrExist, "file-exists", "name another file with --file, or remove that one if nobody needs it"},
	{fs.ErrPermission, "permission", "name a directory that this user may write (--home; --dir for a network on this machine), or have root make this one: `sudo install -d -m 700 -o \"$(id -un)\" DIRECTORY`"},
	{syscall.EROFS, "read-only", "that file system is read-only; name a directory on another one"},
	{syscall.ENOTDIR, "not-a-directory", "a file stands where a directory is needed; check the path"},
	{fs.ErrNotExist, "no-such-file", "check the path"},
}

// explain returns a stable name for an error, and what to do about it if that is known.
func explain(err error) (code, hint string) {
	slow := new(app.ClockError)
	switch {
	case errors.As(err, &slow):
		return "clock", fmt.Sprintf("%v: set the clock, see that NTP runs, and start the node again", slow)
	case cli.IsUsage(err):
		return "usage", cli.UsageHint
	}
	code = "error"
	for _, known := range knownErrors {
		if errors.Is(err, known.is) {
			code, hint = known.code, known.hint
			break
		}
	}
	// Advice that names files and a command is better than what fits every such error.
	var advised *app.Advised
	if errors.As(err, &advised) {
		hint = advised.Advice
	}
	return code, hint
}
