package crash

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"hullmark/app"
)

// disk is a file system of its own in a file.
type disk struct {
	t     *testing.T
	image string
	dir   string // where it is mounted
	// mounted is false between losing power and getting it back.
	mounted bool
}

// newDisk makes and mounts a disk. It skips the test where that is not allowed.
func newDisk(t *testing.T, megabytes int64) *disk {
	t.Helper()
	if testing.Short() {
		t.Skip("runs real processes")
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a disk")
	}
	if _, err := exec.LookPath("mkfs.ext4"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("mkfs.ext4 is not installed")
		}
		t.Skip("mkfs.ext4 is not installed")
	}
	base, err := os.MkdirTemp("", "crash-disk-")
	if err != nil {
		t.Fatal(err)
	}
	d := &disk{t: t, image: filepath.Join(base, "image"), dir: filepath.Join(base, "mnt")}
	t.Cleanup(func() {
		if d.mounted {
			if err := d.unmount(); err != nil {
				t.Errorf("couldn't unmount %s: %v", d.dir, err)
				return // it still holds the image
			}
		}
		if err := os.RemoveAll(base); err != nil {
			t.Error(err)
		}
	})
	if err := errors.Join(os.Mkdir(d.dir, 0o700), os.WriteFile(d.image, nil, 0o600), os.Truncate(d.image, megabytes<<20)); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", "-F", "-m", "0", d.image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
	if out, err := d.mount(); err != nil {
		t.Skipf("couldn't mount a disk here: %v: %s", err, out)
	}
	return d
}

func (d *disk) mount() ([]byte, error) {
	out, err := exec.Command("mount", "-o", "loop", d.image, d.dir).CombinedOutput()
	d.mounted = err == nil
	return out, err
}

// unmount waits for whoever still has something open there.
func (d *disk) unmount() error {
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := syscall.Unmount(d.dir, 0)
		if err == nil {
			d.mounted = false
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
			return err
		}
	}
}

// losePower does to the disk what a power failure does: whatever was not synced is
// gone, in part or whole, and nothing can be written any more.
func (d *disk) losePower() {
	d.t.Helper()
	const (
		ext4Shutdown = 0x8004587d // EXT4_IOC_SHUTDOWN: _IOR('X', 125, __u32)
		noFlush      = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH
	)
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	how := uint32(noFlush)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&how))); errno != 0 {
		d.t.Fatalf("couldn't take the power away: %v", errno)
	}
}

// restorePower finds what is left on the disk.
func (d *disk) restorePower() {
	d.t.Helper()
	if err := d.unmount(); err != nil {
		d.t.Fatal(err)
	}
	if out, err := d.mount(); err != nil {
		d.t.Fatalf("couldn't mount after the power failure: %v\n%s", err, out)
	}
}

// TestPowerLoss takes the power from all nodes of a network at once, at random
// moments while publishers publish. Nodes must not rely on anything they did not
// sync: whatever was acknowledged is provable at every node afterwards.
func TestPowerLoss(t *testing.T) {
	r := newRand(t)
	d := newDisk(t, 512)
	t.Setenv("TMPDIR", d.dir) // where the homes of the nodes will be
	n := newNetwork(t, "power")
	syscall.Sync() // the homes were made long ago
	all := func(start func(i int, point string)) {
		for i := range n.Nodes {
			start(i, "")
		}
	}
	all(n.startAt)
	for i := range n.Nodes {
		n.Provable(1, i)
	}
	n.findAnchor()
	l := newLoad(n)
	rounds := 0
	for end := time.Now().Add(faultTime(t, 15*time.Second)); rounds < 3 || time.Now().Before(end); rounds++ {
		l.start()
		before := l.count()
		n.Until("publishes are acknowledged", func() bool { return l.count() > before+2 })
		time.Sleep(time.Duration(r.IntN(700)) * time.Millisecond) // any moment will do
		d.losePower()
		l.stop()
		for i := range n.Nodes {
			n.End(i)
		}
		d.restorePower()
		all(n.startAt)
		l.check(t)
	}
	t.Logf("%d power failures", rounds)
	n.StopAll()
}

// TestDiskFull lets the disk of one node run full. The node ends with an error that
// says so, the others go on, and once there is room it comes back with all it had.
func TestDiskFull(t *testing.T) {
	const victim, witness = 3, 0
	d := newDisk(t, 64)
	n := newNetwork(t, "full")
	home := app.Home(filepath.Join(d.dir, "home"))
	if err := os.CopyFS(string(home), os.DirFS(string(n.Nodes[victim].Home))); err != nil {
		t.Fatal(err)
	}
	// CopyFS makes files as the umask says; keys must be private.
	if out, err := exec.Command("chmod", "-R", "go=", string(home)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n.Nodes[victim].Home = home
	n.StartAll()
	n.register(n.URLs()[:victim]...)
	n.back(victim)
	filler := filepath.Join(d.dir, "filler")
	for round := range 3 {
		n.run(t, fmt.Sprint(round), func(t *testing.T) {
			fill(t, filler)
			for n.Running(victim) {
				n.publish() // the others go on, and it must write
			}
			if code := n.Ended(victim); code != 1 {
				t.Errorf("ended with %d", code)
			}
			if said := n.Logs.Said(victim); !strings.Contains(said, "hullmarkd: error: ") || !strings.Contains(said, "no space left on device") || !strings.Contains(said, "hint: free space") {
				t.Errorf("said: %s", said)
			}
			// Starting again makes it no worse, whether it works for a moment or not.
			n.Start(victim)
			for n.Running(victim) {
				n.publish()
			}
			if code := n.Ended(victim); code != 1 {
				t.Errorf("ended with %d when started on a full disk", code)
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			n.checkDead(victim, witness)
			n.Start(victim)
			n.publish()
			n.back(victim)
		})
	}
	n.StopAll()
}

// fill writes a file until there is no room for another byte.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; {
		_, err := f.Write(make([]byte, size))
		if errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil && !errors.Is(err, io.ErrShortWrite) {
		t.Fatal(err)
	}
}
