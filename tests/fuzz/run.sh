#!/usr/bin/env bash
# Runs every fuzz target in turn, SECONDS_IN_ALL seconds (60) in all and at least two each.
#
#   tests/fuzz/run.sh [SECONDS_IN_ALL]
#
# A target that fails stops the run, with one exception. Before Go 1.27 the coordinator
# of "go test -fuzz" can report its own deadline as a failure of the target
# (https://go.dev/issue/75804). Such a failure says "context deadline exceeded" and
# nothing else, and writes no input. The target is then run once more; a second failure of
# any kind counts. Drop this when go.mod asks for Go 1.27.
set -euo pipefail
cd "$(dirname "$0")/../.."

output=$(mktemp)
trap 'rm -f "$output"' EXIT

# Each target runs in its own folder, whatever module that belongs to.
fuzz() { # package target seconds
	go test -C "$1" -run '^$' -fuzz "^$2\$" -fuzztime "${3}s" -fuzzminimizetime 10x . 2>&1 | tee "$output"
}

# only_deadline tells whether what the target printed, less the progress, is that report.
only_deadline() {
	diff -q <(grep -vE '^fuzz: elapsed: |^(FAIL|exit status|ok)([[:space:]]|$)' "$output" |
		sed -E 's/^(--- FAIL: [A-Za-z0-9_]+) \([0-9.]+s\)$/\1/') \
		<(printf -- '--- FAIL: %s\n    context deadline exceeded\n' "$1") >/dev/null
}

targets=$(grep -rE --include='*_test.go' --exclude-dir=bin '^func Fuzz[A-Za-z0-9_]*\(' . |
	sed -E 's|^(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | sort -u)
count=$(grep -c . <<<"$targets")
each=$((${1:-60} / count))
each=$((each < 2 ? 2 : each))
echo "$count targets, $each s each"

while read -r package target; do
	echo "== $package $target"
	if ! fuzz "$package" "$target" "$each"; then
		only_deadline "$target" || exit 1
		echo "== $package $target: once more, Go took its own deadline for a failure"
		fuzz "$package" "$target" "$each"
	fi
done <<<"$targets"
