#!/usr/bin/env bash
# Installs what "make man" has built into a temporary folder, as those who package it do,
# tries what is there, and takes it away again: no file may be left. Run by "make
# install-check".
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
	echo "install-check: $*" >&2
	exit 1
}

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
prefix=/usr/local

(umask 077 && make --no-print-directory -s install DESTDIR="$stage" PREFIX=$prefix)
cd "$stage$prefix"

# Everybody can run and read it, whatever the umask of who installed it.
[ -z "$(find . -type d ! -perm 755)" ] || fail "folders that not everybody may enter: $(find . -type d ! -perm 755)"
[ -z "$(find bin -type f ! -perm 755)" ] || fail "programs that not everybody may run"
[ -z "$(find share -type f ! -perm 644)" ] || fail "files that not everybody may read"

for program in hullmark hullmarkd; do
	version=$(bin/$program version)
	grep -qF "$program" <<<"$version" || fail "$program version says $version"
	for file in man/man1/$program.1 bash-completion/completions/$program zsh/site-functions/_$program \
		fish/vendor_completions.d/$program.fish hullmark/$program.ps1; do
		[ -s "share/$file" ] || fail "share/$file is missing"
	done
	bash -n "share/bash-completion/completions/$program"
done
! grep -rqF "$HOME/.hullmark" share || fail "the manual names the home of $USER"

# What the shell asks the program while somebody types.
completed=$(PATH="$PWD/bin:$PATH" bash -c '
	# What the package bash-completion has, which need not be installed.
	_init_completion() { words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}; }
	source share/bash-completion/completions/hullmark
	COMP_WORDS=(hullmark verif) COMP_CWORD=1 COMP_TYPE=9 COMP_LINE="hullmark verif" COMP_POINT=14
	compopt() { :; }
	__start_hullmark
	printf "%s\n" "${COMPREPLY[@]}"')
[ "${completed%% *}" = verify ] || fail "hullmark verif is completed to '$completed'"

if command -v man >/dev/null; then
	page=$(MANPAGER=cat MANWIDTH=80 man -l share/man/man1/hullmark-verify.1 2>/dev/null) || page=
	# Where manuals are left out, as in many container images, man says so and nothing else.
	[ -z "$page" ] || grep -q SYNOPSIS <<<"$page" || echo "install-check: man shows no page on this machine"
fi

# The unit for systemd starts what is installed.
started=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$OLDPWD/networks/systemd/hullmarkd.service")
[ -x "$stage$started" ] || fail "the unit starts $started, which is not installed"

cd "$OLDPWD"
make --no-print-directory -s uninstall DESTDIR="$stage" PREFIX=$prefix
left=$(find "$stage" ! -type d)
[ -z "$left" ] || fail "left behind: $left"
make --no-print-directory -s uninstall DESTDIR="$stage" PREFIX=$prefix
