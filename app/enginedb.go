package app

import (
	"path/filepath"

	cmtdb "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"

	"hullmark/database"
)

// OpenEngineDB is the engine's database provider, with the settings of tests and
// measurements: a failure is returned to the caller and ends nothing else.
func OpenEngineDB(c *cmtcfg.DBContext) (cmtdb.DB, error) {
	return openEngineDB(c, database.Options{})
}

func openEngineDB(c *cmtcfg.DBContext, o database.Options) (cmtdb.DB, error) {
	return database.OpenEngine(filepath.Join(c.Config.DBDir(), c.ID+".db"), o)
}
