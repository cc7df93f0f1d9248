package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"

	"hullmark/app/admission"
	"hullmark/bundle"
	"hullmark/safefile"
)

// ErrConfig is returned for a configuration a node must not start with.
var ErrConfig = errors.New("invalid configuration")

// ErrNoHome is returned for a directory that is not a node's home.
var ErrNoHome = errors.New("there is no node here")

// Config is the node's own configuration, hullmarkd.toml. The engine's is beside
// it in config.toml. A flag wins over the environment, the environment
// (HULLMARKD_HTTP_ADDRESS and so on) over the file.
type Config struct {
	HTTP    HTTPConfig    `mapstructure:"http"`
	State   StateConfig   `mapstructure:"state"`
	Storage StorageConfig `mapstructure:"storage"`
	Log     LogConfig     `mapstructure:"log"`
}

// HTTPConfig is the section [http].
type HTTPConfig struct {
	// Address the HTTP API listens on.
	Address string `mapstructure:"address"`
	// CertificateFile and KeyFile switch TLS on. A file that does not load stops
	// the start; there is no fall-back to plain text. Relative paths begin at the home;
	// LoadConfig returns whole ones.
	CertificateFile string `mapstructure:"certificate_file"`
	KeyFile         string `mapstructure:"key_file"`
	// ReadyMaxAge is how old the newest block may be while /readyz says yes.
	ReadyMaxAge time.Duration `mapstructure:"ready_max_age"`
	// SubmitTimeout is how long POST /v1/tx waits for a block.
	SubmitTimeout time.Duration `mapstructure:"submit_timeout"`
	// RequestsPerSecond bounds the requests of one address, those of this machine
	// among them; 0 for no bound.
	RequestsPerSecond int `mapstructure:"requests_per_second"`
	// Places is how many look-ups are worked on at once, and four times as many
	// transactions; one address has a quarter. 0 switches off these and all other
	// bounds on what one address has under way.
	Places int `mapstructure:"places"`
	// TrustedProxies are the addresses and prefixes whose X-Forwarded-For names the
	// client. They have no limits of their own.
	TrustedProxies []string `mapstructure:"trusted_proxies"`
	// MetricsAddress serves Prometheus metrics of the application; empty for none.
	MetricsAddress string `mapstructure:"metrics_address"`
}

// StateConfig is the section [state].
type StateConfig struct {
	// KeepRecent is how many heights can be proven; 0 keeps all.
	KeepRecent uint64 `mapstructure:"keep_recent"`
	// MinFreeMegabytes is how much room the disk must have while /readyz says
	// yes; 0 does not ask.
	MinFreeMegabytes uint64 `mapstructure:"min_free_megabytes"`
}

// StorageConfig is the section [storage].
type StorageConfig struct {
	// CacheMegabytes is how much memory the databases may take for what they have
	// read, all together.
	CacheMegabytes uint64 `mapstructure:"cache_megabytes"`
}

// LogConfig is the section [log].
type LogConfig struct {
	// Level is debug, info, warn or error.
	Level string `mapstructure:"level"`
	// EngineLevel is the level for CometBFT.
	EngineLevel string `mapstructure:"engine_level"`
	// Format is text or json.
	Format string `mapstructure:"format"`
}

// DefaultConfig returns the configuration init writes.
func DefaultConfig() Config {
	return Config{
		HTTP: HTTPConfig{
			Address: "0.0.0.0:26680", ReadyMaxAge: 30 * time.Second, SubmitTimeout: 30 * time.Second,
			RequestsPerSecond: 200, Places: admission.DefaultPlaces, TrustedProxies: []string{}, MetricsAddress: "127.0.0.1:26661",
		},
		State:   StateConfig{KeepRecent: 10_000, MinFreeMegabytes: 512},
		Storage: StorageConfig{CacheMegabytes: 256},
		Log:     LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
	}
}

// configTemplate is hullmarkd.toml. A test decodes what it makes of the default
// configuration and expects that configuration.
var configTemplate = template.Must(template.New("hullmarkd.toml").Parse(`# Configuration of a Hullmark node. The engine's settings are in config.toml.
# Each can be set in the environment too: HULLMARKD_HTTP_ADDRESS and so on.

[http]
# Address the HTTP API listens on. Clients and publishers connect here.
address = "{{.HTTP.Address}}"
# Certificate chain and private key, PEM. Both or none; relative to this node's
# home, the directory above this file's. With them the API is served over TLS only; a
# file that does not load stops the start. They are read again when they change.
certificate_file = "{{.HTTP.CertificateFile}}"
key_file = "{{.HTTP.KeyFile}}"
# How old the newest block may be while /readyz answers 200. Clients refuse answers
# older than a minute, so it is at most that.
ready_max_age = "{{.HTTP.ReadyMaxAge}}"
# How long POST /v1/tx waits for the transaction to be in a block.
submit_timeout = "{{.HTTP.SubmitTimeout}}"
# How many requests a second one address may make, in the long run; twice as many
# at once. Addresses of this machine count like others. 0 for no bound.
requests_per_second = {{.HTTP.RequestsPerSecond}}
# How many look-ups are worked on at once, and four times as many transactions; one
# address gets a quarter. 0 switches off these and all other bounds on what one
# address has under way: for tests and measurements.
places = {{.HTTP.Places}}
# Addresses and prefixes of reverse proxies, such as ["127.0.0.1", "10.1.0.0/16"].
# Limits count for the client that such a proxy names in X-Forwarded-For, read from
# the right, and for nobody else's word.
trusted_proxies = [{{range $i, $p := .HTTP.TrustedProxies}}{{if $i}}, {{end}}"{{$p}}"{{end}}]
# Address of Prometheus metrics, /metrics. Keep it on loopback; empty for none.
metrics_address = "{{.HTTP.MetricsAddress}}"

[state]
# How many heights of state can be read and proven. 0 keeps all of them.
keep_recent = {{.State.KeepRecent}}
# How many megabytes the disk must have left while /readyz answers 200; 0 does not
# ask. A node whose disk is full ends.
min_free_megabytes = {{.State.MinFreeMegabytes}}

[storage]
# How many megabytes of memory the databases may take for what they have read from
# the disk, all together. A ledger of a million images gains up to 512.
cache_megabytes = {{.Storage.CacheMegabytes}}

[log]
# debug, info, warn or error.
level = "{{.Log.Level}}"
engine_level = "{{.Log.EngineLevel}}"
# text or json.
format = "{{.Log.Format}}"
`))

