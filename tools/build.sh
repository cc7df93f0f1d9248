#!/usr/bin/env bash
# Builds packages as `go build` does, and says how far it is:
#
#	tools/build.sh -o DIRECTORY [FLAG...] PACKAGE...
#
# Go compiles for minutes without a word when its cache is empty. On a terminal one
# line is written over and over, elsewhere a line every 15 seconds, and nothing when
# there is next to nothing to do.
set -euo pipefail

packages=()
for argument in "$@"; do
	case $argument in ./*) packages+=("$argument") ;; esac
done
total=$(go list -deps "${packages[@]}" | wc -l)
total=$((total)) # some wc pad with blanks

terminal=false
[ ! -t 1 ] || terminal=true
start=$SECONDS shown=$SECONDS compiled=0 announced=false

# The names of the packages come one a line; all else is for the reader.
go build -v "$@" 2>&1 | {
	while IFS= read -r line; do
		case $line in
		'' | '#'* | *[[:blank:]]*)
			if $terminal && $announced; then printf '\n'; fi
			printf '%s\n' "$line"
			continue
			;;
		esac
		compiled=$((compiled + 1))
		[ "$compiled" -gt 20 ] || continue
		if ! $announced; then
			echo "Compiling: the first time takes one to four minutes, later on it is seconds."
			announced=true
		fi
		if $terminal || [ $((SECONDS - shown)) -ge 15 ]; then
			text="compiled $compiled of at most $total packages, $((SECONDS - start)) s"
			if $terminal; then printf '\r%s\033[K' "$text"; else printf '%s\n' "$text"; fi
			shown=$SECONDS
		fi
	done
	if $terminal && $announced; then printf '\n'; fi
}
