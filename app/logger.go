package app

import (
	"io"
	"log/slog"

	cmtlog "github.com/cometbft/cometbft/libs/log"

	"hullmark/printable"
)

func parseLevel(s string) (slog.Level, error) {
	var l slog.Level
	err := l.UnmarshalText([]byte(s))
	return l, err
}

// newLogger returns the node's logger and the engine's, which write to one place
// in one form. What peers and users say stands in logs too, so nothing goes there that
// a terminal would obey. stopping says whether a stop that was asked for is under way.
func newLogger(w io.Writer, c LogConfig, stopping func() bool) (node *slog.Logger, engine cmtlog.Logger, err error) {
	handler := func(level string) (slog.Handler, error) {
		l, err := parseLevel(level)
		if err != nil {
			return nil, err
		}
		o := &slog.HandlerOptions{Level: l}
		if c.Format == "json" {
			return slog.NewJSONHandler(printable.JSONWriter(w), o), nil
		}
		return slog.NewTextHandler(printable.Writer(w), o), nil
	}
	own, err := handler(c.Level)
	if err != nil {
		return nil, nil, err
	}
	other, err := handler(c.EngineLevel)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(own), engineLogger{slog.New(other), quietLines(), stopping}, nil
}

// engineLogger gives CometBFT a slog.Logger.
type engineLogger struct {
	*slog.Logger
	quiet    []quietLine
	stopping func() bool
}

// Error implements CometBFT's Logger.
func (l engineLogger) Error(message string, keyvals ...any) {
	if quiet(l.quiet, l.stopping(), message, keyvals) {
		l.Info(message, keyvals...)
		return
	}
	engine := l.Logger // the message is the engine's own
	engine.Error(message, keyvals...)
}

// With implements CometBFT's Logger.
func (l engineLogger) With(keyvals ...any) cmtlog.Logger {
	return engineLogger{l.Logger.With(keyvals...), l.quiet, l.stopping}
}
