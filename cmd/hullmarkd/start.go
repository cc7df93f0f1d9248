package main

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
)

func newStart(home func() (app.Home, error)) *cobra.Command {
	var address, level string
	var doubleSign int64
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Run the node",
		Long: `Start runs the node of a home until it is interrupted or fails. It ends with a
non-zero status when consensus has failed, so that a supervisor can restart it;
while other validators are down it runs on and answers what it can prove. With a clock
more than five seconds behind the newest block it takes no part: before it begins it
waits, answers, and is not ready; while it runs it ends with status 8.

After moving a validator key, start once with --check-double-sign: the node then takes
no part while one of that many newest blocks carries its signature, since the key may
still be at work elsewhere. Never use it otherwise: it keeps a node from coming back.

JSON: none but an error; the log goes to standard error, as log.format says.`,
		Example: `  hullmarkd start
  hullmarkd start --home /var/lib/hullmarkd --check-double-sign 10    # once, after a move`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			c, err := app.LoadConfig(h)
			if err != nil {
				return err
			}
			if doubleSign < 0 {
				return cli.Usage("--check-double-sign %d; name a number of blocks", doubleSign)
			}
			if cmd.Flags().Changed("http-address") {
				c.HTTP.Address = address
			}
			if cmd.Flags().Changed("log-level") {
				c.Log.Level = level
			}
			if err := c.Validate(); err != nil {
				return cli.UsageError(err)
			}
			registry := prometheus.NewRegistry()
			registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
			n, err := app.Open(h, app.Options{
				Config: c, Version: buildinfo.Version(), Log: cmd.ErrOrStderr(), Registry: registry, CheckDoubleSign: doubleSign,
			})
			if err != nil {
				return err
			}
			if err := n.Start(); err != nil {
				return errors.Join(err, n.Stop())
			}
			if err := n.Wait(cmd.Context()); err != nil {
				// The engine may hold locks it will never give up: leave as a crash
				// would, which loses nothing.
				return err
			}
			return n.Stop()
		},
	}
	d := app.DefaultConfig()
	cmd.Flags().StringVar(&address, "http-address", d.HTTP.Address, "address of the HTTP API, instead of the configured one")
	cmd.Flags().Int64Var(&doubleSign, "check-double-sign", 0, "take no part while one of this many newest blocks carries the validator's signature")
	cmd.Flags().StringVar(&level, "log-level", d.Log.Level, "debug, info, warn or error, instead of the configured one")
	return cmd
}
