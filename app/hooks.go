package app

import (
	"time"

	cmtdb "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/proxy"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/database"
)

// Hooks let a test stand between a node and what it rests on: to end the process
// at a chosen step, to fail a write, to watch. They are looked at while a node is
// opened and cost nothing afterwards; hullmarkd sets none, and nothing a user can
// set reaches them.
type Hooks struct {
	// LedgerDB opens the ledger's database.
	LedgerDB func(path string, o database.Options) (dbm.DB, error)
	// EngineDB opens the engine's databases.
	EngineDB func(c *cmtcfg.DBContext, o database.Options) (cmtdb.DB, error)
	// Connections wraps what connects the engine to the application.
	Connections func(proxy.ClientCreator) proxy.ClientCreator
	// Now is the clock that is compared with blocks, each ClockInterval.
	Now           func() time.Time
	ClockInterval time.Duration
	// WatchInterval is how often the node looks at itself for its log.
	WatchInterval time.Duration
	// FileLimit is how many files the process may open; 0 asks the system.
	FileLimit uint64
}

func (h Hooks) fileLimit() (uint64, error) {
	if h.FileLimit > 0 {
		return h.FileLimit, nil
	}
	return raiseFileLimit()
}

// ledgerDB is the name of the ledger's database in the data directory.
const ledgerDB = "ledger"

// withDefaults returns the hooks with what a node does without them.
func (h Hooks) withDefaults() Hooks {
	if h.LedgerDB == nil {
		h.LedgerDB = database.OpenLedger
	}
	if h.EngineDB == nil {
		h.EngineDB = openEngineDB
	}
	if h.Now == nil {
		h.Now = time.Now
	}
	if h.ClockInterval == 0 {
		h.ClockInterval = clockInterval
	}
	if h.WatchInterval == 0 {
		h.WatchInterval = watchInterval
	}
	if h.Connections == nil {
		h.Connections = func(c proxy.ClientCreator) proxy.ClientCreator { return c }
	}
	return h
}
