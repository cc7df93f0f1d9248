package app

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"

	"hullmark/record"
)

// A setting is one key of config.toml and what a node takes it to be. Every key of the
// engine's configuration has one: a setting is honoured, or refused by name when it
// could not be.
type setting struct {
	key string
	// allowed says why a value is refused: what the setting must be. Empty is fine.
	allowed func(value any) (must string)
}

// honoured is a setting that is the operator's choice.
func honoured(key string) setting { return setting{key, func(any) string { return "" }} }

// fixed is a setting with one right value.
func fixed(key string, want any, why string) setting {
	return setting{key, func(v any) string {
		if reflect.DeepEqual(v, want) {
			return ""
		}
		return fmt.Sprintf("%v: %s", show(want), why)
	}}
}

// unused is a setting that has no effect here. Anything but what init wrote is a
// mistake, and whoever made it should know.
func unused(key, why string) setting {
	want := engineValues(cmtcfg.DefaultConfig())[key]
	return setting{key, func(v any) string {
		if same(v, want) {
			return ""
		}
		return fmt.Sprintf("%v: it has no effect, %s", show(want), why)
	}}
}

// atLeast is a number or a duration with a least value.
func atLeast[T int | int64 | time.Duration](key string, least T, why string) setting {
	return setting{key, func(v any) string {
		if n, ok := v.(T); ok && n >= least {
			return ""
		}
		return fmt.Sprintf("at least %v: %s", least, why)
	}}
}

// text is a setting with a form.
func text(key, must string, ok func(string) bool) setting {
	return setting{key, func(v any) string {
		if s, is := v.(string); is && ok(s) {
			return ""
		}
		return must
	}}
}

func show(v any) any {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return v
}

// same compares values; an empty list is as good as none.
func same(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	if x.IsValid() && y.IsValid() && x.Kind() == reflect.Slice && y.Kind() == reflect.Slice && x.Len() == 0 && y.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a, b)
}

// Reasons that several settings share.
const (
	whyPlace    = "fsck and resync look there"
	whyMembers  = "peers are named in p2p.persistent_peers"
	whyLoopback = "empty, or an address on loopback; the HTTP API is the public face"
	whyNoSync   = "since nobody offers snapshots; `hullmarkd resync` fetches blocks"
	whyNoLib    = "since p2p.libp2p.enabled is false"
	whyOwnPool  = "which is for another type of mempool"
	whyProcess  = "since the application is in this process"
	whyLogs     = "the section [log] of hullmarkd.toml is for logs"
)