// maxSubmitTimeout is below the time clients wait for an answer.
const maxSubmitTimeout = 35 * time.Second

// Bounds beyond which a setting is a mistake.
const (
	maxRequestsPerSecond = 1_000_000
	maxFreeMegabytes     = 1 << 20 // a terabyte
	minCacheMegabytes    = 8
	maxCacheMegabytes    = 1 << 20
)

// LoadConfig reads hullmarkd.toml, then the environment. Keys it does not know
// are errors: a misspelt setting must not pass for the default.
func LoadConfig(h Home) (Config, error) {
	v := viper.New()
	v.SetConfigFile(h.configFile())
	v.SetEnvPrefix("HULLMARKD")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	// Naming every key makes the environment count for those a file leaves out.
	var defaults map[string]any
	if err := mapstructure.Decode(DefaultConfig(), &defaults); err != nil {
		return Config{}, fmt.Errorf("couldn't read configuration: %w", err)
	}
	for key, value := range defaults {
		v.SetDefault(key, value)
	}
	if _, err := safefile.Check(h.configFile(), safefile.Trusted); errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("couldn't read configuration: %w: %w", ErrNoHome, err)
	} else if err != nil {
		return Config{}, fmt.Errorf("couldn't read configuration: %w", err)
	}
	if err := h.readTOML(v, h.configFile(), "an empty file stands for the settings that init writes"); err != nil {
		return Config{}, err
	}
	if err := checkKeys(v, configKeys()); err != nil {
		return Config{}, fmt.Errorf("couldn't read configuration %s: %w", h.configFile(), err)
	}
	c := DefaultConfig()
	err := v.UnmarshalExact(&c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(","))))
	if err != nil {
		return Config{}, fmt.Errorf("couldn't read configuration %s: %w: %w", h.configFile(), ErrConfig, err)
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("couldn't read configuration %s: %w", h.configFile(), err)
	}
	// Whatever directory a program is started in, a file is the same one.
	for _, path := range []*string{&c.HTTP.CertificateFile, &c.HTTP.KeyFile} {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(string(h), *path)
		}
	}
	return c, nil
}

// Encode returns the file with its comments.
func (c Config) Encode() ([]byte, error) {
	var b bytes.Buffer
	if err := configTemplate.Execute(&b, c); err != nil {
		return nil, fmt.Errorf("couldn't encode configuration: %w", err)
	}
	return b.Bytes(), nil
}

// Validate reports settings a node must not start with.
func (c Config) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, args...))
	}
	if _, _, err := net.SplitHostPort(c.HTTP.Address); err != nil {
		return bad("http.address: %v", err)
	}
	if c.HTTP.MetricsAddress != "" {
		if _, _, err := net.SplitHostPort(c.HTTP.MetricsAddress); err != nil {
			return bad("http.metrics_address: %v", err)
		}
	}
	if (c.HTTP.CertificateFile == "") != (c.HTTP.KeyFile == "") {
		return bad("http.certificate_file and http.key_file go together")
	}
	if c.HTTP.ReadyMaxAge < time.Second || c.HTTP.SubmitTimeout < time.Second {
		return bad("http.ready_max_age and http.submit_timeout are at least 1s")
	}
	if c.HTTP.ReadyMaxAge > bundle.DefaultMaxAge {
		return bad("http.ready_max_age is at most %s, or the node is ready while clients refuse its answers", bundle.DefaultMaxAge)
	}
	if c.HTTP.SubmitTimeout > maxSubmitTimeout {
		return bad("http.submit_timeout is at most %s, or clients give up first", maxSubmitTimeout)
	}
	if r := c.HTTP.RequestsPerSecond; r < 0 || r > maxRequestsPerSecond {
		return bad("http.requests_per_second is from 0 to %d", maxRequestsPerSecond)
	}
	if p := c.HTTP.Places; p < 0 || p > admission.MaxPlaces {
		return bad("http.places is from 0 to %d", admission.MaxPlaces)
	}
	if _, err := admission.ParseProxies(c.HTTP.TrustedProxies); err != nil {
		return bad("http.trusted_proxies: %v", err)
	}
	if c.State.MinFreeMegabytes > maxFreeMegabytes {
		return bad("state.min_free_megabytes is at most %d", maxFreeMegabytes)
	}
	// A negative number in the file arrives here as a huge one.
	if k := c.State.KeepRecent; k != 0 && k < 100 || k > math.MaxInt64 {
		return bad("state.keep_recent is 0 or at least 100")
	}
	if m := c.Storage.CacheMegabytes; m < minCacheMegabytes || m > maxCacheMegabytes {
		return bad("storage.cache_megabytes is from %d to %d", minCacheMegabytes, maxCacheMegabytes)
	}
	for _, l := range []string{c.Log.Level, c.Log.EngineLevel} {
		if _, err := parseLevel(l); err != nil {
			return bad("log level %q; use debug, info, warn or error", l)
		}
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return bad("log.format %q; use text or json", c.Log.Format)
	}
	return nil
}
