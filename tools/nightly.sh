#!/usr/bin/env bash
# Runs the slow suites one after another and records the commit, result and duration of
# each in docs/nightly/DATE.md. A failure does not stop the suites after it; the script
# fails at the end. Arguments name the make targets to run; the default is all of them.
# A later run on the same day appends to the day's file, so the suites can be spread out.
set -uo pipefail
cd "$(dirname "$0")/.."

suites=("$@")
[ "${#suites[@]}" -gt 0 ] || suites=(lint generate-check long-units long-networks race-units race-networks crash-long mutation e2e dist-check fuzz flakes bench)

# Seconds for all fuzz targets; the Makefile's default is meant for each change.
export FUZZTIME=${FUZZTIME:-3600}

commit=$(git describe --always)
git diff --quiet HEAD -- . ':!docs/nightly' ':!docs/flakes' || commit+=-dirty

file=docs/nightly/$(date -u +%F).md
logs=bin/nightly
mkdir -p docs/nightly "$logs"
if [ ! -e "$file" ]; then
	printf '# Nightly run, %s\n\n%s, %s cores.\n\n| suite | commit | result | time |\n|---|---|---|---|\n' \
		"$(date -u +%F)" "$(go version | cut -d' ' -f3-)" "$(getconf _NPROCESSORS_ONLN)" >"$file"
fi

failed=0
for suite in "${suites[@]}"; do
	start=$SECONDS
	log=$logs/$suite.log
	name=$suite
	[ "$suite" != fuzz ] || name="fuzz FUZZTIME=$FUZZTIME"
	echo "=== make $name"
	if make "$suite" 2>&1 | tee "$log"; then
		result=passed
	else
		result="**failed**: $(grep -E '^(--- FAIL|FAIL|panic:)' "$log" | sort -u | head -5 | tr '\n|' ';/')"
		failed=1
	fi
	echo "| \`make $name\` | $commit | $result | $((SECONDS - start)) s |" >>"$file"
	echo "=== make $name: $result"
done
exit "$failed"
