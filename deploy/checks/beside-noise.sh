#!/usr/bin/env bash
# Runs a command beside neighbours that take turns at the processors and the disk: beside-noise.sh COMMAND...
# Tests and promises that only hold on a machine with nothing else to do show here: NEIGHBOURS=2 (as many busy loops at once),
# TURN=20 (seconds of work), PAUSE=5 (seconds without).
set -euo pipefail
(($# > 0)) || { echo "usage: beside-noise.sh COMMAND..." >&2; exit 2; }
neighbours=${NEIGHBOURS:-2} turn=${TURN:-20} pause=${PAUSE:-5}
folder=$(mktemp -d)

busy() { timeout "$turn" bash -c 'while :; do :; done'; }
writing() { timeout "$turn" dd if=/dev/zero of="$folder/file" bs=1M count=200 oflag=dsync conv=notrunc; }
neighbour() {
  while :; do
    "$1" >/dev/null 2>&1 || true
    sleep "$pause"
  done
}
export -f busy writing neighbour
export folder turn pause

started=()
start() {
  # In a process group of its own, so that all of it ends.
  setsid bash -c "neighbour $1" &
  started+=("$!")
}
stop() {
  for pid in "${started[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for ((n = 0; n < neighbours; n++)); do start busy; done
start writing
"$@"
