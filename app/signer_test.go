package app

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/privval"

	"hullmark/internal/fixture"
)

// signerHome makes a home without a validator key that waits for a signer at an
// address, and returns the signer's key.
func signerHome(t *testing.T, address string) (Home, *privval.FilePV, *fixture.Consortium) {
	t.Helper()
	h := Home(t.TempDir())
	identity, err := Init(h, InitOptions{Moniker: "op-0", Config: quick(), Engine: quickEngine, RemoteSigner: address})
	if err != nil {
		t.Fatal(err)
	}
	if identity.ValidatorKey != [32]byte{} || exists(h.validatorKeyFile()) || exists(h.validatorStateFile()) {
		t.Error("the home has a validator key")
	}
	dir := t.TempDir()
	signer := privval.GenFilePV(filepath.Join(dir, "key.json"), filepath.Join(dir, "state.json"))
	signer.Save()
	c := fixture.NewConsortium(t, 1)
	c.Time = time.Now().UTC().Truncate(time.Second).Add(-time.Second)
	c.Operators[0].Validator = fixture.KeyOf(t, ed25519.PrivateKey(signer.Key.PrivKey.Bytes()))
	doc, err := EncodeGenesis(c.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InstallGenesis(h, doc); err != nil {
		t.Fatal(err)
	}
	return h, signer, c
}

// serveSigner runs CometBFT's own signer until the test ends. It dials the node.
func serveSigner(t *testing.T, dial privval.SocketDialer, ledger string, signer *privval.FilePV) *privval.SignerServer {
	t.Helper()
	endpoint := privval.NewSignerDialerEndpoint(log.NewNopLogger(), dial,
		privval.SignerDialerEndpointConnRetries(300), privval.SignerDialerEndpointRetryWaitInterval(20*time.Millisecond))
	s := privval.NewSignerServer(endpoint, ledger, signer)
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.IsRunning() {
			_ = s.Stop()
		}
	})
	return s
}

// TestRemoteSigner: the key is in another process, which decides what is signed. The
// node makes blocks with it, takes transactions, and knows whose validator it is.
func TestRemoteSigner(t *testing.T) {
	tcp := "127.0.0.1:" + freePort(t)
	dir, err := os.MkdirTemp("", "signer") // names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	for name, tc := range map[string]struct {
		address string
		dial    func(h Home) privval.SocketDialer
	}{
		"unix": {"unix://" + socket, func(Home) privval.SocketDialer { return privval.DialUnixFn(socket) }},
		"tcp": {"tcp://" + tcp, func(Home) privval.SocketDialer {
			_, key, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			return privval.DialTCPFn(tcp, 3*time.Second, cmted25519.PrivKey(key))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h, signer, c := signerHome(t, tc.address)
			serveSigner(t, tc.dial(h), c.Ledger(), signer)
			n := openHome(t, h, nil)
			url := start(t, n)
			if n.operator != "op-0" {
				t.Errorf("validator of %q", n.operator)
			}
			pub := c.NewPublisher("registry.example.com/app")
			height := post(t, url, pub.Register(c.Operators[0])).receipt(t).GetHeight()
			provable(t, n, height)
			if signer.LastSignState.Height < int64(height) {
				t.Errorf("the signer has signed up to height %d, the block is %d", signer.LastSignState.Height, height)
			}
			if exists(h.validatorKeyFile()) || exists(h.validatorStateFile()) {
				t.Error("the node made a validator key of its own")
			}
		})
	}
}

// TestNoSigner: without its signer a node does not start, and says why.
func TestNoSigner(t *testing.T) {
	h, _, _ := signerHome(t, "tcp://127.0.0.1:0")
	c, err := LoadConfig(h)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Open(h, Options{Config: c, Log: io.Discard}); !errors.Is(err, ErrNoSigner) {
		t.Errorf("opened: %v", err)
		if err == nil {
			_ = n.close()
		}
	}
}

