// Package buildinfo tells which build is running.
package buildinfo

import "runtime/debug"

// Stamp is set by the linker (see the Makefile); empty in other builds.
var Stamp string

// Version returns the version of this build: the linker's stamp, else what the
// toolchain recorded, else "devel".
func Version() string {
	if Stamp != "" {
		return Stamp
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "devel"
}
