package cli_test

import (
	"errors"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/spf13/pflag"

	"hullmark/internal/cli"
)

// TestDir chooses directories in every environment. What is not named lies in a home
// that is known, never in the working directory.
func TestDir(t *testing.T) {
	homeVariable := cli.HomeVariable(runtime.GOOS)
	home := t.TempDir()
	for _, tc := range []struct {
		name, home, variable string
		args                 []string
		want                 string
		none, usage          bool
	}{
		{name: "default", home: home, want: filepath.Join(home, ".thing")},
		{name: "variable", home: home, variable: "/else", want: "/else"},
		{name: "flag", home: home, variable: "/else", args: []string{"--dir", "here"}, want: "here"},
		{name: "no home", none: true},
		{name: "relative home", home: ".", none: true},
		{name: "relative folder as home", home: "checkout/home", none: true},
		{name: "no home but a variable", variable: "/else", want: "/else"},
		{name: "no home but a flag", args: []string{"--dir", "/else"}, want: "/else"},
		{name: "empty flag", home: home, args: []string{"--dir="}, usage: true},
		{name: "empty flag before a variable", home: home, variable: "/else", args: []string{"--dir="}, usage: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv(homeVariable, tc.home)
			t.Setenv("THING", tc.variable)
			var d cli.Dir
			flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
			d.Var(flags, "dir", "THING", ".thing", "where")
			if err := flags.Parse(tc.args); err != nil {
				t.Fatal(err)
			}
			got, err := d.Path()
			if got != tc.want || errors.Is(err, cli.ErrNoUserDir) != tc.none || cli.IsUsage(err) != tc.usage || (err != nil) != (tc.none || tc.usage) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestHomeVariable(t *testing.T) {
	for goos, want := range map[string]string{"linux": "HOME", "darwin": "HOME", "windows": "USERPROFILE"} {
		if got := cli.HomeVariable(goos); got != want {
			t.Errorf("%s: %s", goos, got)
		}
	}
}
