package app

import (
	"path/filepath"

	cmtdb "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"

	"hullmark/database"
)

// OpenEngineDB is the engine's database provider, with the settings of tests and
// measurements: whoever uses the database learns of a failure, and nobody else.
func OpenEngineDB(c *cmtcfg.DBContext) (cmtdb.DB, error) {
	return openEngineDB(c, database.Options{})
}

func openEngineDB(c *cmtcfg.DBContext, o database.Options) (cmtdb.DB, error) {
	return database.OpenEngine(filepath.Join(c.Config.DBDir(), c.ID+".db"), o)
}
