package database

import (
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"hullmark/database/internal/chunk"
)

// newestMark is the name of our mark that says which journal is the newest, and how long
// it was when the database was closed in order; 0 while it is open.
const newestMark = "journal"

// newest makes sure that the newest journal is missed when somebody has removed it, or a
// part of it. To Pebble that looks like a database into which nothing was written.
type newest struct {
	mu   sync.Mutex
	mark mark
}

func newNewest(files vfs.FS, dir string) *newest {
	return &newest{mark: mark{files: files, dir: dir, name: newestMark}}
}

// made is called when a journal has been made.
func (n *newest) made(journal string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mark.move(journal, 0)
}

// removes is called before a file is removed. Of the newest journal that is so while a
// database is opened: its entries are in tables by then, and the next one is not there yet.
func (n *newest) removes(file string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if is, err := n.mark.isOf(file); !is || err != nil {
		return err
	}
	return n.mark.move("", 0)
}

// closed is called when the database was closed in order.
func (n *newest) closed() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.mark.locate(); err != nil {
		return err
	}
	name, _, _ := strings.Cut(n.mark.value, ":")
	number, ok := journalNumber(name)
	if !ok {
		return nil
	}
	b, err := readFile(n.mark.files, n.mark.files.PathJoin(n.mark.dir, name))
	if err != nil {
		return err
	}
	return n.mark.move(name, int64(chunk.Journal(uint32(number)).Valid(b, 0)))
}

// close frees what is open.
func (n *newest) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mark.close()
}
