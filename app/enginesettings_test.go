package app

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
)

// reviewed says of every key of the engine's configuration what a node takes beside what
// init writes, and what it refuses. A key the engine has and this table lacks was
// looked at by nobody.
var reviewed = map[string]struct{ taken, refused []any }{
	"version":                   {taken: []any{"0.39.0"}},
	"proxy_app":                 {refused: []any{"", "kvstore", "tcp://127.0.0.1:26659"}},
	"abci":                      {refused: []any{"grpc"}},
	"moniker":                   {taken: []any{"x"}},
	"db_backend":                {refused: []any{"goleveldb", "memdb", "rocksdb", ""}},
	"db_dir":                    {refused: []any{"/fast", "data2", ""}},
	"log_level":                 {refused: []any{"debug", ""}},
	"log_format":                {refused: []any{"json"}},
	"genesis_file":              {refused: []any{"/etc/genesis.json", ""}},
	"priv_validator_key_file":   {refused: []any{"/etc/key.json", ""}},
	"priv_validator_state_file": {refused: []any{"/etc/state.json", ""}},
	"node_key_file":             {refused: []any{"/etc/node.json", ""}},
	"priv_validator_laddr":      {taken: []any{"tcp://127.0.0.1:1", "unix:///s", "noise://ab@h:1"}, refused: []any{"http://h:1", "h:1"}},
	"filter_peers":              {refused: []any{true}},
	"event_bus_buffer_capacity": {taken: []any{10}},

	"rpc.laddr":                                    {taken: []any{"", "tcp://[::1]:1", "unix:///s"}, refused: []any{"tcp://0.0.0.0:26657", "tcp://:26657", "26657"}},
	"rpc.cors_allowed_origins":                     {taken: []any{[]string(nil)}, refused: []any{[]string{"*"}}},
	"rpc.cors_allowed_methods":                     {refused: []any{[]string{"PUT"}, []string{}}},
	"rpc.cors_allowed_headers":                     {refused: []any{[]string{"X"}, []string{}}},
	"rpc.grpc_laddr":                               {taken: []any{"tcp://127.0.0.1:1"}, refused: []any{"tcp://0.0.0.0:1"}},
	"rpc.grpc_max_open_connections":                {taken: []any{1}},
	"rpc.unsafe":                                   {refused: []any{true}},
	"rpc.max_open_connections":                     {taken: []any{1}},
	"rpc.max_subscription_clients":                 {taken: []any{1}},
	"rpc.max_subscriptions_per_client":             {taken: []any{1}},
	"rpc.experimental_subscription_buffer_size":    {taken: []any{1000}},
	"rpc.experimental_websocket_write_buffer_size": {taken: []any{1000}},
	"rpc.experimental_close_on_slow_client":        {taken: []any{true}},
	"rpc.timeout_broadcast_tx_commit":              {taken: []any{time.Second}},
	"rpc.max_request_batch_size":                   {taken: []any{1}},
	"rpc.max_body_bytes":                           {taken: []any{int64(1 << 20)}},
	"rpc.max_header_bytes":                         {taken: []any{1 << 16}},
	"rpc.tls_cert_file":                            {taken: []any{"x.pem"}},
	"rpc.tls_key_file":                             {taken: []any{"x.pem"}},
	"rpc.pprof_laddr":                              {taken: []any{"localhost:6060", "127.0.0.1:6060"}, refused: []any{":6060", "0.0.0.0:6060", "node.example:6060"}},

	"p2p.laddr":            {taken: []any{"tcp://10.0.0.1:26656"}},
	"p2p.external_address": {taken: []any{"node.example:26656"}},
	"p2p.seeds":            {refused: []any{ids[0] + "@h:1"}},
	"p2p.persistent_peers": {
		taken:   []any{"", ids[0] + "@h:1", ids[0] + "@h:1, " + ids[1] + "@[::1]:2"},
		refused: []any{"h:1", ids[0], ids[0] + "@h", "x@h:1", ids[0] + "@h:1,", ids[0] + "@h:1;" + ids[1] + "@h:2"},
	},
	"p2p.addr_book_file":                   {refused: []any{"x"}},
	"p2p.addr_book_strict":                 {taken: []any{true}},
	"p2p.max_num_inbound_peers":            {taken: []any{1}},
	"p2p.max_num_outbound_peers":           {taken: []any{1}},
	"p2p.unconditional_peer_ids":           {taken: []any{"", ids[0], ids[0] + "," + ids[1]}, refused: []any{"x", ids[0] + "@h:1", strings.ToUpper(ids[1])}},
	"p2p.persistent_peers_max_dial_period": {taken: []any{time.Second}},
	"p2p.flush_throttle_timeout":           {taken: []any{time.Second}},
	"p2p.max_packet_msg_payload_size":      {refused: []any{1025, 0}},
	"p2p.send_rate":                        {taken: []any{int64(1 << 20)}, refused: []any{int64(1<<20 - 1), int64(0)}},
	"p2p.recv_rate":                        {taken: []any{int64(1 << 20)}, refused: []any{int64(1<<20 - 1), int64(0)}},
	"p2p.pex":                              {refused: []any{true}},
	"p2p.seed_mode":                        {refused: []any{true}},
	"p2p.private_peer_ids":                 {refused: []any{ids[0]}},
	"p2p.allow_duplicate_ip":               {taken: []any{true}},
	"p2p.handshake_timeout":                {taken: []any{time.Second}},
	"p2p.dial_timeout":                     {taken: []any{time.Second}},
	"p2p.test_dial_fail":                   {refused: []any{true}},
	"p2p.test_fuzz":                        {refused: []any{true}},
	"p2p.test_fuzz_config.mode":            {refused: []any{7}},
	"p2p.test_fuzz_config.maxdelay":        {refused: []any{time.Hour}},
	"p2p.test_fuzz_config.probdroprw":      {refused: []any{0.9}},
	"p2p.test_fuzz_config.probdropconn":    {refused: []any{0.9}},
	"p2p.test_fuzz_config.probsleep":       {refused: []any{0.9}},
	"p2p.libp2p.enabled":                   {refused: []any{true}},
	"p2p.libp2p.bootstrap_peers":           {refused: []any{[]cmtcfg.LibP2PBootstrapPeer{{}}}},
	"p2p.libp2p.scaler.min_workers":        {refused: []any{99}},
	"p2p.libp2p.scaler.max_workers":        {refused: []any{99}},
	"p2p.libp2p.scaler.threshold_latency":  {refused: []any{time.Hour}},
	"p2p.libp2p.scaler.overrides":          {refused: []any{[]cmtcfg.LibP2PScalerOverride{{}}}},
	"p2p.libp2p.limits.mode":               {refused: []any{"custom"}},
	"p2p.libp2p.limits.max_peers":          {refused: []any{99}},
	"p2p.libp2p.limits.max_peer_streams":   {refused: []any{99}},

	"mempool.type":                      {refused: []any{"app", "nop"}},
	"mempool.recheck":                   {refused: []any{false}},
	"mempool.recheck_timeout":           {taken: []any{time.Second}, refused: []any{time.Second - 1, time.Duration(0)}},
	"mempool.broadcast":                 {refused: []any{false}},
	"mempool.wal_dir":                   {refused: []any{"data/mempool.wal"}},
	"mempool.size":                      {taken: []any{100}, refused: []any{99, 0}},
	"mempool.max_txs_bytes":             {taken: []any{int64(1 << 20)}, refused: []any{int64(1000)}},
	"mempool.cache_size":                {taken: []any{1}},
	"mempool.keep-invalid-txs-in-cache": {refused: []any{true}},
	"mempool.max_tx_bytes":              {refused: []any{1 << 20, 1}},
	"mempool.max_batch_bytes":           {refused: []any{1}},
	"mempool.experimental_max_gossip_connections_to_persistent_peers":     {refused: []any{1}},
	"mempool.experimental_max_gossip_connections_to_non_persistent_peers": {refused: []any{1}},
	"mempool.seen_cache_size":      {refused: []any{1}},
	"mempool.reap_max_bytes":       {refused: []any{uint64(1)}},
	"mempool.reap_max_gas":         {refused: []any{uint64(1)}},
	"mempool.reap_interval":        {refused: []any{time.Hour}},
	"mempool.check_tx_retry_delay": {refused: []any{time.Hour}},

	"statesync.enable":                {refused: []any{true}},
	"statesync.temp_dir":              {refused: []any{"/tmp"}},
	"statesync.rpc_servers":           {taken: []any{[]string{}}, refused: []any{[]string{"a", "b"}}},
	"statesync.trust_period":          {refused: []any{time.Second}},
	"statesync.trust_height":          {refused: []any{int64(1)}},
	"statesync.trust_hash":            {refused: []any{"ab"}},
	"statesync.discovery_time":        {refused: []any{time.Hour}},
	"statesync.chunk_request_timeout": {refused: []any{time.Hour}},
	"statesync.chunk_fetchers":        {refused: []any{int32(9)}},
	"statesync.max_snapshot_chunks":   {refused: []any{uint32(9)}},

	"blocksync.version":       {refused: []any{"v1", ""}},
	"blocksync.adaptive_sync": {refused: []any{true}},

	"consensus.wal_file":                        {refused: []any{"/fast/wal", ""}},
	"consensus.timeout_propose":                 {taken: []any{time.Second}},
	"consensus.timeout_propose_delta":           {taken: []any{time.Second}},
	"consensus.timeout_prevote":                 {taken: []any{time.Second}},
	"consensus.timeout_prevote_delta":           {taken: []any{time.Second}},
	"consensus.timeout_precommit":               {taken: []any{time.Second}},
	"consensus.timeout_precommit_delta":         {taken: []any{time.Second}},
	"consensus.timeout_commit":                  {taken: []any{time.Second / 5}},
	"consensus.skip_timeout_commit":             {refused: []any{true}},
	"consensus.create_empty_blocks":             {refused: []any{false}},
	"consensus.create_empty_blocks_interval":    {taken: []any{time.Duration(0), 10 * time.Second}, refused: []any{10*time.Second + 1}},
	"consensus.peer_gossip_sleep_duration":      {taken: []any{time.Second}},
	"consensus.peer_query_maj23_sleep_duration": {taken: []any{time.Second}},
	"consensus.double_sign_check_height":        {refused: []any{int64(10)}},
	"consensus.block_time_tolerance":            {refused: []any{time.Minute, time.Duration(0)}},

	"storage.discard_abci_responses": {taken: []any{false}},

	"tx_index.indexer":   {taken: []any{"kv"}, refused: []any{"psql", ""}},
	"tx_index.psql-conn": {refused: []any{"postgresql://u:p@h/d"}},

	"instrumentation.prometheus":             {taken: []any{false}},
	"instrumentation.prometheus_listen_addr": {taken: []any{":26660"}},
	"instrumentation.max_open_connections":   {taken: []any{1}},
	"instrumentation.namespace":              {taken: []any{"x"}},
}

