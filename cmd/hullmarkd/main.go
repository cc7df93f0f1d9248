// Hullmarkd is a Hullmark node, and what an operator needs to run one.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
	"hullmark/internal/testnet"
	"hullmark/keystore"
	"hullmark/printable"
	"hullmark/record"
	"hullmark/safefile"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	stdout, stderr = printable.Writer(stdout), printable.Writer(stderr)
	defer func() {
		// The runtime's own exit code for a panic is that of a usage error here.
		if p := recover(); p != nil {
			_, _ = fmt.Fprintf(stderr, "hullmarkd: error: internal error: %v\n%s", p, debug.Stack())
			code = exitError
		}
	}()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := cli.Interrupted(ctx, root.ExecuteContext(ctx))
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintf(stderr, "hullmarkd: error: %s\n", printable.Line(cli.Message(err)))
	if h := hint(err); h != "" {
		_, _ = fmt.Fprintf(stderr, "hullmarkd: hint: %s\n", h)
	}
	return exitCode(err)
}

// The exit codes, shared with hullmark.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitDamaged     = 4
	exitUnreachable = 6
	exitClock       = 8
	exitInterrupted = 130
)

// exitCode is the only place where an error becomes an exit code.
func exitCode(err error) int {
	switch {
	case cli.IsUsage(err):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, errDamaged):
		return exitDamaged
	case errors.Is(err, app.ErrUnreachable):
		return exitUnreachable
	case errors.As(err, new(*app.ClockError)):
		return exitClock
	default:
		return exitError
	}
}

// hint says what to do about an error, if that is known.
func hint(err error) string {
	var advised *app.Advised
	slow := new(app.ClockError)
	switch {
	case errors.As(err, &slow):
		return fmt.Sprintf("%v: set the clock, see that NTP runs, and start the node again", slow)
	case cli.IsUsage(err):
		return "run the command with --help"
	case errors.As(err, &advised):
		return advised.Advice
	case errors.Is(err, cli.ErrNoUserDir):
		return "set HOME to your home directory, or name the directory with that flag"
	case errors.Is(err, safefile.ErrUnsafe):
		return "close it to other users with the chmod above, or have its owner do it; then run the command again"
	case errors.Is(err, app.ErrNoGenesis):
		return "install the consortium's genesis with `hullmarkd init --genesis FILE`"
	case errors.Is(err, app.ErrHomeExists):
		return "keys are never overwritten; choose another --home, or start this one"
	case errors.Is(err, app.ErrHomeInUse):
		return "stop the other process first; one validator key must never run twice"
	case errors.Is(err, app.ErrTwoSigners):
		return "keep the one that signs: remove priv_validator_key.json, or clear priv_validator_laddr in config.toml"
	case errors.Is(err, app.ErrSignedElsewhere):
		return "make sure that no other process has this key, wait for some blocks, and start again"
	case errors.Is(err, app.ErrNoSigner):
		return "start the remote signer, or see why it doesn't connect; the node must be started again"
	case errors.Is(err, app.ErrNoValidatorKey):
		return "name the remote signer's key with --validator-key"
	case errors.Is(err, app.ErrDamagedKey):
		return "restore the file of the key from its backup; never restore priv_validator_state.json from one"
	case errors.Is(err, app.ErrDamagedState):
		return "leave this node off and never restore that file from a backup; docs/operators.md, \"The state file is damaged\", says what to write into it"
	case errors.Is(err, app.ErrNotFounder):
		return "do not start; show this genesis and your card to whoever put it together"
	case errors.Is(err, app.ErrOtherData):
		return "put back the genesis.json of the ledger this data is of (any of its operators has it), or use a new --home"
	case errors.Is(err, app.ErrDamagedData):
		return "stop the supervisor, run `hullmarkd fsck` and do what it says"
	case errors.Is(err, app.ErrOtherLedger):
		return "use a new --home for another ledger"
	case errors.Is(err, keystore.ErrPassphrase):
		return "type it again; if it is lost, so is the key"
	case errors.Is(err, keystore.ErrNoPassphrase):
		return "write the passphrase to a file only you can read and name it with --passphrase-file"
	case errors.Is(err, record.ErrNewer):
		return "upgrade hullmarkd"
	case errors.Is(err, record.ErrCard):
		return "ask the operator for another card, made with `hullmarkd operator-card`"
	case errors.Is(err, testnet.ErrNotEmpty):
		return "choose another directory or remove this one"
	case errors.Is(err, record.ErrGenesis):
		return "get genesis.json again from the consortium; every member's file is the same, byte for byte"
	case errors.Is(err, app.ErrNoHome):
		return "run `hullmarkd init` first, or name the right --home"
	case errors.Is(err, syscall.ENOSPC):
		return "free space on the disk of the node's home and start it again; nothing that was committed is lost"
	case errors.Is(err, syscall.EADDRINUSE):
		return "another program listens on that port; change the address in the configuration"
	case errors.Is(err, app.ErrUnreachable):
		return "is the node running? name its address with --node"
	case errors.Is(err, errDamaged):
		return "do what stands below each damaged part; the runbook is docs/operators.md"
	case errors.Is(err, app.ErrOldData):
		return "remove it when you need it no more, or use --discard"
	case errors.Is(err, app.ErrNotReady):
		return "see docs/operators.md for what each reason means and what to do"
	case errors.Is(err, app.ErrCertificate):
		return "the node reads a renewed certificate when somebody connects, so try again; if it stays, its log says why the files do not load, or another program listens on its address"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path"
	default:
		return ""
	}
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	var dir cli.Dir
	homeOf := func() (app.Home, error) {
		path, err := dir.Path()
		return app.Home(path), err
	}
	root := cli.Group("hullmarkd", "Run a node of a Hullmark ledger",
		newInit(homeOf), newOperatorCard(homeOf), newGenesis(homeOf), newStart(homeOf), newStatus(homeOf), newTrustAnchor(homeOf),
		newFsck(homeOf), newResync(homeOf), newTestnet(), newDevnet(), newVersion(),
		cli.Completion("hullmarkd"), cli.Man("hullmarkd "+buildinfo.Version()),
	)
	root.Long = `Hullmarkd runs a node of a Hullmark ledger: a shared notary for container
images that keeps which digest each tag means, by whose keys, and proves it.

Exit status: 0 done, 1 error, 2 usage, 4 data is damaged, 6 node not reachable,
8 this machine's clock is behind, 130 interrupted.`
	root.Version = buildinfo.Version()
	root.SetOut(stdout)
	root.SetErr(stderr)
	dir.Var(root.PersistentFlags(), "home", "HULLMARKD_HOME", ".hullmarkd", "directory of the node")
	return root
}