// engineSettings returns what a node makes of every key of config.toml. A test compares
// the keys with those of the engine.
func engineSettings() []setting {
	return []setting{
		honoured("version"),
		unused("proxy_app", whyProcess),
		unused("abci", whyProcess),
		honoured("moniker"),
		fixed("db_backend", databaseBackend, "there is no other, and data of another is fetched again with `hullmarkd resync`"),
		fixed("db_dir", cmtcfg.DefaultDataDir, whyPlace),
		unused("log_level", whyLogs),
		unused("log_format", whyLogs),
		fixed("genesis_file", "config/genesis.json", whyPlace),
		fixed("priv_validator_key_file", "config/priv_validator_key.json", whyPlace),
		fixed("priv_validator_state_file", "data/priv_validator_state.json", whyPlace),
		fixed("node_key_file", "config/node_key.json", whyPlace),
		text("priv_validator_laddr", "tcp://HOST:PORT, unix://PATH or noise://PEER@HOST:PORT", signerAddress),
		fixed("filter_peers", false, "the application has no say in who is a peer"),
		honoured("event_bus_buffer_capacity"),

		text("rpc.laddr", whyLoopback, private),
		{"rpc.cors_allowed_origins", func(v any) string {
			if same(v, []string{}) {
				return ""
			}
			return "empty, or web pages would use the node"
		}},
		unused("rpc.cors_allowed_methods", "since no web page may ask"),
		unused("rpc.cors_allowed_headers", "since no web page may ask"),
		text("rpc.grpc_laddr", whyLoopback, private),
		honoured("rpc.grpc_max_open_connections"),
		fixed("rpc.unsafe", false, "it lets anybody on this machine empty the mempool"),
		honoured("rpc.max_open_connections"),
		honoured("rpc.max_subscription_clients"),
		honoured("rpc.max_subscriptions_per_client"),
		honoured("rpc.experimental_subscription_buffer_size"),
		honoured("rpc.experimental_websocket_write_buffer_size"),
		honoured("rpc.experimental_close_on_slow_client"),
		honoured("rpc.timeout_broadcast_tx_commit"),
		honoured("rpc.max_request_batch_size"),
		honoured("rpc.max_body_bytes"),
		honoured("rpc.max_header_bytes"),
		honoured("rpc.tls_cert_file"),
		honoured("rpc.tls_key_file"),
		text("rpc.pprof_laddr", "empty, or an address on loopback: a profile shows what is in memory", private),

		honoured("p2p.laddr"),
		honoured("p2p.external_address"),
		fixed("p2p.seeds", "", whyMembers),
		text("p2p.persistent_peers", "empty, or a list of ID@HOST:PORT with commas between", peerList),
		fixed("p2p.addr_book_file", "config/addrbook.json", "there is one place for it"),
		honoured("p2p.addr_book_strict"),
		honoured("p2p.max_num_inbound_peers"),
		honoured("p2p.max_num_outbound_peers"),
		text("p2p.unconditional_peer_ids", "empty, or a list of node ids with commas between", idList),
		honoured("p2p.persistent_peers_max_dial_period"),
		honoured("p2p.flush_throttle_timeout"),
		fixed("p2p.max_packet_msg_payload_size", cmtcfg.DefaultP2PConfig().MaxPacketMsgPayloadSize, "peers refuse larger packets than their own"),
		atLeast("p2p.send_rate", int64(1<<20), "a block of 4 MiB would take too long"),
		atLeast("p2p.recv_rate", int64(1<<20), "a block of 4 MiB would take too long"),
		fixed("p2p.pex", false, whyMembers),
		fixed("p2p.seed_mode", false, whyMembers),
		unused("p2p.private_peer_ids", "since addresses are not passed on"),
		honoured("p2p.allow_duplicate_ip"),
		honoured("p2p.handshake_timeout"),
		honoured("p2p.dial_timeout"),
		fixed("p2p.test_dial_fail", false, "it is for tests of the engine"),
		fixed("p2p.test_fuzz", false, "it is for tests of the engine"),
		unused("p2p.test_fuzz_config.mode", "since p2p.test_fuzz is false"),
		unused("p2p.test_fuzz_config.maxdelay", "since p2p.test_fuzz is false"),
		unused("p2p.test_fuzz_config.probdroprw", "since p2p.test_fuzz is false"),
		unused("p2p.test_fuzz_config.probdropconn", "since p2p.test_fuzz is false"),
		unused("p2p.test_fuzz_config.probsleep", "since p2p.test_fuzz is false"),
		fixed("p2p.libp2p.enabled", false, "members speak the engine's own protocol"),
		unused("p2p.libp2p.bootstrap_peers", whyNoLib),
		unused("p2p.libp2p.scaler.min_workers", whyNoLib),
		unused("p2p.libp2p.scaler.max_workers", whyNoLib),
		unused("p2p.libp2p.scaler.threshold_latency", whyNoLib),
		unused("p2p.libp2p.scaler.overrides", whyNoLib),
		unused("p2p.libp2p.limits.mode", whyNoLib),
		unused("p2p.libp2p.limits.max_peers", whyNoLib),
		unused("p2p.libp2p.limits.max_peer_streams", whyNoLib),

		fixed("mempool.type", cmtcfg.MempoolTypeFlood, "transactions reach all nodes"),
		fixed("mempool.recheck", true, "or refused transactions stay for ever"),
		atLeast("mempool.recheck_timeout", time.Second, "or the answers after a block come too late"),
		fixed("mempool.broadcast", true, "or transactions stay on the node they were sent to"),
		fixed("mempool.wal_dir", "", "what is written there is never read"),
		atLeast("mempool.size", 100, "or publishers are refused"),
		atLeast("mempool.max_txs_bytes", int64(record.MaxTransactionSize), "or a transaction may never fit"),
		honoured("mempool.cache_size"),
		fixed("mempool.keep-invalid-txs-in-cache", false, "or what was refused once is refused when it is right"),
		fixed("mempool.max_tx_bytes", record.MaxTransactionSize, "as at all other nodes"),
		unused("mempool.max_batch_bytes", "the engine does not use it"),
		fixed("mempool.experimental_max_gossip_connections_to_persistent_peers", 0, "or emergencies reach some nodes late"),
		fixed("mempool.experimental_max_gossip_connections_to_non_persistent_peers", 0, "or emergencies reach some nodes late"),
		unused("mempool.seen_cache_size", whyOwnPool),
		unused("mempool.reap_max_bytes", whyOwnPool),
		unused("mempool.reap_max_gas", whyOwnPool),
		unused("mempool.reap_interval", whyOwnPool),
		unused("mempool.check_tx_retry_delay", whyOwnPool),

		fixed("statesync.enable", false, "nobody offers snapshots, and a node would wait for them for ever; `hullmarkd resync` fetches blocks"),
		unused("statesync.temp_dir", whyNoSync),
		unused("statesync.rpc_servers", whyNoSync),
		unused("statesync.trust_period", whyNoSync),
		unused("statesync.trust_height", whyNoSync),
		unused("statesync.trust_hash", whyNoSync),
		unused("statesync.discovery_time", whyNoSync),
		unused("statesync.chunk_request_timeout", whyNoSync),
		unused("statesync.chunk_fetchers", whyNoSync),
		unused("statesync.max_snapshot_chunks", whyNoSync),

		fixed("blocksync.version", "v0", "there is no other"),
		fixed("blocksync.adaptive_sync", false, "a validator that catches up could sign two blocks of one height"),

		fixed("consensus.wal_file", "data/cs.wal/wal", whyPlace),
		honoured("consensus.timeout_propose"),
		honoured("consensus.timeout_propose_delta"),
		honoured("consensus.timeout_prevote"),
		honoured("consensus.timeout_prevote_delta"),
		honoured("consensus.timeout_precommit"),
		honoured("consensus.timeout_precommit_delta"),
		honoured("consensus.timeout_commit"),
		fixed("consensus.skip_timeout_commit", false, "blocks come no faster than consensus.timeout_commit says"),
		fixed("consensus.create_empty_blocks", true, "or answers grow old"),
		{"consensus.create_empty_blocks_interval", func(v any) string {
			if d, ok := v.(time.Duration); ok && d <= 2*emptyBlockInterval {
				return ""
			}
			return fmt.Sprintf("at most %s, or answers grow old", 2*emptyBlockInterval)
		}},
		honoured("consensus.peer_gossip_sleep_duration"),
		honoured("consensus.peer_query_maj23_sleep_duration"),
		fixed("consensus.double_sign_check_height", int64(0), "`hullmarkd start --check-double-sign` does that, once"),
		fixed("consensus.block_time_tolerance", blockTimeTolerance, "as at all other nodes"),

		honoured("storage.discard_abci_responses"),

		text("tx_index.indexer", `"null" or "kv"`, func(s string) bool { return s == "null" || s == "kv" }),
		fixed("tx_index.psql-conn", "", "a password has no place here"),

		honoured("instrumentation.prometheus"),
		honoured("instrumentation.prometheus_listen_addr"),
		honoured("instrumentation.max_open_connections"),
		honoured("instrumentation.namespace"),
	}
}

