package app

import (
	"errors"
	"fmt"
	"strings"

	cmtcfg "github.com/cometbft/cometbft/config"

	"hullmark/app/admission"
)

// ErrFewFiles is returned when the process may open too few files for its parts. A node
// that runs out of them ends in the middle of a block, and whoever opens connections
// chooses when.
var ErrFewFiles = errors.New("this process may open too few files")

// What a node opens beside what its configuration says.
const (
	// ownFiles are logs of votes, keys, listeners, lock, standard streams, and files
	// that are open for a moment.
	ownFiles = 64
	// nodeDatabases is how many databases are open.
	nodeDatabases = 4
	// databaseFiles is how many tables a database keeps open where there are plenty of
	// files, and fewDatabaseFiles where there are not.
	databaseFiles    = 500
	fewDatabaseFiles = 100
	// leastConnections is how many HTTP connections there must be room for.
	leastConnections = 64
)

// openFiles says how many files each part of a node may open.
type openFiles struct {
	connections int // of the HTTP API
	database    int // tables of each database
}

// planFiles divides limit files between the parts of a node (ErrFewFiles).
func planFiles(limit uint64, c *cmtcfg.Config) (openFiles, error) {
	count := func(list string) int {
		if strings.TrimSpace(list) == "" {
			return 0
		}
		return strings.Count(list, ",") + 1
	}
	unbounded := func(setting string) (openFiles, error) {
		return openFiles{}, fmt.Errorf("%w: %s must not be 0, which is without bound", ErrConfig, setting)
	}
	engine := c.P2P.MaxNumInboundPeers + c.P2P.MaxNumOutboundPeers + count(c.P2P.PersistentPeers) + count(c.P2P.UnconditionalPeerIDs)
	if c.RPC.ListenAddress != "" {
		if c.RPC.MaxOpenConnections == 0 {
			return unbounded("rpc.max_open_connections")
		}
		engine += c.RPC.MaxOpenConnections
	}
	if c.RPC.GRPCListenAddress != "" {
		if c.RPC.GRPCMaxOpenConnections == 0 {
			return unbounded("rpc.grpc_max_open_connections")
		}
		engine += c.RPC.GRPCMaxOpenConnections
	}
	if c.Instrumentation.Prometheus {
		if c.Instrumentation.MaxOpenConnections == 0 {
			return unbounded("instrumentation.max_open_connections")
		}
		engine += c.Instrumentation.MaxOpenConnections
	}
	fixed := ownFiles + metricsConnections + engine
	for _, database := range []int{databaseFiles, fewDatabaseFiles} {
		needed := fixed + nodeDatabases*database
		if limit >= uint64(needed+admission.MaxConnections) {
			return openFiles{connections: admission.MaxConnections, database: database}, nil
		}
	}
	needed := fixed + nodeDatabases*fewDatabaseFiles
	if limit < uint64(needed+leastConnections) {
		return openFiles{}, fmt.Errorf("%w: %d, and it needs %d: %d for databases, %d for the engine's connections as config.toml has them, %d for the HTTP API, %d of its own",
			ErrFewFiles, limit, needed+leastConnections, nodeDatabases*fewDatabaseFiles, engine, leastConnections, ownFiles+metricsConnections)
	}
	return openFiles{connections: int(limit) - needed, database: fewDatabaseFiles}, nil
}
