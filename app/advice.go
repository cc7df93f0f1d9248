package app

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/spf13/viper"

	"hullmark/database"
)

// Advised is an error with what to do about it, which names files and a command.
type Advised struct {
	Err    error
	Advice string
}

// Error implements error.
func (e *Advised) Error() string { return e.Err.Error() }

// Unwrap serves errors.Is and errors.As.
func (e *Advised) Unwrap() error { return e.Err }

func advise(err error, format string, args ...any) error {
	return &Advised{Err: err, Advice: fmt.Sprintf(format, args...)}
}

// readTOML reads a configuration file (ErrConfig).
func (h Home) readTOML(v *viper.Viper, path, remedy string) error {
	err := v.ReadInConfig()
	var syntax viper.ConfigParseError
	switch {
	case errors.As(err, &syntax):
		where := path
		var at interface{ Position() (row, column int) }
		if errors.As(err, &at) {
			row, column := at.Position()
			where = fmt.Sprintf("%s, line %d, column %d", path, row, column)
		}
		return advise(fmt.Errorf("couldn't read configuration %s: %w: %w", where, ErrConfig, syntax.Unwrap()),
			"correct %s; %s", where, remedy)
	case errors.Is(err, fs.ErrPermission):
		return h.notOurs(path, err)
	case err != nil:
		return fmt.Errorf("couldn't read configuration: %w", err)
	}
	return nil
}

// damaged marks an error of a database, unless it says that something else is wrong, and
// says what to do (ErrDamagedData).
func (h Home) damaged(err error) error {
	for _, other := range []error{
		fs.ErrPermission, syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.EROFS, syscall.ENOMEM,
	} {
		if errors.Is(err, other) {
			return err
		}
	}
	if errors.Is(err, database.ErrLevelDB) {
		return advise(err, "run `hullmarkd resync --home %s` and start the node: it fetches everything again from the others", h)
	}
	if !errors.Is(err, ErrDamagedData) {
		err = fmt.Errorf("%w: %w", ErrDamagedData, err)
	}
	return advise(err, "run `hullmarkd fsck --home %s`, then what it says; the data is in %s", h, h.dataDir())
}

// undamaged runs a step of the engine, which panics over data that it cannot read.
func (h Home) undamaged(step func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case error:
			err = h.damaged(fmt.Errorf("the engine cannot go on: %w", p))
		default:
			err = h.damaged(fmt.Errorf("the engine cannot go on: %v", p))
		}
	}()
	return step()
}