// checkEngine refuses settings with which a node would run and not do what others
// rely on, and those that would have no effect. What is a matter of taste or of the
// machine is left to the operator.
func checkEngine(c *cmtcfg.Config) error {
	values := engineValues(c)
	var errs []error
	for _, s := range engineSettings() {
		if must := s.allowed(values[s.key]); must != "" {
			errs = append(errs, fmt.Errorf("%s must be %s", s.key, must))
		}
	}
	return errors.Join(errs...)
}

// engineValues returns the engine's configuration by the keys of config.toml. Where
// the home is, the command line says.
func engineValues(c *cmtcfg.Config) map[string]any {
	values := make(map[string]any)
	collectValues(reflect.ValueOf(c), "", values)
	return values
}

func collectValues(v reflect.Value, prefix string, values map[string]any) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		values[strings.TrimSuffix(prefix, ".")] = v.Interface()
		return
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name, options, _ := strings.Cut(field.Tag.Get("mapstructure"), ",")
		switch {
		case options == "squash":
			collectValues(v.Field(i), prefix, values)
		case name == "home", !field.IsExported():
		case name == "":
			collectValues(v.Field(i), prefix+strings.ToLower(field.Name)+".", values)
		default:
			collectValues(v.Field(i), prefix+name+".", values)
		}
	}
}

// private reports whether an address to listen on is none, or one of this machine
// alone.
func private(address string) bool {
	if address == "" || strings.HasPrefix(address, "unix://") {
		return true
	}
	host, _, err := net.SplitHostPort(strings.TrimPrefix(address, "tcp://"))
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// signerAddress reports whether an address is none, or one where a remote signer may
// connect.
func signerAddress(address string) bool {
	scheme, _, _ := strings.Cut(address, "://")
	return address == "" || scheme == "tcp" || scheme == "unix" || scheme == "noise"
}

// peerList reports whether a list names peers. Entries may have spaces around them, as
// the engine has it.
func peerList(list string) bool {
	return everyEntry(list, func(entry string) bool {
		id, address, _ := strings.Cut(entry, "@")
		host, port, err := net.SplitHostPort(address)
		return nodeID(id) && err == nil && host != "" && port != ""
	})
}

func idList(list string) bool { return everyEntry(list, nodeID) }

func everyEntry(list string, ok func(string) bool) bool {
	if strings.TrimSpace(list) == "" {
		return true
	}
	for entry := range strings.SplitSeq(list, ",") {
		if !ok(strings.TrimSpace(entry)) {
			return false
		}
	}
	return true
}

// nodeID reports whether a text is the id of a node: 40 hex digits.
func nodeID(id string) bool {
	return len(id) == 40 && strings.Trim(id, "0123456789abcdef") == ""
}
