#!/usr/bin/env bash
# Builds the archives of a release twice, in two checkouts of this commit that have nothing
# in common but the modules that were fetched, and compares their bytes. Run by "make
# dist-check"; PLATFORMS names the platforms.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Somebody may commit meanwhile.
commit=$(git rev-parse HEAD)

# The two differ in path, home, language, time zone, umask and what has been compiled.
build() {
	git clone -q . "$work/$1"
	git -C "$work/$1" checkout -q "$commit"
	env -u SOURCE_DATE_EPOCH -u VERSION GOENV="$(go env GOENV)" GOMODCACHE="$(go env GOMODCACHE)" GOCACHE="$work/cache-$1" \
		HOME="$work/home-$1" LC_ALL="$2" TZ="$3" bash -c "umask $4 && make -s -C '$work/$1' dist"
	rm -rf "$work/cache-$1"
}
build one C UTC 022
build and-another-one C.UTF-8 Pacific/Auckland 077

cd "$work/and-another-one/bin/dist"
sha256sum -c --quiet "$work/one/bin/dist/checksums.txt"
diff -r "$work/one/bin/dist" .
cat checksums.txt
