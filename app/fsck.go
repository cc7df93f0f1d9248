package app

import (
	"context"
	"errors"
	"fmt"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/record"
	"hullmark/safefile"
)

// Check is one thing Fsck looked at.
type Check struct {
	// Name says what: home, keys, ledger database, ledger, blocks and so on.
	Name string
	// Detail says what was seen.
	Detail string
	// Err is what is wrong, or nil.
	Err error
	// Advice is what to do about it.
	Advice string
}

// The advice an operator gets. docs/operators.md explains each.
const (
	adviceResync = "run `hullmarkd resync` and start the node: it fetches everything again from the others"
	adviceWAL    = "start the node: it repairs what it still needs of that file. If it does not come back, run `hullmarkd resync`"
	adviceOldWAL = "nothing: the node never reads that part again, and it goes with time. But bits that change by themselves mean a disk or memory that fails"
	adviceClose  = "run the chmod above; first find out who could read or change it, and whether the key is still yours alone"
	adviceKey    = "restore the file from the backup of your keys; if there is none, ask the others to replace your validator"
	adviceOther  = "put back the genesis.json of the ledger this data is of: any of its operators has it; for another ledger use another --home"
	adviceState  = "do not start this node, and never restore this file from a backup: it keeps the validator from signing two different blocks; docs/operators.md, \"The state file is damaged\", says what to do"
)

// fsck is one run of Fsck.
type fsck struct {
	ctx      context.Context
	home     Home
	progress func(string)
	genesis  *record.Genesis
	doc      *cmttypes.GenesisDoc // the engine's form of it
	checks   []Check
	// heights are what the parts know of, for comparison.
	heights heights
}

// Fsck goes through everything a stopped node has on disk and changes nothing of it:
// keys, databases to the last byte, every hash and record of the ledger, every block
// and its signatures, and whether the parts agree. It goes on after what it finds
// where it can. An error means that it could not look at all: the node runs, or
// there is none. Progress is told in words now and then.
func Fsck(ctx context.Context, h Home, progress func(string)) ([]Check, error) {
	if _, err := LoadConfig(h); err != nil {
		return nil, err
	}
	engine, err := loadEngineConfig(h)
	if err != nil {
		return nil, err
	}
	release, err := h.lockToLook()
	if err != nil {
		return nil, err
	}
	defer release()
	f := &fsck{ctx: ctx, home: h, progress: progress}
	if f.genesis, f.doc, err = loadGenesis(h); err != nil {
		if errors.Is(err, ErrNoGenesis) {
			return nil, err
		}
		f.found("genesis", err, "get genesis.json again from another operator; every member's file is the same")
		return f.checks, nil
	}
	f.fine("genesis", "ledger %s", f.genesis.LedgerID())
	if err := f.checkAll(engine.PrivValidatorListenAddr != ""); err != nil {
		return nil, err
	}
	return f.checks, nil
}

func (f *fsck) fine(name, format string, args ...any) {
	f.checks = append(f.checks, Check{Name: name, Detail: fmt.Sprintf(format, args...)})
}

func (f *fsck) found(name string, err error, advice string) {
	f.checks = append(f.checks, Check{Name: name, Err: err, Advice: advice})
}

// checkAll looks at one part after the other. The meaning of a database is looked at
// only if its bytes are right: CometBFT ends the process over some that are not.
func (f *fsck) checkAll(remoteSigner bool) error {
	f.checkKeys(remoteSigner)
	ledgerOK := f.checkDatabase(ledgerDB, adviceResync)
	blocksOK := f.checkDatabase("blockstore", adviceResync)
	stateOK := f.checkDatabase("state", adviceResync)
	f.checkDatabase("evidence", adviceResync)
	if ledgerOK {
		if err := f.checkLedger(); err != nil {
			return err
		}
	}
	if blocksOK && stateOK {
		if err := f.checkBlocks(); err != nil {
			return err
		}
	}
	if ledgerOK && blocksOK && stateOK {
		f.checkHeights()
		f.checkExecution()
	}
	f.checkWAL()
	return f.ctx.Err()
}

// checkKeys looks at the files of keys, and whether they are those of the genesis.
func (f *fsck) checkKeys(remoteSigner bool) {
	if err := f.home.checkSecrets(remoteSigner); errors.Is(err, safefile.ErrUnsafe) {
		f.found("keys", err, adviceClose)
		return
	} else if err != nil {
		f.found("keys", err, adviceKey)
		return
	}
	operator, err := Founder(f.home, f.genesis)
	if err != nil {
		f.found("keys", err, adviceKey)
		return
	}
	if err := checkFounder(f.home, f.genesis); err != nil {
		f.found("keys", err, "do not start; compare genesis and card with the other operators")
		return
	}
	if remoteSigner {
		f.fine("keys", "node key; the validator key is with the remote signer")
		return
	}
	key, err := f.home.validatorKey()
	if err != nil {
		f.found("keys", err, adviceKey)
		return
	}
	for _, o := range f.genesis.Operators {
		if o.ValidatorKey == [32]byte(key.PubKey.Bytes()) {
			operator = o.ID
		} else if o.ID == operator {
			f.found("keys", fmt.Errorf("%w: it is not the one the genesis gives operator %q", ErrDamagedKey, operator), adviceKey)
			return
		}
	}
	state, err := f.home.validatorState()
	if err != nil {
		f.found("validator state", err, adviceState)
		return
	}
	f.heights.signed, f.heights.validator = state.Height, key.PubKey.Address()
	if operator == "" {
		f.fine("keys", "node key and a validator key that the genesis does not name")
		return
	}
	f.fine("keys", "validator of %s, signed last at height %d", operator, state.Height)
}
