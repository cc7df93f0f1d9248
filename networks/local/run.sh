#!/usr/bin/env bash
# Runs a network of separate processes on this machine until it is interrupted:
#
#	networks/local/run.sh [VALIDATORS [DIRECTORY]]
#
# Each node has a home below the directory and writes its log there. Started again
# with the same directory it goes on where it stopped.
set -euo pipefail
validators=${1:-4}
dir=${2:-bin/local-network}
hullmarkd=${HULLMARKD:-bin/hullmarkd}

[ -x "$hullmarkd" ] || { echo "run.sh: $hullmarkd is missing; run make build first" >&2; exit 1; }
if [ ! -e "$dir/node0/config/genesis.json" ]; then
	"$hullmarkd" testnet --validators "$validators" --starting-port "${STARTING_PORT:-26656}" --dir "$dir"
fi

pids=()
stop() {
	trap - INT TERM EXIT
	[ "${#pids[@]}" -eq 0 ] || kill -TERM "${pids[@]}" 2>/dev/null || true
	wait
}
trap stop INT TERM EXIT
for home in "$dir"/node*; do
	"$hullmarkd" start --home "$home" >>"$home/node.log" 2>&1 &
	pids+=($!)
	echo "$home: process $!, log $home/node.log"
done
# A node that ends by itself is news; the others go on.
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do
	wait -n || echo "run.sh: a node has ended with status $?; see its log" >&2
done
