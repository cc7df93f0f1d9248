package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
)

// maxClientSize bounds the client's program in bytes, as make build makes it for 64-bit
// PCs. Most of it is what CometBFT's types bring along (TestKnownLinks).
const maxClientSize = 22_500_000

// TestSize: a client is downloaded to many machines, and what it links without need shows
// in its size first.
func TestSize(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("links a program, whose size is known for linux/amd64")
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`(?m)^BUILD_FLAGS := -buildvcs=false -ldflags '(.*)-X [^']*'$`).FindSubmatch(makefile)
	if flags == nil {
		t.Fatal("the Makefile has no BUILD_FLAGS as expected")
	}
	program := filepath.Join(t.TempDir(), "hullmark")
	cmd := exec.Command("go", "build", "-ldflags", string(flags[1]), "-o", program, "./cmd/hullmark")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxClientSize {
		t.Errorf("hullmark has %d bytes, at most %d", info.Size(), maxClientSize)
	}
	t.Logf("%d bytes", info.Size())
}