// ids are node ids.
var ids = []string{strings.Repeat("0a", 20), strings.Repeat("b1", 20)}

// TestEveryEngineSetting: each key of the engine's configuration was looked at, and a
// node takes and refuses what was decided then. A new version of the engine that brings
// a key fails here until somebody decides.
func TestEveryEngineSetting(t *testing.T) {
	var settings []string
	for _, s := range engineSettings() {
		settings = append(settings, s.key)
	}
	slices.Sort(settings)
	engine := slices.Sorted(maps.Keys(engineValues(cmtcfg.DefaultConfig())))
	if !slices.Equal(settings, engine) {
		t.Errorf("settings\n%q, the engine has\n%q", settings, engine)
	}
	if table := slices.Sorted(maps.Keys(reviewed)); !slices.Equal(table, engine) {
		t.Errorf("reviewed\n%q, the engine has\n%q", table, engine)
	}
	written := engineValues(engineConfig("home", "node"))
	for _, s := range engineSettings() {
		row := reviewed[s.key]
		if len(row.taken)+len(row.refused) == 0 {
			t.Errorf("%s: nothing is said of it", s.key)
		}
		for _, v := range append([]any{written[s.key]}, row.taken...) {
			if must := s.allowed(v); must != "" {
				t.Errorf("%s = %v is refused: must be %s", s.key, v, must)
			}
		}
		for _, v := range row.refused {
			if s.allowed(v) == "" {
				t.Errorf("%s = %v is taken", s.key, v)
			}
		}
	}
}

