package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// homeWith is a directory with a hullmarkd.toml.
func homeWith(t testing.TB, text string) Home {
	t.Helper()
	h := Home(t.TempDir())
	if err := os.MkdirAll(filepath.Dir(h.configFile()), 0o700); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, h.configFile(), []byte(text))
	return h
}

// TestConfigRoundTrip: the commented file says what it was made from.
func TestConfigRoundTrip(t *testing.T) {
	other := Config{
		HTTP: HTTPConfig{
			Address: "[::1]:443", CertificateFile: "/etc/cert.pem", KeyFile: "/etc/key.pem",
			ReadyMaxAge: 60 * time.Second, SubmitTimeout: 1500 * time.Millisecond,
			Places: 7, TrustedProxies: []string{"127.0.0.1", "2001:db8::/32"},
		},
		State:   StateConfig{KeepRecent: 0},
		Storage: StorageConfig{CacheMegabytes: 8},
		Log:     LogConfig{Level: "debug", EngineLevel: "info", Format: "json"},
	}
	for name, want := range map[string]Config{"default": DefaultConfig(), "other": other} {
		t.Run(name, func(t *testing.T) {
			text, err := want.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := LoadConfig(homeWith(t, string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	got, err := LoadConfig(homeWith(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DefaultConfig(), got); diff != "" {
		t.Errorf("an empty file is not the default (-want +got):\n%s", diff)
	}
}

// TestConfigEnvironment: every key has a variable, which wins over the file,
// whether the file has the key or not.
func TestConfigEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"HTTP_ADDRESS": "127.0.0.1:1", "HTTP_CERTIFICATE_FILE": "c", "HTTP_KEY_FILE": "k", "HTTP_READY_MAX_AGE": "7s",
		"HTTP_SUBMIT_TIMEOUT": "8s", "HTTP_METRICS_ADDRESS": "127.0.0.1:2", "STATE_KEEP_RECENT": "123",
		"HTTP_REQUESTS_PER_SECOND": "9", "HTTP_PLACES": "11", "HTTP_TRUSTED_PROXIES": "127.0.0.1,10.1.0.0/16",
		"STATE_MIN_FREE_MEGABYTES": "10", "STORAGE_CACHE_MEGABYTES": "64",
		"LOG_LEVEL": "warn", "LOG_ENGINE_LEVEL": "debug", "LOG_FORMAT": "json",
	} {
		t.Setenv("HULLMARKD_"+name, value)
	}
	want := Config{
		HTTP: HTTPConfig{
			Address: "127.0.0.1:1", CertificateFile: "c", KeyFile: "k", ReadyMaxAge: 7 * time.Second,
			SubmitTimeout: 8 * time.Second, RequestsPerSecond: 9, Places: 11,
			TrustedProxies: []string{"127.0.0.1", "10.1.0.0/16"}, MetricsAddress: "127.0.0.1:2",
		},
		State:   StateConfig{KeepRecent: 123, MinFreeMegabytes: 10},
		Storage: StorageConfig{CacheMegabytes: 64},
		Log:     LogConfig{Level: "warn", EngineLevel: "debug", Format: "json"},
	}
	text, err := DefaultConfig().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"", string(text)} {
		h := homeWith(t, file)
		got, err := LoadConfig(h)
		if err != nil {
			t.Fatal(err)
		}
		want.HTTP.CertificateFile, want.HTTP.KeyFile = filepath.Join(string(h), "c"), filepath.Join(string(h), "k")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	t.Setenv("HULLMARKD_LOG_LEVEL", "loud")
	if _, err := LoadConfig(homeWith(t, "")); !errors.Is(err, ErrConfig) {
		t.Errorf("a bad variable: %v", err)
	}
}

func TestConfigRefuses(t *testing.T) {
	text, err := DefaultConfig().Encode()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, old, new string }{
		{"unknown key", "[http]\n", "[http]\nadress = \"127.0.0.1:1\"\n"},
		{"unknown section", "[http]\n", "[htttp]\naddress = \"x\"\n[http]\n"},
		{"unknown key at the top", "[http]\n", "moniker = \"x\"\n[http]\n"},
		{"address without a port", `"0.0.0.0:26680"`, `"0.0.0.0"`},
		{"no address", `"0.0.0.0:26680"`, `""`},
		{"metrics address without a port", `"127.0.0.1:26661"`, `"localhost"`},
		{"negative rate", "requests_per_second = 200", "requests_per_second = -1"},
		{"negative places", "\nplaces = 64", "\nplaces = -1"},
		{"too many places", "\nplaces = 64", "\nplaces = 4097"},
		{"a name of a proxy", "trusted_proxies = []", `trusted_proxies = ["proxy.example.com"]`},
		{"no proxy", "trusted_proxies = []", `trusted_proxies = [""]`},
		{"negative room", "min_free_megabytes = 512", "min_free_megabytes = -1"},
		{"no cache", "cache_megabytes = 256", "cache_megabytes = 0"},
		{"negative cache", "cache_megabytes = 256", "cache_megabytes = -1"},
		{"cache of a size that no machine has", "cache_megabytes = 256", "cache_megabytes = 1048577"},
		{"certificate without a key", `certificate_file = ""`, `certificate_file = "x"`},
		{"key without a certificate", `key_file = ""`, `key_file = "x"`},
		{"no unit", `ready_max_age = "30s"`, `ready_max_age = "30"`},
		{"ready with what clients refuse", `ready_max_age = "30s"`, `ready_max_age = "61s"`},
		{"too short", `submit_timeout = "30s"`, `submit_timeout = "999ms"`},
		{"negative", `ready_max_age = "30s"`, `ready_max_age = "-30s"`},
		{"too few heights", "keep_recent = 10000", "keep_recent = 99"},
		{"negative heights", "keep_recent = 10000", "keep_recent = -1"},
		{"heights in words", "keep_recent = 10000", `keep_recent = "all"`},
		{"level", `level = "info"`, `level = "loud"`},
		{"engine level", `engine_level = "error"`, `engine_level = ""`},
		{"format", `format = "text"`, `format = "xml"`},
		{"wrong type", `format = "text"`, `format = ["text"]`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			changed := strings.Replace(string(text), tc.old, tc.new, 1)
			if changed == string(text) {
				t.Fatalf("the file has no %q", tc.old)
			}
			if c, err := LoadConfig(homeWith(t, changed)); !errors.Is(err, ErrConfig) {
				t.Errorf("%+v, error %v; want ErrConfig", c, err)
			}
		})
	}
	if _, err := LoadConfig(homeWith(t, "this is no TOML")); err == nil {
		t.Error("a file that is no TOML is read")
	}
	if _, err := LoadConfig(Home(t.TempDir())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
}

func TestEngineConfigRefuses(t *testing.T) {
	h, _ := newHome(t, 1)
	text := readFile(t, h.engineConfigFile())
	for name, change := range map[string][2]string{
		"another tolerance of block times": {`block_time_tolerance = "10s"`, `block_time_tolerance = "1m0s"`},
		"not valid to the engine":          {`timeout_commit = "20ms"`, `timeout_commit = "-20ms"`},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.Replace(string(text), change[0], change[1], 1)
			if changed == string(text) {
				t.Fatalf("the file has no %q", change[0])
			}
			replaceFile(t, h.engineConfigFile(), []byte(changed))
			if _, err := Open(h, Options{Config: quick(), Log: new(journal)}); !errors.Is(err, ErrConfig) {
				t.Errorf("error %v, want ErrConfig", err)
			}
		})
	}
}

// FuzzConfig gives any bytes as hullmarkd.toml. Nothing a node must not start with is
// taken, whatever the file looks like.
func FuzzConfig(f *testing.F) {
	good, err := DefaultConfig().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	for _, text := range []string{
		"", "[http]\naddress = \"127.0.0.1:1\"", "[http]\nready_max_age = \"1h\"", "[http]\nready_max_age = 5", "[state]\nkeep_recent = -1",
		"[log]\nlevel = \"loud\"", "http = 1", "[http]\nhttp.address = \"\"", "x = [", "[state]\nkeep_recent = 18446744073709551616",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := LoadConfig(homeWith(t, string(data)))
		if err != nil {
			if !reflect.DeepEqual(c, Config{}) {
				t.Fatalf("%v, and %+v", err, c)
			}
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
	})
}