// TestTwoSigners: a home with a key and a remote signer might sign twice.
func TestTwoSigners(t *testing.T) {
	h, _, _ := signerHome(t, "tcp://127.0.0.1:0")
	other, _ := newHome(t, 1)
	replaceFile(t, h.validatorKeyFile(), readFile(t, other.validatorKeyFile()))
	c, err := LoadConfig(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(h, Options{Config: c, Log: io.Discard}); !errors.Is(err, ErrTwoSigners) {
		t.Errorf("opened: %v", err)
	}
	if found := damaged(t, h); !errors.Is(found["keys"].Err, ErrTwoSigners) {
		t.Errorf("fsck finds %v", found)
	}
}

// TestDamagedValidatorFiles: CometBFT's own loader would end the process.
func TestDamagedValidatorFiles(t *testing.T) {
	for name, damage := range map[string]func(h Home) error{
		"no key":          func(h Home) error { return os.Remove(h.validatorKeyFile()) },
		"empty key":       func(h Home) error { return os.Truncate(h.validatorKeyFile(), 0) },
		"half a key":      func(h Home) error { return os.Truncate(h.validatorKeyFile(), 200) },
		"null":            func(h Home) error { return os.WriteFile(h.validatorKeyFile(), []byte("null"), 0o600) },
		"no state":        func(h Home) error { return os.Remove(h.validatorStateFile()) },
		"empty state":     func(h Home) error { return os.Truncate(h.validatorStateFile(), 0) },
		"two halves":      mixHalves,
		"readable by all": func(h Home) error { return os.Chmod(h.validatorKeyFile(), 0o604) },
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHome(t, 1)
			if err := damage(h); err != nil {
				t.Fatal(err)
			}
			n, err := Open(h, Options{Config: quick(), Log: io.Discard})
			if err == nil {
				_ = n.close()
				t.Fatal("it starts")
			}
			t.Log(err)
		})
	}
}

// mixHalves puts the public key of another validator into the key file.
func mixHalves(h Home) error {
	own, err := h.validatorKey()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(h.validatorKeyFile())
	if err != nil {
		return err
	}
	public := base64.StdEncoding.EncodeToString(own.PubKey.Bytes())
	other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	return os.WriteFile(h.validatorKeyFile(), bytes.Replace(b, []byte(public), []byte(other), 1), 0o600)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestCheckDoubleSign: a validator that signed the newest blocks may be running
// somewhere else. Only the first start after a key was moved asks.
//
// It runs in a process of its own, as it would for an operator: CometBFT does not
// close what it could not start, and what it left open panics when the home goes.
func TestCheckDoubleSign(t *testing.T) {
	const home = "HULLMARK_TEST_DOUBLE_SIGN_HOME"
	h := Home(os.Getenv(home))
	if h == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestCheckDoubleSign$", "-test.count", "1")
		cmd.Env = append(os.Environ(), home+"="+string(stoppedHome(t)))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	n, err := Open(h, Options{Config: quick(), Log: io.Discard, CheckDoubleSign: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); !errors.Is(err, ErrSignedElsewhere) {
		t.Errorf("started: %v", err)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
}

// TestFlippedKeys flips every bit of both key files. No flip gives another key that
// is taken for a good one, and none panics.
func TestFlippedKeys(t *testing.T) {
	h, _ := newHome(t, 1)
	node, err := h.nodeKey()
	if err != nil {
		t.Fatal(err)
	}
	validator, err := h.validatorKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path string
		read func() (string, error)
		want string
	}{
		{h.nodeKeyFile(), func() (string, error) {
			key, err := h.nodeKey()
			if err != nil {
				return "", err
			}
			return string(key.PrivKey.Bytes()), nil
		}, string(node.PrivKey.Bytes())},
		{h.validatorKeyFile(), func() (string, error) {
			key, err := h.validatorKey()
			if err != nil {
				return "", err
			}
			return string(key.PrivKey.Bytes()) + string(key.PubKey.Bytes()), nil
		}, string(validator.PrivKey.Bytes()) + string(validator.PubKey.Bytes())},
	} {
		sound := readFile(t, tc.path)
		refused := 0
		for bit := range 8 * len(sound) {
			b := bytes.Clone(sound)
			b[bit/8] ^= 1 << (bit % 8)
			replaceFile(t, tc.path, b)
			got, err := tc.read()
			if err != nil {
				refused++
			} else if got != tc.want {
				t.Errorf("%s: bit %d gives another key", tc.path, bit)
			}
		}
		replaceFile(t, tc.path, sound)
		if refused == 0 {
			t.Errorf("%s: nothing is refused", tc.path)
		}
	}
}