// TestEngineFile reads config.toml with one line changed.
func TestEngineFile(t *testing.T) {
	h, _ := newHome(t, 1)
	text := string(readFile(t, h.engineConfigFile()))
	if _, err := loadEngineConfig(h); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, old, new, want string }{
		{"a misspelt key", "persistent_peers = ", "persistent_peer = ", "there is no setting p2p.persistent_peer; did you mean p2p.persistent_peers?"},
		{"a misspelt key at the top", "moniker = ", "monicker = ", "did you mean moniker?"},
		{"a key in the wrong section", "moniker = ", "persistent_peers = \"\"\nmoniker = ", "did you mean p2p.persistent_peers?"},
		{"a misspelt section", "[mempool]", "[mempol]", "did you mean mempool."},
		{"a key like no other", "moniker = ", "colour = \"red\"\nmoniker = ", "there is no setting colour"},
		{"where the home is", "moniker = ", "home = \"/x\"\nmoniker = ", "there is no setting home"},
		{"where the home of a section is", "[mempool]", "[mempool]\nhome = \"/x\"", "there is no setting mempool.home"},
		{"a time without a unit", `timeout_commit = "20ms"`, "timeout_commit = 20", "consensus.timeout_commit must be a time with its unit"},
		{"another place for data", `db_dir = "data"`, `db_dir = "/fast"`, `db_dir must be "data": fsck and resync look there`},
		{"another place for the key", `priv_validator_key_file = "config/`, `priv_validator_key_file = "secret/`, "priv_validator_key_file must be"},
		{"state sync", "\nenable = false\n\n# RPC servers", "\nenable = true\n\n# RPC servers", "statesync.enable must be false: nobody offers snapshots"},
		{"a public profile", `pprof_laddr = ""`, `pprof_laddr = "0.0.0.0:6060"`, "rpc.pprof_laddr must be empty, or an address on loopback"},
		{"a list of peers in words", `persistent_peers = ""`, `persistent_peers = "all"`, "p2p.persistent_peers must be empty, or a list of ID@HOST:PORT"},
		{"an unknown key in a list", `reactor = "MEMPOOL"`, "reactor = \"MEMPOOL\"\ncolour = 1", "colour"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed := strings.Replace(text, tc.old, tc.new, 1)
			if changed == text {
				t.Fatalf("the file has no %q", tc.old)
			}
			replaceFile(t, h.engineConfigFile(), []byte(changed))
			_, err := loadEngineConfig(h)
			if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}

func TestNearest(t *testing.T) {
	known := configKeys()
	for key, want := range map[string]string{
		"http.adress": "http.address", "address": "http.address", "htttp.address": "http.address", "log.leval": "log.level",
		"http.metric_address": "http.metrics_address", "state.keep_recents": "state.keep_recent", "colour": "", "": "", "x.y": "",
	} {
		if got := nearest(key, known); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}
